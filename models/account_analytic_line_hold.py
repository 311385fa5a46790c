from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, formatLang

#: What decides which policy applies to a line, and whether it may be invoiced.
HOLD_FIELDS = frozenset(
    ("date", "project_id", "task_id", "so_line", "company_id", "timesheet_invoice_id")
)


class AccountAnalyticLine(models.Model):
    """Time that must not be invoiced yet."""

    # One subject per file: the model is too long for one.
    _inherit = "account.analytic.line"  # pylint: disable=consider-merging-classes-inherited

    cra_hold = fields.Boolean(
        string="Awaits the Customer's Agreement",
        readonly=True,
        copy=False,
        help="This time must not be invoiced yet.",
    )

    _cra_hold_idx = models.Index("(so_line) WHERE cra_hold")

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._cra_update_hold_of_lines()
        return lines

    def write(self, vals):
        result = super().write(vals)
        if not HOLD_FIELDS.isdisjoint(vals):
            self._cra_update_hold_of_lines()
        return result

    # === BUSINESS METHODS === #

    def _cra_update_hold_of_lines(self):
        """Update ``cra_hold`` of these lines."""
        if self:
            self._cra_update_hold(Domain("id", "in", self.ids))

    @api.model
    def _cra_update_hold(self, domain=Domain.TRUE):
        """Write ``cra_hold``: the only method that does.

        Time is held from the start date of a policy with a blocking gate on, until
        the customer has agreed to the CRA that covers it. Invoiced time is not held.

        :param Domain domain: timesheets that may have changed
        """
        if not self.env["cra.policy"]._is_used():
            return
        # Before the first of these days only what is held already can change.
        first_day = self.env["cra.policy"]._get_first_day("block")
        recent = Domain("date", ">=", first_day) if first_day else Domain.FALSE
        domain &= recent | Domain("cra_hold", "=", True)
        rows = self.env.execute_query(
            SQL(
                """
                WITH wanted AS (
                    SELECT id, held, gated AND NOT agreed AND NOT invoiced AS to_hold
                      FROM (%(gate)s) AS time
                )
                UPDATE account_analytic_line aal
                   SET cra_hold = wanted.to_hold, write_uid = %(uid)s,
                       write_date = now() AT TIME ZONE 'UTC'
                  FROM wanted
                 WHERE wanted.id = aal.id AND wanted.to_hold != wanted.held
             RETURNING aal.id
                """,
                gate=self._cra_get_gate_sql(domain, "block"),
                uid=self.env.uid,
            )
        )
        # sudo: the hold follows from the policy, whoever writes the time
        changed = self.sudo().browse(row[0] for row in rows)
        changed.invalidate_recordset(["cra_hold", "write_uid", "write_date"])
        changed.fetch(["so_line"])  # in one query, for what follows from the hold
        changed.modified(["cra_hold"])

    @api.model
    def _cra_get_gate_sql(self, domain, *gates):
        """Return the query of timesheets with what decides on their invoicing.

        Its columns: ``id``; ``gated``: a policy with one of the gates is in force;
        ``agreed``: the customer has agreed to exactly this, and nobody is correcting
        it; ``invoiced``: an invoice in force bills it; ``held``: as it is now.

        :param Domain domain: timesheets that are meant
        :param str gates: keys of ``cra.policy.invoice_gate``
        """
        terms = []
        for key, policy in self._cra_get_policies(domain).items():
            start = policy._get_start_date(self.env["res.company"].browse(key[2]))
            if policy.invoice_gate in gates and start:
                terms.append(SQL("(%s, %s, %s, %s::date)", *key, start))
        self.env["cra.report"].flush_model(["state", "previous_id"])
        self.env["cra.report.line"].flush_model()
        joins, customer = self._cra_customer_sql()
        # sudo: the hold follows from the policy, whoever writes the time
        timesheets = self.sudo().with_context(active_test=False)
        query = timesheets._search(domain & Domain("project_id", "!=", False))
        return SQL(
            """
            SELECT aal.id,
                   aal.cra_hold IS TRUE AS held,
                   terms.start_date IS NOT NULL AS gated,
                   (%(agreed)s AND %(same)s) IS TRUE
                   AND NOT EXISTS (SELECT FROM cra_report working
                                    WHERE working.previous_id = report.id
                                      AND working.state IN ('draft', 'review'))
                   AS agreed,
                   move.id IS NOT NULL
                   AND move.state != 'cancel'
                   AND move.payment_state IS DISTINCT FROM 'reversed' AS invoiced
              FROM account_analytic_line aal %(joins)s
         LEFT JOIN (%(terms)s)
                   AS terms (project_id, customer_id, company_id, start_date)
                ON terms.project_id = aal.project_id
               AND terms.customer_id = %(customer)s
               AND terms.company_id = aal.company_id
               AND terms.start_date <= aal.date
         LEFT JOIN cra_report_line line ON line.id = aal.cra_line_id
         LEFT JOIN cra_report report ON report.id = line.report_id
         LEFT JOIN account_move move ON move.id = aal.timesheet_invoice_id
             WHERE aal.id IN %(timesheets)s
            """,
            terms=SQL("VALUES %s", SQL(", ").join(terms))
            if terms
            else SQL("SELECT 0, 0, 0, NULL::date WHERE FALSE"),
            agreed=self._cra_agreed_sql(),
            same=self._cra_same_sql(customer),
            joins=joins,
            customer=customer,
            timesheets=query.subselect(),
        )

    @api.model
    def _cra_agreed_sql(self):
        """Return the condition that the customer has agreed to a ``line`` of a
        ``report``, in this version or in an earlier one that shows it alike."""
        return SQL(
            """
            (report.state = 'approved'
             OR (line.agreed_report_id IS NOT NULL
                 AND (report.state = 'sent'
                      OR (report.state = 'refused'
                          AND COALESCE(line.remark, '') = ''))))
            """
        )

    # === TELLING WHO INVOICES === #

    @api.model
    def _cra_get_waiting(self, domain):
        """Return the timesheets billed by the hour that await an agreement.

        :param Domain domain: timesheets that are meant
        """
        if not self.env["cra.policy"]._is_used():
            return self.sudo().browse()
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM (%s) AS time WHERE gated AND NOT agreed",
                self._cra_get_gate_sql(domain, "block", "warn"),
            )
        )
        # sudo: who invoices reads no timesheets; only sums leave here
        timesheets = self.sudo().browse(row[0] for row in rows)
        return timesheets.filtered(
            lambda t: (
                t.so_line.product_id and t.so_line.product_id._is_delivered_timesheet()
            )
        )

    def _cra_get_waiting_note(self):
        """Return in words how much of this time awaits whose agreement."""
        sentences = []
        by_customer = self.grouped(
            lambda t: t.so_line.order_partner_id.commercial_partner_id
        )
        for customer, timesheets in by_customer.items():
            hours = timesheets._cra_get_hours()
            unreported = timesheets.filtered(
                lambda t: (
                    t.cra_line_id.report_id.state
                    not in ("draft", "review", "sent", "approved", "refused")
                )
            )
            values = {
                "hours": formatLang(self.env, hours, digits=2),
                "customer": customer.name,
            }
            sentence = self.env._(
                "%(hours)s h await the agreement of %(customer)s.", **values
            )
            if unreported:
                values["unreported"] = formatLang(
                    self.env, unreported._cra_get_hours(), digits=2
                )
                sentence = self.env._(
                    "%(hours)s h await the agreement of %(customer)s, of which "
                    "%(unreported)s h are on no activity report yet.",
                    **values,
                )
            sentences.append(sentence)
        return "\n".join(sentences)

    def _cra_get_hours(self):
        """Return the sum of these timesheets, in hours."""
        hour = self.env.ref("uom.product_uom_hour")
        return sum(
            (t.product_uom_id or hour)._compute_quantity(
                t.unit_amount, hour, round=False
            )
            for t in self
        )
