import io
from unittest.mock import patch

from markupsafe import Markup
from pypdf import PdfReader
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from odoo.exceptions import UserError
from odoo.tests import BaseCase, TransactionCase, tagged
from odoo.tools import mute_logger

from odoo.addons.base.models import ir_actions_report as core_report

from ..reports import pdf_batch
from ..reports.pdf_batch import BatchMismatch, LeanDocument
from .annex_common import get_text

ENGINE_LOGGER = "odoo.addons.sale_timesheet_cra.models.ir_actions_report"


@tagged("post_install", "-at_install")
class TestPdfBatchPlan(BaseCase):
    def test_a_name_occurs_once_per_batch(self):
        batches = pdf_batch.plan_batches(["A", "B", "A", "C", "A"], 10)
        self.assertEqual(batches, [[0, 1, 3], [2], [4]])

    def test_names_are_compared_as_the_footer_shows_them(self):
        long = "x" * 200
        batches = pdf_batch.plan_batches([f"{long}1", f"{long}2", "A  B", "A B"], 10)
        self.assertEqual(batches, [[0, 2], [1, 3]])

    def test_a_batch_is_no_longer_than_wanted(self):
        batches = pdf_batch.plan_batches([str(number) for number in range(7)], 3)
        self.assertEqual(batches, [[0, 1, 2], [3, 4, 5], [6]])

    def test_content_at_the_height_of_the_footer_is_not_taken_for_it(self):
        def text(x, y, glyphs):
            return (
                f"BT\n/F1 10 Tf 1 0 0 -1 0 0 Tm\n{x} {y} Td <{glyphs}> Tj\nET\n"
            ).encode()

        contents = DecodedStreamObject()
        contents.set_data(
            text(0, -949, "0001") + text(80, -949, "0001")  # a row of the table
            + text(0, -949, "0002") + text(9, -949, "0003") + text(600, -949, "0001")
        )  # fmt: skip
        font = DictionaryObject()
        characters = DecodedStreamObject()
        characters.set_data(
            b"beginbfchar <0001> <0041> <0002> <00E9> endbfchar "
            b"beginbfrange <0003> <0004> <0042> endbfrange"
        )
        font[NameObject("/ToUnicode")] = characters
        fonts = DictionaryObject({NameObject("/F1"): font})
        page = {"/Contents": contents, "/Resources": {"/Font": fonts}}
        self.assertEqual(pdf_batch._read_footer(page, {}), pdf_batch.Footer("éB", "A"))

    def test_a_name_that_does_not_read_back_is_printed_alone(self):
        batches = pdf_batch.plan_batches(["A", "مرحبا", "Temps – déc. №", "[page]"], 10)
        self.assertEqual(batches, [[0], [1], [2], [3]])
        batches = pdf_batch.plan_batches(["A", "R&D <x> – é", "Ωμέγα Проект"], 10)
        self.assertEqual(batches, [[0, 1, 2]])


