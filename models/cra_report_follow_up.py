import logging
from functools import cache

import psycopg2

from odoo import api, models
from odoo.exceptions import LockError
from odoo.fields import Domain
from odoo.tools import split_every

from .cra_policy_deadline import get_deadline_terms

_logger = logging.getLogger(__name__)

#: Reports looked after in one transaction.
BATCH_SIZE = 100
#: Nobody is reminded earlier in the day, where the company is.
REMINDER_HOUR = 8


class CraReport(models.Model):
    """What happens by itself between sending and answer: hourly, and after mails."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _trigger_follow_up(self):
        # sudo: who mails may not read scheduled actions
        self.env.ref("sale_timesheet_cra.ir_cron_cra_follow_up").sudo()._trigger()

    # === CRON === #

    @api.model
    def _cron_follow_up(self):
        """Follow the mails, close what is overdue, remind; any run may be cut short.

        What was done is seen on the records: nothing is done twice, whatever a run
        before was killed at.
        """
        if not self._follow_up(
            lambda reports: reports._follow_mails(), self._get_reports_to_follow()
        ):
            return
        for company in self._get_followed_companies():
            reports = self.with_company(company).with_context(
                allowed_company_ids=company.ids
            )
            if not reports._follow_up_company(company._get_cra_today()):
                return

    @api.model
    def _follow_up_company(self, today):
        """Close what is overdue and remind; return whether there is time for more.

        :param date today: day it is in the company of the environment
        """
        working_days = cache(self.env.company._get_cra_working_days)
        return self._follow_up(
            lambda reports: reports._close_overdue(today),
            self.search(self._get_overdue_domain(today)),
        ) and self._follow_up(
            lambda reports: reports._remind_due(today, working_days),
            self._get_to_remind(today, working_days),
        )

    @api.model
    def _follow_up(self, step, due):
        """Take a step for many reports, in small transactions.

        :param step: function that takes locked reports
        :param due: ``cra.report``
        :return: whether there is time for more
        """
        left = len(due)
        for ids in split_every(BATCH_SIZE, due.ids, list):
            self._take_safely(step, self.browse(ids))
            left -= len(ids)
            # One more than there is: other steps may wait.
            if not self.env["ir.cron"]._commit_progress(len(ids), remaining=left + 1):
                return False
        self.env["ir.cron"]._commit_progress(remaining=0)
        return True

    @api.model
    def _take_safely(self, step, reports):
        """Take a step; one report that fails stops no other."""
        try:
            with self.env.cr.savepoint():
                locked = reports.try_lock_for_update()
                locked.invalidate_recordset()
                if locked:
                    step(locked)
        except (LockError, psycopg2.OperationalError) as error:
            _logger.info("Activity reports are left to the next run: %s", error)
        except Exception:
            if len(reports) == 1:
                _logger.exception("Activity report %s is not followed up", reports.ids)
                return
            for report in reports:
                self._take_safely(step, report)

    @api.model
    def _get_followed_companies(self):
        groups = self._read_group(
            [("clock_state", "in", ("running", "over"))], ["company_id"]
        )
        return self.env["res.company"].union(*(company for (company,) in groups))

    # === MAILS === #

    @api.model
    def _get_reports_to_follow(self):
        return self.env["cra.approval"]._get_to_follow().report_id

    def _follow_mails(self):
        """Take over what became of the mails of these reports."""
        self._get_asked()._follow_mails()
        self._update_clock()

    # === THE DEADLINE === #

    @api.model
    def _get_overdue_domain(self, today):
        """Return the domain of the reports of a company whose last day has passed."""
        return (
            Domain("company_id", "=", self.env.company.id)
            & Domain("state", "=", "sent")
            & Domain("clock_state", "=", "running")
            & Domain("deadline", "<", today)
        )

    def _close_overdue(self, today):
        """Do what the terms say of reports whose deadline has passed.

        The clock is looked at once more: a failure may have come in since.
        """
        self._follow_mails()
        overdue = self.filtered_domain(self._get_overdue_domain(today))
        silent = overdue.filtered(lambda r: r.on_deadline == "tacit" and r.tacit_clause)
        silent._agree_by_silence()
        (overdue - silent)._turn({"clock_state": "over"})

    def _agree_by_silence(self):
        """Count the silence of those who have not answered as the terms say."""
        if not self:
            return
        self.approval_ids._void()
        self._decide("approved", kind="tacit")
        body = self.env._(
            "Agreed by silence: nobody has answered by the deadline, and the "
            "contract counts that as agreement."
        )
        self._message_log_batch(dict.fromkeys(self.ids, body))

    # === REMINDERS === #

    @api.model
    def _get_to_remind(self, today, working_days):
        """Return the reports of a company with an approver to be reminded today."""
        hour = self.env.company._get_cra_now().hour
        if hour < REMINDER_HOUR:
            return self.browse()
        waiting = self.search(
            Domain("company_id", "=", self.env.company.id)
            & Domain("state", "=", "sent")
            & Domain("clock_state", "in", ("running", "over"))
            & (
                Domain("reminder_before_days", ">", 0)
                | Domain("reminder_every_days", ">", 0)
            )
        )
        return waiting._filter_to_remind(today, working_days).report_id

    def _filter_to_remind(self, today, working_days):
        """Return the approvals of these reports whose reminder is due."""
        due = self.env["cra.approval"]
        for report in self:
            terms = get_deadline_terms(report, working_days)
            due |= report.approval_ids.filtered(
                lambda a, report=report, terms=terms: (
                    a.state == "pending"
                    and terms.is_reminder_day(
                        today,
                        report.clock_started_on,
                        report.deadline or None,
                        a.reminded_on or None,
                    )
                )
            )
        return due

    def _remind_due(self, today, working_days):
        """Remind the approvers of these reports, if it is still due."""
        self._follow_mails()
        waiting = self.filtered(lambda r: r.clock_state in ("running", "over"))
        waiting._filter_to_remind(today, working_days)._remind()
