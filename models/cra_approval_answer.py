import re

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, plaintext2html

from .cra_approval import OPEN_STATES
from .cra_secret import hide_secrets

#: How much a customer may write, in characters.
MAX_NAME, MAX_COMMENT, MAX_REMARK = 120, 4000, 500
#: The most that a drawn signature takes, in base64.
MAX_SIGNATURE = 2_000_000
#: How PNG images start, in base64.
PNG = "iVBORw0KGgo"
#: Characters nobody types: the database and documents take none of them.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class CraApproval(models.Model):
    """What approvers answer: one report at a time, or many by one signature."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    def _approve(self, name, signature, reference=None, evidence=None):
        """Record one approver's agreement to the reports of these approvals.

        :param str name: who signs, as typed
        :param str signature: PNG image, base64
        :param str reference: the customer's order number, may be empty
        :param dict evidence: ``ip_address`` and ``user_agent`` of the request
        :return: the approvals that were answered; the others had been meanwhile
        :raise UserError: something is missing, or none is open anymore
        """
        name = self._clean_text(name, MAX_NAME)
        reference = self._clean_text(reference, MAX_NAME)
        if not name or not signature:
            raise UserError(self.env._("Please enter your name and sign."))
        self._check_signature(signature)
        approvals = self._answer(
            "approved", signed_by=name, signature=signature, **evidence or {}
        )
        # One message for each report says all; core's tracking would add two queries.
        reports = approvals.report_id.with_context(mail_notrack=True)
        ours = self._in_our_language()
        body = ours.env._("Agreed by %s.", name)
        if reference:
            # The first approver's number stays: what was recorded is evidence.
            numberless = reports.filtered(lambda r: not r.customer_reference)
            numberless.write({"customer_reference": reference})
            body = ours.env._(
                "Agreed by %(name)s. Order number: %(number)s",
                name=name,
                number=reference,
            )
        agreed = reports.filtered(
            lambda report: (
                report.approval_mode == "any"
                or not report.approval_ids.filtered(lambda a: a.state in OPEN_STATES)
            )
        )
        agreed.approval_ids._void()
        if agreed:
            agreed._decide("approved")
        reports._message_log_batch(
            dict.fromkeys(reports.ids, body), author_id=self.partner_id.id
        )
        return approvals

    def _refuse(self, comment, evidence=None, remarks=None):
        """Record this approver's refusal: the report is refused at once.

        :param str comment: the reason
        :param dict evidence: ``ip_address`` and ``user_agent`` of the request
        :param dict remarks: text by ``cra.report.line``'s id; of other reports' lines
            nothing is written
        :raise UserError: no reason is given, or the report was decided meanwhile
        """
        self.ensure_one()
        comment = self._clean_text(comment, MAX_COMMENT)
        if not comment:
            raise UserError(self.env._("Please tell us what is wrong."))
        self._answer("refused", comment=comment, **evidence or {})
        report = self.report_id
        for line in report.line_ids.filtered(lambda line: line.id in (remarks or {})):
            if remark := self._clean_text(remarks[line.id], MAX_REMARK):
                line.remark = remark
        report.approval_ids._void()
        report._decide("refused")
        ours = self._in_our_language()
        report._message_log(
            body=ours.env._(
                "Refused by %(name)s: %(reason)s",
                name=self.partner_id.display_name,
                reason=comment,
            ),
            author_id=self.partner_id.id,
        )
        if report.user_id:
            ours.report_id.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=ours.env._("Refused by the customer"),
                note=plaintext2html(comment),
                user_id=report.user_id.id,
            )

    def _in_our_language(self):
        """Return these approvals for texts that the responsible reads, not they."""
        return self.with_context(lang=self.report_id[:1].user_id.lang)

    def _clean_text(self, text, length):
        """Return what a customer typed, without blanks around it.

        :raise UserError: it is longer than ``length`` characters
        """
        text = hide_secrets(UNPRINTABLE.sub("", str(text or ""))).strip()
        if len(text) > length:
            raise UserError(
                self.env._("Please write at most %(count)s characters.", count=length)
            )
        return text

    def _check_signature(self, signature):
        """Take what the page draws, and nothing that others may have to open.

        :raise UserError: it is no PNG image, or a huge one
        """
        drawn = isinstance(signature, str) and signature.startswith(PNG)
        if not drawn or len(signature) > MAX_SIGNATURE:
            raise UserError(self.env._("The signature is not a valid image."))

    def _wait_for_others(self):
        """Let one answer at a time look at these reports.

        Whoever comes second waits here for the other's end. If it has changed anything,
        what this transaction sees is old: the database says so by a serialization
        failure, and Odoo takes the whole request up again.
        """
        self.report_id.flush_recordset()
        self.env.cr.execute(
            SQL(
                """
                UPDATE cra_report SET write_date = write_date
                 WHERE id IN (SELECT id FROM cra_report WHERE id IN %s
                              ORDER BY id FOR UPDATE)
                """,
                tuple(self.report_id.ids),
            ),
            log_exceptions=False,  # expected
        )
        self.report_id.invalidate_recordset()
        self.invalidate_recordset()

    def _answer(self, state, **vals):
        """Write the decision with its evidence, after a last look under lock.

        :return: those of these approvals that were still open, and are answered now
        :raise UserError: none was
        """
        self.partner_id.ensure_one()
        self._wait_for_others()
        approvals = self.filtered(
            lambda a: a.report_id.state == "sent" and a.state == "pending"
        )
        if not approvals:
            raise UserError(
                self.env._(
                    "%s was already decided or withdrawn. Reload the page to see it.",
                    ", ".join(self.report_id.mapped("display_name")),
                )
            )
        for approval in approvals:
            report = approval.report_id
            approval.write(
                {"digest": report.digest, "digest_version": report.digest_version}
            )
        approvals.write({"state": state, "decided_on": fields.Datetime.now(), **vals})
        return approvals
