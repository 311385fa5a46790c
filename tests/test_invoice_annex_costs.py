import base64
import io
from datetime import date

from PIL import Image
from pypdf import PdfReader, PdfWriter

from odoo import Command
from odoo.tests import BaseCase, tagged
from odoo.tools import mute_logger

from odoo.addons.sale_timesheet_cra.models.annex_costs import (
    BillingLine,
    Cost,
    allocate,
    credit,
)

from .annex_common import AnnexCommon, get_pages


class CostCommon(AnnexCommon):
    """Vendor bills and expenses that are passed on to the customer."""

    @classmethod
    def get_default_groups(cls):
        return super().get_default_groups() | cls.get_groups(
            "hr_expense.group_hr_expense_manager"
        )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cost_product, cls.price_product = cls.env["product.product"].create(
            [
                {
                    "name": "Travel",
                    "type": "service",
                    "invoice_policy": "delivery",
                    "expense_policy": "cost",
                    "can_be_expensed": True,
                    "taxes_id": False,
                    "supplier_taxes_id": False,
                },
                {
                    "name": "Mileage",
                    "type": "service",
                    "list_price": 0.5,
                    "invoice_policy": "delivery",
                    "expense_policy": "sales_price",
                    "taxes_id": False,
                    "supplier_taxes_id": False,
                },
            ]
        )
        cls.order = cls.apollo.sale_line_id.order_id
        cls.account = cls.env["account.analytic.account"].create(
            {
                "name": "Apollo costs",
                "plan_id": cls.env.ref("analytic.analytic_plan_projects").id,
            }
        )
        cls.apollo.account_id = cls.account
        cls.order.project_id = cls.apollo

    @classmethod
    def buy(cls, price, product=None, quantity=1, name="Train to Lyon", **vals):
        """Post a vendor bill that the order passes on; return its cost."""
        bill = cls.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "partner_id": cls.partner_b.id,
                "invoice_date": vals.pop("day", date(2026, 1, 7)),
                "date": date(2026, 1, 7),
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": name,
                            "product_id": (product or cls.cost_product).id,
                            "quantity": quantity,
                            "price_unit": price,
                            "tax_ids": False,
                            "analytic_distribution": {cls.account.id: 100},
                        }
                    )
                ],
                **vals,
            }
        )
        bill.action_post()
        return bill.line_ids.analytic_line_ids

    @classmethod
    def spend(cls, amount, name="Hotel in Lyon", quantity=None):
        """Post an expense of Anna that the order passes on; return its cost."""
        expense = cls.env["hr.expense"].create(
            {
                "name": name,
                "employee_id": cls.anna.id,
                "product_id": cls.cost_product.id,
                "total_amount_currency": amount,
                "date": date(2026, 1, 8),
                "payment_mode": "company_account",
                "sale_order_id": cls.order.id,
                "analytic_distribution": {cls.account.id: 100},
            }
        )
        expense.action_submit()
        expense._do_approve()
        expense.action_post()
        return expense.account_move_id.line_ids.analytic_line_ids

    @classmethod
    def attach(cls, record, content, name="receipt.pdf", mimetype="application/pdf"):
        return cls.env["ir.attachment"].create(
            {
                "name": name,
                "raw": content,
                "mimetype": mimetype,
                "res_model": record._name,
                "res_id": record.id,
            }
        )

    @classmethod
    def make_pdf(cls, pages=1, words="", password=None, size=(595, 842)):
        """Return a PDF that says its words on each page."""
        from reportlab.pdfgen.canvas import Canvas

        stream = io.BytesIO()
        canvas = Canvas(stream, pagesize=size)
        for page in range(pages):
            canvas.drawString(72, size[1] - 72, f"{words} {page + 1}")
            canvas.showPage()
        canvas.save()
        if password is None:
            return stream.getvalue()
        writer, protected = PdfWriter(), io.BytesIO()
        writer.append(PdfReader(stream))
        writer.encrypt(user_password=password, owner_password="owner")
        writer.write(protected)
        return protected.getvalue()

    @classmethod
    def make_image(cls, size=(400, 300), kind="PNG"):
        stream = io.BytesIO()
        Image.new("RGB", size, "#ddeeff").save(stream, kind)
        return stream.getvalue()

    def invoice_order(self, post=True):
        move = self.order._create_invoices()
        if post:
            move.action_post()
        return move


