from odoo import fields, models


class InvoiceDocumentKind(models.Model):
    """A kind of document that customers or projects want with their invoices."""

    _name = "invoice.document.kind"
    _description = "Kind of Document Sent With Invoices"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True,
        readonly=True,
        help="Where documents of this kind are found.",
    )
    sequence = fields.Integer()

    _code_uniq = models.UniqueIndex("(code)", "There is one kind of each code.")
