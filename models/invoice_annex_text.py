from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import LazyTranslate, babel_locale_parse, formatLang, get_lang

from .annex_text import FILTERS, AnnexTextError, check_text, render_text

_lt = LazyTranslate(__name__)

#: All that the texts of annexes can show, with what it is. Values are texts, except
#: for dates, which a text may write in its own way, and yes or no.
VARIABLES = {
    "invoice.number": _lt("Number of the invoice"),
    "invoice.date": _lt("Invoice date"),
    "invoice.due_date": _lt("Due date"),
    "invoice.reference": _lt("Customer reference on the invoice"),
    "invoice.untaxed": _lt("Untaxed amount, with currency"),
    "invoice.total": _lt("Total, with currency"),
    "invoice.currency": _lt("Currency, such as EUR"),
    "invoice.is_credit_note": _lt("Yes for a credit note, to be used after if"),
    "customer.name": _lt("Name of the customer"),
    "customer.contact": _lt("Contact that the invoice is addressed to"),
    "customer.reference": _lt("Our reference of the customer"),
    "customer.tax_id": _lt("Tax ID of the customer"),
    "customer.city": _lt("City of the customer"),
    "customer.country": _lt("Country of the customer"),
    "company.name": _lt("Name of our company"),
    "company.phone": _lt("Our phone number"),
    "company.email": _lt("Our email address"),
    "seller.name": _lt("Salesperson of the invoice"),
    "order.number": _lt("Numbers of the sales orders"),
    "order.reference": _lt("Customer references of the sales orders"),
    "project.name": _lt("Names of the projects that the annex explains"),
    "period.start": _lt("Date of the first work or cost in the annex"),
    "period.end": _lt("Date of the last work or cost in the annex"),
    "annex.title": _lt("Title of the annex"),
}


class InvoiceAnnexTemplate(models.Model):
    """The variable texts of templates: they see plain values, never a record."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.annex.template"  # pylint: disable=consider-merging-classes-inherited

    variables = fields.Html(
        compute="_compute_variables",
        export_string_translation=False,
    )

    @api.depends_context("lang")
    def _compute_variables(self):
        listed = self.env["ir.qweb"]._render(
            "sale_timesheet_cra.annex_variables",
            {
                "variables": [
                    (name, self.env._(text)) for name, text in VARIABLES.items()
                ],
                "filters": FILTERS,
            },
        )
        for template in self:
            template.variables = listed

    @api.constrains("file_name", "intro", "closing")
    def _check_texts(self):
        check_texts(self, ("file_name", "intro", "closing"))

    def _render_text(self, source, plan):
        """Fill in one text of the template in the language of the context.

        :raise UserError: names the template and what is wrong with its text
        """
        if not source:
            return ""
        locale = babel_locale_parse(get_lang(self.env).code)
        try:
            return render_text(source, self._get_text_values(plan), locale)
        except AnnexTextError as error:
            raise UserError(explain(self, self.display_name, error)) from error

    def _get_text_values(self, plan):
        """Return the variables of an annex: texts, dates, yes or no."""
        move = plan.move.with_env(self.env)
        customer, company = move.commercial_partner_id, move.company_id
        orders = move.invoice_line_ids.sale_line_ids.order_id
        first, last = plan.get_period()
        names = dict.fromkeys(
            part.project.with_env(self.env).name for part in plan.parts
        )

        def money(amount):
            return formatLang(self.env, amount, currency_obj=move.currency_id)

        return {
            "invoice.number": get_number(move),
            "invoice.date": move.invoice_date,
            "invoice.due_date": move.invoice_date_due,
            "invoice.reference": move.ref,
            "invoice.untaxed": money(move.amount_untaxed),
            "invoice.total": money(move.amount_total),
            "invoice.currency": move.currency_id.name,
            "invoice.is_credit_note": move.move_type == "out_refund",
            "customer.name": customer.name,
            "customer.contact": move.partner_id.name or customer.name,
            "customer.reference": customer.ref,
            "customer.tax_id": customer.vat,
            "customer.city": customer.city,
            "customer.country": customer.country_id.name,
            "company.name": company.name,
            "company.phone": company.phone,
            "company.email": company.email,
            "seller.name": move.invoice_user_id.name,
            "order.number": _join(orders.mapped("name")),
            "order.reference": _join(orders.mapped("client_order_ref")),
            "project.name": _join(names),
            "period.start": first,
            "period.end": last,
            "annex.title": self.name,
        }


class InvoiceAnnexSection(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "invoice.annex.section"  # pylint: disable=consider-merging-classes-inherited

    @api.constrains("text")
    def _check_texts(self):
        check_texts(self, ("text",))


def get_number(move):
    """Return the invoice's number as a document shows it."""
    return move.name if move.name and move.name != "/" else move.env._("Draft")


def _join(names):
    return ", ".join(dict.fromkeys(filter(None, names)))


def check_texts(records, names):
    """Refuse texts that annexes could not be filled in with, in any language.

    :raise ValidationError: names the text, the line and what is wrong there
    """
    for code, _name in records.env["res.lang"].get_installed():
        for record in records.with_context(lang=code):
            for name in names:
                _check_text(records, name, record[name] or "")


def _check_text(records, name, text):
    try:
        check_text(text, VARIABLES)
    except AnnexTextError as error:
        field = records._fields[name].get_description(records.env, ["string"])
        raise ValidationError(explain(records, field["string"], error)) from error


def explain(records, label, error):
    """Return in words what is wrong with a text."""
    env = records.env
    reasons = {
        "variable": env._("There is no variable %s. See the list below.", error.name),
        "filter": env._(
            "The filter %(filter)s cannot be used here. There are: %(filters)s.",
            filter=error.name,
            filters=", ".join(FILTERS),
        ),
        "pattern": env._("%s is no date pattern, such as MMMM y.", error.name),
        "element": env._(
            "%s cannot be used: only variables, filters, and if with else.", error.name
        ),
        "length": env._("It is too long: %s characters.", error.name),
        "depth": env._("Too many parts stand within each other."),
        "syntax": error.name,
    }
    return env._(
        "%(text)s, line %(line)s: %(reason)s",
        text=label,
        line=error.line,
        reason=reasons[error.kind],
    )
