from functools import cache

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date

from .cra_deadline import DEADLINE_UNITS, ON_DEADLINE, Terms
from .cra_policy import MAX_DAYS_AFTER

#: Reminders the preview tells one by one.
PREVIEWED_REMINDERS = 3


class CraPolicy(models.Model):
    """How long customers have to answer, and what happens if they do not."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.policy"  # pylint: disable=consider-merging-classes-inherited

    deadline_days = fields.Integer(
        string="Time to Answer",
        default=5,
        help="Days from the day on which the mail server accepted the mails; that day "
        "does not count. 0: no deadline.",
    )
    deadline_unit = fields.Selection(
        selection=DEADLINE_UNITS,
        required=True,
        default="working",
        string="Counted in",
        help="Working days are those of the company's working hours, public holidays "
        "left out.",
    )
    on_deadline = fields.Selection(
        selection=ON_DEADLINE,
        required=True,
        default="wait",
        string="Without an Answer",
    )
    tacit_clause = fields.Text(
        string="Clause of the Contract",
        help="The words by which your contract with the customer makes silence an "
        "agreement. They are printed in the mails, on the page and in the document.",
    )
    reminder_before_days = fields.Integer(
        string="First Reminder",
        default=1,
        help="Days before the deadline, counted as the time to answer is. 0: none.",
    )
    reminder_every_days = fields.Integer(
        string="Further Reminders",
        default=3,
        help="Days after the last reminder, counted as the time to answer is. 0: none.",
    )

    @api.constrains("deadline_days", "reminder_before_days", "reminder_every_days")
    def _check_deadline_days(self):
        for policy in self:
            for name in (
                "deadline_days",
                "reminder_before_days",
                "reminder_every_days",
            ):
                if not 0 <= policy[name] <= MAX_DAYS_AFTER:
                    raise ValidationError(
                        self.env._(
                            "“%(field)s” of policy %(name)s cannot be %(days)s. Choose "
                            "a number of days from 0 to %(limit)s.",
                            field=self._fields[name]._description_string(self.env),
                            name=policy.name,
                            days=policy[name],
                            limit=MAX_DAYS_AFTER,
                        )
                    )

    @api.constrains("on_deadline", "deadline_days", "tacit_clause", "approval_mode")
    def _check_tacit_is_agreed(self):
        for policy in self:
            if policy.on_deadline != "tacit" or policy.approval_mode == "none":
                continue
            if not policy.deadline_days:
                raise ValidationError(
                    self.env._(
                        "Policy %(name)s counts silence as agreement, but has no "
                        "deadline. Enter the time to answer, or let reports wait.",
                        name=policy.name,
                    )
                )
            if not (policy.tacit_clause or "").strip():
                raise ValidationError(
                    self.env._(
                        "Policy %(name)s counts silence as agreement. Copy the clause "
                        "of the contract that says so: without one, silence agrees to "
                        "nothing.",
                        name=policy.name,
                    )
                )

    # === PREVIEW === #

    def _get_deadline_sentences(self, company, today):
        """Return what becomes of reports that are not answered, for one mailed today.

        :param company: ``res.company`` whose days are meant
        :param date today: day it is there
        """
        if self.approval_mode in (False, "none"):
            return []
        terms = get_deadline_terms(self, cache(company._get_cra_working_days))
        deadline = terms.get_deadline(today)
        if deadline:
            sentences = [
                self.env._(
                    "What is mailed today has to be answered by %s.",
                    format_date(self.env, deadline, date_format="full"),
                ),
                self._get_silence_sentence(),
                self.env._(
                    "The clock starts when the mail server has accepted the mails. "
                    "It stands still while a mail cannot be delivered, or while a "
                    "question of the customer waits for its answer."
                ),
            ]
        else:
            sentences = [
                self.env._("There is no deadline: reports wait for their answers.")
            ]
        days = terms.get_reminders(today, deadline, PREVIEWED_REMINDERS)
        if self.on_deadline == "tacit" and deadline:
            days = [day for day in days if day <= deadline]
        labels = [format_date(self.env, day, date_format="full") for day in days]
        if len(days) == PREVIEWED_REMINDERS:
            sentences.append(
                self.env._(
                    "Approvers who have not answered are reminded: %s, and so on.",
                    "; ".join(labels),
                )
            )
        elif days:
            sentences.append(
                self.env._(
                    "Approvers who have not answered are reminded: %s.",
                    "; ".join(labels),
                )
            )
        return sentences

    def _get_silence_sentence(self):
        if self.on_deadline == "tacit":
            return self.env._(
                "After that day silence counts as agreement, by the clause of "
                "the contract. Such a report is shown as agreed by silence, never as "
                "signed."
            )
        return self.env._(
            "After that day the responsible is told, and the report goes on waiting."
        )


def get_deadline_terms(source, get_working_days):
    """Return the deadline and the reminders that a record asks for.

    :param source: ``cra.policy``, or the ``cra.report`` that copied its terms
    :param get_working_days: function (first day, last day) -> set of working days
    :return: :class:`~.cra_deadline.Terms`
    """
    # Forms preview what is typed, before it is checked.
    days, before, every = (
        min(max(source[name], 0), MAX_DAYS_AFTER)
        for name in ("deadline_days", "reminder_before_days", "reminder_every_days")
    )
    return Terms(
        days=days,
        unit=source.deadline_unit or "working",
        remind_before=before,
        remind_every=every,
        get_working_days=get_working_days,
    )
