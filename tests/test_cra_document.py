import io
from datetime import date, timedelta

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
