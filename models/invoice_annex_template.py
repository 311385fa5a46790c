import logging

from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, get_lang

from ..reports.pdf_batch import LeanDocument

_logger = logging.getLogger(__name__)


class InvoiceAnnexTemplate(models.Model):
    """What an annex shows. Projects, customers and companies ask for it."""

    _name = "invoice.annex.template"
    _description = "Invoice Annex Template"
    _order = "sequence, id"
    _check_company_auto = True

    name = fields.Char(
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
    section_ids = fields.One2many(
        comodel_name="invoice.annex.section",
        inverse_name="template_id",
        copy=True,
    )

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for template, vals in zip(self, vals_list, strict=True):
            if "name" not in (default or {}):
                vals["name"] = self.env._("%s (copy)", template.name)
        return vals_list

    # === RENDERING === #
    @api.model
    def _render_plans(self, plans):
        """Print annexes, all of a company with one call of the PDF engine.

        :param list[PlannedAnnex] plans: what to print
        :return: for each one its PDF, or the exception that prevented it
        """
        try:
            # A failed query must not take the whole sending down with it.
            with self.env.cr.savepoint():
                return self._render_plans_together(plans)
        except OperationalError:
            raise  # the transaction is to be tried again
        except Exception as error:
            if len(plans) == 1:
                if not isinstance(error, UserError):
                    number = plans[0].move.display_name
                    _logger.warning("Annex of %s failed", number, exc_info=True)
                return [error]
        return [result for plan in plans for result in self._render_plans([plan])]

    def _render_plans_together(self, plans):
        documents = [self._prepare_document(plan) for plan in plans]
        batches = {}
        for index, plan in enumerate(plans):
            key = plan.move.company_id, plan.template.orientation == "landscape"
            batches.setdefault(key, []).append(index)
        pdfs = {}
        for (company, landscape), indexes in batches.items():
            engine = self.env["ir.actions.report"].with_company(company)
            printed = engine._render_lean_documents(
                [documents[index] for index in indexes], landscape=landscape
            )
            pdfs.update(zip(indexes, printed, strict=True))
        return [pdfs[index] for index in range(len(plans))]

    def _prepare_document(self, plan):
        """Return one annex as a document in the customer's language."""
        move = plan.move
        lang = get_lang(self.env, move.partner_id.lang).code
        template = plan.template.with_context(lang=lang)
        number = move.name or template.env._("Draft")
        contents = [section._prepare_content(plan) for section in template.section_ids]
        values = {
            "company": move.company_id,
            "title": template.name,
            "facts": template._prepare_facts(plan),
            "contents": [content for content in contents if content],
        }
        return LeanDocument(
            name=f"{number} · {template.name} · {move.commercial_partner_id.name}",
            body=template.env["ir.qweb"]._render(
                "sale_timesheet_cra.report_invoice_annex", values
            ),
        )

    def _prepare_facts(self, plan):
        """Return what the reader needs to place the annex: labels and texts."""
        move, env = plan.move, self.env
        dates = plan.timesheets.mapped("date")
        period = dates and [format_date(env, day) for day in (min(dates), max(dates))]
        customer = move.commercial_partner_id
        facts = [
            (env._("Invoice"), move.name or env._("Draft")),
            (env._("Date"), format_date(env, move.invoice_date)),
            (env._("Customer"), customer.name or move.partner_id.display_name),
            (env._("Reference"), move.ref),
            (env._("Period"), " – ".join(dict.fromkeys(period))),
        ]
        return [(label, text) for label, text in facts if text]

    def _get_file_name(self, plan):
        """Return the file's name, in the customer's language."""
        lang = get_lang(self.env, plan.move.partner_id.lang).code
        template = plan.template.with_context(lang=lang)
        name = template.env._(
            "Annex - %(invoice)s - %(title)s",
            invoice=plan.move.name or "",
            title=template.name,
        )
        return f"{name.replace('/', '-')}.pdf"
