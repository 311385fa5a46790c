from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .invoice_annex_document import DOCUMENT_KINDS

SECTION_TYPES = [
    ("time", "Time"),
    ("cost", "Reinvoiced costs"),
    ("product", "Products sold"),
    ("cra", "Agreed activity reports"),
    ("document", "Documents"),
    ("text", "Text"),
]
GROUPINGS = [
    ("project", "Project"),
    ("task", "Task"),
    ("employee", "Consultant"),
    ("day", "Day"),
    ("week", "Week"),
    ("order_line", "Invoice line"),
]


class InvoiceAnnexSection(models.Model):
    """One part of an annex, with its own title and content."""

    _name = "invoice.annex.section"
    _description = "Invoice Annex Section"
    _order = "sequence, id"

    template_id = fields.Many2one(
        comodel_name="invoice.annex.template",
        required=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(
        related="template_id.company_id",
        export_string_translation=False,
    )
    sequence = fields.Integer(default=10)
    type = fields.Selection(selection=SECTION_TYPES, default="time", required=True)
    title = fields.Char(
        translate=True,
        help="Printed above the section. Empty: no title.",
    )
    text = fields.Text(
        translate=True,
        help="What the section says. It may use the variables of the template.",
    )
    variables = fields.Html(
        related="template_id.variables",
        export_string_translation=False,
    )
    grouping = fields.Selection(
        selection=GROUPINGS,
        string="Group by",
    )
    second_grouping = fields.Selection(
        selection=GROUPINGS,
        string="Then by",
    )
    subtotals = fields.Boolean(
        default=True,
        help="Groups show their totals.",
    )
    unit = fields.Selection(
        selection=[
            ("invoice", "As invoiced"),
            ("hour", "Hours"),
            ("day", "Days"),
        ],
        default="invoice",
        required=True,
    )
    show_date = fields.Boolean(string="Date", default=True)
    show_employee = fields.Boolean(string="Consultant", default=True)
    show_project = fields.Boolean(string="Project")
    show_task = fields.Boolean(string="Task", default=True)
    show_description = fields.Boolean(string="Description", default=True)
    show_amounts = fields.Boolean(
        string="Amounts",
        compute="_compute_show_amounts",
        store=True,
        readonly=False,
        help="Show prices and amounts, untaxed as on the lines of the invoice.",
    )

    show_receipts = fields.Boolean(
        string="Append Receipts",
        default=True,
        help="Receipts and vendor bills follow as pages with the numbers of their "
        "lines.",
    )
    with_quotation = fields.Boolean(
        string="Signed Quotation",
        help="The quotation that the customer signed online.",
    )
    with_purchase_order = fields.Boolean(
        string="Customer's Purchase Order",
        help="Files kept as such on the sales order.",
    )
    with_order_files = fields.Boolean(
        string="Other Files of the Sales Order",
    )
    with_invoice_files = fields.Boolean(
        string="Files of the Invoice",
    )

    # === COMPUTE METHODS === #
    @api.depends("type")
    def _compute_show_amounts(self):
        for section in self:
            section.show_amounts = section.type in ("cost", "product")

    # === CONSTRAINT METHODS === #
    @api.constrains("type", "grouping", "second_grouping")
    def _check_grouping(self):
        for section in self.filtered(lambda section: section.type == "cost"):
            if "task" in section._get_groupings():
                raise ValidationError(
                    self.env._("Costs have no task that they could be grouped by.")
                )

    # === BUSINESS METHODS === #
    def _has_files(self):
        """Tell whether pages of files may follow."""
        self.ensure_one()
        if self.type == "cost":
            return self.show_receipts
        return self.type in ("cra", "document")

    def _get_document_kinds(self):
        """Return the kinds of documents that the section takes along."""
        self.ensure_one()
        if self.type != "document":
            return ["cra"] if self.type == "cra" else []
        wanted = {
            "quotation": self.with_quotation,
            "purchase_order": self.with_purchase_order,
            "order": self.with_order_files,
            "invoice": self.with_invoice_files,
        }
        return [kind for kind in DOCUMENT_KINDS if wanted[kind]]

    def _get_groupings(self):
        """Return the values to group by, outer first."""
        self.ensure_one()
        if self.type == "product":
            return []
        groupings = [self.grouping, self.second_grouping]
        return list(dict.fromkeys(filter(None, groupings)))
