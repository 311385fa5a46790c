from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models.smtp_handover import PAUSES
from .common_sending import SendingCommon, hang_up, refuse

MAIL = "odoo.addons.mail.models.mail_mail"


@tagged("post_install", "-at_install")
class TestInvoiceSendClaim(SendingCommon):
    """One claim and one truth for all ways to send an invoice."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.colleague = new_test_user(
            cls.env,
            login="colleague",
            name="Carl Colleague",
            email="colleague@example.com",
            groups="account.group_account_invoice,base.group_partner_manager",
            company_id=cls.company.id,
            company_ids=[(6, 0, cls.company.ids)],
        )

    def _open_dialog(self, move, user=None):
        return (
            self.env["account.move.send.wizard"]
            .with_user(user or self.accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({})
        )

    def _committing(self):
        """Have core's own dialog leave its mails to the outbox, as outside tests."""
        send = type(self.env["account.move.send"])
        return patch.object(send, "_can_commit", lambda _self: True)

    # === THE DIALOG === #
    def test_the_dialog_leaves_a_row_that_says_who_sent_what(self):
        move = self._invoices()[0]
        with self._mail_server():
            self._open_dialog(move).action_send_and_print()
        line = move.send_line_ids
        self.assertEqual(line.state, "sent")
        self.assertFalse(line.run_id)
        self.assertEqual(line.user_id, self.accountant)
        self.assertEqual(line.partner_ids, self.customer_1)
        self.assertEqual(line.delivery, "Delivered")
        self.assertTrue(move.is_move_sent)

    def test_the_dialogs_mail_leaves_through_the_outbox(self):
        move = self._invoices()[0]
        with self._mail_server():
            with self._committing():
                self._open_dialog(move).action_send_and_print()
            line = move.send_line_ids
            self.assertEqual(line.state, "queued")
            self.assertFalse(move.is_move_sent)
            self.env["mail.mail"].process_email_queue()
            self.assertFalse(self.received, "core's queue must not send it too")
            self._run_outbox()
        self.assertEqual(sorted(self.reached), [self.customer_1.email])
        self.assertEqual(line.state, "sent")
        self.assertTrue(move.is_move_sent)

    def test_a_run_does_not_send_what_a_dialog_is_sending(self):
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server():
            with self._committing():
                self._open_dialog(moves[0], self.colleague).action_send_and_print()
            run.action_send()
            line = self._line(run, moves[0])
            self.assertEqual(line.state, "blocked")
            self.assertIn("Carl Colleague is sending", line.blocker_text)
            self._run_outbox()
            run.action_check()
            self.assertIn("Already sent", line.blocker_text)
        self.assertEqual(len(self.received), 3)

    def test_a_dialog_opened_before_somebody_sent_asks_first(self):
        move = self._invoices()[0]
        with self._mail_server():
            mine, theirs = self._open_dialog(move), self._open_dialog(move)
            theirs.with_user(self.colleague).action_send_and_print()
            with self.assertRaisesRegex(UserError, "Carl Colleague sent"):
                mine.action_send_and_print()
            self.assertEqual(self.reached, [self.customer_1.email])
            again = self._open_dialog(move)
            alert = again.alerts["already_sent"]
            self.assertIn("Carl Colleague sent this invoice", alert["message"])
            again.action_send_and_print()
        self.assertEqual(self.reached.count(self.customer_1.email), 2)
        self.assertEqual(move.send_line_ids.mapped("sending_number"), [1, 2])

    def test_cores_own_queue_takes_the_claim_too(self):
        moves = self._invoices()
        moves.sending_data = {
            "author_user_id": self.accountant.id,
            "author_partner_id": self.accountant.partner_id.id,
        }
        with self._mail_server(), self.enter_registry_test_mode():
            self.env.ref("account.ir_cron_account_move_send").method_direct_trigger()
            self.env["mail.mail"].process_email_queue()
        lines = moves.send_line_ids
        self.assertEqual(set(lines.mapped("state")), {"sent"})
        self.assertEqual(len(self.received), 3)

    # === IS_MOVE_SENT === #
    @mute_logger(MAIL)
    def test_a_dialog_whose_mail_is_refused_fails_and_does_not_say_sent(self):
        move = self._invoices()[0]
        with self._mail_server(refuse(550, b"Unknown user")):
            self._open_dialog(move).action_send_and_print()
        self.assertEqual(move.send_line_ids.state, "failed")
        self.assertIn("Unknown user", move.send_line_ids.error)
        self.assertFalse(move.is_move_sent)

    @mute_logger(MAIL)
    def test_an_administrator_who_retries_the_mail_is_believed(self):
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server(refuse(550, b"No", self.customer_2.email)):
            run.action_send()
            self._run_outbox()
        line = self._line(run, moves[1])
        self.assertEqual(line.state, "failed")
        with self._mail_server():
            line._get_mails().action_retry()
            self.env["mail.mail"].process_email_queue()
        self.assertEqual(line.state, "sent")
        self.assertTrue(moves[1].is_move_sent)

    def test_an_invoice_to_download_counts_as_sent_once_its_document_is_made(self):
        self.customer_1.invoice_sending_method = "manual"
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertTrue(moves[0].is_move_sent)

    # === BOUNCES === #
    def _bounce(self, line):
        self.env["mail.thread"]._routing_handle_bounce(
            None,
            {
                "bounced_email": line.partner_ids.email,
                "bounced_partner": line.partner_ids,
                "bounced_msg_ids": [line.message_id.message_id],
                "bounced_message": line.message_id,
                "body": "<p>Mailbox full</p>",
                "email_from": "mailer-daemon@example.com",
                "to": "bounce@example.com",
                "message_id": "<bounce@example.com>",
            },
        )

    def test_a_bounce_comes_back_to_the_row_and_can_be_retried(self):
        moves = self._invoices()
        run = self._open_run(moves)
        line = self._line(run, moves[1])
        with self._mail_server():
            run.action_send()
            self._run_outbox()
            self._bounce(line)
            self.assertEqual(line.state, "failed")
            self.assertIn("Mailbox full", line.error)
            self.assertEqual(moves.mapped("is_move_sent"), [True, False, True])
            self.received.clear()
            self.customer_2.email = "other@example.com"
            line.action_retry()
            self._run_outbox()
        self.assertEqual(line.state, "sent")
        self.assertEqual(len(self.received), 1)
        self.assertTrue(moves[1].is_move_sent)

    # === THE INVOICE IS OPENED AGAIN === #
    def test_resetting_an_invoice_takes_it_out_of_its_run(self):
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server():
            run.action_send()
            moves[0].with_user(self.accountant).button_draft()
            self._run_outbox()
        self.assertEqual(run.line_ids.mapped("state"), ["cancelled", "sent", "sent"])
        self.assertIn("opened again", run.line_ids[0].error)
        self.assertEqual(run.state, "done")

    @mute_logger(MAIL)
    def test_a_retry_after_a_reset_sends_the_new_documents(self):
        moves = self._invoices()
        run = self._open_run(moves)
        line = self._line(run, moves[0])
        with self._mail_server(refuse(550, b"No", self.customer_1.email)):
            run.action_send()
            self._run_outbox()
        old = line.message_id
        moves[0].button_draft()
        moves[0].invoice_line_ids.price_unit = 321
        moves[0].action_post()
        with self._mail_server():
            line.action_retry()
            self._run_outbox()
        self.assertEqual(line.state, "sent")
        self.assertNotEqual(line.message_id, old)
        self.assertIn("321", str(line.message_id.body))

    # === PAUSES === #
    @mute_logger(MAIL)
    def test_pauses_grow_until_they_are_used_up(self):
        run = self._open_run(self._invoices()[:2])
        now = fields.Datetime.now()
        with self._mail_server(refuse(451, b"Busy")):
            run.action_send()
            line = run.line_ids[0]
            pauses = []
            for _try in range(len(PAUSES)):
                with freeze_time(now):
                    self._run_outbox()
                self.assertEqual(line.state, "queued")
                pauses.append((line.next_try - now).total_seconds() / 60)
                now = line.next_try + timedelta(seconds=1)
            with freeze_time(now):
                self._run_outbox()
        self.assertEqual([round(pause) for pause in pauses], list(PAUSES))
        self.assertEqual(line.state, "failed")
        self.assertIn("451 Busy", line.error)

    # === A PERSON DECIDES === #
    @mute_logger(MAIL)
    def test_who_decided_on_an_unconfirmed_mail_is_on_the_invoice(self):
        moves = self._invoices()[:2]  # a third would wait: see smtp_handover
        run = self._open_run(moves)
        with self._mail_server(hang_up()):
            run.action_send()
            self._run_outbox()
        self.assertEqual(set(run.line_ids.mapped("state")), {"unconfirmed"})
        run.line_ids[0].action_confirm_arrived()
        self.assertIn("arrived, says Anne Accountant", moves[0].message_ids[0].body)
        with self._mail_server():
            run.line_ids[1].action_send_unconfirmed()
            self.assertIn("says Anne Accountant", moves[1].message_ids[0].body)
            self._run_outbox()
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "sent"])
        self.assertEqual(len(self.received), 1)

    # === ON THE INVOICE === #
    @mute_logger(MAIL)
    def test_invoices_can_be_found_by_what_became_of_their_last_sending(self):
        moves = self._invoices()
        never = self._invoice(self.customer_1)
        run = self._open_run(moves)
        with self._mail_server(refuse(550, b"No", self.customer_2.email)):
            run.action_send()
            queued = moves.search([("send_state", "in", ["queued"])])
            self.assertEqual(queued & moves, moves)
            self._run_outbox()
        everything = moves + never
        for states, expected in (
            (["failed"], moves[1]),
            (["sent"], moves[0] + moves[2]),
            ([False], never),
            (["failed", False], moves[1] + never),
        ):
            found = moves.search([("send_state", "in", states)]) & everything
            self.assertEqual(found, expected, states)
        self.assertEqual(moves[1].send_state, "failed")
        self.assertIn("550 No", moves[1].send_error)
        with self._mail_server():
            self._open_dialog(moves[1]).action_send_and_print()
        self.assertEqual(moves[1].send_state, "sent", "the last one counts")
