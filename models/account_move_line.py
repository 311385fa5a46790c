from odoo import api, models
from odoo.fields import Domain


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    @api.model
    def _timesheet_domain_get_invoiced_lines(self, sale_line_delivery):
        # EXTENDS 'sale_timesheet': time that awaits agreement is not invoiced
        domain = super()._timesheet_domain_get_invoiced_lines(sale_line_delivery)
        return list(Domain(domain) & Domain("cra_hold", "=", False))
