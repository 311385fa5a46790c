from datetime import date

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import CraCommon


@tagged("post_install", "-at_install")
class TestCraVersion(CraCommon):
    """What a new version changes, and what it leaves as the customer agreed to it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kept = cls._create_timesheet(date(2026, 3, 2), 8)
        cls.mended = cls._create_timesheet(date(2026, 3, 3), 6)
        cls.report = cls._generate()

    def _correct(self, report=None):
        """Return the working version, as the manager."""
        action = (report or self.report).action_correct()
        return self.report.browse(action["res_id"])

    def _send_version(self, working):
        working.action_refresh()
        self._send(working)

    def test_lines_that_read_the_same_keep_their_agreement(self):
        self._send(self.report)
        self._agree(self.report)
        working = self._correct()
        self.assertTrue(self.kept.cra_hold, "all of it is held while it is corrected")
        self.mended.unit_amount = 5
        added = self._create_timesheet(date(2026, 3, 4), 1)
        self._send_version(working)
        self.assertEqual(
            (self.kept | self.mended | added).mapped("cra_hold"), [False, True, True]
        )
        self.assertEqual(self.order_line.qty_to_invoice, 8)
        agreed = working.line_ids.filtered("agreed_report_id")
        self.assertEqual(agreed.timesheet_id, self.kept)
        self.assertEqual(agreed.agreed_report_id, self.report)
        self._agree(working)
        self.assertEqual(self.order_line.qty_to_invoice, 14)

    def test_an_agreement_outlives_a_refusal_of_the_rest(self):
        self._send(self.report)
        self._agree(self.report)
        second = self._correct()
        self.mended.unit_amount = 7
        self._send_version(second)
        second.sudo().approval_ids._refuse("Seven? Six!")
        self.assertFalse(self.kept.cra_hold)
        self.assertTrue(self.mended.cra_hold)
        third = self._correct(second)
        self.mended.unit_amount = 6
        self._send_version(third)
        agreed = third.line_ids.filtered("agreed_report_id")
        self.assertEqual(agreed.timesheet_id, self.kept)
        self.assertEqual(agreed.agreed_report_id, self.report)

    def test_a_remark_on_a_refused_line_ends_its_agreement(self):
        self._send(self.report)
        self._agree(self.report)
        second = self._correct()
        self.mended.unit_amount = 7
        self._send_version(second)
        line = second.line_ids.filtered(lambda r: r.timesheet_id == self.kept)
        line.sudo().remark = "I was wrong: nobody was here"
        second.sudo().approval_ids._refuse("See the remark")
        self.assertTrue(self.kept.cra_hold)
        third = self._correct(second)
        self.mended.unit_amount = 6
        self._send_version(third)
        self.assertFalse(third.line_ids.agreed_report_id)

    def test_nothing_is_kept_of_what_nobody_agreed_to(self):
        self._send(self.report)
        working = self._correct()
        self.mended.unit_amount = 5
        self._send_version(working)
        self.assertFalse(working.line_ids.agreed_report_id)
        self.assertTrue(self.kept.cra_hold)

    def test_a_new_version_reads_as_the_customer_knows_it(self):
        self.report.line_ids[0].description = "Drawings of the tower"
        self._send(self.report)
        self._agree(self.report)
        self.mended.name = "Words that were never for the customer"
        working = self._correct()
        self.assertEqual(
            working.line_ids.mapped("description"),
            ["Drawings of the tower", "Internal words"],
        )
        self._create_timesheet(date(2026, 3, 4), 1)
        self._send_version(working)
        self.assertEqual(self.order_line.qty_to_invoice, 14)

    def test_the_manager_sees_what_changed(self):
        self._send(self.report)
        self.assertFalse(self.report.version_changes)
        working = self._correct()
        self.mended.unit_amount = 4.5
        self.kept.unlink()
        self._create_timesheet(date(2026, 3, 4), 1, name="More")
        self._send_version(working)
        changes = str(working.version_changes)
        for text in ("03/02/2026", "08:00", "06:00", "04:30", "01:00", "-08:30"):
            self.assertIn(text, changes)
        comparison = working._get_comparison()
        self.assertEqual(
            [(d.kind, d.hours) for d in comparison.differences],
            [("removed", -8), ("changed", -1.5), ("added", 1)],
        )

    def test_dropping_a_correction_in_use_is_refused_in_every_way(self):
        self._send(self.report)
        working = self._correct()
        self.mended.unit_amount = 4
        for drop in (
            working.unlink,
            lambda: working.sudo().write({"state": "cancelled"}),
        ):
            with self.assertRaisesRegex(UserError, "change the timesheets back"):
                drop()
        self.mended.unit_amount = 6
        working.sudo().write({"state": "cancelled"})
        self.assertEqual(self.report.state, "sent")
        with self.assertRaisesRegex(UserError, self.report.name):
            self.mended.unit_amount = 4

    def test_old_versions_stay_verifiable_when_their_time_is_deleted(self):
        self._send(self.report)
        digest = self.report.digest
        working = self._correct()
        self.kept.unlink()
        self._send_version(working)
        self.assertEqual(self.report.state, "superseded")
        self.assertEqual(self.report.digest, digest)
        self.assertTrue(self.report._is_as_sent())


@tagged("post_install", "-at_install")
class TestCraCorrectInvoiced(CraCommon):
    """Corrections of time that is on an invoice already."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2), 10)
        cls.report = cls._generate()

    def setUp(self):
        super().setUp()
        self._send(self.report)
        self._agree(self.report)
        self.invoice = self._invoice(self.report)

    def _invoice(self, report):
        action = report.with_user(self.accountant).action_create_invoices()
        return self.env["account.move"].browse(action["res_id"])

    def _correct(self):
        return self.report.browse(self.report.action_correct()["res_id"])

    def _send_and_agree(self, working):
        working.action_refresh()
        self._send(working)
        self._agree(working)

    def test_forgotten_hours_are_agreed_to_and_invoiced_alone(self):
        self.invoice.action_post()
        working = self._correct()
        forgotten = self._create_timesheet(date(2026, 3, 27), 4)
        self._send_and_agree(working)
        self.assertFalse(self.timesheet.cra_hold)
        second = self._invoice(working)
        self.assertEqual(second.invoice_line_ids.quantity, 4)
        self.assertEqual(second.timesheet_ids, forgotten)
        self.assertEqual(self.invoice.timesheet_ids, self.timesheet)
        self.assertEqual(self.order_line.qty_to_invoice, 0)

    def test_what_is_invoiced_does_not_lose_its_agreement(self):
        """Recalling a new version would take the agreement to the first one back."""
        self.invoice.action_post()
        working = self._correct()
        self._create_timesheet(date(2026, 3, 27), 4)
        working.action_refresh()
        self._send(working)
        with self.assertRaisesRegex(UserError, f"is on invoice {self.invoice.name}"):
            working.action_recall()
        with self.assertRaisesRegex(UserError, "credit or cancel the invoice"):
            working._recall()
        self.assertEqual(self.timesheet.cra_report_id, working)
        self.assertEqual(working.state, "sent")

    def test_hours_too_many_come_back_as_a_negative_line(self):
        self.invoice.action_post()
        working = self._correct()
        correction = self._create_timesheet(date(2026, 3, 2), -2)
        self._send_and_agree(working)
        self.assertEqual(working.total_hours, 8)
        self.assertEqual(self.order_line.qty_to_invoice, -2)
        credit = self._invoice(working)
        self.assertEqual(credit.move_type, "out_refund")
        self.assertEqual(credit.invoice_line_ids.quantity, 2)
        self.assertEqual(credit.timesheet_ids, correction)
        credit.action_post()
        self.assertEqual(self.invoice.timesheet_ids, self.timesheet)
        self.assertEqual(self.order_line.qty_to_invoice, 0)

    def test_invoiced_time_is_untouched_by_a_correction(self):
        for post in (False, True):
            if post:
                self.invoice.action_post()
            self._correct()
            self.assertFalse(self.timesheet.cra_hold)
            for change in (
                self.timesheet.unlink,
                lambda: self.timesheet.write({"unit_amount": 8}),
                lambda: self.timesheet.sudo().write({"user_id": self.env.uid}),
            ):
                with self.assertRaisesRegex(UserError, "invoiced|invoice"):
                    change()
