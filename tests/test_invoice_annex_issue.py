from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .annex_common import get_text
from .test_invoice_annex_costs import CostCommon


@tagged("post_install", "-at_install")
class TestInvoiceAnnexIssue(CostCommon):
    """Annexes are compared with what the invoice bills."""

    def make_move(self, hours=5.25, billed=6):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, hours)
        move = self.invoice(self.apollo, post=False)
        move.invoice_line_ids.quantity = billed
        move.action_post()
        return move.with_user(self.users["accountant"])

    def test_what_fits_is_not_mentioned(self):
        self.template.required = True
        move = self.make_move(5.25, 5.25)
        self.assertFalse(move.annex_warning)
        self.assertFalse(move.annex_blocker)
        self.send(move)
        self.assertEqual(move.annex_ids.state, "frozen")
        self.assertFalse(move.annex_ids.warning)

    def test_a_difference_is_a_warning(self):
        move = self.make_move()
        self.assertEqual(
            move.annex_warning,
            "Time Detail: “Consulting by the Hours” bills 6.00 Hours, the annex "
            "explains 5.25.",
        )
        self.assertFalse(move.annex_blocker)
        wizard = (
            self.env["account.move.send.wizard"]
            .with_user(self.users["accountant"])
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({})
        )
        self.assertEqual(wizard.alerts["annexes"]["level"], "warning")
        self.send(move)
        self.assertEqual(move.annex_ids.state, "frozen")
        self.assertIn("bills 6.00 Hours", move.annex_ids.warning)
        self.assertFalse(move.annex_warning, "it was sent")

    def test_a_difference_of_a_required_annex_blocks_sending(self):
        self.template.required = True
        move = self.make_move()
        self.assertIn("bills 6.00 Hours, the annex explains 5.25", move.annex_blocker)
        with self.assertRaisesRegex(UserError, "lacks a required annex, or it does"):
            self.send(move)
        self.assertFalse(move.is_move_sent)
        blockers = self.env["account.move.send"]._get_run_blockers(move)[move.id]
        self.assertEqual([blocker["code"] for blocker in blockers], ["annexes"])
        self.assertIn(move.name, blockers[0]["message"])
        run = self.env["invoice.send.run"].with_user(move.env.user)._open(move)
        self.assertEqual(run.line_ids.state, "blocked")

    def test_it_is_checked_again_while_sending(self):
        self.template.required = True
        move = self.make_move(6, 6)
        self.log(self.apollo, 1).sudo().timesheet_invoice_id = move
        data = {move.sudo(): {}}
        self.env["account.move.send"]._prepare_invoice_annexes(data)
        self.assertIn("explains 7.00", data[move.sudo()]["error"]["errors"][0])

    def test_the_preview_shows_it_nevertheless(self):
        self.template.required = True
        move = self.make_move()
        self.assertTrue(move.preview_annexes({}))

    def test_others_of_a_run_are_not_stopped(self):
        self.template.required = True
        bad = self.make_move()
        hermes = self.create_project("Hermes")
        self.log(hermes, 3)
        good = self.invoice(hermes)
        blockers = self.env["account.move.send"]._get_run_blockers(bad | good)
        self.assertTrue(blockers[bad.id])
        self.assertFalse(blockers[good.id])

    def test_days_are_compared_as_core_rounds_them(self):
        project = self.create_project("Daily", self.service_day)
        self.customer.annex_template_ids = self.template
        for hours in (7, 1, 1, 0.5, 2.75):
            self.log(project, hours)
        move = self.invoice(project)
        self.assertEqual(move.invoice_line_ids.quantity, 1.53)
        self.assertFalse(move.annex_warning)
        move.button_draft()
        move.invoice_line_ids.quantity = 1.54
        self.assertIn("bills 1.54 Days, the annex explains 1.53", move.annex_warning)

    def test_time_of_two_projects_explains_one_line_together(self):
        other = self.create_project(
            "Other", annex_template_ids=self.create_template("Own").ids
        )
        other.sale_line_id = self.apollo.sale_line_id
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        self.log(other, 3)
        move = self.invoice(self.apollo)
        self.assertEqual(move.invoice_line_ids.quantity, 5)
        self.assertEqual(len(move.annex_ids), 2)
        self.assertFalse(move.annex_warning)

    def test_one_order_line_on_two_invoice_lines(self):
        self.customer.annex_template_ids = self.create_template(
            "Amounts", {"show_amounts": True}
        )
        self.log(self.apollo, 5)
        move = self.invoice(self.apollo, post=False)
        line = move.invoice_line_ids
        line.quantity = 2
        line.copy(
            {"quantity": 3, "price_unit": 60, "sale_line_ids": line.sale_line_ids}
        )
        move.action_post()
        self.assertEqual(len(move.invoice_line_ids.sale_line_ids), 1)
        self.assertFalse(move.annex_warning)
        self.send(move)
        self.assertIn("$ 380.00", get_text(move.annex_ids.attachment_id.raw))

    def test_time_whose_line_is_gone(self):
        move = self.make_move(3, 3)
        self.log(self.apollo, 1, so_line=False).timesheet_invoice_id = move
        self.assertIn("1 of its timesheets are on no line", move.annex_warning)

    def test_a_currency_without_cents(self):
        yen = self.env.ref("base.JPY")
        yen.active = True
        self.customer.annex_template_ids = self.create_template(
            "Amounts", {"show_amounts": True}
        )
        for hours in (1.1, 1.1, 1.1):
            self.log(self.apollo, hours)
        move = self.invoice(self.apollo, post=False)
        move.currency_id = yen
        move.invoice_line_ids.price_unit = 1000.5
        move.action_post()
        self.assertEqual(move.amount_untaxed, 3302)
        self.assertFalse(move.annex_warning)
        self.send(move)
        text = get_text(move.annex_ids.attachment_id.raw)
        self.assertIn("¥ 3,302", text)
        self.assertEqual(text.count("1,101") + text.count("1,100"), 3)

    def test_costs_are_compared(self):
        self.customer.annex_template_ids = self.create_template(
            "Costs", {"type": "cost"}, required=True
        )
        train = self.buy(80)
        self.buy(30, name="Taxi")
        move = self.invoice_order()
        self.assertFalse(move.annex_blocker)
        train.reinvoice_line_id = False
        move.invalidate_recordset()
        self.assertIn("bills 1.00 Units, the annex explains 0.00", move.annex_blocker)

    def test_a_receipt_that_cannot_be_read_blocks_when_required(self):
        template = self.create_template("Costs", {"type": "cost"})
        self.customer.annex_template_ids = template
        train = self.buy(80)
        self.attach(train.move_line_id.move_id, self.make_pdf(password="secret"))
        move = self.invoice_order()
        self.assertIn("receipt.pdf", move.annex_warning)
        self.assertIn("It is protected by a password.", move.annex_warning)
        template.required = True
        move.invalidate_recordset()
        self.assertIn("receipt.pdf", move.annex_blocker)

    def test_a_required_document_that_is_missing(self):
        template = self.create_template(
            "Order",
            {"type": "document", "with_purchase_order": True, "with_quotation": True},
        )
        self.customer.annex_template_ids = template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertFalse(move.annex_ids)
        self.assertFalse(move.annex_warning)
        template.required = True
        move.action_update_annexes()
        self.assertEqual(move.annex_ids.state, "draft")
        self.assertIn("There is no purchase order of the customer.", move.annex_blocker)
        self.order.client_order_file_ids = self.attach(self.order, self.make_pdf())
        template.section_ids.with_quotation = False
        move.invalidate_recordset()
        self.assertFalse(move.annex_blocker)
        self.send(move)
        self.assertEqual(move.annex_ids.state, "frozen")

    def test_time_the_customer_did_not_agree_to(self):
        self.customer.annex_template_ids = self.create_template(
            "Agreed", {"type": "cra"}, required=True
        )
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertIn(
            "1 of its timesheets are on no activity report", move.annex_blocker
        )

    def test_credit_notes_are_not_compared(self):
        self.template.required = True
        move = self.make_move(6, 6)
        note = move.sudo()._reverse_moves([{"invoice_date": "2026-02-01"}])
        note.action_post()
        self.assertFalse(note.annex_blocker)
        self.assertFalse(note.annex_ids)

    def test_the_number_of_queries_does_not_grow_with_the_invoices(self):
        self.template.required = True
        self.env.company.annex_template_ids = self.template
        moves = self.env["account.move"]
        for number in range(22):
            partner = self.customer.copy({"name": f"Customer {number}"})
            project = self.create_project(f"P{number}", partner=partner)
            self.log(project, 1)
            moves |= self.invoice(project)
        counts = []
        for batch in (moves[:2], moves[2:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertFalse(any(batch.mapped("annex_blocker")))
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0])

    def test_chosen_annexes_lift_the_block(self):
        self.template.required = True
        move = self.make_move()
        self.assertTrue(move.annex_blocker)
        move.write({"annexes_chosen": True, "annex_template_ids": [Command.clear()]})
        self.assertFalse(move.annex_blocker)
        self.send(move)
        self.assertTrue(move.is_move_sent)
