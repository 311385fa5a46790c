from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

ASSIGNED_ON = ("res.company", "res.partner", "project.project", "account.move")


class InvoiceAnnexTemplate(models.Model):
    """What an annex shows. Projects, customers and companies ask for it."""

    _name = "invoice.annex.template"
    _description = "Invoice Annex Template"
    _order = "sequence, id"
    _check_company_auto = True

    name = fields.Char(
        string="Title",
        required=True,
        translate=True,
        help="Title of the document, in the customer's language.",
    )
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=10)
    company_id = fields.Many2one(
        comodel_name="res.company",
        index=True,
        help="Empty: all companies may use it.",
    )
    orientation = fields.Selection(
        selection=[("portrait", "Portrait"), ("landscape", "Landscape")],
        default="portrait",
        required=True,
    )
    always = fields.Boolean(
        string="Even without Lines",
        help="Make the annex also for invoices of which it has nothing to show.",
    )
    delivery = fields.Selection(
        selection=[
            ("separate", "As a file of its own"),
            ("appended", "Appended to the invoice"),
        ],
        default="separate",
        required=True,
        help="Appended: pages of the invoice's PDF, unless it exists already. In a "
        "Factur-X invoice, annexes with receipts or documents stay files of their "
        "own: their pages would break its archive format.",
    )
    format = fields.Selection(
        selection=[("pdf", "PDF"), ("xlsx", "Excel"), ("both", "PDF and Excel")],
        default="pdf",
        required=True,
        help="Excel holds the tables, with totals as formulas. Receipts and documents "
        "are in the PDF only.",
    )
    required = fields.Boolean(
        help="The invoice is not sent while this annex is missing or does not fit it.",
    )
    file_name = fields.Char(
        translate=True,
        help="Variables may be used. Empty: Annex, the invoice's number and the title.",
    )
    intro = fields.Text(
        string="Introduction",
        translate=True,
        help="Printed above the first section. Variables may be used.",
    )
    closing = fields.Text(
        translate=True,
        help="Printed below the last section. Variables may be used.",
    )
    section_ids = fields.One2many(
        comodel_name="invoice.annex.section",
        inverse_name="template_id",
        copy=True,
    )

    # The other side of ``annex_template_ids``: who asks for the annex.
    project_ids = fields.Many2many(
        comodel_name="project.project",
        string="Projects",
        copy=False,
        check_company=True,
    )
    partner_ids = fields.Many2many(
        comodel_name="res.partner",
        string="Customers",
        copy=False,
        domain=[("parent_id", "=", False)],
    )
    company_ids = fields.Many2many(
        comodel_name="res.company",
        string="Companies",
        copy=False,
    )

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for template, vals in zip(self, vals_list, strict=True):
            if "name" not in (default or {}):
                vals["name"] = self.env._("%s (copy)", template.name)
        return vals_list

    @api.constrains("delivery", "format")
    def _check_delivery(self):
        for template in self:
            if template.delivery == "appended" and template.format == "xlsx":
                raise ValidationError(
                    self.env._(
                        "%s: an Excel file cannot be appended to the invoice. Choose "
                        "PDF, or PDF and Excel.",
                        template.name,
                    )
                )

    @api.model
    def _is_in_use(self):
        """Tell whether any company, customer, project or invoice asks for an annex."""
        assigned = [
            SQL(
                "EXISTS (SELECT FROM %s)",
                SQL.identifier(self.env[model]._fields["annex_template_ids"].relation),
            )
            for model in ASSIGNED_ON
        ]
        [[in_use]] = self.env.execute_query(
            SQL("SELECT %s", SQL(" OR ").join(assigned))
        )
        return in_use
