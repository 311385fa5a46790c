import base64

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.pdf import merge_pdf

READERS = "account.group_account_invoice,account.group_account_readonly"
CHOICE_FIELDS = frozenset(("annexes_chosen", "annex_template_ids"))


class AccountMove(models.Model):
    """The annexes of an invoice."""

    # One subject per file: the model is too long for one.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    annex_ids = fields.One2many(
        comodel_name="invoice.annex",
        inverse_name="move_id",
        string="Annexes",
        readonly=True,
        copy=False,
        groups=READERS,
    )
    annexes_chosen = fields.Boolean(
        string="Choose Annexes",
        copy=False,
        groups=READERS,
        help="This invoice gets the annexes chosen here instead of those of its "
        "projects, customer or company.",
    )
    annex_template_ids = fields.Many2many(
        comodel_name="invoice.annex.template",
        string="Chosen Annexes",
        check_company=True,
        copy=False,
        groups=READERS,
    )
    annexes_sent = fields.Boolean(
        compute="_compute_annexes_sent",
        groups=READERS,
        export_string_translation=False,
    )
    annex_summary = fields.Text(
        compute="_compute_annex_summary",
        string="Planned Annexes",
        groups=READERS,
    )

    # === COMPUTE METHODS === #
    @api.depends("annex_ids.state")
    def _compute_annexes_sent(self):
        for move in self:
            move.annexes_sent = "frozen" in move.annex_ids.mapped("state")

    @api.depends("annexes_chosen", "annex_template_ids", "state")
    @api.depends_context("lang")
    def _compute_annex_summary(self):
        """Say which annexes an invoice that was not sent gets, and why."""
        planned = {}
        # sudo: who invoices may not read timesheets; titles and reasons leave here
        for plan in self._get_open_annex_moves().sudo()._plan_annexes():
            template = plan.template.with_env(self.env)
            reason = self.env["invoice.annex"]._explain(plan.sources)
            planned.setdefault(plan.move.id, []).append(f"{template.name} – {reason}")
        for move in self:
            move.annex_summary = "\n".join(planned.get(move._origin.id, ()))

    # === CRUD METHODS === #
    def write(self, vals):
        changed = not CHOICE_FIELDS.isdisjoint(vals)
        if changed:
            self._check_annexes_not_sent()
        result = super().write(vals)
        if changed:
            self._update_annexes()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent_annexes(self):
        # sudo: what was sent stays whoever asks
        annexes = self.sudo().annex_ids
        sent = annexes.filtered(lambda annex: annex.state != "draft")
        if sent:
            raise UserError(sent[0]._get_evidence_message())
        annexes.unlink()

    def _check_annexes_not_sent(self):
        # sudo: the check is the same for everyone
        for move in self.sudo().filtered("annexes_sent"):
            annex = move.annex_ids.filtered(lambda annex: annex.state == "frozen")[:1]
            raise UserError(annex._get_evidence_message())

    # === ACTION METHODS === #
    def preview_annexes(self, changes):
        """Print the annexes as they would be sent if the form was saved. It is not.

        :param dict changes: values of the form, as they would be written
        :return: PDF in base64
        :raise AccessError: not for customers, who may read the invoice
        :raise UserError: says why nothing can be printed
        """
        self.ensure_one()
        self.check_access("read")
        self._check_field_access(self._fields["annex_ids"], "read")
        savepoint = self.env.cr.savepoint()
        try:
            if changes:
                # Nobody is told of what will not have happened.
                self.with_context(tracking_disable=True).write(changes)
            return base64.b64encode(self._print_annexes()).decode()
        finally:
            savepoint.close(rollback=True)

    def action_update_annexes(self):
        """Bring the list of annexes up to what templates ask for now."""
        self.check_access("write")
        self._update_annexes()

    # === BUSINESS METHODS === #
    # EXTENDS 'account'
    def _post(self, soft=True):
        posted = super()._post(soft)
        posted._update_annexes()
        return posted

    # EXTENDS 'account'
    def button_draft(self):
        result = super().button_draft()
        # sudo: annexes follow the invoice
        self.sudo().annex_ids._supersede()
        return result

    def _get_open_annex_moves(self):
        """Return the saved customer invoices among these whose annexes can change."""
        moves = self._origin.filtered(
            lambda move: move.is_sale_document() and move.state != "cancel"
        )
        # sudo: whether a document was sent is no secret
        return moves.filtered(lambda move: not move.sudo().annexes_sent)

    def _plan_annexes(self):
        """Return the annexes to make: list of PlannedAnnex. In sudo mode only."""
        templates = self.env["invoice.annex.template"]
        return templates._plan(self) if self and templates._is_in_use() else []

    def _print_annexes(self):
        """Return all annexes of an invoice as they would be sent now, as one PDF.

        :raise UserError: no annex applies, or one cannot be printed
        """
        # sudo: who invoices may not read timesheets
        plans = self.sudo()._plan_annexes()
        if not plans:
            raise UserError(
                self.env._(
                    "No annex applies to %(invoice)s: its projects, customer and "
                    "company have no annex template, or nothing they show was billed.",
                    invoice=self.display_name,
                )
            )
        return merge_pdf(self.env["invoice.annex.template"].sudo()._print_plans(plans))

    def _update_annexes(self):
        """Bring the drafts of posted invoices up to what templates ask for now."""
        posted = self.filtered(lambda move: move.state == "posted")
        # sudo: drafts follow from the templates, whoever posts the invoice
        self.env["invoice.annex"].sudo()._update_drafts(posted.sudo())
