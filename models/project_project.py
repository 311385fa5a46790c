from odoo import api, fields, models
from odoo.fields import Domain

from .cra_policy_source import explain_policy


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
        help="Who agrees to this project's activity reports. "
        "Empty: the customer's approvers, else the project's customer contact.",
    )
    cra_report_ids = fields.One2many(
        comodel_name="cra.report",
        inverse_name="project_id",
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
        domain=[("model", "=", "account.move")],
        help="Empty: the customer's, else the company's.",
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

    # === CRUD METHODS === #

    def write(self, vals):
        result = super().write(vals)
        if {"cra_policy_id", "partner_id"} & vals.keys():
            timesheets = self.env["account.analytic.line"]
            timesheets._cra_update_hold(Domain("project_id", "in", self.ids))
        return result

    # === BUSINESS METHODS === #

    def _get_cra_approvers(self, partner):
        """Return who agrees to the time of this project.

        :param partner: ``res.partner``, the customer of the time
        :return: approvers of the project, else of the customer, else the customer
            contact of the project if it belongs to that customer, else the customer
        """
        self.ensure_one()
        customer = partner.commercial_partner_id
        contact = self.partner_id
        if contact.commercial_partner_id != customer:
            contact = customer
        return self.cra_approver_ids or customer.cra_approver_ids or contact
