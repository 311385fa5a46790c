import pytz

from odoo import api, fields, models
from odoo.exceptions import UserError

from .cra_report import ACTIVITY_TYPE, WORKING_STATES


class CraReport(models.Model):
    """Drafts that the customer is not to get: cancelled, until somebody wants them.

    Nothing makes or sends them by itself any more. Their time is free for other
    reports, and on the preflight list.
    """

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    # === ACTION METHODS === #

    def action_cancel(self):
        """Decide that the customer does not get these drafts.

        :raise UserError: a report was sent, or is cancelled already
        """
        self.check_access("write")
        # sudo: users do not write the state themselves
        reports = self.sudo()
        reports._lock()
        for report in reports:
            if report.state not in WORKING_STATES:
                raise UserError(self.env._("%s is not a draft.", report.display_name))
        reports.write({"state": "cancelled", "auto_state": False, "auto_reason": False})
        reports.activity_unlink([ACTIVITY_TYPE])
        reports._update_hold()

    def action_draft(self):
        """Take cancelled drafts up again, in line with the timesheets.

        :raise UserError: a report was sent
        """
        self.check_access("write")
        # sudo: users do not write the state themselves
        reports = self.sudo()
        reports._lock()
        reports.write({"state": "draft", "review_step": False})
        reports._refresh()
        reports._update_hold()

    # === CRUD METHODS === #

    def _check_write(self, vals):
        for report in self:
            if vals.get("state") == "draft" and report.sent_on:
                raise UserError(
                    self.env._(
                        "%s was sent to the customer once. Choose Generate Activity "
                        "Reports to make another one.",
                        report.display_name,
                    )
                )
        return super()._check_write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_made_again(self):
        for report in self.sudo():
            if report._comes_back():
                raise UserError(
                    self.env._(
                        "%(report)s would come back, as policy %(policy)s makes and "
                        "sends reports by itself. Choose Cancel instead, and keep the "
                        "cancelled report.",
                        report=report.display_name,
                        policy=report.policy_id.name,
                    )
                )

    def _comes_back(self):
        """Tell whether this report, once deleted, is made again by itself."""
        self.ensure_one()
        start = self.policy_id._get_start_date(self.company_id)
        if self.policy_id.send_mode != "auto" or not start or not self.line_ids:
            return False
        if self.sent_on or self.previous_id:
            return False
        schedule = self.policy_id._get_schedule(self.company_id, start)
        bounds = (self.date_from, self.date_to)
        now = pytz.utc.localize(fields.Datetime.now())
        if schedule.get_moment(*bounds) <= now and not schedule.is_due(*bounds, now):
            return False
        return not schedule.is_too_late(*bounds, now)
