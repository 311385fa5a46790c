from freezegun import freeze_time

from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common_sending import SendingCommon, refuse

MAIL = "odoo.addons.mail.models.mail_mail"


@tagged("post_install", "-at_install")
class TestInvoiceSendProgress(SendingCommon):
    """What its owner and others learn of a run while it runs and at its end."""

    def _notifications(self, channel):
        self.env.cr.precommit.run()  # the bus writes there
        rows = self.env["bus.bus"].sudo().search([])
        return [row.message for row in rows if channel in row.channel]

    def _messages(self, record, kind):
        return [
            message
            for message in self._notifications(f'"{record._name}",{record.id}')
            if f'"{kind}"' in message
        ]

    def test_every_row_that_moves_is_told_to_whoever_watches(self):
        run = self._open_run(self._invoices())
        self.assertFalse(self._messages(run, "sale_timesheet_cra.send_run_progress"))
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        moved = self._messages(run, "sale_timesheet_cra.send_run_progress")
        self.assertGreaterEqual(len(moved), 3)

    def test_only_who_may_see_a_run_may_watch_it(self):
        run = self._open_run(self._invoices())
        employee = new_test_user(
            self.env, login="watch_employee", groups="base.group_user"
        )
        channel = f"sale_timesheet_cra.send_run_{run.id}"
        for user, may in ((self.accountant, True), (employee, False)):
            watched = (
                self.env["ir.websocket"]
                .with_user(user)
                ._get_watched_runs([channel, "sale_timesheet_cra.send_run_x", "other"])
            )
            self.assertEqual(bool(watched), may, user.login)

    @mute_logger(MAIL)
    def test_the_owner_is_told_at_the_end_and_asked_to_decide(self):
        run = self._open_run(self._invoices())
        with self._mail_server(refuse(550, b"No", self.customer_2.email)):
            run.action_send()
            self._run_outbox()
        partner = self.accountant.partner_id
        [message] = self._messages(partner, "account_notification")
        self.assertIn("Sent: 2. Failed or unconfirmed: 1.", message)
        self.assertIn('"invoice.send.run"', message)
        self.assertEqual(run.activity_ids.user_id, self.accountant)
        with self._mail_server():
            run.action_retry_failed()
            self.assertEqual(run.state, "sending", "a run that goes on says so")
            self._run_outbox()
        self.assertFalse(run.activity_ids)
        self.assertEqual(run.state, "done")

    def test_the_pace_so_far_tells_when_the_rest_has_left(self):
        run = self._open_run(self._invoices())
        self.assertFalse(run.expected_end)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        sent = run.line_ids.sudo()
        run.sudo().write({"state": "sending", "started_on": "2026-11-23 10:00:00"})
        sent.sent_on = "2026-11-23 10:01:00"
        sent[2].state = "queued"
        with freeze_time("2026-11-23 10:01:00"):
            run.invalidate_recordset()
            self.assertEqual(str(run.expected_end), "2026-11-23 10:01:30")
