"""The table of a time section: plain values in, texts to print out."""

from datetime import date
from typing import NamedTuple


class TimeRow(NamedTuple):
    date: date
    employee: str
    project: str
    task: str
    description: str
    quantity: float  # in the unit shown, not rounded
    unit: str
    amount: float  # as recorded
    key: object  # what core rounds together: the order line and its units


class Column(NamedTuple):
    name: str
    label: str
    css: str


def group_rows(rows, attribute):
    """Return pairs of a label and its rows, by label, those without one last."""
    if not attribute:
        return [("", rows)]
    groups = {}
    for row in rows:
        groups.setdefault(getattr(row, attribute), []).append(row)
    return sorted(groups.items(), key=lambda group: (not group[0], group[0].casefold()))


def sum_rows(rows, convert):
    """Return totals by unit.

    :param convert: function of a key and an amount, that rounds as the invoice does
    """
    amounts, units = {}, {}
    for row in rows:
        amounts[row.key] = amounts.get(row.key, 0.0) + row.amount
        units[row.key] = row.unit
    totals = {}
    for key, amount in amounts.items():
        unit = units[key]
        totals[unit] = totals.get(unit, 0.0) + convert(key, amount)
    return totals


def get_digits(quantities, least=2, most=3):
    """Return the decimals with which all rows show what they are, within limits.

    An hour is 0.125 days: two decimals for each of eight would not add up to one day.
    """
    for digits in range(least, most):
        if all(abs(value - round(value, digits)) < 1e-6 for value in quantities):
            return digits
    return most


def build_table(rows, columns, grouping, convert, formats, labels):
    """Return the printed table: its columns and rows of texts.

    :param list[TimeRow] rows: in the order to print
    :param list[Column] columns: the last one holds the quantity
    :param str grouping: attribute of the rows, or nothing
    :param convert: see ``sum_rows``
    :param dict formats: functions ``date`` of a date, ``number`` of a value and digits
    :param dict labels: texts ``total`` and ``none``, for rows without a group
    :return: dict of ``columns``, ``rows`` and ``total_span``; a row has a ``kind``
        (group, line or total) and ``cells``; groups and totals have two, a label and a
        quantity, which takes that many columns
    """
    units = {row.unit for row in rows}
    digits = get_digits([row.quantity for row in rows])

    def show(quantity, unit):
        text = formats["number"](quantity, digits)
        return text if len(units) == 1 else f"{text} {unit}"

    def show_total(some_rows):
        totals = sum_rows(some_rows, convert)
        return " + ".join(show(totals[unit], unit) for unit in sorted(totals))

    def show_cell(row, column):
        if column.name == "quantity":
            return show(row.quantity, row.unit)
        value = getattr(row, column.name)
        return formats["date"](value) if column.name == "date" else value

    printed = []
    for label, members in group_rows(rows, grouping):
        if grouping:
            cells = [label or labels["none"], show_total(members)]
            printed.append({"kind": "group", "cells": cells})
        printed += [
            {"kind": "line", "cells": [show_cell(row, column) for column in columns]}
            for row in members
        ]
    printed.append({"kind": "total", "cells": [labels["total"], show_total(rows)]})
    # Totals in several units stand side by side and need room.
    total_span = 2 if len(units) > 1 and len(columns) > 2 else 1
    return {"columns": columns, "rows": printed, "total_span": total_span}
