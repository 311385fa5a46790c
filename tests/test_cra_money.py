from datetime import date

from odoo import Command
from odoo.tests import tagged

from .money_common import CraMoneyCommon


@tagged("post_install", "-at_install")
class TestCraInvoices(CraMoneyCommon):
    """What "Create Invoices" makes."""

    def test_exactly_the_selected_reports_are_invoiced(self):
        invoice = self._invoice(self.february_report)
        self.assertEqual(invoice.invoice_line_ids.quantity, 9)
        self.assertEqual(invoice.timesheet_ids, self.february)
        self.assertEqual(self.order_line.qty_to_invoice, 16)
        rest = self._invoice(self.january_report | self.february_report)
        self.assertEqual(rest.timesheet_ids, self.january)
        self.assertEqual(rest.invoice_line_ids.quantity, 16)
        with self._refused("Nothing is left to invoice"):
            self._invoice(self.january_report)

    def test_nothing_else_of_the_order_is_invoiced(self):
        fixed = self.env["product.product"].create(
            {"name": "Workshop", "type": "service", "invoice_policy": "order"}
        )
        values = {"product_id": fixed.id, "product_uom_qty": 1, "price_unit": 500}
        self.order.order_line = [Command.create(values)]
        workshop = self.order.order_line - self.order_line
        invoice = self._invoice(self.january_report)
        self.assertEqual(invoice.invoice_line_ids.sale_line_ids, self.order_line)
        self.assertEqual(workshop.qty_to_invoice, 1)
        self.assertEqual(workshop.invoice_status, "to invoice")
        self.assertEqual(self.order.invoice_status, "to invoice")

    def test_the_customers_order_number_is_the_reference(self):
        self.january_report.sudo().customer_reference = "PO 4711"
        invoice = self._invoice(self.january_report)
        self.assertEqual(invoice.ref, "PO 4711")
        self.assertFalse(invoice.narration)

    def test_several_order_numbers_are_listed_per_report(self):
        self.january_report.sudo().customer_reference = "PO 4711"
        self.february_report.sudo().customer_reference = "PO <4712>"
        self.order.client_order_ref = "Frame contract"
        invoice = self._invoice(self.january_report | self.february_report)
        self.assertEqual(len(invoice), 1)
        self.assertFalse(invoice.ref)
        for text in (
            f"{self.january_report.name}: your order PO 4711",
            f"{self.february_report.name}: your order PO &lt;4712&gt;",
        ):
            self.assertIn(text, invoice.narration)

    def test_reports_and_invoices_lead_to_each_other(self):
        invoice = self._invoice(self.january_report)
        self.assertEqual(invoice.cra_report_ids, self.january_report)
        self.assertEqual(self.january_report.sudo().invoice_ids, invoice)
        action = invoice.with_user(self.accountant).action_view_cra_reports()
        self.assertEqual(action["res_id"], self.january_report.id)
        invoice.action_post()
        self._credit(invoice).action_post()
        self.assertEqual(self.january_report.sudo().invoice_ids, invoice)

    def test_what_is_left_to_invoice_is_found(self):
        reports = self.january_report | self.february_report
        left = reports.search([("hours_to_invoice", "!=", 0)])
        self.assertEqual(left, reports)
        self.assertEqual(self.january_report.hours_to_invoice, 16)
        invoice = self._invoice(self.january_report)
        reports.invalidate_recordset()
        self.assertEqual(reports.mapped("hours_to_invoice"), [0, 9])
        left = reports.search([("hours_to_invoice", "!=", 0)])
        self.assertEqual(left, self.february_report)
        found = invoice.search([("cra_report_ids", "in", reports.ids)])
        self.assertEqual(found, invoice)
        found = invoice.search([("cra_report_ids", "!=", False)])
        self.assertEqual(found, invoice)

    def test_orders_of_two_currencies_are_invoiced_apart(self):
        foreign = self.setup_other_currency("CHF")
        pricelist = self.env["product.pricelist"].create(
            {"name": "Swiss", "currency_id": foreign.id}
        )
        self.acme.property_product_pricelist = pricelist
        other, other_line = self._create_project("Gemini", self.chloe)
        other.cra_policy_id = self.policy
        self._create_timesheet(date(2026, 3, 2), 3, project=other)
        swiss = self._get_agreed_report(3)
        invoices = self._invoice(self.january_report | swiss)
        by_currency = {move.currency_id: move.amount_untaxed for move in invoices}
        self.assertEqual(
            by_currency,
            {self.company.currency_id: 1600, foreign: 3 * other_line.price_unit},
        )

    def test_reports_of_two_companies_are_invoiced_by_their_own(self):
        elsewhere = self.setup_other_company(name="Elsewhere")["company"]
        for user in (self.env.user, self.manager, self.accountant):
            user.company_ids |= elsewhere
        there = self.env(
            context={"allowed_company_ids": (elsewhere | self.company).ids}
        )
        product = self.product.with_env(there).copy({"taxes_id": False})
        project = there["project.project"].create(
            {
                "name": "Gemini",
                "partner_id": self.chloe.id,
                "company_id": elsewhere.id,
                "allow_billable": True,
                "cra_policy_id": self.policy.id,
            }
        )
        order = there["sale.order"].create(
            {
                "partner_id": self.chloe.id,
                "company_id": elsewhere.id,
                "order_line": [Command.create({"product_id": product.id})],
            }
        )
        order.action_confirm()
        project.sale_line_id = order.order_line
        employee = there["hr.employee"].create(
            {"name": "Elena", "company_id": elsewhere.id}
        )
        self._create_timesheet(date(2026, 1, 7), 4, employee=employee, project=project)
        wizard = there["cra.generate"].create(
            {
                "company_id": elsewhere.id,
                "date_from": date(2026, 1, 1),
                "date_to": date(2026, 1, 31),
            }
        )
        foreign = there["cra.report"].search(wizard.action_generate()["domain"])
        self.assertEqual(foreign.company_id, elsewhere)
        self._send(foreign)
        self._agree(foreign)
        accountant = there(user=self.accountant.id)
        reports = self.january_report | foreign
        action = reports.with_env(accountant).action_create_invoices()
        invoices = accountant["account.move"].search(action["domain"])
        self.assertEqual(
            {move.company_id: move.invoice_line_ids.quantity for move in invoices},
            {self.company: 16, elsewhere: 4},
        )
        for move in invoices:
            self.assertEqual(move.journal_id.company_id, move.company_id)

    def test_down_payments_are_deducted_where_the_time_covers_them(self):
        wizard = self._get_wizard(advance_payment_method="fixed", fixed_amount=1000)
        wizard._create_invoices(self.order).action_post()
        small = self._invoice(self.february_report)
        self.assertEqual(small.amount_untaxed, 900)
        self.assertEqual(small.move_type, "out_invoice")
        invoice = self._invoice(self.january_report)
        self.assertEqual(invoice.amount_untaxed, 600)
        self.assertEqual(self.order_line.qty_to_invoice, 0)

    def test_an_order_that_is_billed_by_quantity_already_is_not_billed_again(self):
        invoice = self._invoice(self.february_report)
        invoice.invoice_line_ids.quantity = 25  # the accountant added January by hand
        invoice.action_post()
        with self._refused("Nothing is left"):
            self._invoice(self.january_report)


