from datetime import timedelta
from functools import cache

import pytz

from odoo import api, fields, models
from odoo.tools import format_date

from .cra_period import period_bounds, period_label
from .cra_policy import MAX_DAYS_AFTER
from .cra_schedule import Schedule

#: Moments the preview tells one by one.
PREVIEWED_MOMENTS = 5


class CraPolicy(models.Model):
    """When reports leave, and what the policy says about it in words."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.policy"  # pylint: disable=consider-merging-classes-inherited

    preview_title = fields.Char(
        compute="_compute_preview", export_string_translation=False
    )
    preview = fields.Text(
        compute="_compute_preview",
        string="What Will Happen",
        help="With the dates of your company.",
    )

    # === COMPUTE METHODS === #

    @api.depends(
        "active",
        "company_id",
        "start_date",
        "scope",
        "period",
        "line_filter",
        "send_mode",
        "auto_since",
        "send_day",
        "send_delay_days",
        "send_hour",
        "incomplete_month",
        "hold_days",
        "internal_review",
        "approval_mode",
        "deadline_days",
        "deadline_unit",
        "on_deadline",
        "reminder_before_days",
        "reminder_every_days",
        "invoice_gate",
    )
    @api.depends_context("company", "lang")
    def _compute_preview(self):
        for policy in self:
            company = policy.company_id or self.env.company
            start = policy._get_start_date(company)
            is_assigned = not policy._origin or policy._is_assigned(company)
            month, sentences = policy._get_preview(company, start, is_assigned)
            policy.preview_title = self.env._("What will happen in %s", month)
            policy.preview = "\n".join(sentences)

    # === PREVIEW === #

    def _get_preview(self, company, start, is_assigned):
        """Return what this policy will do next, in the reader's language.

        :param company: ``res.company`` whose time is meant
        :param date start: day from which the policy is in force, None if it never is
        :param bool is_assigned: whether anything uses the policy
        :return: pair (month in words, list of sentences)
        """
        self.ensure_one()
        now = pytz.utc.localize(fields.Datetime.now())
        schedule = self._get_schedule(company, start)
        today = now.astimezone(schedule.zone).date()
        if not start:
            month = period_label(self.env, *period_bounds("month", today))
            return month, self._get_idle_sentences(company)
        if self.send_mode == "auto":
            periods = schedule.get_next_periods(now)
        else:
            periods = [period_bounds(self.period, max(start, today))]
        day = periods[-1][1]
        if self.send_mode == "auto":
            day = schedule.get_moment(*periods[0]).astimezone(schedule.zone).date()
        month = period_label(self.env, *period_bounds("month", day))
        sentences = []
        if not is_assigned:
            sentences.append(
                self.env._(
                    "No project, customer or company uses this policy yet: nothing "
                    "happens before one does."
                )
            )
        if start > today:
            sentences.append(
                self.env._(
                    "Time before %s is left alone.",
                    format_date(self.env, start, date_format="full"),
                )
            )
        if self.send_mode == "auto":
            sentences += self._get_sending_sentences(schedule, periods)
            sentences += self._get_hold_sentences(schedule, periods[-1])
        else:
            sentences += self._get_manual_sentences(periods[-1])
        sentences += self._get_review_sentences()
        sentences += self._get_agreement_sentences()
        sentences += self._get_deadline_sentences(company, today)
        if self.send_mode == "auto":
            sentences += self._get_missed_sentences(schedule, now)
        return month, sentences

    def _is_assigned(self, company):
        """Tell whether a project, a customer or the company uses this policy."""
        # sudo: only a yes or no leaves here
        uses = [("cra_policy_id", "=", self._origin.id)]
        models_sudo = self.sudo().with_company(company).env
        return any(
            models_sudo[name].search_count(uses, limit=1)
            for name in ("project.project", "res.partner", "res.company")
        )

    def _get_idle_sentences(self, company):
        return [
            self.env._(
                "Nothing: the policy has no start date, and %s has none either. "
                "Enter one here or in the settings.",
                company.name,
            )
        ]

    def _get_sending_sentences(self, schedule, periods):
        """Return when the reports of the next periods are made and sent."""
        sentences = [
            self.env._(
                "On %(day)s at %(time)s (%(zone)s) the reports of %(period)s are made "
                "and sent, with the time entered until then.",
                period=period_label(self.env, *bounds),
                **self._format_moment(schedule, schedule.get_moment(*bounds)),
            )
            for bounds in periods[:PREVIEWED_MOMENTS]
        ]
        if len(periods) > PREVIEWED_MOMENTS:
            sentences.append(self.env._("And so on."))
        return sentences

    def _get_manual_sentences(self, bounds):
        ready = format_date(self.env, bounds[1] + timedelta(days=1), date_format="full")
        return [
            self.env._(
                "Nothing is sent by itself. From %(day)s on, a manager makes the "
                "reports of %(period)s with “Generate Activity Reports”, and sends "
                "them.",
                day=ready,
                period=period_label(self.env, *bounds),
            )
        ]

    def _get_hold_sentences(self, schedule, bounds):
        if self.incomplete_month == "send":
            return [self.env._("Reports are sent even if consultants miss time.")]
        return [
            self.env._(
                "Reports of consultants who miss time wait, and are sent as soon as "
                "the time is complete. Those that still wait on %(day)s at %(time)s "
                "are left to their responsible, who is told what is missing.",
                **self._format_moment(schedule, schedule.get_hold_end(*bounds)),
            )
        ]

    def _get_review_sentences(self):
        if not self.internal_review:
            return []
        if self.send_mode == "auto":
            return [
                self.env._(
                    "Internal review: instead of being sent, reports are then "
                    "submitted to their consultants. Each leaves within the hour after "
                    "its consultant and a manager have confirmed it."
                )
            ]
        return [
            self.env._(
                "Internal review: the consultant confirms a report before the manager "
                "can send it."
            )
        ]

    def _get_agreement_sentences(self):
        sentences = {
            "none": self.env._("Customers are informed: nobody is asked to agree."),
            "any": self.env._(
                "The approvers get a mail with their personal link; it is enough that "
                "one of them agrees."
            ),
            "all": self.env._(
                "The approvers get a mail with their personal link; all of them have "
                "to agree."
            ),
        }
        gates = {
            "block": self.env._("The time is invoiced once the customer has agreed."),
            "warn": self.env._(
                "The time may be invoiced at once; who invoices is warned until the "
                "customer has agreed."
            ),
            "none": self.env._("The time may be invoiced at once."),
        }
        gate = gates.get(self.invoice_gate, gates["none"])
        return [sentences[self.approval_mode], gate] if self.approval_mode else [gate]

    def _get_missed_sentences(self, schedule, now):
        """Return what becomes of periods whose moment has passed."""
        due = [
            bounds
            for bounds in schedule.get_due_periods(now)
            if not schedule.is_too_late(*bounds, now)
        ]
        sentences = []
        if due:
            labels = ", ".join(period_label(self.env, *bounds) for bounds in due)
            sentences.append(
                self.env._(
                    "Within the hour: what was not sent yet of %s is sent.", labels
                )
            )
        since = schedule.since
        if since and schedule.start < since.astimezone(schedule.zone).date():
            sentences.append(
                self.env._(
                    "What was to be sent before %(day)s at %(time)s does not leave by "
                    "itself: a manager makes it with “Generate Activity Reports”.",
                    **self._format_moment(schedule, since),
                )
            )
        return sentences

    def _format_moment(self, schedule, moment):
        local = moment.astimezone(schedule.zone)
        return {
            "day": format_date(self.env, local.date(), date_format="full"),
            "time": local.strftime("%H:%M"),
            "zone": schedule.zone.zone,
        }

    # === BUSINESS METHODS === #

    def _get_schedule(self, company, start, working_days=None):
        """Return when the reports of this policy leave.

        :param company: ``res.company`` whose time is meant
        :param date start: day from which the policy is in force
        :param working_days: function as :class:`Schedule` wants it, to share its
            answers between policies
        :return: :class:`Schedule`
        """
        self.ensure_one()
        # Forms preview what is typed, before it is checked.
        delay_days = min(max(self.send_delay_days, 0), MAX_DAYS_AFTER)
        return Schedule(
            period=self.period or "month",
            send_day=self.send_day or "last_day",
            delay_days=delay_days if self.send_day == "days_after" else 0,
            hour=min(max(self.send_hour, 0), 23),
            hold_days=min(max(self.hold_days, 0), MAX_DAYS_AFTER),
            zone=company._get_cra_zone(),
            start=start,
            working_days=working_days or cache(company._get_cra_working_days),
            since=self._get_auto_since(),
            # sudo: everybody may know when reports leave
            checked=_to_utc(company.sudo().cra_checked_on),
        )

    def _get_auto_since(self):
        """Return since when reports leave by themselves, as an aware moment.

        A form that is not saved yet shows what saving it leads to.
        """
        now = fields.Datetime.now()
        saved = self._origin
        if saved.send_mode != self.send_mode or saved.period != self.period:
            return _to_utc(now)
        # A moment still to come is one of a clock that went wrong.
        is_past = self.auto_since and self.auto_since <= now
        return _to_utc(self.auto_since) if is_past else None

    @api.model
    def _get_automatic_companies(self):
        """Return the companies some of whose reports may leave by themselves."""
        policies = self.search([("send_mode", "=", "auto")])
        if all(policy.company_id for policy in policies):
            return policies.company_id
        return self.env["res.company"].search([("active", "=", True)])

    @api.model
    def _get_automatic_schedules(self, company):
        """Return when reports leave by themselves, by policy in force.

        :param company: ``res.company`` whose time is meant
        :return: dict ``cra.policy`` -> :class:`Schedule`
        """
        working_days = cache(company._get_cra_working_days)
        policies = self.search(
            [("send_mode", "=", "auto"), ("company_id", "in", (False, company.id))]
        )
        return {
            policy: policy._get_schedule(company, start, working_days)
            for policy in policies
            if (start := policy._get_start_date(company))
        }


def _to_utc(moment):
    """Return a moment as it is stored as an aware one."""
    return pytz.utc.localize(moment) if moment else None
