from odoo import models
from odoo.exceptions import UserError


class CraReport(models.Model):
    """What people do about a report that is not answered: remind, send again."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    # === ACTION METHODS === #

    def action_remind(self):
        """Remind the approvers of the selected reports who have not answered.

        :raise UserError: there is nobody to remind
        """
        self.check_access("write")
        # sudo: users write neither approvals nor mails themselves
        reports = self.sudo()
        reports._lock()
        reminded = reports.approval_ids._remind()
        if not reminded:
            raise UserError(
                self.env._(
                    "There is nobody to remind: only approvers who got the mail, have "
                    "not answered and were not reminded today are."
                )
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "Reminded: %s", ", ".join(reminded.partner_id.mapped("name"))
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def action_change_approver(self):
        """Ask who is to answer instead of an approver.

        :raise UserError: the report waits for no answer
        """
        self.ensure_one()
        self.check_access("write")
        if self.state != "sent" or self.approval_mode == "none":
            raise UserError(
                self.env._(
                    "%s does not wait for the customer's agreement.", self.display_name
                )
            )
        return self._get_dialog_action(
            "cra.change.approver", self.env._("Change Approver")
        )

    def action_send_again(self):
        """Mail the selected reports once more to whom they were not delivered.

        :raise UserError: there is nothing to send again, or still no address
        """
        self.check_access("write")
        # sudo: users write neither approvals nor mails themselves
        reports = self.sudo()
        reports._lock()
        failed = reports._get_asked().filtered(lambda a: a.mail_state == "failed")
        if not failed:
            raise UserError(
                self.env._(
                    "There is nothing to send again: no mail of %s has failed.",
                    ", ".join(reports.mapped("display_name")),
                )
            )
        for approval in failed:
            approval.report_id._check_can_be_asked(approval.partner_id)
        failed._send_requests()
        return True
