import base64
import logging
import re
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

_logger = logging.getLogger(__name__)

LEAN_BATCH_SIZE = 80
LEAN_MARGIN = 15  # millimeters
# Fonts above this size are not worth parsing again for each document.
LEAN_FONT_BYTES = 128_000
COLOR = re.compile(r"#[0-9a-fA-F]{3,8}|rgba?\([\d\s.,%]+\)")


class IrActionsReport(models.Model):
    _inherit = "ir.actions.report"

    # === LEAN DOCUMENTS === #
    @api.model
    def _render_lean_documents(self, documents, landscape=False):
        """Print many small documents with few calls of wkhtmltopdf.

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
        style = self._get_lean_style()
        pages = [
            self.env["ir.qweb"]._render(
                "sale_timesheet_cra.lean_shell",
                {
                    "name": footer_name(document.name),
                    "body": document.body,
                    "style": style,
                },
            )
            for document in documents
        ]
        results = {}
        for indexes in plan_batches([d.name for d in documents], LEAN_BATCH_SIZE):
            results.update(
                self._print_lean_batch(
                    {index: (documents[index].name, pages[index]) for index in indexes},
                    landscape,
                )
            )
        return [results[index] for index in range(len(documents))]

    def _print_lean_batch(self, batch, landscape):
        """Print some documents together, or one by one where that cannot be trusted.

        :param dict batch: name and HTML page by key, names are unique
        :return: PDF by key
        """
        names = [name for name, _page in batch.values()]
        if len(batch) > 1:
            try:
                content = self._run_lean_wkhtmltopdf(
                    [page for _name, page in batch.values()], landscape
                )
                return dict(zip(batch, split_batch(content, names), strict=True))
            except (BatchMismatch, UserError) as error:
                _logger.warning("%s PDFs are printed singly: %s", len(batch), error)
        return {
            key: self._print_lean_document(name, page, landscape)
            for key, (name, page) in batch.items()
        }

    def _print_lean_document(self, name, page, landscape):
        content = self._run_lean_wkhtmltopdf([page], landscape)
        if not is_complete(content):
            raise UserError(
                self.env._(
                    "The PDF of %(name)s came out incomplete. Try again, or check that "
                    "the server has enough memory.",
                    name=name,
                )
            )
        return content

    def _run_lean_wkhtmltopdf(self, pages, landscape):
        return self._run_wkhtmltopdf(
            pages,
            landscape=landscape,
            specific_paperformat_args={
                "data-report-margin-top": LEAN_MARGIN,
                "data-report-margin-bottom": LEAN_MARGIN + 5,
                "data-report-header-spacing": 0,
                "data-report-lean": True,
            },
        )

    # EXTENDS 'base'
    @api.model
    def _build_wkhtmltopdf_args(
        self,
        paperformat_id,
        landscape,
        specific_paperformat_args=None,
        set_viewport_size=False,
    ):
        args = super()._build_wkhtmltopdf_args(
            paperformat_id,
            landscape,
            specific_paperformat_args=specific_paperformat_args,
            set_viewport_size=set_viewport_size,
        )
        if (specific_paperformat_args or {}).get("data-report-lean"):
            # An option given again replaces the earlier one.
            margin = str(max(LEAN_MARGIN, paperformat_id.margin_left))
            args += ["--margin-left", margin]
            margin = str(max(LEAN_MARGIN, paperformat_id.margin_right))
            args += ["--margin-right", margin]
            args += ["--disable-javascript", "--javascript-delay", "0"]
            args += ["--footer-font-size", "7", "--footer-spacing", "6"]
            args += ["--footer-left", "[title]"]
            args += ["--footer-right", "[sitepage] / [sitepages]"]
        return args

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
