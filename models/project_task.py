from odoo import models
from odoo.fields import Domain


class ProjectTask(models.Model):
    _inherit = "project.task"

    def write(self, vals):
        result = super().write(vals)
        # They decide on the customer of the task's time, and so on its policy.
        if {"partner_id", "sale_line_id", "project_id"} & vals.keys():
            timesheets = self.env["account.analytic.line"]
            timesheets._cra_update_hold(Domain("task_id", "in", self.ids))
        return result
