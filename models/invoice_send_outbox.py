import logging
import smtplib
import zlib
from contextlib import contextmanager

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .invoice_send_line import QUEUED, SENDING
from .smtp_handover import Handover, Sessions, get_text, is_temporary

# Each transaction ends where a death may happen without harm: see InvoiceSendOutbox.
# pylint: disable=invalid-commit

_logger = logging.getLogger(__name__)

CHUNK_SIZE = 20  # invoices whose documents are made in one go
# Namespace of our advisory locks: the second key is the line's id.
LOCK_SPACE = zlib.crc32(b"invoice.send.line") - 2**31


class Postponed(Exception):
    """Nothing was handed over; the same mail can be tried again, after a pause."""


class StaleSession(Exception):
    """The server had hung up on an idle session; nothing was handed over."""


class Unconfirmed(Exception):
    """The mail was handed over, the server's answer never came."""


class InvoiceSendOutbox(models.AbstractModel):
    """Takes queued rows of sending runs to the mail server.

    Three transactions per row: documents (with the rest of its chunk); then the mail
    up to the point where the server has accepted sender and recipients, closed by the
    claim; then the server's answer. Death before the claim leaves a queued row, which
    is sent by the next worker; death after it leaves a row in ``sending``, of which
    only a person can find out whether it arrived.

    Rows are held by advisory locks of the database session: they survive commits
    and vanish with the process, so that a living worker's rows are never mistaken for
    a dead one's.
    """

    _name = "invoice.send.outbox"
    _description = "Invoice Outbox"

    # === CRON === #
    @api.model
    def _trigger(self, at=None):
        # sudo: whoever may queue rows may wake the worker
        cron_sudo = self.env.ref("sale_timesheet_cra.ir_cron_process_send_lines").sudo()
        cron_sudo._trigger(at)

    @api.model
    def _cron_process(self, chunk_size=CHUNK_SIZE):
        ir_cron = self.env["ir.cron"]
        self._recover()
        sessions = Sessions(self.env["ir.mail_server"])
        try:
            while True:
                with self._lock_due(chunk_size) as lines:
                    if not lines:
                        break
                    self._process(lines, sessions)
                    done = len(lines)
                if not ir_cron._commit_progress(done, remaining=self._count_due()):
                    break
        finally:
            sessions.quit()

    @api.model
    def _get_due_domain(self):
        return [
            ("state", "=", QUEUED),
            "|",
            ("next_try", "=", False),
            ("next_try", "<=", fields.Datetime.now()),
        ]

    @api.model
    def _count_due(self):
        return self.env["invoice.send.line"].search_count(self._get_due_domain())

    # === LOCKS === #
    @contextmanager
    def _lock(self, domain, limit):
        """Yield rows nobody else holds, held until the block or the process ends."""
        line_model = self.env["invoice.send.line"]
        # Far more candidates than needed: other workers hold the first ones.
        query = line_model._search(domain, order="id", limit=10 * limit)
        rows = self.env.execute_query(
            SQL(
                "WITH candidate AS MATERIALIZED (%s) SELECT id FROM candidate "
                "WHERE pg_try_advisory_lock(%s, id) LIMIT %s",
                query.select(),
                LOCK_SPACE,
                limit,
            )
        )
        ids = [row[0] for row in rows]
        self.env.cr.commit()  # the snapshot is older than the locks
        try:
            yield line_model.browse(ids).exists().filtered_domain(domain)
        finally:
            self.env.cr.rollback()  # everything worth keeping is committed
            for line_id in ids:
                self.env.cr.execute(
                    "SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, line_id]
                )

    @api.model
    def _lock_due(self, limit):
        return self._lock(self._get_due_domain(), limit)

    @api.model
    def _recover(self):
        """Find rows whose worker died between the claim and the answer."""
        with self._lock([("state", "=", SENDING)], limit=1000) as lines:
            lines._set_unconfirmed()
            lines.run_id._update_state()
            self.env.cr.commit()

    # === CHUNK === #
    @api.model
    def _process(self, lines, sessions):
        lines.run_id.filtered(lambda run: run.state == "scheduled").state = "sending"
        to_post = {}
        for line in lines:
            if not line.message_id:
                with self._isolate(line):
                    to_post[line] = line._prepare_sending_settings()
        self.env.cr.commit()  # core may have made contacts of addresses
        by_sender = {}
        for line, settings in to_post.items():
            if line.state == QUEUED:
                key = (line.run_id.user_id, line.company_id)
                by_sender.setdefault(key, {})[line] = settings
        ready = {line: None for line in lines if line.message_id}
        for settings_by_line in by_sender.values():
            ready |= self._make_documents(settings_by_line)
        for line, settings in ready.items():
            self._send(line, settings, sessions)
        lines.run_id._update_state()
        self.env.cr.commit()

    @contextmanager
    def _isolate(self, line):
        """Let an error fail this row only; what it did until then is undone.

        The transaction must hold nothing but this row's work.
        """
        try:
            yield
            self.env.cr.commit()
        except psycopg2.Error as error:
            self.env.cr.rollback()
            line._postpone(str(error))
            self.env.cr.commit()
        except Exception as error:
            self.env.cr.rollback()
            _logger.info("Invoice %s was not sent: %s", line.move_id.name, error)
            line._fail(str(error))
            self.env.cr.commit()

    @api.model
    def _make_documents(self, settings_by_line):
        """Make the documents of many invoices of one sender and company.

        A batch that fails is halved until exactly the bad invoices are left.

        :param dict settings_by_line: core's settings per row
        :return: dict of row: its data after core made the documents
        """
        moves_data = {
            line._get_sender_env_move().sudo(): _copy_settings(settings)
            for line, settings in settings_by_line.items()
        }
        lines = list(settings_by_line)
        was_sent = {move: move.is_move_sent for move in moves_data}
        first_move = next(iter(moves_data))
        send = first_move.sudo(False).env["account.move.send"]
        try:
            send._generate_invoice_documents(moves_data)
            for move, flag in was_sent.items():
                move.is_move_sent = flag  # core sets it before any mail left
            self.env.flush_all()
        except Exception as error:
            self.env.cr.rollback()
            if len(lines) > 1:
                half = len(lines) // 2
                return {
                    **self._make_documents(
                        {k: settings_by_line[k] for k in lines[:half]}
                    ),
                    **self._make_documents(
                        {k: settings_by_line[k] for k in lines[half:]}
                    ),
                }
            with self._isolate(lines[0]):
                raise error
            return {}
        self.env.cr.commit()
        made = {}
        for line, (move, data) in zip(lines, moves_data.items(), strict=True):
            data.pop("pdf_attachment_values", None)
            if error := data.get("error"):
                self._handle_document_error(send, line, error)
            else:
                made[line] = (move, data)
        return made

    @api.model
    def _handle_document_error(self, send, line, error):
        """Note what core or an e-invoice addon says is wrong with one invoice."""
        if isinstance(error, str):  # some addons do not keep to core's format
            error = {"error_title": error}
        text = send._format_error_text(error)
        if error.get("retry"):
            line._postpone(text)
        else:
            line._fail(text, body=send._format_error_html(error))
        self.env.cr.commit()

    # === ONE INVOICE === #
    @api.model
    def _send(self, line, made, sessions):
        """Post the mail of one row unless it is posted, hand it over, settle."""
        with self._isolate(line):
            # Commits free the rows: somebody may have cancelled it meanwhile.
            line = line.try_lock_for_update(allow_referencing=True)
            if line.state != QUEUED:
                return
            try:
                if made:
                    self._post(line, *made)
                for mail in line._get_held_mails():
                    self._hand_over(line, mail, sessions)
                line._settle()
            except Postponed as error:
                line._postpone(str(error))
            except StaleSession:
                return  # rolled back: still queued, and taken again with a new session
            except Unconfirmed:
                line._set_unconfirmed()

    @api.model
    def _post(self, line, move, data):
        """Let core post the mail on the invoice, and hold it."""
        send = move.sudo(False).env["account.move.send"]
        message_model = self.env["mail.message"].sudo()
        domain = [
            ("model", "=", move._name),
            ("res_id", "=", move.id),
            ("email_layout_xmlid", "=", send._get_mail_layout()),
        ]
        before = message_model.search(domain)
        send._hook_if_success({move: data})
        message = message_model.search(domain) - before
        if message:
            line._adopt_message(message[-1])  # newest first: the first one posted
        elif "email" in data["sending_methods"]:
            raise UserError(
                self.env._(
                    "%(invoice)s has no recipient with an email address.",
                    invoice=move.name,
                )
            )
        line.flush_recordset()

    @api.model
    def _hand_over(self, line, mail, sessions):
        """Give one mail to its mail server and record the answer.

        :raise Postponed: nothing was handed over, or the server asks to try later
        :raise StaleSession: the server had closed the session before
        :raise Unconfirmed: the mail was handed over, but no answer came
        """
        line.write({"state": SENDING, "pending_mail_id": mail.id})
        mail.write({"state": "outgoing", "failure_reason": False})
        configuration = next(mail._split_by_mail_configuration())
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
            mail._send(
                raise_exception=True,
                smtp_session=session,
                alias_domain_id=alias_domain_id,
                mail_server=self.env["ir.mail_server"].browse(server_id),
            )
        except (psycopg2.Error, smtplib.SMTPServerDisconnected) as error:
            self.env.cr.rollback()
            sessions.drop(server_id, smtp_from)
            if handover.accepted:
                line._record_accepted()
            elif handover.claimed:
                raise Unconfirmed from error
            elif is_new:
                raise Postponed(get_text(error)) from error
            else:
                raise StaleSession from error
        except Exception as error:
            if is_temporary(error):
                line._hold(mail)
                raise Postponed(get_text(error)) from error
            # Core noted the refusal on the mail and its notifications, in its words.
            line._record_refused(get_text(error))
        line.pending_mail_id = False


def _copy_settings(settings):
    """Copy what core changes while it makes documents: a retry starts afresh."""
    return {
        key: list(value) if isinstance(value, list) else value
        for key, value in settings.items()
    }
