from collections import defaultdict
from dataclasses import dataclass, field

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, split_every

from ..models.cra_period import (
    PERIODS,
    period_bounds,
    period_start_sql,
    periods_ending_in,
)
from ..models.cra_report import CURRENT_STATES, WORKING_STATES

#: Reports made in one go: bounds memory, not results.
BATCH_SIZE = 500
PREFLIGHT_STATES = [
    ("ready", "Ready"),
    ("no_approver", "No Approver"),
    ("no_email", "Approver Without Email"),
    ("working", "Draft Exists"),
    ("done", "Already Sent"),
    ("late", "Time Added After Sending"),
]
#: What somebody has to mend first: on top of the list.
ATTENTION_STATES = ("no_approver", "no_email", "late")


@dataclass
class Candidate:
    """One activity report that could be made."""

    policy: object
    partner: object
    project: object
    employee: object
    company: object
    date_from: object
    date_to: object
    hours: float
    new_hours: float
    state: str = "ready"
    report: object = None
    approvers: object = None
    missing: dict = field(default_factory=dict)

    @property
    def key(self):
        """Return what the unique indexes of ``cra.report`` compare."""
        return (
            self.company.id,
            self.partner.id,
            self.project.id,
            self.employee.id or 0,
            self.date_from,
            self.date_to,
        )


