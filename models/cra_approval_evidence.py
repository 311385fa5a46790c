from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain

#: Personal data that an answer leaves beside the decision.
TRACES = frozenset(("ip_address", "user_agent"))
#: What is learned about a decision later on.
AFTERWARDS = frozenset(("notice_reference",))


class CraApproval(models.Model):
    """How long evidence is kept: decisions for good, traces as the company says."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    def _may_change_decided(self, vals):
        """Tell whether values may be written although the decision is evidence.

        Traces may be erased once their time is over, and never be replaced.
        """
        self.ensure_one()
        if vals.keys() <= AFTERWARDS:
            return True
        end = self._get_end_of_traces(self.company_id)
        return (
            vals.keys() <= TRACES
            and not any(vals.values())
            and bool(end)
            and self.decided_on < end
        )

    @api.model
    def _get_end_of_traces(self, company):
        """Return before when answers leave no traces, None if they are kept."""
        months = company.sudo().cra_retention_months
        return fields.Datetime.now() - relativedelta(months=months) if months else None

    @api.model
    def _cron_erase_traces(self, batch_size=1000):
        """Erase IP addresses and browsers of answers that are old enough."""
        companies = self.env["res.company"].search([("cra_retention_months", ">", 0)])
        for company in companies:
            domain = (
                Domain("report_id.company_id", "=", company.id)
                & Domain("decided_on", "<", self._get_end_of_traces(company))
                & Domain.OR(Domain(name, "!=", False) for name in TRACES)
            )
            old = self.search(domain, limit=batch_size)
            old.write(dict.fromkeys(TRACES, False))
            self.env["ir.cron"]._commit_progress(
                len(old), remaining=len(old) == batch_size
            )
