from odoo import fields, models


class CraRecall(models.TransientModel):
    """Take a report back that was sent."""

    _name = "cra.recall"
    _description = "Recall an Activity Report"

    report_id = fields.Many2one(
        comodel_name="cra.report",
        string="Activity Report",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    note = fields.Text(string="Message to the Customer")

    def action_recall(self):
        """Recall the report.

        :raise UserError: it was decided meanwhile
        """
        self.ensure_one()
        self.report_id._recall(self.note)
        return {"type": "ir.actions.act_window_close"}
