from odoo import fields, models

from .hr_employee import APPROVERS


class HrEmployeePublic(models.Model):
    """What managers see of consultants who do not read employees."""

    _inherit = "hr.employee.public"

    cra_report_count = fields.Integer(
        compute="_compute_cra_report_count",
        groups=APPROVERS,
        export_string_translation=False,
    )

    def _compute_cra_report_count(self):
        # A public employee has the id of the employee.
        counts = self.env["cra.report"]._count_by_consultant(self.ids)
        for employee in self:
            employee.cra_report_count = counts.get(employee._origin.id, 0)

    def action_view_cra_reports(self):
        """Open the activity reports with time of this consultant."""
        self.ensure_one()
        self.check_access("read")
        return self.env["cra.report"]._open_of_consultant(self.id)
