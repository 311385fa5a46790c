from odoo import models

from .cra_evidence_pack import format_moment


class CraApproval(models.Model):
    """What the log in the pack tells of each approver."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    def _get_log_head(self):
        names = ("partner_id", "asked_address", "mail_message_id", "message_reference")
        names += ("delivered_on", "reminded_on", "state", "decided_on", "signed_by")
        names += ("comment", "signature", "digest", "digest_version", "ip_address")
        names += ("user_agent", "notice_reference")
        return [self._fields[name]._description_string(self.env) for name in names]

    def _get_log_row(self, signature):
        """Return the row of the log.

        :param str signature: name of the file with the signature
        """
        states = dict(self._fields["state"]._description_selection(self.env))
        return [
            self.partner_id.display_name,
            self.asked_address,
            format_moment(self.mail_message_id.date),
            self.message_reference,
            format_moment(self.delivered_on),
            self.reminded_on and self.reminded_on.isoformat(),
            states[self.state],
            format_moment(self.decided_on),
            self.signed_by,
            self.comment,
            signature,
            self.digest,
            self.digest_version,
            self.ip_address,
            self.user_agent,
            self.notice_reference,
        ]
