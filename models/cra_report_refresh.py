from collections import defaultdict

from markupsafe import Markup

from odoo import models
from odoo.tools import format_date, format_duration

from .cra_report import WORKING_STATES

#: Changed lines that a note lists one by one.
LISTED_CHANGES = 20


class CraReport(models.Model):
    """How drafts follow their timesheets, and say what changed."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    # === ACTION METHODS === #

    def action_refresh(self):
        """Bring the selected drafts in line with their timesheets, and tell what
        changed."""
        self.check_access("write")
        drafts = self.filtered(lambda report: report.state in WORKING_STATES)
        changes = drafts.sudo()._refresh()
        count = sum(map(len, changes.values()))
        if count:
            message = self.env._(
                "%(lines)s lines changed on %(reports)s activity reports. "
                "The notes below each report list them.",
                lines=count,
                reports=len(changes),
            )
        else:
            message = self.env._("The timesheets have not changed.")
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if count else "info",
                "message": message,
                "next": {"type": "ir.actions.act_window_close"},  # shows the new lines
            },
        }

    # === BUSINESS METHODS === #

    def _set_draft_terms(self):
        """Copy the policy's terms to drafts, with one write for those that share them.

        They are copied once more at sending: until then they only inform.
        """
        by_terms = defaultdict(self.browse)
        for report in self:
            by_terms[tuple(report._prepare_terms().items())] |= report
        for terms, reports in by_terms.items():
            reports.write(dict(terms))

    def _refresh(self):
        """Make lines and totals of drafts equal to the timesheets.

        What changed since a draft was last in line is noted in its chatter.

        :return: dict ``cra.report`` -> list of ``LineChange``, of those that changed
        """
        changes = self.env["cra.report.line"]._sync(self)
        if changes:
            reports = self.browse().union(*changes)
            reports._message_log_batch(
                {
                    report.id: report._format_changes(changes[report])
                    for report in reports
                }
            )
        return changes

    def _format_changes(self, changes):
        """Return the note on what a refresh changed, as HTML.

        :param changes: list of ``LineChange``
        """
        self.ensure_one()
        items = [self._format_change(change) for change in changes[:LISTED_CHANGES]]
        if len(changes) > LISTED_CHANGES:
            items.append(self.env._("and %s more", len(changes) - LISTED_CHANGES))
        total = sum(change.hours - change.old_hours for change in changes)
        return Markup("<p>%s</p><ul>%s</ul>") % (
            self.env._(
                "Brought in line with the timesheets: %(count)s lines, %(total)s h.",
                count=len(changes),
                total=("+" if total >= 0 else "") + format_duration(total),
            ),
            Markup().join(Markup("<li>%s</li>") % item for item in items),
        )

    def _format_change(self, change):
        values = {
            "day": format_date(self.env, change.date),
            "consultant": change.employee_label,
            "hours": format_duration(change.hours),
            "old_hours": format_duration(change.old_hours),
        }
        if change.kind == "added":
            return self.env._("Added: %(day)s, %(consultant)s, %(hours)s", **values)
        if change.kind == "removed":
            return self.env._(
                "Removed: %(day)s, %(consultant)s, %(old_hours)s", **values
            )
        if change.hours == change.old_hours:
            return self.env._(
                "Other text or day: %(day)s, %(consultant)s, %(hours)s", **values
            )
        return self.env._(
            "Changed: %(day)s, %(consultant)s, %(old_hours)s → %(hours)s", **values
        )
