from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL


class CraReport(models.Model):
    """What is counted: by consultant, and how long customers take."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    days_to_agree = fields.Float(
        compute="_compute_days_to_agree",
        store=True,
        digits=(16, 1),
        aggregator="avg",
        groups="base.group_user",
        help="Days from sending to the customer's agreement, or to their silence.",
    )

    @api.depends("sent_on", "decided_on", "approval_kind")
    def _compute_days_to_agree(self):
        for report in self:
            report.days_to_agree = 0.0
            if report.approval_kind and report.sent_on and report.decided_on:
                taken = report.decided_on - report.sent_on
                report.days_to_agree = taken.total_seconds() / 86400

    def _read_group_select(self, aggregate_spec, query):
        # EXTENDS 'base': what is not agreed to has no days, and Odoo no empty numbers
        select = super()._read_group_select(aggregate_spec, query)
        if aggregate_spec == "days_to_agree:avg":
            kind = self._field_to_sql(self._table, "approval_kind", query)
            return SQL("%s FILTER (WHERE %s IS NOT NULL)", select, kind)
        return select

    # === BY CONSULTANT === #

    @api.model
    def _count_by_consultant(self, employee_ids):
        """Return how many reports there are with time of each consultant.

        :return: dict employee id -> number
        """
        own = self._read_group(
            [("employee_id", "in", employee_ids)], ["employee_id"], ["__count"]
        )
        shared = self.env["cra.report.line"]._read_group(
            [
                ("report_id.employee_id", "=", False),
                ("timesheet_id.employee_id", "in", employee_ids),
            ],
            ["timesheet_id.employee_id"],
            ["report_id:count_distinct"],
        )
        counts = dict.fromkeys(employee_ids, 0)
        for employee, count in [*own, *shared]:
            counts[employee.id] += count
        return counts

    @api.model
    def _open_of_consultant(self, employee_id):
        """Open the reports with time of a consultant."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "sale_timesheet_cra.cra_report_action"
        )
        domain = Domain("employee_id", "=", employee_id) | (
            Domain("employee_id", "=", False)
            & Domain("line_ids.timesheet_id.employee_id", "=", employee_id)
        )
        return {**action, "domain": list(domain), "context": {}}
