from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    # EXTENDS 'account'
    @api.model
    def _generate_invoice_documents(self, invoices_data, allow_fallback_pdf=False):
        # Before super: it builds the electronic invoice first, which may embed annexes.
        self._prepare_invoice_annexes(invoices_data)
        return super()._generate_invoice_documents(
            invoices_data, allow_fallback_pdf=allow_fallback_pdf
        )

    @api.model
    def _prepare_invoice_annexes(self, invoices_data):
        """Print the annexes of all invoices in one go, for ``_link_invoice_documents``.

        What cannot be printed stops its own invoice only.
        """
        moves = self.env["account.move"].union(
            *(move for move, data in invoices_data.items() if not data.get("error"))
        )
        drafts = self.env["invoice.annex"].sudo()._update_drafts(moves.sudo())
        templates = self.env["invoice.annex.template"].sudo()
        results = templates._render_plans(list(drafts.values())) if drafts else []
        for (annex, plan), result in zip(drafts.items(), results, strict=True):
            invoice_data = invoices_data[plan.move]
            if isinstance(result, Exception):
                invoice_data["error"] = {
                    "error_title": self.env._("The annexes could not be made."),
                    "errors": [f"{annex.name}: {result}"],
                }
            else:
                invoice_data.setdefault("annex_contents", {})[annex.id] = result

    # EXTENDS 'account'
    @api.model
    def _link_invoice_documents(self, invoices_data):
        result = super()._link_invoice_documents(invoices_data)
        contents = {}
        for invoice_data in invoices_data.values():
            contents.update(invoice_data.pop("annex_contents", {}))
        if contents:
            annexes = self.env["invoice.annex"].sudo().browse(contents)
            annexes._freeze(contents)
        return result

    # EXTENDS 'account'
    @api.model
    def _get_placeholder_mail_attachments_data(
        self, move, invoice_edi_format=None, extra_edis=None, pdf_report=None
    ):
        placeholders = super()._get_placeholder_mail_attachments_data(
            move,
            invoice_edi_format=invoice_edi_format,
            extra_edis=extra_edis,
            pdf_report=pdf_report,
        )
        drafts = move.sudo().annex_ids.filtered(lambda annex: annex.state == "draft")
        return placeholders + [
            {
                "id": f"placeholder_{annex.name}",
                "name": annex.name,
                "mimetype": "application/pdf",
                "placeholder": True,
            }
            for annex in drafts
        ]

    # EXTENDS 'account'
    @api.model
    def _get_invoice_extra_attachments(self, move):
        frozen = move.sudo().annex_ids.filtered(lambda annex: annex.state == "frozen")
        return super()._get_invoice_extra_attachments(move) + frozen.attachment_id
