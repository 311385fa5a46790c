"""The tables of annexes as texts to print, and the room that each column gets."""

import re

from .annex_table import MONEY, NUMBERS, PRICE, QUANTITY, Group

PAGE_WIDTHS = {"portrait": 180, "landscape": 267}  # within the margins, millimeters
SIGN_WIDTH, TOTAL_SIGN_WIDTH, PADDING = 2.0, 2.3, 4.0  # millimeters
#: Least widths of what does not wrap, in millimeters.
WIDTHS = {"date": 20, "number": 20, **dict.fromkeys(NUMBERS, 20)}
#: Texts share what is left in proportion; all but the description need no more.
TEXT_WIDTHS = {"employee": 27, "project": 27, "task": 32, "description": 43}
#: A row that does not fit on a page would be drawn over the next page's head.
MOST_LINES = 30
#: What stands between places where a line may end.
WORD = re.compile(r"[^ \n\t]+")
WIDE_SIGN = re.compile(r"[A-Z\u00c0-\u00de@%&mw]")


def print_table(table, formats, labels, orientation):
    """Return the table as texts to print.

    :param dict formats: functions ``number`` of a value and digits, ``money`` and
        ``price`` of an amount, ``total`` of an amount with its currency
    :param dict labels: text ``total``
    :param str orientation: of the page, ``portrait`` or ``landscape``
    :return: dict of ``head`` and ``rows``. A head is a text, a css class and a width.
        A row has a ``css`` class and ``cells``: a text, a css class and the number of
        columns that it takes, if several
    """
    printer, page_width = _Printer(table, formats), PAGE_WIDTHS[orientation]
    rows = [
        *map(printer.print_item, table.walk()),
        *printer.print_total(labels["total"]),
    ]
    widths = _get_widths(table, rows, page_width)
    return {
        "head": [
            (
                column.label,
                _get_css(column.name),
                f"{100 * widths[column.name] / page_width:.1f}%",
            )
            for column in table.columns
        ],
        "rows": [part for row in rows for part in _fit(row, widths)],
    }


def _get_css(name):
    return "number" if name in NUMBERS else name


def _get_widths(table, rows, page_width):
    """Return the width of each column in millimeters."""
    names = [column.name for column in table.columns]
    widths = {name: WIDTHS[name] for name in names if name in WIDTHS}
    for row in rows:
        sign_width = TOTAL_SIGN_WIDTH if row["css"] == "total" else SIGN_WIDTH
        # Numbers stand last.
        for name, (text, _css, span) in zip(
            reversed(names), reversed(row["cells"]), strict=False
        ):
            if name not in NUMBERS or span:
                break
            widths[name] = max(widths[name], len(text) * sign_width + PADDING)
    wanted = {name: TEXT_WIDTHS[name] for name in names if name in TEXT_WIDTHS}
    left = max(page_width - sum(widths.values()), len(wanted))
    spare = left - sum(wanted.values())
    if spare > 0 and "description" in wanted:
        wanted["description"] += spare
    scale = left / sum(wanted.values()) if wanted else 1
    return widths | {name: width * scale for name, width in wanted.items()}


def _fit(row, widths):
    """Return a row as one or more, so that its texts fit into their cells.

    Looking for places to break words costs a third of the time of a page: most cells
    have no need of it, and get no such class.
    """
    cells, more = [], []
    for text, css, span in row["cells"]:
        # A cell over several columns has the room of two texts at least.
        room = (widths.get(css, 60) - PADDING) / SIGN_WIDTH
        first, *rest = _split(text, room)
        css = f"{css} long".strip() if _has_long_word(text, room) else css
        cells.append((first, css, span))
        more.append([(part, css, span) for part in rest])
    if not any(more):
        return [{"css": row["css"], "cells": cells}]
    empty = [("", css, span) for _text, css, span in cells]
    return [
        {"css": row["css"], "cells": cells},
        *(
            {
                "css": f"{row['css']} more",
                "cells": [
                    parts[number] if number < len(parts) else cell
                    for parts, cell in zip(more, empty, strict=True)
                ],
            }
            for number in range(max(map(len, more)))
        ),
    ]


def _split(text, room):
    """Return a text in parts of not too many printed lines.

    :param float room: signs that fit into a line
    """
    most = max(int(room * MOST_LINES), 1)
    if len(text) + text.count("\n") * room <= most:
        return [text]
    parts, used = [], most
    for line in text.split("\n"):
        for piece in _cut(line, most):
            need = max(len(piece), room)
            if used + need > most:
                parts.append([])
                used = 0
            parts[-1].append(piece)
            used += need
    return ["\n".join(pieces) for pieces in parts]


def _cut(line, most):
    """Yield a line in pieces, between words where there are some."""
    while len(line) > most:
        end = line.rfind(" ", most // 2, most) + 1 or most
        yield line[:end]
        line = line[end:]
    yield line


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
