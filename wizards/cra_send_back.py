from odoo import fields, models
from odoo.exceptions import UserError


class CraSendBack(models.TransientModel):
    """Send a report in review back to draft, with a remark."""

    _name = "cra.send.back"
    _description = "Send an Activity Report Back"

    report_id = fields.Many2one(
        comodel_name="cra.report",
        string="Activity Report",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    remark = fields.Text(required=True)

    def action_send_back(self):
        """Send the report back.

        :raise UserError: there is no remark, or the report is not in review
        """
        self.ensure_one()
        if not self.remark.strip():
            raise UserError(
                self.env._(
                    "Say what is wrong with %s, so that it can be mended.",
                    self.report_id.display_name,
                )
            )
        self.report_id._send_back(self.remark)
        return {"type": "ir.actions.act_window_close"}
