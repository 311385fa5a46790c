from datetime import timedelta

import babel.dates

from odoo import models
from odoo.tools import babel_locale_parse, get_lang

from ..models.cra_report_month_end import LISTED_DAYS


class CraGenerate(models.TransientModel):
    """What the preflight says about each report, in words."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.generate"  # pylint: disable=consider-merging-classes-inherited

    def _explain(self, candidate):
        """Return why a report is in its state, and the time that is missing.

        :param candidate: :class:`Candidate`
        """
        words = [self._explain_state(candidate), self._explain_missing(candidate)]
        return "\n".join(filter(None, words))

    def _explain_missing(self, candidate):
        """Return whose time is missing; of one consultant, on which days."""
        missing = candidate.missing
        if len(candidate.employees) > 1:
            # sudo: names of consultants are on the list whoever may read their records
            return ", ".join(employee.sudo().name for employee in missing)
        days = [day for time in missing.values() for day in time.empty_dates]
        if not days or candidate.state == "nothing":
            return ""
        locale = babel_locale_parse(get_lang(self.env).code)
        words = [
            babel.dates.format_interval(*bounds, "MMMd", locale=locale)
            for bounds in _intervals(days)
        ]
        if len(words) > LISTED_DAYS:
            words = [*words[:LISTED_DAYS], "…"]
        return self.env._("No entry: %s", ", ".join(words))

    def _explain_state(self, candidate):
        report = candidate.report
        match candidate.state:
            case "no_approver":
                return self.env._("All approvers are archived.")
            case "no_email":
                nameless = candidate.approvers.filtered(lambda a: not a.email)
                return self.env._(
                    "No email address: %s", ", ".join(nameless.mapped("name"))
                )
            case "no_employee":
                return self.env._("Not reported: nobody is named on these timesheets.")
            case "late":
                return self.env._(
                    "Time was added after %s was sent. Open it and choose Correct.",
                    report.display_name,
                )
            case "changed":
                return self.env._(
                    "The timesheets are no longer what %s says. Open it and choose "
                    "Correct.",
                    report.display_name,
                )
            case "drifted":
                return self.env._("The draft is refreshed when you generate.")
            case "cancelled":
                return self.env._("Made again if you select only what was cancelled.")
            case "covered" | "done" if report:
                return report.display_name
            case "nothing" if candidate.nonzero_count or candidate.hours:
                return ""
            case "nothing":
                return self.env._("There was time in the period before.")
        return ""


def _intervals(days):
    """Return the first and the last of days that follow each other.

    :param list days: dates in order
    """
    intervals = []
    for day in days:
        if intervals and day - intervals[-1][1] == timedelta(days=1):
            intervals[-1] = (intervals[-1][0], day)
        else:
            intervals.append((day, day))
    return intervals
