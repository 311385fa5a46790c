from odoo.tests import tagged

from .portal_common import CraPortalCommon
from .smtp_common import SmtpMixin


@tagged("post_install", "-at_install")
class TestCraCorrectionTour(SmtpMixin, CraPortalCommon):
    """A refusal, mended: everybody in their own browser, mails over a real server."""

    def _receive_link(self, report):
        """Let the request leave; return the path in the mail that the approver got."""
        with self.receive_mails() as received:
            self._get_request_mails(report).sudo().send()
        [message] = received
        self.assertIn("chloe@acme.example.com", message["To"])
        return self.read_link(message)

    def _open_as(self, user, tour, xmlid, record=None):
        """Let a user take a tour of the backend."""
        user.write({"password": user.login, "lang": "en_US"})
        path = f"/odoo/action-{self.env.ref(xmlid).id}"
        path += f"/{record.id}" if record else ""
        self.start_tour(f"{path}?cids={self.company.id}", tour, login=user.login)
        self.env.invalidate_all()

    def test_refuse_correct_agree_invoice(self):
        # While a PDF is printed, tests refuse requests of others: the page's own too.
        self.patch(self, "http_request_allow_all", True)
        reports = "sale_timesheet_cra.cra_report_action"
        self._send(self.report)
        link = self._receive_link(self.report)
        self.start_tour(link, "cra_customer_refuses")
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "refused")

        self._open_as(self.manager, "cra_manager_corrects", reports, self.report)
        working = self.report.sudo().next_ids
        self.assertEqual((working.state, working.version), ("draft", 2))
        self._open_as(
            self.manager,
            "cra_manager_mends_timesheet",
            "hr_timesheet.timesheet_action_all",
        )
        self.assertEqual(self.timesheet.unit_amount, 6)
        self._open_as(self.manager, "cra_manager_sends_new_version", reports, working)
        self.assertEqual((self.report.state, working.state), ("superseded", "sent"))
        self.assertTrue(self.timesheet.cra_hold)

        new_link = self._receive_link(working)
        self.start_tour(new_link, "cra_customer_agrees_to_new_version")
        self.env.invalidate_all()
        self.assertEqual(working.state, "approved")
        self.assertEqual(self.order_line.qty_to_invoice, 6)

        self._open_as(
            self.accountant, "cra_accountant_invoices_new_version", reports, working
        )
        invoice = self.timesheet.timesheet_invoice_id
        self.assertEqual(invoice.state, "posted")
        self.assertEqual(invoice.amount_untaxed, 600)
        self.assertEqual(self.order_line.qty_to_invoice, 0)
