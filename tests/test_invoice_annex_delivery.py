import hashlib
import io
import itertools
from datetime import date, datetime
from types import SimpleNamespace
from unittest.mock import patch

import openpyxl
from pypdf import PdfReader, PdfWriter

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import BaseCase, HttpCase, tagged
from odoo.tools.pdf import OdooPdfFileReader, OdooPdfFileWriter

from odoo.addons.base.models import ir_actions_report
from odoo.addons.sale_timesheet_cra.models.annex_files import (
    BOTTOM,
    SIDE,
    TOP,
    append_to_invoice,
    get_placement,
)

from .annex_common import get_pages, get_text
from .test_invoice_annex_costs import CostCommon

SEND = "odoo.addons.sale_timesheet_cra.models.invoice_annex_send"
UBL = "odoo.addons.account_edi_ubl_cii.models.account_move_send.tools"


def make_invoice_pdf():
    """Return a PDF with an outline, page labels and an embedded file."""
    writer = PdfWriter()
    for _page in range(2):
        writer.add_blank_page(595, 842)
    writer.add_outline_item(title="Invoice heading", page_number=0)
    writer.set_page_label(0, 1, style="/r", prefix="I-")
    writer.add_attachment("factur-x.xml", b"<invoice/>")
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


@tagged("post_install", "-at_install")
class TestAppendToInvoice(BaseCase):
    def test_outline_labels_and_embedded_files_stay(self):
        annex = CostCommon.make_pdf(3, "annex page")
        content = append_to_invoice(make_invoice_pdf(), [("Time Detail", annex)])
        reader = PdfReader(io.BytesIO(content))
        numbers = [page.indirect_reference.idnum for page in reader.pages]
        self.assertEqual(len(numbers), 5)
        self.assertEqual(
            [
                (item.title, numbers.index(item.raw_get("/Page").idnum))
                for item in reader.outline
            ],
            [("Invoice heading", 0), ("Time Detail", 2)],
        )
        self.assertEqual(reader.page_labels[:2], ["I-i", "I-ii"])
        self.assertEqual(dict(reader.attachments), {"factur-x.xml": [b"<invoice/>"]})
        self.assertIn("annex page 3", reader.pages[4].extract_text())

    def test_core_still_makes_an_archive_of_it(self):
        """Core takes what pypdf wrote for PDF/A, and then leaves it as it is."""
        content = append_to_invoice(make_invoice_pdf(), [("A", CostCommon.make_pdf())])
        writer = OdooPdfFileWriter()
        writer.cloneReaderDocumentRoot(OdooPdfFileReader(io.BytesIO(content)))
        self.assertFalse(writer.is_pdfa)
        self.assertIn("/Outlines", writer._root_object)


@tagged("post_install", "-at_install")
class TestPlacement(BaseCase):
    """Where the page of a file is drawn on paper."""

    def place(self, point, matrix):
        a, b, c, d, e, f = matrix
        x, y = point
        return a * x + c * y + e, b * x + d * y + f

    def check(self, box, rotation, paper, turned):
        matrix, turn = get_placement(box, rotation, paper)
        self.assertEqual(turn, turned)
        left, bottom, right, top = box
        corners = [
            self.place((x, y), matrix) for x in (left, right) for y in (bottom, top)
        ]
        xs, ys = zip(*corners, strict=True)
        self.assertGreaterEqual(min(xs), SIDE - 0.01)
        self.assertLessEqual(max(xs), paper[0] - SIDE + 0.01)
        self.assertGreaterEqual(min(ys), BOTTOM - 0.01)
        self.assertLessEqual(max(ys), paper[1] - TOP + 0.01)
        return matrix

    def test_every_page_stays_within_the_edges(self):
        for box in ((0, 0, 595, 842), (0, 0, 842, 595), (-50, 20, 150, 900)):
            for rotation in (0, 90, 180, 270, 360, -90):
                for paper in ((595, 842), (842, 595), (612, 792)):
                    width, height = box[2] - box[0], box[3] - box[1]
                    if rotation % 180:
                        width, height = height, width
                    crosswise = (width > height) != (paper[0] > paper[1])
                    self.check(box, rotation, paper, crosswise)

    def test_small_pages_are_not_enlarged(self):
        matrix, turn = get_placement((0, 0, 100, 80), 0, (595, 842))
        self.assertEqual(matrix[0], 1)
        self.assertFalse(turn)

    def test_what_is_up_stays_up(self):
        upright = self.check((0, 0, 595, 842), 0, (595, 842), False)
        self.assertGreater(upright[3], 0)
        upside_down = self.check((0, 0, 595, 842), 180, (595, 842), False)
        self.assertLess(upside_down[3], 0)
        # Read after the paper was turned clockwise, as it is then shown.
        x, y = self.place((421, 595), self.check((0, 0, 842, 595), 0, (595, 842), True))
        self.assertLess(x, 595 / 2, "the top edge is on the left")


