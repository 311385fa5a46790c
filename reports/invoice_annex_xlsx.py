"""The workbook of an annex: one sheet per table, and what the document says besides."""

from datetime import date, datetime, time

from xlsxwriter.utility import xl_range

from odoo.tools import float_round

from ..models.annex_table import MONEY, NUMBERS, PRICE, QUANTITY
from .workbook import HEAD_COLOR, Workbook

WIDTHS = {"date": 12, "number": 9, "description": 60, PRICE: 12, MONEY: 14}
DATE_FORMAT = "yyyy-mm-dd"


def make_annex_workbook(env, title, facts, texts, tables, money):
    """Return the XLSX of an annex.

    :param env: environment in the reader's language
    :param str title: of the document
    :param list facts: pairs of a label and a text
    :param list[str] texts: what the document says besides its tables
    :param list tables: pairs of a title and a Table
    :param tuple money: name of the currency and its decimals
    :rtype: bytes
    """
    return AnnexWorkbook(env, money).make(title, facts, texts, tables)


class AnnexWorkbook(Workbook):
    """Writes one workbook: rows to be filtered, groups as columns, totals below."""

    def __init__(self, env, money):
        super().__init__(env)
        self.currency, decimals = money
        self.money_format = _get_number_format(decimals)

    def make(self, title, facts, texts, tables):
        # No date: the same annex gives the same file each time.
        self.book.set_properties({"title": title, "created": datetime(2000, 1, 1)})
        for table_title, table in tables:
            self._write_table(self._add_sheet(table_title or title), table)
        self._write_facts(
            self._add_sheet(self.env._("Information")), title, facts, texts
        )
        return self._close()

    def _write_facts(self, sheet, title, facts, texts):
        self._write_text(sheet, 0, 0, title, bold=True, font_size=14)
        row = 2
        for label, text in facts:
            self._write_text(sheet, row, 0, label, font_color="#777777")
            self._write_text(sheet, row, 1, text)
            row += 1
        for text in texts:
            row += 1
            self._write_text(sheet, row, 1, text, text_wrap=True)
        sheet.set_column(0, 0, 18)
        sheet.set_column(1, 1, 80)

    # === TABLES === #

    def _write_table(self, sheet, table):
        columns = self._get_columns(table)
        for column, (name, label) in enumerate(columns):
            align = "right" if name in NUMBERS else "left"
            style = {"bold": True, "bg_color": HEAD_COLOR, "align": align}
            self._write_text(sheet, 0, column, label, **style)
            sheet.set_column(column, column, WIDTHS.get(name, 22))
        for number, row in enumerate(table.rows, start=1):
            for column, (name, _label) in enumerate(columns):
                self._write_cell(sheet, number, column, name, row, table)
        self._write_totals(sheet, table, [name for name, _label in columns])
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.autofilter(0, 0, len(table.rows), len(columns) - 1)

    def _get_columns(self, table):
        """Return the columns: groups first, a unit where there are several."""
        columns = [*table.group_columns]
        for column in table.columns:
            if column.name == QUANTITY and len(table.units) > 1:
                columns.append(("unit", self.env._("Unit")))
            label = column.label
            if column.name in (PRICE, MONEY):
                label = f"{label} ({self.currency})"
            columns.append((column.name, label))
        return columns

    def _write_cell(self, sheet, number, column, name, row, table):
        if name == QUANTITY:
            style = self._format(num_format=_get_number_format(table.digits))
            sheet.write_number(number, column, round(row.quantity, 6), style)
        elif name in (PRICE, MONEY):
            amount = row.price if name == PRICE else row.money
            style = self._format(num_format=self.money_format)
            sheet.write_number(number, column, round(amount, 6), style)
        elif name == "unit":
            self._write_text(sheet, number, column, row.unit)
        elif name in ("date", "day"):
            day = date.fromordinal(row.values["date"].order)
            moment = datetime.combine(day, time.min)
            style = self._format(num_format=DATE_FORMAT, align="left")
            sheet.write_datetime(number, column, moment, style)
        else:
            text = row.values[name].text
            self._write_text(sheet, number, column, text, text_wrap=True)

    def _write_totals(self, sheet, table, names):
        """Write formulas below the rows: a total per unit, and one of the money."""
        first, last = 1, len(table.rows)
        total = last + 1
        if QUANTITY in names and table.totals.quantities:
            total = self._write_quantities(sheet, table, names, first, last)
        if MONEY in names:
            column = names.index(MONEY)
            cells = xl_range(first, column, last, column)
            style = self._format(num_format=self.money_format, bold=True, top=1)
            value = round(table.totals.money, 6)
            sheet.write_formula(total, column, f"=SUM({cells})", style, value)
        if table.numbers and names[0] not in NUMBERS:
            self._write_text(sheet, total, 0, self.env._("Total"), bold=True, top=1)

    def _write_quantities(self, sheet, table, names, first, last):
        """Write the total of each unit; return the row of the last one.

        Where the invoice rounds each of its lines, their sum may differ from the sum
        of the rows by a bit, which is then written as well.
        """
        column, digits = names.index(QUANTITY), table.total_digits
        cells = xl_range(first, column, last, column)
        style = {"num_format": _get_number_format(digits), "bold": True, "top": 1}
        row = last
        for unit, total in sorted(table.totals.quantities.items()):
            row += 1
            formula = f"SUM({cells})"
            if "unit" in names:
                place = names.index("unit")
                units = xl_range(first, place, last, place)
                formula = f'SUMIF({units},"{_quote(unit)}",{cells})'
                self._write_text(sheet, row, place, unit, bold=True, top=1)
            some = [one.quantity for one in table.rows if one.unit == unit]
            rounded = float_round(sum(some), precision_digits=digits)
            formula = f"=ROUND({formula},{digits})"
            if round(total - rounded, digits):
                formula += f"{total - rounded:+.{digits}f}"
            sheet.write_formula(row, column, formula, self._format(**style), total)
        return row


def _quote(text):
    return text.replace('"', '""')


def _get_number_format(digits):
    return f"#,##0.{'0' * digits}" if digits else "#,##0"
