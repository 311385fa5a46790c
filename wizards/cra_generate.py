from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, split_every

from ..models.cra_period import period_bounds
from ..models.cra_report import WORKING_STATES
from .cra_candidate import (
    ATTENTION_STATES,
    MAKEABLE_STATES,
    PREFLIGHT_STATES,
    Candidate,
)

__all__ = ["PREFLIGHT_STATES", "Candidate", "CraGenerate"]

#: Reports made in one go: bounds memory, not results.
BATCH_SIZE = 500
#: More reports than this are made in the background.
BACKGROUND_FROM = 1000


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
        compute_sudo=False,  # the user's projects only
        store=True,
        string="Preflight",
    )
    makeable_count = fields.Integer(compute="_compute_counts")
    attention_count = fields.Integer(compute="_compute_counts")
    incomplete_count = fields.Integer(compute="_compute_counts")

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

    @api.depends("line_ids.state", "line_ids.missing_hours", "line_ids.missing_days")
    def _compute_counts(self):
        for wizard in self:
            states = wizard.line_ids.mapped("state")
            makeable = self._get_makeable_states()
            wizard.makeable_count = sum(state in makeable for state in states)
            wizard.attention_count = sum(state in ATTENTION_STATES for state in states)
            wizard.incomplete_count = sum(
                line.missing_hours > 0 or line.missing_days > 0
                for line in wizard.line_ids
            )

    def _prepare_line_vals(self, candidate):
        return {
            "policy_id": candidate.policy.id,
            "partner_id": candidate.partner.id,
            "project_id": candidate.project.id,
            "employee_id": candidate.employee.id,
            "date_from": candidate.date_from,
            "date_to": candidate.date_to,
            "hours": candidate.hours,
            "missing_hours": candidate.missing_hours,
            "missing_days": candidate.missing_days,
            "state": candidate.state,
            "report_id": candidate.report.id if candidate.report else False,
            "approver_ids": [fields.Command.set(candidate.approvers.ids)],
        }

    # === ACTION METHODS === #

    def action_generate(self):
        """Make the drafts that are missing, refresh those that exist, open them all.

        Many are made in the background, with their progress shown.

        :raise UserError: there is nothing to report
        """
        self.ensure_one()
        self.env["cra.report"].check_access("write")
        candidates = self._collect_makeable()
        if not candidates:
            raise UserError(
                self.env._(
                    "There is no time to report in this period. Check that a policy "
                    "applies to the project, customer or company, and its start date."
                )
            )
        if sum(candidate.is_due for candidate in candidates) > BACKGROUND_FROM:
            return self._start_in_background(len(candidates))
        reports = self._generate(candidates)
        taken_ids = [c.taken_id for c in candidates if c.taken_id]
        return self._open_reports([("id", "in", reports.ids + taken_ids)])

    def action_remind(self):
        """Remind all consultants on the list of the time they still have to enter."""
        self.ensure_one()
        return self._action_remind(self.line_ids)

    def _action_remind(self, lines):
        """Remind the consultants of preflight rows, and tell how many."""
        self.env["cra.report"].check_access("write")
        keys = {
            (line.partner_id, line.project_id, line.employee_id, line.date_from)
            for line in lines
        }
        missing = {}
        for c in self._collect():
            row = (c.partner, c.project, c.employee, c.date_from)
            if row in keys:
                for employee, found in c.missing.items():
                    missing[employee, c.date_from, c.date_to] = found
        # sudo: reminders are written for consultants, whose data is private
        reminders = self.env["cra.reminder"].sudo()
        reminded = reminders._remind(self.company_id, missing)
        message = self.env._(
            "%(reminded)s of %(all)s consultants with missing time are reminded now. "
            "Everybody is reminded once a day at most.",
            reminded=len(reminded.employee_id),
            all=len({employee for employee, _first, _last in missing}),
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"type": "success" if reminded else "info", "message": message},
        }

    def _open_reports(self, domain):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "sale_timesheet_cra.cra_report_action"
        )
        return {**action, "domain": domain, "context": {}}

    # === BUSINESS METHODS === #

    def _collect_makeable(self):
        """Return the candidates whose drafts are to be made or refreshed."""
        return [candidate for candidate in self._collect() if candidate.is_makeable]

    def _generate(self, candidates=None):
        """Make or refresh the drafts of this period: twice gives the same.

        What was made before a crash, or by somebody else, is found and kept.

        :param candidates: list of makeable :class:`Candidate`; default: all there are
        :return: the drafts, as the current user
        """
        made = self.env["cra.report"]
        if candidates is None:
            candidates = self._collect_makeable()
        for batch in split_every(BATCH_SIZE, candidates, list):
            made |= self._make_drafts(batch)
        return made

    def _get_makeable_states(self):
        return MAKEABLE_STATES

    def _make_drafts(self, candidates):
        """Make or refresh one batch of drafts.

        :param candidates: list of :class:`Candidate`; those that somebody else made
            out of sight of this transaction get their ``taken_id``
        :return: the drafts, as the current user
        """
        # sudo: users do not create reports by themselves, and their timesheets are
        # grouped whether or not each one may be read; rights were checked per project
        Report = self.env["cra.report"].sudo()
        quiet = Report.with_context(
            tracking_disable=True, mail_create_nolog=True, mail_create_nosubscribe=True
        )
        missing = [candidate for candidate in candidates if not candidate.report]
        if missing:
            missing = self._leave_taken(missing)
        created = quiet.create([self._prepare_report_vals(c) for c in missing])
        existing = [
            c for c in candidates if c.report and c.report.state in WORKING_STATES
        ]
        due = created
        for candidate in existing:
            if not candidate.is_due:
                continue
            due |= candidate.report
            if candidate.report.policy_id != candidate.policy:
                candidate.report.write({"policy_id": candidate.policy.id})
        due._set_draft_terms()
        due._refresh()
        due.invalidate_recordset()  # bounds memory
        # sudo: reminders are written for consultants, whose data is private
        self.env["cra.reminder"].sudo()._settle(candidates)
        return (due | Report.union(*(c.report for c in existing))).sudo(False)

    def _leave_taken(self, candidates):
        """Return the candidates that nobody else is making.

        One transaction at a time makes drafts for a company: the others wait here for
        its end. Then they cannot see what it made, as their own view of the database
        is older, so another view is asked. The unique index would decide otherwise.
        """
        company = candidates[0].company
        self.env.cr.execute(
            "SELECT pg_advisory_xact_lock(hashtext('cra.generate'), %s)",
            [company.id],
        )
        with self.env.registry.cursor() as cursor:
            cursor.execute(
                SQL(
                    """
                    SELECT id, company_id, partner_id, project_id,
                           COALESCE(employee_id, 0), date_from, date_to
                      FROM cra_report
                     WHERE company_id = %s
                       AND state IN ('draft', 'review', 'sent', 'approved', 'refused')
                       AND date_from >= %s AND date_to <= %s
                    """,
                    company.id,
                    min(candidate.date_from for candidate in candidates),
                    max(candidate.date_to for candidate in candidates),
                )
            )
            taken = {tuple(key): report_id for report_id, *key in cursor.fetchall()}
        for candidate in candidates:
            candidate.taken_id = taken.get(candidate.key, 0)
        return [candidate for candidate in candidates if not candidate.taken_id]

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
