from odoo import api, models
from odoo.fields import Domain


class SaleOrderLine(models.Model):
    _inherit = "sale.order.line"

    @api.depends("analytic_line_ids.cra_hold")
    def _compute_qty_delivered(self):
        # EXTENDS 'sale_timesheet': an agreement changes what may be invoiced
        return super()._compute_qty_delivered()

    def _compute_remaining_hours_available(self):
        # EXTENDS 'sale_timesheet', which asks the database once more for each line:
        # only prepaid ones have remaining hours
        prepaid = self.filtered(
            lambda line: line.product_id.service_policy == "ordered_prepaid"
        )
        (self - prepaid).remaining_hours_available = False
        return super(SaleOrderLine, prepaid)._compute_remaining_hours_available()

    def _timesheet_compute_delivered_quantity_domain(self):
        # EXTENDS 'sale_timesheet': time that awaits agreement is not delivered yet.
        # Fixed-price and prepaid lines keep their quantities: nothing is invoiced from
        # them, and their remaining hours must stay true.
        domain = super()._timesheet_compute_delivered_quantity_domain()
        free = Domain("cra_hold", "=", False)
        not_invoiced_from_time = Domain(
            "so_line.product_id.invoice_policy", "!=", "delivery"
        )
        return list(Domain(domain) & (free | not_invoiced_from_time))