@tagged("post_install", "-at_install")
class TestInvoiceAnnexWorkbook(CostCommon):
    def open_workbook(self, move):
        annex = move.annex_ids
        attachment = annex.xlsx_attachment_id or annex.attachment_id
        self.assertTrue(attachment.name.endswith(".xlsx"))
        return openpyxl.load_workbook(io.BytesIO(attachment.raw))

    def test_real_numbers_and_dates_frozen_head_and_formulas(self):
        self.customer.annex_template_ids = self.create_template(
            "Detail",
            {"title": "Hours/[1]", "grouping": "employee", "show_amounts": True},
            format="both",
            intro="Dear {{ customer.name }}",
        )
        self.log(self.apollo, 2.25, "=1+1")
        self.log(self.apollo, 3.5, "<r>odd</r>", self.bruno, date(2025, 6, 1))
        move = self.invoice(self.apollo)
        self.send(move)
        annex = move.annex_ids
        self.assertEqual(annex.xlsx_attachment_id.name, annex.name[:-4] + ".xlsx")
        self.assertEqual(
            annex.xlsx_digest, hashlib.sha256(annex.xlsx_attachment_id.raw).hexdigest()
        )
        book = self.open_workbook(move)
        self.assertEqual(book.sheetnames, ["Hours 1", "Information"])
        sheet = book["Hours 1"]
        self.assertEqual(sheet.freeze_panes, "A2")
        rows = list(sheet.values)
        self.assertEqual(
            rows[0],
            (
                *("Consultant", "Date", "Description"),
                *("Hours", "Unit Price (USD)", "Amount (USD)"),
            ),
        )
        self.assertEqual(
            rows[1],
            ("Bruno Costa", datetime(2025, 6, 1), "<r>odd</r> ", 3.5, 100, 350),
        )
        self.assertEqual(rows[2][2], "=1+1")
        self.assertEqual(sheet["C3"].data_type, "s", "a text, not a formula")
        self.assertEqual(rows[3][3], "=ROUND(SUM(D2:D3),2)")
        self.assertEqual(rows[3][5], "=SUM(F2:F3)")
        values = openpyxl.load_workbook(
            io.BytesIO(annex.xlsx_attachment_id.raw), data_only=True
        )["Hours 1"]
        self.assertEqual(values["D4"].value, move.invoice_line_ids.quantity)
        self.assertEqual(values["F4"].value, move.amount_untaxed)
        texts = [cell for row in book["Information"].values for cell in row]
        for text in ("Detail", move.name, "Azur & Fils", "Dear Azur & Fils"):
            self.assertIn(text, texts)

    def test_several_units_and_rounding_of_each_line(self):
        one, two = (self.create_project(n, self.service_day) for n in ("One", "Two"))
        self.customer.annex_template_ids = self.create_template("Detail", format="xlsx")
        for project in (one, two):
            self.log(project, 1)  # 0.125 days are invoiced as 0.13
        self.log(self.apollo, 3)
        move = self.invoice(one, two, self.apollo)
        self.assertEqual(sum(move.invoice_line_ids.mapped("quantity")), 3.26)
        self.send(move)
        annex = move.annex_ids
        self.assertTrue(annex.name.endswith(".xlsx"))
        self.assertFalse(annex.xlsx_attachment_id)
        rows = list(self.open_workbook(move).worksheets[0].values)
        self.assertEqual(rows[0][-2:], ("Unit", "Quantity"))
        self.assertEqual(
            [row[-2:] for row in rows[-2:]],
            [
                ("Days", '=ROUND(SUMIF(D2:D4,"Days",E2:E4),2)+0.01'),
                ("Hours", '=ROUND(SUMIF(D2:D4,"Hours",E2:E4),2)'),
            ],
        )

    def test_hidden_amounts_are_not_in_the_workbook_either(self):
        self.customer.annex_template_ids = self.create_template(
            "Detail",
            format="xlsx",
            section_ids=[
                Command.create({"type": kind, "show_amounts": False})
                for kind in ("time", "cost", "product")
            ],
        )
        self.order.order_line = [
            Command.create({"product_id": self.product_a.id, "product_uom_qty": 3})
        ]
        self.log(self.apollo, 2)
        self.buy(8123)
        move = self.invoice_order()
        self.send(move)
        book = self.open_workbook(move)
        self.assertEqual(len(book.worksheets), 4)
        cells = [c for sheet in book.worksheets for row in sheet.values for c in row]
        amounts = {line.price_subtotal for line in move.invoice_line_ids}
        self.assertFalse(amounts & {c for c in cells if not isinstance(c, str)})
        texts = "".join(c for c in cells if isinstance(c, str))
        self.assertFalse([word for word in ("Amount", "Price", "USD") if word in texts])

    def test_it_is_evidence_as_well(self):
        self.customer.annex_template_ids = self.create_template("Detail", format="both")
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.send(move)
        file = move.annex_ids.xlsx_attachment_id
        for refused in (lambda: file.write({"raw": b"x"}), file.unlink):
            with self.assertRaisesRegex(UserError, "stays as it is"):
                refused()
        names = [
            document["filename"] for document in move._get_invoice_legal_documents_all()
        ]
        self.assertIn(file.name, names)
        self.assertIn(move.annex_ids.name, names)

    def test_excel_cannot_be_appended(self):
        with self.assertRaisesRegex(ValidationError, "cannot be appended"):
            self.template.write({"delivery": "appended", "format": "xlsx"})


