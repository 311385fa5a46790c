from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .cra_report import WORKING_STATES


class CraReport(models.Model):
    """Reports that were sent and are taken back: customers told, time free."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    recall_note = fields.Text(
        string="Why It Was Recalled",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="As the customer was told.",
    )

    # === ACTION METHODS === #

    def action_recall(self):
        """Ask what the customer is told when this report is taken back."""
        self.ensure_one()
        self.check_access("write")
        self._check_recallable()
        return self._get_dialog_action("cra.recall", self.env._("Recall"))

    def _get_dialog_action(self, model, name):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": model,
            "view_mode": "form",
            "target": "new",
            "context": {"default_report_id": self.id},
        }

    # === BUSINESS METHODS === #

    def _check_recallable(self):
        """Refuse what is not with the customer, or is being corrected.

        :raise UserError: names the report and the way out
        """
        # sudo: whoever recalls, the newer version counts
        report = self.sudo()
        if report.state not in ("sent", "refused"):
            raise UserError(
                self.env._(
                    "%s cannot be recalled: only what was sent and is not agreed to "
                    "can. Choose Correct to replace what was agreed to.",
                    report.display_name,
                )
            )
        timesheets = report.line_ids.timesheet_id
        invoiced = timesheets.filtered(lambda line: not line._is_free_of_invoice())
        if invoiced:
            raise UserError(
                self.env._(
                    "%(report)s cannot be recalled: time on it is on invoice "
                    "%(invoice)s. Choose Correct to change the report, or credit or "
                    "cancel the invoice first.",
                    report=report.display_name,
                    invoice=invoiced[0].timesheet_invoice_id.display_name,
                )
            )
        working = report.next_ids.filtered(lambda r: r.state in WORKING_STATES)
        if working:
            raise UserError(
                self.env._(
                    "%(report)s is being corrected. Send version %(version)s, or "
                    "cancel it first.",
                    report=report.display_name,
                    version=working.version,
                )
            )

    def _recall(self, note=""):
        """Take this report back: its links are dead, its time is free.

        :param str note: what the approvers read about it, may be empty
        :raise UserError: it cannot be recalled
        """
        self.ensure_one()
        self.check_access("write")
        report = self.sudo()  # sudo: users write neither states nor approvals
        report._lock()
        report._check_recallable()
        report.write({"state": "cancelled", "recall_note": (note or "").strip()})
        asked = report.approval_ids.filtered("message_reference")
        report.approval_ids.filtered(lambda a: not a.decided_on)._revoke()
        asked._tell_recall()
        report._free_timesheets()

    def _free_timesheets(self):
        """Let other reports cover the time of this one."""
        timesheets = self.line_ids.timesheet_id
        timesheets.flush_recordset(["cra_line_id"])
        self.env.execute_query(
            SQL(
                "UPDATE account_analytic_line SET cra_line_id = NULL "
                "WHERE cra_line_id IN %s RETURNING id",
                tuple(self.line_ids.ids),
            )
        )
        timesheets.invalidate_recordset(["cra_line_id"])
        timesheets._cra_update_hold_of_lines()
