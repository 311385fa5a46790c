"""Which invoice line billed which cost, told from quantities: core records none."""

from datetime import date
from typing import NamedTuple

EPSILON = 1e-6


class Cost(NamedTuple):
    """What was bought for a sales order line. In the unit of that line."""

    key: object
    day: date
    quantity: float
    line: object  # that is recorded to have billed it, or nothing


class BillingLine(NamedTuple):
    """An invoice line of that sales order line."""

    key: object
    quantity: float  # less what was credited
    last_day: date  # younger costs are not its own; nothing: no limit


def allocate(costs, lines):
    """Say which line billed each cost.

    A line bills whole costs, up to its quantity. It keeps those it had, the oldest
    first, and takes free ones, again the oldest first. Older lines come first, so that
    what was billed before this was recorded is not billed again.

    :param list[Cost] costs: of one sales order line
    :param list[BillingLine] lines: of the same, oldest first
    :return: dict of a line's key, or nothing, by the key of each cost
    """
    costs = sorted(costs, key=lambda cost: (cost.day, cost.key))
    room = {line.key: line.quantity for line in lines}
    billed = {}
    for cost in costs:
        if cost.line in room and _fits(cost, room[cost.line]):
            room[cost.line] -= cost.quantity
            billed[cost.key] = cost.line
    for line in lines:
        for cost in costs:
            if cost.key in billed or (line.last_day and cost.day > line.last_day):
                continue
            if _fits(cost, room[line.key]):
                room[line.key] -= cost.quantity
                billed[cost.key] = line.key
    return {cost.key: billed.get(cost.key) for cost in costs}


def credit(lines, credits):
    """Take what was credited off the lines, the youngest first.

    :param list lines: pairs of a line's key and its quantity, oldest first
    :param list credits: pairs of the keys of the lines credited and a quantity
    :return: dict of what is left by line
    """
    left = dict(lines)
    for keys, quantity in credits:
        for key in reversed([key for key, _quantity in lines if key in keys]):
            taken = min(left[key], quantity)
            left[key] -= taken
            quantity -= taken
    return left


def _fits(cost, room):
    return 0 < cost.quantity <= room + EPSILON