class CraGenerate(models.TransientModel):
    """Show which activity reports a period needs, and make them.

    Time is reported by the policy in force for its project and customer; every period
    of a policy that ends within the chosen days is covered.
    """

    _name = "cra.generate"
    _description = "Generate Activity Reports"

    company_id = fields.Many2one(
        comodel_name="res.company",
        required=True,
        default=lambda self: self.env.company,
    )
    date_from = fields.Date(
        string="From",
        required=True,
        default=lambda self: self._default_month()[0],
    )
    date_to = fields.Date(
        string="To",
        required=True,
        default=lambda self: self._default_month()[1],
    )
    project_ids = fields.Many2many(comodel_name="project.project", string="Projects")
    partner_ids = fields.Many2many(comodel_name="res.partner", string="Customers")
    employee_ids = fields.Many2many(
        comodel_name="hr.employee.public",  # all that managers may read of them
        string="Consultants",
    )
    line_ids = fields.One2many(
        comodel_name="cra.generate.line",
        inverse_name="wizard_id",
        compute="_compute_line_ids",
        store=True,
        string="Preflight",
    )
    makeable_count = fields.Integer(compute="_compute_counts")
    attention_count = fields.Integer(compute="_compute_counts")

    @api.model
    def _default_month(self):
        """Return the month that a manager closes today: the current one from the 20th
        on, before that the previous one."""
        today = fields.Date.context_today(self)
        day = today if today.day >= 20 else today - relativedelta(months=1)
        return period_bounds("month", day)

    # === COMPUTE METHODS === #

    @api.depends(
        "company_id",
        "date_from",
        "date_to",
        "project_ids",
        "partner_ids",
        "employee_ids",
    )
    def _compute_line_ids(self):
        for wizard in self:
            candidates = (
                wizard._collect() if wizard.date_from and wizard.date_to else []
            )
            candidates.sort(key=lambda c: c.state not in ATTENTION_STATES)
            wizard.line_ids = [fields.Command.clear()] + [
                fields.Command.create(wizard._prepare_line_vals(candidate))
                for candidate in candidates
            ]

    @api.depends("line_ids.state")
    def _compute_counts(self):
        for wizard in self:
            states = wizard.line_ids.mapped("state")
            makeable = self._get_makeable_states()
            wizard.makeable_count = sum(state in makeable for state in states)
            wizard.attention_count = sum(state in ATTENTION_STATES for state in states)

    def _prepare_line_vals(self, candidate):
        return {
            "policy_id": candidate.policy.id,
            "partner_id": candidate.partner.id,
            "project_id": candidate.project.id,
            "employee_id": candidate.employee.id,
            "date_from": candidate.date_from,
            "date_to": candidate.date_to,
            "hours": candidate.hours,
            "state": candidate.state,
            "report_id": candidate.report.id if candidate.report else False,
            "approver_ids": [fields.Command.set(candidate.approvers.ids)],
        }

    # === ACTION METHODS === #

    def action_generate(self):
        """Make the drafts that are missing, refresh those that exist, open them all.

        :raise UserError: there is nothing to report
        """
        self.ensure_one()
        self.env["cra.report"].check_access("write")
        reports = self._generate()
        if not reports:
            raise UserError(
                self.env._(
                    "There is no time to report in this period. Check that a policy "
                    "applies to the project, customer or company, and its start date."
                )
            )
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "sale_timesheet_cra.cra_report_action"
        )
        return {**action, "domain": [("id", "in", reports.ids)], "context": {}}

    # === BUSINESS METHODS === #

    def _generate(self):
        """Make or refresh the drafts of this period: twice gives the same.

        :return: the drafts, as the current user
        """
        made = self.env["cra.report"]
        candidates = [
            c for c in self._collect() if c.state in self._get_makeable_states()
        ]
        for batch in split_every(BATCH_SIZE, candidates, list):
            made |= self._make_drafts(batch)
        return made

    def _get_makeable_states(self):
        return ("ready", "no_approver", "no_email", "working")

    def _make_drafts(self, candidates):
        # sudo: users do not create reports by themselves, and their timesheets are
        # grouped whether or not each one may be read; rights were checked per project
        Report = self.env["cra.report"].sudo()
        quiet = Report.with_context(
            tracking_disable=True, mail_create_nolog=True, mail_create_nosubscribe=True
        )
        missing = [candidate for candidate in candidates if not candidate.report]
        created = quiet.create([self._prepare_report_vals(c) for c in missing])
        for report in created:
            report.write(report._prepare_terms())
        existing = Report.union(*(c.report for c in candidates if c.report))
        drafts = created | existing.filtered(lambda r: r.state == "draft")
        drafts._refresh()
        return drafts.sudo(False)

    def _prepare_report_vals(self, candidate):
        return {
            "company_id": candidate.company.id,
            "policy_id": candidate.policy.id,
            "partner_id": candidate.partner.id,
            "project_id": candidate.project.id,
            "employee_id": candidate.employee.id,
            "user_id": (candidate.project.user_id or self.env.user).id,
            "date_from": candidate.date_from,
            "date_to": candidate.date_to,
        }

    def _collect(self):
        """Return the reports this period needs, each with its state.

        :return: list of :class:`Candidate`
        """
        self.ensure_one()
        projects = self._get_projects()
        timesheets = self.env["account.analytic.line"]
        domain = Domain("project_id", "in", projects.ids) & Domain(
            "company_id", "=", self.company_id.id
        )
        policies = timesheets._cra_get_policies(domain)
        by_period = defaultdict(dict)
        for key, policy in policies.items():
            if policy._get_start_date(self.company_id):
                by_period[policy.period][key[:2]] = policy
        candidates = []
        for period, _label in PERIODS:
            if by_period[period]:
                candidates += self._collect_period(period, by_period[period])
        candidates += self._collect_left_drafts(candidates)
        self._set_states(candidates)
        self._set_completeness(candidates)
        return candidates

    def _set_completeness(self, candidates):
        """Tell what lacks in the time of each candidate's consultants."""

    def _collect_left_drafts(self, candidates):
        """Return candidates for drafts that their policy does not ask for any more."""
        keys = {candidate.key for candidate in candidates}
        drafts = (
            self.env["cra.report"]
            .sudo()
            .search(
                [
                    ("company_id", "=", self.company_id.id),
                    ("state", "in", WORKING_STATES),
                    ("date_to", ">=", self.date_from),
                    ("date_to", "<=", self.date_to),
                ]
            )
        )
        left = [
            Candidate(
                policy=draft.policy_id,
                partner=draft.partner_id,
                project=draft.project_id,
                employee=draft.employee_id,
                company=draft.company_id,
                date_from=draft.date_from,
                date_to=draft.date_to,
                hours=draft.total_hours,
                new_hours=0.0,
                approvers=draft.project_id._get_cra_approvers(draft.partner_id),
            )
            for draft in drafts
            if draft.line_ids
        ]
        return [candidate for candidate in left if candidate.key not in keys]

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
        return projects.search(domain)

    def _collect_period(self, period, policies):
        """Return the candidates of the policies that share a period length.

        :param str period: key of ``PERIODS``
        :param dict policies: (project id, customer id) -> ``cra.policy``
        """
        bounds = dict(periods_ending_in(period, self.date_from, self.date_to))
        if not bounds:
            return []
        joins, customer = self.env["account.analytic.line"]._cra_customer_sql()
        filters = [
            SQL("aal.employee_id IN %s", tuple(self.employee_ids.ids))
            if self.employee_ids
            else SQL("aal.employee_id IS NOT NULL"),
        ]
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
        rows = self.env.execute_query(
            SQL(
                """
                SELECT aal.project_id, %(customer)s,
                       CASE WHEN NOT scope.whole_project THEN aal.employee_id END,
                       %(start)s AS period_start,
                       SUM(aal.unit_amount),
                       SUM(aal.unit_amount) FILTER (WHERE aal.cra_line_id IS NULL),
                       COUNT(*) FILTER (WHERE aal.cra_line_id IS NULL)
                  FROM account_analytic_line aal %(joins)s
                  JOIN (VALUES %(scopes)s)
                       AS scope (project_id, customer_id, whole_project, everything,
                                 start_date)
                    ON scope.project_id = aal.project_id
                   AND scope.customer_id = %(customer)s
                 WHERE aal.date BETWEEN %(first)s AND %(last)s
                   AND aal.date >= scope.start_date
                   AND aal.company_id = %(company)s
                   AND (scope.everything OR aal.so_line IS NOT NULL)
                   AND %(filters)s
              GROUP BY 1, 2, 3, 4
              ORDER BY 2, 1, 3, 4
                """,
                customer=customer,
                joins=joins,
                scopes=SQL(", ").join(scopes),
                start=period_start_sql(period, SQL("aal.date")),
                first=min(bounds),
                last=max(bounds.values()),
                company=self.company_id.id,
                filters=SQL(" AND ").join(filters),
            )
        )
        records = (
            self.env[model].sudo().browse({row[index] for row in rows if row[index]})
            for index, model in enumerate(
                ("project.project", "res.partner", "hr.employee")
            )
        )
        projects, customers, employees = (r.with_prefetch(r.ids) for r in records)
        candidates = []
        for project_id, customer_id, employee_id, start, hours, new, new_count in rows:
            candidate = Candidate(
                policy=policies[project_id, customer_id],
                partner=customers.browse(customer_id),
                project=projects.browse(project_id),
                employee=employees.browse(employee_id),
                company=self.company_id,
                date_from=start,
                date_to=bounds[start],
                hours=hours,
                new_hours=new or 0.0,
            )
            candidate.state = "ready" if new_count else "done"
            candidate.approvers = candidate.project._get_cra_approvers(
                candidate.partner
            )
            candidates.append(candidate)
        return candidates

    def _set_states(self, candidates):
        """Set the state of each candidate, and the report that exists for it."""
        if not candidates:
            return
        reports = (
            self.env["cra.report"]
            .sudo()
            .search(
                [
                    ("company_id", "=", self.company_id.id),
                    ("state", "in", WORKING_STATES + CURRENT_STATES),
                    ("date_from", ">=", min(c.date_from for c in candidates)),
                    ("date_to", "<=", max(c.date_to for c in candidates)),
                ]
            )
        )
        by_key = defaultdict(dict)
        for report in reports:
            key = (
                report.company_id.id,
                report.partner_id.id,
                report.project_id.id,
                report.employee_id.id or 0,
                report.date_from,
                report.date_to,
            )
            by_key[key][report.state in WORKING_STATES] = report
        for candidate in candidates:
            existing = by_key[candidate.key]
            if existing.get(True):
                candidate.report, candidate.state = existing[True], "working"
            elif existing.get(False):
                late = candidate.state == "ready"
                candidate.report = existing[False]
                candidate.state = "late" if late else "done"
            elif candidate.state == "ready" and not candidate.approvers:
                candidate.state = "no_approver"
            elif candidate.state == "ready" and not all(
                approver.email for approver in candidate.approvers
            ):
                candidate.state = "no_email"


