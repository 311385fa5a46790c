from odoo import api, models

from ..models.cra_approval import OPEN_STATES


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        # EXTENDS 'base': core deletes what it cannot move. Nobody is asked twice about
        # the same report, so that nothing stands in the way of moving the evidence.
        # sudo: who may merge contacts may not read approvals
        approvals = self.env["cra.approval"].sudo()
        approvals = approvals.search(
            [
                ("partner_id", "in", (src_partners | dst_partner).ids),
                ("state", "in", OPEN_STATES),
            ]
        )
        for report, asked in approvals.grouped("report_id").items():
            kept = asked.filtered(lambda a: a.partner_id == dst_partner) or asked
            (asked - kept[:1])._revoke()
            report._update_clock()
        approvals.flush_model()
        return super()._update_foreign_keys(src_partners, dst_partner)
