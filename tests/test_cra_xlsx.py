import io
from datetime import date, datetime

from lxml import html
from openpyxl import load_workbook

from odoo.tests import new_test_user, tagged

from .common import CraHttpCommon

LINK = '=HYPERLINK("https://evil.example.com","Click")'
LABELS = ["Alice Arnaud", "Bruno Bauer"]


@tagged("post_install", "-at_install")
class TestCraXlsx(CraHttpCommon):
    """The workbook of a report: what is in it, and who gets it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.task = cls.env["project.task"].create(
            {"name": "=1+1", "project_id": cls.project.id, "partner_id": cls.acme.id}
        )

    def _make_report(self, hours=(8.0, 4.0), **values):
        for number, amount in enumerate(hours):
            self._create_timesheet(date(2026, 3, 2 + number), amount, **values)
        return self._generate()

    def _read(self, report, **options):
        content = report.sudo()._render_xlsx()
        return load_workbook(io.BytesIO(content), **options)

    # === CONTENT === #

    def test_lines_hold_dates_numbers_and_texts(self):
        report = self._make_report(task_id=self.task.id)
        report.line_ids[0].description = LINK
        self._send(report)
        sheet = self._read(report).worksheets[1]
        rows = list(sheet.iter_rows(values_only=True))
        self.assertEqual(
            rows,
            [
                ("Date", "Consultant", "Project", "Task", "Description", "Hours"),
                (datetime(2026, 3, 2), "Alice Arnaud", "Apollo", "=1+1", LINK, 8),
                (
                    datetime(2026, 3, 3),
                    *("Alice Arnaud", "Apollo", "=1+1", "Internal words"),
                    4,
                ),
                ("Total", None, None, None, None, "=SUBTOTAL(9,F2:F3)"),
            ],
        )
        types = [cell.data_type for cell in sheet[2]]
        self.assertEqual(types, ["d", "s", "s", "s", "s", "n"])
        self.assertEqual(sheet["F4"].data_type, "f")
        self.assertEqual(sheet.freeze_panes, "A2")
        self.assertEqual(sheet.auto_filter.ref, "A1:F3")
        self.assertEqual(
            self._read(report, data_only=True).worksheets[1]["F4"].value, 12
        )

    def test_texts_that_look_like_markup_or_links_stay_texts(self):
        texts = ["<r><t>Bold</r>", "https://evil.example.com", "+1+cmd|' /C calc'!A0"]
        report = self._make_report(hours=[1.0] * len(texts))
        for line, text in zip(report.line_ids, texts, strict=True):
            line.description = text
        self._send(report)
        sheet = self._read(report).worksheets[1]
        shown = [sheet.cell(row, 5) for row in range(2, 5)]
        self.assertEqual([cell.value.strip() for cell in shown], texts)
        self.assertEqual({cell.data_type for cell in shown}, {"s"})
        self.assertFalse([cell for cell in shown if cell.hyperlink])

    def test_the_grid_has_one_column_per_day_and_sums_both_ways(self):
        self._create_timesheet(date(2026, 3, 31), 2.0, employee=self.bruno)
        self.policy.scope = "project"
        report = self._make_report()
        self._send(report)
        sheet = self._read(report).worksheets[0]
        days = [cell.value for cell in sheet[5][1:-1]]
        self.assertEqual(days, [datetime(2026, 3, day) for day in range(1, 32)])
        self.assertEqual([cell.value for cell in sheet[4][1:4]], ["S", "M", "T"])
        self.assertEqual([sheet["A6"].value, sheet["A7"].value], LABELS)
        self.assertEqual((sheet["C6"].value, sheet["D6"].value), (8, 4))
        self.assertEqual(sheet["AF7"].value, 2)
        self.assertIsNone(sheet["E6"].value)
        self.assertEqual(sheet["AG6"].value, "=SUM(B6:AF6)")
        self.assertEqual(sheet["C8"].value, "=SUM(C6:C7)")
        self.assertEqual(sheet["AG8"].value, "=SUM(B6:AF7)")
        self.assertEqual(sheet.freeze_panes, "B6")
        values = self._read(report, data_only=True).worksheets[0]
        self.assertEqual((values["AG6"].value, values["AG8"].value), (12, 14))
        shaded = {cell.fill.fgColor.rgb for cell in (sheet["B6"], sheet["H6"])}
        self.assertEqual(shaded, {"FFF3F3F3"})  # Sunday 1, Saturday 7
        self.assertNotEqual(sheet["C6"].fill.fgColor.rgb, "FFF3F3F3")

    def test_days_are_not_rounded_before_they_are_summed(self):
        self.policy.time_unit = "day"
        report = self._make_report(hours=(1.01, 1.01, 1.01))
        self._send(report)
        sheet = self._read(report, data_only=True).worksheets[1]
        self.assertEqual(sheet["F1"].value, "Days")
        self.assertEqual(sheet["F2"].value, 0.12625)
        self.assertEqual(sheet["F5"].value, 0.37875)
        self.assertEqual(round(sheet["F5"].value, 2), report.total_days)

    def test_the_workbook_is_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.acme.lang = "fr_FR"
        report = self._make_report()
        self._send(report)
        title = self._read(report).worksheets[0]["A1"].value
        self.assertIn("mars 2026", title)
        self.assertIn(report.name, title)

    def test_only_what_was_frozen_is_read(self):
        report = self._make_report(task_id=self.task.id)
        self._send(report)
        before = report.sudo()._render_xlsx()
        self.project.name = "Zeus"
        self.task.name = "Renamed"
        self.alice.name = "Alicia"
        self.policy.time_unit = "day"
        self.env.cr.execute(
            "UPDATE account_analytic_line SET unit_amount = 1, name = 'Other'"
            " WHERE project_id = %s",
            [self.project.id],
        )
        self.env.invalidate_all()
        self.assertEqual(report.sudo()._render_xlsx(), before)
        self.assertNotIn("Zeus", report.sudo()._get_xlsx_name())

    # === ACCESS === #

    def _get_path(self, report):
        return f"/my/cra/{report.id}/xlsx"

    def test_the_page_links_to_the_workbook_with_the_readers_own_key(self):
        report = self._make_report()
        link = self._get_link(self._send(report))
        path = self._get_path(report)
        by_token = f"/my/cra/{report.id}?access_token={report._portal_ensure_token()}"
        for page in (link, by_token):
            hrefs = html.fromstring(self.url_open(page).text).xpath("//a/@href")
            (href,) = [href for href in hrefs if path in href]
            self.assertEqual(href.partition("?")[2], page.partition("?")[2])
            response = self.url_open(href)
            self.assertEqual(response.status_code, 200)
            self.assertIn("spreadsheetml", response.headers["Content-Type"])
            disposition = response.headers["Content-Disposition"]
            self.assertTrue(disposition.startswith("attachment"), disposition)
            self.assertIn(".xlsx", disposition)
            self.assertEqual(response.content, report.sudo()._render_xlsx())

    def test_bad_links_get_the_page_that_every_bad_link_gets(self):
        report = self._make_report()
        token = self._get_token(self._send(report))
        path = self._get_path(report)
        for query in (
            "",
            "?access_token=nonsense",
            "?approval=nonsense",
            f"?approval={token[:-2]}",
            f"?access_token={token}",
        ):
            response = self.url_open(path + query)
            self.assertEqual(response.status_code, 404, query)
            self.assertIn("To get a new link", response.text)
        other = f"/my/cra/{report.id + 1000}/xlsx?approval={token}"
        self.assertEqual(self.url_open(other).status_code, 404)

    def test_strangers_get_nothing_and_colleagues_the_workbook(self):
        report = self._make_report()
        self._send(report)
        for login, partner in (("stranger", self.partner_a), ("chloe", self.chloe)):
            new_test_user(
                self.env,
                login=f"{login}_portal",
                groups="base.group_portal",
                partner_id=partner.id,
                password=f"{login}_portal",
            )
        for login, status in (
            ("stranger_portal", 404),
            ("cra_outsider", 404),
            ("chloe_portal", 200),
            ("cra_manager", 200),
            ("cra_accountant", 200),
        ):
            self.authenticate(login, login)
            response = self.url_open(self._get_path(report))
            self.assertEqual(response.status_code, status, login)
        action = report.with_user(self.accountant).action_print_xlsx()
        self.assertEqual(action["url"], self._get_path(report))

    def test_drafts_have_no_workbook(self):
        report = self._make_report()
        token = report.sudo()._portal_ensure_token()
        path = self._get_path(report)
        self.assertEqual(self.url_open(f"{path}?access_token={token}").status_code, 404)
        self.authenticate("cra_manager", "cra_manager")
        self.assertEqual(self.url_open(path).status_code, 404)
