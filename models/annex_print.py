"""The tables of annexes as texts to print, and the room that each column gets."""

import re

from .annex_table import MONEY, NUMBERS, PRICE, QUANTITY, Group

PAGE_WIDTH = 180  # millimeters between the margins of an upright page
SIGN_WIDTH, TOTAL_SIGN_WIDTH, PADDING = 2.0, 2.3, 4.0  # millimeters
#: Least widths, in percent of the page.
WIDTHS = {"date": 11, "number": 11, **dict.fromkeys(NUMBERS, 11)}
#: Texts share what is left by these; all but the description take no more than that.
TEXT_WIDTHS = {"employee": 15, "project": 15, "task": 18, "description": 24}
#: What stands between places where a line may end.
WORD = re.compile(r"[^ \n\t]+")
WIDE_SIGN = re.compile(r"[A-Z\u00c0-\u00de@%&mw]")


def print_table(table, formats, labels):
    """Return the table as texts to print.

    :param dict formats: functions ``number`` of a value and digits, ``money`` and
        ``price`` of an amount, ``total`` of an amount with its currency
    :param dict labels: text ``total``
    :return: dict of ``head`` and ``rows``. A head is a text, a css class and a width.
        A row has a ``css`` class and ``cells``: a text, a css class and the number of
        columns that it takes, if several
    """
    printer = _Printer(table, formats)
    rows = [
        *map(printer.print_item, table.walk()),
        *printer.print_total(labels["total"]),
    ]
    widths = _get_widths(table, rows)
    for row in rows:
        row["cells"] = _mark_long_words(row["cells"], widths)
    return {
        "head": [
            (column.label, _get_css(column.name), f"{widths[column.name]:.1f}%")
            for column in table.columns
        ],
        "rows": rows,
    }


def _get_css(name):
    return "number" if name in NUMBERS else name


def _get_widths(table, rows):
    """Return the width of each column in percent of the page."""
    names = [column.name for column in table.columns]
    widths = {name: WIDTHS[name] for name in names if name in WIDTHS}
    for row in rows:
        sign_width = TOTAL_SIGN_WIDTH if row["css"] == "total" else SIGN_WIDTH
        # Numbers stand last and do not wrap.
        for name, (text, _css, span) in zip(
            reversed(names), reversed(row["cells"]), strict=False
        ):
            if name not in NUMBERS or span:
                break
            room = 100 * (len(text) * sign_width + PADDING) / PAGE_WIDTH
            widths[name] = max(widths[name], room)
    wanted = {name: TEXT_WIDTHS[name] for name in names if name in TEXT_WIDTHS}
    left = max(100 - sum(widths.values()), len(wanted))
    scale = left / sum(wanted.values()) if wanted else 1
    if scale > 1 and "description" in wanted:
        wanted["description"] += left - sum(wanted.values())
        scale = 1
    return widths | {name: width * scale for name, width in wanted.items()}


def _mark_long_words(cells, widths):
    """Return cells with a class on those whose words have to be broken.

    Looking for places to break costs a third of the time of a page: most cells have no
    need of it.
    """
    rooms = [
        # A cell that takes several columns is as wide as the first of them at least.
        (PAGE_WIDTH * widths.get(css, 30) / 100 - PADDING) / SIGN_WIDTH
        for _text, css, _span in cells
    ]
    return [
        (text, f"{css} long".strip(), span) if _has_long_word(text, room) else cell
        for cell, room in zip(cells, rooms, strict=True)
        for text, css, span in [cell]
    ]


def _has_long_word(text, room):
    """Tell whether a word of a text needs more room than there is, in signs."""
    return 2 * len(text) > room and any(
        len(word) + len(WIDE_SIGN.findall(word)) > room for word in WORD.findall(text)
    )


class _Printer:
    def __init__(self, table, formats):
        self.table, self.formats = table, formats
        #: The unit that the head of the column names.
        self.unit = table.units[0] if len(table.units) == 1 else None
        if self.unit not in (column.label for column in table.columns):
            self.unit = None

    def print_item(self, item):
        if isinstance(item, Group):
            shown = item.totals if self.table.subtotals else None
            cells = self._print_totals(item.label, shown)
            return {"css": f"group level{item.level}", "cells": cells}
        cells = [
            (item.values[column.name].text, column.name, None)
            for column in self.table.texts
        ]
        cells += [
            (getattr(self, f"_print_{name}")(item), "number", None)
            for name in self.table.numbers
        ]
        return {"css": "line", "cells": cells}

    def print_total(self, label):
        if not self.table.numbers:
            return []
        cells = self._print_totals(label, self.table.totals)
        return [{"css": "total", "cells": cells}]

    def _print_totals(self, label, totals):
        numbers = self.table.numbers
        if not totals or not numbers:
            return [(label, "", len(self.table.columns))]
        texts = len(self.table.texts)
        cells = []
        if QUANTITY in numbers:
            # Totals in several units stand side by side and need room.
            span = 2 if len(totals.quantities) > 1 and texts > 1 else None
            texts -= 1 if span else 0
            quantities = [
                self._print_number(totals.quantities[unit], unit)
                for unit in sorted(totals.quantities)
            ]
            cells.append((" + ".join(quantities), "number", span))
        if PRICE in numbers:
            cells.append(("", "number", None))
        if MONEY in numbers:
            cells.append((self.formats["total"](totals.money), "number", None))
        return [(label, "", texts), *cells] if texts else cells

    def _print_number(self, quantity, unit):
        text = self.formats["number"](quantity, self.table.digits)
        return text if unit == self.unit else f"{text} {unit}"

    def _print_quantity(self, row):
        return self._print_number(row.quantity, row.unit)

    def _print_price(self, row):
        return self.formats["price"](row.price)

    def _print_money(self, row):
        return self.formats["money"](row.money)
