import smtplib

import psycopg2

from odoo import models

from .smtp_handover import (
    Handover,
    Postponed,
    StaleSession,
    Unconfirmed,
    get_text,
    is_answer,
    is_temporary,
)


class MailMail(models.Model):
    """Mails that are held and handed over one by one, so that none leaves twice.

    Held mails are in state ``cancel``, which core's own queue never touches.
    """

    _inherit = "mail.mail"

    # === CORE'S OWN SENDING === #
    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        # EXTENDS 'mail': whoever sent an invoice, its row and its flag follow its
        # mails. Core deletes mails here, so find their rows first.
        lines = self._get_invoice_send_lines()
        result = super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason, failure_type
        )
        lines._settle_if_answered()
        return result

    def _get_invoice_send_lines(self):
        """Return the rows whose invoice these mails carry to its customer."""
        # sudo: mails belong to the system, and so does what became of them
        messages = self.sudo().mail_message_id.filtered(
            lambda message: message.model == "account.move"
        )
        lines = self.env["invoice.send.line"].sudo()
        if not messages:
            return lines
        return lines.search([("message_id", "in", messages.ids)])

    # === HOLDING === #
    def _hold(self, reason):
        """Keep mails from leaving until they are handed over.

        :param str reason: who holds them, for people who look into the queue
        """
        self.write({"state": "cancel", "failure_type": False, "failure_reason": reason})
        self._get_open_notifications().write(
            {
                "notification_status": "ready",
                "failure_type": False,
                "failure_reason": False,
            }
        )

    def _get_open_notifications(self):
        # sudo: notifications follow their mail
        return (
            self.env["mail.notification"]
            .sudo()
            .search(
                [
                    ("mail_mail_id", "in", self.ids),
                    ("notification_status", "!=", "sent"),
                ]
            )
        )

    def _split_by_recipient(self):
        """Make one mail of each recipient, so that one mail is one SMTP message.

        Only so can each be claimed by itself, and a retry never reach someone who has
        it already.

        :return: all mails, the new ones included
        """
        mails = self
        for mail in self:
            first, *others = mail.recipient_ids or [mail.recipient_ids]
            for partner in others:
                # As core's own throttling does: see MailMail._split_by_delayed_batch.
                single = mail.copy(
                    {
                        "headers": mail.headers,
                        "mail_message_id": mail.mail_message_id.id,
                        "recipient_ids": partner.ids,
                        "email_to": False,
                        "email_cc": False,
                    }
                )
                mail._get_open_notifications().filtered(
                    lambda n, partner=partner: n.res_partner_id == partner
                ).mail_mail_id = single
                mails += single
            if others:
                mail.recipient_ids = first
        return mails

    # === HANDING OVER === #
    def _hand_over(self, sessions):
        """Give one mail to its mail server and record the answer on it.

        The transaction is committed right before the body leaves: what the caller
        wrote until then, such as that this mail is being handed over, is the claim
        by which a dead process's mail is known.

        :param Sessions sessions: open SMTP sessions, reused
        :raise Postponed: nothing was handed over, or the server asks to try later
        :raise StaleSession: the server had closed the session before
        :raise Unconfirmed: the mail was handed over, but no answer came
        """
        self.ensure_one()
        self.write({"state": "outgoing", "failure_reason": False})
        configuration = next(self._split_by_mail_configuration())
        server_id, alias_domain_id, smtp_from, _mail_ids = configuration
        try:
            session, is_new = sessions.get(server_id, smtp_from)
        except Exception as error:
            if not is_temporary(error):
                raise
            self.env.cr.rollback()
            raise Postponed(get_text(error)) from error
        handover = Handover(claim=self.env.cr.commit)
        handover.watch(session)
        try:
            self._send(
                raise_exception=True,
                smtp_session=session,
                alias_domain_id=alias_domain_id,
                mail_server=self.env["ir.mail_server"].browse(server_id),
            )
        except Exception as error:
            if handover.accepted:
                sessions.unrecorded = self.id
            if not is_answer(error):
                self._handle_break(error, handover, sessions, configuration, is_new)
                return
            sessions.note_answer(server_id, smtp_from)
            if is_temporary(error):
                raise Postponed(get_text(error)) from error
            # Core noted it on the mail and its notifications, in its words.
            self._record_refused(get_text(error))
        else:
            sessions.unrecorded = self.id  # until the caller commits
            sessions.note_answer(server_id, smtp_from)

    def _handle_break(self, error, handover, sessions, configuration, is_new):
        """Tell what an error means that is no answer of the mail server.

        :param tuple configuration: what core sends the mail by
        :param bool is_new: whether the session was opened for this mail
        :raise: see ``_hand_over``
        """
        server_id, _alias_domain_id, smtp_from, _mail_ids = configuration
        broken = isinstance(error, (psycopg2.Error, smtplib.SMTPServerDisconnected))
        if broken or handover.claimed:
            self.env.cr.rollback()
            sessions.drop(server_id, smtp_from)
        if handover.accepted:
            self._record_accepted()
        elif handover.claimed:
            sessions.note_break(server_id, smtp_from, error)
            raise Unconfirmed from error
        elif broken and not is_new:
            raise StaleSession from error
        elif broken or is_temporary(error):
            sessions.note_break(server_id, smtp_from, error)
            raise Postponed(get_text(error)) from error
        else:
            self._record_refused(get_text(error))

    def _record_accepted(self):
        """Record the server's yes."""
        accepted = {
            "notification_status": "sent",
            "failure_type": False,
            "failure_reason": False,
        }
        self._get_open_notifications().write(accepted)
        self.write({"state": "sent", "failure_type": False, "failure_reason": False})

    def _record_refused(self, text):
        """Record the server's own words."""
        self.failure_reason = text
        refused = self._get_open_notifications().filtered(
            lambda n: n.notification_status == "exception"
        )
        refused.failure_reason = text
