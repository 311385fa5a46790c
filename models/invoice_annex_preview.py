import base64

from odoo import fields, models
from odoo.exceptions import UserError

from .annex_plan import plan_annexes


class InvoiceAnnexTemplate(models.Model):
    """Templates can be seen before they are saved."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.annex.template"  # pylint: disable=consider-merging-classes-inherited

    preview_move_id = fields.Many2one(
        comodel_name="account.move",
        string="Invoice to Preview",
        store=False,
        domain=[("move_type", "in", ("out_invoice", "out_refund"))],
        help="Any customer invoice, also a draft. It stays as it is.",
    )

    def preview(self, move_id, changes):
        """Print the template as a form has it, on an invoice. Nothing is saved.

        :param int move_id: a customer invoice that the user may read
        :param dict changes: values of the form, as they would be written
        :return: PDF in base64
        :raise UserError: says why nothing can be printed
        """
        self.browse().check_access("write")
        self.check_access("write")
        move = self.env["account.move"].browse(move_id).exists()
        move.check_access("read")
        if not move or not move.is_sale_document():
            raise UserError(self.env._("Choose a customer invoice to preview with."))
        draft = self.new(changes, origin=self[:1])
        draft._translate_draft(move.partner_id.lang)
        # sudo: who invoices may not read timesheets; what is printed was chosen here
        plans = self.sudo()._add_documents(plan_annexes(move.sudo(), draft.sudo()))
        if not plans:
            raise UserError(self.env._("%s has no lines yet.", move.display_name))
        [content] = self.sudo()._print_plans(plans)
        return base64.b64encode(content).decode()

    def _print_plans(self, plans):
        """Return the PDFs of annexes.

        :raise UserError: says why one cannot be printed
        """
        results = self._render_plans(plans)
        for result in results:
            if isinstance(result, UserError):
                raise result
            if isinstance(result, Exception):
                raise UserError(
                    self.env._("The annex cannot be printed: %s", result)
                ) from result
        return [result.pdf for result in results]

    def _translate_draft(self, lang):
        """Give a draft its texts in another language.

        What is new is there in the language of its author only; what was left alone has
        its translation.
        """
        for record in (self, *self.section_ids):
            saved = record._origin
            translated = record.with_context(lang=lang)
            for name, field in record._fields.items():
                if field.store and field.translate:
                    value = record[name]
                    if saved and saved[name] == value:
                        value = saved.with_context(lang=lang)[name]
                    translated[name] = value
