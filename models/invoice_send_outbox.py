import logging
import math
import time
import zlib
from contextlib import contextmanager

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.fields import Domain
from odoo.modules.registry import Registry
from odoo.tools import SQL

from .invoice_send_line import QUEUED, SENDING
from .smtp_handover import Postponed, Sessions, StaleSession, Unconfirmed

# Each transaction ends where a death may happen without harm: see InvoiceSendOutbox.
# pylint: disable=invalid-commit

_logger = logging.getLogger(__name__)

CHUNK_SIZE = 50  # invoices whose documents are made in one go
# Seconds: Odoo kills a worker that is busy with one job for 120, by default.
TURN = 50
# Namespace of our advisory locks: the second key is the line's id.
LOCK_SPACE = zlib.crc32(b"invoice.send.line") - 2**31


class InvoiceSendOutbox(models.AbstractModel):
    """Takes queued rows to the mail server.

    Four transactions per row: documents, and the mail as core posts it, both with the
    rest of its chunk; the conversation with the mail server up to the point where it
    has accepted sender and recipients, closed by the claim; then the server's answer.
    Death before the claim leaves a queued row, which is sent by the next worker; death
    after it leaves a row in ``sending``, of which only a person can find out whether
    it arrived. If it is the database that dies, the worker still knows the answer, and
    records it as soon as the database is back.

    Rows are held by advisory locks of the database session: they survive commits
    and vanish with the process, so that a living worker's rows are never mistaken for
    a dead one's.
    """

    _name = "invoice.send.outbox"
    _description = "Invoice Outbox"

    # === CRON === #
    @api.model
    def _cron_process(self, chunk_size=CHUNK_SIZE):
        ir_cron = self.env["ir.cron"]
        # Odoo calls this several times per job; all of them share the time.
        end = self.env.context.get("cron_end_time", math.inf) + TURN
        self._recover()
        is_suspicious = self._died_twice()
        sessions = Sessions(self.env["ir.mail_server"])
        try:
            while time.monotonic() < end:
                with self._lock_due(1 if is_suspicious else chunk_size) as lines:
                    done = not lines  # what others hold is theirs
                    if is_suspicious:
                        lines = lines._suspect()
                    if lines:
                        self._process(lines, sessions, end)
                remaining = 0 if done else self._count_due()
                ir_cron._commit_progress(remaining=remaining)
                if done:
                    break
            else:
                if remaining := self._count_due():
                    self._trigger_cron()  # at once, not within a minute
                ir_cron._commit_progress(remaining=remaining)
        finally:
            sessions.quit()

    @api.model
    def _process_after_commit(self, lines):
        """Send rows as soon as the transaction that made them is closed.

        Whatever goes wrong here is left to the cron.
        """
        dbname, line_ids = self.env.cr.dbname, lines.ids

        @self.env.cr.postcommit.add
        def process():
            with Registry(dbname).cursor() as cr:
                outbox = api.Environment(cr, SUPERUSER_ID, {})[self._name]
                try:
                    outbox._process_lines(line_ids)
                except Exception:
                    _logger.exception("Rows %s are left to the cron", line_ids)

    @api.model
    def _process_lines(self, line_ids, end=math.inf):
        """Send some rows, unless somebody else does or they are not due.

        :param float end: when to leave the rest, by the monotonic clock
        """
        domain = Domain("id", "in", line_ids) & self._get_due_domain()
        sessions = Sessions(self.env["ir.mail_server"])
        try:
            with self._lock(domain, limit=len(line_ids)) as lines:
                self._process(lines, sessions, end)
        finally:
            sessions.quit()

    @api.model
    def _get_due_domain(self):
        now = fields.Datetime.now()
        return Domain("state", "=", QUEUED) & (
            Domain("next_try", "=", False) | Domain("next_try", "<=", now)
        )

    @api.model
    def _get_cron_domain(self):
        """Return the rows that the cron takes: all that are due."""
        return self._get_due_domain()

    @api.model
    def _count_due(self):
        return self.env["invoice.send.line"].search_count(self._get_cron_domain())

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
            lines = line_model.browse(ids).exists()
            yield lines.filtered_domain(domain)
        finally:
            self.env.cr.rollback()  # everything worth keeping is committed
            for line_id in ids:
                self.env.cr.execute(
                    "SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, line_id]
                )

    @api.model
    def _lock_due(self, limit):
        return self._lock(self._get_cron_domain(), limit)

    # === CHUNK === #
    @api.model
    def _process(self, lines, sessions, end=math.inf):
        """Send rows that are held.

        :param float end: when to leave the rest to the next turn, by the monotonic
            clock
        """
        lines.run_id.filtered(lambda run: run.state == "scheduled").state = "sending"
        lines = self._take_slots(lines)
        ready = {line: None for line in lines if line.message_id}
        to_post = self._prepare_settings(lines.filtered(lambda line: line not in ready))
        by_sender = {}
        for line, settings in to_post.items():
            key = (line.user_id, line.company_id)
            by_sender.setdefault(key, {})[line] = settings
        for settings_by_line in by_sender.values():
            ready |= self._make_documents(settings_by_line)
        self._post({line: made for line, made in ready.items() if made})
        for line in ready:
            if time.monotonic() > end:
                break
            # Each commit empties the cache: read nothing of the other rows again.
            self._deliver(line.with_prefetch(), sessions)
            # Three deaths without progress make Odoo wait before it tries again.
            self.env["ir.cron"]._commit_progress(1)
        lines.run_id._update_state()
        self._trigger_postponed(lines)
        self.env.cr.commit()

    # === ISOLATION === #
    @contextmanager
    def _isolate(self, line, sessions=None):
        """Let an error fail this row only; what it did until then is undone.

        But for a mail that its server has accepted meanwhile: that is recorded again.

        The transaction must hold nothing but this row's work.
        """
        try:
            yield
            self.env.cr.commit()
        except psycopg2.Error as error:
            accepted_id = sessions and sessions.unrecorded
            try:
                self.env.cr.rollback()  # fails with its connection
            finally:
                if accepted_id:
                    self._record_accepted_afresh(accepted_id)
            if not accepted_id:
                line._postpone(str(error))
                self.env.cr.commit()
        except Exception as error:
            self.env.cr.rollback()
            _logger.info("Invoice %s was not sent: %s", line.move_id.name, error)
            if sessions and sessions.unrecorded:
                self.env["mail.mail"].browse(sessions.unrecorded)._record_accepted()
            line._fail(str(error))
            self.env.cr.commit()

    @api.model
    def _prepare_settings(self, lines):
        """Render the mails of many invoices; one by one if any of them can't be.

        :return: dict of core's settings per row, without the rows that failed
        """
        try:
            settings = {line: line._prepare_sending_settings() for line in lines}
            self.env.cr.commit()  # core may have made contacts of addresses
            return settings
        except Exception:
            self.env.cr.rollback()
        settings = {}
        for line in lines:
            with self._isolate(line):
                settings[line] = line._prepare_sending_settings()
        return {line: one for line, one in settings.items() if line.state == QUEUED}

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
        moves = next(iter(moves_data)).union(*moves_data)
        was_sent = moves.filtered("is_move_sent")
        send = moves.sudo(False).env["account.move.send"]
        try:
            send._generate_invoice_documents(moves_data)
            # Core sets it before any mail left.
            (moves - was_sent)._set_is_move_sent(False)
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

    @api.model
    def _post(self, made):
        """Let core post the mails on their invoices, where they are held.

        Those that are only mailed together; one by one if any of them can't be. In a
        transaction of its own each that leaves another way too: what addons do there
        can't be undone.

        :param dict made: invoice and its data by row
        """
        together = {
            line: one for line, one in made.items() if not line._get_other_methods()
        }
        try:
            self._post_some(together)
            self.env.cr.commit()
        except Exception:
            self.env.cr.rollback()
            together = {}
        for line, one in made.items():
            if line not in together:
                with self._isolate(line):
                    self._post_some({line: one})

    @api.model
    def _post_some(self, made):
        # Commits free the rows: somebody may have cancelled one meanwhile.
        lines = self.env["invoice.send.line"].union(*made)
        lines = lines.try_lock_for_update(allow_referencing=True)
        lines = lines.filtered(lambda line: line.state == QUEUED)
        for some in lines.grouped(
            lambda line: (line.user_id, line.company_id)
        ).values():
            # Core and we change the data; another try starts afresh.
            data = {made[line][0]: _copy_settings(made[line][1]) for line in some}
            send = made[some[0]][0].sudo(False).env["account.move.send"]
            send._hook_if_success(data)
        for line in lines:
            if not line.message_id:
                line._settle()

    # === ONE INVOICE === #
    @api.model
    def _deliver(self, line, sessions):
        """Hand the mails of one row over, each in transactions of its own."""
        while self._deliver_next(line, sessions):
            pass

    @api.model
    def _deliver_next(self, line, sessions):
        """Hand the next mail of a row over, and settle the row after the last.

        :return: whether there is a mail left to try at once
        """
        sessions.unrecorded = None
        with self._isolate(line, sessions):
            # Commits free the rows: somebody may have cancelled it meanwhile.
            line = line.try_lock_for_update(allow_referencing=True)
            if line.state != QUEUED:
                return False
            line._check_still_posted()
            mails = line._get_held_mails()
            try:
                for mail in mails[:1]:
                    line.write({"state": SENDING, "pending_mail_id": mail.id})
                    mail._hand_over(sessions)
                    line.pending_mail_id = False
                if len(mails) > 1:
                    line.state = QUEUED
                    return True
                line._settle()
            except Postponed as error:
                line._hold(line.pending_mail_id)
                line._postpone(str(error))
            except StaleSession:
                return True  # rolled back; a new session, never stale, takes it again
            except Unconfirmed:
                line._set_unconfirmed()
        return False


def _copy_settings(settings):
    """Copy what core changes while it makes documents: a retry starts afresh."""
    return {
        key: list(value) if isinstance(value, list) else value
        for key, value in settings.items()
    }
