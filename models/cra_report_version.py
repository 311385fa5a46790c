import operator

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, format_duration

from .cra_diff import Comparison, compare_lines
from .cra_report import CURRENT_STATES


class CraReport(models.Model):
    """How a version relates to the one before: what differs, what stays agreed."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    version_changes = fields.Html(
        compute="_compute_version_changes",
        compute_sudo=True,  # consultants read their own lines only
        sanitize=False,  # made by our own template
        string="Changes",
        groups="base.group_user",
        help="What differs from the version before.",
    )

    # === COMPUTE METHODS === #

    def _compute_version_changes(self):
        for report in self:
            report.version_changes = report._render_differences(
                report._get_comparison()
            )

    # === COMPARING === #

    def _get_versions(self):
        """Return this version and those it replaced, latest first: they share a number.

        Whoever was sent this version may see the older ones.
        """
        self.ensure_one()
        if self.version == 1 or not self.name:
            return self
        return self.search(
            [
                ("name", "=", self.name),
                ("company_id", "=", self.company_id.id),
                ("version", "<=", self.version),
                ("sent_on", "!=", False),
                ("state", "!=", "cancelled"),
            ],
            order="version desc",
        )

    def _get_comparison(self):
        """Return what differs from the version before, nothing if there is none.

        :return: ``Comparison`` of lines as in :meth:`_get_content`, each with the
            ``id`` of its ``cra.report.line``
        """
        self.ensure_one()
        if not self.previous_id:
            return Comparison((), ())
        return compare_lines(
            self.previous_id._get_lines_to_compare(), self._get_lines_to_compare()
        )

    def _get_lines_to_compare(self):
        _terms, lines = self._get_content()
        return [
            {**content, "id": line.id}
            for content, line in zip(lines, self._get_lines_in_order(), strict=True)
        ]

    def _render_differences(self, comparison, before=None, after=None):
        """Return a table of differences as HTML, nothing if there are none.

        :param comparison: ``Comparison``
        :param str before: head of the column with the old values
        :param str after: head of the column with the new values
        """
        self.ensure_one()
        if not comparison:
            return False
        return self.env["ir.qweb"]._render(
            "sale_timesheet_cra.cra_differences",
            {
                "rows": [self._get_row(d) for d in comparison.differences],
                "before": before or self.env._("Before"),
                "after": after or self.env._("After"),
                "hours": self._format_difference(comparison.hours),
            },
        )

    def _format_difference(self, hours):
        """Return hours with their sign."""
        return ("+" if hours > 0 else "") + format_duration(hours)

    def _get_row(self, difference):
        """Return what the table of differences shows of one line."""
        titles = {
            "date": self.env._("Day"),
            "employee_label": self.env._("Consultant"),
            "project_label": self.env._("Project"),
            "task_label": self.env._("Task"),
            "description": self.env._("Description"),
            "unit_amount": self.env._("Hours"),
            "order_line": self.env._("Sales Order Item"),
            "customer": self.env._("Customer"),
        }
        names = difference.changed or {"unit_amount"}
        return {
            "kind": difference.kind,
            "day": format_date(self.env, difference.line["date"]),
            "who": difference.line["employee_label"],
            "what": difference.line["task_label"] or difference.line["project_label"],
            "values": [
                (
                    title,
                    self._format_value(difference.old, name),
                    self._format_value(difference.new, name),
                )
                for name, title in titles.items()
                if name in names
            ],
        }

    def _format_value(self, line, name):
        if line is None:
            return ""
        value = line[name]
        if name == "unit_amount":
            return format_duration(value)
        return format_date(self.env, value) if name == "date" else value or ""

    # === KEEPING WHAT WAS AGREED === #

    def _keep_agreements(self):
        """Mark the lines that read as in a version the customer agreed to.

        A line that the customer remarked on when refusing has lost its agreement.
        """
        for report in self.filtered("previous_id"):
            previous_lines = report.previous_id.line_ids.grouped("id")
            kept = {}
            for before, after in report._get_comparison().unchanged:
                line = previous_lines[before["id"]]
                if agreed_report := line._get_agreed_report():
                    kept[after["id"]] = agreed_report
            for line in report.line_ids:
                agreed_report = kept.get(line.id, self.browse())
                if line.agreed_report_id != agreed_report:
                    line.agreed_report_id = agreed_report

    # === CORRECTING === #

    def _keep_descriptions(self):
        """Let lines of a new version read as the customer knows them."""
        self.ensure_one()
        known = self.previous_id.line_ids.filtered("timesheet_id")
        known = known.grouped("timesheet_id")
        for line in self.line_ids:
            before = known.get(line.timesheet_id)
            if before and before.description != line.description:
                line.description = before.description

    def _check_write(self, vals):
        if vals.get("state") == "cancelled":
            self._check_correction_unused()
        return super()._check_write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_correction_in_use(self):
        self._check_correction_unused()

    def _check_correction_unused(self):
        """Refuse to drop a new version whose time is not that of the one in force.

        :raise UserError: names the report and the way out
        """
        for report in self.sudo():
            current = report.previous_id
            if current.state in CURRENT_STATES and report._differs_from_previous():
                raise UserError(
                    self.env._(
                        "The timesheets of %(report)s were changed since version "
                        "%(version)s, which the customer has. Send the new version, or "
                        "change the timesheets back.",
                        report=current.name,
                        version=current.version,
                    )
                )

    def _differs_from_previous(self):
        """Tell whether the time differs from what the version before shows."""
        self.ensure_one()
        self._refresh()
        _terms, lines = self._get_content()
        _terms, previous_lines = self.previous_id._get_content()
        key = operator.itemgetter("timesheet")
        shown = [
            [{**line, "description": ""} for line in sorted(version, key=key)]
            for version in (lines, previous_lines)
        ]
        return shown[0] != shown[1]