@tagged("post_install", "-at_install")
class TestAnnexCostAllocation(BaseCase):
    def test_whole_costs_up_to_the_quantity_oldest_first(self):
        days = [date(2026, 1, day) for day in (1, 2, 3, 4)]
        costs = [Cost(n, day, 1, None) for n, day in enumerate(days)]
        lines = [BillingLine("a", 2, None), BillingLine("b", 1.5, None)]
        self.assertEqual(allocate(costs, lines), {0: "a", 1: "a", 2: "b", 3: None})

    def test_costs_stay_where_they_were_billed(self):
        costs = [
            Cost(1, date(2026, 1, 1), 1, None),
            Cost(2, date(2026, 1, 2), 1, "a"),
            Cost(3, date(2026, 1, 3), 1, "gone"),
        ]
        self.assertEqual(
            allocate(costs, [BillingLine("a", 1, None)]), {1: None, 2: "a", 3: None}
        )

    def test_younger_costs_are_not_those_of_an_old_invoice(self):
        costs = [Cost(1, date(2026, 1, 1), 1, None), Cost(2, date(2026, 3, 1), 1, None)]
        lines = [BillingLine("a", 2, date(2026, 2, 1)), BillingLine("b", 1, None)]
        self.assertEqual(allocate(costs, lines), {1: "a", 2: "b"})

    def test_credits_take_the_youngest_lines_first(self):
        lines = [("a", 2), ("b", 1)]
        self.assertEqual(credit(lines, [({"a", "b"}, 2)]), {"a": 1, "b": 0})
        self.assertEqual(credit(lines, [({"a"}, 5)]), {"a": 0, "b": 1})


