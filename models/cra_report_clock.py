from functools import cache

from odoo import api, fields, models
from odoo.tools import format_date, groupby

from .cra_deadline import DEADLINE_UNITS, ON_DEADLINE
from .cra_policy_deadline import get_deadline_terms

CLOCK_STATES = [
    ("mailing", "Mail on its way"),
    ("failed", "Mail not delivered"),
    ("question", "Question to answer"),
    ("running", "Awaits an answer"),
    ("over", "Deadline has passed"),
]
#: The mails have arrived, as far as a mail server can tell.
STARTED = ("question", "running", "over")
ACTIVITIES = {
    "failed": "sale_timesheet_cra.mail_activity_type_cra_delivery",
    "question": "sale_timesheet_cra.mail_activity_type_cra_question",
    "over": "sale_timesheet_cra.mail_activity_type_cra_deadline",
}


class CraReport(models.Model):
    """Until when the customer answers: the clock of a report that was sent.

    There is one clock per report, however many approvers it has and whether one or all
    of them have to agree. It runs while silence may fairly count: the mail server has
    accepted the mail to *each* approver who is still asked, no failure followed, and no
    question of the customer is open. What happens to it:

    - Not all mails are accepted yet, or one failed, or somebody else is asked instead:
      it stands, and starts afresh with all its time once all are accepted. Who got
      nothing has not been silent; and nobody loses days to a colleague's address.
    - The customer asks: it stands. The answer lets it go on with the days that were
      left, at least three working days.
    - An approver answers: theirs is no longer waited for. Under ``all`` the others go
      on having the time that is left.
    - The deadline passes: see :meth:`_close_overdue`. Who has agreed by then keeps
      their signature; only the others' silence counts, and the whole is called silent.
    """

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    # Terms, copied from the policy: what is sent is read from here only.
    deadline_days = fields.Integer(
        string="Time to Answer", readonly=True, aggregator=None
    )
    deadline_unit = fields.Selection(
        selection=DEADLINE_UNITS, string="Counted in", readonly=True
    )
    on_deadline = fields.Selection(
        selection=ON_DEADLINE, string="Without an Answer", readonly=True
    )
    tacit_clause = fields.Text(string="Clause of the Contract", readonly=True)
    reminder_before_days = fields.Integer(
        string="First Reminder",
        readonly=True,
        aggregator=None,
        groups="base.group_user",
    )
    reminder_every_days = fields.Integer(
        string="Further Reminders",
        readonly=True,
        aggregator=None,
        groups="base.group_user",
    )

    deadline = fields.Date(
        string="Answer until",
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="Last day to answer, where the company is. Empty while the clock stands "
        "still, or if there is no deadline.",
    )
    clock_state = fields.Selection(
        selection=CLOCK_STATES,
        string="Follow-Up",
        readonly=True,
        copy=False,
        index="btree_not_null",
        groups="base.group_user",
        help="What is waited for since the report was sent.",
    )
    clock_started_on = fields.Date(
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Day on which the last mail was accepted, where the company is.",
    )
    days_left = fields.Integer(
        readonly=True,
        copy=False,
        aggregator=None,
        groups="base.group_user",
        help="What was left when a question stopped the clock.",
    )
    question_on = fields.Datetime(
        string="Customer's Question",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="When the customer asked what is not answered yet.",
    )

    clock_text = fields.Text(
        compute="_compute_clock_text",
        compute_sudo=True,  # who reads the report may know what it waits for
        groups="base.group_user",
        export_string_translation=False,
    )

    @api.depends("clock_state", "approval_ids.mail_error")
    def _compute_clock_text(self):
        for report in self:
            failure, advice = "", report._get_clock_advice()
            if report.clock_state == "failed":
                failure = report._get_failure_text()
            report.clock_text = "\n".join(filter(None, [failure, advice]))

    def write(self, vals):
        result = super().write(vals)
        if vals.get("state", "sent") != "sent":
            # sudo: whoever decides, nothing is waited for anymore
            stopped = self.sudo().filtered("clock_state")
            stopped.write({"clock_state": False, "question_on": False})
            stopped._tell_responsible_of_clock()
        return result

    # === THE CLOCK === #

    def _update_clock(self):
        """Let the clocks of these reports stand, start or go on as their mails say."""
        working_days = {
            company: cache(company._get_cra_working_days) for company in self.company_id
        }
        changes = []
        for report in self.filtered(lambda r: r.state == "sent"):
            new_state = report._get_clock_state()
            if new_state == report.clock_state:
                continue
            terms = get_deadline_terms(report, working_days[report.company_id])
            changes.append((report, report._prepare_clock_vals(new_state, terms)))
        for vals, group in groupby(changes, lambda change: tuple(change[1].items())):
            self.browse([report.id for report, _vals in group])._turn(dict(vals))

    def _get_clock_state(self):
        """Return the key of ``CLOCK_STATES`` that the mails and questions ask for."""
        self.ensure_one()
        mails = set(self._get_asked().mapped("mail_state"))
        if "failed" in mails:
            return "failed"
        if mails - {"delivered"}:
            return "mailing"
        if self.approval_mode == "none":
            return False
        if self.question_on:
            return "question"
        return "over" if self.clock_state == "over" else "running"

    def _get_asked(self):
        """Return the approvals whose mails matter: those that wait for an answer."""
        return self.approval_ids.filtered(
            lambda a: (
                a.state in ("waiting", "pending")
                or (a.report_id.approval_mode == "none" and a.mail_state)
            )
        )

    def _prepare_clock_vals(self, new_state, terms):
        """Return what is written when the clock changes.

        :param str new_state: key of ``CLOCK_STATES``
        :param terms: :class:`~.cra_deadline.Terms` of this report
        """
        today = self.company_id._get_cra_today()
        vals = {"clock_state": new_state}
        if new_state not in STARTED:
            return {**vals, "deadline": False, "days_left": 0}
        begins = self.clock_state not in STARTED
        if begins:
            vals["clock_started_on"] = today
        if new_state == "question":
            left = terms.days if begins else terms.get_days_left(today, self.deadline)
            return {**vals, "deadline": False, "days_left": left}
        if begins:
            vals["deadline"] = terms.get_deadline(today)
        elif self.clock_state == "question":
            vals["deadline"] = terms.get_new_deadline(today, self.days_left)
        return vals

    def _turn(self, vals):
        """Write what changes, and tell it where people look."""
        self.write(vals)
        bodies = {report.id: report._get_clock_note() for report in self}
        told = self.filtered(lambda report: bodies[report.id])
        told._message_log_batch(bodies)
        self._tell_responsible_of_clock()

    def _tell_responsible_of_clock(self):
        """Give the responsible the activity that the clocks ask for, and no other."""
        if not self:
            return
        self.activity_unlink(list(ACTIVITIES.values()))
        to_do = self.filtered(lambda report: report.clock_state in ACTIVITIES)
        for (user, state), group in groupby(
            to_do, lambda report: (report._get_review_manager(), report.clock_state)
        ):
            if not user:  # the list and the form say it all the same
                continue
            reports = self.browse([report.id for report in group])
            reader = reports.with_context(lang=user.lang)
            summaries = {
                "failed": reader.env._("A mail to the customer was not delivered"),
                "question": reader.env._("The customer has asked something"),
                "over": reader.env._("The customer has not answered in time"),
            }
            reader.activity_schedule(
                ACTIVITIES[state],
                summary=summaries[state],
                note=reader[:1]._get_clock_advice(),
                user_id=user.id,
            )

    def _get_clock_advice(self):
        """Return what the responsible can do about the state of the clock."""
        return {
            "failed": self.env._(
                "Correct the address and choose Send Again, or choose Change Approver. "
                "Until then the customer's time to answer does not run."
            ),
            "question": self.env._(
                "Answer by a message to the customer below the report. Until then the "
                "customer's time to answer does not run."
            ),
            "over": self.env._(
                "The report goes on waiting for the answer. Call the customer, or "
                "choose Remind."
            ),
        }.get(self.clock_state, "")

    def _get_clock_note(self):
        """Return what the chatter says of the clock, may be empty."""
        if self.clock_state == "failed":
            return self._get_failure_text()
        if self.clock_state == "running" and self.deadline:
            return self.env._(
                "All mails were accepted by the mail server. Answer until %s.",
                format_date(self.env, self.deadline, date_format="full"),
            )
        return ""

    def _get_failure_text(self):
        """Return which mails were not delivered, and why."""
        failed = self._get_asked().filtered(lambda a: a.mail_state == "failed")
        return "\n".join(
            self.env._(
                "The mail to %(approver)s was not delivered: %(reason)s",
                approver=approval._get_address(),
                reason=approval.mail_error,
            )
            for approval in failed
        )
