from odoo.tests import tagged
from odoo.tests.common import HttpCase

from .common_sending import SendingCommon


@tagged("post_install", "-at_install")
class TestInvoiceSendTour(SendingCommon, HttpCase):
    def test_accountant_selects_invoices_sends_them_and_sees_what_became_of_them(self):
        self.accountant.password = "accountant"
        self.customers.lang = self.accountant.lang = "en_US"
        self.customer_2.email = False
        self._invoices()
        action = self.env.ref("account.action_move_out_invoice_type")
        self.start_tour(
            f"/odoo/action-{action.id}?cids={self.company.id}",
            "send_run_tour",
            login="accountant",
        )
        run = self.env["invoice.send.run"].search([], limit=1)
        with self._mail_server():
            self.env.ref(
                "sale_timesheet_cra.ir_cron_process_send_lines"
            ).method_direct_trigger()
        self.assertEqual(
            sorted(self.reached), [self.customer_1.email, self.customer_3.email]
        )
        run_action = self.env.ref("sale_timesheet_cra.invoice_send_run_action")
        self.start_tour(
            f"/odoo/action-{run_action.id}/{run.id}?cids={self.company.id}",
            "send_run_result_tour",
            login="accountant",
        )
