import psycopg2
from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.fields import Command

from . import mail_weight, smtp_handover
from .invoice_send_line import (
    CANCELLED,
    DRAFT,
    FAILED,
    QUEUED,
    SENDING,
    SENT,
    SKIPPED,
    UNCONFIRMED,
)
from .send_note import insert_note

# States in which somebody else, such as an administrator who retries a mail, or a
# customer's server that bounces it, may decide the fate of a row.
SETTLED_BY_OTHERS = (DRAFT, QUEUED, SENT, FAILED, UNCONFIRMED)


class InvoiceSendLine(models.Model):
    """What happens to a row once it was queued: its mails and their fate.

    The mails of a row are held in state ``cancel``, which core's own mail queue
    never touches, until the outbox hands over exactly one of them.
    """

    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.line"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS METHODS: QUEUE === #
    def _queue(self):
        """Claim the invoices of a run and wake the outbox."""
        self._claim(QUEUED)
        for next_try, lines in self.grouped("next_try").items():
            self.env["invoice.send.outbox"]._trigger(lines, next_try or None)

    @api.model
    def _claim_for_core(self, moves, settings):
        """Claim invoices that core's own engine is about to send.

        The rows stay drafts until the engine is through; see ``_leave_from_core``.

        :param dict settings: custom settings given to the engine
        :return: dict of row by invoice
        """
        given = {}
        if template := settings.get("mail_template"):
            given["mail_template_id"] = template.id
        if "mail_partner_ids" in settings:
            given["partner_ids"] = [Command.set(settings["mail_partner_ids"])]
        if "sending_methods" in settings:
            given["methods"] = sorted(settings["sending_methods"])
        lines = self.create([{"move_id": move.id, **given} for move in moves])
        lines._claim(DRAFT)
        lines._update_senders()
        return {line.move_id: line for line in lines}

    def _claim(self, state):
        """Number this sending of each invoice, and remember if it is the first.

        Two unique indexes are the claim: one row per invoice is on its way, and one
        row has each number. The second is for those whose transaction is too old to
        see that somebody sent the invoice and is done: they count wrong.

        :raise ConcurrencyError: the request is started over and then sees the other
        """
        self.env.flush_all()
        try:
            self.env.cr.execute(
                """
                UPDATE invoice_send_line line
                   SET state = %s,
                       write_date = %s,
                       error = NULL,
                       was_sent = COALESCE(move.is_move_sent, FALSE),
                       sending_number = 1 + COALESCE(
                           (
                               SELECT MAX(other.sending_number)
                                 FROM invoice_send_line other
                                WHERE other.move_id = line.move_id
                           ),
                           0
                       )
                  FROM account_move move
                 WHERE move.id = line.move_id AND line.id = ANY(%s)
                """,
                [state, fields.Datetime.now(), self.ids],
                log_exceptions=False,
            )
        except psycopg2.errors.UniqueViolation as error:
            raise ConcurrencyError("invoice claimed by somebody else") from error
        names = ["state", "error", "was_sent", "sending_number", "write_date"]
        self.invalidate_recordset(names)
        self.modified(names)
        self.run_id._notify_progress()

    def _leave_from_core(self):
        """Take over what core's engine made of rows claimed for it."""
        held = self.filtered(lambda line: line._get_held_mails())
        for line in self - held:
            if line.message_id or line.state == DRAFT:
                line._settle()
        if held:
            held.write({"state": QUEUED, "error": False})
            held._flag_moves(False)
            self.env["invoice.send.outbox"]._trigger(held)
            self.env["invoice.send.outbox"]._process_after_commit(held)

    def _withdraw(self):
        """Take back what has not left of invoices that are opened again.

        :raise UserError: a mail is leaving right now
        """
        lines = self.filtered(lambda line: line.state in (QUEUED, SENDING, FAILED))
        locked = lines.try_lock_for_update(allow_referencing=True)
        leaving = (lines - locked) | locked.filtered(lambda line: line.state == SENDING)
        if leaving:
            raise UserError(
                self.env._(
                    "%(invoice)s is leaving by mail right now. Try again in a minute.",
                    invoice=leaving[0].move_id.name,
                )
            )
        queued = locked.filtered(lambda line: line.state == QUEUED)
        queued.write(
            {
                "state": CANCELLED,
                "error": self.env._("The invoice was opened again before it left."),
            }
        )
        locked.message_id = False  # whatever is sent next is made anew
        queued.run_id._update_state()

    def _check_still_posted(self):
        """Refuse to send the mail of an invoice that was opened again since.

        :raise UserError: the invoice is not posted any more
        """
        for move in self.move_id:
            if move.state != "posted":
                raise UserError(
                    self.env._(
                        "%(invoice)s was opened again after this mail was written. "
                        "Post it, then send it anew.",
                        invoice=move.display_name,
                    )
                )

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
        user, company = self.user_id, self.company_id
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
                    "%(user)s, who sends this, is archived: send it yourself.",
                    user=move.env.user.name,
                )
            )
        send = move.env["account.move.send"]
        send._check_may_send(move)
        if issues := send._get_run_blockers(move)[move.id]:
            raise UserError(issues[0]["message"])
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
        name = self.run_id.name or self.move_id.name
        mails._hold(self.env._("Held for %(name)s, which is being sent.", name=name))

    def _adopt_message(self, message):
        """Take over the mails of a message just posted, one per recipient."""
        files = message.attachment_ids
        self.write(
            {
                "message_id": message.id,
                "documents": [
                    {"name": file.name, "size": file.file_size, "exact": True}
                    for file in files
                ],
                "size": mail_weight.estimate(files.mapped("file_size")),
            }
        )
        if not self._is_held():
            return
        mails = self._get_mails()._split_by_recipient()
        if values := self._get_mailbox_values():
            mails.write(values)
        self._hold(mails)

    def _is_held(self):
        """Tell whether the outbox sends the mails of this row.

        Where core can't commit, in tests, it sends the mails of its own dialog at once.
        """
        return self.run_id or self.env["account.move.send"]._can_commit()

    # === BUSINESS METHODS: FATE === #
    def _settle_if_answered(self):
        """Settle rows none of whose mails is under way any more."""
        for line in self.filtered(lambda line: line.state in SETTLED_BY_OTHERS):
            statuses = set(line._get_notifications().mapped("notification_status"))
            if statuses and not statuses & {"ready", "process"}:
                line._settle()
        self.run_id._update_state()

    def _settle(self):
        """Read from the notifications whether the invoice reached the mail server."""
        self.ensure_one()
        notifications = self._get_notifications()
        failed = notifications.filtered(
            lambda n: n.notification_status in ("exception", "bounce")
        )
        if "email" in (self.methods or ()) and not self.message_id:
            self._write_failure(self._get_no_recipient_message())
            return
        self._flag_moves(notifications - failed or not self.message_id)
        if failed:
            self._write_failure("\n".join(self._get_failure_texts(failed)))
            return
        transmitted = self.message_id or self._get_other_methods()
        self.write(
            {
                "state": SENT if transmitted else SKIPPED,
                "error": False
                if transmitted
                else self.env._(
                    "The documents are made. This customer's invoices are handed over "
                    "by download, not mailed."
                ),
                "sent_on": self.sent_on or fields.Datetime.now(),
                "pending_mail_id": False,
            }
        )

    def _get_no_recipient_message(self):
        return self.env._(
            "%(invoice)s has no recipient with an email address.",
            invoice=self.move_id.name,
        )

    def _get_other_methods(self):
        """Return the methods by which core transmits invoices besides mail."""
        self.ensure_one()
        return set(self.methods or ()) - {"email", "manual"}

    def _flag_moves(self, accepted):
        """Make core's "sent" true: core sets it before any mail has left.

        :param accepted: whether the mail server accepted this sending's mails
        """
        for line in self:
            sent = bool(line.was_sent or accepted or line._get_other_methods())
            line.move_id._set_is_move_sent(sent)

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
                self.env._("The mail with this invoice could not be sent."),
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
