from odoo import api, fields, models
from odoo.fields import Domain

from .cra_policy_source import explain_policy

#: What decides on the customer or the order line of the project's time, or its policy.
HOLD_FIELDS = frozenset(
    ("cra_policy_id", "partner_id", "sale_line_id", "allow_billable")
    + ("sale_line_employee_ids",)
)


class ProjectProject(models.Model):
    _inherit = "project.project"

    cra_policy_id = fields.Many2one(
        comodel_name="cra.policy",
        string="Activity Report Policy",
        check_company=True,
        ondelete="restrict",
        help="Empty: the policy of the customer, else of the company, applies.",
    )
    cra_policy_source = fields.Char(
        compute="_compute_cra_policy_source",
        compute_sudo=True,  # who may see the project may know how it is reported
        string="Policy in Force",
    )
    cra_approver_ids = fields.Many2many(
        comodel_name="res.partner",
        relation="project_project_cra_approver_rel",
        string="Activity Report Approvers",
        context={"active_test": False},  # who left is replaced by a person, not by us
        help="Who agrees to this project's activity reports. "
        "Empty: the customer's approvers, else the project's customer contact.",
    )
    cra_report_ids = fields.One2many(
        comodel_name="cra.report",
        inverse_name="project_id",
        export_string_translation=False,
    )
    cra_report_count = fields.Integer(
        compute="_compute_cra_report_count",
        groups="hr_timesheet.group_hr_timesheet_approver,account.group_account_invoice",
        export_string_translation=False,
    )
    annex_template_ids = fields.Many2many(
        comodel_name="invoice.annex.template",
        string="Invoice Annexes",
        check_company=True,
        groups="project.group_project_manager,account.group_account_invoice,account.group_account_readonly",
        help="Documents that explain this project's part of an invoice. "
        "Empty: those of the customer, else of the company, apply.",
    )

    invoice_mail_template_id = fields.Many2one(
        comodel_name="mail.template",
        string="Invoice Mail",
        domain=[("model", "=", "account.move")],
        help="Empty: the customer's, else the company's.",
    )
    invoice_mail_server_id = fields.Many2one(
        comodel_name="ir.mail_server",
        string="Invoice Mailbox",
        domain=[("owner_user_id", "=", False)],
        help="Empty: the customer's, else the company's.",
    )
    invoice_document_kinds = fields.Many2many(
        comodel_name="invoice.document.kind",
        string="Documents With Invoices",
        help="Sent with each invoice besides its own documents and annexes.",
    )
    invoice_cc_partner_ids = fields.Many2many(
        comodel_name="res.partner",
        relation="project_project_invoice_cc_rel",
        column1="project_id",
        column2="partner_id",
        string="Invoice Copies To",
        help="Contacts who get each invoice by mail besides its customer.",
    )

    # === COMPUTE METHODS === #

    @api.depends("cra_policy_id", "partner_id", "company_id")
    @api.depends_context("company", "lang")
    def _compute_cra_policy_source(self):
        for project in self:
            company = project.company_id or self.env.company
            project.cra_policy_source = explain_policy(
                self.env, project, project.partner_id, company
            )

    def _compute_cra_report_count(self):
        counts = dict(
            self.env["cra.report"]._read_group(
                [("project_id", "in", self.ids)],
                groupby=["project_id"],
                aggregates=["__count"],
            )
        )
        for project in self:
            project.cra_report_count = counts.get(project._origin, 0)

    # === ACTION METHODS === #

    def action_view_cra_reports(self):
        """Open the activity reports of this project."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "sale_timesheet_cra.cra_report_action"
        )
        return {**action, "domain": [("project_id", "=", self.id)], "context": {}}

    # === CRUD METHODS === #

    def write(self, vals):
        result = super().write(vals)
        if HOLD_FIELDS & vals.keys():
            timesheets = self.env["account.analytic.line"]
            timesheets._cra_update_hold(Domain("project_id", "in", self.ids))
        return result

    # === BUSINESS METHODS === #

    def _get_cra_approvers(self, partner):
        """Return who agrees to the time of this project.

        :param partner: ``res.partner``, the customer of the time
        :return: approvers of the project, else of the customer, else the customer
            contact of the project if it belongs to that customer, else the customer.
            Nobody, if all of them are archived: no other may answer in their place
            before somebody says so
        """
        self.ensure_one()
        customer = partner.commercial_partner_id
        contact = self.partner_id
        if contact.commercial_partner_id != customer:
            contact = customer
        named = self.cra_approver_ids or customer.cra_approver_ids or contact
        return named.filtered("active")
