from datetime import date

from odoo.tests import tagged

from .common import CraHttpCommon
from .common_sending import SendingCommon


@tagged("post_install", "-at_install")
class TestAccountantTour(CraHttpCommon, SendingCommon):
    def test_accountant_invoices_what_was_agreed_and_sends_it_with_its_annex(self):
        zenith = self.env["res.partner"].create(
            {"name": "Zenith", "is_company": True, "email": "bills@zenith.example.com"}
        )
        gemini, _line = self._create_project("Gemini", zenith)
        gemini.cra_policy_id = self.policy
        template = self.env["invoice.annex.template"].create(
            {"name": "Time spent", "section_ids": [(0, 0, {"type": "time"})]}
        )
        self.company.annex_template_ids = template
        agreed = self._create_timesheet(date(2026, 3, 2))
        agreed |= self._create_timesheet(date(2026, 3, 3), 4, project=gemini)
        reports = self._generate()
        self._send(reports)
        for report in reports:
            self._agree(report)
        self._create_timesheet(date(2026, 4, 1), 3)  # not agreed, not invoiced
        self.accountant.write({"password": "accountant", "lang": "en_US"})
        action = self.env.ref("sale_timesheet_cra.cra_report_action")
        self.patch(self, "http_request_allow_all", True)
        self.start_tour(
            f"/odoo/action-{action.id}?cids={self.company.id}",
            "cra_accountant_tour",
            login=self.accountant.login,
            timeout=120,
        )
        invoices = agreed.timesheet_invoice_id
        self.assertEqual(sum(invoices.invoice_line_ids.mapped("quantity")), 12)
        self.assertEqual(invoices.timesheet_ids, agreed)
        run = self.env["invoice.send.run"].search([], limit=1)
        with self._mail_server():
            self.env.ref(
                "sale_timesheet_cra.ir_cron_process_send_lines"
            ).method_direct_trigger()
        customers = {"bills@zenith.example.com", "chloe@acme.example.com"}
        self.assertEqual(customers - set(self.reached), set())
        for received in self.received:
            names = [part.get_filename() for part in received.walk()]
            self.assertTrue(
                any(name and name.startswith("Annex - ") for name in names), names
            )
        run_action = self.env.ref("sale_timesheet_cra.invoice_send_run_action")
        self.start_tour(
            f"/odoo/action-{run_action.id}/{run.id}?cids={self.company.id}",
            "cra_accountant_result_tour",
            login=self.accountant.login,
        )
