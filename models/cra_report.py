from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from .cra_policy import CRA_GATES, CRA_IDENTITIES

CRA_STATES = [
    ("draft", "Draft"),
    ("review", "In Review"),
    ("sent", "Sent"),
    ("approved", "Agreed"),
    ("refused", "Refused"),
    ("superseded", "Superseded"),
    ("cancelled", "Cancelled"),
]
WORKING_STATES = ("draft", "review")
CURRENT_STATES = ("sent", "approved", "refused")
#: The columns of the board, with or without reports in them.
BOARD_STATES = ("draft", "sent", "approved", "refused")
#: Which state may follow which. Whatever is not here is refused, sudo included.
TRANSITIONS = {
    "draft": ("review", "sent", "cancelled"),
    "review": ("draft", "sent", "cancelled"),
    "sent": ("approved", "refused", "superseded", "cancelled"),
    "approved": ("superseded",),
    "refused": ("superseded", "cancelled"),
    "superseded": (),
    "cancelled": ("draft",),  # unless it was sent: then it stays as it is
}
#: What may be written on a report that was sent: its fate, never its content.
LIVE_FIELDS = frozenset(
    ("state", "approval_kind", "decided_on", "customer_reference", "user_id")
    + ("signed_document_id", "has_drifted", "checked_on", "access_token")
    + ("deadline", "clock_state", "clock_started_on", "days_left", "question_on")
    + ("recall_note", "paper_document_id", "paper_signed_by", "paper_signed_on")
    + ("paper_user_id",)
)
#: Of these, what is written once: later it is evidence as well.
WRITTEN_ONCE = frozenset(
    ("approval_kind", "decided_on", "customer_reference", "signed_document_id")
    + ("paper_document_id", "paper_signed_by", "paper_signed_on", "paper_user_id")
)
#: What a user may write on a draft; everything else is written by the addon itself.
USER_FIELDS = frozenset(("line_ids", "user_id"))
#: The kind of all activities of reports.
ACTIVITY_TYPE = "mail.mail_activity_data_todo"
TERMS = (
    ("time_unit", "approval_mode", "identity", "invoice_gate", "employee_display")
    + ("deadline_days", "deadline_unit", "on_deadline", "tacit_clause")
    + ("reminder_before_days", "reminder_every_days")
)


