from datetime import date

from odoo.tests import tagged

from .common import CraCommon


@tagged("post_install", "-at_install")
class TestCraViews(CraCommon):
    """Where people find activity reports."""

    def test_order_and_project_lead_to_their_reports(self):
        self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        order = self.order_line.order_id
        for record, user in (
            (self.project, self.manager),
            (order, self.accountant),
        ):
            record = record.with_user(user)
            self.assertEqual(record.cra_report_count, 1)
            domain = record.action_view_cra_reports()["domain"]
            self.assertEqual(report.with_user(user).search(domain).ids, report.ids)

    def test_every_view_of_the_menu_opens(self):
        action = self.env.ref("sale_timesheet_cra.cra_report_action")
        modes = action.view_mode.split(",")
        self.assertIn("calendar", modes)
        self.assertIn("graph", modes)
        reports = self.env["cra.report"].with_user(self.manager)
        views = reports.get_views([(False, mode) for mode in modes])["views"]
        self.assertEqual(set(views), set(modes))
