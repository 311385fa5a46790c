from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    cra_policy_id = fields.Many2one(
        comodel_name="cra.policy",
        string="Activity Report Policy",
        check_company=True,
        ondelete="restrict",
        help="Applies to customers and projects that have none of their own.",
    )
    cra_start_date = fields.Date(
        string="Activity Reports Start on",
        help="Time before this day is never reported, sent, locked or held.",
    )
    annex_template_ids = fields.Many2many(
        comodel_name="invoice.annex.template",
        string="Invoice Annexes",
        groups="base.group_erp_manager,account.group_account_manager",
        help="Documents that explain invoices, where project and customer have none.",
    )

    def write(self, vals):
        result = super().write(vals)
        if {"cra_policy_id", "cra_start_date"} & vals.keys():
            self.env["account.analytic.line"]._cra_update_hold()
        return result
