from contextlib import contextmanager
from datetime import date

from odoo import Command, fields
from odoo.exceptions import UserError

from .common import CraCommon


class CraMoneyCommon(CraCommon):
    """January and February of Apollo, agreed to by Acme and ready to be invoiced."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls.order_line.order_id
        cls.january = cls.env["account.analytic.line"]
        for day, hours in ((7, 8), (8, 6), (9, 2)):
            cls.january |= cls._create_timesheet(date(2026, 1, day), hours)
        cls.february = cls._create_timesheet(date(2026, 2, 2), 5)
        cls.february |= cls._create_timesheet(date(2026, 2, 3), 4)

    def setUp(self):
        super().setUp()
        self.january_report = self._get_agreed_report(1)
        self.february_report = self._get_agreed_report(2)

    def _get_agreed_report(self, month):
        report = self._generate(month=month)
        self._send(report)
        self._agree(report)
        return report

    def _invoice(self, reports):
        """Create the invoices of reports, as the accountant does."""
        action = reports.with_user(self.accountant).action_create_invoices()
        moves = self.env["account.move"]
        if action.get("res_id"):
            return moves.browse(action["res_id"])
        return moves.search(action["domain"])

    def _get_wizard(self, **values):
        """Return the dialog that invoices the order."""
        return self.env["sale.advance.payment.inv"].create(
            {"sale_order_ids": [Command.set(self.order.ids)], **values}
        )

    def _invoice_period(self, first, last):
        wizard = self._get_wizard(
            date_start_invoice_timesheet=first, date_end_invoice_timesheet=last
        )
        return wizard._create_invoices(self.order)

    def _get_reversal(self, invoice):
        return (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"journal_id": invoice.journal_id.id, "reason": "Too much"})
        )

    def _credit(self, invoice, quantity=None):
        """Return a draft credit note, of a part of the first line if asked."""
        wizard = self._get_reversal(invoice)
        wizard.refund_moves()
        credit = wizard.new_move_ids
        credit.invoice_date = fields.Date.today()
        if quantity is not None:
            self._get_time_line(credit).quantity = quantity
        return credit

    def _get_time_line(self, move):
        """Return the line of an invoice that bills time: others are down payments."""
        return move.invoice_line_ids.filtered(
            lambda line: self.order_line in line.sale_line_ids
        )

    @contextmanager
    def _refused(self, message):
        """Expect a refusal that leaves everything as it was."""
        with self.assertRaisesRegex(UserError, message), self.cr.savepoint():
            yield

    def _get_free_hours(self):
        """Return the agreed hours that are on no invoice in force."""
        timesheets = self.order_line.timesheet_ids
        return sum(
            timesheet.unit_amount
            for timesheet in timesheets
            if timesheet._is_free_of_invoice() and not timesheet.cra_hold
        )