@tagged("post_install", "-at_install")
class TestLeanPdf(TransactionCase):
    def setUp(self):
        super().setUp()
        self.engine = self.env["ir.actions.report"]
        self.calls = []
        run = core_report._run_wkhtmltopdf

        def count(args):
            self.calls.append(args)
            return run(args)

        self.patch(core_report, "_run_wkhtmltopdf", count)

    def render(self, *documents, **kwargs):
        return self.engine._render_lean_documents(
            [LeanDocument(name, body) for name, body in documents], **kwargs
        )

    def table(self, word, rows):
        row = Markup("<tr><td>%s %s</td><td>some work</td></tr>")
        return Markup(
            '<table class="lines"><thead><tr><th>Head %s</th></tr></thead>%s</table>'
        ) % (word, Markup().join(row % (word, number) for number in range(rows)))

    def test_many_documents_are_one_call_and_each_holds_its_own_pages(self):
        sizes = {"INV/1": 3, "INV/11": 60, "INV/2": 1, "INV/12": 200}
        pdfs = self.render(
            *((name, self.table(f"<{name}>", rows)) for name, rows in sizes.items())
        )
        self.assertEqual(len(self.calls), 1)
        for pdf, (name, rows) in zip(pdfs, sizes.items(), strict=True):
            pages = PdfReader(io.BytesIO(pdf)).pages
            for number, page in enumerate(pages, start=1):
                text = page.extract_text()
                self.assertIn(f"Head <{name}>", text, "the head repeats on each page")
                lines = text.strip().splitlines()
                self.assertEqual(lines[-2:], [name, f"{number} / {len(pages)}"])
            text = get_text(pdf)
            self.assertEqual(text.count("some work"), rows)
            self.assertEqual(text.count(f"<{name}> "), rows)

    def test_any_name_gives_its_own_document(self):
        names = [
            "R&D <x> / é مرحبا",
            "same",
            "same",
            "same ",
            "[sitepage]",
            "x" * 300,
            "x" * 299 + "y",
            "日本語",
            "🙂",
            "",
        ]
        pdfs = self.render(*((name, f"body-{at}-") for at, name in enumerate(names)))
        for at, pdf in enumerate(pdfs):
            self.assertEqual(get_text(pdf).count("body-"), 1)
            self.assertIn(f"body-{at}-", get_text(pdf))
        self.assertIn("R&D <x> / é", get_text(pdfs[0]))

    def test_a_body_that_is_not_markup_is_text(self):
        [pdf] = self.render(("INV/1", "<b>1 < 2</b>"))
        self.assertIn("<b>1 < 2</b>", get_text(pdf))

    def test_swapped_documents_are_found_and_printed_singly(self):
        run = core_report._run_wkhtmltopdf

        def swap(args):
            *options, first, second, target = args
            if "report.body.tmp" in first:
                args = [*options, second, first, target]
            return run(args)

        self.patch(core_report, "_run_wkhtmltopdf", swap)
        with self.assertLogs(ENGINE_LOGGER, "WARNING") as logs:
            one, two = self.render(
                ("INV/1", self.table("one", 60)), ("INV/2", self.table("two", 60))
            )
        self.assertIn("page 1 does not belong to 'INV/1'", logs.output[0])
        self.assertEqual(len(self.calls), 3)
        self.assertEqual(get_text(one).count("one "), 60)
        self.assertEqual(get_text(two).count("two "), 60)
        self.assertNotIn("two", get_text(one))
        self.assertNotIn("one", get_text(two))

    def test_missing_and_foreign_pages_stop_the_split(self):
        names = ["INV/1", "INV/2"]
        pages = [
            pdf_batch.Footer("INV/1", "1 / 2"),
            pdf_batch.Footer("INV/1", "2 / 2"),
            pdf_batch.Footer("INV/2", "1 / 1"),
        ]
        self.assertEqual(pdf_batch._count_pages(pages, 0, names[0]), 2)
        self.assertEqual(pdf_batch._count_pages(pages, 2, names[1]), 1)
        for start, name, wrong in [
            (0, "INV/2", pages),
            (0, "INV/1", pages[:1]),
            (0, "INV/1", [pages[0], pages[2]]),
            (0, "INV/1", pages[1:]),
            (3, "INV/1", pages),
        ]:
            with self.assertRaises(BatchMismatch):
                pdf_batch._count_pages(wrong, start, name)

    def test_a_page_too_many_stops_the_split(self):
        [pdf] = self.render(("INV/1", self.table("one", 3)))
        self.assertEqual(len(pdf_batch.split_batch(pdf, ["INV/1"])), 1)
        with self.assertRaises(BatchMismatch):
            pdf_batch.split_batch(pdf, [])

    def test_an_engine_that_fails_on_the_batch_prints_singly(self):
        run = core_report._run_wkhtmltopdf

        def fail_on_two(args):
            result = run(args)
            if sum("report.body.tmp" in arg for arg in args) > 1:
                result.returncode = -11
            return result

        self.patch(core_report, "_run_wkhtmltopdf", fail_on_two)
        with (
            mute_logger("odoo.addons.base.models.ir_actions_report"),
            self.assertLogs(ENGINE_LOGGER, "WARNING"),
        ):
            one, two = self.render(("INV/1", "first"), ("INV/2", "second"))
        self.assertIn("first", get_text(one))
        self.assertIn("second", get_text(two))

    def test_a_document_cut_short_is_refused(self):
        with (
            patch.object(
                pdf_batch,
                "read_footers",
                return_value=[pdf_batch.Footer("INV/1", "1 / 2")],
            ),
            self.assertRaisesRegex(UserError, "INV/1 came out incomplete"),
        ):
            self.render(("INV/1", "body"))

    def test_nothing_is_fetched_and_nothing_waits(self):
        self.env["ir.config_parameter"].set_param("report.print_delay", "5000")
        self.render(("INV/1", "body"))
        [args] = self.calls
        delays = [
            value
            for option, value in zip(args, args[1:], strict=False)
            if option == "--javascript-delay"
        ]
        self.assertEqual(delays[-1], "0")
        self.assertIn("--disable-javascript", args)
        page = self.env["ir.qweb"]._render(
            "sale_timesheet_cra.lean_shell",
            {"name": "x", "body": "", "style": self.engine._get_lean_style()},
        )
        self.assertNotIn("http", page.replace("http-equiv", ""))

    def test_other_reports_keep_their_arguments(self):
        paper = self.env.company.paperformat_id
        args = self.engine._build_wkhtmltopdf_args(paper, False)
        self.assertNotIn("--footer-left", args)
        self.assertNotIn("--disable-javascript", args)

    def test_landscape_turns_the_paper(self):
        [upright] = self.render(("INV/1", "body"))
        [wide] = self.render(("INV/1", "body"), landscape=True)
        for pdf, is_wide in ((upright, False), (wide, True)):
            box = PdfReader(io.BytesIO(pdf)).pages[0].mediabox
            self.assertEqual(box.width > box.height, is_wide)

    def test_the_letterhead_shows_the_company_once(self):
        company = self.env.company
        company.write({"primary_color": "#1a6b54", "report_header": "<p>We build</p>"})
        body = self.env["ir.qweb"]._render(
            "sale_timesheet_cra.lean_letterhead",
            {"company": company, "title": "Time <1>", "facts": [("Customer", "A & B")]},
        )
        [pdf] = self.render(("INV/1", body + self.table("row", 90)))
        text = get_text(pdf)
        self.assertEqual(text.count("We build"), 1)
        self.assertIn("Time <1>", text)
        self.assertIn("A & B", text)
        self.assertIn("#1a6b54", self.engine._get_lean_style())

    def test_a_color_cannot_bring_styles_of_its_own(self):
        self.env.company.primary_color = "red}</style><script>"
        self.assertNotIn("script", self.engine._get_lean_style())

    def test_nothing_to_print_prints_nothing(self):
        self.assertEqual(self.render(), [])
        self.assertFalse(self.calls)
