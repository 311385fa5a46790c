from markupsafe import escape

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import email_normalize

from .cra_approval_answer import MAX_NAME

ACTIVITY_TYPE = "mail.mail_activity_data_todo"


class CraApproval(models.Model):
    """“I am not the right person”: whom an approver thinks should be asked instead."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    proposed_name = fields.Char(readonly=True)
    proposed_email = fields.Char(readonly=True)

    def _propose(self, name, email):
        """Note whom the approver proposes, and let the responsible decide.

        Nobody is mailed, and the approver can still answer: only we say who is asked.

        :param str name: as typed
        :param str email: one address
        :raise UserError: something is missing, or the report is decided
        """
        self.ensure_one()
        name = self._clean_text(name, MAX_NAME)
        email = email_normalize(self._clean_text(email, MAX_NAME))
        if not name or not email:
            raise UserError(
                self.env._("Please enter the name and the email address of a person.")
            )
        report = self.report_id
        report._lock()
        self.invalidate_recordset()
        if report.state != "sent" or self.state != "pending":
            raise UserError(
                self.env._(
                    "%s was already decided or withdrawn. Reload the page to see it.",
                    report.display_name,
                )
            )
        self.write({"proposed_name": name, "proposed_email": email})
        ours = self._in_our_language()
        text = ours.env._(
            "%(approver)s proposes to ask %(name)s (%(email)s) instead. To do so, "
            "choose Change Approver.",
            approver=self.partner_id.display_name,
            name=name,
            email=email,
        )
        report._message_log(body=text, author_id=self.partner_id.id)
        ours._schedule_proposal(text)

    def _schedule_proposal(self, text):
        """Ask the responsible to decide; one activity, however often is proposed."""
        report = self.report_id
        summary = self.env._("Another approver is proposed")
        scheduled = report.activity_ids.filtered(lambda a: a.summary == summary)
        if scheduled:
            scheduled.note = escape(text)
        elif report.user_id:
            report.activity_schedule(
                ACTIVITY_TYPE,
                summary=summary,
                note=escape(text),
                user_id=report.user_id.id,
            )
