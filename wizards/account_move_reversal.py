from odoo import models


class AccountMoveReversal(models.TransientModel):
    _inherit = "account.move.reversal"

    def reverse_moves(self, is_modify=False):
        # EXTENDS 'sale_timesheet', which frees the time of invoices that are redone:
        # the new invoices bill it
        originals = self.move_ids if is_modify else self.move_ids.browse()
        lines = originals._get_cra_lines()
        billed = [
            move.sudo().timesheet_ids.filtered(lambda t: t.so_line in lines)
            for move in originals
        ]
        action = super().reverse_moves(is_modify)
        if lines:
            copies = self.new_move_ids.sorted("id")
            for timesheets, copy in zip(billed, copies, strict=True):
                timesheets.write({"timesheet_invoice_id": copy.id})
            lines._settle_cra_time()
        return action
