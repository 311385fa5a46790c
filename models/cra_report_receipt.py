from odoo import api, models
from odoo.tools import groupby


class CraReport(models.Model):
    """What follows a decision: the document, the receipts, and word to our people."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _cron_make_decision_documents(self, batch_size=50):
        """Make the documents that show the decision, soon after it was taken.

        Then mail them: what was done is seen on the records, so that a run that is
        killed leaves nothing out and does nothing twice.
        """
        domain = [
            ("state", "in", ("approved", "refused")),
            ("signed_document_id", "=", False),
        ]
        reports = self.search(domain, limit=batch_size, order="decided_on, id")
        reports = reports.try_lock_for_update()
        reports.invalidate_recordset()
        reports = reports.filtered_domain(domain)
        names = {report: report._get_signed_file_name() for report in reports}
        attachments = self._attach(reports._render_documents(), names)
        for report, attachment in attachments.items():
            report.signed_document_id = attachment
        reports._tell_responsible_of_decision()
        more = self.env["cra.approval"]._send_receipts()
        self.env["ir.cron"]._commit_progress(
            len(reports), remaining=self.search_count(domain) + more
        )

    def _tell_responsible_of_decision(self):
        """Tell the responsible of agreements; of refusals they have an activity."""
        agreed = self.filtered(lambda report: report.state == "approved")
        for user, group in groupby(agreed, lambda report: report.user_id):
            if not user.active:
                continue
            reports = self.browse([r.id for r in group]).with_context(lang=user.lang)
            body = self.env["ir.qweb"]._render(
                "sale_timesheet_cra.mail_cra_decided", {"reports": reports}
            )
            subject = reports.env._("Agreed activity reports: %s", len(reports))
            if len(reports) == 1:
                subject = reports.env._("Agreed: %s", reports.display_name)
            thread = reports if len(reports) == 1 else self.env["mail.thread"]
            thread.message_notify(
                partner_ids=user.partner_id.ids, subject=subject, body=body
            )
