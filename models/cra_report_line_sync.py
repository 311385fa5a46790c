from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date

from odoo import models
from odoo.tools import SQL

#: Columns copied from the timesheet; the rest of a line is the report's own.
COPIED = (
    "date",
    "employee_label",
    "project_label",
    "task_label",
    "description",
    "unit_amount",
)


@dataclass(frozen=True)
class LineChange:
    """One line that a refresh added, removed or changed."""

    kind: str
    date: date
    employee_label: str
    hours: float
    old_hours: float


class CraReportLine(models.Model):
    """How the lines of drafts follow the timesheets."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report.line"  # pylint: disable=consider-merging-classes-inherited

    def _sync(self, reports):
        """Make the lines of drafts equal to the timesheets they are to cover.

        Descriptions that were edited on a draft are kept. A handful of statements for
        any number of reports and lines; what is in line already is not written.

        :param reports: ``cra.report`` in state draft
        :return: dict ``cra.report`` -> list of :class:`LineChange`, of those reports
            that had lines before and have others now
        """
        if not reports:
            return {}
        self._flush_for_sync()
        reports.flush_recordset()
        rows = self.env.execute_query(
            SQL(
                "SELECT DISTINCT report_id FROM cra_report_line WHERE report_id IN %s",
                tuple(reports.ids),
            )
        )
        filled = reports.browse(row[0] for row in rows)
        changes = self._update_lines(filled) if filled else {}
        if empty := reports - filled:
            self._insert_lines(empty)
        self._link_timesheets(reports)
        self.invalidate_model()
        self.env["account.analytic.line"].invalidate_model(["cra_line_id"])
        reports.invalidate_recordset(["line_ids"])
        stale = empty | reports.union(*changes)
        self.env.add_to_compute(reports._fields["total_hours"], stale)
        return changes

    def _get_differing(self, reports):
        """Return those of ``reports`` whose lines differ from the timesheets."""
        if not reports:
            return reports
        self._flush_for_sync()
        rows = self.env.execute_query(
            SQL(
                """
                WITH wanted AS (%(wanted)s)
                SELECT DISTINCT COALESCE(line.report_id, wanted.report_id)
                  FROM wanted
             FULL JOIN (SELECT * FROM cra_report_line WHERE report_id IN %(reports)s)
                       AS line
                    ON line.report_id = wanted.report_id
                   AND line.timesheet_id = wanted.timesheet_id
                 WHERE line.id IS NULL OR wanted.report_id IS NULL OR %(differs)s
                """,
                wanted=self._get_wanted_sql(reports),
                reports=tuple(reports.ids),
                differs=self._get_differs_sql(),
            )
        )
        return reports.browse(row[0] for row in rows)

    def _flush_for_sync(self):
        self.env["account.analytic.line"]._cra_flush()
        self.env["project.project"].flush_model(["name"])
        self.env["res.partner"].flush_model(["lang"])
        self.env["cra.report"].flush_model()
        self.flush_model()

    def _get_differs_sql(self):
        """Return the condition that ``line`` is not what ``wanted`` says."""
        columns = [name for name in COPIED if name != "description"]
        return SQL(
            "(%s OR (line.description_edited IS NOT TRUE "
            "AND line.description IS DISTINCT FROM wanted.description))",
            SQL(" OR ").join(
                SQL(
                    "line.%(name)s IS DISTINCT FROM wanted.%(name)s",
                    name=SQL.identifier(name),
                )
                for name in columns
            ),
        )

    def _update_lines(self, reports):
        """Add, change and remove lines of reports that have some.

        :return: what :meth:`_sync` returns
        """
        rows = self.env.execute_query(
            SQL(
                """
                WITH wanted AS MATERIALIZED (%(wanted)s), removed AS (
                    DELETE FROM cra_report_line line
                     WHERE line.report_id IN %(reports)s
                       AND NOT EXISTS (SELECT FROM wanted
                                        WHERE wanted.report_id = line.report_id
                                          AND wanted.timesheet_id = line.timesheet_id)
                 RETURNING report_id, date, employee_label, unit_amount
                ), changed AS (
                    UPDATE cra_report_line line
                       SET date = wanted.date,
                           employee_label = wanted.employee_label,
                           project_label = wanted.project_label,
                           task_label = wanted.task_label,
                           description = CASE WHEN line.description_edited
                               THEN line.description ELSE wanted.description END,
                           unit_amount = wanted.unit_amount,
                           write_uid = %(uid)s,
                           write_date = now() AT TIME ZONE 'UTC'
                      FROM wanted, cra_report_line old
                     WHERE line.report_id = wanted.report_id
                       AND line.timesheet_id = wanted.timesheet_id
                       AND old.id = line.id
                       AND %(differs)s
                 RETURNING line.report_id, line.date, line.employee_label,
                           line.unit_amount, old.unit_amount AS old_amount
                ), added AS (
                    %(insert)s
                     WHERE NOT EXISTS (SELECT FROM cra_report_line line
                                        WHERE line.report_id = wanted.report_id
                                          AND line.timesheet_id = wanted.timesheet_id)
                  ORDER BY wanted.report_id, wanted.date, wanted.timesheet_id
                 RETURNING report_id, date, employee_label, unit_amount
                )
                SELECT report_id, 'removed' AS kind, date, employee_label,
                       0.0 AS hours, unit_amount AS old_hours FROM removed
             UNION ALL
                SELECT report_id, 'changed', date, employee_label,
                       unit_amount, old_amount FROM changed
             UNION ALL
                SELECT report_id, 'added', date, employee_label,
                       unit_amount, 0.0 FROM added
              ORDER BY report_id, date, kind
                """,
                wanted=self._get_wanted_sql(reports),
                reports=tuple(reports.ids),
                uid=self.env.uid,
                differs=self._get_differs_sql(),
                insert=self._get_insert_sql(),
            )
        )
        changes = defaultdict(list)
        for report_id, kind, day, label, hours, old_hours in rows:
            change = LineChange(kind, day, label or "", hours, old_hours)
            changes[reports.browse(report_id)].append(change)
        return dict(changes)

    def _insert_lines(self, reports):
        """Give reports without lines theirs, in one pass."""
        self.env.execute_query(
            SQL(
                """
                WITH wanted AS (%(wanted)s)
                %(insert)s
              ORDER BY wanted.report_id, wanted.date, wanted.timesheet_id
                """,
                wanted=self._get_wanted_sql(reports),
                insert=self._get_insert_sql(),
            )
        )

    def _get_insert_sql(self):
        return SQL(
            """
            INSERT INTO cra_report_line (
                report_id, timesheet_id, date, employee_label, project_label,
                task_label, description, unit_amount,
                create_uid, write_uid, create_date, write_date)
            SELECT wanted.*, %(uid)s, %(uid)s,
                   now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
              FROM wanted
            """,
            uid=self.env.uid,
        )

    def _link_timesheets(self, reports):
        """Point timesheets to the lines of drafts, except those a version in force
        covers: they stay its own until the draft is sent."""
        self.env.execute_query(
            SQL(
                """
                UPDATE account_analytic_line aal SET cra_line_id = line.id
                  FROM cra_report_line line
                 WHERE line.timesheet_id = aal.id
                   AND line.report_id IN %(reports)s
                   AND aal.date BETWEEN %(first)s AND %(last)s
                   AND (aal.cra_line_id IS NULL OR (
                        aal.cra_line_id != line.id
                        AND NOT EXISTS (
                            SELECT FROM cra_report_line held
                              JOIN cra_report holder ON holder.id = held.report_id
                             WHERE held.id = aal.cra_line_id
                               AND holder.state IN ('sent', 'approved', 'refused'))))
                """,
                reports=tuple(reports.ids),
                **self._get_bounds(reports),
            )
        )

    @staticmethod
    def _get_bounds(reports):
        """Return the first and the last day of all ``reports``.

        The time of each is within its own period; said once more for all of them, the
        database need not look through all timesheets there are.
        """
        return {
            "first": min(reports.mapped("date_from")),
            "last": max(reports.mapped("date_to")),
        }

    def _get_wanted_sql(self, reports):
        """Return the query that gives the lines ``reports`` are to hold.

        Time is wanted by a report if it is of its project, customer, consultant and
        period, and is not on another report already.
        """
        timesheets = self.env["account.analytic.line"]
        joins, customer = timesheets._cra_customer_sql()
        holder_joins, free = timesheets._cra_free_sql()
        policies = [
            SQL(
                "(%s, %s, %s, %s, %s::date)",
                policy.id,
                company.id,
                policy.employee_display,
                policy.line_filter == "all",
                policy._get_start_date(company),
            )
            for company, of_company in reports.grouped("company_id").items()
            for policy in of_company.policy_id
        ]
        labels = [
            SQL("(%s, %s, %s)", employee.id, display, label)
            for employee, display, label in self._get_employee_labels(reports)
        ]
        return SQL(
            """
            SELECT report.id AS report_id,
                   aal.id AS timesheet_id,
                   aal.date,
                   labels.label AS employee_label,
                   COALESCE(cra_project.name->>COALESCE(client.lang, %(lang)s),
                            cra_project.name->>'en_US') AS project_label,
                   cra_task.name AS task_label,
                   NULLIF(aal.name, '/') AS description,
                   %(hours)s AS unit_amount
              FROM cra_report report
              JOIN (VALUES %(policies)s)
                   AS terms (policy_id, company_id, display, everything, start_date)
                ON terms.policy_id = report.policy_id
               AND terms.company_id = report.company_id
              JOIN res_partner client ON client.id = report.partner_id
              JOIN account_analytic_line aal
                ON aal.project_id = report.project_id
               AND aal.company_id = report.company_id
               AND aal.date BETWEEN report.date_from AND report.date_to
               AND aal.date BETWEEN %(first)s AND %(last)s
               AND aal.date >= terms.start_date
               AND aal.employee_id = COALESCE(report.employee_id, aal.employee_id)
               %(joins)s %(holder_joins)s
              JOIN (VALUES %(labels)s) AS labels (employee_id, display, label)
                ON labels.employee_id = aal.employee_id
               AND labels.display = terms.display
             WHERE report.id IN %(reports)s
               AND %(customer)s = report.partner_id
               AND (terms.everything OR aal.so_line IS NOT NULL)
               AND (%(free)s OR holder.id IN (report.id, report.previous_id))
               AND %(worked)s
            """,
            hours=timesheets._cra_hours_sql(),
            lang=self.env.lang or "en_US",
            policies=SQL(", ").join(policies),
            labels=SQL(", ").join(labels or [SQL("(0, '', '')")]),
            joins=joins,
            holder_joins=holder_joins,
            reports=tuple(reports.ids),
            customer=customer,
            free=free,
            worked=timesheets._cra_not_leave_sql(),
            **self._get_bounds(reports),
        )

    def _get_employee_labels(self, reports):
        """Return how the consultants of ``reports`` are shown.

        :return: list of (``hr.employee``, ``employee_display``, label)
        """
        # sudo: names and jobs of employees are not open to every approver
        employees = reports.sudo().employee_id
        all_of_project = reports.filtered(lambda report: not report.employee_id)
        if all_of_project:
            groups = (
                self.env["account.analytic.line"]
                .sudo()
                ._read_group(
                    [
                        ("project_id", "in", all_of_project.project_id.ids),
                        ("date", ">=", min(all_of_project.mapped("date_from"))),
                        ("date", "<=", max(all_of_project.mapped("date_to"))),
                        ("employee_id", "!=", False),
                    ],
                    aggregates=["employee_id:recordset"],
                )
            )
            employees |= groups[0][0]
        displays = set(reports.policy_id.mapped("employee_display"))
        initials = self._get_initials(employees) if displays - {"name"} else {}
        return [
            (employee, display, employee_label(employee, display, initials))
            for employee in employees
            for display in displays
        ]

    def _get_initials(self, employees):
        """Return initials by employee, that tell the people of a company apart.

        Who came later gets a number, archived people keep theirs: initials stand for
        the same person in every report.
        """
        colleagues = employees.with_context(active_test=False).search_fetch(
            [("company_id", "in", employees.company_id.ids)],
            ["name", "company_id"],
            order="id",
        )
        taken = Counter()
        initials = {}
        for colleague in colleagues:
            letters = "".join(part[0] for part in colleague.name.split()).upper()
            key = (colleague.company_id, letters)
            taken[key] += 1
            number = taken[key] if taken[key] > 1 else ""
            initials[colleague] = f"{letters}{number}"
        return initials


def employee_label(employee, display, initials):
    """Return the text that stands for a consultant in what the customer reads.

    :param employee: ``hr.employee``, readable
    :param str display: key of ``cra.policy.employee_display``
    :param dict initials: ``hr.employee`` -> text, for displays other than names
    """
    if display == "name":
        return employee.name
    if display == "job" and employee.job_title:
        return employee.job_title
    return initials[employee]