@tagged("post_install", "-at_install")
class TestInvoiceAnnexCosts(CostCommon):
    def test_the_invoice_line_that_billed_a_cost_is_recorded(self):
        train, hotel = self.buy(80), self.spend(120)
        self.assertFalse((train | hotel).reinvoice_line_id)
        first = self.invoice_order(post=False)
        self.assertFalse((train | hotel).reinvoice_line_id, "a draft bills nothing yet")
        first.action_post()
        self.assertEqual((train | hotel).reinvoice_line_id.move_id, first)
        self.assertEqual(train.reinvoice_line_id.price_subtotal, 80)
        self.assertEqual(hotel.reinvoice_line_id.price_subtotal, 120)
        taxi = self.buy(30, name="Taxi")
        second = self.invoice_order()
        self.assertEqual(taxi.reinvoice_line_id.move_id, second)
        self.assertEqual(train.reinvoice_line_id.move_id, first)

    def test_one_order_line_for_many_bills(self):
        january = self.buy(1, self.price_product, 120, "Car")
        first = self.invoice_order()
        february = self.buy(1, self.price_product, 80, "Car", day=date(2026, 2, 3))
        self.assertEqual(january.so_line, february.so_line)
        second = self.invoice_order()
        self.assertEqual(january.reinvoice_line_id.move_id, first)
        self.assertEqual(february.reinvoice_line_id.move_id, second)

    def test_a_removed_draft_line_leaves_its_cost_free(self):
        train, taxi = self.buy(80), self.buy(30, name="Taxi")
        first = self.invoice_order(post=False)
        first.invoice_line_ids.filtered(lambda line: line.price_unit == 80).unlink()
        first.action_post()
        self.assertFalse(train.reinvoice_line_id)
        self.assertEqual(taxi.reinvoice_line_id.move_id, first)
        second = self.invoice_order()
        self.assertEqual(train.reinvoice_line_id.move_id, second)

    def test_a_lowered_quantity_leaves_costs_free(self):
        older = self.buy(1, self.price_product, 120)
        younger = self.buy(1, self.price_product, 80, day=date(2026, 2, 3))
        move = self.invoice_order(post=False)
        move.invoice_line_ids.quantity = 120
        move.action_post()
        self.assertEqual(older.reinvoice_line_id.move_id, move)
        self.assertFalse(younger.reinvoice_line_id)

    def test_reset_and_cancel_release(self):
        train = self.buy(80)
        first = self.invoice_order()
        self.assertEqual(train.reinvoice_line_id.move_id, first)
        first.button_draft()
        self.assertFalse(train.reinvoice_line_id)
        first.action_post()
        self.assertEqual(train.reinvoice_line_id.move_id, first)
        first.button_cancel()
        self.assertFalse(train.reinvoice_line_id)
        second = self.invoice_order()
        self.assertEqual(train.reinvoice_line_id.move_id, second)

    def test_what_was_reset_is_not_billed_by_another_invoice(self):
        january = self.buy(1, self.price_product, 120)
        first = self.invoice_order()
        first.button_draft()
        february = self.buy(1, self.price_product, 80, day=date(2026, 2, 3))
        second = self.invoice_order()
        self.assertEqual(february.reinvoice_line_id.move_id, second)
        self.assertFalse(january.reinvoice_line_id)
        first.action_post()
        self.assertEqual(january.reinvoice_line_id.move_id, first)
        self.assertEqual(february.reinvoice_line_id.move_id, second)

    def test_a_vendor_bill_that_is_posted_again_stays_billed(self):
        bill = self.buy(1, self.price_product, 120).move_line_id.move_id
        move = self.invoice_order()
        bill.button_draft()
        bill.action_post()
        cost = bill.line_ids.analytic_line_ids
        self.assertEqual(len(cost), 1)
        self.assertEqual(cost.reinvoice_line_id.move_id, move)

    def test_a_full_credit_note_releases_all(self):
        train, hotel = self.buy(80), self.spend(120)
        move = self.invoice_order()
        move._reverse_moves([{"invoice_date": date(2026, 2, 1)}], cancel=True)
        self.assertFalse((train | hotel).reinvoice_line_id)
        second = self.invoice_order()
        self.assertEqual((train | hotel).reinvoice_line_id.move_id, second)

    def test_a_partial_credit_note_releases_only_what_it_credits(self):
        train, taxi = self.buy(80), self.buy(30, name="Taxi")
        move = self.invoice_order()
        note = move._reverse_moves([{"invoice_date": date(2026, 2, 1)}])
        note.invoice_line_ids.filtered(lambda line: line.price_unit == 80).unlink()
        self.assertEqual((train | taxi).reinvoice_line_id.move_id, move)
        note.action_post()
        self.assertEqual(train.reinvoice_line_id.move_id, move)
        self.assertFalse(taxi.reinvoice_line_id)
        note.button_draft()
        self.assertEqual(taxi.reinvoice_line_id.move_id, move, "billed there again")
        note.action_post()
        self.assertFalse(taxi.reinvoice_line_id)
        second = self.invoice_order()
        self.assertEqual(taxi.reinvoice_line_id.move_id, second)

    def test_part_of_one_line_is_credited(self):
        older = self.buy(1, self.price_product, 120)
        younger = self.buy(1, self.price_product, 80, day=date(2026, 2, 3))
        move = self.invoice_order()
        note = move._reverse_moves([{"invoice_date": date(2026, 3, 1)}])
        note.invoice_line_ids.quantity = 80
        note.action_post()
        self.assertEqual(older.reinvoice_line_id.move_id, move)
        self.assertFalse(younger.reinvoice_line_id)

    def test_invoices_from_before_the_addon_keep_their_costs(self):
        old = self.buy(1, self.price_product, 120)
        first = self.invoice_order()
        old.reinvoice_line_id = False
        new = self.buy(1, self.price_product, 120, day=date(2026, 2, 3))
        new.date = date(2100, 1, 1)
        second = self.invoice_order()
        self.assertEqual(old.reinvoice_line_id.move_id, first)
        self.assertEqual(new.reinvoice_line_id.move_id, second)

    def test_costs_split_over_accounts_count_once(self):
        one = self.buy(1, self.price_product, 120)
        two = one.copy({"amount": -40, "so_line": one.so_line.id})
        self.assertEqual(two.move_line_id, one.move_line_id)
        move = self.invoice_order()
        self.assertEqual((one | two).reinvoice_line_id.move_id, move)

    def test_who_invoices_needs_no_right_on_costs(self):
        train = self.buy(80)
        user = self.users["accountant"]
        move = self.order.with_user(user).sudo()._create_invoices()
        move.with_user(self.users["accountant"]).action_post()
        self.assertEqual(train.reinvoice_line_id.move_id, move)


