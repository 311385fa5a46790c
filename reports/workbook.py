"""What all workbooks have in common."""

import io

import xlsxwriter

from odoo.tools import get_lang

#: Background of the heads of tables.
HEAD_COLOR = "#E9ECEF"
#: Signs that the name of a sheet may not hold.
NOT_IN_SHEET_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
NAME_LENGTH = 31


class Workbook:
    """Writes one workbook in the language of its environment.

    Texts are written as texts whatever they look like: a description that begins with
    an equal sign is not a formula.
    """

    def __init__(self, env):
        self.env = env
        self.stream = io.BytesIO()
        self.book = xlsxwriter.Workbook(self.stream, {"in_memory": True})
        self.formats = {}

    def _close(self):
        """Return the workbook as bytes."""
        self.book.close()
        return self.stream.getvalue()

    def _add_sheet(self, name):
        """Add a sheet, under a name that is free if this one is taken."""
        name = " ".join(name.translate(NOT_IN_SHEET_NAMES).split()) or "1"
        taken = {sheet.name.casefold() for sheet in self.book.worksheets()}
        free, number = name[:NAME_LENGTH], 1
        while free.casefold() in taken:
            number += 1
            end = f" ({number})"
            free = f"{name[: NAME_LENGTH - len(end)]}{end}"
        sheet = self.book.add_worksheet(free)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        if get_lang(self.env).direction == "rtl":
            sheet.right_to_left()
        return sheet

    def _format(self, **properties):
        key = tuple(sorted(properties.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format({"valign": "top", **properties})
        return self.formats[key]

    def _write_text(self, sheet, row, column, text, **style):
        if not text:
            return
        if text.startswith("<r>") and text.endswith("</r>"):
            text += " "  # XlsxWriter takes it for markup of its own
        sheet.write_string(row, column, text, self._format(**style))
