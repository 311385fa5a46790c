import io
from pathlib import Path
from unittest.mock import patch

from markupsafe import Markup
from pypdf import PdfReader
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from odoo.exceptions import UserError
from odoo.tests import BaseCase, TransactionCase, tagged

from ..models import ir_actions_report
from ..reports import pdf_batch
from ..reports.pdf_batch import BatchMismatch, LeanDocument
from .annex_common import get_text

ENGINE_LOGGER = "odoo.addons.sale_timesheet_cra.models.ir_actions_report"


@tagged("post_install", "-at_install")
class TestPdfBatchPlan(BaseCase):
    def test_a_name_occurs_once_per_batch(self):
        batches = pdf_batch.plan_batches(["A", "B", "A", "C", "A"], 1)
        self.assertEqual(batches, [[0, 1, 3], [2], [4]])

    def test_names_are_compared_as_the_footer_shows_them(self):
        long = "x" * 200
        batches = pdf_batch.plan_batches([f"{long}1", f"{long}2", "A  B", "A B"], 1)
        self.assertEqual(batches, [[0, 2], [1, 3]])

    def test_few_are_one_batch_and_many_are_shared_out(self):
        for documents, processes, sizes in (
            (8, 2, [8]),
            (20, 2, [10, 10]),
            (20, 1, [20]),
            (100, 2, [40, 40, 20]),
        ):
            names = [str(number) for number in range(documents)]
            batches = pdf_batch.plan_batches(names, processes)
            self.assertEqual([len(batch) for batch in batches], sizes)
            self.assertEqual(sum(batches, []), list(range(documents)))

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
        batches = pdf_batch.plan_batches(["A", "مرحبا", "Temps – déc. №", "[page]"], 1)
        self.assertEqual(batches, [[0], [1], [2], [3]])
        batches = pdf_batch.plan_batches(["A", "R&D <x> – é", "Ωμέγα Проект"], 1)
        self.assertEqual(batches, [[0, 1, 2]])


@tagged("post_install", "-at_install")
class TestLeanPdf(TransactionCase):
    def setUp(self):
        super().setUp()
        self.engine = self.env["ir.actions.report"]
        self.calls = []
        self.change = lambda arguments, pages: (arguments, pages)
        start = type(self.engine)._start_lean_printing

        def watch(engine, arguments, pages):
            self.calls.append((arguments, pages))
            return start(engine, *self.change(arguments, pages))

        self.patch(type(self.engine), "_start_lean_printing", watch)

    def render(self, *documents, **kwargs):
        return self.engine._render_lean_documents(
            [LeanDocument(name, lambda b=body: b) for name, body in documents], **kwargs
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
        self.change = lambda arguments, pages: (arguments, pages[::-1])
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
        def break_batch(arguments, pages):
            broken = ["--no-such-option"] if len(pages) > 1 else []
            return arguments + broken, pages

        self.change = break_batch
        with self.assertLogs(ENGINE_LOGGER, "WARNING"):
            one, two = self.render(("INV/1", "first"), ("INV/2", "second"))
        self.assertIn("first", get_text(one))
        self.assertIn("second", get_text(two))

    def test_what_the_engine_says_is_told(self):
        self.change = lambda arguments, pages: (["--no-such-option"], pages)
        with self.assertRaisesRegex(
            UserError, "INV/1 could not be made: wkhtmltopdf ended with code 1"
        ):
            self.render(("INV/1", "body"))

    def test_documents_are_rendered_while_others_are_printed(self):
        running = []

        def look(number):
            calls = [p for p in self.printings if p._process.poll() is None]
            running.append(len(calls))
            return f"body {number}"

        self.printings = []
        start = type(self.engine)._start_lean_printing

        def watch(engine, arguments, pages):
            self.printings.append(start(engine, arguments, pages))
            return self.printings[-1]

        self.patch(type(self.engine), "_start_lean_printing", watch)
        self.patch(ir_actions_report, "PROCESSES", 2)
        pdfs = self.engine._render_lean_documents(
            [LeanDocument(str(n), lambda n=n: look(n)) for n in range(30)]
        )
        self.assertEqual(len(self.printings), 2)
        self.assertEqual(running[:15], [0] * 15)
        self.assertEqual(running[15], 1, "the first batch is being printed")
        for number, pdf in enumerate(pdfs):
            self.assertIn(f"body {number}\n", get_text(pdf) + "\n")

    def test_an_error_leaves_nothing_behind(self):
        folders = []
        start = type(self.engine)._start_lean_printing

        def watch(engine, arguments, pages):
            printing = start(engine, arguments, pages)
            folders.append(printing._folder.name)
            return printing

        def fail():
            raise ValueError("No such thing")

        self.patch(type(self.engine), "_start_lean_printing", watch)
        self.patch(ir_actions_report, "PROCESSES", 2)
        documents = [LeanDocument(str(n), lambda: "body") for n in range(20)]
        documents[15] = LeanDocument("bad", fail)
        with self.assertRaisesRegex(ValueError, "No such thing"):
            self.engine._render_lean_documents(documents)
        self.assertEqual(len(folders), 1)
        self.assertFalse(Path(folders[0]).exists())

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
        [(args, _pages)] = self.calls
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
        self.assertNotIn("<script", self.engine._get_lean_style())

    def test_nothing_to_print_prints_nothing(self):
        self.assertEqual(self.render(), [])
        self.assertFalse(self.calls)
