from odoo import api, fields, models

MODULE = "sale_timesheet_cra"


class BaseModuleUninstall(models.TransientModel):
    _inherit = "base.module.uninstall"

    cra_warning = fields.Text(
        compute="_compute_cra_warning", export_string_translation=False
    )

    # === COMPUTE METHODS === #

    @api.depends("module_ids")
    def _compute_cra_warning(self):
        # sudo: who uninstalls may not read the reports; only their number is told
        reports = self.env["cra.report"].sudo()
        sent = reports.search_count([("sent_on", "!=", False)])
        agreed = reports.search_count([("approval_kind", "!=", False)])
        for wizard in self:
            wizard.cra_warning = False
            if sent and MODULE in wizard._get_modules().mapped("name"):
                wizard.cra_warning = self.env._(
                    "%(sent)s activity reports were sent to customers, who agreed to "
                    "%(agreed)s of them. This deletes them for good, with their "
                    "documents, signatures and mails. Save their evidence first: a "
                    "timesheet administrator opens them, selects them and chooses "
                    "Evidence Pack.",
                    sent=sent,
                    agreed=agreed,
                )

    # === ACTION METHODS === #

    def action_view_cra_evidence(self):
        """Open the reports whose evidence is lost."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "sale_timesheet_cra.cra_report_action"
        )
        domain = [("sent_on", "!=", False)]
        return {**action, "domain": domain, "context": {}, "target": "main"}