@tagged("post_install", "-at_install")
class TestCraMoney(CraMoneyCommon):
    """Every agreed hour is invoiced once, or free again."""

    def setUp(self):
        super().setUp()
        self.invoice = self._invoice(self.january_report)
        self.invoice.action_post()

    def _assert_free(self, hours, to_invoice=None):
        self.assertAlmostEqual(self._get_free_hours(), hours)
        self.assertAlmostEqual(
            self.order_line.qty_to_invoice, hours if to_invoice is None else to_invoice
        )

    def test_a_full_credit_note_frees_all_time_of_its_invoice(self):
        february = self._invoice(self.february_report)
        february.action_post()
        self._credit(self.invoice).action_post()
        self._assert_free(16)
        self.assertEqual(february.timesheet_ids, self.february)
        again = self._invoice(self.january_report)
        self.assertEqual(again.timesheet_ids, self.january)
        again.action_post()
        self._assert_free(9 - 9)

    def test_posting_through_post_frees_as_the_button_does(self):
        self._credit(self.invoice)._post()
        self._assert_free(16 + 9)

    def test_a_partial_credit_note_frees_what_it_credits(self):
        self._credit(self.invoice, 6).action_post()
        self._assert_free(6 + 9)
        self.assertEqual(sum(self.invoice.timesheet_ids.mapped("unit_amount")), 10)
        invoice = self._invoice_period(date(2026, 1, 1), date(2026, 1, 31))
        self.assertEqual(invoice.invoice_line_ids.quantity, 6)
        self.assertEqual(sum(invoice.timesheet_ids.mapped("unit_amount")), 6)

    def test_a_credit_that_no_time_makes_up_frees_none_of_it(self):
        self._credit(self.invoice, 1).action_post()
        self._assert_free(9, to_invoice=10)
        with self._refused("Nothing is left to invoice"):
            self._invoice(self.january_report)
        february = self._invoice(self.february_report)
        self.assertEqual(february.invoice_line_ids.quantity, 9)
        rest = self.order._create_invoices()
        self.assertEqual(rest.invoice_line_ids.quantity, 1)
        rest.action_post()

    def test_a_credit_note_reset_to_draft_bills_its_time_again(self):
        credit = self._credit(self.invoice, 8)
        credit.action_post()
        self.assertEqual(sum(self.invoice.timesheet_ids.mapped("unit_amount")), 8)
        credit.button_draft()
        self.assertEqual(self.invoice.timesheet_ids, self.january)
        credit.button_cancel()
        self._assert_free(9)

    def test_a_credit_note_is_not_withdrawn_once_its_time_is_billed_again(self):
        credit = self._credit(self.invoice)
        credit.action_post()
        again = self._invoice(self.january_report)
        again.action_post()
        with self._refused("bill 16.0 Hours of .* only 0.0 of the time"):
            credit.button_draft()
        again.button_draft()
        again.button_cancel()
        credit.button_draft()
        self.assertEqual(self.invoice.timesheet_ids, self.january)

    def test_a_part_of_the_time_is_not_billed_twice_either(self):
        credit = self._credit(self.invoice, 8)
        credit.action_post()
        self._invoice(self.january_report).action_post()
        with self._refused("bill 16.0 Hours of .* only 8.0 of"):
            credit.button_draft()

    def test_more_than_was_agreed_is_not_billed(self):
        draft = self._invoice(self.february_report)
        draft.invoice_line_ids.quantity = 12
        with self._refused("Lower the quantity"):
            draft.action_post()
        draft.invoice_line_ids.quantity = 9
        draft.write(
            {"invoice_line_ids": [Command.create({"name": "More", "price_unit": 5})]}
        )
        draft.action_post()

    def test_reset_to_draft_cancel_and_delete_free_the_time(self):
        self.invoice.button_draft()
        self._assert_free(9)
        self.invoice.button_cancel()
        self._assert_free(16 + 9)
        again = self._invoice(self.january_report)
        self._assert_free(9)
        again.unlink()
        self._assert_free(16 + 9)

    def test_a_cancelled_invoice_does_not_come_back_beside_its_successor(self):
        self.invoice.button_draft()
        self.invoice.button_cancel()
        again = self._invoice(self.january_report)
        again.action_post()
        self.invoice.button_draft()
        with self._refused("Lower the quantity"):
            self.invoice.action_post()
        self.assertEqual(again.timesheet_ids, self.january)

    def test_reverse_and_redo_keeps_the_time_on_the_new_invoice(self):
        wizard = self._get_reversal(self.invoice)
        wizard.modify_moves()
        redone = wizard.new_move_ids
        self.assertEqual(redone.timesheet_ids, self.january)
        self._assert_free(9)
        self.assertEqual(
            self._invoice_period(date(2026, 1, 1), date(2026, 2, 28)).timesheet_ids,
            self.february,
        )
        redone.invoice_line_ids.quantity = 14
        redone.action_post()
        self.assertEqual(sum(redone.timesheet_ids.mapped("unit_amount")), 14)
        self._assert_free(2)

    def test_a_line_deleted_from_a_draft_frees_its_time(self):
        draft = self._invoice(self.february_report)
        draft.invoice_line_ids.unlink()
        self._assert_free(9)
        again = self._invoice(self.february_report)
        self.assertEqual(again.timesheet_ids, self.february)

    def test_time_taken_off_a_draft_is_free_when_it_is_posted(self):
        draft = self._invoice(self.february_report)
        draft.invoice_line_ids.quantity = 4
        draft.action_post()
        self._assert_free(5)

    def test_the_period_dialog_never_bills_more_than_is_left(self):
        self._credit(self.invoice, 2).action_post()
        invoice = self._invoice_period(date(2026, 1, 1), date(2026, 12, 31))
        self.assertEqual(invoice.invoice_line_ids.quantity, 2 + 9)
        self.assertEqual(self.order_line.qty_to_invoice, 0)

    def test_the_period_dialog_leaves_the_rest_to_invoice(self):
        invoice = self._invoice_period(date(2026, 2, 1), date(2026, 2, 2))
        self.assertEqual(invoice.invoice_line_ids.quantity, 5)
        self.assertEqual(self.order_line.qty_to_invoice, 4)

    def test_a_refund_of_corrections_takes_no_other_time(self):
        action = self.january_report.action_correct()
        working = self.january_report.browse(action["res_id"])
        self._create_timesheet(date(2026, 1, 9), -2)
        working.action_refresh()
        self._send(working)
        self._agree(working)
        credit = self._invoice(working)
        credit.reversed_entry_id = self.invoice  # as some countries require
        credit.action_post()
        self.assertEqual(self.invoice.timesheet_ids, self.january)
        self._assert_free(9)

    def test_without_activity_reports_core_is_left_alone(self):
        self.project.cra_policy_id = False
        self.policy.active = False
        other, line = self._create_project("Gemini", self.partner_a)
        self._create_timesheet(date(2026, 3, 2), 8, project=other)
        self._create_timesheet(date(2026, 3, 3), 2, project=other)
        invoice = line.order_id._create_invoices()
        invoice.action_post()
        self._credit(invoice, 2).action_post()
        self.assertFalse(invoice.timesheet_ids)  # core frees all of it
