import logging
from datetime import timedelta

from odoo import api, fields, models

from .cra_report import CURRENT_STATES

_logger = logging.getLogger(__name__)

#: A report is looked at once in this time.
CHECK_EVERY = timedelta(hours=20)


class CraReport(models.Model):
    """The nightly control of everything that is in force."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    checked_on = fields.Datetime(
        string="Last Checked on",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="When content, documents and timesheets were last compared with what "
        "was sent.",
    )

    _unchecked_idx = models.Index(
        "(checked_on) WHERE state IN ('sent', 'approved', 'refused')"
    )

    @api.model
    def _cron_control(self, batch_size=200):
        """Look for drift in all reports in force, and at what is held."""
        domain = [
            ("state", "in", CURRENT_STATES),
            "|",
            ("checked_on", "=", False),
            ("checked_on", "<", fields.Datetime.now() - CHECK_EVERY),
        ]
        ir_cron = self.env["ir.cron"]
        ir_cron._commit_progress(remaining=self.search_count(domain) + 1)
        while reports := self.search(domain, limit=batch_size, order="id"):
            reports._control()
            left = self.search_count(domain)
            if not ir_cron._commit_progress(len(reports), remaining=left + 1):
                return
        # What followed no change that Odoo knows of: contacts that got another parent,
        # customers of orders, imports.
        self.env["account.analytic.line"]._cra_update_hold()
        ir_cron._commit_progress(1, remaining=0)

    def _control(self):
        """Check these reports; one that cannot be checked stops no other."""
        try:
            with self.env.cr.savepoint():
                self._find_drift()
        except Exception:
            if len(self) > 1:
                for report in self:
                    report._control()
                return
            _logger.exception("Activity report %s cannot be checked", self.id)
        self.write({"checked_on": fields.Datetime.now()})
