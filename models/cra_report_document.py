import babel.dates

from odoo import api, models
from odoo.tools import (
    babel_locale_parse,
    format_datetime,
    formatLang,
    get_lang,
    groupby,
)

from ..reports.cra_xlsx import make_cra_workbook
from ..reports.pdf_batch import LeanDocument
from .cra_grid import CraGrid
from .cra_period import period_label


class CraReport(models.Model):
    """What the customer reads: page, PDF, file names."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    def _get_period_label(self):
        """Return the period in words: a month by its name, else both its days."""
        self.ensure_one()
        if not self.date_from:
            return ""
        return period_label(self.env, self.date_from, self.date_to)

    def _get_period_title(self):
        """Return the period in words, for the head of page and PDF."""
        label = self._get_period_label()
        return label[:1].upper() + label[1:]

    def _render_documents(self):
        """Return the PDF of each report, as it is now: dict report -> bytes."""
        rendered = {}
        key = lambda report: (report.company_id, report.partner_id.lang)  # noqa: E731
        for (company, lang), group in groupby(self, key):
            engine = self.env["ir.actions.report"].with_company(company)
            qweb = self.env["ir.qweb"].with_context(lang=lang)
            documents = [
                LeanDocument(
                    report.display_name,
                    qweb._render(
                        "sale_timesheet_cra.report_cra_document",
                        report.with_context(lang=lang)._get_document_values(),
                    ),
                )
                for report in group
            ]
            contents = engine._render_lean_documents(documents, landscape=True)
            rendered.update(zip(group, contents, strict=True))
        return rendered

    def _get_document_values(self):
        """Return what page and PDF show, in the language of the context."""
        self.ensure_one()
        return {
            "report": self,
            "company": self.company_id,
            "grid": CraGrid(self),
            "format_amount": self._format_amount,
            "format_cell": self._format_cell,
            "format_day": self._format_day,
            "format_datetime": self._format_moment,
        }

    def _format_day(self, day):
        """Return a day of the period: weekday, day and month as the language has it."""
        locale = babel_locale_parse(get_lang(self.env).code)
        return babel.dates.format_skeleton("MMMEd", day, locale=locale)

    def _format_moment(self, moment):
        """Return a moment on the company's clock, with the name of its time zone."""
        zone = self.company_id.resource_calendar_id.tz or "UTC"
        text = format_datetime(self.env, moment, tz=zone, dt_format="medium")
        return f"{text} ({zone.replace('_', ' ')})"

    def _get_facts(self):
        """Return what stands at the head of the PDF: pairs of label and text."""
        self.ensure_one()
        several = len(self._get_consultants()) > 1
        consultant = self.env._("Consultants") if several else self.env._("Consultant")
        facts = [
            (self.env._("Customer"), self.partner_id.name),
            (self.env._("Project"), self.project_id.name),
            (consultant, self._get_consultants_label()),
            (self.env._("Number"), self.display_name if self.name else False),
            (self.env._("Order Number"), self.customer_reference),
            (self.env._("Total"), self._get_total_label()),
        ]
        return [fact for fact in facts if fact[1]]

    def _get_consultants(self):
        """Return the consultants' labels, each once, in alphabetical order."""
        return sorted(set(self.line_ids.mapped("employee_label")) - {False})

    def _get_consultants_label(self):
        """Return the consultants in a few words: the days name all of them."""
        labels = self._get_consultants()
        if len(labels) <= 3:
            return ", ".join(labels)
        return self.env._("%s consultants", len(labels))

    def _get_unit_title(self):
        """Return the unit of the totals as the head of a column."""
        units = dict(self._fields["time_unit"]._description_selection(self.env))
        return units[self.time_unit]

    def _get_unit_label(self):
        """Return the unit of the totals within a sentence."""
        return self._get_unit_title().lower()

    def _format_amount(self, hours):
        """Return hours in the report's unit, written as the reader's language does."""
        return formatLang(self.env, self._convert_hours(hours), digits=2)

    def _convert_hours(self, hours, **rounding):
        """Return hours in the report's unit; days are rounded unless told not to."""
        if self.time_unit != "day":
            return hours
        hour = self.env.ref("uom.product_uom_hour")
        day = self.env.ref("uom.product_uom_day")
        return hour._compute_quantity(hours, day, rounding_method="HALF-UP", **rounding)

    def _get_total_label(self):
        """Return the total with its unit, in the language of the context."""
        return f"{self._format_amount(self.total_hours)} {self._get_unit_label()}"

    def _format_cell(self, hours):
        """Return an amount for a cell of the grid: no more digits than needed."""
        text = self._format_amount(hours)
        separator = get_lang(self.env).decimal_point
        return text.rstrip("0").rstrip(separator) if separator in text else text

    def _attach_documents(self):
        """Render these reports in one go and keep the result as evidence."""
        for report, content in self._render_documents().items():
            report.write(
                {"document_id": report._attach(content, report._get_file_name()).id}
            )

    def _attach(self, content, name):
        return self.env["ir.attachment"].create(
            {
                "name": name,
                "raw": content,
                "mimetype": "application/pdf",
                "res_model": self._name,
                "res_id": self.id,
            }
        )

    def _get_file_name(self):
        """Return the document's file name in the customer's language."""
        report = self.with_context(lang=self.partner_id.lang)
        parts = [report.name, report.project_id.name, report._get_period_label()]
        if report.employee_id:
            parts.insert(1, report.line_ids[:1].employee_label)
        return " - ".join(part.replace("/", "-") for part in parts if part) + ".pdf"

    def _render_xlsx(self):
        """Return the workbook of what was sent, in the customer's language."""
        self.ensure_one()
        return make_cra_workbook(self.with_context(lang=self.partner_id.lang))

    def _get_xlsx_name(self):
        """Return the workbook's file name: the sent document's but for its end."""
        name = self.document_id.name or self._get_file_name()
        return f"{name.removesuffix('.pdf')}.xlsx"

    def _get_report_base_filename(self):
        self.ensure_one()
        return self.sudo()._get_file_name().removesuffix(".pdf")

    @api.model
    def _cron_make_decision_documents(self, batch_size=50):
        """Make the documents that show the decision, soon after it was taken."""
        domain = [
            ("state", "in", ("approved", "refused")),
            ("signed_document_id", "=", False),
        ]
        reports = self.search(domain, limit=batch_size, order="decided_on, id")
        reports = reports.try_lock_for_update().filtered_domain(domain)
        for _language, group in groupby(reports, lambda r: r.partner_id.lang):
            group = self.browse([report.id for report in group])
            for report, content in group._render_documents().items():
                attachment = report._attach(content, report._get_signed_file_name())
                report.write({"signed_document_id": attachment.id})
        self.env["ir.cron"]._commit_progress(
            len(reports), remaining=self.search_count(domain)
        )

    def _get_signed_file_name(self):
        report = self.with_context(lang=self.partner_id.lang)
        stem = report._get_file_name().removesuffix(".pdf")
        if self.state == "approved":
            return report.env._("%s - agreed.pdf", stem)
        return report.env._("%s - refused.pdf", stem)
