import pytz

from odoo import api, fields, models

from ..models.cra_report import CURRENT_STATES
from ..models.resolution import resolve
from .cra_generate import Candidate

#: Preflight states of what may leave, or wait for its time.
OPEN_STATES = ("ready", "incomplete", "no_approver", "no_email", "working")


class CraGenerate(models.TransientModel):
    """Which reports are due: the preflight that the month end takes by itself."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.generate"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _collect_due(self, company, due):
        """Return the reports whose moment has come and that nobody has decided on.

        :param due: as of ``cra.policy._get_due_schedules``
        :return: pair (``cra.generate``, list of candidates)
        """
        bounds = [period for _schedule, periods in due.values() for period in periods]
        first = min(period[0] for period in bounds)
        last = max(period[1] for period in bounds)
        # new: the preflight list is for people, and not worth being stored
        wizard = self.new(
            {
                "company_id": company.id,
                "date_from": min(period[1] for period in bounds),
                "date_to": last,
                "project_ids": self._get_open_projects(company, first, last).ids,
            }
        )
        found = wizard._collect() if wizard.project_ids else []
        found += wizard._get_leftovers(found, due, first)
        ended = self._get_ended_keys(company, first, last)
        return wizard, [
            candidate
            for candidate in found
            if candidate.policy in due
            and (candidate.date_from, candidate.date_to) in due[candidate.policy][1]
            and candidate.state in OPEN_STATES
            and candidate.key not in ended
            and not (candidate.report and candidate.report._is_in_hand())
        ]

    @api.model
    def _get_open_projects(self, company, first, last):
        """Return the projects that have time which was not sent yet."""
        groups = self.env["account.analytic.line"]._read_group(
            [
                ("company_id", "=", company.id),
                ("project_id", "!=", False),
                ("employee_id", "!=", False),
                ("date", ">=", first),
                ("date", "<=", last),
                "|",
                ("cra_line_id", "=", False),
                ("cra_line_id.report_id.state", "not in", CURRENT_STATES),
            ],
            groupby=["project_id"],
        )
        return self.env["project.project"].union(*(project for [project] in groups))

    def _get_leftovers(self, found, due, first):
        """Return candidates for drafts made before period or scope were changed.

        The preflight does not know them any more, but no other report takes the time
        that is on them. Their periods are added to ``due``.
        """
        known = [candidate.report.id for candidate in found if candidate.report]
        drafts = self.env["cra.report"].search(
            [
                ("company_id", "=", self.company_id.id),
                ("state", "=", "draft"),
                ("policy_id", "in", [policy.id for policy in due]),
                ("date_to", ">=", first),
                ("id", "not in", known),
                ("line_ids", "!=", False),
            ]
        )
        now = pytz.utc.localize(fields.Datetime.now())
        leftovers = []
        for draft in drafts:
            policy, _source = resolve(
                "cra_policy_id", draft.project_id, draft.partner_id, draft.company_id
            )
            schedule, periods = due[draft.policy_id]
            bounds = draft.date_from, draft.date_to
            if policy == draft.policy_id and schedule.get_moment(*bounds) <= now:
                periods.append(bounds)
                leftovers.append(self._make_candidate_of_draft(draft))
        self._set_completeness(leftovers)
        return leftovers

    @api.model
    def _make_candidate_of_draft(self, draft):
        return Candidate(
            policy=draft.policy_id,
            partner=draft.partner_id,
            project=draft.project_id,
            employee=draft.employee_id,
            company=draft.company_id,
            date_from=draft.date_from,
            date_to=draft.date_to,
            hours=draft.total_hours,
            new_hours=0.0,
            state="working",
            report=draft,
            approvers=draft.project_id._get_cra_approvers(draft.partner_id),
        )

    @api.model
    def _get_ended_keys(self, company, first, last):
        """Return the keys of reports that somebody has cancelled: not made again."""
        reports = self.env["cra.report"].search(
            [
                ("company_id", "=", company.id),
                ("state", "=", "cancelled"),
                ("date_from", ">=", first),
                ("date_to", "<=", last),
            ]
        )
        return {self._make_candidate_of_draft(report).key for report in reports}
