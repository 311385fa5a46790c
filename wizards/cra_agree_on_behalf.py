import base64

from odoo import fields, models


class CraAgreeOnBehalf(models.TransientModel):
    """Record that the customer has agreed on paper."""

    _name = "cra.agree.on.behalf"
    _description = "Agree to an Activity Report on Behalf of the Customer"

    report_id = fields.Many2one(
        comodel_name="cra.report",
        string="Activity Report",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    signed_by = fields.Char(required=True)
    signed_on = fields.Date(required=True, default=fields.Date.context_today)
    paper = fields.Binary(string="Signed Paper", required=True, attachment=False)
    paper_name = fields.Char()

    def action_agree(self):
        """Record the agreement with its evidence.

        :raise AccessError: the user may not
        :raise UserError: the report was decided meanwhile
        """
        self.ensure_one()
        self.report_id._agree_on_behalf(
            self.signed_by,
            self.signed_on,
            base64.b64decode(self.paper or b""),
            self.paper_name,
        )
        return {"type": "ir.actions.act_window_close"}
