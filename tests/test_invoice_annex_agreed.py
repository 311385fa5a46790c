from odoo.tests import tagged

from .annex_common import get_pages
from .common import CraCommon


@tagged("post_install", "-at_install")
class TestInvoiceAnnexAgreed(CraCommon):
    """Activity reports that the customer agreed to go with the invoice."""

    def test_the_agreed_document_goes_along(self):
        self.env.company.annex_template_ids = self.env["invoice.annex.template"].create(
            {"name": "Agreed", "section_ids": [(0, 0, {"type": "cra"})]}
        )
        self._create_timesheet("2026-03-02", 5)
        report = self._generate()
        self._send(report)
        self._agree(report)
        report.with_user(self.accountant).action_create_invoices()
        move = report.sudo().invoice_ids
        move.action_post()
        self.assertEqual(move.annex_ids.state, "draft")
        send = self.env["account.move.send"].with_user(self.accountant)
        self._render(
            lambda: send._generate_and_send_invoices(
                move.with_user(self.accountant), sending_methods=["email"]
            )
        )
        self.assertFalse(report.sudo().signed_document_id, "made here, not kept")
        pages = get_pages(move.annex_ids.attachment_id.raw)
        self.assertIn(f"Activity report – {report.name}", pages[0])
        self.assertIn(f"Activity report – {report.name}", pages[1])
        self.assertIn("Chloe Client", pages[1], "the decision is on it")
