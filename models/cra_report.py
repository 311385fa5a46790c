from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date, format_datetime, formatLang, groupby

from ..reports.pdf_batch import LeanDocument
from .cra_digest import DIGEST_VERSION, digest
from .cra_grid import CraGrid
from .cra_policy import CRA_GATES

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
#: Which state may follow which. Whatever is not here is refused, sudo included.
TRANSITIONS = {
    "draft": ("review", "sent", "cancelled"),
    "review": ("draft", "sent", "cancelled"),
    "sent": ("approved", "refused", "superseded", "cancelled"),
    "approved": ("superseded",),
    "refused": ("superseded", "cancelled"),
    "superseded": (),
    "cancelled": (),
}
#: What may be written on a report that was sent: its fate, never its content.
LIVE_FIELDS = frozenset(
    ("state", "approval_kind", "decided_on", "customer_reference", "user_id")
    + ("signed_document_id", "has_drifted", "access_token")
)
#: Of these, what is written once: later it is evidence as well.
WRITTEN_ONCE = frozenset(
    ("approval_kind", "decided_on", "customer_reference", "signed_document_id")
)
#: What a user may write on a draft; everything else is written by the addon itself.
USER_FIELDS = frozenset(("line_ids", "user_id"))
TERMS = ("time_unit", "approval_mode", "invoice_gate", "employee_display")


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
        help="Told about decisions and failures of this report.",
    )
    date_from = fields.Date(string="From", required=True, readonly=True)
    date_to = fields.Date(string="To", required=True, readonly=True)
    scope_key = fields.Char(
        required=True,
        readonly=True,
        copy=False,
        help="Whose time this is about: customer, project, consultant.",
    )
    version = fields.Integer(default=1, required=True, readonly=True, copy=False)
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
        help="Sum of the lines, in hours.",
    )
    total_days = fields.Float(
        compute="_compute_totals",
        store=True,
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
    sent_on = fields.Datetime(readonly=True, copy=False)
    decided_on = fields.Datetime(readonly=True, copy=False)
    customer_reference = fields.Char(readonly=True, copy=False, tracking=True)
    digest = fields.Char(readonly=True, copy=False)
    digest_version = fields.Integer(readonly=True, copy=False)
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
    invoice_ids = fields.Many2many(
        comodel_name="account.move",
        compute="_compute_invoice_ids",
        compute_sudo=True,  # accountants do not read timesheets
        search="_search_invoice_ids",
        string="Invoices",
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    invoice_count = fields.Integer(
        compute="_compute_invoice_ids",
        compute_sudo=True,
        groups="base.group_user",
        export_string_translation=False,
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
            period = report_sudo._get_period_label()
            if report_sudo.name:
                version = f" v{report_sudo.version}" if report_sudo.version > 1 else ""
                report.display_name = f"{report_sudo.name}{version}"
                continue
            parts = (
                report_sudo.project_id.display_name,
                report_sudo.employee_id.name,
                period,
            )
            report.display_name = " · ".join(part for part in parts if part)

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

    def _compute_invoice_ids(self):
        groups = self.env["cra.report.line"]._read_group(
            [
                ("report_id", "in", self.ids),
                ("timesheet_id.timesheet_invoice_id", "!=", False),
            ],
            groupby=["report_id"],
            aggregates=["timesheet_id:recordset"],
        )
        timesheets = dict(groups)
        for report in self:
            lines = timesheets.get(report, self.env["account.analytic.line"])
            report.invoice_ids = lines.timesheet_invoice_id
            report.invoice_count = len(report.invoice_ids)

    def _search_invoice_ids(self, operator, value):
        if operator not in ("in", "any"):
            return NotImplemented
        lines = self.env["cra.report.line"].sudo()
        query = lines._search([("timesheet_id.timesheet_invoice_id", operator, value)])
        return [("id", "in", query.subselect(SQL.identifier("report_id")))]

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
                vals.get("partner_id"), vals.get("project_id"), vals.get("employee_id") or 0
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
            if new_state != report.state and new_state not in TRANSITIONS[report.state]:
                raise UserError(
                    self.env._(
                        "%(report)s cannot go from “%(old)s” to “%(new)s”.",
                        report=report.display_name,
                        old=dict(CRA_STATES)[report.state],
                        new=dict(CRA_STATES).get(new_state, new_state),
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

    # === ACTION METHODS === #

    def action_send(self):
        """Freeze the selected drafts and mail them to their approvers.

        :raise UserError: a report cannot be sent; names it and the way out
        """
        self.check_access("write")
        self._send()
        return True

    def action_refresh(self):
        """Bring the selected drafts in line with their timesheets."""
        self.check_access("write")
        drafts = self.filtered(lambda report: report.state == "draft")
        drafts.sudo()._refresh()
        return True

    def action_correct(self):
        """Open a new version of a report that was sent, with its time unlocked.

        :raise UserError: the report is not the version in force
        """
        self.ensure_one()
        self.check_access("write")
        return self.sudo()._correct().sudo(False)._get_records_action()

    def action_print(self):
        """Download the document: with the decision if there is one."""
        self.ensure_one()
        self.check_access("read")
        attachment = self.signed_document_id or self.document_id
        if not attachment:
            raise UserError(
                self.env._("The document of %s is made when it is sent.", self.display_name)
            )
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{attachment.id}?download=true",
        }

    def action_preview(self):
        """Open the page the customer sees."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": self.get_portal_url(),
            "target": "new",
        }

    def action_create_invoices(self):
        """Invoice the orders of the selected agreed reports and open the invoices.

        :raise UserError: a report is not agreed, or nothing is left to invoice
        """
        self.check_access("read")
        self.env["account.move"].check_access("create")
        for report in self:
            if report.state != "approved":
                raise UserError(
                    self.env._(
                        "%s is not agreed by the customer yet.", report.display_name
                    )
                )
        # sudo: accountants invoice without reading timesheets
        orders = self.sudo().line_ids.timesheet_id.so_line.order_id.sudo(self.env.su)
        return orders._create_invoices()._get_records_action(name=self.env._("Invoices"))

    def action_view_invoices(self):
        """Open the invoices that bill this report's time."""
        self.ensure_one()
        self.check_access("read")
        # sudo: finds the invoices; the user's own rights decide what opens
        invoices = self.sudo().invoice_ids.sudo(False)
        return invoices._get_records_action(name=self.env._("Invoices"))

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

    def _get_period_label(self):
        """Return the period in words: a month by its name, else both its days."""
        self.ensure_one()
        if not self.date_from:
            return ""
        month_ends = (self.date_to + timedelta(days=1)).day == 1
        if self.date_from.day == 1 and month_ends and (
            self.date_from.month == self.date_to.month
        ):
            return format_date(self.env, self.date_from, date_format="LLLL yyyy")
        first, last = (format_date(self.env, d) for d in (self.date_from, self.date_to))
        return f"{first} – {last}"

    def _prepare_terms(self):
        """Return the policy's terms as values of this report."""
        policy = self.policy_id
        return {name: policy[name] for name in TERMS}

    def _refresh(self):
        """Make lines and totals of drafts equal to the timesheets."""
        self.env["cra.report.line"]._sync(self)

    # --- Sending --- #

    def _send(self):
        """Freeze drafts and ask their approvers, all or nothing.

        :raise UserError: names the report that cannot be sent and the way out
        """
        # sudo: numbers, approvals and documents are not written by users themselves
        reports = self.sudo()
        reports._lock()
        reports._check_sendable()
        reports._settle_terms()
        reports._attach_documents()
        reports._freeze()
        reports._create_approvals()._send_requests()
        return reports

    def _lock(self):
        """Keep others from deciding on these reports until the transaction ends."""
        self.lock_for_update()
        self.invalidate_recordset()

    def _check_sendable(self):
        """Refuse to send reports that are not ready.

        :raise UserError: names the report and the way out
        """
        for report in self:
            if report.state != "draft":
                raise UserError(self.env._("%s is not a draft.", report.display_name))
        seen = {report: report._get_content() for report in self}
        self._refresh()
        for report in self:
            name = report.display_name
            if not report.line_ids:
                raise UserError(self.env._("%s has no time to report.", name))
            if report._get_content() != seen[report]:
                raise UserError(
                    self.env._(
                        "The timesheets of %s changed since it was made. "
                        "Refresh it and look at it once more.",
                        name,
                    )
                )
            approvers = report.project_id._get_cra_approvers(report.partner_id)
            for approver in approvers:
                if not approver.email:
                    raise UserError(
                        self.env._(
                            "%(approver)s, who is to receive %(report)s, has no email "
                            "address. Enter one on the contact, or choose another "
                            "approver.",
                            approver=approver.display_name,
                            report=name,
                        )
                    )

    def _settle_terms(self):
        """Copy the policy's terms, and number the reports."""
        for report in self:
            name = report.previous_id.name or report._next_number()
            report.write({**report._prepare_terms(), "name": name})

    def _freeze(self):
        """Put the reports in force, in the place of the versions before them."""
        self.previous_id.write({"state": "superseded"})
        self.previous_id.approval_ids._void()
        for report in self:
            report.write(
                {
                    "state": "sent",
                    "sent_on": fields.Datetime.now(),
                    "digest": digest(*report._get_content()),
                    "digest_version": DIGEST_VERSION,
                }
            )
        self._take_over_timesheets()
        self._update_hold()

    def _create_approvals(self):
        """Return one approval per report and approver."""
        return self.env["cra.approval"].create(
            [
                {"report_id": report.id, "partner_id": approver.id}
                for report in self
                for approver in report.project_id._get_cra_approvers(report.partner_id)
            ]
        )

    def _next_number(self):
        """Return the next number of the report's company."""
        sequences = self.env["ir.sequence"].with_company(self.company_id)
        if not sequences.search_count(
            [("code", "=", "cra.report"), ("company_id", "=", self.company_id.id)]
        ):
            self.env.ref("sale_timesheet_cra.sequence_cra_report").copy(
                {"company_id": self.company_id.id, "number_next": 1}
            )
        return sequences.next_by_code("cra.report", sequence_date=self.date_to)

    def _take_over_timesheets(self):
        """Link the timesheets to these versions instead of the previous ones."""
        lines = self.env["cra.report.line"]
        lines.flush_model()
        self.env["account.analytic.line"].flush_model(["cra_line_id"])
        self.env.execute_query(
            SQL(
                """
                UPDATE account_analytic_line aal SET cra_line_id = line.id
                  FROM cra_report_line line
                 WHERE line.timesheet_id = aal.id AND line.report_id IN %s
                   AND aal.cra_line_id IS DISTINCT FROM line.id
             RETURNING aal.id
                """,
                tuple(self.ids),
            )
        )
        self.env["account.analytic.line"].invalidate_model(["cra_line_id"])

    def _update_hold(self):
        """Hold or free the timesheets of these reports as their states say."""
        timesheets = (self | self.previous_id).line_ids.timesheet_id
        timesheets._cra_update_hold_of_lines()

    def _get_content(self):
        """Return what the digest is made of: the terms and the lines, in plain values."""
        self.ensure_one()
        terms = {name: self[name] for name in TERMS}
        terms |= {
            "number": self.name or None,
            "version": self.version,
            "company": self.company_id.id,
            "customer": self.partner_id.id,
            "project": self.project_id.id,
            "employee": self.employee_id.id or None,
            "date_from": self.date_from,
            "date_to": self.date_to,
        }
        names = ("date", "employee_label", "project_label", "task_label", "description")
        lines = [
            {
                "timesheet": line.timesheet_id.id,
                "unit_amount": line.unit_amount,
                **{name: line[name] or "" for name in names},
            }
            for line in self.line_ids.sorted(lambda line: (line.date, line.id))
        ]
        return terms, lines

    # --- Documents --- #

    def _render_documents(self):
        """Return the PDF of each report, as it is now: dict report -> bytes."""
        rendered = {}
        key = lambda report: (report.company_id, report.partner_id.lang)  # noqa: E731
        for (company, lang), group in groupby(self, key):
            engine = self.env["ir.actions.report"].with_company(company)
            qweb = self.env["ir.qweb"].with_context(lang=lang)
            documents = [
                LeanDocument(
                    report.display_name,
                    qweb._render(
                        "sale_timesheet_cra.report_cra_document",
                        report.with_context(lang=lang)._get_document_values(),
                    ),
                )
                for report in group
            ]
            contents = engine._render_lean_documents(documents, landscape=True)
            rendered.update(zip(group, contents, strict=True))
        return rendered

    def _get_document_values(self):
        """Return what page and PDF show, in the language of the context."""
        self.ensure_one()
        return {
            "report": self,
            "company": self.company_id,
            "grid": CraGrid(self),
            "format_amount": self._format_amount,
            "format_cell": self._format_cell,
            "format_date": lambda day: format_date(self.env, day),
            "format_datetime": lambda moment: format_datetime(self.env, moment),
        }

    def _get_facts(self):
        """Return what stands at the head of page and PDF: pairs of label and text."""
        self.ensure_one()
        facts = [
            (self.env._("Customer"), self.partner_id.name),
            (self.env._("Project"), self.project_id.name),
            (self.env._("Consultant"), ", ".join(self._get_consultants())),
        ]
        if self.name:
            facts.append((self.env._("Number"), self.display_name))
        return facts

    def _get_consultants(self):
        """Return the consultants' labels, each once, in alphabetical order."""
        return sorted(set(self.line_ids.mapped("employee_label")) - {False})

    def _get_unit_label(self):
        """Return the unit of the totals in the language of the context."""
        units = dict(self._fields["time_unit"]._description_selection(self.env))
        return units[self.time_unit].lower()

    def _format_amount(self, hours):
        """Return hours in the report's unit, as the reader's language writes numbers."""
        if self.time_unit == "day":
            hour = self.env.ref("uom.product_uom_hour")
            day = self.env.ref("uom.product_uom_day")
            amount = hour._compute_quantity(hours, day, rounding_method="HALF-UP")
        else:
            amount = hours
        return formatLang(self.env, amount, digits=2)

    def _get_total_label(self):
        """Return the total with its unit, in the language of the context."""
        return f"{self._format_amount(self.total_hours)} {self._get_unit_label()}"

    def _format_cell(self, hours):
        """Return an amount for a cell of the grid: no more digits than needed."""
        text = self._format_amount(hours)
        separator = self.env["res.lang"]._get_data(code=self.env.lang).decimal_point
        return text.rstrip("0").rstrip(separator) if separator in text else text

    def _attach_documents(self):
        """Render these reports in one go and keep the result as evidence."""
        for report, content in self._render_documents().items():
            report.write({"document_id": report._attach(content, report._get_file_name()).id})

    def _attach(self, content, name):
        return self.env["ir.attachment"].create(
            {
                "name": name,
                "raw": content,
                "mimetype": "application/pdf",
                "res_model": self._name,
                "res_id": self.id,
            }
        )

    def _get_file_name(self):
        """Return the document's file name in the customer's language."""
        report = self.with_context(lang=self.partner_id.lang)
        parts = [report.name, report.project_id.name, report._get_period_label()]
        if report.employee_id:
            parts.insert(1, report.line_ids[:1].employee_label)
        return " - ".join(part.replace("/", "-") for part in parts if part) + ".pdf"

    def _get_report_base_filename(self):
        self.ensure_one()
        return self.sudo()._get_file_name().removesuffix(".pdf")

    # --- Correcting --- #

    def _correct(self):
        """Return the working version that follows this report, made if need be.

        :raise UserError: the report is not the version in force
        """
        self.ensure_one()
        self._lock()
        working = self.next_ids.filtered(lambda r: r.state in WORKING_STATES)
        if working:
            return working
        if self.state not in CURRENT_STATES:
            raise UserError(
                self.env._(
                    "%s is not the version in force: only that one is corrected.",
                    self.display_name,
                )
            )
        vals = self.copy_data({"previous_id": self.id, "version": self.version + 1})
        working = self.create(vals)
        working._refresh()
        self._update_hold()
        self.message_post(body=self.env._("Version %s is being made.", working.version))
        return working

    # --- Deciding --- #

    def _decide(self, state):
        """Record the customer's decision: the last step of an approver's answer.

        :param str state: ``approved`` or ``refused``
        """
        self.write(
            {
                "state": state,
                "approval_kind": "customer" if state == "approved" else False,
                "decided_on": fields.Datetime.now(),
            }
        )
        self._update_hold()
        self.env.ref("sale_timesheet_cra.ir_cron_cra_decision_documents")._trigger()

    @api.model
    def _cron_make_decision_documents(self, batch_size=50):
        """Make the documents that show the decision, soon after it was taken."""
        domain = [
            ("state", "in", ("approved", "refused")),
            ("signed_document_id", "=", False),
        ]
        reports = self.search(domain, limit=batch_size, order="decided_on, id")
        reports = reports.try_lock_for_update().filtered_domain(domain)
        for _language, group in groupby(reports, lambda r: r.partner_id.lang):
            group = self.browse([report.id for report in group])
            for report, content in group._render_documents().items():
                attachment = report._attach(content, report._get_signed_file_name())
                report.write({"signed_document_id": attachment.id})
        self.env["ir.cron"]._commit_progress(
            len(reports), remaining=self.search_count(domain)
        )

    def _get_signed_file_name(self):
        report = self.with_context(lang=self.partner_id.lang)
        stem = report._get_file_name().removesuffix(".pdf")
        if self.state == "approved":
            return report.env._("%s - agreed.pdf", stem)
        return report.env._("%s - refused.pdf", stem)
