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

    def test_the_customer_agrees_by_the_link_of_the_mail(self):
        report, link = self._send_first_report()
        self.assertTrue(self.timesheet.cra_hold)
        self.start_tour(link, "cra_customer_agrees")
        self.env.invalidate_all()
        self.assertEqual(report.state, "approved")
        self.assertFalse(self.timesheet.cra_hold)
        self.assertEqual(report.customer_reference, "PO-4711")
        approval = report.sudo().approval_ids
        self.assertEqual(approval.signed_by, "Chloe C. Client")
        self.assertTrue(approval.signature)
        self.assertEqual(approval.digest, report.digest)
        self.assertEqual(approval.ip_address, "127.0.0.1")
        self.assertIn("Chrome", approval.user_agent)

    def test_the_customer_refuses_by_the_link_of_the_mail(self):
        report, link = self._send_first_report()
        self.start_tour(link, "cra_customer_refuses")
        self.env.invalidate_all()
        self.assertEqual(report.state, "refused")
        self.assertTrue(self.timesheet.cra_hold)
        self.assertEqual(report.sudo().approval_ids.comment, "Two hours too many")
        self.assertEqual(report.activity_ids.user_id, self.manager)

    def _send_first_report(self):
        """Return Alice's report, sent, and the link the customer received."""
        report = self._generate(employee_ids=self.alice.ids)
        report.line_ids.description = "Built the launch pad"
        return report, self._get_link(self._send(report))
