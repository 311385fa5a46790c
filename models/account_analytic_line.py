from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .resolution import resolve

#: What the customer is shown: refused once the CRA that covers the line is sent.
SHOWN_FIELDS = frozenset(
    ("date", "unit_amount", "product_uom_id", "employee_id", "user_id")
    + ("project_id", "task_id", "so_line", "company_id")
)
#: What only the addon writes: it decides what may be invoiced.
OWN_FIELDS = frozenset(("cra_line_id", "cra_hold", "cra_credited_id"))


class AccountAnalyticLine(models.Model):
    _inherit = "account.analytic.line"

    cra_line_id = fields.Many2one(
        comodel_name="cra.report.line",
        string="Activity Report Line",
        ondelete="set null",
        index="btree_not_null",
        readonly=True,
        copy=False,
        help="Line of the activity report that covers this time.",
    )
    cra_report_id = fields.Many2one(
        related="cra_line_id.report_id",
        string="Activity Report",
    )
    cra_credited_id = fields.Many2one(
        comodel_name="account.move",
        string="Credited Invoice",
        index="btree_not_null",
        readonly=True,
        copy=False,
        help="Invoice that billed this time before a credit note took it back.",
    )

    # === COMPUTE METHODS === #

    def _is_not_billed(self):
        # EXTENDS 'sale_timesheet': what a sent CRA covers is settled as if it were
        # billed. Core asks this before it recomputes project, partner and order line,
        # which bypasses write().
        return super()._is_not_billed() and not self._is_locked_by_cra()

    def _is_locked_by_cra(self):
        """Tell whether any of these lines is covered by a CRA that was sent."""
        # sudo: consultants may not read every CRA; only a yes or no leaves here
        return any(self.sudo().cra_line_id.report_id.mapped("locks_timesheets"))

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        # Looked at afterwards: defaults may come with the context, too. The hold is
        # worked out anyway. sudo: whoever writes time need not read what covers it.
        created = lines.sudo()
        if not self.env.su and (created.cra_line_id or created.cra_credited_id):
            self._refuse_own_fields()
        return lines

    def _refuse_own_fields(self):
        raise AccessError(
            self.env._("Activity reports and invoices decide what time may be billed.")
        )

    def _check_can_write(self, values):
        # EXTENDS 'hr_timesheet'
        if not self.env.su and not OWN_FIELDS.isdisjoint(values):
            self._refuse_own_fields()
        if not SHOWN_FIELDS.isdisjoint(values):
            self._check_not_locked_by_cra()
        return super()._check_can_write(values)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_locked_by_cra(self):
        self._check_not_locked_by_cra()

    def _check_not_locked_by_cra(self):
        """Refuse a change of time that a sent CRA shows, or that it had invoiced.

        :raise UserError: names the CRA or the invoice, and the way out
        """
        if not self.env["cra.policy"]._is_used():
            return
        # sudo: the lock holds for everyone, also for those who may not read the CRA
        covered = self.sudo().filtered("cra_line_id")
        reports = covered.cra_line_id.report_id.filtered("locks_timesheets")
        if reports:
            raise UserError(
                self.env._(
                    "This time is on activity report %(report)s, which %(customer)s "
                    "has received. Open the report and choose Correct to change it.",
                    report=reports[0].display_name,
                    customer=reports[0].partner_id.display_name,
                )
            )
        if invoiced := covered.filtered(lambda line: not line._is_free_of_invoice()):
            raise UserError(
                self.env._(
                    "This time is on invoice %(invoice)s. Enter a new timesheet with "
                    "the difference, negative if it was too much, or cancel the "
                    "invoice first.",
                    invoice=invoiced[0].timesheet_invoice_id.display_name,
                )
            )

    def _is_free_of_invoice(self):
        """Tell whether no invoice in force bills this time.

        A credit note that is not posted yet takes nothing back.
        """
        self.ensure_one()
        invoice = self.timesheet_invoice_id
        return not invoice or invoice.state == "cancel"

    # === BUSINESS METHODS === #

    @api.model
    def _cra_customer_sql(self, alias="aal"):
        """Return the joins and the expression that give the customer of a timesheet.

        That is the commercial partner of its order line, else of its task, else of
        its project.

        :param str alias: alias of ``account_analytic_line`` in the query
        :return: pair of ``SQL``
        """
        line = SQL.identifier(alias)
        joins = SQL(
            """
            JOIN project_project cra_project ON cra_project.id = %(line)s.project_id
            LEFT JOIN project_task cra_task ON cra_task.id = %(line)s.task_id
            LEFT JOIN sale_order_line cra_sol ON cra_sol.id = %(line)s.so_line
            LEFT JOIN res_partner cra_sol_partner
                   ON cra_sol_partner.id = cra_sol.order_partner_id
            LEFT JOIN res_partner cra_task_partner
                   ON cra_task_partner.id = cra_task.partner_id
            LEFT JOIN res_partner cra_project_partner
                   ON cra_project_partner.id = cra_project.partner_id
            """,
            line=line,
        )
        customer = SQL(
            "COALESCE(cra_sol_partner.commercial_partner_id, "
            "cra_task_partner.commercial_partner_id, "
            "cra_project_partner.commercial_partner_id)"
        )
        return joins, customer

    @api.model
    def _cra_hours_sql(self, alias="aal"):
        """Return the expression that gives the hours of a timesheet."""
        hour_id = self.env["ir.model.data"]._xmlid_to_res_id("uom.product_uom_hour")
        hour = self.env["uom.uom"].browse(hour_id)
        return SQL(
            """
            CASE WHEN COALESCE(%(line)s.product_uom_id, %(hour)s) = %(hour)s
                 THEN %(line)s.unit_amount
                 ELSE %(line)s.unit_amount / %(factor)s * (
                      SELECT factor FROM uom_uom WHERE id = %(line)s.product_uom_id)
             END
            """,
            line=SQL.identifier(alias),
            hour=hour.id,
            factor=hour.factor,
        )

    @api.model
    def _cra_not_leave_sql(self, alias="aal"):
        """Return the condition that time was worked, not made from a leave."""
        return SQL(" AND ").join(
            [SQL("TRUE")]
            + [
                SQL("%s IS NULL", SQL.identifier(alias, name))
                for name in ("holiday_id", "global_leave_id")  # with Time Off
                if name in self._fields
            ]
        )

    @api.model
    def _cra_free_sql(self, alias="aal"):
        """Return the joins and the condition that no activity report covers a time.

        Reports that are void cover nothing; neither does a draft that the time was
        moved away from, to another project, customer, consultant or day. Needs the
        joins of :meth:`_cra_customer_sql`.

        :param str alias: alias of ``account_analytic_line`` in the query
        :return: pair of ``SQL``; the joins name the covering report ``holder``
        """
        _joins, customer = self._cra_customer_sql(alias)
        line = SQL.identifier(alias)
        joins = SQL(
            """
            LEFT JOIN cra_report_line held ON held.id = %(line)s.cra_line_id
            LEFT JOIN cra_report holder ON holder.id = held.report_id
            """,
            line=line,
        )
        free = SQL(
            """
            (holder.id IS NULL
             OR holder.state IN ('superseded', 'cancelled')
             OR (holder.state = 'draft' AND (
                 holder.project_id != %(line)s.project_id
                 OR holder.partner_id IS DISTINCT FROM %(customer)s
                 OR holder.company_id != %(line)s.company_id
                 OR holder.employee_id != %(line)s.employee_id
                 OR %(line)s.date NOT BETWEEN holder.date_from AND holder.date_to)))
            """,
            line=line,
            customer=customer,
        )
        return joins, free

    @api.model
    def _cra_flush(self):
        """Write what raw SQL on timesheets and their customers is about to read."""
        self.env["account.analytic.line"].flush_model()
        self.env["project.project"].flush_model(["partner_id"])
        self.env["project.task"].flush_model(["partner_id", "name"])
        self.env["sale.order.line"].flush_model(["order_partner_id"])
        self.env["res.partner"].flush_model(["commercial_partner_id"])
        self.env["account.move"].flush_model(["state", "payment_state"])

    @api.model
    def _cra_get_policies(self, domain=Domain.TRUE):
        """Return which policy applies to which time, by project, customer, company.

        :param Domain domain: timesheets that are meant
        :return: dict (project id, customer id, company id) -> ``cra.policy``, without
            the combinations for which there is none
        """
        self._cra_flush()
        # sudo: the policy applies whoever writes the time
        timesheets = self.sudo().with_context(active_test=False)
        query = timesheets._search(domain & Domain("project_id", "!=", False))
        joins, customer = self._cra_customer_sql()
        combinations = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT aal.project_id, %(customer)s, aal.company_id
                  FROM account_analytic_line aal %(joins)s
                 WHERE aal.id IN %(timesheets)s AND %(customer)s IS NOT NULL
                """,
                customer=customer,
                joins=joins,
                timesheets=query.subselect(),
            )
        )
        env = timesheets.env
        projects = env["project.project"].browse({row[0] for row in combinations})
        customers = env["res.partner"].browse({row[1] for row in combinations})
        policies = {}
        for project_id, customer_id, company_id in combinations:
            policy, _source = resolve(
                "cra_policy_id",
                projects.browse(project_id).with_prefetch(projects.ids),
                customers.browse(customer_id).with_prefetch(customers.ids),
                env["res.company"].browse(company_id),
            )
            if policy and policy.active:
                policies[project_id, customer_id, company_id] = policy
        return policies
