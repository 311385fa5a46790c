from odoo import api, models

from .cra_secret import hide_secrets


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    def _message_parse_extract_payload(
        self, message, message_dict, save_original=False
    ):
        # EXTENDS 'mail': answers and failure reports quote our mail, with the link that
        # is its reader's alone
        payload = super()._message_parse_extract_payload(
            message, message_dict, save_original=save_original
        )
        body = hide_secrets(payload["body"])
        if body != payload["body"]:
            payload["body"] = body
            payload["attachments"] = [
                attachment
                for attachment in payload["attachments"]
                if attachment[0] != "original_email.eml"  # would keep it
            ]
        return payload

    @api.model
    def _routing_handle_bounce(self, email_message, message_dict):
        # EXTENDS 'mail': one mail may ask for an answer to many reports. Core marks
        # the first of its messages, which all have the Message-Id of the mail.
        result = super()._routing_handle_bounce(email_message, message_dict)
        bounced = message_dict["bounced_message"]
        if bounced.model != "cra.report":
            return result
        # sudo: notifications belong to the mail system
        messages = self.env["mail.message"].sudo()
        messages = messages.search(
            [("message_id", "=", bounced.message_id), ("model", "=", "cra.report")]
        )
        marked = messages.notification_ids.filtered(
            lambda n: n.notification_status == "bounce"
        )[:1]
        if marked:
            (messages.notification_ids - marked).write(
                {
                    "notification_status": "bounce",
                    "failure_type": marked.failure_type,
                    "failure_reason": marked.failure_reason,
                }
            )
        self.env["cra.report"]._trigger_follow_up()
        return result
