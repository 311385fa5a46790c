from odoo import fields, models


class CraReport(models.Model):
    """Questions of customers: while one is open, silence means nothing."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    def _message_post_after_hook(self, message, msg_values):
        # EXTENDS 'mail'
        result = super()._message_post_after_hook(message, msg_values)
        # sudo: whoever writes, the clock is the report's
        report = self.sudo()
        if report.state == "sent" and message.message_type in ("comment", "email"):
            report._note_message(message.sudo())
        return result

    def _note_message(self, message):
        """Stop the clock at a customer's message; let our answer start it again.

        :param message: ``mail.message``, posted just now
        """
        if self._is_from_customer(message.author_id):
            if not self.question_on:
                self.question_on = fields.Datetime.now()
        elif self.question_on and self._is_read_by_customer(message):
            self.question_on = False
        self._update_clock()

    def _is_from_customer(self, author):
        """Tell whether a person writes for the customer, not for us."""
        if any(user._is_internal() for user in author.user_ids):
            return False
        return (
            bool(author)
            and author.commercial_partner_id == self.partner_id.commercial_partner_id
        ) or author in self.approval_ids.partner_id

    def _is_read_by_customer(self, message):
        """Tell whether a message is one that customers read, and not a note."""
        return (
            bool(message.author_id.user_ids)
            and not message.is_internal
            and not message.subtype_id.internal
        )
