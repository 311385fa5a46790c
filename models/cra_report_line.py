from odoo import api, fields, models
from odoo.exceptions import UserError


class CraReportLine(models.Model):
    """One piece of time as the customer reads it.

    A copy, so that what was agreed to stays readable whatever happens to the
    timesheet, and so that nothing internal is within the customer's reach.
    """

    _name = "cra.report.line"
    _description = "Activity Report Line"
    _order = "date, id"

    report_id = fields.Many2one(
        comodel_name="cra.report",
        required=True,
        index=True,
        ondelete="cascade",
    )
    timesheet_id = fields.Many2one(
        comodel_name="account.analytic.line",
        index="btree_not_null",
        ondelete="set null",
        readonly=True,
    )
    date = fields.Date(required=True, readonly=True)
    employee_label = fields.Char(string="Consultant", readonly=True)
    project_label = fields.Char(string="Project", readonly=True)
    task_label = fields.Char(string="Task", readonly=True)
    description = fields.Char(
        help="What the customer reads. The text of the timesheet stays as it is."
    )
    description_edited = fields.Boolean(export_string_translation=False)
    unit_amount = fields.Float(string="Hours", readonly=True)
    remark = fields.Char(string="Customer's Remark", readonly=True)
    previous_remark = fields.Char(
        compute="_compute_previous_remark",
        string="Remark on the Version Before",
    )
    source = fields.Json(
        readonly=True,
        copy=False,
        help="Employee, task and order line of the timesheet when it was sent, by id.",
    )
    agreed_report_id = fields.Many2one(
        comodel_name="cra.report",
        string="Agreed in Version",
        index="btree_not_null",
        ondelete="restrict",
        readonly=True,
        help="Version in which the customer agreed to this line as it is. "
        "It keeps that agreement, whatever becomes of the other lines.",
    )

    _timesheet_uniq = models.UniqueIndex(
        "(report_id, timesheet_id)",
        "This time is on the activity report already.",
    )

    # === COMPUTE METHODS === #

    @api.depends("timesheet_id", "report_id.previous_id.line_ids.remark")
    def _compute_previous_remark(self):
        remarks = {
            (line.report_id, line.timesheet_id): line.remark
            for line in self.report_id.previous_id.line_ids
            if line.remark and line.timesheet_id
        }
        for line in self:
            key = (line.report_id.previous_id, line.timesheet_id)
            line.previous_remark = remarks.get(key)

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._check_not_sent(lines.report_id)
        return lines

    def write(self, vals):
        self._check_editable(vals)
        if vals.get("report_id"):
            self._check_not_sent(self.report_id.browse(vals["report_id"]))
        if "description" in vals:
            vals = {**vals, "description_edited": True}
        result = super().write(vals)
        if "description" in vals:
            # sudo: what was confirmed reads differently now, whoever edited it
            self.report_id.sudo()._take_back_confirmation()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        if self.report_id.filtered("sent_on"):
            raise UserError(
                self.env._(
                    "A line that was sent to the customer is evidence: it stays."
                )
            )

    def _get_agreed_report(self):
        """Return the version in which the customer agreed to this line, if any."""
        self.ensure_one()
        if self.report_id.state == "approved":
            return self.report_id
        if self.report_id.state == "refused" and self.remark:
            return self.report_id.browse()
        return self.agreed_report_id

    def _check_editable(self, vals):
        """Let users edit descriptions of drafts, and the customer remark what was sent.

        :raise UserError: the line was sent, or the field is a copy of the timesheet
        """
        sent = self.report_id.filtered("sent_on")
        remarked = self.env.su and set(vals) == {"remark"}
        if not (remarked and set(sent.mapped("state")) == {"sent"}):
            self._check_not_sent(sent)
        if not self.env.su and set(vals) != {"description"}:
            raise UserError(
                self.env._(
                    "Only the description can be edited here. "
                    "Change the timesheet, then refresh the activity report."
                )
            )

    def _check_not_sent(self, reports):
        """Refuse other lines on reports that were sent, for everyone.

        :raise UserError: names the report and the way out
        """
        for report in reports.filtered("sent_on"):
            raise UserError(
                self.env._(
                    "%(report)s was sent to the customer: its lines stay as they are. "
                    "Choose Correct on the report to make a new version.",
                    report=report.display_name,
                )
            )