class CraGenerateLine(models.TransientModel):
    """One row of the preflight list."""

    _name = "cra.generate.line"
    _description = "Activity Report to Generate"

    wizard_id = fields.Many2one(
        comodel_name="cra.generate", required=True, ondelete="cascade"
    )
    policy_id = fields.Many2one(comodel_name="cra.policy", readonly=True)
    partner_id = fields.Many2one(
        comodel_name="res.partner", string="Customer", readonly=True
    )
    project_id = fields.Many2one(comodel_name="project.project", readonly=True)
    employee_id = fields.Many2one(
        comodel_name="hr.employee", string="Consultant", readonly=True
    )
    date_from = fields.Date(string="From", readonly=True)
    date_to = fields.Date(string="To", readonly=True)
    hours = fields.Float(readonly=True)
    approver_ids = fields.Many2many(
        comodel_name="res.partner", string="Approvers", readonly=True
    )
    state = fields.Selection(selection=PREFLIGHT_STATES, readonly=True)
    report_id = fields.Many2one(
        comodel_name="cra.report", string="Activity Report", readonly=True
    )

    def action_mend(self):
        """Open what has to be looked at: the report, the contact or the project."""
        self.ensure_one()
        if self.report_id:
            return self.report_id._get_records_action()
        without_email = self.approver_ids.filtered(lambda partner: not partner.email)
        return (without_email[:1] or self.project_id)._get_records_action()
