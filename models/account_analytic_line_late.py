from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from .account_analytic_line_hold import HOLD_FIELDS

#: What may put a line into a period that was sent.
SCOPE_FIELDS = HOLD_FIELDS - {"timesheet_invoice_id"} | {"employee_id"}


class AccountAnalyticLine(models.Model):
    """Time that changed, or was added, after the customer got its report."""

    # One subject per file: the model is too long for one.
    _inherit = "account.analytic.line"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._cra_receive_added()
        return lines

    def write(self, vals):
        result = super().write(vals)
        if not SCOPE_FIELDS.isdisjoint(vals):
            self._cra_receive_added()
        return result

    # === BUSINESS METHODS === #

    def _cra_receive_added(self):
        """Refuse time in a period that was sent, or mark its report, as policies say.

        :raise UserError: names the report and the way out
        """
        if not self or not self.env["cra.policy"]._is_used():
            return
        added = self._cra_get_added(Domain("id", "in", self.ids))
        for report, timesheets in added.items():
            if report.policy_id.late_time != "refuse":
                continue
            raise UserError(
                self.env._(
                    "%(customer)s has received %(report)s: no time is added to its "
                    "period, %(day)s for one. Ask %(responsible)s to choose Correct "
                    "there and enter the time then, or enter it on a day after "
                    "%(last_day)s.",
                    day=format_date(self.env, timesheets[0].date),
                    customer=report.partner_id.name,
                    report=report.display_name,
                    responsible=report.user_id.name
                    or report._get_responsible().name
                    or self.env._("the project manager"),
                    last_day=format_date(self.env, report.date_to),
                )
            )
        for report in added:
            report._find_drift()

    @api.model
    def _cra_get_added(self, domain):
        """Return the time that belongs to a report in force but is not on it.

        Reports that are refused or being corrected take it up anyway.

        :param Domain domain: timesheets that are meant
        :return: dict ``cra.report`` -> timesheets, in sudo
        """
        self._cra_flush()
        self.env["cra.report"].flush_model()
        # sudo: what was sent is settled, whoever may read the report
        timesheets = self.sudo().with_context(active_test=False)
        query = timesheets._search(domain & Domain("employee_id", "!=", False))
        joins, customer = self._cra_customer_sql()
        holder_joins, free = self._cra_free_sql()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT report.id, ARRAY_AGG(aal.id ORDER BY aal.date, aal.id)
                  FROM account_analytic_line aal %(joins)s %(holder_joins)s
                  JOIN cra_report report
                    ON report.project_id = aal.project_id
                   AND report.company_id = aal.company_id
                   AND report.partner_id = %(customer)s
                   AND COALESCE(report.employee_id, aal.employee_id) = aal.employee_id
                   AND aal.date BETWEEN report.date_from AND report.date_to
                   AND report.state IN ('sent', 'approved')
                  JOIN cra_policy policy ON policy.id = report.policy_id
                  JOIN res_company company ON company.id = report.company_id
                 WHERE aal.id IN %(timesheets)s AND %(free)s AND %(worked)s
                   AND (policy.line_filter = 'all' OR aal.so_line IS NOT NULL)
                   AND aal.date >= COALESCE(policy.start_date, company.cra_start_date)
                   AND NOT EXISTS (SELECT FROM cra_report working
                                    WHERE working.previous_id = report.id
                                      AND working.state IN ('draft', 'review'))
              GROUP BY report.id
                """,
                joins=joins,
                holder_joins=holder_joins,
                customer=customer,
                timesheets=query.subselect(),
                free=free,
                worked=self._cra_not_leave_sql(),
            )
        )
        reports = timesheets.env["cra.report"]
        return {reports.browse(row[0]): timesheets.browse(row[1]) for row in rows}

    @api.model
    def _cra_same_sql(self, customer, alias="aal"):
        """Return the condition that a timesheet is what ``line`` of ``report`` froze.

        :param SQL customer: expression of :meth:`_cra_customer_sql`
        """
        return SQL(
            """
            (line.date = %(time)s.date
             AND ABS(line.unit_amount - %(hours)s) < 0.000001
             AND report.project_id = %(time)s.project_id
             AND report.company_id = %(time)s.company_id
             AND report.partner_id = %(customer)s
             AND (line.source->>'employee')::int = %(time)s.employee_id
             AND (line.source->>'task')::int IS NOT DISTINCT FROM %(time)s.task_id
             AND (line.source->>'order_line')::int
                 IS NOT DISTINCT FROM %(time)s.so_line)
            """,
            time=SQL.identifier(alias),
            hours=self._cra_hours_sql(alias),
            customer=customer,
        )
