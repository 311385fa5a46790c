from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import plaintext2html

from .cra_report import ACTIVITY_TYPE

REVIEW_STEPS = [
    ("consultant", "To confirm by the consultant"),
    ("manager", "To confirm by a manager"),
    ("confirmed", "Confirmed"),
    ("returned", "Sent back"),
]


class CraReport(models.Model):
    """How a report is confirmed by its own people before the customer gets it.

    First its consultant confirms, then a manager. Sending by hand is the manager's
    confirmation as well. Whatever changes the lines takes confirmations back.
    """

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    internal_review = fields.Boolean(
        related="policy_id.internal_review",
        groups="base.group_user",
    )
    review_step = fields.Selection(
        selection=REVIEW_STEPS,
        string="Confirmation",
        readonly=True,
        copy=False,
        groups="base.group_user",
    )
    can_confirm = fields.Boolean(
        compute="_compute_can_review",
        groups="base.group_user",
        export_string_translation=False,
    )
    can_send_back = fields.Boolean(
        compute="_compute_can_review",
        groups="base.group_user",
        export_string_translation=False,
    )

    # === COMPUTE METHODS === #

    @api.depends("state", "review_step", "employee_id")
    @api.depends_context("uid")
    def _compute_can_review(self):
        for report in self:
            # sudo: consultants do not read employees
            report_sudo = report.sudo()
            in_review = report_sudo.state == "review"
            own = in_review and report_sudo.employee_id.user_id == self.env.user
            managed = in_review and report.has_access("write")
            report.can_send_back = own or managed
            if report_sudo._awaits_consultant():
                report.can_confirm = own
            else:
                report.can_confirm = managed and report_sudo.review_step != "confirmed"

    # === ACTION METHODS === #

    def action_ask_confirmation(self):
        """Submit the selected drafts to their consultants, else to a manager.

        :raise UserError: names the report that cannot be reviewed and the way out
        """
        self.check_access("write")
        # sudo: users do not write the state themselves
        self.sudo()._submit()
        return True

    def action_confirm(self):
        """Confirm the selected reports: consultants their own, then managers.

        :raise UserError: a report is not in review
        :raise AccessError: it is for somebody else to confirm
        """
        self.check_access("read")
        # sudo: consultants write nothing themselves; who may confirm is checked next
        reports = self.sudo()
        reports._lock()
        self._check_may_confirm()
        changed = reports._refresh_reviewed()
        (reports - changed)._confirm()
        if not changed:
            return True
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "message": self.env._(
                    "The timesheets of %s changed meanwhile. The report shows them "
                    "now: look at it once more, then confirm it.",
                    ", ".join(changed.mapped("display_name")),
                ),
                "next": {"type": "ir.actions.act_window_close"},  # shows the new lines
            },
        }

    def action_send_back(self):
        """Ask for the remark with which this report goes back to draft."""
        self.ensure_one()
        self._check_may_send_back()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Send Back"),
            "res_model": "cra.send.back",
            "view_mode": "form",
            "target": "new",
            "context": {"default_report_id": self.id},
        }

    # === CHECKS === #

    def _check_may_confirm(self):
        """Refuse what is not in review, or for others to confirm.

        :raise UserError: a report is not in review
        :raise AccessError: somebody else is to confirm it
        """
        for report in self:
            report_sudo = report.sudo()  # sudo: consultants do not read employees
            if report_sudo.state != "review":
                raise UserError(
                    self.env._(
                        "%s is not in review: there is nothing to confirm.",
                        report.display_name,
                    )
                )
            if not report_sudo._awaits_consultant():
                report.check_access("write")
            elif report_sudo.employee_id.user_id != self.env.user:
                raise AccessError(
                    self.env._(
                        "%(report)s waits for the confirmation of %(consultant)s: "
                        "nobody else can give it.",
                        report=report.display_name,
                        consultant=report_sudo.employee_id.name,
                    )
                )

    def _check_may_send_back(self):
        self.check_access("read")
        for report in self:
            if report.state != "review":
                raise UserError(self.env._("%s is not in review.", report.display_name))
            if not report.can_send_back:
                raise AccessError(
                    self.env._(
                        "Only its consultant and managers send %s back.",
                        report.display_name,
                    )
                )

    def _check_sendable(self):
        for report in self.filtered("internal_review"):
            if report.state == "draft":
                raise UserError(
                    self.env._(
                        "%(report)s is to be confirmed before it is sent. "
                        "Choose Ask for Confirmation.",
                        report=report.display_name,
                    )
                )
            if report._awaits_consultant():
                raise UserError(
                    self.env._(
                        "%(consultant)s has not confirmed %(report)s yet. Wait for "
                        "the confirmation. If it cannot be given, an administrator "
                        "can switch off Internal Review on policy %(policy)s.",
                        consultant=report.employee_id.name,
                        report=report.display_name,
                        policy=report.policy_id.name,
                    )
                )
        return super()._check_sendable()

    # === REVIEWING === #

    def _is_confirmed(self):
        """Tell whether consultant and manager have confirmed this report."""
        self.ensure_one()
        return self.state == "review" and self.review_step == "confirmed"

    def _filter_sendable(self):
        """Return the reports that may leave without a person who sends them."""
        return self.filtered(lambda r: not r.internal_review or r._is_confirmed())

    def _submit_due(self):
        """Submit the drafts that need a review and were not sent back from one."""
        due = self.filtered(
            lambda report: (
                report.internal_review
                and report.state == "draft"
                and report.review_step != "returned"
            )
        )
        if due:
            due._submit()

    def _submit(self):
        """Ask for the confirmation of drafts, in line with their timesheets.

        :raise UserError: names the report that cannot be reviewed and the way out
        """
        self._lock()
        for report in self:
            if report.state != "draft":
                raise UserError(self.env._("%s is not a draft.", report.display_name))
            if not report.internal_review:
                raise UserError(
                    self.env._(
                        "%(report)s can be sent at once: its policy %(policy)s asks "
                        "for no internal review.",
                        report=report.display_name,
                        policy=report.policy_id.name,
                    )
                )
        self._refresh()
        for report in self:
            if not report.line_ids:
                raise UserError(
                    self.env._("%s has no time to report.", report.display_name)
                )
            report.write({"state": "review", "review_step": report._get_first_step()})
            report._ask_for_confirmation()

    def _confirm(self):
        """Take the step of the review that is next."""
        for report in self:
            if report._awaits_consultant():
                report.review_step = "manager"
                report.message_post(body=self.env._("The consultant has confirmed."))
                report._ask_for_confirmation()
            elif report.review_step != "confirmed":
                report.review_step = "confirmed"
                report.message_post(body=self.env._("Confirmed: it may be sent."))
                report.activity_unlink([ACTIVITY_TYPE])

    def _send_back(self, remark):
        """Make this report a draft again, for its responsible to mend.

        :param str remark: what is wrong, in the words of who sends it back
        """
        self.ensure_one()
        report = self.sudo()  # sudo: consultants write nothing themselves
        report._lock()
        self._check_may_send_back()
        report.write({"state": "draft", "review_step": "returned"})
        note = plaintext2html(remark)
        report.message_post(body=note)
        report._schedule_review(
            report._get_review_manager(),
            lambda env: env._("Sent back by %s", env.user.name),
            note,
        )

    def _take_back_confirmation(self):
        """Ask once more for the confirmation of reports that read differently now."""
        for report in self.filtered(lambda r: r.state == "review"):
            step = report._get_first_step()
            if report.review_step == step:
                continue
            report.review_step = step
            report.message_post(
                body=self.env._("The lines have changed: it is to be confirmed again.")
            )
            report._ask_for_confirmation()

    def _refresh_reviewed(self):
        """Bring reports in line with their timesheets; return those that changed."""
        seen = {report: report._get_content() for report in self}
        self._refresh()
        return self.filtered(lambda report: report._get_content() != seen[report])

    def _refresh(self):
        reviewed = self.filtered(lambda report: report.state == "review")
        seen = {report: report._get_content() for report in reviewed}
        result = super()._refresh()
        changed = reviewed.filtered(lambda r: r._get_content() != seen[r])
        changed._take_back_confirmation()
        return result

    def _freeze(self):
        # Who sends a report has looked at it: that is the manager's confirmation.
        reviewed = self.filtered(lambda report: report.state == "review")
        reviewed.write({"review_step": "confirmed"})
        (self - reviewed).filtered("review_step").write({"review_step": False})
        return super()._freeze()

    def _send(self):
        reviewed = self.sudo().filtered("review_step")
        reports = super()._send()
        reviewed.activity_unlink([ACTIVITY_TYPE])
        return reports

    # === WHO REVIEWS === #

    def _get_first_step(self):
        self.ensure_one()
        return "consultant" if self._get_reviewer() else "manager"

    def _awaits_consultant(self):
        """Tell whether nobody but the consultant can go on."""
        self.ensure_one()
        return (
            self.state == "review"
            and self.review_step == "consultant"
            and bool(self._get_reviewer())
        )

    def _get_reviewer(self):
        """Return the user of the consultant, empty if they cannot see the report."""
        self.ensure_one()
        user = self.employee_id.user_id
        return user if self._is_visible_to(user) else user.browse()

    def _get_review_manager(self):
        self.ensure_one()
        for user in (self.user_id, self._get_responsible()):
            if self._is_visible_to(user):
                return user
        return self.env["res.users"]

    def _is_visible_to(self, user):
        """Tell whether a user works in the report's company and may read it."""
        self.ensure_one()
        if not user.active or self.company_id not in user.company_ids:
            return False
        companies = {"allowed_company_ids": self.company_id.ids}
        return self.with_user(user).with_context(**companies).has_access("read")

    def _ask_for_confirmation(self):
        """Give the next one to confirm an activity, in place of the one before."""
        self.ensure_one()
        if self._awaits_consultant():
            self._schedule_review(
                self._get_reviewer(),
                lambda env: env._("Is your time right? Confirm it or send it back."),
            )
        else:
            self._schedule_review(
                self._get_review_manager(),
                lambda env: env._("Look at the report: confirm it or send it."),
            )

    def _schedule_review(self, user, get_summary, note=""):
        """Schedule the one activity of the review, in its reader's language.

        :param user: ``res.users``, may be empty
        :param get_summary: function (environment of the reader's language) -> text
        :param str note: HTML
        """
        self.activity_unlink([ACTIVITY_TYPE])
        if user:
            report = self.with_context(lang=user.lang)
            report.activity_schedule(
                ACTIVITY_TYPE,
                summary=get_summary(report.env),
                note=note,
                user_id=user.id,
            )
