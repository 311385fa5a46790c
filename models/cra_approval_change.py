from odoo import models
from odoo.exceptions import UserError

from .cra_approval import OPEN_STATES


class CraApproval(models.Model):
    """Who is asked instead: same report, same version, another person."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    def _replace(self, partner):
        """Ask somebody else instead of this approver, whose link stops working.

        Somebody who is asked already is not mailed once more.

        :param partner: ``res.partner`` who is to agree
        :return: the approval of ``partner``
        :raise UserError: this approver is not asked anymore, or the other one cannot be
        """
        self.ensure_one()
        report = self.report_id
        report._lock()
        self.invalidate_recordset()
        self._check_replaceable(partner)
        self._revoke()
        others = report.approval_ids.filtered(lambda a: a.state in OPEN_STATES)
        approval = others.filtered(lambda a: a.partner_id == partner)
        if not approval:
            approval = self.create({"report_id": report.id, "partner_id": partner.id})
            approval._send_requests()
        report._update_clock()
        report._message_log(
            body=self.env._(
                "%(new)s is asked instead of %(old)s.",
                new=partner.display_name,
                old=self.partner_id.display_name,
            )
        )
        return approval

    def _check_replaceable(self, partner):
        """Refuse what cannot be asked.

        :raise UserError: names the report and the way out
        """
        report = self.report_id
        if report.state != "sent" or self.state not in OPEN_STATES:
            raise UserError(
                self.env._(
                    "%(report)s does not wait for an answer of %(approver)s anymore. "
                    "Reload the page to see what became of it.",
                    report=report.display_name,
                    approver=self.partner_id.display_name,
                )
            )
        if not partner or partner == self.partner_id:
            raise UserError(
                self.env._(
                    "Choose who is asked instead of %s.", self.partner_id.display_name
                )
            )
        report._check_can_be_asked(partner)
        decided = report.approval_ids.filtered("decided_on")
        if partner in decided.partner_id:
            raise UserError(
                self.env._(
                    "%(approver)s has already answered on %(report)s. Choose somebody "
                    "else.",
                    approver=partner.display_name,
                    report=report.display_name,
                )
            )

    def _revoke(self):
        """Make the links of these approvals useless, for showing as well."""
        for approval in self:
            approval.write(
                {
                    "state": "void",
                    "token_serial": approval.token_serial + 1,
                    # What is still in the queue is about them no more.
                    "message_reference": False,
                    "mail_state": False,
                }
            )
