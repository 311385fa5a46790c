from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.cra_period import period_bounds, period_label
from .cra_candidate import ATTENTION_STATES, Candidate

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
    policy_ids = fields.Many2many(comodel_name="cra.policy", string="Policies")
    line_ids = fields.One2many(
        comodel_name="cra.generate.line",
        inverse_name="wizard_id",
        compute="_compute_line_ids",
        compute_sudo=False,  # the user's projects only
        store=True,
        string="Preflight",
    )

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
        "policy_ids",
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

    def _prepare_line_vals(self, candidate):
        report = candidate.report or candidate.cancelled
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
            "explanation": self._explain(candidate),
            "report_id": report.id if report else False,
            "approver_ids": [fields.Command.set(candidate.approvers.ids)],
        }

    # === ACTION METHODS === #

    @api.model
    def _open_preflight(self):
        """Open the preflight of the month that is to be closed."""
        self.check_access("create")
        return self.create({}).action_show_preflight()

    def action_show_preflight(self):
        """Show the list of the reports the period needs."""
        self.ensure_one()
        if self.run_state == "running":
            return self.action_show_progress()
        self.run_state = False
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "sale_timesheet_cra.cra_generate_line_action"
        )
        title = period_label(self.env, self.date_from, self.date_to)
        return {
            **action,
            "display_name": title[:1].upper() + title[1:],
            "target": "main",  # a period replaces another, and is nobody's detail
            "domain": [("wizard_id", "=", self.id)],
            "context": {"default_wizard_id": self.id},
        }

    def action_choose_period(self):
        """Ask for another period, or other customers, projects and consultants."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Filters and Period"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_show_period(self, step):
        """Show the list of a neighboring period, just as long as this one.

        :param int step: 1 for the next period, -1 for the one before
        """
        self.ensure_one()
        first, last = self.date_from, self.date_to
        after = last + relativedelta(days=1)
        if first.day == after.day == 1:
            months = relativedelta(after, first)
            first += step * months
            last = first + months - relativedelta(days=1)
        else:
            days = step * (after - first)
            first, last = first + days, last + days
        if self.run_state != "running":
            self.write({"date_from": first, "date_to": last})
        return self.action_show_preflight()

    def action_check_again(self):
        """Bring the list in line with timesheets, contacts and reports as they are."""
        self.ensure_one()
        if self.run_state != "running":
            self._compute_line_ids()

    def action_generate(self):
        """Make the drafts that are missing, refresh those that exist, open them all.

        Many are made in the background, with their progress shown.

        :raise UserError: there is nothing to report
        """
        self.ensure_one()
        return self._action_generate()

    def action_remind(self):
        """Remind all consultants on the list of the time they still have to enter."""
        self.ensure_one()
        return self._action_remind(self.line_ids)

    def _action_generate(self, lines=None):
        """Do what :meth:`action_generate` says, for some rows of the list or for all.

        :param lines: ``cra.generate.line``; default: all there are
        """
        self.env["cra.report"].check_access("write")
        if self.run_state == "running":
            return self.action_show_progress()
        self.line_ids.filtered("is_chosen").is_chosen = False
        if lines is not None:
            lines.is_chosen = True
        candidates = self._collect_makeable()
        if not candidates:
            raise UserError(
                self.env._(
                    "There is no time to report here. Check that a policy applies to "
                    "the project, customer or company, and its start date."
                )
            )
        if sum(candidate.is_due for candidate in candidates) > BACKGROUND_FROM:
            return self._start_in_background(len(candidates))
        reports = self._generate(candidates)
        taken_ids = [c.taken_id for c in candidates if c.taken_id]
        return self._open_reports([("id", "in", reports.ids + taken_ids)])

    def _action_remind(self, lines):
        """Remind the consultants of preflight rows, and tell how many."""
        self.env["cra.report"].check_access("write")
        keys = set(map(_row_key, lines))
        missing = {
            (employee, candidate.date_from, candidate.date_to): found
            for candidate in self._collect()
            if _row_key(candidate) in keys
            for employee, found in candidate.missing.items()
        }
        # sudo: reminders are written for consultants, whose data is private
        reminders = self.env["cra.reminder"].sudo()
        reminded = reminders._remind(self.company_id, missing)
        if missing:
            message = self.env._(
                "Consultants reminded now: %(reminded)s of %(all)s with missing time. "
                "Everybody is reminded once a day at most.",
                reminded=len(reminded.employee_id),
                all=len({employee for employee, _first, _last in missing}),
            )
        else:
            message = self.env._("Nobody misses time here.")
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
        """Return the candidates whose drafts are to be made or refreshed.

        Those of the rows that somebody has chosen, if any: what was cancelled is made
        again only if it is chosen by itself.
        """
        keys = set(map(_row_key, self.line_ids.filtered("is_chosen")))
        candidates = self._collect()
        if not keys:
            return [c for c in candidates if c.is_makeable]
        chosen = [c for c in candidates if _row_key(c) in keys]
        makeable = [c for c in chosen if c.is_makeable]
        return makeable or [c for c in chosen if c.state == "cancelled"]


def _row_key(row):
    """Return what a row of the list and its candidate have in common.

    :param row: ``cra.generate.line`` or :class:`Candidate`
    """
    if isinstance(row, Candidate):
        return row.partner, row.project, row.employee, row.date_from, row.date_to
    return row.partner_id, row.project_id, row.employee_id, row.date_from, row.date_to
