from odoo import models


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _postprocess_sent_message(
        self, success_pids, success_emails, failure_reason=False, failure_type=None
    ):
        # EXTENDS 'mail': whoever sent an invoice, its flag follows its mails. Core
        # deletes mails here, so find their invoices first.
        invoices = self._get_mailed_invoices()
        result = super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason, failure_type
        )
        invoices._correct_is_move_sent()
        return result

    def _get_mailed_invoices(self):
        """Return the invoices that these mails carry to their customers."""
        # sudo: mails belong to the system, and so does the flag
        candidates = self.sudo().filtered(lambda mail: mail.model == "account.move")
        if not candidates:
            return self.env["account.move"].sudo()
        layout = self.env["account.move.send"]._get_mail_layout()
        mails = candidates.filtered(lambda mail: mail.email_layout_xmlid == layout)
        return self.env["account.move"].sudo().browse(mails.mapped("res_id")).exists()
