from odoo import models


class MailNotification(models.Model):
    _inherit = "mail.notification"

    def write(self, vals):
        # EXTENDS 'mail': a bounce comes back to the row that sent the invoice
        result = super().write(vals)
        if vals.get("notification_status") == "bounce":
            # sudo: what became of a mail belongs to the system
            lines = self.env["invoice.send.line"].sudo()
            messages = self.sudo().mail_message_id
            lines.search([("message_id", "in", messages.ids)])._settle_if_answered()
        return result
