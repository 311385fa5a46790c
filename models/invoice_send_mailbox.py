import zlib
from contextlib import contextmanager

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import email_normalize

# Each transaction ends where a death may happen without harm: see InvoiceSendOutbox.
# pylint: disable=invalid-commit

# Namespace of our advisory locks: the second key is the mail server's id.
MAILBOX_SPACE = zlib.crc32(b"ir.mail_server") - 2**31


class InvoiceSendLine(models.Model):
    """Through which mailbox a row leaves, and as whom."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.line"  # pylint: disable=consider-merging-classes-inherited

    mail_server_id = fields.Many2one(
        comodel_name="ir.mail_server",
        string="Mailbox",
        compute="_compute_mail_server_id",
        store=True,
        readonly=False,
        help="Empty: the one that fits the sender.",
    )
    effective_server_id = fields.Many2one(
        comodel_name="ir.mail_server",
        string="Leaves Through",
        readonly=True,
        help="The mail server that is used, as known when the row was last checked.",
    )
    sender = fields.Char(
        string="From",
        readonly=True,
        help="The sender that customers see, as known when the row was last checked.",
    )

    @api.depends("run_id.mail_server_id", "mail_template_id", "move_id")
    def _compute_mail_server_id(self):
        # sudo: a setting applies whoever may read mail servers
        for line in self.sudo():
            line.mail_server_id = (
                line.run_id.mail_server_id
                or line.move_id._resolve_send_setting("invoice_mail_server_id")
                or line.mail_template_id.mail_server_id
            )

    def _update_senders(self):
        """Find out through which server and as whom each row leaves.

        :return: dict of line id: sender that the mail is written with, before core
            adapts it to the server
        """
        wanted = self._render_senders()
        found = {}
        for line in self.sudo():
            written = wanted.get(line.id)
            key = (line.mail_server_id, written, line.company_id, line.user_id)
            if key not in found:
                found[key] = self._find_sender(*key)
            server, sender = found[key]
            if (line.effective_server_id, line.sender) != (server, sender):
                line.write({"effective_server_id": server.id, "sender": sender})
        return wanted

    def _render_senders(self):
        """Return the sender that the template of each mailed row asks for."""
        mailed = self.filtered(lambda line: "email" in (line.methods or ()))
        by_template = mailed.grouped(
            lambda line: (line.mail_template_id, line.mail_lang, line.user_id)
        )
        wanted = {}
        for (template, lang, user), lines in by_template.items():
            # sudo: templates are rendered so by core; the user may send the invoices
            rendered = (
                template.with_user(user)
                .sudo()
                .with_context(lang=lang)
                ._render_field("email_from", lines.move_id.ids)
                if template
                else {}
            )
            for line in lines:
                wanted[line.id] = rendered.get(line.move_id.id) or user.email_formatted
        return wanted

    @api.model
    def _find_sender(self, server, email_from, company, user):
        if not email_from:
            return server, False
        if not server:
            return server._find_sender(email_from, company, user)
        return (
            server,
            server.owner_user_id and server._get_personal_from() or email_from,
        )

    def _get_mail_limit(self):
        """Return how many bytes of a mail the row's mailbox takes."""
        self.ensure_one()
        # sudo: only administrators read all of a mail server
        megabytes = self.sudo().effective_server_id._get_max_email_size()
        return int(megabytes * 1024 * 1024)

    def _count_mails(self):
        """Return how many mails the row still is."""
        self.ensure_one()
        return len(self._get_held_mails()) or len(self.partner_ids) or 1

    def _get_mailbox_values(self):
        """Return what the row's mailbox changes on its mails.

        :raise UserError: the mailbox can't be used
        """
        self.ensure_one()
        # sudo: only administrators read all of a mail server
        server = self.sudo().mail_server_id
        if not server:
            return {}
        if problem := server._get_send_problem(self.user_id):
            raise UserError(problem)
        values = {"mail_server_id": server.id}
        if server.owner_user_id:
            values["email_from"] = server._get_personal_from()
        return values

    def _get_mailbox_blockers(self, wanted):
        """Return what keeps the row's mailbox from sending.

        :param dict wanted: what ``_update_senders`` returned
        """
        self.ensure_one()
        if self.id not in wanted:
            return []
        if not wanted[self.id]:
            return [
                self._prepare_issue(
                    "no_sender",
                    self.env._(
                        "%s has no email address to send from.", self.user_id.name
                    ),
                    self.user_id,
                )
            ]
        # sudo: only administrators read all of a mail server
        sudo = self.sudo()
        servers = sudo.mail_server_id | sudo.mail_template_id.mail_server_id
        problems = [server._get_send_problem(self.user_id) for server in servers]
        return [
            self._prepare_issue("mailbox", problem, self._get_mailbox_source())
            for problem in problems
            if problem
        ]

    def _get_mailbox_source(self):
        """Return the record on which the row's mailbox was chosen."""
        self.ensure_one()
        move = self.move_id
        if self.run_id.sudo().mail_server_id:
            return self.run_id
        source = move._get_send_setting_source("invoice_mail_server_id")
        return source or self.mail_template_id

    def _get_sender_alerts(self, wanted):
        """Return who will not be seen as the sender they asked to be.

        :param dict wanted: what ``_update_senders`` returned
        :return: dict for core's ``actionable_errors`` widget
        """
        changed = {
            (wanted[line.id], line.sender)
            for line in self
            if line.id in wanted
            and line.sender
            and email_normalize(wanted[line.id]) != email_normalize(line.sender)
        }
        return {
            f"sender_{number}": {
                "level": "info",
                "message": self.env._(
                    "Mails of %(wanted)s leave as %(sender)s: no mail server may send "
                    "for the first one.",
                    wanted=asked,
                    sender=sender,
                ),
            }
            for number, (asked, sender) in enumerate(sorted(changed))
        }


