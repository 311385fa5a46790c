from odoo import fields, models
from odoo.fields import Domain

from .annex_files import SourceFile, is_printable

#: Where documents come from that go with an invoice as they are.
DOCUMENT_KINDS = ("quotation", "purchase_order", "order", "invoice")


class SaleOrder(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "sale.order"  # pylint: disable=consider-merging-classes-inherited

    client_order_file_ids = fields.Many2many(
        comodel_name="ir.attachment",
        relation="sale_order_client_order_file_rel",
        string="Customer's Purchase Order",
        copy=False,
        help="The order as the customer sent it. Invoices can take it along.",
    )

    def _is_signed_quotation(self, attachment):
        """Tell whether a file is the document that core made when it was signed."""
        return bool(self.signed_on) and attachment.name == f"{self.name}.pdf"


class AccountMove(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    def _get_source_documents(self):
        """Return the documents behind invoices that can go with them, by kind.

        In sudo mode only: who invoices may not read sales orders.

        :return: dict of a dict of ``ir.attachment`` by kind, by invoice
        """
        orders = self.invoice_line_ids.sale_line_ids.order_id
        attachments = self.env["ir.attachment"].search_fetch(
            Domain("res_model", "=", "sale.order") & Domain("res_id", "in", orders.ids)
            | Domain("res_model", "=", "account.move")
            & Domain("res_id", "in", self.ids),
            ["name", "mimetype", "res_model", "res_id", "file_size"],
            order="id",
        )
        by_owner = attachments.grouped(lambda file: (file.res_model, file.res_id))
        none = attachments.browse()
        documents = {}
        for move in self:
            kinds = dict.fromkeys(DOCUMENT_KINDS, none)
            for order in move.invoice_line_ids.sale_line_ids.order_id:
                files = by_owner.get(("sale.order", order.id), none)
                # A file of another record does not become the customer's by a link.
                received = order.client_order_file_ids.filtered(
                    lambda file, order=order: (
                        file.res_model == order._name and file.res_id in (0, order.id)
                    )
                )
                signed = files.filtered(order._is_signed_quotation)[-1:]
                kinds["quotation"] |= signed
                kinds["purchase_order"] |= received
                kinds["order"] |= (files - received - signed).filtered(_is_printable)
            own = by_owner.get(("account.move", move.id), none)
            own -= move.annex_ids.attachment_id | move.annex_ids.xlsx_attachment_id
            kinds["invoice"] = own.filtered(_is_printable)
            documents[move] = kinds
        return documents


class CraReport(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    def _get_decision_document(self):
        """Return the document that shows the decision, made soon after it or now."""
        self.ensure_one()
        signed = self.signed_document_id
        if signed:
            return SourceFile(signed.name, signed.raw, signed.mimetype)
        content = self._render_documents()[self]
        return SourceFile(self._get_signed_file_name(), content, "application/pdf")


def _is_printable(attachment):
    return is_printable(attachment.mimetype or "")
