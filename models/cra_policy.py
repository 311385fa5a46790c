from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from .cra_period import PERIODS
from .cra_schedule import SEND_DAYS

CRA_GATES = [
    ("none", "Invoice freely"),
    ("warn", "Warn before invoicing time that is not agreed"),
    ("block", "Invoice only agreed time"),
]
CRA_IDENTITIES = [
    ("link", "Personal link in the mail"),
    ("code", "Link and a code sent by mail"),
    ("login", "Portal account"),
]
#: Later than this, the next reports are due.
MAX_DAYS_AFTER = 60


class CraPolicy(models.Model):
    """How a customer's time is reported, agreed to and invoiced.

    Assigned on projects, customers and companies (the most specific one applies) and
    in force from its start date on; time before that day is left alone.
    """

    _name = "cra.policy"
    _description = "Activity Report Policy"
    _order = "sequence, name, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        comodel_name="res.company",
        index=True,
        help="Leave empty to share the policy between companies.",
    )
    start_date = fields.Date(
        help="Time before this day is never reported, locked or held. "
        "Empty: the start date of the company applies.",
    )
    scope = fields.Selection(
        selection=[
            ("employee_project", "Each consultant and project"),
            ("project", "Each project, with all its consultants"),
        ],
        required=True,
        default="employee_project",
        string="One Report for",
    )
    period = fields.Selection(
        selection=PERIODS,
        required=True,
        default="month",
    )
    time_unit = fields.Selection(
        selection=[("hour", "Hours"), ("day", "Days")],
        required=True,
        default="hour",
        help="Unit of the totals the customer reads. A day is Odoo's Day unit.",
    )
    line_filter = fields.Selection(
        selection=[
            ("billable", "Billable time"),
            ("all", "All time of the project"),
        ],
        required=True,
        default="billable",
        string="Time to Report",
    )
    employee_display = fields.Selection(
        selection=[
            ("name", "Full name"),
            ("initials", "Initials"),
            ("job", "Job position"),
        ],
        required=True,
        default="name",
        string="Consultants Shown as",
    )
    send_mode = fields.Selection(
        selection=[
            ("manual", "By a manager"),
            ("auto", "Automatically"),
        ],
        required=True,
        default="manual",
        string="Reports Are Sent",
        help="By a manager: somebody generates the reports, looks at them and sends "
        "them. Automatically: they are made and sent on the day chosen below.",
    )
    auto_since = fields.Datetime(
        string="Automatic Since",
        readonly=True,
        copy=False,
        help="Since when reports leave by themselves: what was due before is left to "
        "a manager.",
    )
    send_day = fields.Selection(
        selection=SEND_DAYS,
        required=True,
        default="last_day",
        string="Day of Sending",
        help="Working days are those of the company's working hours, public holidays "
        "left out.",
    )
    send_delay_days = fields.Integer(
        string="Days after the Period",
        default=3,
        help="1 is the day after the last day of the period.",
    )
    send_hour = fields.Integer(
        string="Hour of Sending",
        default=18,
        help="0 to 23, in the time zone of the company's working hours.",
    )
    incomplete_month = fields.Selection(
        selection=[
            ("hold", "Wait until it is complete"),
            ("send", "Send the report anyway"),
        ],
        required=True,
        default="hold",
        string="If Time Is Missing",
        help="Time is missing when a consultant has entered less than their working "
        "hours ask for, over all projects and absences.",
    )
    hold_days = fields.Integer(
        string="Days to Wait at Most",
        default=5,
        help="Days after the period. Then the responsible decides what becomes of the "
        "report, and is told why it was not sent.",
    )
    internal_review = fields.Boolean(
        help="Before a report is sent, its consultant confirms it, then a manager. "
        "Both may send it back with a remark. A change of the timesheets afterwards "
        "takes the confirmations back.",
    )
    approval_mode = fields.Selection(
        selection=[
            ("none", "Nobody: sent for information"),
            ("any", "Any approver"),
            ("all", "All approvers"),
        ],
        required=True,
        default="any",
        string="Agreed by",
    )
    identity = fields.Selection(
        selection=CRA_IDENTITIES,
        required=True,
        default="link",
        string="Approvers Identified by",
        help="Whoever has the link may answer; or must also give six digits that are "
        "mailed to the approver at that moment; or must be logged in as the approver. "
        "With the last two, a forwarded link shows the report and decides nothing.",
    )
    invoice_gate = fields.Selection(
        selection=CRA_GATES,
        required=True,
        default="block",
        string="Invoicing",
        help="Under “Invoice only agreed time”, time is neither delivered nor linked "
        "to invoices before the customer has agreed to it. A warning is shown on "
        "orders and draft invoices, and stops nobody.",
    )
    late_time = fields.Selection(
        selection=[
            ("refuse", "Refuse it, and say how to correct the report"),
            ("report", "Accept it, and ask the responsible to correct the report"),
        ],
        required=True,
        default="report",
        string="Time Added Later",
        help="What becomes of time that is entered into a period the customer has "
        "received already.",
    )
    request_template_id = fields.Many2one(
        comodel_name="mail.template",
        domain=[("model", "=", "cra.approval")],
        string="Mail that Asks for Agreement",
        ondelete="restrict",
        help="Empty: the standard mail. In its text, a link to /my/cra/decision-link "
        "becomes the approver's personal link.",
    )

    @api.constrains("invoice_gate", "approval_mode")
    def _check_gate_needs_approval(self):
        for policy in self:
            if policy.invoice_gate != "none" and policy.approval_mode == "none":
                raise ValidationError(
                    self.env._(
                        "Policy %(name)s holds time until it is agreed, or warns, but "
                        "nobody is asked to agree. Choose who agrees, or invoice "
                        "freely.",
                        name=policy.name,
                    )
                )

    @api.constrains("send_hour")
    def _check_send_hour(self):
        for policy in self:
            if not 0 <= policy.send_hour <= 23:
                raise ValidationError(
                    self.env._(
                        "Reports of policy %(name)s cannot leave at hour %(hour)s. "
                        "Choose an hour from 0 to 23.",
                        name=policy.name,
                        hour=policy.send_hour,
                    )
                )

    @api.constrains("send_delay_days", "hold_days")
    def _check_days_after_period(self):
        for policy in self:
            for days in (policy.send_delay_days, policy.hold_days):
                if not 0 <= days <= MAX_DAYS_AFTER:
                    raise ValidationError(
                        self.env._(
                            "Policy %(name)s cannot wait %(days)s days after the "
                            "period. Choose a number from 0 to %(limit)s.",
                            name=policy.name,
                            days=days,
                            limit=MAX_DAYS_AFTER,
                        )
                    )

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        policies = super().create(vals_list)
        policies._begin_to_send()
        return policies

    def write(self, vals):
        # Where reports begin to leave, or are others than before, they do from now on.
        beginning = self.filtered(
            lambda policy: any(
                vals.get(name, policy[name]) != policy[name]
                for name in ("send_mode", "period")
            )
        )
        result = super().write(vals)
        beginning._begin_to_send()
        if {"start_date", "invoice_gate", "active"} & vals.keys():
            self.env["account.analytic.line"]._cra_update_hold()
        return result

    # === BUSINESS METHODS === #

    def _begin_to_send(self):
        """Note that what these policies send by themselves begins now."""
        automatic = self.filtered(lambda policy: policy.send_mode == "auto")
        automatic.auto_since = fields.Datetime.now()

    @tools.ormcache()
    def _is_used(self):
        """Tell whether any policy exists: without one, timesheets are left alone."""
        policies = self.sudo().with_context(active_test=False)
        return bool(policies.search_count([], limit=1))

    @api.model
    def _get_first_day(self, gate):
        """Return the first day from which a policy with ``gate`` may be in force.

        None if there is no such day.
        """
        # sudo: policies are in force for everyone, whoever may read them
        policies = self.sudo().search([("invoice_gate", "=", gate)])
        days = policies.filtered("start_date").mapped("start_date")
        if not all(policies.mapped("start_date")):
            companies = self.env["res.company"].sudo()
            companies = companies.search([("cra_start_date", "!=", False)])
            days += companies.mapped("cra_start_date")
        return min(days, default=None)

    def _get_start_date(self, company):
        """Return the day from which this policy is in force, None if it never is.

        :param company: ``res.company`` whose time is meant
        """
        self.ensure_one()
        return self.start_date or company.cra_start_date or None
