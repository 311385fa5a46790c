from odoo import fields, models


class CraApproval(models.Model):
    """Reminders of approvers who have not answered."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    reminded_on = fields.Date(
        readonly=True, help="Day of the last reminder, where the company is."
    )

    def _remind(self):
        """Remind these approvers: one mail each, with their own link.

        Whoever has answered, was reminded today or got no mail at all is left out. The
        reports have to be locked.

        :return: the approvals whose approvers are reminded
        """
        to_remind = self.filtered(
            lambda a: (
                a.state == "pending"
                and a.report_id.state == "sent"
                and a.mail_state == "delivered"
                and a.reminded_on != a.company_id._get_cra_today()
            )
        )
        if to_remind:
            template = self.env.ref(
                "sale_timesheet_cra.mail_template_cra_approval_reminder"
            )
            to_remind._queue_mails(
                lambda bundle: template,
                lambda approval: self.env._("%s is reminded.", approval._get_address()),
            )
        for company, approvals in to_remind.grouped("company_id").items():
            approvals.write({"reminded_on": company._get_cra_today()})
        return to_remind
