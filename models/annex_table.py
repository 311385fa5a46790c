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


def day_value(day, text):
    """Return a day as a value: groups sort by it, not by its words."""
    return Value(text, (day or date.min).toordinal())