@tagged("post_install", "-at_install")
class TestInvoiceAnnexAppended(CostCommon, HttpCase):
    """The invoice is printed by core, for real."""

    def setUp(self):
        super().setUp()
        parameters = self.env["ir.config_parameter"].sudo()
        parameters.set_param("report.print_delay", "0")
        self.template.write({"delivery": "appended", "format": "both"})
        self.customer.annex_template_ids = self.template

    def send_for_real(self, moves, **settings):
        user = self.users["accountant"]
        send = self.env["account.move.send"].with_user(user)
        with patch(UBL, SimpleNamespace(config={"test_enable": False})):
            send.with_context(force_report_rendering=True)._generate_and_send_invoices(
                moves.with_user(user), sending_methods=["email"], **settings
            )

    def test_the_invoice_holds_it(self):
        self.log(self.apollo, 2, "look here")
        move = self.invoice(self.apollo)
        placeholders = self.env[
            "account.move.send"
        ]._get_placeholder_mail_attachments_data(move)
        self.assertEqual(
            [one["name"].rpartition(".")[2] for one in placeholders], ["pdf", "xlsx"]
        )
        self.send_for_real(move)
        annex = move.annex_ids
        self.assertTrue(annex.is_appended)
        content = move.invoice_pdf_report_id.raw
        own, *appended = get_pages(content)
        self.assertNotIn("look here", own)
        self.assertEqual(appended, get_pages(annex.attachment_id.raw))
        self.assertIn("look here", appended[0])
        reader = PdfReader(io.BytesIO(content))
        self.assertEqual(reader.outline[-1].title, "Time Detail")
        self.assertGreater(len(reader.outline), 1, "the invoice's own is kept")
        [facturx] = reader.attachments["factur-x.xml"]
        self.assertIn(move.name.encode(), facturx)
        sent = move.message_ids.attachment_ids.mapped("name")
        self.assertIn(annex.xlsx_attachment_id.name, sent)
        self.assertNotIn(annex.name, sent, "it is in the invoice")
        names = [one["filename"] for one in move._get_invoice_legal_documents_all()]
        self.assertCountEqual(
            names, [move.invoice_pdf_report_id.name, annex.xlsx_attachment_id.name]
        )
        self.send_for_real(move)
        self.assertEqual(move.invoice_pdf_report_id.raw, content, "sent again")

    def test_each_invoice_of_a_batch_gets_its_own(self):
        hermes = self.create_project("Hermes")
        self.log(self.apollo, 1, "apollo work")
        self.log(hermes, 2, "hermes work")
        moves = self.invoice(self.apollo) | self.invoice(hermes)
        self.send_for_real(moves)
        for move, own, other in zip(
            moves, ("apollo", "hermes"), ("hermes", "apollo"), strict=True
        ):
            text = get_text(move.invoice_pdf_report_id.raw)
            self.assertIn(f"{own} work", text)
            self.assertNotIn(f"{other} work", text)
            reader = PdfReader(io.BytesIO(move.invoice_pdf_report_id.raw))
            self.assertIn(move.name.encode(), reader.attachments["factur-x.xml"][0])

    def test_no_time_is_waited_that_nobody_asked_for(self):
        """Odoo waits two seconds per call for scripts that may draw something."""
        self.customer.annex_template_ids = False
        parameters = self.env["ir.config_parameter"].sudo()
        for wanted, waited in ((False, "0"), ("300", "300")):
            parameters.set_param("report.print_delay", wanted)
            self.log(self.apollo, 1, "first")
            moves = self.invoice(self.apollo)
            self.log(self.apollo, 1, "second")
            moves |= self.invoice(self.apollo)
            with (
                patch(f"{SEND}.PRINT_BATCH", 1),
                # What is there lets the printed page load its stylesheets in a test.
                patch.object(
                    ir_actions_report,
                    "_run_wkhtmltopdf",
                    wraps=ir_actions_report._run_wkhtmltopdf,
                ) as call,
            ):
                self.send_for_real(moves)
            self.assertEqual(call.call_count, 2)
            for [arguments], _options in call.call_args_list:
                *_rest, last = (
                    value
                    for option, value in itertools.pairwise(arguments)
                    if option == "--javascript-delay"
                )
                self.assertEqual(last, waited)
            for move in moves:
                text = get_text(move.invoice_pdf_report_id.raw)
                self.assertIn(move.name, text)
                self.assertNotIn((moves - move).name, text)

    def test_an_invoice_that_was_printed_before_gets_a_file(self):
        self.log(self.apollo, 2, "look here")
        self.customer.annex_template_ids = False
        move = self.invoice(self.apollo)
        self.send_for_real(move)
        content = move.invoice_pdf_report_id.raw
        self.customer.annex_template_ids = self.template
        self.send_for_real(move)
        annex = move.annex_ids
        self.assertFalse(annex.is_appended)
        self.assertEqual(move.invoice_pdf_report_id.raw, content)
        self.assertIn("look here", get_text(annex.attachment_id.raw))

    def test_receipts_stay_out_of_a_facturx_invoice(self):
        template = self.create_template("Costs", {"type": "cost"}, delivery="appended")
        self.customer.annex_template_ids = template
        train = self.buy(80)
        receipt = self.attach(train.move_line_id.move_id, self.make_pdf(words="ticket"))
        move = self.invoice_order()
        send = self.env["account.move.send"]
        for edi_format, has_receipt, pages in (
            ("facturx", True, 1),
            ("facturx", False, 2),
            ("ubl_bis3", True, 3),
        ):
            receipt.res_id = train.move_line_id.move_id.id if has_receipt else 0
            self.env.invalidate_all()
            data = {
                "invoice_edi_format": edi_format,
                "pdf_attachment_values": {"raw": self.make_pdf(words="invoice")},
            }
            send._prepare_invoice_annexes({move.sudo(): data})
            send._append_annexes(move.sudo(), data)
            content = data["pdf_attachment_values"]["raw"]
            self.assertEqual(len(get_pages(content)), pages, edi_format)

    def test_cores_own_timesheets_are_not_attached_again(self):
        mail_template = self.env.ref("account.email_template_edi_invoice")
        mail_template.report_template_ids = self.env.ref(
            "sale_timesheet.timesheet_report_account_move"
        )
        send = self.env["account.move.send"]
        placeholders = send._get_placeholder_mail_template_dynamic_attachments_data
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertFalse(placeholders(move, mail_template))
        move.write({"annexes_chosen": True, "annex_template_ids": [Command.clear()]})
        self.assertEqual(len(placeholders(move, mail_template)), 1)
