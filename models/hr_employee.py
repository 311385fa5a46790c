from odoo import fields, models

APPROVERS = "hr_timesheet.group_hr_timesheet_approver"


class HrEmployee(models.Model):
    _inherit = "hr.employee"

    cra_report_count = fields.Integer(
        compute="_compute_cra_report_count",
        groups=APPROVERS,
        export_string_translation=False,
    )

    def _compute_cra_report_count(self):
        counts = self.env["cra.report"]._count_by_consultant(self.ids)
        for employee in self:
            employee.cra_report_count = counts.get(employee._origin.id, 0)

    def action_view_cra_reports(self):
        """Open the activity reports with time of this consultant."""
        self.ensure_one()
        self.check_access("read")
        return self.env["cra.report"]._open_of_consultant(self.id)
