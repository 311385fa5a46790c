from odoo import api, fields, models


class SaleAdvancePaymentInv(models.TransientModel):
    _inherit = "sale.advance.payment.inv"

    cra_waiting_note = fields.Text(
        compute="_compute_cra_waiting_note",
        compute_sudo=True,  # who invoices reads no timesheets
        string="Time That Awaits Agreement",
    )

    @api.depends("sale_order_ids")
    def _compute_cra_waiting_note(self):
        for wizard in self:
            waiting = wizard.sale_order_ids._origin._get_cra_waiting_time()
            wizard.cra_waiting_note = waiting._cra_get_waiting_note() or False

    def action_view_cra_waiting(self):
        """Open the activity reports whose time awaits an agreement."""
        return self.sale_order_ids.action_view_cra_waiting()
