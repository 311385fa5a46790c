from datetime import date

from odoo.tests import tagged

from .common import CraHttpCommon


@tagged("post_install", "-at_install")
class TestCraTours(CraHttpCommon):
    """The month end of the manager and of the customer, in a real browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2))
        cls.other = cls._create_timesheet(date(2026, 3, 3), employee=cls.bruno)

    def test_the_manager_generates_words_and_sends_a_report(self):
        # While a PDF is printed, tests refuse requests of others: the page's own too.
        self.patch(self, "http_request_allow_all", True)
        self.start_tour("/odoo", "cra_manager_generates_and_sends", login="cra_manager")
        report = self.timesheet.cra_report_id
        self.assertEqual(report.state, "sent")
        self.assertEqual(report.line_ids.description, "Built the launch pad")
        self.assertEqual(self.timesheet.name, "Internal words")
        mail = self._get_request_mails(report)
        self.assertEqual(mail.recipient_ids, self.chloe)
        self.assertTrue(self._get_link(mail))
        self.assertEqual(self.other.cra_report_id.state, "draft")