@tagged("post_install", "-at_install")
class TestInvoiceAnnexReceipts(CostCommon):
    def setUp(self):
        super().setUp()
        self.costs = self.create_template("Costs", {"type": "cost"})
        self.customer.annex_template_ids = self.costs

    def print_annex(self, move):
        self.send(move)
        return get_pages(move.annex_ids.attachment_id.raw)

    def test_costs_are_listed_with_their_receipts(self):
        train = self.buy(80)
        hotel = self.spend(120.5)
        self.attach(train.move_line_id.move_id, self.make_pdf(2, "train ticket"))
        self.attach(
            hotel.move_line_id.expense_id, self.make_image(), "h.png", "image/png"
        )
        move = self.invoice_order()
        pages = self.print_annex(move)
        self.assertEqual(len(pages), 4)
        first = pages[0]
        for shown in (
            "1\n01/07/2026",
            "Train to Lyon",
            "2\n01/08/2026",
            "Hotel in Lyon",
            "Anna Meyer",
            "80.00",
            "120.50",
            "$ 200.50",
        ):
            self.assertIn(shown, first)
        self.assertIn("Receipt 1 – Train to Lyon", pages[1])
        self.assertIn("train ticket 1", pages[1])
        self.assertIn("train ticket 2", pages[2])
        self.assertIn("Receipt 2 – Hotel in Lyon", pages[3])
        for number, page in enumerate(pages, start=1):
            self.assertIn(move.name, page)
            self.assertIn("Azur & Fils", page)
            self.assertIn(f"{number} / 4", page)
        reader = PdfReader(io.BytesIO(move.annex_ids.attachment_id.raw))
        self.assertEqual(
            [item.title for item in reader.outline],
            ["Receipt 1 – Train to Lyon", "Receipt 2 – Hotel in Lyon"],
        )
        self.assertTrue(reader.pages[3]["/Resources"]["/XObject"])

    def test_a_draft_shows_what_it_will_bill(self):
        billed, waiting = self.buy(80), self.buy(30, name="Taxi")
        first = self.invoice_order()
        first.button_draft()
        first.invoice_line_ids.filtered(lambda line: line.price_unit == 30).unlink()
        text = "".join(get_pages(first._print_annexes()))
        self.assertIn("$ 80.00", text)
        self.assertNotIn("Taxi", text)
        self.assertFalse((billed | waiting).reinvoice_line_id)

    def test_one_bill_with_many_lines_is_appended_once(self):
        bill = self.buy(80).move_line_id.move_id
        bill.button_draft()
        bill.invoice_line_ids.copy(
            {"move_id": bill.id, "price_unit": 20, "name": "Bus"}
        )
        bill.action_post()
        self.attach(bill, self.make_pdf(words="both"))
        pages = self.print_annex(self.invoice_order())
        self.assertEqual(len(pages), 2)
        self.assertIn("Receipt 1, 2 – Train to Lyon", pages[1])

    def test_receipts_can_be_left_out(self):
        self.costs.section_ids.show_receipts = False
        train = self.buy(80)
        self.attach(train.move_line_id.move_id, self.make_pdf(words="secret"))
        [page] = self.print_annex(self.invoice_order())
        self.assertNotIn("Receipt", page)

    def test_our_own_cost_is_not_shown(self):
        self.buy(33.33, self.price_product, 10, "Car")
        [page] = self.print_annex(self.invoice_order())
        self.assertIn("$ 5.00", page)
        self.assertNotIn("33", page.replace("2033", ""))

    def test_costs_in_groups(self):
        self.costs.section_ids.write({"grouping": "order_line", "show_amounts": True})
        self.buy(80)
        self.buy(1, self.price_product, 120, "Car")
        [page] = self.print_annex(self.invoice_order())
        self.assertIn("$ 80.00", page)
        self.assertIn("120.00", page)
        self.assertIn("$ 60.00", page)

    def test_no_receipt_goes_to_another_invoice(self):
        train = self.buy(80)
        self.attach(train.move_line_id.move_id, self.make_pdf(words="January"))
        first = self.invoice_order()
        taxi = self.buy(30, name="Taxi")
        self.attach(taxi.move_line_id.move_id, self.make_pdf(words="February"))
        second = self.invoice_order()
        self.send(first | second)
        for move, own, other in (
            (first, "January", "February"),
            (second, "February", "January"),
        ):
            pages = get_pages(move.annex_ids.attachment_id.raw)
            self.assertEqual(len(pages), 2)
            self.assertIn(own, pages[1])
            self.assertNotIn(other, "".join(pages))

    @mute_logger("pypdf._reader")
    def test_whatever_receipt_comes_the_annex_is_readable(self):
        broken = self.make_pdf(words="x")[:300]
        for content, name, mimetype, pages in (
            (b"no image", "broken.png", "image/png", 1),
            (self.make_image()[:200], "cut.png", "image/png", 2),
            (broken, "broken.pdf", "application/pdf", 1),
            (b"", "empty.pdf", "application/pdf", 1),
            (self.make_pdf(password="secret"), "locked.pdf", "application/pdf", 1),
            (self.make_pdf(password=""), "protected.pdf", "application/pdf", 2),
            (self.make_pdf(200), "long.pdf", "application/pdf", 1),
            (b"%PDF" + b"0" * 30_000_000, "huge.pdf", "application/pdf", 1),
            (b"<svg/>", "drawing.svg", "image/svg+xml", 1),
            (b"word", "letter.docx", "application/msword", 1),
            (self.make_image((9000, 3000), "JPEG"), "big.jpg", "image/jpeg", 2),
            (self.make_image((60, 40), "GIF"), "small.gif", "image/gif", 2),
            (b"II*\0", "scan.tiff", "image/tiff", 1),
            (self.make_pdf(size=(2400, 3300)), "poster.pdf", "application/pdf", 2),
            (self.make_pdf(size=(842, 595)), "wide.pdf", "application/pdf", 2),
        ):
            with self.subTest(name):
                train = self.buy(80, name=f"Train 🚆 {name}")
                receipt = self.attach(
                    train.move_line_id.move_id, content, name, mimetype
                )
                self.assertEqual(receipt.mimetype, mimetype)
                move = self.invoice_order()
                [plan] = move.sudo()._plan_annexes()
                issues = plan.template._prepare_contents(plan)[0].issues
                self.assertEqual(len(issues), 2 - pages, issues)
                if issues:
                    self.assertIn(name, issues[0])
                result = self.print_annex(move)
                self.assertEqual(len(result), pages)
                self.assertIn("$ 80.00", result[0])
                size = len(move.annex_ids.attachment_id.raw)
                self.assertLess(size, 500_000)

    def test_what_was_signed_on_a_document_is_drawn(self):
        from reportlab.pdfgen.canvas import Canvas

        stream = io.BytesIO()
        canvas = Canvas(stream, pagesize=(595, 842))
        canvas.acroForm.textfield(value="filled in by hand", x=90, y=300, width=200)
        canvas.showPage()
        canvas.save()
        train = self.buy(80)
        self.attach(train.move_line_id.move_id, stream.getvalue())
        pages = self.print_annex(self.invoice_order())
        self.assertIn("filled in by hand", pages[1])

    def test_documents_appear_once_per_invoice(self):
        both = [
            self.create_template(
                name,
                {
                    "type": "document",
                    "with_purchase_order": True,
                    "with_order_files": 1,
                },
            )
            for name in ("First", "Second")
        ]
        self.customer.annex_template_ids = both[0] | both[1]
        order = self.attach(
            self.order, self.make_pdf(words="please deliver"), "PO 77.pdf"
        )
        foreign = self.attach(self.users["chief"], self.make_pdf(words="private"))
        self.order.client_order_file_ids = order | foreign
        self.attach(self.order, self.make_pdf(words="terms"), "Terms.pdf")
        self.attach(self.order, b"x", "notes.txt", "text/plain")
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertEqual(move.annex_ids.template_id, both[0])
        pages = self.print_annex(move)
        self.assertEqual(len(pages), 3)
        self.assertIn("Purchase order – PO 77", pages[0])
        self.assertIn("Purchase order – PO 77", pages[1])
        self.assertIn("please deliver", pages[1])
        self.assertIn("Order document – Terms", pages[2])
        self.assertNotIn("private", "".join(pages))

    def test_the_quotation_the_customer_signed(self):
        self.customer.annex_template_ids = self.create_template(
            "Quotation", {"type": "document", "with_quotation": True}
        )
        self.attach(
            self.order, self.make_pdf(words="drafted"), f"{self.order.name}.pdf"
        )
        self.log(self.apollo, 2)
        self.assertFalse(self.invoice(self.apollo).annex_ids, "nobody signed it")
        self.order.write(
            {
                "signed_on": "2026-01-02 10:00:00",
                "signature": base64.b64encode(self.make_image()),
            }
        )
        self.attach(self.order, self.make_pdf(words="signed"), f"{self.order.name}.pdf")
        self.log(self.apollo, 2)
        pages = self.print_annex(self.invoice(self.apollo))
        self.assertEqual(len(pages), 2)
        self.assertIn("signed", pages[1])

    def test_files_of_the_invoice(self):
        self.customer.annex_template_ids = self.create_template(
            "Files", {"type": "document", "with_invoice_files": True}
        )
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.attach(move, self.make_pdf(words="protocol"), "Protocol.pdf")
        pages = self.print_annex(move)
        self.assertEqual(len(pages), 2)
        self.assertIn("protocol", pages[1])
        self.assertIn("Document – Protocol", pages[1])

    def test_the_number_of_queries_does_not_grow_with_the_invoices(self):
        self.customer.annex_template_ids = self.env.ref(
            "sale_timesheet_cra.annex_template_full"
        )
        moves = self.env["account.move"]
        for number in range(14):
            train = self.buy(80 + number)
            self.attach(train.move_line_id.move_id, self.make_pdf(words="ticket"))
            hotel = self.spend(120)
            self.attach(hotel.move_line_id.expense_id, self.make_pdf(words="bill"))
            moves |= self.invoice_order()
        counts = []
        for batch in (moves[:2], moves[2:]):
            self.env.flush_all()
            self.env.invalidate_all()
            data = {move: {} for move in batch.sudo()}
            before = self.env.cr.sql_log_count
            self.env["account.move.send"]._prepare_invoice_annexes(data)
            counts.append(self.env.cr.sql_log_count - before)
            for invoice_data in data.values():
                [printed] = invoice_data["annex_contents"].values()
                self.assertEqual(len(get_pages(printed.pdf)), 3)
        # Chunks: annexes with files are few at a time, each within a savepoint.
        self.assertLessEqual(counts[1], counts[0] + 4)
