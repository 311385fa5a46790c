from odoo import fields, models

from .cra_candidate import PREFLIGHT_STATES


class CraGenerateLine(models.TransientModel):
    """One row of the preflight list."""

    _name = "cra.generate.line"
    _description = "Activity Report to Generate"

    wizard_id = fields.Many2one(
        comodel_name="cra.generate",
        required=True,
        index=True,
        ondelete="cascade",
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
    hours = fields.Float(readonly=True)
    missing_hours = fields.Float(
        readonly=True,
        help="Hours its consultants still have to enter, over all projects, against "
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
    report_id = fields.Many2one(
        comodel_name="cra.report", string="Activity Report", readonly=True
    )

    # === ACTION METHODS === #

    def action_mend(self):
        """Open what mends this row: the report, a contact, the project or the time."""
        self.ensure_one()
        if self.state == "no_email":
            return self.approver_ids.filtered(lambda partner: not partner.email)[
                :1
            ]._get_records_action()
        if self.state == "no_approver":
            return self.project_id._get_records_action()
        if self.state in ("incomplete", "nothing", "no_employee"):
            return self._get_timesheet_action()
        return (self.report_id or self.project_id)._get_records_action()

    def action_remind(self):
        """Remind the consultants of this row of the time they still have to enter."""
        self.ensure_one()
        return self.wizard_id._action_remind(self)

    # === BUSINESS METHODS === #

    def _get_timesheet_action(self):
        """Open the timesheets that are missing, or miss their consultant."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "hr_timesheet.timesheet_action_all"
        )
        domain = [("date", ">=", self.date_from), ("date", "<=", self.date_to)]
        context = {"default_date": fields.Date.to_string(self.date_from)}
        if self.state == "no_employee":
            domain += [("project_id", "=", self.project_id.id)]
            domain += [("employee_id", "=", False)]
        elif self.employee_id:
            # All projects: the missing time may belong to any of them.
            domain += [("project_id", "!=", False)]
            domain += [("employee_id", "=", self.employee_id.id)]
            context["default_employee_id"] = self.employee_id.id
            context["default_project_id"] = self.project_id.id
        else:
            domain += [("project_id", "=", self.project_id.id)]
            context["default_project_id"] = self.project_id.id
        return {**action, "domain": domain, "context": context}
