from odoo import fields, models
from odoo.fields import Domain

INVOICERS = "account.group_account_invoice,sales_team.group_sale_salesman"


class SaleOrder(models.Model):
    """Invoices of agreed time."""

    # One subject per file.
    _inherit = "sale.order"  # pylint: disable=consider-merging-classes-inherited

    cra_waiting_note = fields.Text(
        compute="_compute_cra_waiting_note",
        compute_sudo=True,  # who invoices reads no timesheets
        string="Time That Awaits Agreement",
        groups=INVOICERS,
    )

    cra_report_count = fields.Integer(
        compute="_compute_cra_report_count",
        compute_sudo=True,  # who invoices reads no timesheets
        groups="hr_timesheet.group_hr_timesheet_approver,account.group_account_invoice",
        export_string_translation=False,
    )

    # === COMPUTE METHODS === #

    def _compute_cra_report_count(self):
        for order in self:
            order.cra_report_count = len(order._get_cra_reports())

    def _get_cra_reports(self):
        """Return the reports, each in its latest version, on time of these orders."""
        # sudo: who invoices reads no timesheets
        timesheets = self.env["account.analytic.line"].sudo()
        groups = timesheets._read_group(
            [("order_id", "in", self.ids), ("cra_line_id", "!=", False)],
            aggregates=["cra_line_id:recordset"],
        )
        return groups[0][0].report_id

    def _compute_cra_waiting_note(self):
        waiting = self._get_cra_waiting_time().grouped("order_id")
        for order in self:
            timesheets = waiting.get(order._origin)
            order.cra_waiting_note = (
                timesheets and timesheets._cra_get_waiting_note() or False
            )

    def _get_cra_waiting_time(self):
        """Return the time of these orders that awaits an agreement, in sudo."""
        timesheets = self.env["account.analytic.line"]
        domain = Domain("order_id", "in", self.ids)
        domain &= Domain("timesheet_invoice_id", "=", False) | Domain(
            "timesheet_invoice_id.state", "=", "cancel"
        )
        return timesheets._cra_get_waiting(domain) if self.ids else timesheets

    # === ACTION METHODS === #

    def action_view_cra_reports(self):
        """Open the activity reports that show time of these orders."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "sale_timesheet_cra.cra_report_action"
        )
        reports = self._get_cra_reports()
        return {**action, "domain": [("id", "in", reports.ids)], "context": {}}

    def action_view_cra_waiting(self):
        """Open the activity reports on which time of these orders awaits agreement."""
        self.check_access("read")
        # sudo: finds the reports; the user's own rights decide what opens
        reports = self._get_cra_waiting_time().cra_line_id.report_id
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "sale_timesheet_cra.cra_report_action"
        )
        return {**action, "domain": [("id", "in", reports.ids)], "context": {}}

    # === BUSINESS METHODS === #

    def _nothing_to_invoice_error_message(self):
        # EXTENDS 'sale'
        message = super()._nothing_to_invoice_error_message()
        note = self.sudo()._get_cra_waiting_time()._cra_get_waiting_note()
        return f"{message}\n\n{note}" if note else message

    def _create_invoices(self, grouped=False, final=False, date=None):
        # EXTENDS 'sale_timesheet'
        self.order_line._check_cra_drift()
        moves = super()._create_invoices(grouped=grouped, final=final, date=date)
        moves._get_cra_lines()._settle_cra_time()
        moves._fill_cra_references()
        # The dialog sets quantities of a period; what is left is told anew.
        self.order_line._filter_cra_lines()._reset_qty_to_invoice()
        return moves

    def _invoice_time(self, timesheets):
        """Return new invoices of these orders that bill ``timesheets`` and nothing
        else, less the down payments that they cover.

        :param timesheets: time that is free of invoices
        :raise UserError: nothing is left to invoice
        """
        # sudo: who invoices reads no timesheets, and leaves other lines alone
        lines = self.sudo().order_line
        time_lines = timesheets.so_line
        time_lines._set_qty_to_invoice_from(timesheets)
        self.sudo()._keep_covered_down_payments(time_lines)
        (lines - time_lines).filtered(
            lambda line: line.qty_to_invoice and not line.is_downpayment
        ).qty_to_invoice = 0
        moves = self._create_invoices(final=True)
        for move in moves.sudo():
            billed = timesheets & move.invoice_line_ids.sale_line_ids.timesheet_ids
            # Mostly core has linked just these already.
            if others := move.timesheet_ids - billed:
                others.write({"timesheet_invoice_id": False})
            if missing := billed - move.timesheet_ids:
                missing.write({"timesheet_invoice_id": move.id})
        time_lines._settle_cra_time()
        moves._fill_cra_references()
        lines._reset_qty_to_invoice()
        return moves

    def _keep_covered_down_payments(self, time_lines):
        """Leave down payments for later where an invoice would turn into a credit."""
        for order in self:
            due = sum(
                line.qty_to_invoice * line.price_reduce_taxexcl
                for line in time_lines & order.order_line
            )
            down_payments = order.order_line.filtered(
                lambda line: line.is_downpayment and line.qty_to_invoice
            )
            if sum(down_payments.mapped("price_unit")) > due:
                down_payments.qty_to_invoice = 0
