import logging

from odoo import api, fields, models
from odoo.tools import split_every

from ..models.cra_period import period_label
from ..models.cra_report_month_end import BUSY_ERRORS
from .cra_generate_make import BATCH_SIZE

_logger = logging.getLogger(__name__)


class CraGenerate(models.TransientModel):
    """Making many reports in the background, with their progress shown."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.generate"  # pylint: disable=consider-merging-classes-inherited

    # What is made in the background outlives the dialog that asked for it.
    _transient_max_hours = 7 * 24.0

    run_state = fields.Selection(
        string="Generation",
        selection=[
            ("running", "Being Made"),
            ("done", "Made"),
            ("failed", "Stopped"),
        ],
        readonly=True,
        copy=False,
    )
    total_count = fields.Integer(string="Reports to Make", readonly=True, copy=False)
    done_count = fields.Integer(string="Reports Made", readonly=True, copy=False)
    progress = fields.Float(
        compute="_compute_progress", export_string_translation=False
    )
    error = fields.Char(readonly=True, copy=False)

    # === COMPUTE METHODS === #

    @api.depends("total_count", "done_count")
    def _compute_progress(self):
        for wizard in self:
            total = wizard.total_count
            wizard.progress = 100.0 * wizard.done_count / total if total else 0.0

    # === ACTION METHODS === #

    def action_show_progress(self):
        """Show how far the background is."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Generate Activity Reports"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def action_open_reports(self):
        """Open the reports of the period."""
        self.ensure_one()
        return self._open_reports(list(self._get_report_domain()))

    # === BUSINESS METHODS === #

    def _start_in_background(self, count):
        """Let the cron make the reports, and show its progress.

        :param int count: reports there are to make
        """
        self.write(
            {
                "run_state": "running",
                "total_count": count,
                "done_count": 0,
                "error": False,
            }
        )
        self.env.ref("sale_timesheet_cra.ir_cron_cra_generate")._trigger()
        return self.action_show_progress()

    @api.model
    def _cron_generate(self):
        """Make the reports that were asked for, batch by batch.

        Each batch is committed. What is made already is found again, so that it goes
        on after a crash where it was.
        """
        for run in self.search([("run_state", "=", "running")], order="id"):
            try:
                if not run._make_in_background():
                    break
            except BUSY_ERRORS as error:
                _logger.info("Reports are left to the next run: %s", error)
                self.env.cr.rollback()
            except Exception as error:  # no other run may wait for this one
                self.env.cr.rollback()
                reports = run._as_asked().env["cra.report"]
                run._stop(reports._get_failure(error))
                self.env["ir.cron"]._commit_progress()

    def _make_in_background(self):
        """Make batches until the time is over.

        :return: whether there is time left
        """
        self.ensure_one()
        ir_cron = self.env["ir.cron"]
        wizard = self._as_asked()
        candidates = wizard._collect_makeable()
        due = [candidate for candidate in candidates if candidate.is_due]
        left = len(due)
        time_left = ir_cron._commit_progress(remaining=left)
        for batch in split_every(BATCH_SIZE, due, list):
            wizard._make_drafts(batch)
            left -= len(batch)
            self.write(
                {"total_count": len(candidates), "done_count": len(candidates) - left}
            )
            time_left = ir_cron._commit_progress(len(batch), remaining=left)
            # Bounds memory: nothing of a batch is needed by the next.
            self.env["cra.report"].invalidate_model()
            if left and not time_left:
                return False
        self.write({"run_state": "done", "done_count": len(candidates)})
        wizard._tell_made()
        ir_cron._commit_progress()
        return bool(time_left)

    def _as_asked(self):
        """Return this run with the rights and the language of who asked for it."""
        user = self.create_uid
        companies = {"allowed_company_ids": self.company_id.ids}
        return self.with_user(user).with_context(
            lang=user.lang, tz=user.tz, **companies
        )

    def _tell_made(self):
        """Tell who asked that the reports are made, with a button that opens them."""
        period = period_label(self.env, self.date_from, self.date_to)
        reports = self.env["cra.report"].search(self._get_draft_domain())
        self.create_uid._bus_send(
            "account_notification",
            {
                "type": "success",
                "sticky": True,
                "title": self.env._("Activity reports of %s", period),
                "message": self.env._("Made or refreshed: %s", self.done_count),
                "action_button": {
                    "name": self.env._("Open"),
                    "action_name": self.env._("Activity Reports"),
                    "model": "cra.report",
                    "res_ids": reports.ids,
                },
            },
        )

    def _stop(self, reason):
        """Note why the run cannot go on, and tell who asked for it.

        :param str reason: what happened and what to do
        """
        self.ensure_one()
        self.write({"run_state": "failed", "error": reason})
        title = self._as_asked().env._("Activity reports are not made")
        self.create_uid._bus_send(
            "simple_notification",
            {"type": "danger", "sticky": True, "title": title, "message": reason},
        )
