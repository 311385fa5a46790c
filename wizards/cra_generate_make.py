from odoo import models
from odoo.tools import SQL, split_every

from ..models.cra_report import TERMS, WORKING_STATES

#: Reports made in one go: bounds memory, not results.
BATCH_SIZE = 500


class CraGenerate(models.TransientModel):
    """Making the drafts, in bulk."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.generate"  # pylint: disable=consider-merging-classes-inherited

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
        due = quiet
        for candidate in existing:
            if not candidate.is_due:
                continue
            due |= candidate.report
            if candidate.report.policy_id != candidate.policy:
                candidate.report.write({"policy_id": candidate.policy.id})
        due._set_draft_terms()
        due |= created
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
            **{name: candidate.policy[name] for name in TERMS},
        }
