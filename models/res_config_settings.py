from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    cra_policy_id = fields.Many2one(related="company_id.cra_policy_id", readonly=False)
    cra_start_date = fields.Date(related="company_id.cra_start_date", readonly=False)
    annex_template_ids = fields.Many2many(
        related="company_id.annex_template_ids",
        readonly=False,
    )
    invoice_mail_template_id = fields.Many2one(
        related="company_id.invoice_mail_template_id", readonly=False
    )
    invoice_cc_partner_ids = fields.Many2many(
        related="company_id.invoice_cc_partner_ids", readonly=False
    )
