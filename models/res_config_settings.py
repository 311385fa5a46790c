from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.tools import format_date, formatLang


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    cra_policy_id = fields.Many2one(related="company_id.cra_policy_id", readonly=False)
    cra_start_date = fields.Date(related="company_id.cra_start_date", readonly=False)
    cra_retention_months = fields.Integer(
        related="company_id.cra_retention_months", readonly=False
    )
    cra_has_policy = fields.Boolean(
        compute="_compute_cra_hint", export_string_translation=False
    )
    cra_hint = fields.Text(compute="_compute_cra_hint", export_string_translation=False)
    cra_day_hint = fields.Char(
        compute="_compute_cra_day_hint", export_string_translation=False
    )
    annex_template_ids = fields.Many2many(
        related="company_id.annex_template_ids",
        readonly=False,
    )
    invoice_mail_template_id = fields.Many2one(
        related="company_id.invoice_mail_template_id", readonly=False
    )
    credit_note_mail_template_id = fields.Many2one(
        related="company_id.credit_note_mail_template_id", readonly=False
    )
    invoice_mail_server_id = fields.Many2one(
        related="company_id.invoice_mail_server_id", readonly=False
    )
    invoice_document_kinds = fields.Many2many(
        related="company_id.invoice_document_kinds", readonly=False
    )
    invoice_terms_file_ids = fields.Many2many(
        related="company_id.invoice_terms_file_ids", readonly=False
    )
    invoice_cc_partner_ids = fields.Many2many(
        related="company_id.invoice_cc_partner_ids", readonly=False
    )

    # === COMPUTE METHODS === #

    @api.depends("cra_policy_id", "cra_start_date")
    def _compute_cra_hint(self):
        has_policy = self.env["cra.policy"]._is_used()
        for settings in self:
            settings.cra_has_policy = has_policy
            settings.cra_hint = settings._get_cra_hint(has_policy)

    def _get_cra_hint(self, has_policy):
        """Return what the chosen policy and start date lead to, in words."""
        policy = self.cra_policy_id
        if not has_policy:
            return self.env._(
                "1. Create a policy: it says what customers are told, who agrees, and "
                "when reports leave. 2. Choose it here, or on a customer or project to "
                "begin with one. 3. Enter the day from which on time is reported, such "
                "as the first day of next month. Until then nothing happens."
            )
        if not policy:
            return self.env._(
                "Only customers and projects with a policy of their own are reported "
                "to."
            )
        start = policy.start_date or self.cra_start_date
        if not start:
            return self.env._("Nothing happens yet: enter a start date.")
        begins = self.env._(
            "Time from %s on is reported.",
            format_date(self.env, start, date_format="full"),
        )
        _month, sentences = policy._get_preview(self.company_id, start, True)
        return "\n".join([begins, *sentences])

    @api.depends_context("lang")
    def _compute_cra_day_hint(self):
        day = self.env.ref("uom.product_uom_day")
        hours = day._compute_quantity(1.0, self.env.ref("uom.product_uom_hour"))
        self.cra_day_hint = self.env._(
            "A day has %s hours, in activity reports and annexes as on invoices.",
            formatLang(self.env, hours, digits=2).rstrip("0").rstrip(".,"),
        )

    @api.onchange("cra_policy_id")
    def _onchange_cra_policy_id(self):
        """Propose a start date with the first policy: the first day of next month."""
        has_start = self.cra_start_date or self.cra_policy_id.start_date
        if self.cra_policy_id and not has_start:
            today = self.company_id._get_cra_today()
            self.cra_start_date = today + relativedelta(months=1, day=1)

    # === ACTION METHODS === #

    def action_open_day_unit(self):
        """Open the unit that says how many hours a day has."""
        self.check_access("create")
        return self.env.ref("uom.product_uom_day")._get_records_action()
