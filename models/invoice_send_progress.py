from datetime import timedelta

from odoo import api, fields, models

from .invoice_send_line import DRAFT, FAILED, QUEUED, SENDING, SENT, UNCONFIRMED

PROGRESS = "sale_timesheet_cra.send_run_progress"
ACTIVITY = "mail.mail_activity_data_warning"


class InvoiceSendRun(models.Model):
    """How far a run is: on the page while it runs, and to its owner at the end."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.run"  # pylint: disable=consider-merging-classes-inherited

    started_on = fields.Datetime(readonly=True, copy=False)
    expected_end = fields.Datetime(compute="_compute_expected_end")

    @api.depends("line_ids.state", "line_ids.next_try", "started_on", "state")
    def _compute_expected_end(self):
        """Estimate when all that waits has left.

        By the limits of people's own mailboxes, the pauses of what is tried again, and
        the pace so far.
        """
        now = fields.Datetime.now()
        for run in self:
            waiting = run.line_ids.filtered(
                lambda line: line.state in (DRAFT, QUEUED, SENDING)
            )
            ends = [end for end in waiting.mapped("next_try") if end and end > now]
            ends += [now + time for time in run._estimate_limits(waiting)]
            if run.state == "sending" and (pace := run._estimate_pace(now)):
                ends.append(now + pace * len(waiting))
            run.expected_end = max(ends, default=False) if waiting else False

    def _estimate_limits(self, lines):
        """Return how long each mailbox with a limit takes for its mails."""
        # sudo: only administrators read all of a mail server
        for server, limited in lines.sudo().grouped("effective_server_id").items():
            if server.owner_user_id:
                mails = sum(len(line.partner_ids) or 1 for line in limited)
                minutes = (mails - 1) // server._get_personal_mail_servers_limit()
                yield timedelta(minutes=minutes)

    def _estimate_pace(self, now):
        """Return the time one invoice took so far, if any was sent."""
        self.ensure_one()
        done = self.line_ids.filtered(
            lambda line: (
                line.state in (SENT, FAILED, UNCONFIRMED)
                and line.sent_on
                and self.started_on
                and line.sent_on >= self.started_on
            )
        )
        return (now - self.started_on) / len(done) if done else None

    # === BUSINESS METHODS === #
    def _notify_progress(self):
        """Tell whoever looks at the run that rows moved, once this is committed."""
        for run in self:
            if run.state != "draft":
                run._bus_send(PROGRESS, {"id": run.id})

    def _notify_end(self):
        """Tell who started the run that it is through, and leave what is to decide."""
        self.ensure_one()
        open_count = self.failed_count + self.unconfirmed_count
        message = self.env._(
            "Sent: %(sent)s. Failed or unconfirmed: %(open)s. Blocked: %(blocked)s.",
            sent=self.sent_count,
            open=open_count,
            blocked=self.blocked_count,
        )
        self.user_id._bus_send(
            "account_notification",
            {
                "type": "warning" if open_count else "success",
                "sticky": bool(open_count),
                "title": self.env._("%s is through", self.name),
                "message": message,
                "action_button": {
                    "name": self.env._("Open"),
                    "action_name": self.env._("Sending Runs"),
                    "model": self._name,
                    "res_ids": self.ids,
                },
            },
        )

    def _update_activity(self):
        """Keep one activity for the owner as long as rows wait for a decision."""
        for run in self:
            waiting = run.failed_count + run.unconfirmed_count
            if waiting and not run.activity_search([ACTIVITY]):
                # No mail besides: the notification at the end said so already.
                quiet = run.with_context(mail_activity_quick_update=True)
                quiet.activity_schedule(
                    ACTIVITY,
                    summary=self.env._("Some invoices did not leave"),
                    note=self.env._("Look at the rows: retry, decide or cancel them."),
                    user_id=run.user_id.id,
                )
            elif not waiting:
                run.activity_unlink([ACTIVITY])
