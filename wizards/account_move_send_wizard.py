from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime


class AccountMoveSendWizard(models.TransientModel):
    """Core's dialog for one invoice, which asks before it sends one twice."""

    _inherit = "account.move.send.wizard"

    sendings_seen = fields.Integer(
        compute="_compute_sendings_seen",
        store=True,
        readonly=False,
        precompute=True,
        export_string_translation=False,
    )

    @api.depends("move_id")
    def _compute_sendings_seen(self):
        for wizard in self:
            # An invoice is not chosen twice in one dialog.
            wizard.sendings_seen = wizard.move_id._get_sending_number()

    def action_send_and_print(self, allow_fallback_pdf=False):
        # EXTENDS 'account'
        self.ensure_one()
        if self.sendings_seen != self.move_id._get_sending_number():
            raise UserError(self._get_sent_meanwhile_message())
        return super().action_send_and_print(allow_fallback_pdf=allow_fallback_pdf)

    def _get_sent_meanwhile_message(self):
        # sudo: whoever may send the invoice may know who sent it
        line = self.move_id.sudo()._get_last_send_line()
        return self.env._(
            "%(user)s sent %(invoice)s while this dialog was open. To send it once "
            "more all the same, close the dialog and open it again.",
            user=line.user_id.name,
            invoice=self.move_id.name,
        )

    @api.model
    def _get_alerts(self, moves, moves_data):
        # EXTENDS 'account'
        alerts = super()._get_alerts(moves, moves_data)
        for move in moves.filtered("is_move_sent"):
            # sudo: whoever may send the invoice may know who sent it
            line = move.sudo()._get_last_send_line()
            alerts["already_sent"] = {
                "level": "warning",
                "message": self.env._(
                    "%(user)s sent this invoice on %(date)s. Send it once more?",
                    user=line.user_id.name,
                    date=format_datetime(self.env, line.sent_on),
                )
                if line.sent_on
                else self.env._("This invoice was already sent. Send it once more?"),
            }
        return alerts
