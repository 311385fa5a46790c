from collections import Counter
from datetime import date
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .money_common import CraMoneyCommon

#: Sequences tried, and operations in the longest of them.
SEQUENCES, LENGTH = 200, 5
OPERATIONS = (
    ("january", "february", "both", "order", "january_period", "february_period")
    + ("post", "post_quietly", "draft", "cancel", "delete")
    + ("credit", "credit_part", "redo", "less", "more", "down_payment")
)


@tagged("post_install", "-at_install")
class TestCraMoneyRandom(CraMoneyCommon):
    """Whatever is done to invoices, in any order: the sums stay right."""

    def test_any_sequence_of_operations(self):
        """Agreed hours are never billed twice, and can always be billed in full."""

        @settings(
            max_examples=SEQUENCES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],  # a failure tells its steps: no need to shrink it
            suppress_health_check=list(HealthCheck),
        )
        @given(
            st.lists(
                st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 5)),
                min_size=2,
                max_size=LENGTH,
            )
        )
        def play(steps):
            savepoint = self.cr.savepoint()
            self.played["sequences"] += 1
            try:
                self._play(steps)
            finally:
                savepoint.rollback()
                savepoint.close(rollback=True)
                self.env.invalidate_all()

        self.played = Counter()
        self._post(self._invoice(self.january_report))
        # Notes in the chatter are a sixth of the time this takes.
        moves = self.env.registry["account.move"]
        with patch.object(moves, "message_post_with_source", lambda *a, **k: None):
            play()
        self.assertGreaterEqual(self.played["sequences"], SEQUENCES)
        # Each of them really took place: what is refused checks little.
        never = [name for name in OPERATIONS if not self.played[name]]
        self.assertFalse(never, self.played)

    def _play(self, steps):
        done = []
        for name, choice in steps:
            refused = self._is_refused(getattr(self, f"_do_{name}"), choice)
            self.played[name] += not refused
            done.append(f"{name} {choice} {refused or ''}")
            self._check(done)
        self._finish()
        self._check([*done, "finish"])
        self.assertAlmostEqual(self._get_billed(), 25, msg="\n".join(done))

    def _is_refused(self, operation, *args):
        """Return why an operation is refused, nothing if it was done."""
        try:
            with self.cr.savepoint():
                operation(*args)
                self.env.flush_all()
        except UserError as error:
            return str(error)

    # === WHAT MUST HOLD === #

    def _check(self, done):
        """Check the sums after a step."""
        message = "\n".join([*done, self._describe()])
        line = self.order_line
        timesheets = line.timesheet_ids
        self.assertAlmostEqual(line.qty_delivered, 25, msg=message)
        self.assertLessEqual(self._get_billed(), 25.001, msg=message)
        billed, free = {}, 0
        for timesheet in timesheets:
            if timesheet._is_free_of_invoice():
                free += timesheet.unit_amount
            else:
                move = timesheet.timesheet_invoice_id
                billed[move] = billed.get(move, 0) + timesheet.unit_amount
        for move in billed:
            self.assertIn(line, move.invoice_line_ids.sale_line_ids, message)
            if move.state == "posted":
                self._check_nothing_more_is_free(move, message)
        posted = sum(h for move, h in billed.items() if move.state == "posted")
        # What posted invoices bill is the time on them, but for credits of hours that
        # no timesheets make up.
        self.assertGreaterEqual(posted, self._get_billed() - 0.001, message)

    def _check_nothing_more_is_free(self, invoice, message):
        """Check that no timesheet of an invoice fits into what was credited of it."""
        credited = sum(
            self._get_time_line(credit).quantity
            for credit in invoice.reversal_move_ids
            if credit.state == "posted"
        )
        hours = invoice.timesheet_ids.mapped("unit_amount")
        # Down payments may have turned it into a credit note of them.
        quantity = self._get_time_line(invoice).quantity * -invoice.direction_sign
        billed = max(quantity - credited, 0)
        self.assertLess(sum(hours) - billed, min(hours) - 0.001, message)

    def _get_billed(self):
        """Return the hours posted invoices bill, less credit notes."""
        self.order_line.invalidate_recordset(["qty_invoiced_posted"])
        return self.order_line.qty_invoiced_posted

    def _describe(self):
        return "\n".join(
            f"{move.name} {move.move_type} {move.state} "
            f"{self._get_time_line(move).quantity} h, on it: "
            f"{move.timesheet_ids.mapped('unit_amount')}"
            for move in self._get_moves()
        )

    def _finish(self):
        """Post what can be posted, drop what cannot, invoice all that is left."""
        for move in self._get_moves("draft"):
            if self._is_refused(self._post, move):
                move.unlink()
        if self.order_line.qty_to_invoice:
            self.order._create_invoices(final=True).action_post()

    # === OPERATIONS === #

    def _get_moves(self, *states, move_type=None):
        moves = self.order_line.invoice_lines.move_id.sorted("id")
        return moves.filtered(
            lambda move: (
                (not states or move.state in states)
                and (not move_type or move.move_type == move_type)
            )
        )

    def _pick(self, choice, *states, move_type=None):
        moves = self._get_moves(*states, move_type=move_type)
        return moves[choice % len(moves)] if moves else moves

    def _do_january(self, _choice):
        self._invoice(self.january_report)

    def _do_february(self, _choice):
        self._invoice(self.february_report)

    def _do_both(self, _choice):
        self._invoice(self.january_report | self.february_report)

    def _do_order(self, _choice):
        self.order._create_invoices(final=True)

    def _do_january_period(self, _choice):
        self._invoice_period(date(2026, 1, 1), date(2026, 1, 31))

    def _do_february_period(self, choice):
        self._invoice_period(date(2026, 2, 1), date(2026, 2, 2 + choice % 2))

    def _post(self, move):
        move.invoice_date = fields.Date.today()
        move.action_post()

    def _do_post(self, choice):
        self._post(self._pick(choice, "draft"))

    def _do_post_quietly(self, choice):
        move = self._pick(choice, "draft")
        move.invoice_date = fields.Date.today()
        move._post()

    def _do_draft(self, choice):
        self._pick(choice, "posted", "cancel").button_draft()

    def _do_cancel(self, choice):
        self._pick(choice, "draft", "posted").button_cancel()

    def _do_delete(self, choice):
        self._pick(choice, "draft", "cancel").unlink()

    def _do_credit(self, choice):
        if invoice := self._pick(choice, "posted", move_type="out_invoice"):
            self._credit(invoice).action_post()

    def _do_credit_part(self, choice):
        if invoice := self._pick(choice, "posted", move_type="out_invoice"):
            left = self._get_time_line(invoice).quantity
            self._credit(invoice, min(choice + 1, left)).action_post()

    def _do_redo(self, choice):
        if invoice := self._pick(choice, "posted", move_type="out_invoice"):
            self._get_reversal(invoice).modify_moves()

    def _do_less(self, choice):
        if move := self._pick(choice, "draft"):
            line = self._get_time_line(move)
            line.quantity = max(line.quantity - choice, 0)

    def _do_more(self, choice):
        if move := self._pick(choice, "draft"):
            self._get_time_line(move).quantity += choice

    def _do_down_payment(self, choice):
        wizard = self._get_wizard(
            advance_payment_method="fixed", fixed_amount=100 * (choice + 1)
        )
        self._post(wizard._create_invoices(self.order))
