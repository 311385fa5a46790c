import base64

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.pdf import merge_pdf

from .annex_plan import plan_annexes

READERS = "account.group_account_invoice,account.group_account_readonly"


class AccountMove(models.Model):
    _inherit = "account.move"

    annex_ids = fields.One2many(
        comodel_name="invoice.annex",
        inverse_name="move_id",
        string="Annexes",
        readonly=True,
        copy=False,
        groups=READERS,
    )
    annexes_in_use = fields.Boolean(
        compute="_compute_annexes_in_use",
        groups=READERS,
        export_string_translation=False,
    )
    annex_preview = fields.Binary(
        compute="_compute_annex_preview",
        groups=READERS,
        export_string_translation=False,
    )

    # === COMPUTE METHODS === #
    @api.depends("move_type")
    def _compute_annexes_in_use(self):
        in_use = self.env["invoice.annex"]._is_in_use()
        for move in self:
            move.annexes_in_use = in_use and move.is_sale_document()

    @api.depends_context("lang")
    def _compute_annex_preview(self):
        """Print what would be sent now, when it is downloaded."""
        templates = self.env["invoice.annex.template"].sudo()
        for move in self:
            plans = plan_annexes(move.sudo())
            results = templates._render_plans(plans) if plans else []
            for result in results:
                if isinstance(result, Exception):
                    raise result
            move.annex_preview = results and base64.b64encode(merge_pdf(results))

    # === CRUD METHODS === #
    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent_annexes(self):
        annexes = self.sudo().annex_ids
        sent = annexes.filtered(lambda annex: annex.state != "draft")
        if sent:
            raise UserError(sent[0]._get_evidence_message())
        annexes.unlink()

    # === ACTION METHODS === #
    def action_preview_annexes(self):
        """Show the annexes as they would be sent now. Nothing is saved."""
        self.ensure_one()
        self.check_access("read")
        if not plan_annexes(self.sudo()):
            raise UserError(
                self.env._(
                    "No annex applies to %(invoice)s: its projects, customer and "
                    "company have no annex template, or nothing they show was billed.",
                    invoice=self.display_name,
                )
            )
        name = self.env._("Annexes - %s", (self.name or str(self.id)).replace("/", "-"))
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/account.move/{self.id}/annex_preview/{name}.pdf",
            "target": "new",
        }

    # === BUSINESS METHODS === #
    # EXTENDS 'account'
    def _post(self, soft=True):
        posted = super()._post(soft)
        self.env["invoice.annex"].sudo()._update_drafts(posted.sudo())
        return posted

    # EXTENDS 'account'
    def button_draft(self):
        result = super().button_draft()
        self.sudo().annex_ids._supersede()
        return result
