import psycopg2
from markupsafe import Markup

from odoo import fields, models
from odoo.exceptions import ConcurrencyError, UserError

from . import smtp_handover
from .invoice_send_line import (
    FAILED,
    QUEUED,
    SENT,
    SKIPPED,
    UNCONFIRMED,
)
from .send_note import insert_note


class InvoiceSendLine(models.Model):
    """What happens to a row once it was queued: its mails and their fate.

    The mails of a row are held in state ``cancel``, which core's own mail queue
    never touches, until the outbox hands over exactly one of them.
    """

    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.line"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS METHODS: QUEUE === #
    def _queue(self):
        """Claim the invoices and wake the outbox.

        The partial unique index is the claim: of two runs that queue the same invoice
        at once, the second is started over and then finds it held.
        """
        self.env.flush_all()
        try:
            self.env.cr.execute(
                "UPDATE invoice_send_line SET state = %s, error = NULL "
                "WHERE id = ANY(%s)",
                [QUEUED, self.ids],
                log_exceptions=False,
            )
        except psycopg2.errors.UniqueViolation as error:
            raise ConcurrencyError("invoice claimed by another run") from error
        self.invalidate_recordset(["state", "error"])
        self.env["invoice.send.outbox"]._trigger()

    def _prepare_retry(self):
        """Make failed rows ready to leave again, whoever got the mail left out."""
        for line in self:
            failed_mails = line._get_mails().filtered(lambda m: m.state == "exception")
            for mail in failed_mails:
                line._hold(mail)
            if line.message_id and not line._get_held_mails():
                # Core deletes mails to missing or invalid addresses: post anew, but
                # not to those who got it.
                done = line._get_notifications().filtered(
                    lambda n: n.notification_status == "sent"
                )
                line.partner_ids -= done.res_partner_id
                line.message_id = False
        self.write({"attempts": 0, "next_try": False, "error": False})

    # === BUSINESS METHODS: SETTINGS === #
    def _get_sender_env_move(self):
        """Return the invoice as the person who sends it sees it, with core's sudo."""
        self.ensure_one()
        user, company = self.run_id.user_id, self.company_id
        return self.move_id.with_user(user).with_context(
            lang=user.lang, tz=user.tz, allowed_company_ids=company.ids
        )

    def _prepare_sending_settings(self):
        """Return core's settings of this invoice, with what the row decides."""
        self.ensure_one()
        move = self._get_sender_env_move()
        if not move.env.user.active:
            raise UserError(
                self.env._(
                    "%(user)s, who sends this run, is archived: send it yourself.",
                    user=move.env.user.name,
                )
            )
        move.check_access("write")
        if constraints := move.env["account.move.send"]._get_run_blockers(move)[
            move.id
        ]:
            raise UserError(constraints[0]["message"])
        send = move.env["account.move.send"]
        run, template = self.run_id, self.mail_template_id
        settings = send._get_default_sending_settings(
            move,
            mail_template=template.with_env(move.env),
            **self._prepare_recipient_settings(move, template),
        )
        if "mail_body" in settings:
            settings["mail_body"] = insert_note(settings["mail_body"], run.note)
        if "mail_attachments_widget" in settings:
            settings["mail_attachments_widget"] += run._get_attachment_items()
        settings["send_line_id"] = self.id
        return settings

    def _prepare_recipient_settings(self, move, template):
        partners = self.partner_ids
        if not template.use_default_to and (template.email_to or template.email_cc):
            # Core makes partners of the addresses a template spells out.
            partners |= move.env["account.move.send"]._get_default_mail_partner_ids(
                move, template, self.mail_lang
            )
        return {"mail_partner_ids": partners.ids}

    # === BUSINESS METHODS: MAILS === #
    def _get_mails(self):
        self.ensure_one()
        if not self.message_id:
            return self.env["mail.mail"].sudo()
        return (
            self.env["mail.mail"]
            .sudo()
            .search([("mail_message_id", "=", self.message_id.id)])
        )

    def _get_held_mails(self):
        return self._get_mails().filtered(lambda mail: mail.state == "cancel")

    def _get_notifications(self):
        """Return the mail notifications of those the invoice is meant for."""
        self.ensure_one()
        notifications = self.message_id.notification_ids.filtered(
            lambda n: n.notification_type == "email"
        )
        return (
            notifications.filtered(lambda n: n.res_partner_id in self.partner_ids)
            or notifications
        )

    def _hold(self, mails):
        mails.write(
            {
                "state": "cancel",
                "failure_type": False,
                "failure_reason": self.env._(
                    "Held by %(run)s, which sends it.", run=self.run_id.name
                ),
            }
        )
        self.env["mail.notification"].sudo().search(
            [("mail_mail_id", "in", mails.ids), ("notification_status", "!=", "sent")]
        ).write(
            {
                "notification_status": "ready",
                "failure_type": False,
                "failure_reason": False,
            }
        )

    def _adopt_message(self, message):
        """Take over the mails of a message just posted, one per recipient.

        One mail is one SMTP message: only so can each be claimed by itself, and a
        retry never reach someone who has it already.
        """
        self.message_id = message
        notification = self.env["mail.notification"].sudo()
        for mail in self._get_mails():
            first, *others = mail.recipient_ids or [mail.recipient_ids]
            for partner in others:
                # As core's own throttling does: see MailMail._split_by_delayed_batch.
                single = mail.copy(
                    {
                        "headers": mail.headers,
                        "mail_message_id": message.id,
                        "recipient_ids": partner.ids,
                        "email_to": False,
                        "email_cc": False,
                    }
                )
                notification.search(
                    [
                        ("mail_mail_id", "=", mail.id),
                        ("res_partner_id", "=", partner.id),
                    ]
                ).mail_mail_id = single
            if others:
                mail.recipient_ids = first
        mails = self._get_mails()
        if self.run_id.mail_server_id:
            mails.mail_server_id = self.run_id.mail_server_id
        self._hold(mails)

    # === BUSINESS METHODS: FATE === #
    def _record_accepted(self):
        """Record the server's yes for the mail that was handed over."""
        mail = self.pending_mail_id
        self.env["mail.notification"].sudo().search(
            [("mail_mail_id", "in", mail.ids)]
        ).write(
            {"notification_status": "sent", "failure_type": False, "failure_reason": ""}
        )
        mail.write({"state": "sent", "failure_type": False, "failure_reason": False})
        self.pending_mail_id = False

    def _record_refused(self, text):
        """Record the server's own words for the mail it refused."""
        mail = self.pending_mail_id
        mail.failure_reason = text
        self.env["mail.notification"].sudo().search(
            [
                ("mail_mail_id", "in", mail.ids),
                ("notification_status", "=", "exception"),
            ]
        ).failure_reason = text

    def _settle(self):
        """Read from the notifications whether the invoice reached the mail server."""
        self.ensure_one()
        notifications = self._get_notifications()
        failed = notifications.filtered(
            lambda n: n.notification_status in ("exception", "bounce")
        )
        if notifications - failed or not self.message_id:
            self.move_id.is_move_sent = True
        if failed:
            self._write_failure("\n".join(self._get_failure_texts(failed)))
            return
        mailed_or_transmitted = self.message_id or set(self.methods) - {"manual"}
        self.write(
            {
                "state": SENT if mailed_or_transmitted else SKIPPED,
                "error": False
                if mailed_or_transmitted
                else self.env._(
                    "The documents are made. This customer's invoices are handed over "
                    "by download, not mailed."
                ),
                "sent_on": fields.Datetime.now(),
                "pending_mail_id": False,
            }
        )

    def _get_failure_texts(self, notifications):
        types = dict(
            notifications._fields["failure_type"]._description_selection(self.env)
        )
        return [
            "{}: {}".format(
                n.res_partner_id.display_name or n.mail_email_address,
                n.failure_reason or types.get(n.failure_type, ""),
            )
            for n in notifications
        ]

    def _write_failure(self, text):
        self.write({"state": FAILED, "error": text, "pending_mail_id": False})

    def _fail(self, text, body=None):
        """Fail the row with its reason, there and in the invoice's chatter."""
        self._write_failure(text)
        self._get_sender_env_move().sudo().message_post(
            body=body
            or Markup("<p>%s</p><pre>%s</pre>")
            % (
                self.env._("%(run)s could not send this.", run=self.run_id.name),
                text,
            )
        )

    def _set_unconfirmed(self):
        text = self.env._(
            "The mail was handed to the mail server, but its answer was lost. Whether "
            "it arrived can't be known: ask the customer, then decide here."
        )
        for line in self:
            mail = line.pending_mail_id
            mail.write({"state": "exception", "failure_reason": text})
            line._get_notifications().filtered(
                lambda n, mail=mail: n.mail_mail_id == mail
            ).failure_reason = text
        self.write({"state": UNCONFIRMED, "error": text})

    def _postpone(self, text):
        """Try again later, after growing pauses; give up when they are used up."""
        self.ensure_one()
        if self.attempts >= len(smtp_handover.PAUSES):
            self._fail(text)
            return
        pause = smtp_handover.PAUSES[self.attempts]
        self.write(
            {
                "state": QUEUED,
                "attempts": self.attempts + 1,
                "next_try": fields.Datetime.add(fields.Datetime.now(), minutes=pause),
                "error": text,
                "pending_mail_id": False,
            }
        )
        self.env["invoice.send.outbox"]._trigger(self.next_try)