class CraReport(models.Model):
    """Time of one period that one customer is told of and agrees to.

    ============  ==================================================================
    Who           May
    ============  ==================================================================
    Consultant    read their own reports
    Approver      generate, edit, send and correct those of the projects they see
    Administrator the same for all projects
    Accountant    read, create invoices
    Customer      read what was sent to them; agree or refuse as approver
    ============  ==================================================================
    """

    _name = "cra.report"
    _description = "Activity Report"
    _inherit = ["portal.mixin", "mail.thread", "mail.activity.mixin"]
    _order = "date_from desc, id desc"
    _check_company_auto = True

    name = fields.Char(
        string="Number",
        readonly=True,
        copy=False,
        index="trigram",
        help="Given when the report is sent.",
    )
    state = fields.Selection(
        selection=CRA_STATES,
        required=True,
        default="draft",
        index=True,
        readonly=True,
        tracking=True,
        copy=False,
        group_expand="_group_expand_states",
    )
    approval_kind = fields.Selection(
        selection=[
            ("customer", "By the customer"),
            ("tacit", "By silence"),
            ("internal", "On behalf of the customer"),
        ],
        string="Agreed",
        readonly=True,
        copy=False,
    )
    company_id = fields.Many2one(
        comodel_name="res.company",
        required=True,
        index=True,
        readonly=True,
    )
    policy_id = fields.Many2one(
        comodel_name="cra.policy",
        required=True,
        readonly=True,
        ondelete="restrict",
        groups="base.group_user",
    )
    partner_id = fields.Many2one(
        comodel_name="res.partner",
        string="Customer",
        required=True,
        index=True,
        readonly=True,
        ondelete="restrict",
    )
    project_id = fields.Many2one(
        comodel_name="project.project",
        required=True,
        index=True,
        readonly=True,
        ondelete="restrict",
        check_company=True,
    )
    employee_id = fields.Many2one(
        comodel_name="hr.employee",
        string="Consultant",
        index="btree_not_null",
        readonly=True,
        ondelete="restrict",
        groups="base.group_user",
        help="Empty when the report is on all consultants of the project.",
    )
    user_id = fields.Many2one(
        comodel_name="res.users",
        string="Responsible",
        index="btree_not_null",
        tracking=True,
        groups="base.group_user",
        help="Told about decisions and failures of this report.",
    )
    date_from = fields.Date(string="From", required=True, readonly=True)
    date_to = fields.Date(string="To", required=True, readonly=True)
    period_label = fields.Char(
        compute="_compute_period_label",
        string="Period",
        export_string_translation=False,
    )
    scope_key = fields.Char(
        required=True,
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Whose time this is about: customer, project, consultant.",
    )
    version = fields.Integer(
        default=1, required=True, readonly=True, copy=False, aggregator=None
    )
    previous_id = fields.Many2one(
        comodel_name="cra.report",
        string="Previous Version",
        index="btree_not_null",
        readonly=True,
        copy=False,
        ondelete="restrict",
    )
    next_ids = fields.One2many(
        comodel_name="cra.report",
        inverse_name="previous_id",
        string="Next Versions",
        readonly=True,
        groups="base.group_user",
    )
    line_ids = fields.One2many(
        comodel_name="cra.report.line",
        inverse_name="report_id",
        string="Lines",
        groups="base.group_user",
    )
    total_hours = fields.Float(
        compute="_compute_totals",
        store=True,
        string="Hours",
        help="Sum of the lines, in hours.",
    )
    total_days = fields.Float(
        compute="_compute_totals",
        store=True,
        string="Days",
        help="Total in Odoo's Day unit, rounded as on invoices.",
    )

    # Terms, copied from the policy: what is sent is read from here only.
    time_unit = fields.Selection(
        selection=[("hour", "Hours"), ("day", "Days")],
        readonly=True,
    )
    approval_mode = fields.Selection(
        selection=[
            ("none", "Nobody: sent for information"),
            ("any", "Any approver"),
            ("all", "All approvers"),
        ],
        string="Agreed by",
        readonly=True,
    )
    identity = fields.Selection(
        selection=CRA_IDENTITIES,
        string="Approvers Identified by",
        readonly=True,
    )
    invoice_gate = fields.Selection(
        selection=CRA_GATES,
        string="Invoicing",
        readonly=True,
        groups="base.group_user",
    )
    employee_display = fields.Selection(
        selection=[
            ("name", "Full name"),
            ("initials", "Initials"),
            ("job", "Job position"),
        ],
        readonly=True,
        groups="base.group_user",
    )

    approval_ids = fields.One2many(
        comodel_name="cra.approval",
        inverse_name="report_id",
        string="Approvals",
        readonly=True,
        groups="base.group_user",
    )
    approver_ids = fields.Many2many(
        comodel_name="res.partner",
        compute="_compute_approver_ids",
        compute_sudo=True,  # accountants do not read projects
        string="Approvers",
        groups="base.group_user",
        help="Who is asked to agree: before sending, who would be.",
    )
    sent_on = fields.Datetime(readonly=True, copy=False)
    decided_on = fields.Datetime(readonly=True, copy=False)
    customer_reference = fields.Char(readonly=True, copy=False, tracking=True)
    digest = fields.Char(readonly=True, copy=False)
    digest_version = fields.Integer(readonly=True, copy=False, aggregator=None)
    document_id = fields.Many2one(
        comodel_name="ir.attachment",
        string="Document Sent",
        readonly=True,
        copy=False,
        ondelete="restrict",
        groups="base.group_user",
    )
    signed_document_id = fields.Many2one(
        comodel_name="ir.attachment",
        string="Document with the Decision",
        readonly=True,
        copy=False,
        ondelete="restrict",
        groups="base.group_user",
    )
    locks_timesheets = fields.Boolean(
        compute="_compute_locks_timesheets",
        groups="base.group_user",
        export_string_translation=False,
    )

    _dates_check = models.Constraint(
        "CHECK(date_from <= date_to)",
        "The period must end after it starts.",
    )
    _current_uniq = models.UniqueIndex(
        "(company_id, scope_key, date_from, date_to) "
        "WHERE state IN ('sent', 'approved', 'refused')",
        "This time was already sent to the customer: correct that activity report.",
    )
    _working_uniq = models.UniqueIndex(
        "(company_id, scope_key, date_from, date_to) "
        "WHERE state IN ('draft', 'review')",
        "Somebody is already working on this activity report.",
    )

    # === COMPUTE METHODS === #

    @api.depends("name", "version", "project_id", "employee_id", "date_from", "state")
    def _compute_display_name(self):
        for report in self:
            # sudo: portal users may not read the consultant's record, only its label
            report_sudo = report.sudo()
            if report_sudo.name:
                version = f" v{report_sudo.version}" if report_sudo.version > 1 else ""
                report.display_name = f"{report_sudo.name}{version}"
                continue
            parts = (
                report_sudo.project_id.display_name,
                report_sudo.employee_id.name,
                report_sudo._get_period_label(),
            )
            report.display_name = " · ".join(part for part in parts if part)

    @api.model
    def _group_expand_states(self, states, domain):
        return [key for key, _ in CRA_STATES if key in BOARD_STATES or key in states]

    @api.depends("date_from", "date_to")
    @api.depends_context("lang")
    def _compute_period_label(self):
        for report in self:
            report.period_label = report._get_period_title()

    @api.depends(
        "sent_on",
        "approval_ids.partner_id",
        "partner_id.cra_approver_ids",
        "project_id.cra_approver_ids",
        "project_id.partner_id",
    )
    def _compute_approver_ids(self):
        for report in self:
            if report.sent_on:
                report.approver_ids = report.approval_ids.partner_id
            else:
                report.approver_ids = report.project_id._get_cra_approvers(
                    report.partner_id
                )

    @api.depends("line_ids.unit_amount")
    def _compute_totals(self):
        hour = self.env.ref("uom.product_uom_hour")
        day = self.env.ref("uom.product_uom_day")
        totals = dict(
            self.env["cra.report.line"]
            .sudo()
            ._read_group(
                [("report_id", "in", self.ids)],
                groupby=["report_id"],
                aggregates=["unit_amount:sum"],
            )
        )
        for report in self:
            hours = round(totals.get(report.sudo(), 0.0), 6)
            report.total_hours = hours
            report.total_days = hour._compute_quantity(
                hours, day, rounding_method="HALF-UP"
            )

    def _compute_access_url(self):
        super()._compute_access_url()
        for report in self:
            report.access_url = f"/my/cra/{report.id}"

    @api.depends("state", "next_ids.state")
    def _compute_locks_timesheets(self):
        for report in self:
            working = report.next_ids.filtered(lambda r: r.state in WORKING_STATES)
            report.locks_timesheets = report.state in CURRENT_STATES and not working

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            raise AccessError(
                self.env._("Activity reports are made by “Generate Activity Reports”.")
            )
        for vals in vals_list:
            vals["scope_key"] = "customer={},project={},employee={}".format(
                vals.get("partner_id"),
                vals.get("project_id"),
                vals.get("employee_id") or 0,
            )
        return super().create(vals_list)

    def write(self, vals):
        self._check_write(vals)
        return super().write(vals)

    def _check_write(self, vals):
        """Refuse to change what was sent, and states that may not follow each other.

        :raise AccessError: a user writes a field that only the addon writes
        :raise UserError: the report was sent, or the transition is not allowed
        """
        own = self._get_guarded_fields() & vals.keys()
        if not self.env.su and own - USER_FIELDS:
            raise AccessError(
                self.env._("Activity reports change through their buttons only.")
            )
        for report in self:
            fixed = own - LIVE_FIELDS | {f for f in own & WRITTEN_ONCE if report[f]}
            if report.sent_on and fixed:
                raise UserError(
                    self.env._(
                        "%(report)s was sent to the customer: it stays as it is. "
                        "Choose Correct to make a new version.",
                        report=report.display_name,
                    )
                )
            new_state = vals.get("state", report.state)
            is_withdrawn = report.state == "cancelled" and report.sent_on
            allowed = () if is_withdrawn else TRANSITIONS[report.state]
            if new_state != report.state and new_state not in allowed:
                labels = dict(self._fields["state"]._description_selection(self.env))
                raise UserError(
                    self.env._(
                        "%(report)s cannot go from “%(old)s” to “%(new)s”.",
                        report=report.display_name,
                        old=labels[report.state],
                        new=labels.get(new_state, new_state),
                    )
                )

    @api.model
    def _get_guarded_fields(self):
        """Return the names of the fields of a report proper, its chatter's not."""
        parents = ("portal.mixin", "mail.thread", "mail.activity.mixin")
        inherited = (self.env[parent]._fields.keys() for parent in parents)
        return self._fields.keys() - set().union(*inherited) | {"access_token"}

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        for report in self:
            if report.sent_on:
                raise UserError(
                    self.env._(
                        "%(report)s was sent to the customer and is evidence. "
                        "Choose Correct to replace it.",
                        report=report.display_name,
                    )
                )

    def unlink(self):
        # sudo: the hold follows from what covers the time, whoever deletes the draft
        timesheets = self.sudo().line_ids.timesheet_id
        result = super().unlink()
        timesheets._cra_update_hold_of_lines()
        return result

    # === ACTION METHODS === #

    def action_send(self):
        """Freeze the selected drafts and mail them to their approvers.

        :raise UserError: a report cannot be sent; names it and the way out
        """
        self.check_access("write")
        self._send()._ask_approvers()
        return True

    def action_correct(self):
        """Open new versions of reports that were sent, with their time unlocked.

        :raise UserError: a report is not the version in force
        """
        self.check_access("write")
        return self.sudo()._correct().sudo(False)._get_records_action()

    def action_print(self):
        """Download the document: with the decision if there is one.

        Those of several reports come as one, to be printed.
        """
        self.check_access("read")
        if len(self) != 1:
            return self._get_download_action("documents")
        attachment = self.signed_document_id or self.document_id
        if not attachment:
            raise UserError(
                self.env._(
                    "The document of %s is made when it is sent.", self.display_name
                )
            )
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{attachment.id}?download=true",
        }

    def action_print_xlsx(self):
        """Download the workbook the customer can download."""
        self.ensure_one()
        self.check_access("read")
        return {"type": "ir.actions.act_url", "url": f"{self.access_url}/xlsx"}

    def action_preview(self):
        """Open the page the customer sees."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": self.get_portal_url(),
            "target": "new",
        }

    # === BUSINESS METHODS === #

    @api.model
    def _get_managed_project_domain(self):
        """Return the projects whose time the current user may report.

        The same projects whose timesheets Odoo lets them see.
        """
        user = self.env.user
        if user.has_group("hr_timesheet.group_timesheet_manager"):
            return Domain.TRUE
        return (
            Domain("privacy_visibility", "in", ("employees", "portal"))
            | Domain("message_partner_ids", "in", user.partner_id.ids)
            | Domain("user_id", "=", user.id)
        )

    def _prepare_terms(self):
        """Return the policy's terms as values of this report."""
        policy = self.policy_id
        return {name: policy[name] for name in TERMS}
