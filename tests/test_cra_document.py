import io
from datetime import date, timedelta

from lxml import html

from odoo.tests import tagged
from odoo.tools.pdf import PdfFileReader

from .common import CraCommon

FIRST = date(2026, 3, 1)
WORK_DAYS = [
    FIRST + timedelta(days=offset)
    for offset in range(31)
    if (FIRST + timedelta(days=offset)).weekday() < 5
]


@tagged("post_install", "-at_install")
class TestCraDocument(CraCommon):
    """The PDF, as its reader sees it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.report_footer = "<p>Registered under 0123.456.789</p>"

    def _get_pages(self, report):
        content = report.sudo().document_id.raw
        return [
            page.extract_text() for page in PdfFileReader(io.BytesIO(content)).pages
        ]

    def test_an_ordinary_month_is_one_page_with_all_it_needs(self):
        for day in WORK_DAYS:
            self._create_timesheet(day)
        self._create_timesheet(WORK_DAYS[0], 2)
        report = self._generate()
        self._send(report)
        [page] = self._get_pages(report)
        for text in (
            "178.00",
            "Sent on",
            "Agreed: name, date, signature",
            "Registered under 0123.456.789",
        ):
            self.assertIn(text, page)

    def test_later_pages_tell_whose_time_they_show(self):
        for day in WORK_DAYS:
            for _line in range(4):
                self._create_timesheet(day, 2)
        report = self._generate()
        self._send(report)
        pages = self._get_pages(report)
        self.assertGreater(len(pages), 1)
        for page in pages[:2]:
            self.assertIn("Acme · Apollo · Alice Arnaud · March 2026", page)

    def _render_html(self, report):
        report = report.sudo().with_context(lang=report.partner_id.lang)
        body = report._render_document(type(self.company)._get_cra_working_days)
        return html.fromstring(body)

    def _get_heads(self, report):
        """Return the text of the head of each day, as it is printed."""
        heads = self._render_html(report).xpath(
            "//table[contains(@class, 'cra_grid')]//th[contains(@class, 'day')]"
        )
        return [" ".join(part.text_content() for part in head) for head in heads]

    def test_each_period_draws_its_own_days(self):
        for period, heads in (
            ("month", ["S 1", "M 2", "T 31"]),
            ("half_month", ["Sun 1", "Mon 2", "Sun 15"]),
            ("week", ["Mon 2", "Tue 3", "Sun 8"]),
        ):
            project, _line = self._create_project(period, self.chloe)
            project.cra_policy_id = self.policy.copy({"period": period})
            self._create_timesheet(date(2026, 3, 4), project=project)
            report = self._generate(project_ids=project.ids)
            shown = self._get_heads(report)
            with self.subTest(period=period):
                self.assertEqual([*shown[:2], shown[-1]], heads)
                days = (report.date_to - report.date_from).days + 1
                self.assertEqual(len(shown), days)

    def test_weekends_and_public_holidays_are_shaded(self):
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Public holiday",
                "company_id": self.company.id,
                "date_from": "2026-03-04 00:00:00",
                "date_to": "2026-03-04 23:59:59",
            }
        )
        self._create_timesheet(WORK_DAYS[0], 4)
        page = self._render_html(self._generate())
        rows = page.xpath("//table[contains(@class, 'cra_grid')]//tr")
        for row in rows:
            shaded = [
                number
                for number, cell in enumerate(row.xpath("*[contains(@class, 'day')]"))
                if "off" in cell.get("class")
            ]
            weekends = [0, 6, 7, 13, 14, 20, 21, 27, 28]
            self.assertEqual(shaded, sorted([*weekends, 3]))

    def test_half_days_are_written_in_the_customers_way(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.acme.lang = "fr_FR"
        self.policy.time_unit = "day"
        self._create_timesheet(WORK_DAYS[0], 4)
        self._create_timesheet(WORK_DAYS[1], 8)
        self._create_timesheet(WORK_DAYS[2], 82)
        [row] = self._render_html(self._generate()).xpath(
            "//table[contains(@class, 'cra_grid')]/tbody/tr"
        )
        figures = [td.text_content().strip() for td in row.xpath("td")]
        self.assertEqual(figures[2:5], ["0,5", "1", "10,25"])
        self.assertEqual(row.get("class"), "chars5", "small enough for its column")

    def test_languages_from_right_to_left_turn_the_page(self):
        self.env["res.lang"]._activate_lang("ar_001")
        self.acme.lang = "ar_001"
        self._create_timesheet(WORK_DAYS[0])
        page = self._render_html(self._generate())
        [turned] = page.xpath("//div[@dir='rtl']")
        self.assertEqual(turned.get("class"), "rtl")
        self.assertIn("مارس", page.text_content())

    def test_the_document_tells_how_long_and_what_happens_then(self):
        self._create_timesheet(WORK_DAYS[0])
        report = self._generate()

        def get_text():
            report.sudo()._set_draft_terms()
            return " ".join(self._render_html(report).text_content().split())

        text = get_text()
        self.assertIn("Working Days to Answer", text)
        self.assertIn("Without an answer in that time, we will get in touch", text)
        self.policy.write({"on_deadline": "tacit", "tacit_clause": "Article 7.2"})
        text = get_text()
        self.assertIn("Silence counts as agreement, by the contract: Article 7.2", text)
        self.assertNotIn("get in touch", text)
        self.policy.write({"on_deadline": "wait", "deadline_days": 0})
        self.assertNotIn("get in touch", get_text())

    def test_nobody_signs_what_is_for_information(self):
        self.policy.write({"approval_mode": "none", "invoice_gate": "none"})
        self._create_timesheet(WORK_DAYS[0])
        report = self._generate()
        self._send(report)
        [page] = self._get_pages(report)
        self.assertNotIn("signature", page)

    def test_a_new_version_tells_what_became_of_the_one_before(self):
        timesheet = self._create_timesheet(WORK_DAYS[0])
        report = self._generate()
        self._send(report)
        self._agree(report)
        version = self.env["cra.report"].browse(report.action_correct()["res_id"])
        timesheet.unit_amount = 3
        version = version.with_user(self.manager)
        version.action_refresh()
        self._send(version)
        [page] = self._get_pages(version)
        self.assertIn("Version 1: sent on", page)
        self.assertIn("Agreed by Chloe Client", page)
        self.assertIn("Version 2: sent on", page)

    def test_a_new_version_shows_what_changed(self):
        timesheet = self._create_timesheet(WORK_DAYS[0], 8)
        report = self._generate()
        self._send(report)
        [page] = self._get_pages(report)
        self.assertNotIn("Changes", page)
        version = self.env["cra.report"].browse(report.action_correct()["res_id"])
        timesheet.unit_amount = 3
        self._create_timesheet(WORK_DAYS[1], 1)
        version = version.with_user(self.manager)
        version.action_refresh()
        self._send(version)
        [page] = self._get_pages(version)
        page = " ".join(page.split())
        for text in ("Version 1: 8.00 hours", "Version 2: 4.00 hours", "Added"):
            self.assertIn(text, page)
