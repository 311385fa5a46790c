from odoo import fields, models
from odoo.exceptions import UserError

from .cra_candidate import PREFLIGHT_STATES


class CraGenerateLine(models.TransientModel):
    """One row of the preflight list."""

    _name = "cra.generate.line"
    _description = "Activity Report to Generate"
    _order = "id"  # what needs attention was put first

    wizard_id = fields.Many2one(
        comodel_name="cra.generate",
        required=True,
        index=True,
        ondelete="cascade",
        export_string_translation=False,
    )
    policy_id = fields.Many2one(comodel_name="cra.policy", readonly=True)
    partner_id = fields.Many2one(
        comodel_name="res.partner", string="Customer", readonly=True
    )
    project_id = fields.Many2one(comodel_name="project.project", readonly=True)
    employee_id = fields.Many2one(
        comodel_name="hr.employee", string="Consultant", readonly=True
    )
    date_from = fields.Date(string="From", readonly=True)
    date_to = fields.Date(string="To", readonly=True)
    hours = fields.Float(string="Time", readonly=True)
    missing_hours = fields.Float(
        string="Missing",
        readonly=True,
        help="Time its consultants still have to enter, over all projects, against "
        "their working hours less public holidays and leaves.",
    )
    missing_days = fields.Float(
        readonly=True,
        help="Days its consultants still have to enter; where hours are entered, the "
        "days of work without any entry.",
    )
    approver_ids = fields.Many2many(
        comodel_name="res.partner", string="Approvers", readonly=True
    )
    state = fields.Selection(selection=PREFLIGHT_STATES, readonly=True)
    explanation = fields.Text(string="What Is Missing", readonly=True)
    report_id = fields.Many2one(
        comodel_name="cra.report", string="Activity Report", readonly=True
    )
    is_chosen = fields.Boolean(export_string_translation=False)

    # === ACTION METHODS === #

    def action_generate(self):
        """Make the drafts of the selected rows, else of all that the list shows.

        :raise UserError: there is nothing to report
        """
        return self._get_wizard()._action_generate(self._get_shown())

    def action_remind(self):
        """Remind the consultants of these rows, else of all that the list shows, of
        the time they still have to enter."""
        return self._get_wizard()._action_remind(self._get_shown())

    def action_choose_period(self):
        """Ask for other filters, or another period."""
        return self._get_wizard().action_choose_period()

    def action_show_next_period(self):
        """Show the period after this one."""
        return self._get_wizard().action_show_period(1)

    def action_show_previous_period(self):
        """Show the period before this one."""
        return self._get_wizard().action_show_period(-1)

    def action_mend(self):
        """Open what mends this row: the report, a contact, the project or the time."""
        self.ensure_one()
        if self.state == "no_email":
            nameless = self.approver_ids.filtered(lambda partner: not partner.email)
            return nameless[:1]._get_records_action()
        if self.state == "no_approver":
            view = self.env.ref("sale_timesheet_cra.project_project_view_form_cra")
            return self.project_id._get_records_action(views=[(view.id, "form")])
        if self.report_id and self.state != "incomplete":
            return self.report_id._get_records_action()
        return self._get_timesheet_action()

    # === BUSINESS METHODS === #

    def _get_shown(self):
        """Return the selected rows, else those the list shows.

        The web client sends the domain of the list along with its buttons.
        """
        domain = self.env.context.get("active_domain")
        return self.search(domain) if not self and domain else self

    def _get_wizard(self):
        """Return the preflight these rows belong to; an empty list names it itself.

        :raise UserError: it was deleted after some days
        """
        wizard_id = self.env.context.get("default_wizard_id")
        wizard = self.wizard_id[:1] or self.env["cra.generate"].browse(wizard_id)
        if not wizard.exists():
            raise UserError(
                self.env._(
                    "This list is out of date. Choose Generate Activity Reports in the "
                    "menu to make it anew."
                )
            )
        return wizard

    def _get_timesheet_action(self):
        """Open the timesheets of this row: what is there, and what is missing."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "hr_timesheet.timesheet_action_all"
        )
        domain = [("date", ">=", self.date_from), ("date", "<=", self.date_to)]
        context = {"default_date": fields.Date.to_string(self.date_from)}
        if self.employee_id and self.state in ("incomplete", "nothing"):
            # All projects: the missing time may belong to any of them.
            domain += [("project_id", "!=", False)]
        else:
            domain += [("project_id", "=", self.project_id.id)]
        if self.state == "no_employee":
            domain += [("employee_id", "=", False)]
        elif self.employee_id:
            domain += [("employee_id", "=", self.employee_id.id)]
            context["default_employee_id"] = self.employee_id.id
        context["default_project_id"] = self.project_id.id
        return {**action, "domain": domain, "context": context}
