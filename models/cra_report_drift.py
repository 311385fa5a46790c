from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .cra_diff import compare_lines
from .cra_report import ACTIVITY_TYPE, CURRENT_STATES, WORKING_STATES


class CraReport(models.Model):
    """Whether the timesheets still say what the customer has received.

    They are locked; what slips through nevertheless (raw SQL, merged contacts, other
    modules, time added later) is drift: found, told and mended by a new version.
    """

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    has_drifted = fields.Boolean(
        string="Drifted",
        readonly=True,
        copy=False,
        index="btree_not_null",
        groups="base.group_user",
        help="The timesheets are no longer what the customer has received, or the "
        "report itself is no longer as it was sent.",
    )
    drift_note = fields.Text(
        compute="_compute_drift",
        compute_sudo=True,  # consultants read their own time only
        string="What Has Drifted",
        groups="base.group_user",
    )
    drift_changes = fields.Html(
        compute="_compute_drift",
        compute_sudo=True,
        sanitize=False,  # made by our own template
        string="Drift",
        groups="base.group_user",
    )

    # === COMPUTE METHODS === #

    def _compute_drift(self):
        for report in self:
            if not report.has_drifted:
                report.drift_note = report.drift_changes = False
                continue
            comparison = report._compare_with_timesheets()
            sentences = []
            if not report._is_as_sent():
                sentences.append(
                    self.env._("This report itself is no longer as it was sent.")
                )
            if comparison:
                sentences.append(
                    self.env._(
                        "The timesheets are no longer what %s has received.",
                        report.partner_id.name,
                    )
                )
            report.drift_note = "\n".join(sentences) or False
            report.drift_changes = report._render_differences(
                comparison, self.env._("As Sent"), self.env._("Timesheets")
            )

    # === FREEZING === #

    def _take_over_timesheets(self):
        result = super()._take_over_timesheets()
        self.env.execute_query(
            SQL(
                """
                UPDATE cra_report_line line
                   SET source = jsonb_build_object('employee', aal.employee_id,
                           'task', aal.task_id, 'order_line', aal.so_line)
                  FROM account_analytic_line aal
                 WHERE aal.id = line.timesheet_id AND line.report_id IN %s
             RETURNING line.id
                """,
                tuple(self.ids),
            )
        )
        self.env["cra.report.line"].invalidate_model(["source"])
        return result

    # === FINDING === #

    def _find_drift(self):
        """Look for drift of these reports, mark it and tell the responsible once.

        :return: reports whose own lines or evidence drifted; those to which time was
            added only are not among them
        """
        # sudo: marks are not written by users
        reports = self.sudo().filtered(
            lambda report: (
                report.state in CURRENT_STATES
                and not report.next_ids.filtered(lambda r: r.state in WORKING_STATES)
            )
        )
        changed = reports._get_changed() | reports.filtered(
            lambda report: not report._is_as_sent()
        )
        drifted = changed | reports._get_with_added_time()
        found = drifted.filtered(lambda report: not report.has_drifted)
        over = (reports - drifted).filtered("has_drifted")
        found.write({"has_drifted": True})
        over.write({"has_drifted": False})
        over.activity_unlink([ACTIVITY_TYPE])
        for report in found:
            report._tell_drift()
        (found | over)._update_hold()
        return changed.with_env(self.env)

    def _get_changed(self):
        """Return those of these reports whose timesheets say something else now."""
        if not self:
            return self
        timesheets = self.env["account.analytic.line"]
        timesheets._cra_flush()
        self.env["cra.report.line"].flush_model()
        self.flush_model()
        joins, customer = timesheets._cra_customer_sql()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT report.id
                  FROM cra_report report
                  JOIN cra_report_line line ON line.report_id = report.id
     LEFT JOIN LATERAL (SELECT %(same)s AS same
                          FROM account_analytic_line aal %(joins)s
                         WHERE aal.id = line.timesheet_id
                           AND aal.cra_line_id = line.id) now ON TRUE
                 WHERE report.id IN %(reports)s AND now.same IS NOT TRUE
                """,
                same=timesheets._cra_same_sql(customer),
                joins=joins,
                reports=tuple(self.ids),
            )
        )
        return self.browse(row[0] for row in rows)

    def _get_with_added_time(self):
        """Return those of these reports to which time was added after sending."""
        if not self:
            return self
        domain = Domain.OR(
            Domain("project_id", "=", project.id)
            & Domain("date", ">=", min(reports.mapped("date_from")))
            & Domain("date", "<=", max(reports.mapped("date_to")))
            for project, reports in self.grouped("project_id").items()
        )
        added = self.env["account.analytic.line"]._cra_get_added(domain)
        return self.browse(report.id for report in added) & self

    # === TELLING === #

    def _tell_drift(self):
        """Give the responsible the one activity about drift."""
        self.ensure_one()
        user = self.user_id or self._get_responsible()
        if not user:
            return
        report = self.with_context(lang=user.lang)
        report.activity_schedule(
            ACTIVITY_TYPE,
            summary=report.env._(
                "The timesheets differ from what %s has received",
                self.partner_id.name,
            ),
            note=report.env._("Open the report to see the differences, then Correct."),
            user_id=user.id,
        )

    def _compare_with_timesheets(self):
        """Return how the timesheets differ from these frozen lines, and what is new.

        :return: ``Comparison`` whose lines have ``order_line`` and ``customer`` besides
        """
        self.ensure_one()
        old, new = [], []
        for line in self._get_lines_in_order():
            shown = self._get_frozen_line(line)
            old.append(shown)
            if line.timesheet_id:
                new.append(self._get_line_now(line.timesheet_id, shown, line.source))
        added = self._get_added_time()
        new += [self._get_line_now(timesheet, None, None) for timesheet in added]
        return compare_lines(old, new, also=("order_line", "customer"))

    def _get_frozen_line(self, line):
        order_line = self.env["sale.order.line"].browse(
            (line.source or {}).get("order_line") or []
        )
        return {
            "timesheet": line.timesheet_id.id,
            "date": line.date,
            "employee_label": line.employee_label or "",
            "project_label": line.project_label or "",
            "task_label": line.task_label or "",
            "description": line.description or "",
            "unit_amount": line.unit_amount,
            "order_line": order_line.exists().display_name or "",
            "customer": self.partner_id.name,
        }

    def _get_line_now(self, timesheet, shown, source):
        """Return a timesheet as a line: what was not changed reads as it was sent.

        :param dict shown: the frozen line, None for added time
        :param dict source: records behind the frozen line
        """
        source = source or {}
        customer = (
            timesheet.so_line.order_partner_id
            or timesheet.task_id.partner_id
            or timesheet.project_id.partner_id
        ).commercial_partner_id
        now = {
            **(shown or {"description": timesheet.name or ""}),
            "timesheet": timesheet.id,
            "date": timesheet.date,
            "unit_amount": timesheet._cra_get_hours(),
            "order_line": timesheet.so_line.display_name or "",
            "customer": customer.name or "",
        }
        if not shown or source.get("employee") != timesheet.employee_id.id:
            now["employee_label"] = timesheet.employee_id.name or ""
        if not shown or timesheet.project_id != self.project_id:
            now["project_label"] = timesheet.project_id.name or ""
        if not shown or (source.get("task") or False) != timesheet.task_id.id:
            now["task_label"] = timesheet.task_id.name or ""
        return now

    def _get_added_time(self):
        """Return the timesheets added to the period of this report after sending."""
        domain = Domain("project_id", "=", self.project_id.id)
        domain &= Domain("date", ">=", self.date_from)
        domain &= Domain("date", "<=", self.date_to)
        added = self.env["account.analytic.line"]._cra_get_added(domain)
        return added.get(self, self.env["account.analytic.line"])

    # === MENDING === #

    def _correct(self):
        # Whoever corrects the report has seen what drifted.
        self.filtered("has_drifted").write({"has_drifted": False})
        self.activity_unlink([ACTIVITY_TYPE])
        return super()._correct()

    # === BEFORE INVOICING === #

    def _create_invoices(self):
        # What drifted is not what the customer agreed to.
        if drifted := self._find_drift():
            raise UserError(
                self.env._(
                    "The timesheets of %s are no longer what the customer has "
                    "received. Open each of them and choose Correct, or invoice the "
                    "others without them.",
                    ", ".join(drifted.mapped("display_name")),
                )
            )
        return super()._create_invoices()
