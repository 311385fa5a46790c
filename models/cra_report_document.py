from functools import cache, partial

import pytz

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import (
    format_date,
    format_datetime,
    formatLang,
    get_lang,
    groupby,
    split_every,
)
from odoo.tools.pdf import merge_pdf

from ..reports.cra_xlsx import make_cra_workbook
from ..reports.pdf_batch import LeanDocument
from .cra_grid import CraGrid, format_day
from .cra_period import period_label

#: PDFs that are in memory at the same time.
ATTACHED_TOGETHER = 500


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
        get_working_days = cache(type(self.company_id)._get_cra_working_days)
        key = lambda report: (report.company_id, report.partner_id.lang)  # noqa: E731
        for (company, lang), group in groupby(self, key):
            engine = self.env["ir.actions.report"].with_company(company)
            documents = [
                LeanDocument(
                    report.display_name,
                    partial(
                        report.with_context(lang=lang)._render_document,
                        get_working_days,
                    ),
                )
                for report in group
            ]
            contents = engine._render_lean_documents(documents, landscape=True)
            rendered.update(zip(group, contents, strict=True))
        return rendered

    def _render_document(self, get_working_days):
        values = self._get_document_values(get_working_days)
        return self.env["ir.qweb"]._render(
            "sale_timesheet_cra.report_cra_document", values
        )

    def _get_document_values(self, get_working_days=None):
        """Return what page and PDF show, in the language of the context.

        :param get_working_days: ``res.company._get_cra_working_days``, with a memory
            where many reports are shown
        """
        self.ensure_one()
        return {
            "report": self,
            "company": self.company_id,
            "grid": CraGrid(self, get_working_days),
            "format_amount": cache(self._format_amount),
            "format_cell": cache(self._format_cell),
            "format_day": self._format_day,
            "format_datetime": self._format_moment,
        }

    def _format_day(self, day):
        """Return a day of the period: weekday, day and month as the language has it."""
        return format_day(get_lang(self.env).code, day)

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
            self._get_time_to_answer(),
        ]
        return [fact for fact in facts if fact[1]]

    def _get_running_head(self):
        """Return what and whose the lines are, for each page they fill."""
        self.ensure_one()
        parts = (
            self.partner_id.name,
            self.project_id.name,
            self._get_consultants_label(),
            self._get_period_label(),
        )
        return " · ".join(part for part in parts if part)

    def _get_history(self):
        """Return when the versions were sent and what became of them, oldest first."""
        versions = self
        while versions[0].previous_id:
            versions = versions[0].previous_id | versions
        events = []
        for report in versions:
            # The document is frozen a moment before it counts as sent.
            sent_on = report.sent_on or fields.Datetime.now()
            zone = report.company_id._get_cra_zone()
            values = {
                "version": report.version,
                "day": format_date(
                    self.env, pytz.utc.localize(sent_on).astimezone(zone).date()
                ),
            }
            if len(versions) > 1:
                events.append(
                    self.env._("Version %(version)s: sent on %(day)s", **values)
                )
            else:
                events.append(self.env._("Sent on %(day)s", **values))
            events.append(report._get_decision_sentence())
        return [event for event in events if event]

    def _get_consultants(self):
        """Return the consultants' labels, each once, in alphabetical order."""
        return sorted(set(self.line_ids.mapped("employee_label")) - {False})

    def _get_consultants_label(self):
        """Return the consultants in a few words: the days name all of them."""
        return self._join_consultants(self._get_consultants())

    def _get_consultants_labels(self):
        """Return the same for many reports, without their lines: dict id -> label."""
        labels = {report.id: [] for report in self}
        groups = self.env["cra.report.line"]._read_group(
            [("report_id", "in", self.ids), ("employee_label", "!=", False)],
            groupby=["report_id", "employee_label"],
        )
        for report, label in groups:
            labels[report.id].append(label)
        return {
            report_id: self._join_consultants(sorted(found))
            for report_id, found in labels.items()
        }

    def _join_consultants(self, labels):
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

    def _get_total_labels(self):
        """Return the same for many reports, each amount once: dict id -> label."""
        labels = {}
        for report in self:
            key = (report.time_unit, report.total_hours)
            labels[key] = labels.get(key) or report._get_total_label()
        return {r.id: labels[r.time_unit, r.total_hours] for r in self}

    def _format_cell(self, hours):
        """Return an amount for a cell of the grid: no more digits than needed."""
        text = self._format_amount(hours)
        separator = get_lang(self.env).decimal_point
        return text.rstrip("0").rstrip(separator) if separator in text else text

    def _attach_documents(self):
        """Render these reports, many in one go, and keep the result as evidence."""
        for batch in split_every(ATTACHED_TOGETHER, self.ids, self.browse):
            names = {report: report._get_file_name() for report in batch}
            attachments = self._attach(batch._render_documents(), names)
            for report, attachment in attachments.items():
                report.document_id = attachment

    @api.model
    def _attach(self, contents, names):
        """Keep PDFs with their reports.

        :param dict contents: report -> bytes
        :param dict names: report -> file name
        :return: dict report -> ``ir.attachment``
        """
        attachments = self.env["ir.attachment"].create(
            [
                {
                    "name": names[report],
                    "raw": content,
                    "mimetype": "application/pdf",
                    "res_model": self._name,
                    "res_id": report.id,
                }
                for report, content in contents.items()
            ]
        )
        return dict(zip(contents, attachments, strict=True))

    def _merge_documents(self):
        """Return the documents of these reports as one, each as in ``action_print``.

        :raise UserError: one cannot be read; names the report
        """
        contents = []
        for report in self:
            document = report.signed_document_id or report.document_id
            content = document.raw or b""
            if not content.startswith(b"%PDF"):
                raise UserError(
                    self.env._(
                        "The document of %s cannot be read. Choose Verify on it.",
                        report.display_name,
                    )
                )
            contents.append(content)
        return merge_pdf(contents)

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

    def _get_signed_file_name(self):
        report = self.with_context(lang=self.partner_id.lang)
        stem = report._get_file_name().removesuffix(".pdf")
        if self.approval_kind == "tacit":
            return report.env._("%s - agreed by silence.pdf", stem)
        if self.state == "approved":
            return report.env._("%s - agreed.pdf", stem)
        return report.env._("%s - refused.pdf", stem)
