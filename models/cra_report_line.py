from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL


class CraReportLine(models.Model):
    """One piece of time as the customer reads it.

    A copy, so that what was agreed to stays readable whatever happens to the
    timesheet, and so that nothing internal is within the customer's reach.
    """

    _name = "cra.report.line"
    _description = "Activity Report Line"
    _order = "date, id"

    report_id = fields.Many2one(
        comodel_name="cra.report",
        required=True,
        index=True,
        ondelete="cascade",
    )
    timesheet_id = fields.Many2one(
        comodel_name="account.analytic.line",
        index="btree_not_null",
        ondelete="set null",
        readonly=True,
    )
    date = fields.Date(required=True, readonly=True)
    employee_label = fields.Char(string="Consultant", readonly=True)
    project_label = fields.Char(string="Project", readonly=True)
    task_label = fields.Char(string="Task", readonly=True)
    description = fields.Char(
        help="What the customer reads. The text of the timesheet stays as it is."
    )
    description_edited = fields.Boolean(export_string_translation=False)
    unit_amount = fields.Float(string="Hours", readonly=True)
    remark = fields.Char(string="Customer's Remark", readonly=True)

    # === CRUD METHODS === #

    def write(self, vals):
        self._check_editable(vals)
        if "description" in vals:
            vals = {**vals, "description_edited": True}
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        if self.report_id.filtered("sent_on"):
            raise UserError(
                self.env._(
                    "A line that was sent to the customer is evidence: it stays."
                )
            )

    def _check_editable(self, vals):
        """Let users edit descriptions of drafts, and the customer remark what was sent.

        :raise UserError: the line was sent, or the field is a copy of the timesheet
        """
        sent = self.report_id.filtered("sent_on")
        remarked = self.env.su and set(vals) == {"remark"}
        if sent and not (remarked and set(sent.mapped("state")) == {"sent"}):
            raise UserError(
                self.env._(
                    "%(report)s was sent to the customer: its lines stay as they are. "
                    "Choose Correct on the report to make a new version.",
                    report=sent[0].display_name,
                )
            )
        if not self.env.su and set(vals) != {"description"}:
            raise UserError(
                self.env._(
                    "Only the description can be edited here. "
                    "Change the timesheet, then refresh the activity report."
                )
            )

    # === BUSINESS METHODS === #

    def _sync(self, reports):
        """Make the lines of drafts equal to the timesheets they are to cover.

        Descriptions that were edited on a draft are kept. Three statements for any
        number of reports and lines.

        :param reports: ``cra.report`` in state draft
        """
        timesheets = self.env["account.analytic.line"]
        timesheets._cra_flush()
        self.env["project.project"].flush_model(["name"])
        (reports | self.report_id).flush_recordset()
        self.flush_model()
        params = {
            "reports": tuple(reports.ids),
            "uid": self.env.uid,
            "wanted": self._get_wanted_sql(reports),
        }
        self.env.execute_query(
            SQL(
                """
                WITH wanted AS (%(wanted)s), gone AS (
                    DELETE FROM cra_report_line line
                     WHERE line.report_id IN %(reports)s
                       AND NOT EXISTS (SELECT FROM wanted
                                        WHERE wanted.report_id = line.report_id
                                          AND wanted.timesheet_id = line.timesheet_id)
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
                      FROM wanted
                     WHERE line.report_id = wanted.report_id
                       AND line.timesheet_id = wanted.timesheet_id
                )
                INSERT INTO cra_report_line (
                    report_id, timesheet_id, date, employee_label, project_label,
                    task_label, description, unit_amount,
                    create_uid, write_uid, create_date, write_date)
                SELECT wanted.*, %(uid)s, %(uid)s,
                       now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM wanted
                 WHERE NOT EXISTS (SELECT FROM cra_report_line line
                                    WHERE line.report_id = wanted.report_id
                                      AND line.timesheet_id = wanted.timesheet_id)
              ORDER BY wanted.report_id, wanted.date, wanted.timesheet_id
             RETURNING id
                """,
                **params,
            )
        )
        self.env.execute_query(
            SQL(
                """
                UPDATE account_analytic_line aal SET cra_line_id = line.id
                  FROM cra_report_line line
                 WHERE line.timesheet_id = aal.id
                   AND line.report_id IN %(reports)s
                   AND aal.cra_line_id IS NULL
             RETURNING aal.id
                """,
                **params,
            )
        )
        self.invalidate_model()
        timesheets.invalidate_model(["cra_line_id"])
        reports.invalidate_recordset(["line_ids"])
        self.env.add_to_compute(reports._fields["total_hours"], reports)

    def _get_wanted_sql(self, reports):
        """Return the query that gives the lines ``reports`` are to hold.

        Time is wanted by a report if it is of its project, customer, consultant and
        period, and is not on another report already.
        """
        timesheets = self.env["account.analytic.line"]
        joins, customer = timesheets._cra_customer_sql()
        hour = self.env.ref("uom.product_uom_hour")
        terms = [
            SQL(
                "(%s, %s, %s, %s::date, %s)",
                report.id,
                report.policy_id.employee_display,
                report.partner_id.lang or self.env.lang or "en_US",
                report.policy_id._get_start_date(report.company_id),
                report.policy_id.line_filter,
            )
            for report in reports
        ]
        labels = [
            SQL("(%s, %s, %s)", employee.id, display, label)
            for employee, display, label in self._get_employee_labels(reports)
        ]
        leaves = [
            SQL("AND aal.%s IS NULL", SQL.identifier(name))
            for name in ("holiday_id", "global_leave_id")  # project_timesheet_holidays
            if name in timesheets._fields
        ]
        return SQL(
            """
            SELECT report.id AS report_id,
                   aal.id AS timesheet_id,
                   aal.date,
                   labels.label AS employee_label,
                   COALESCE(cra_project.name->>terms.lang, cra_project.name->>'en_US')
                       AS project_label,
                   cra_task.name AS task_label,
                   NULLIF(aal.name, '/') AS description,
                   CASE WHEN COALESCE(aal.product_uom_id, %(hour)s) = %(hour)s
                        THEN aal.unit_amount
                        ELSE aal.unit_amount * uom.factor / %(hour_factor)s
                    END AS unit_amount
              FROM cra_report report
              JOIN (VALUES %(terms)s)
                   AS terms (report_id, display, lang, start_date, line_filter)
                ON terms.report_id = report.id
              JOIN account_analytic_line aal
                ON aal.project_id = report.project_id
               AND aal.company_id = report.company_id
               AND aal.date BETWEEN report.date_from AND report.date_to
               AND aal.date >= terms.start_date
               AND aal.employee_id = COALESCE(report.employee_id, aal.employee_id)
               %(joins)s
              JOIN (VALUES %(labels)s) AS labels (employee_id, display, label)
                ON labels.employee_id = aal.employee_id
               AND labels.display = terms.display
         LEFT JOIN uom_uom uom ON uom.id = aal.product_uom_id
         LEFT JOIN cra_report_line taken ON taken.id = aal.cra_line_id
             WHERE %(customer)s = report.partner_id
               AND (terms.line_filter = 'all' OR aal.so_line IS NOT NULL)
               AND (taken.id IS NULL
                    OR taken.report_id IN (report.id, report.previous_id))
               %(leaves)s
            """,
            hour=hour.id,
            hour_factor=hour.factor,
            terms=SQL(", ").join(terms),
            labels=SQL(", ").join(labels or [SQL("(0, '', '')")]),
            joins=joins,
            customer=customer,
            leaves=SQL(" ").join(leaves),
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
        return [
            (employee, display, employee_label(employee, display))
            for employee in employees.with_context(active_test=False)
            for display in displays
        ]


def employee_label(employee, display):
    """Return the text that stands for a consultant in what the customer reads.

    :param employee: ``hr.employee``, readable
    :param str display: key of ``cra.policy.employee_display``
    """
    if display == "job" and employee.job_title:
        return employee.job_title
    if display == "name":
        return employee.name
    return "".join(part[0] for part in employee.name.split()).upper()
