"""Which pieces of time make up a quantity that was invoiced or credited."""

#: Quantities are compared in thousandths of the unit of the order line, and are equal
#: if they round to the same two decimals.
SCALE = 1000
TOLERANCE = 0.0055


def is_close(quantity, other):
    """Tell whether two quantities round to the same."""
    return abs(quantity - other) < TOLERANCE


def choose(amounts, limit):
    """Return the pieces that come as near to ``limit`` as possible, never above it.

    Of several choices, the one of the earlier pieces. Corrections below zero go with
    all the others or, where the quantity is negative itself, make it up.

    :param list amounts: quantity of each piece
    :param float limit: quantity that is to be made up
    :return: sorted list of indexes into ``amounts``
    """
    everything = list(range(len(amounts)))
    if is_close(sum(amounts), limit):
        return everything
    if limit < 0:
        taken = choose([-amount for amount in amounts], -limit)
        return taken if is_close(sum(amounts[i] for i in taken), limit) else []
    positive = [index for index in everything if amounts[index] > 0]
    if sum(amounts[index] for index in positive) < limit - TOLERANCE:
        return everything
    taken = _fill([amounts[index] for index in positive], limit)
    return [positive[index] for index in taken]


def _fill(amounts, limit):
    least, most = (round((limit + side) * SCALE) for side in (-TOLERANCE, TOLERANCE))
    #: sum -> (index of the piece that reached it first, sum before it)
    reached = {0: None}
    for index, amount in enumerate(amounts):
        piece = round(amount * SCALE)
        for total in list(reached):
            if total + piece <= most and total + piece not in reached:
                reached[total + piece] = (index, total)
                if total + piece > least:  # equal: no other choice comes nearer
                    return _trace(reached, total + piece)
    return _trace(reached, max(reached))


def _trace(reached, total):
    chosen = []
    step = reached[total]
    while step:
        chosen.append(step[0])
        step = reached[step[1]]
    return sorted(chosen)
