from datetime import timedelta

import pytz

from odoo import api, fields, models

from ..models.cra_period import period_bounds
from ..models.cra_report import CURRENT_STATES

#: Preflight states of what may leave, or wait for its time.
OPEN_STATES = (
    "ready",
    "incomplete",
    "no_approver",
    "no_email",
    "drifted",
    "working",
)


class CraGenerate(models.TransientModel):
    """Which reports are due: the preflight that the month end takes by itself."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.generate"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _collect_due(self, company, schedules):
        """Return the reports whose moment has come and that nobody has decided on.

        :param company: ``res.company`` whose time is meant
        :param dict schedules: ``cra.policy`` -> :class:`Schedule`
        :return: pair (``cra.generate``, list of candidates)
        """
        now = pytz.utc.localize(fields.Datetime.now())
        today = company._get_cra_today()
        back = max(schedule.look_back_days for schedule in schedules.values())
        first = today - timedelta(days=back)
        # A last working day may come before the end of its period.
        last = max(period_bounds(period, today)[1] for period in ("month", "week"))
        projects = self._get_open_projects(company, first, last)
        # new: the preflight list is for people, and not worth being stored
        wizard = self.new(
            {
                "company_id": company.id,
                "date_from": first,
                "date_to": last,
                "project_ids": projects.ids,
            }
        )
        if not projects:
            return wizard, []
        return wizard, [
            candidate
            for candidate in wizard._collect()
            if candidate.state in OPEN_STATES
            and candidate.policy in schedules
            and self._is_due(candidate, schedules[candidate.policy], now)
        ]

    @api.model
    def _is_due(self, candidate, schedule, now):
        """Tell whether something is to be done for a candidate without anybody.

        :param now: aware datetime
        """
        bounds = (candidate.date_from, candidate.date_to)
        draft = candidate.report
        # What somebody has cancelled or recalled is theirs to make and to send.
        if candidate.cancelled or (draft and draft._is_in_hand()):
            return False
        if not schedule.is_due(*bounds, now):
            return False
        # What has begun goes on; what nobody asked for does not begin weeks later.
        has_begun = draft and (draft.auto_state or draft.state == "review")
        return has_begun or not schedule.is_too_late(*bounds, now)

    @api.model
    def _get_open_projects(self, company, first, last):
        """Return the projects that have time which was not sent yet."""
        month_before = first - timedelta(days=31)  # the first period began earlier
        groups = self.env["account.analytic.line"]._read_group(
            [
                ("company_id", "=", company.id),
                ("project_id", "!=", False),
                ("employee_id", "!=", False),
                ("date", ">=", month_before),
                ("date", "<=", last),
                "|",
                ("cra_line_id", "=", False),
                ("cra_line_id.report_id.state", "not in", CURRENT_STATES),
            ],
            groupby=["project_id"],
        )
        return self.env["project.project"].union(*(project for [project] in groups))
