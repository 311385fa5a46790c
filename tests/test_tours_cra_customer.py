from odoo.tests import tagged

from .portal_common import CraPortalCommon
from .smtp_common import SmtpMixin


@tagged("post_install", "-at_install")
class TestCraCustomerTours(SmtpMixin, CraPortalCommon):
    """The customer on a phone, by the link of a mail that really left."""

    browser_size = "390x844"

    def _send_and_receive(self):
        """Send the report, and return the path in the mail that the approver got."""
        with self.receive_mails() as received:
            self._send_report()
            self.mail.sudo().send()
        [message] = received
        self.assertIn("chloe@acme.example.com", message["To"])
        return self.read_link(message)

    def test_the_customer_agrees(self):
        link = self._send_and_receive()
        self.assertTrue(self.timesheet.cra_hold)
        self.start_tour(link, "cra_customer_agrees")
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "approved")
        self.assertFalse(self.timesheet.cra_hold)
        self.assertEqual(self.report.customer_reference, "PO-4711")
        self.assertEqual(self.approval.signed_by, "Chloe C. Client")
        self.assertTrue(self.approval.signature)
        self.assertEqual(self.approval.digest, self.report.digest)
        self.assertEqual(self.approval.ip_address, "127.0.0.1")
        self.assertIn("Chrome", self.approval.user_agent)

    def test_the_customer_refuses_with_a_remark(self):
        self.start_tour(self._send_and_receive(), "cra_customer_refuses")
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "refused")
        self.assertTrue(self.timesheet.cra_hold)
        self.assertEqual(self.approval.comment, "Two hours too many")
        self.assertEqual(self.report.sudo().line_ids.remark, "Half of it was ours")
        self.assertEqual(self.report.activity_ids.user_id, self.manager)

    def test_the_customer_proposes_a_colleague(self):
        self.start_tour(self._send_and_receive(), "cra_customer_proposes")
        self.env.invalidate_all()
        self.assertEqual(self.approval.proposed_email, "carl.cook@acme.example.com")
        self.assertEqual(self.report.activity_ids.user_id, self.manager)

    def test_the_customer_gives_a_code(self):
        self.policy.identity = "code"
        link = self._send_and_receive()
        with self.receive_mails() as received:
            self.start_tour(link, "cra_customer_asks_for_code")
        [message] = received
        self.assertIn("chloe@acme.example.com", message["To"])
        code = self.read_code(message)
        self.start_tour(f"{link}#{code}", "cra_customer_gives_code")
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "approved")

    def test_the_customer_agrees_to_twelve_reports_at_once(self):
        reports = self._send_reports(12)
        self._create_portal_user(self.chloe, "chloe_portal")
        self.start_tour("/my/cra", "cra_customer_agrees_to_many", login="chloe_portal")
        self.env.invalidate_all()
        self.assertEqual(set(reports.mapped("state")), {"approved"})
        signed_by = reports.sudo().approval_ids.mapped("signed_by")
        self.assertEqual(set(signed_by), {"Chloe C. Client"})

    def test_the_mail_on_twelve_reports_needs_one_signature_and_no_account(self):
        with self.receive_mails() as received:
            reports = self._send_reports(12)
            self._get_request_mails(reports).send()
        [message] = received
        link = self.read_link(message)
        self.assertIn("?digest=", link)
        self.start_tour(link, "cra_customer_agrees_to_many")
        self.env.invalidate_all()
        self.assertEqual(set(reports.mapped("state")), {"approved"})
