from functools import cache

from odoo import fields, models
from odoo.tools import format_date

from .cra_policy_deadline import get_deadline_terms


class CraReport(models.Model):
    """What customers read about deadline, silence and decision, in their language."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    answer_until = fields.Date(
        compute="_compute_answer_until",
        groups="base.group_user",
        export_string_translation=False,
        help="The deadline; before the clock has started, what it would be today.",
    )

    def _compute_answer_until(self):
        days = {company: company._get_cra_today() for company in self.company_id}
        working_days = {c: cache(c._get_cra_working_days) for c in self.company_id}
        for report in self:
            company = report.company_id
            if report.approval_mode == "none" or report.question_on:
                report.answer_until = False
            elif report.deadline or report.state != "sent":
                report.answer_until = report.deadline
            else:
                terms = get_deadline_terms(report, working_days[company])
                report.answer_until = terms.get_deadline(days[company])

    def _is_tacit(self):
        """Tell whether silence counts as agreement, by the terms that were sent."""
        self.ensure_one()
        return (
            self.approval_mode != "none"
            and self.on_deadline == "tacit"
            and bool(self.deadline_days and self.tacit_clause)
        )

    def _get_answer_day(self):
        """Return the last day to answer in words, nothing if there is none."""
        self.ensure_one()
        day = self.answer_until
        return format_date(self.env, day, date_format="full") if day else ""

    def _get_silence_sentence(self):
        """Return what happens after the last day to answer."""
        self.ensure_one()
        if self._is_tacit():
            return self.env._(
                "Without an answer by then, silence counts as agreement, by this "
                "clause of the contract:"
            )
        return self.env._("Without an answer by then, we will get in touch with you.")

    def _get_time_to_answer(self):
        """Return the time to answer as a pair of label and number, or False."""
        self.ensure_one()
        if self.approval_mode == "none" or not self.deadline_days:
            return ("", False)
        if self.deadline_unit == "calendar":
            return (self.env._("Days to Answer"), str(self.deadline_days))
        return (self.env._("Working Days to Answer"), str(self.deadline_days))

    def _get_decision_sentence(self):
        """Return who decided what and how, nothing before the decision."""
        self.ensure_one()
        if self.state not in ("approved", "refused") or not self.decided_on:
            return ""
        moment = self._format_moment(self.decided_on)
        answered = self.approval_ids.filtered(lambda a: a.decided_on)
        names = ", ".join(a.signed_by or a.partner_id.name or "" for a in answered)
        if self.state == "refused":
            return self.env._(
                "Refused by %(names)s, %(moment)s", names=names, moment=moment
            )
        if self.approval_kind == "tacit":
            return self.env._(
                "Agreed by silence, %(moment)s: no answer until %(day)s, and no "
                "signature",
                moment=moment,
                day=format_date(self.env, self.deadline, date_format="full"),
            )
        if self.approval_kind == "internal":
            return self.env._(
                "Agreed on behalf of the customer, %(moment)s", moment=moment
            )
        return self.env._("Agreed by %(names)s, %(moment)s", names=names, moment=moment)
