from odoo import api, fields, models

from .cra_policy_source import explain_policy


class ResPartner(models.Model):
    _inherit = "res.partner"

    cra_policy_id = fields.Many2one(
        comodel_name="cra.policy",
        string="Activity Report Policy",
        company_dependent=True,
        help="Applies to this customer's projects that have no policy of their own.",
    )
    cra_policy_source = fields.Char(
        compute="_compute_cra_policy_source",
        compute_sudo=True,  # who may see the customer may know how they are reported to
        string="Policy in Force",
        groups="hr_timesheet.group_hr_timesheet_approver",
    )
    cra_approver_ids = fields.Many2many(
        comodel_name="res.partner",
        relation="res_partner_cra_approver_rel",
        column1="partner_id",
        column2="approver_id",
        string="Activity Report Approvers",
        context={"active_test": False},  # who left is replaced by a person, not by us
        help="Who agrees to this customer's activity reports. "
        "Empty: the customer's contact on the project.",
    )
    cra_report_ids = fields.One2many(
        comodel_name="cra.report",
        inverse_name="partner_id",
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
        groups="account.group_account_invoice,account.group_account_readonly",
        help="Documents that explain this customer's invoices, where the project has "
        "none of its own. Empty: those of the company apply.",
    )

    invoice_mail_template_id = fields.Many2one(
        comodel_name="mail.template",
        string="Invoice Mail",
        domain=[("model", "=", "account.move")],
        company_dependent=True,
        help="Empty: the company's.",
    )
    invoice_mail_server_id = fields.Many2one(
        comodel_name="ir.mail_server",
        string="Invoice Mailbox",
        domain=[("owner_user_id", "=", False)],
        company_dependent=True,
        help="Empty: the company's.",
    )
    invoice_document_kinds = fields.Many2many(
        comodel_name="invoice.document.kind",
        string="Documents With Invoices",
        help="Sent with each invoice besides its own documents and annexes.",
    )
    invoice_cc_partner_ids = fields.Many2many(
        comodel_name="res.partner",
        relation="res_partner_invoice_cc_rel",
        column1="partner_id",
        column2="cc_partner_id",
        string="Invoice Copies To",
        help="Contacts who get each invoice by mail besides its customer.",
    )

    @api.depends("cra_policy_id", "commercial_partner_id")
    @api.depends_context("company", "lang")
    def _compute_cra_policy_source(self):
        no_project = self.env["project.project"]
        for partner in self:
            partner.cra_policy_source = explain_policy(
                self.env, no_project, partner, self.env.company
            )

    def _compute_cra_report_count(self):
        counts = dict(
            self.env["cra.report"]._read_group(
                [("partner_id", "in", self.commercial_partner_id.ids)],
                groupby=["partner_id"],
                aggregates=["__count"],
            )
        )
        for partner in self:
            partner.cra_report_count = counts.get(partner.commercial_partner_id, 0)

    def write(self, vals):
        result = super().write(vals)
        if "cra_policy_id" in vals:
            self.env["account.analytic.line"]._cra_update_hold()
        return result

    def action_view_cra_reports(self):
        """Open the activity reports of this customer."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "sale_timesheet_cra.cra_report_action"
        )
        action["domain"] = [("partner_id", "=", self.commercial_partner_id.id)]
        action["context"] = {}
        return action
