import logging
from datetime import timedelta
from functools import partial

import psycopg2
import pytz

from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.tools import format_date, formatLang, split_every

from .cra_report import ACTIVITY_TYPE

_logger = logging.getLogger(__name__)

#: Reports made and sent in one go; if one of them fails, each is tried by itself.
BATCH_SIZE = 20
#: A report that could not leave is tried again by the next hourly run, not before.
RETRY_AFTER = timedelta(minutes=45)
#: Somebody else is at the same report right now: the next run looks again.
BUSY_ERRORS = (LockError, psycopg2.OperationalError, psycopg2.errors.UniqueViolation)
#: Days without any entry that are named one by one.
LISTED_DAYS = 5


class CraReport(models.Model):
    """How reports leave by themselves, once the moment of their policy has come."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    auto_state = fields.Selection(
        selection=[
            ("held", "Waits until the time is complete"),
            ("failed", "Could not be sent"),
            ("asked", "Left to the responsible"),
        ],
        string="Automatic Sending",
        readonly=True,
        copy=False,
        groups="base.group_user",
    )
    auto_reason = fields.Text(
        string="Why It Was Not Sent",
        readonly=True,
        copy=False,
        groups="base.group_user",
    )
    auto_retry_on = fields.Datetime(readonly=True, copy=False, groups="base.group_user")

    # === SENDING === #

    def _send(self):
        # What kept the report from leaving is over, whoever sends it.
        waiting = self.sudo().filtered("auto_state")
        reports = super()._send()
        waiting.activity_unlink([ACTIVITY_TYPE])
        return reports

    # === CRON === #

    @api.model
    def _cron_month_end(self, batch_size=BATCH_SIZE):
        """Make and send what is due, company by company.

        What was sent is recognized by its report, so that any run may be missed,
        repeated or cut short.
        """
        for company in self.env["cra.policy"]._get_automatic_companies():
            reports = self.with_company(company).with_context(
                allowed_company_ids=company.ids,
                lang=company.partner_id.lang,
                tz=company._get_cra_zone().zone,
            )
            try:
                with self.env.cr.savepoint():
                    steps = reports._get_month_end_steps(company)
            except Exception:  # the other companies' reports leave nevertheless
                _logger.exception("Activity reports of %s are not made", company.name)
                continue
            if not reports._take_month_end_steps(steps, batch_size):
                return  # out of time: the scheduler goes on at once
            company.cra_checked_on = fields.Datetime.now()
        # Last of all: whoever is to answer many reports gets one mail for them.
        self.env["cra.approval"]._ask_waiting()
        self.env["ir.cron"]._commit_progress(remaining=0)

    def _take_month_end_steps(self, steps, batch_size):
        """Take the steps in small transactions.

        :param list steps: functions as of :meth:`_get_month_end_steps`, with what
            they are about
        :return: whether there was time enough
        """
        ir_cron = self.env["ir.cron"]
        left = sum(len(candidates) for _step, candidates in steps)
        if left:
            ir_cron._commit_progress(remaining=left)
        for step, candidates in steps:
            for batch in split_every(batch_size, candidates, list):
                step(batch)
                left -= len(batch)
                # One more than there is: other companies may wait.
                if not ir_cron._commit_progress(len(batch), remaining=left + 1):
                    return False
        return True

    def _get_month_end_steps(self, company):
        """Return what is to be done now for a company.

        :return: list of pairs (function that takes candidates, list of candidates)
        """
        schedules = self.env["cra.policy"]._get_automatic_schedules(company)
        now = fields.Datetime.now()
        aware_now = pytz.utc.localize(now)
        if not any(s.get_due_periods(aware_now) for s in schedules.values()):
            return []
        wizard, candidates = self.env["cra.generate"]._collect_due(company, schedules)
        to_send, again, to_hold, to_ask = [], [], [], []
        for candidate in candidates:
            draft = candidate.report
            missing = self._get_missing_time(candidate)
            schedule = schedules[candidate.policy]
            ends = schedule.get_hold_end(candidate.date_from, candidate.date_to)
            if not missing or candidate.policy.incomplete_month == "send":
                if not draft or not draft.auto_state:
                    to_send.append(candidate)
                elif not draft.auto_retry_on or draft.auto_retry_on <= now:
                    again.append(candidate)
            elif ends <= aware_now:
                to_ask.append(candidate)
            elif not draft or draft.auto_reason != missing:
                to_hold.append(candidate)
        leave = partial(self._leave, wizard)
        steps = [
            (leave, to_send),
            (partial(self._hold, wizard), to_hold),
            (partial(self._ask, wizard), to_ask),
            # What failed before comes last: it must not keep others waiting.
            (leave, again),
        ]
        return [step for step in steps if step[1]]

    def _is_in_hand(self):
        """Tell whether only a person decides what becomes of this draft."""
        self.ensure_one()
        return (
            not (self.state == "draft" or self._is_confirmed())
            or self.review_step == "returned"
            or bool(self.previous_id)
            or self.auto_state == "asked"
        )

    # === STEPS === #

    @api.model
    def _leave(self, wizard, candidates):
        """Make and send the reports of candidates; one that fails stops no other.

        Those of policies with an internal review are sent once they are confirmed.
        """
        try:
            with self.env.cr.savepoint():
                drafts = self._make(wizard, candidates).filtered("line_ids")
                drafts._submit_due()
                if sendable := drafts._filter_sendable():
                    sendable._send()
        except Exception as error:
            if len(candidates) > 1:
                for candidate in candidates:
                    self._leave(wizard, [candidate])
            elif isinstance(error, BUSY_ERRORS):
                _logger.info("An activity report is left to the next run: %s", error)
            else:
                self._note(wizard, candidates[0], "failed", self._get_failure(error))

    @api.model
    def _get_failure(self, error):
        """Return why a report could not be sent, in words."""
        if isinstance(error, UserError):
            return str(error)
        _logger.error("An activity report cannot be sent", exc_info=error)
        return self.env._(
            "Something unexpected happened (%s). Your administrator finds more in the "
            "log of the server.",
            type(error).__name__,
        )

    @api.model
    def _hold(self, wizard, candidates):
        """Make the drafts of candidates and let them wait for the missing time."""
        for candidate in candidates:
            self._note(wizard, candidate, "held", self._get_missing_time(candidate))

    @api.model
    def _ask(self, wizard, candidates):
        """Leave the drafts of candidates to their responsible: they waited enough."""
        for candidate in candidates:
            self._note(wizard, candidate, "asked", self._get_missing_time(candidate))

    @api.model
    def _make(self, wizard, candidates):
        """Return the drafts of candidates, in line with policy and timesheets."""
        drafts = wizard._make_drafts(candidates).sudo()
        for draft in drafts.filtered(lambda d: d.user_id == self.env.user):
            draft.user_id = draft._get_responsible()
        return drafts

    @api.model
    def _note(self, wizard, candidate, state, reason):
        """Write on a draft why it has not left, and tell the responsible if need be.

        :param str state: key of ``auto_state``
        :param str reason: sentence that names what to do
        """
        try:
            with self.env.cr.savepoint():
                draft = self._make(wizard, [candidate])
                told = draft.auto_state == state and (
                    state == "asked" or draft.auto_reason == reason
                )
                draft.write(
                    {
                        "auto_state": state,
                        "auto_reason": reason,
                        "auto_retry_on": fields.Datetime.now() + RETRY_AFTER
                        if state == "failed"
                        else False,
                    }
                )
                if draft and state != "held" and not told:
                    draft._tell_responsible()
        except BUSY_ERRORS as error:
            _logger.info("An activity report is left to the next run: %s", error)
        except Exception:  # there is no draft to write it on
            _logger.exception(
                "The activity report of %s from %s to %s cannot be made",
                candidate.project.name,
                candidate.date_from,
                candidate.date_to,
            )

    def _tell_responsible(self):
        """Schedule the activity that says why this draft has not left."""
        self.ensure_one()
        self.activity_unlink([ACTIVITY_TYPE])
        if self.auto_state == "asked":
            summary = self.env._("Time is missing: send the report, or wait?")
        else:
            summary = self.env._("The report could not be sent")
        user = self.user_id or self._get_responsible()
        self.activity_schedule(
            ACTIVITY_TYPE,
            summary=summary,
            note=self.auto_reason,
            user_id=user.id or self.env.uid,
        )

    def _get_responsible(self):
        """Return who looks after a draft that nobody has made, may be empty."""
        self.ensure_one()
        administrators = self.env.ref("hr_timesheet.group_timesheet_manager").user_ids
        users = (
            self.project_id.user_id
            | self.line_ids.timesheet_id.so_line.order_id.user_id
            | self.policy_id.create_uid
            | administrators.filtered(lambda u: self.company_id in u.company_ids)
        )
        root = self.env.ref("base.user_root")
        return (users - root).filtered("active")[:1]

    @api.model
    def _get_missing_time(self, candidate):
        """Return the time a candidate misses, in words; nothing if it is complete."""
        in_days = candidate.company._enters_days()
        sentences = []
        for employee, time in candidate.missing.items():
            amount = time.days if in_days else time.hours
            values = {
                "who": employee.name,
                "amount": formatLang(self.env, amount, digits=2),
            }
            if in_days:
                sentence = self.env._("%(who)s: %(amount)s days missing.", **values)
            else:
                sentence = self.env._("%(who)s: %(amount)s hours missing.", **values)
            if time.empty_dates:
                days = [format_date(self.env, day) for day in time.empty_dates]
                if len(days) > LISTED_DAYS:
                    days = [*days[:LISTED_DAYS], "…"]
                sentence = self.env._(
                    "%(missing)s No entry on %(days)s.",
                    missing=sentence,
                    days=", ".join(days),
                )
            sentences.append(sentence)
        return "\n".join(sentences)