class InvoiceSendOutbox(models.AbstractModel):
    """The limits of people's own mailboxes, which all workers keep together."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.outbox"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _take_slots(self, lines):
        """Return the rows that may leave now; the others wait for their mailbox.

        A mailbox of somebody's own lets only so many mails per minute through.
        """
        lines._update_senders()
        self.env.cr.commit()
        for server, limited in lines.grouped("effective_server_id").items():
            if server.owner_user_id:
                lines -= self._wait_for_mailbox(server, limited)
        return lines

    @api.model
    def _wait_for_mailbox(self, server, lines):
        """Postpone what exceeds the limit, and all others of this mailbox with it.

        :return: those of the given rows that have to wait
        """
        with self._lock_mailbox(server):
            try:
                taken = server._take_slots([line._count_mails() for line in lines])
                self.env.cr.commit()
            except psycopg2.errors.SerializationFailure:  # core counts there too
                self.env.cr.rollback()
                taken = 0
            waiting = lines[taken:]
            if waiting:
                others = lines.search(
                    self._get_due_domain()
                    & Domain("effective_server_id", "=", server.id)
                    & Domain("id", "not in", lines.ids)
                )
                # What other workers hold leaves, or waits there.
                others = others.try_lock_for_update(allow_referencing=True)
                self._spread(server, waiting | others)
                self.env.cr.commit()
        return waiting

    @api.model
    def _spread(self, server, lines):
        """Have rows tried again as many a minute as their mailbox lets through."""
        limit = server._get_personal_mail_servers_limit()
        first, ahead = server._get_next_slot(), 0
        for line in lines:
            line.next_try = fields.Datetime.add(first, minutes=ahead // limit)
            ahead += len(line.partner_ids) or 1
        for next_try, batch in lines.grouped("next_try").items():
            self._trigger(batch, next_try)

    @contextmanager
    def _lock_mailbox(self, server):
        """Count alone: workers that share a mailbox wait for each other here."""
        self.env.cr.execute(
            "SELECT pg_advisory_lock(%s, %s)", [MAILBOX_SPACE, server.id]
        )
        self.env.cr.commit()  # the snapshot is older than the lock
        try:
            yield
        finally:
            self.env.cr.rollback()  # everything worth keeping is committed
            self.env.cr.execute(
                "SELECT pg_advisory_unlock(%s, %s)", [MAILBOX_SPACE, server.id]
            )
