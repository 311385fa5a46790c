import time
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.fields import Domain
from odoo.tools import split_every

from .invoice_send_line import QUEUED
from .invoice_send_outbox import TURN

JOB = "queue.job"
JOB_METHOD = "_process_as_job"
CHANNEL = "invoice_sending"
JOB_SIZE = 20  # invoices: few enough that workers share a run evenly
CHANNEL_XMLID = "sale_timesheet_cra.queue_job_channel_invoice_sending"
FUNCTION_XMLID = "sale_timesheet_cra.queue_job_function_invoice_sending"
# How long the cron leaves due rows to their jobs.
OVERDUE = timedelta(minutes=10)
# How long a job that left something waits for its next turn.
BREATH = timedelta(seconds=5)


class InvoiceSendOutbox(models.AbstractModel):
    """Who takes rows to the mail server: jobs of the OCA's ``queue_job``, or the cron.

    Where ``queue_job`` is installed, each chunk of rows is a job in a channel of its
    own, run by as many workers and machines as that channel is given. A job is only a
    wake-up: rows are held by their locks and states, so that a job too many finds
    nothing to do. A job that is lost, cancelled or never run loses no invoice: the cron
    takes what has been due for a while.
    """

    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.outbox"  # pylint: disable=consider-merging-classes-inherited

    def _register_hook(self):
        # EXTENDS 'base': queue_job may be installed before us, after us, or never
        super()._register_hook()
        if self._has_jobs():
            self._ensure_job_function()

    @api.model
    def _has_jobs(self):
        return JOB in self.env

    @api.model
    def _ensure_job_function(self):
        """Give our jobs their channel and the right to commit.

        Not as data files, which would need ``queue_job``. External ids of ours have
        both leave with us. What an administrator changes on them stays.
        """
        if self.env.ref(FUNCTION_XMLID, raise_if_not_found=False):
            return
        channel = self.env["queue.job.channel"]._load_records(
            [
                {
                    "xml_id": CHANNEL_XMLID,
                    "values": {
                        "name": CHANNEL,
                        "parent_id": self.env.ref("queue_job.channel_root").id,
                    },
                    "noupdate": True,
                }
            ]
        )
        self.env["queue.job.function"]._load_records(
            [
                {
                    "xml_id": FUNCTION_XMLID,
                    "values": {
                        "model_id": self.env["ir.model"]._get_id("invoice.send.line"),
                        "method": JOB_METHOD,
                        "channel_id": channel.id,
                        "allow_commit": True,
                    },
                    "noupdate": True,
                }
            ]
        )

    @api.model
    def _forget_jobs(self):
        """Remove our jobs: once we are uninstalled, nobody could read or run them."""
        if self._has_jobs():
            # sudo: queue_job keeps jobs to itself
            jobs_sudo = self.env[JOB].sudo()
            jobs_sudo.search([("model_name", "=", "invoice.send.line")]).unlink()

    # === WAKING === #
    @api.model
    def _trigger(self, lines, at=None):
        """Have rows taken to the mail server.

        :param datetime at: not before; ``None``: as soon as this transaction is closed
        """
        if self._has_jobs():
            lines._delay(at)
        else:
            self._trigger_cron(at)

    @api.model
    def _trigger_cron(self, at=None):
        # sudo: whoever may queue rows may wake the worker
        cron_sudo = self.env.ref("sale_timesheet_cra.ir_cron_process_send_lines").sudo()
        cron_sudo._trigger(at)

    @api.model
    def _trigger_postponed(self, lines):
        """Have those of some rows taken again that wait for another try.

        Together, at full minutes: a server that is down postpones hundreds.
        """
        now = fields.Datetime.now()
        waiting = lines.filtered(
            lambda line: line.state == QUEUED and line.next_try and line.next_try > now
        )
        for at, rows in waiting.grouped(_next_minute).items():
            self._trigger(rows, at)

    @api.model
    def _get_cron_domain(self):
        # EXTENDS: what is due is left to its job, unless that does not come
        if not self._has_jobs():
            return super()._get_cron_domain()
        since = fields.Datetime.now() - OVERDUE
        return super()._get_cron_domain() & (
            Domain("next_try", "<=", since)
            | Domain("next_try", "=", False) & Domain("write_date", "<=", since)
        )


class InvoiceSendLine(models.Model):
    """Rows as jobs; see InvoiceSendOutbox."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.line"  # pylint: disable=consider-merging-classes-inherited

    def _delay(self, at):
        """Queue a job for each chunk of rows.

        :param datetime at: not before; ``None``: at once
        """
        # As the system, whoever queued the rows: the outbox sends for each row's user.
        system = self.with_env(self.env(user=SUPERUSER_ID, su=True, context={}))
        for ids in split_every(JOB_SIZE, system.ids):
            system.browse(ids).with_delay(
                eta=at,
                description=self.browse(ids)._get_job_description(),
                # The same wake-up twice is one. Not at once: a job that has looked at
                # its rows already would stand for this one.
                identity_key=at and f"{self._name} {at} {list(ids)}",
            )._process_as_job()

    def _get_job_description(self):
        names = [name for name in self.run_id.mapped("name") if name]
        names = names or self.move_id.mapped("name")
        return self.env._(
            "Send invoices (%(count)s): %(names)s",
            count=len(self),
            names=", ".join(names),
        )

    def _process_as_job(self):
        """Take these rows to the mail server, those that are due and free."""
        outbox = self.env["invoice.send.outbox"]
        outbox._recover()
        outbox._process_lines(self.ids, end=time.monotonic() + TURN)
        # What the time was too short for, or what another worker holds.
        if rest := self.filtered_domain(outbox._get_due_domain()):
            outbox._trigger(rest, fields.Datetime.now() + BREATH)


def _next_minute(line):
    """Return the full minute at which a postponed row can be taken again."""
    return line.next_try.replace(second=0, microsecond=0) + timedelta(minutes=1)
