from odoo import models
from odoo.exceptions import UserError
from odoo.tools.misc import hmac

from .cra_approver_code import CODE_MINUTES

DISCUSSION_SCOPE = "sale_timesheet_cra.discussion"


class CraApproval(models.Model):
    """Whether the person at the browser is the approver, as the policy wants it."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    def _find_identity_problem(self, user, code=None):
        """Tell why somebody may not answer these approvals, ``""`` if they may.

        Their link or account was looked at before. What is asked for beyond that are
        the terms of the reports. A wrong code uses up a try: that must not be rolled
        back.

        :param user: ``res.users`` of the request
        :param str code: digits, as typed
        :raise UserError: another code of the same approver is being looked at
        """
        approver = self.partner_id.ensure_one()
        identities = set(self.report_id.mapped("identity"))
        if self != self._filter_open_to(user):
            return self.env._("Please log in as %s to answer.", approver.name)
        if "code" not in identities:
            return ""
        codes = self.env["cra.approver.code"]
        was_live = codes._get_live(approver)
        problem = codes._find_problem(approver, code)
        if was_live and not codes._get_live(approver):
            self._log_locked_code()
        return problem

    def _get_discussion_hash(self):
        """Return what lets this approver write below the report without an account."""
        self.ensure_one()
        content = (self.report_id.id, self.partner_id.id, self.token_serial)
        return hmac(self.sudo().env, DISCUSSION_SCOPE, content)

    def _filter_open_to(self, user):
        """Return those of these approvals for which the user need not log in first."""
        return self.filtered(
            lambda a: (
                a.report_id.identity != "login" or a._is_account_of(user, a.partner_id)
            )
        )

    def _is_account_of(self, user, approver):
        """Tell whether somebody is logged in as the approver, and is not one of us."""
        return user.partner_id == approver and user._is_portal()

    def _get_identity_step(self, user):
        """Return what comes before an answer, and a sentence to the approver.

        :return: ``login``, ``ask`` (for a code), ``code`` (to be typed) or ``""``
        """
        approver = self.partner_id
        if self != self._filter_open_to(user):
            return "login", self.env._("To answer, log in as %s.", approver.name)
        if "code" not in self.report_id.mapped("identity"):
            return "", ""
        start, _at, domain = approver.email_normalized.partition("@")
        address = f"{start[:1]}…@{domain}"
        if self.env["cra.approver.code"]._get_live(approver):
            return "code", self.env._(
                "We mailed a code to %(address)s. It is good for %(count)s minutes.",
                address=address,
                count=CODE_MINUTES,
            )
        return "ask", self.env._(
            "To answer, you need a code. We mail it to %s.", address
        )

    def _log_locked_code(self):
        """Tell the responsible that somebody has tried too many codes."""
        reports = self.report_id
        body = self._in_our_language().env._(
            "Too many wrong codes were entered in the name of %s.",
            self.partner_id.display_name,
        )
        reports._message_log_batch(dict.fromkeys(reports.ids, body))

    def _forget_code(self):
        """Let a code decide once."""
        self.env["cra.approver.code"]._use_up(self.partner_id)

    def _send_code(self):
        """Mail the approver of these approvals six digits to answer with.

        :raise UserError: no code is needed, or another one was mailed just now
        """
        asking = self.filtered(
            lambda a: (
                a.report_id.identity == "code"
                and a.report_id.state == "sent"
                and a.state == "pending"
            )
        )
        if not asking:
            raise UserError(self.env._("No code is needed to answer."))
        approver = asking.partner_id.ensure_one()
        code = self.env["cra.approver.code"]._issue(approver)
        report = asking[0].report_id
        company = report.company_id
        reader = self.with_context(lang=approver.lang or self.env.lang)
        body = reader.env["ir.qweb"]._render(
            "sale_timesheet_cra.mail_approver_code",
            {
                "approver": approver,
                "code": code,
                "company": company,
                "minutes": CODE_MINUTES,
            },
        )
        mail = self.env["mail.mail"].create(
            {
                "subject": reader.env._("Your code for %s", company.name),
                "body_html": body,
                "email_from": company.email_formatted or report.user_id.email_formatted,
                "reply_to": report.user_id.email_formatted or company.email_formatted,
                "recipient_ids": [(4, approver.id)],
                "auto_delete": True,
            }
        )
        # Somebody waits for it: it does not queue behind a mass mailing.
        mail.send_after_commit()
