from collections import defaultdict
from datetime import timedelta

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..models.cra_period import PERIODS, period_start_sql, periods_around
from ..models.cra_report import CURRENT_STATES, WORKING_STATES
from .cra_candidate import Candidate, report_key

#: Longest two periods: one that ends on the first day wanted, and the one before it.
LOOK_BACK = timedelta(days=62)


class CraGenerate(models.TransientModel):
    """Which reports a period needs, and what is wrong with each."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.generate"  # pylint: disable=consider-merging-classes-inherited

    def _collect(self):
        """Return the reports this period needs, each with its state.

        :return: list of :class:`Candidate`
        """
        self.ensure_one()
        projects = self._get_projects()
        timesheets = self.env["account.analytic.line"]
        domain = (
            Domain("project_id", "in", projects.ids)
            & Domain("company_id", "=", self.company_id.id)
            & Domain("date", ">=", self.date_from - LOOK_BACK)
            & Domain("date", "<=", self.date_to)
        )
        by_period = defaultdict(dict)
        for key, policy in timesheets._cra_get_policies(domain).items():
            if self.policy_ids and policy not in self.policy_ids:
                continue
            if policy._get_start_date(self.company_id):
                by_period[policy.period][key[:2]] = policy
        candidates = []
        for period, _label in PERIODS:
            if by_period[period]:
                candidates += self._collect_period(period, by_period[period])
        candidates += self._collect_left_drafts(projects, candidates)
        self._set_states(candidates)
        self._set_completeness(candidates)
        return candidates

    def _get_projects(self):
        """Return the projects whose time the user may report."""
        domain = Domain("allow_timesheets", "=", True) & Domain(
            "company_id", "in", (False, self.company_id.id)
        )
        if self.project_ids:
            domain &= Domain("id", "in", self.project_ids.ids)
        projects = self.env["project.project"].with_context(active_test=False)
        if not self.env.su:
            domain &= self.env["cra.report"]._get_managed_project_domain()
            if self.env.user.has_group("hr_timesheet.group_timesheet_manager"):
                # sudo: who administers timesheets sees those of private projects, too
                projects = projects.sudo()
        return projects.search(domain).with_env(self.env)

    def _collect_period(self, period, policies):
        """Return the candidates of the policies that share a period length.

        :param str period: key of ``PERIODS``
        :param dict policies: (project id, customer id) -> ``cra.policy``
        """
        before, bounds = periods_around(period, self.date_from, self.date_to)
        if not bounds:
            return []
        first = min(before, *bounds)
        rows = self._query_time(period, policies, first, max(bounds.values()))
        prefetch = self._prefetch_records(rows)
        candidates, reported = [], {}
        for row in rows:
            is_past = row["period_start"] not in bounds
            if is_past and (row["is_orphan"] or not row["nonzero_count"]):
                continue
            candidate = self._prepare_candidate(row, policies, prefetch)
            who = (candidate.project, candidate.partner, candidate.employee)
            if not is_past:
                candidate.date_to = bounds[candidate.date_from]
                candidates.append(candidate)
            if not row["is_orphan"] and row["nonzero_count"]:
                reported.setdefault(candidate.date_from, {})[who] = candidate
        return candidates + self._collect_silent([before, *bounds], bounds, reported)

    def _collect_silent(self, starts, bounds, reported):
        """Return candidates for consultants who reported time the period before, and
        none in this one: perhaps it was forgotten.

        :param list starts: first days of the periods, in order
        :param dict bounds: first day -> last day of the periods that are wanted
        :param dict reported: first day -> {who: Candidate} of those with time
        """
        today = fields.Date.context_today(self)
        silent = []
        for previous, start in zip(starts, starts[1:], strict=False):
            if start > today:
                break
            present = reported.get(start, {})
            for who, past in reported.get(previous, {}).items():
                if who in present or not past.project.active:
                    continue
                if past.employee and not past.employee.active:
                    continue
                candidate = Candidate(
                    policy=past.policy,
                    partner=past.partner,
                    project=past.project,
                    employee=past.employee,
                    company=past.company,
                    date_from=start,
                    date_to=bounds[start],
                    employees=past.employees,
                    approvers=past.approvers,
                    state="nothing",
                )
                silent.append(candidate)
        return silent

    def _prefetch_records(self, rows):
        """Return the projects, customers and consultants of ``rows``, readable."""
        # sudo: users see on the list whose time is to be reported, not their records
        env = self.sudo().env
        employee_ids = {id_ for row in rows for id_ in row["employee_ids"] if id_}
        return {
            "project_id": env["project.project"].browse(
                {row["project_id"] for row in rows}
            ),
            "customer_id": env["res.partner"].browse(
                {row["customer_id"] for row in rows}
            ),
            "employee_id": env["hr.employee"].browse(employee_ids),
        }

    def _prepare_candidate(self, row, policies, prefetch):
        """Return the :class:`Candidate` of one row of :meth:`_query_time`."""

        def browse(name, ids):
            # One prefetch for all candidates, not a copy for each
            records = prefetch[name]
            return records.browse(ids).with_prefetch(records._prefetch_ids)

        candidate = Candidate(
            policy=policies[row["project_id"], row["customer_id"]],
            partner=browse("customer_id", row["customer_id"]),
            project=browse("project_id", row["project_id"]),
            employee=browse("employee_id", row["employee_id"]),
            company=self.company_id,
            date_from=row["period_start"],
            date_to=None,
            employees=browse("employee_id", [e for e in row["employee_ids"] if e]),
            hours=row["hours"],
            new_hours=row["new_hours"] or 0.0,
            new_count=row["new_count"],
            nonzero_count=row["nonzero_count"],
            state="no_employee" if row["is_orphan"] else "ready",
        )
        candidate.approvers = candidate.project._get_cra_approvers(candidate.partner)
        if not row["new_count"] and row["holder_id"]:
            candidate.report = self.env["cra.report"].sudo().browse(row["holder_id"])
        return candidate

    def _query_time(self, period, policies, first, last):
        """Return the time of a period grouped as its reports will be, as dicts."""
        timesheets = self.env["account.analytic.line"]
        joins, customer = timesheets._cra_customer_sql()
        holder_joins, free = timesheets._cra_free_sql()
        filters = [timesheets._cra_not_leave_sql()]
        if self.employee_ids:
            filters.append(SQL("aal.employee_id IN %s", tuple(self.employee_ids.ids)))
        if self.partner_ids:
            commercial = self.partner_ids.commercial_partner_id
            filters.append(SQL("%s IN %s", customer, tuple(commercial.ids)))
        scopes = [
            SQL(
                "(%s, %s, %s, %s, %s::date)",
                *key,
                policy.scope == "project",
                policy.line_filter == "all",
                policy._get_start_date(self.company_id),
            )
            for key, policy in policies.items()
        ]
        self.env["cra.report"].flush_model()
        self.env.cr.execute(
            SQL(
                """
                SELECT aal.project_id, %(customer)s AS customer_id,
                       CASE WHEN NOT scope.whole_project THEN aal.employee_id END
                           AS employee_id,
                       %(start)s AS period_start,
                       aal.employee_id IS NULL AS is_orphan,
                       SUM(%(hours)s) AS hours,
                       COUNT(*) FILTER (WHERE aal.unit_amount != 0) AS nonzero_count,
                       COUNT(*) FILTER (WHERE %(free)s) AS new_count,
                       SUM(%(hours)s) FILTER (WHERE %(free)s) AS new_hours,
                       ARRAY_AGG(DISTINCT aal.employee_id) AS employee_ids,
                       MAX(holder.id) FILTER (WHERE NOT %(free)s) AS holder_id
                  FROM account_analytic_line aal %(joins)s %(holder_joins)s
                  JOIN (VALUES %(scopes)s)
                       AS scope (project_id, customer_id, whole_project, everything,
                                 start_date)
                    ON scope.project_id = aal.project_id
                   AND scope.customer_id = %(customer)s
                 WHERE aal.date BETWEEN %(first)s AND %(last)s
                   AND aal.date >= scope.start_date
                   AND aal.company_id = %(company)s
                   AND (scope.everything OR aal.so_line IS NOT NULL)
                   AND (aal.employee_id IS NOT NULL OR %(free)s)
                   AND %(filters)s
              GROUP BY 1, 2, 3, 4, 5
              ORDER BY 2, 1, 3, 4, 5
                """,
                customer=customer,
                start=period_start_sql(period, SQL("aal.date")),
                hours=timesheets._cra_hours_sql(),
                free=free,
                joins=joins,
                holder_joins=holder_joins,
                scopes=SQL(", ").join(scopes),
                first=first,
                last=last,
                company=self.company_id.id,
                filters=SQL(" AND ").join(filters),
            )
        )
        return self.env.cr.dictfetchall()

    def _collect_left_drafts(self, projects, candidates):
        """Return candidates for drafts of the period that the time no longer asks for.

        Their time was moved or deleted, or is reported by another policy now.
        """
        domain = self._get_draft_domain() & Domain("project_id", "in", projects.ids)
        keys = {c.key for c in candidates if c.state == "ready"}
        # sudo: as for the time itself, the projects decide what the user may see
        drafts = self.env["cra.report"].sudo().search(domain, order="id")
        return [
            Candidate(
                policy=draft.policy_id,
                partner=draft.partner_id,
                project=draft.project_id,
                employee=draft.employee_id,
                company=draft.company_id,
                date_from=draft.date_from,
                date_to=draft.date_to,
                employees=draft.employee_id or draft.line_ids.timesheet_id.employee_id,
                hours=draft.total_hours,
                nonzero_count=len(draft.line_ids),
                approvers=draft.project_id._get_cra_approvers(draft.partner_id),
            )
            for draft in drafts
            if report_key(draft) not in keys
        ]

    def _get_report_domain(self):
        """Return the domain of the reports whose periods end within the chosen days."""
        return (
            Domain("company_id", "=", self.company_id.id)
            & Domain("date_to", ">=", self.date_from)
            & Domain("date_to", "<=", self.date_to)
        )

    def _get_draft_domain(self):
        """Return the domain of the drafts of the period that pass the filters."""
        domain = self._get_report_domain() & Domain("state", "in", WORKING_STATES)
        if self.partner_ids:
            commercial = self.partner_ids.commercial_partner_id
            domain &= Domain("partner_id", "in", commercial.ids)
        for name in ("project_id", "employee_id", "policy_id"):
            if wanted := self[f"{name}s"]:
                domain &= Domain(name, "in", wanted.ids)
        return domain

    def _set_states(self, candidates):
        """Set the state of each candidate, and the report that exists for it."""
        if not candidates:
            return
        domain = self._get_report_domain()
        domain &= Domain("state", "in", (*WORKING_STATES, *CURRENT_STATES, "cancelled"))
        # sudo: a report that exists is taken into account, whoever may read it
        reports = self.env["cra.report"].sudo().search(domain, order="id")
        cancelled = reports.filtered(lambda report: report.state == "cancelled")
        cancelled_by_key = {report_key(report): report for report in cancelled}
        reports -= cancelled
        working = reports.filtered(lambda report: report.state in WORKING_STATES)
        differing = set(self.env["cra.report.line"].sudo()._get_differing(working)._ids)
        by_key = defaultdict(dict)
        for report in reports:
            by_key[report_key(report)][report.state in WORKING_STATES] = report
        # Who was silent but has a report already is on the list by that report.
        candidates[:] = [
            c for c in candidates if c.state != "nothing" or c.key not in by_key
        ]
        for candidate in candidates:
            if candidate.state != "ready":
                continue
            candidate.cancelled = cancelled_by_key.get(candidate.key)
            existing = by_key.get(candidate.key, {})
            draft = existing.get(True)
            self._set_state(candidate, draft, existing.get(False))
            candidate.has_drifted = bool(draft) and draft.id in differing
            if candidate.has_drifted and candidate.state in ("working", "nothing"):
                candidate.state = "drifted"

    def _set_state(self, candidate, working, current):
        """Set the state of a candidate, whose missing time is not known yet.

        :param working: draft or report in review that exists for it, None if none does
        :param current: the report that was sent for it, None if none was
        """
        if not working and current:
            candidate.report = current
            if candidate.new_count:
                candidate.state = "late"
            else:
                candidate.state = "changed" if current.has_drifted else "done"
        elif not working and not candidate.new_count:
            candidate.state = "covered"
        elif not working and candidate.cancelled:
            candidate.state = "cancelled"
        elif not candidate.nonzero_count:
            candidate.report = working
            candidate.state = "nothing"
        else:
            candidate.report = working
            if not candidate.approvers:
                candidate.state = "no_approver"
            elif not all(approver.email for approver in candidate.approvers):
                candidate.state = "no_email"
            elif working:
                candidate.state = "working"
