"""The tables of annexes: plain values in, groups and totals out.

The PDF and the workbook are both made from a ``Table``, so that they agree.
"""

from datetime import date
from typing import NamedTuple

QUANTITY, PRICE, MONEY = "quantity", "price", "money"
NUMBERS = (QUANTITY, PRICE, MONEY)


class Column(NamedTuple):
    name: str  # of a row's value, or one of NUMBERS
    label: str


class Value(NamedTuple):
    """What a row shows in a column, or is grouped by."""

    text: str
    order: object = None  # sorts groups; else their text does


class Row(NamedTuple):
    values: dict  # Value by name
    quantity: float = 0.0  # in the unit shown, not rounded
    unit: str = ""
    recorded: float = 0.0  # as recorded, what is converted and rounded as one
    key: object = None  # what the invoice rounds together
    price: float = 0.0
    money: float = 0.0


class Totals(NamedTuple):
    quantities: dict  # by unit
    money: float


class Group(NamedTuple):
    label: str
    level: int  # 1 or 2
    totals: Totals
    rows: list  # empty where there are groups within
    groups: list


class Table(NamedTuple):
    columns: list
    rows: list
    groups: list  # empty: rows are not grouped
    totals: Totals
    group_columns: list  # the columns of what rows are grouped by
    digits: int  # decimals of the rows' quantities
    total_digits: int  # decimals that quantities are invoiced with
    subtotals: bool

    @property
    def units(self):
        return sorted({row.unit for row in self.rows})

    @property
    def texts(self):
        """The columns of texts and dates: those before the numbers."""
        return [column for column in self.columns if column.name not in NUMBERS]

    @property
    def numbers(self):
        return [column.name for column in self.columns if column.name in NUMBERS]

    def walk(self):
        """Yield the groups and rows in the order to print."""
        if not self.groups:
            yield from self.rows
        for group in self.groups:
            yield group
            yield from group.rows
            for inner in group.groups:
                yield inner
                yield from inner.rows


def make_table(rows, columns, groupings, convert, *, none, subtotals, digits):
    """Return the table of some rows.

    :param list[Row] rows: in the order to print
    :param list[Column] columns: texts first, then numbers
    :param list[Column] groupings: none to two
    :param convert: function of a key and a recorded sum, that rounds as the invoice
        does; none where quantities do not add up
    :param str none: label of the group without a name
    :param bool subtotals: whether groups show theirs
    :param int digits: decimals that quantities are invoiced with
    """
    names = [grouping.name for grouping in groupings]
    return Table(
        columns=columns,
        rows=rows,
        groups=_group(rows, names, convert, none),
        totals=sum_rows(rows, convert),
        group_columns=groupings,
        digits=get_digits([row.quantity for row in rows]),
        total_digits=digits,
        subtotals=subtotals,
    )


def _group(rows, groupings, convert, none, level=1):
    if not groupings:
        return []
    members = {}
    for row in rows:
        members.setdefault(row.values[groupings[0]], []).append(row)
    return [
        Group(
            label=value.text or none,
            level=level,
            totals=sum_rows(some, convert),
            rows=[] if groupings[1:] else some,
            groups=_group(some, groupings[1:], convert, none, level + 1),
        )
        for value, some in sorted(members.items(), key=_get_order)
    ]


def _get_order(item):
    value, _rows = item
    return not value.text, value.order or 0, value.text.casefold()


def sum_rows(rows, convert):
    """Return the totals of some rows, as the invoice rounds them."""
    recorded, units = {}, {}
    for row in rows if convert else ():
        recorded[row.key] = recorded.get(row.key, 0.0) + row.recorded
        units[row.key] = row.unit
    quantities = {}
    for key, amount in recorded.items():
        unit = units[key]
        quantities[unit] = quantities.get(unit, 0.0) + convert(key, amount)
    return Totals(quantities, sum(row.money for row in rows))


def get_digits(quantities, least=2, most=3):
    """Return the decimals with which all rows show what they are, within limits.

    An hour is 0.125 days: two decimals for each of eight would not add up to one day.
    """
    for digits in range(least, most):
        if all(abs(value - round(value, digits)) < 1e-6 for value in quantities):
            return digits
    return most


def share(total, weights, rounding):
    """Split an amount by weights so that the rounded parts add up to it.

    :param float total: amount to split
    :param list[float] weights: one for each part
    :param rounding: function that rounds an amount
    :return: list of amounts; zeros where there is nothing to weigh
    """
    whole = sum(weights)
    if not whole:
        return [0.0] * len(weights)
    parts, weighed, given = [], 0.0, 0.0
    for weight in weights:
        weighed += weight
        part = rounding(total * weighed / whole) - given
        given += part
        parts.append(rounding(part))
    return parts


def print_table(table, formats, labels):
    """Return the table as texts to print.

    :param dict formats: functions ``number`` of a value and digits, ``money`` and
        ``price`` of an amount, ``total`` of an amount with its currency
    :param dict labels: text ``total``
    :return: dict of ``head`` and ``rows``; a row has a ``css`` class and ``cells``: a
        text, a css class and the number of columns that it takes
    """
    printer = _Printer(table, formats)
    return {
        "head": [(column.label, _get_css(column.name), 1) for column in table.columns],
        "rows": [
            *map(printer.print_item, table.walk()),
            *printer.print_total(labels["total"]),
        ],
    }


def _get_css(name):
    return "number" if name in NUMBERS else name


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
            (item.values[column.name].text, column.name, 1)
            for column in self.table.texts
        ]
        cells += [
            (getattr(self, f"_print_{name}")(item), "number", 1)
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
            span = 2 if len(totals.quantities) > 1 and texts > 1 else 1
            texts -= span - 1
            quantities = [
                self._print_number(totals.quantities[unit], unit)
                for unit in sorted(totals.quantities)
            ]
            cells.append((" + ".join(quantities), "number", span))
        if PRICE in numbers:
            cells.append(("", "number", 1))
        if MONEY in numbers:
            cells.append((self.formats["total"](totals.money), "number", 1))
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


def day_value(day, text):
    """Return a day as a value: groups sort by it, not by its words."""
    return Value(text, (day or date.min).toordinal())
