from odoo import api, models
from odoo.fields import Domain


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    @api.model
    def _timesheet_domain_get_invoiced_lines(self, sale_line_delivery):
        # EXTENDS 'sale_timesheet': time that awaits agreement is not invoiced, and what
        # is on activity reports is freed when a credit note is posted, not before
        domain = super()._timesheet_domain_get_invoiced_lines(sale_line_delivery)
        free = Domain("timesheet_invoice_id", "=", False)
        free |= Domain("timesheet_invoice_id.state", "=", "cancel")
        free |= Domain("cra_line_id", "=", False)
        return list(Domain(domain) & Domain("cra_hold", "=", False) & free)
