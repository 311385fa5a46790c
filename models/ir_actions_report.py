import base64
import logging
import re
from collections import deque
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools.misc import file_open, file_path

from ..reports.pdf_batch import (
    BatchMismatch,
    footer_name,
    is_complete,
    plan_batches,
    split_batch,
)
from ..reports.pdf_engine import PROCESSES, PrintError, Printing

_logger = logging.getLogger(__name__)

PRINT_DELAY = "report.print_delay"
LEAN_MARGIN = 15  # millimeters
# Fonts above this size are not worth parsing again for each document.
LEAN_FONT_BYTES = 128_000
COLOR = re.compile(r"#[0-9a-fA-F]{3,8}|rgba?\([\d\s.,%]+\)")


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    # === INVOICES === #
    @api.model
    def _build_wkhtmltopdf_args(self, *args, **kwargs):
        # EXTENDS 'base'
        arguments = super()._build_wkhtmltopdf_args(*args, **kwargs)
        if self.env.context.get("print_without_delay") and not self._has_print_delay():
            # An option given again replaces the earlier one.
            arguments += ["--javascript-delay", "0"]
        return arguments

    @api.model
    def _has_print_delay(self):
        """Tell whether somebody asked for time in which scripts draw on documents.

        Odoo waits two seconds per call even if nobody did. Pictures and fonts are
        waited for in any case.
        """
        # sudo: a technical setting
        return bool(self.env["ir.config_parameter"].sudo().get_param(PRINT_DELAY))

    # === LEAN DOCUMENTS === #
    @api.model
    def _render_lean_documents(self, documents, landscape=False):
        """Print many small documents with few calls of wkhtmltopdf, some at a time.

        They carry their own small stylesheet and a text footer: no web stylesheet, no
        JavaScript and no HTTP request, so that they print from a cron as well. Paper
        format, font and colors are those of the current company.

        :param list[LeanDocument] documents: names may repeat and hold any characters
        :param bool landscape: turn the paper
        :return: one PDF per document, in the same order
        :rtype: list[bytes]
        :raise UserError: a document cannot be printed
        """
        if documents and self.get_wkhtmltopdf_state() in ("install", "broken"):
            raise UserError(
                self.env._("PDFs need wkhtmltopdf, which was not found on this server.")
            )
        arguments = self._build_lean_arguments(landscape)
        style = self._get_lean_style()
        results, printing = {}, deque()
        try:
            for indexes in plan_batches([d.name for d in documents], PROCESSES):
                pages = {
                    index: self._render_lean_page(documents[index], style)
                    for index in indexes
                }
                if len(printing) == PROCESSES:
                    results |= self._split_lean_batch(*printing.popleft())
                started = self._start_lean_printing(arguments, [*pages.values()])
                names = [documents[index].name for index in indexes]
                printing.append((started, arguments, names, pages))
            while printing:
                results |= self._split_lean_batch(*printing.popleft())
        finally:
            for started, *_batch in printing:
                started.stop()
        return [results[index] for index in range(len(documents))]

    def _render_lean_page(self, document, style):
        return self.env["ir.qweb"]._render(
            "sale_timesheet_cra.lean_shell",
            {
                "name": footer_name(document.name),
                "body": document.render(),
                "style": style,
            },
        )

    def _start_lean_printing(self, arguments, pages):
        return Printing(arguments, pages)

    def _split_lean_batch(self, printing, arguments, names, pages):
        """Return the documents of a batch, printed again one by one where the whole
        cannot be trusted.

        :param printing: the ``Printing`` of all ``pages``
        :param list names: the documents' names, each once
        :param dict pages: HTML page by key
        :return: dict key -> PDF
        """
        if len(pages) > 1:
            try:
                contents = split_batch(printing.result(), names)
                return dict(zip(pages, contents, strict=True))
            except (BatchMismatch, PrintError) as error:
                _logger.warning("%s PDFs are printed singly: %s", len(pages), error)
        contents = {}
        for name, (key, page) in zip(names, pages.items(), strict=True):
            if len(pages) > 1:
                printing = self._start_lean_printing(arguments, [page])
            contents[key] = self._get_lean_document(printing, name)
        return contents

    def _get_lean_document(self, printing, name):
        """Return the PDF of a document that is printed alone.

        :raise UserError: it cannot be printed, or not all of it was
        """
        try:
            content = printing.result()
        except PrintError as error:
            raise UserError(
                self.env._(
                    "The PDF of %(name)s could not be made: %(reason)s",
                    name=name,
                    reason=error,
                )
            ) from error
        if not is_complete(content):
            raise UserError(
                self.env._(
                    "The PDF of %(name)s came out incomplete. Try again, or check that "
                    "the server has enough memory.",
                    name=name,
                )
            )
        return content

    def _build_lean_arguments(self, landscape):
        """Return the options of wkhtmltopdf for lean documents."""
        paper = self.get_paperformat()
        arguments = self._build_wkhtmltopdf_args(
            paper,
            landscape,
            specific_paperformat_args={
                "data-report-margin-top": LEAN_MARGIN,
                "data-report-margin-bottom": LEAN_MARGIN + 5,
                "data-report-header-spacing": 0,
            },
        )
        # An option given again replaces the earlier one.
        arguments += ["--margin-left", str(max(LEAN_MARGIN, paper.margin_left))]
        arguments += ["--margin-right", str(max(LEAN_MARGIN, paper.margin_right))]
        arguments += ["--disable-javascript", "--javascript-delay", "0"]
        arguments += ["--footer-font-size", "7", "--footer-spacing", "6"]
        arguments += ["--footer-left", "[title]"]
        arguments += ["--footer-right", "[sitepage] / [sitepages]"]
        return arguments

    @api.model
    def _get_lean_style(self):
        """Return the stylesheet of lean documents in the company's look.

        :rtype: Markup
        """
        company = self.env.company
        color = company.primary_color or ""
        if not COLOR.fullmatch(color):
            color = "#333333"
        font = company.font or "Lato"
        with file_open("sale_timesheet_cra/reports/lean.css") as stylesheet:
            css = stylesheet.read()
        return Markup("%s\n%s") % (
            Markup(_get_font_faces(font)),
            Markup(
                css.replace("$font", font.replace("_", " ")).replace("$color", color)
            ),
        )


@lru_cache(maxsize=8)
def _get_font_faces(font):
    """Return the CSS that brings one of Odoo's own fonts along, or nothing.

    wkhtmltopdf would otherwise fetch it over HTTP, or use what the system has.
    """
    names = (
        {"normal": "lato/Lato-Reg-webfont.woff", "bold": "lato/Lato-Bol-webfont.woff"}
        if font == "Lato"
        else {
            "normal": f"google/{font}/{font}-Regular.ttf",
            "bold": f"google/{font}/{font}-Bold.ttf",
        }
    )
    faces = []
    for weight, name in names.items():
        try:
            path = Path(file_path(f"web/static/fonts/{name}"))
        except (FileNotFoundError, ValueError):
            continue
        if path.stat().st_size > LEAN_FONT_BYTES:
            continue
        data = base64.b64encode(path.read_bytes()).decode()
        faces.append(
            f'@font-face{{font-family:"{font.replace("_", " ")}";font-weight:{weight};'
            f"src:url(data:application/octet-stream;base64,{data})}}"
        )
    return "\n".join(faces)
