from odoo import SUPERUSER_ID
from odoo.tests import tagged
from odoo.tests.common import HttpCase
from odoo.tools import mute_logger

from .common_sending import SendingCommon, refuse

NAMES = (
    *("Acme", "Bolt", "Cobalt", "Delta", "Foxtrot", "Gadget"),
    *("Helios", "Indigo", "Juno", "Kappa", "Lambda", "Mango"),
)


@tagged("post_install", "-at_install")
class TestInvoiceSendTour(SendingCommon, HttpCase):
    """An accountant's run of 12 invoices, of which 3 are bad."""

    def _run_tour(self, name, run=None):
        action = self.env.ref(
            "sale_timesheet_cra.invoice_send_run_action"
            if run
            else "account.action_move_out_invoice_type"
        )
        url = f"/odoo/action-{action.id}{f'/{run.id}' if run else ''}"
        self.start_tour(f"{url}?cids={self.company.id}", name, login="accountant")

    def _send(self, lines):
        """Do what the outbox does with some rows."""
        self.env.flush_all()
        with self.registry.cursor() as cursor:
            env = self.env(cr=cursor, user=SUPERUSER_ID, su=True)
            env["invoice.send.outbox"]._process_lines(lines.ids)
        self.env.invalidate_all()

    @mute_logger("odoo.addons.mail.models.mail_mail")
    def test_accountant_sends_twelve_invoices_of_which_three_are_bad(self):
        self.accountant.password = "accountant"
        self.accountant.lang = "en_US"
        customers = self.env["res.partner"].create(
            [
                {
                    "name": name,
                    "email": f"{name.lower()}@example.com",
                    "invoice_sending_method": "email",
                    "lang": "en_US",
                }
                for name in NAMES
            ]
        )
        bolt, cobalt, delta = customers[1:4]
        bolt.email = False
        moves = {customer: self._invoice(customer) for customer in customers}
        moves[delta].button_draft()
        refused = refuse(550, b"5.1.1 No such user here", cobalt.email)

        self._run_tour("send_run_tour")
        run = self.env["invoice.send.run"].search([], limit=1)
        self.assertEqual(bolt.email, "bolt@example.com", "mended from its row")
        self.assertEqual(run.state, "sending")
        with self._mail_server(refused):
            first_half = run.line_ids.filtered(
                lambda line: line.move_id.partner_id in customers[:6]
            )
            self._send(first_half)
        self._run_tour("send_run_progress_tour", run)
        with self._mail_server(refused):
            self._send(run.line_ids)
        self.assertEqual(self._line(run, moves[cobalt]).state, "failed")
        self.assertEqual(self._line(run, moves[delta]).state, "blocked")
        self.assertEqual(run.activity_ids.user_id, self.accountant)

        cobalt.email = "right@example.com"
        self._run_tour("send_run_retry_tour", run)
        with self._mail_server(refused):
            self._send(run.line_ids)
        self.assertEqual(self.reached, ["right@example.com"])
        self._run_tour("send_run_result_tour", run)
        self.assertEqual(run.state, "done")
        self.assertFalse(run.activity_ids)
        self.assertEqual(
            (run.sent_count, run.blocked_count, run.failed_count), (11, 1, 0)
        )
