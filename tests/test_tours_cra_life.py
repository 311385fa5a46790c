from datetime import date

from odoo.tests import tagged

from .portal_common import CraPortalCommon
from .smtp_common import SmtpMixin


@tagged("post_install", "-at_install")
class TestCraLifeTour(SmtpMixin, CraPortalCommon):
    """A report that is refused, corrected, agreed to and invoiced, in a browser."""

    def setUp(self):
        super().setUp()
        # While a PDF is printed, tests refuse requests of others: the page's own too.
        self.patch(self, "http_request_allow_all", True)

    def _receive_link(self, report):
        """Let the mail leave, and return the path in it."""
        with self.receive_mails() as received:
            self._get_request_mails(report).sudo().send()
        [message] = received
        return self.read_link(message)

    def _open_as(self, user, path, tour):
        user.lang = "en_US"
        self.start_tour(
            f"/odoo/{path}?cids={self.company.id}",
            tour,
            login=user.login,
            timeout=120,
        )
        self.env.invalidate_all()

    def test_from_a_refusal_to_the_invoice(self):
        self._send(self.report)
        self.start_tour(self._receive_link(self.report), "cra_customer_refuses")
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "refused")
        # Managers of this company cannot read the public user, who is in another.
        self.assertFalse(self.report.activity_ids.sudo().create_uid.share)
        march = (date(2026, 3, 1), date(2026, 3, 31))
        generate = self.env.registry["cra.generate"]
        self.patch(generate, "_default_month", lambda model: march)
        self._open_as(self.manager, "activity-month", "cra_manager_corrects")
        version = self.report.next_ids
        self.assertEqual(version.state, "draft")
        self.timesheet.with_user(self.consultant).unit_amount = 6
        self._open_as(
            self.manager,
            f"activity-reports/{version.id}",
            "cra_manager_sends_version",
        )
        self.assertEqual((version.state, version.version), ("sent", 2))
        self.assertEqual(self.report.state, "superseded")
        self.start_tour(self._receive_link(version), "cra_customer_agrees_to_version")
        self.env.invalidate_all()
        self.assertEqual(version.state, "approved")
        self._open_as(
            self.accountant,
            f"activity-reports/{version.id}",
            "cra_accountant_invoices_version",
        )
        self.assertEqual(version.sudo().invoice_ids.invoice_line_ids.quantity, 6)
