from odoo import api, fields, models
from odoo.tools import SQL

MAIL_STATES = [
    ("outgoing", "On Its Way"),
    ("delivered", "Accepted by the Mail Server"),
    ("failed", "Not Delivered"),
]


class CraApproval(models.Model):
    """What became of the mails to an approver.

    Read from Odoo's own notifications: of the request, and of all that was mailed to
    the approver on this report since. A mail server's yes is all that is known;
    openings are not recorded.
    """

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    mail_state = fields.Selection(
        selection=MAIL_STATES,
        string="Mail",
        readonly=True,
        help="Empty: not asked yet, or not asked anymore.",
    )
    mail_error = fields.Char(string="Why It Was Not Delivered", readonly=True)
    delivered_on = fields.Datetime(
        string="Mail Accepted on",
        readonly=True,
        help="When the mail server had accepted the request.",
    )

    # === ASKING === #

    def _send_requests(self):
        result = super()._send_requests()
        self.write({"mail_state": "outgoing", "mail_error": False})
        self.write({"delivered_on": False})
        self.report_id._update_clock()
        return result

    # === FOLLOWING === #

    @api.model
    def _get_to_follow(self):
        """Return the approvals whose mail may read differently in the notifications."""
        self.flush_model()
        self.env["mail.notification"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT approval.id
                  FROM cra_approval approval
                  JOIN cra_report report ON report.id = approval.report_id
                 WHERE report.state = 'sent'
                   AND (approval.state = 'pending' OR report.approval_mode = 'none')
                   AND (approval.mail_state IN ('outgoing', 'failed')
                        OR approval.mail_state = 'delivered' AND EXISTS (
                            SELECT
                              FROM mail_notification notification
                              JOIN mail_message message
                                ON message.id = notification.mail_message_id
                             WHERE notification.notification_status
                                   IN ('bounce', 'exception')
                               AND notification.notification_type = 'email'
                               AND notification.res_partner_id = approval.partner_id
                               AND message.model = 'cra.report'
                               AND message.res_id = approval.report_id
                               AND message.id >= approval.mail_message_id))
                 ORDER BY approval.id
                """
            )
        )
        return self.browse(row[0] for row in rows)

    def _follow_mails(self):
        """Take over what became of the mails; return the approvals that changed."""
        changed = self.browse()
        fates = self._read_fates()
        for approval in self:
            state, error = fates.get(approval.id, (approval.mail_state, False))
            if (state, error) == (approval.mail_state, approval.mail_error):
                continue
            approval.write({"mail_state": state, "mail_error": error})
            if state == "delivered":
                approval.delivered_on = fields.Datetime.now()
            changed |= approval
        return changed

    def _read_fates(self):
        """Return what Odoo's notifications say of the mails to these approvers.

        :return: dict id -> pair (key of ``MAIL_STATES``, why it failed or False)
        """
        if not self:
            return {}
        self.flush_model()
        self.env["mail.notification"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT approval.id, notification.id, notification.notification_status,
                       message.id = approval.mail_message_id
                  FROM cra_approval approval
                  JOIN mail_message message
                    ON message.model = 'cra.report'
                   AND message.res_id = approval.report_id
                   AND message.id >= approval.mail_message_id
                  JOIN mail_notification notification
                    ON notification.mail_message_id = message.id
                   AND notification.res_partner_id = approval.partner_id
                   AND notification.notification_type = 'email'
                 WHERE approval.id IN %s
                 ORDER BY message.id
                """,
                tuple(self.ids),
            )
        )
        fates = {}
        for approval_id, notification_id, status, is_request in rows:
            if status in ("bounce", "exception") or is_request and status == "canceled":
                error = self._get_mail_error(notification_id)
                fates[approval_id] = ("failed", error)
            elif is_request:
                accepted = status == "sent"
                fates[approval_id] = ("delivered" if accepted else "outgoing", False)
        return fates

    def _get_mail_error(self, notification_id):
        """Return in one line why a mail failed."""
        # sudo: notifications belong to the mail system
        notification = self.env["mail.notification"].sudo().browse(notification_id)
        if notification.notification_status == "canceled":
            return self.env._("The mail was cancelled before it left.")
        types = dict(
            notification._fields["failure_type"]._description_selection(self.env)
        )
        reason = notification.failure_reason or types.get(notification.failure_type)
        return " ".join((reason or self.env._("Unknown reason")).split())
