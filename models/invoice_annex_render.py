import logging
from functools import partial
from typing import NamedTuple

from psycopg2 import OperationalError

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import format_date, get_lang

from ..reports.invoice_annex_xlsx import make_annex_workbook
from ..reports.pdf_batch import LeanDocument
from .annex_files import fill_pages
from .annex_plan import plan_annexes
from .invoice_annex_text import get_number

_logger = logging.getLogger(__name__)

CHUNK = 80  # annexes held in memory at once; those with files count for more
FILES_WEIGHT = 10
MAX_NAME = 120
#: Signs that a file system or an archive takes for something else.
NOT_IN_NAMES = frozenset('/\\:*?"<>|')


class PreparedAnnex(NamedTuple):
    """One annex in plain values, before it is printed."""

    document: LeanDocument
    contents: list  # of Content
    issues: list
    xlsx: bytes  # empty where none is wanted

    @property
    def files(self):
        return [file for content in self.contents for file in content.files]


class PrintedAnnex(NamedTuple):
    """The files of one annex."""

    pdf: bytes
    xlsx: bytes  # empty where none is wanted
    issues: list  # what the accountant should know, in words
    has_files: bool  # pages of files follow


class InvoiceAnnexTemplate(models.Model):
    """How annexes are printed."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.annex.template"  # pylint: disable=consider-merging-classes-inherited

    # === PLANNING === #
    @api.model
    def _plan(self, moves):
        """Return the annexes to make for some invoices: those with something to show.

        :param moves: ``account.move`` in sudo mode
        :return: list of PlannedAnnex in the order of the invoices and templates
        """
        plans = self._add_documents(plan_annexes(moves))
        return [plan for plan in plans if plan.template._is_wanted(plan)]

    def _is_wanted(self, plan):
        if self.always or any(one._has_lines(plan) for one in self.section_ids):
            return True
        # Nothing to show although it must be there: to be seen on the invoice.
        return self.required and bool(self._find_issues(plan))

    @api.model
    def _add_documents(self, plans):
        """Return plans with the documents that go along, each once per invoice."""
        sections = {plan.template: plan.template.section_ids for plan in plans}
        kinds = {
            template: [kind for one in some for kind in one._get_document_kinds()]
            for template, some in sections.items()
        }
        moves = self.env["account.move"].union(
            *(plan.move for plan in plans if set(kinds[plan.template]) - {"cra"})
        )
        sources, given, complete = moves._get_source_documents(), set(), []
        for plan in plans:
            found = {"cra": plan.get_agreed_reports(), **sources.get(plan.move, {})}
            documents = {}
            for kind in kinds[plan.template]:
                some = [one for one in found[kind] if (plan.move, one) not in given]
                given.update((plan.move, one) for one in some)
                documents.setdefault(kind, some)
            available = frozenset(kind for kind, some in found.items() if some)
            complete.append(plan._replace(documents=documents, available=available))
        return complete

    # === PRINTING === #
    @api.model
    def _render_plans(self, plans):
        """Print annexes, many with one call of the PDF engine.

        :param list[PlannedAnnex] plans: what to print
        :return: for each one its PrintedAnnex, or the exception that prevented it
        """
        results, chunk, weight = [], [], 0
        for plan in plans:
            chunk.append(plan)
            weight += FILES_WEIGHT if plan.costs or plan.documents else 1
            if weight >= CHUNK:
                results += self._render_some(chunk)
                chunk, weight = [], 0
        return results + self._render_some(chunk) if chunk else results

    def _render_some(self, plans):
        try:
            # A failed query must not take the whole sending down with it.
            with self.env.cr.savepoint():
                return self._render_together(plans)
        except OperationalError:
            raise  # the transaction is to be tried again
        except Exception as error:
            if len(plans) == 1:
                if not isinstance(error, UserError):
                    number = plans[0].move.display_name
                    _logger.warning("Annex of %s failed", number, exc_info=True)
                return [error]
        return [result for plan in plans for result in self._render_some([plan])]

    def _render_together(self, plans):
        prepared = [self._prepare_document(plan) for plan in plans]
        batches = {}
        for index, plan in enumerate(plans):
            key = plan.move.company_id, plan.template.orientation == "landscape"
            batches.setdefault(key, []).append(index)
        pdfs = {}
        for (company, landscape), indexes in batches.items():
            engine = self.env["ir.actions.report"].with_company(company)
            printed = engine._render_lean_documents(
                [prepared[index].document for index in indexes], landscape=landscape
            )
            pdfs.update(zip(indexes, printed, strict=True))
        return [
            PrintedAnnex(
                fill_pages(pdfs[index], annex.files),
                annex.xlsx,
                annex.issues,
                bool(annex.files),
            )
            for index, annex in enumerate(prepared)
        ]

    @api.model
    def _prepare_document(self, plan):
        """Return one annex in the customer's language.

        :rtype: PreparedAnnex
        """
        move = plan.move
        template = plan.template._in_language_of(move)
        contents = template._prepare_contents(plan)
        values = {
            "company": move.company_id,
            "title": template.name,
            "facts": template._prepare_facts(plan),
            "intro": template._render_text(template.intro, plan),
            "closing": template._render_text(template.closing, plan),
            "contents": [content.printed for content in contents],
            # One page for each that follows: the file is drawn on it later.
            "pages": [
                (file.stamp, number, file.page_count)
                for content in contents
                for file in content.files
                for number in range(1, file.page_count + 1)
            ],
        }
        customer = move.commercial_partner_id
        document = LeanDocument(
            # What is too long is cut at its end: the title is on the first page.
            name=" · ".join(
                filter(None, (get_number(move), customer.name, template.name))
            ),
            render=partial(
                template.env["ir.qweb"]._render,
                "sale_timesheet_cra.report_invoice_annex",
                values,
            ),
        )
        issues = plan.template._find_issues(plan)
        issues += [issue for content in contents for issue in content.issues]
        xlsx = template._make_workbook(plan, values, contents)
        return PreparedAnnex(document, contents, issues, xlsx)

    def _make_workbook(self, plan, values, contents):
        if self.format == "pdf":
            return b""
        texts = [content.printed.get("text") for content in contents]
        currency = plan.move.currency_id
        return make_annex_workbook(
            self.env,
            title=values["title"],
            facts=values["facts"],
            texts=[
                text for text in (values["intro"], *texts, values["closing"]) if text
            ],
            tables=[
                (content.printed["title"], content.table)
                for content in contents
                if content.table
            ],
            money=(currency.name, currency.decimal_places),
        )

    def _in_language_of(self, move):
        lang = get_lang(self.env, move.partner_id.lang).code
        return self.with_context(lang=lang)

    def _prepare_contents(self, plan):
        """Return what the sections print, without those that have nothing to print."""
        contents = [section._prepare_content(plan) for section in self.section_ids]
        return [content for content in contents if content]

    def _prepare_facts(self, plan):
        """Return what the reader needs to place the annex: labels and texts."""
        move, env = plan.move, self.env
        period = [format_date(env, day) for day in plan.get_period() if day]
        customer = move.commercial_partner_id
        facts = [
            (env._("Invoice"), get_number(move.with_env(env))),
            (env._("Date"), format_date(env, move.invoice_date)),
            (env._("Customer"), customer.name or move.partner_id.display_name),
            (env._("Reference"), move.ref),
            (env._("Period"), "\u00a0– ".join(dict.fromkeys(period))),
        ]
        return [(label, text) for label, text in facts if text]

    def _get_file_name(self, plan):
        """Return the file's name without its end, in the customer's language."""
        template = plan.template._in_language_of(plan.move)
        try:
            name = template._render_text(template.file_name, plan)
        except UserError as error:
            # A name is no reason to keep an invoice from being posted or sent.
            _logger.warning("The file name of %s is ignored: %s", template, error)
            name = ""
        standard = template.env._(
            "Annex - %(invoice)s - %(title)s",
            invoice=get_number(plan.move.with_env(template.env)),
            title=template.name,
        )
        return _clean_name(name) or _clean_name(standard)


def _clean_name(name):
    """Return a name that file systems and archives take as it is."""
    signs = [sign if sign.isprintable() else " " for sign in name]
    name = "".join("-" if sign in NOT_IN_NAMES else sign for sign in signs)
    return " ".join(name.split())[:MAX_NAME].strip(" .")
