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
    pieces = [round(amount * SCALE) for amount in amounts]
    # Before each piece, which sums the earlier ones make up: bit n for a sum of n.
    reached, within = [1], (1 << most + 1) - 1
    for piece in pieces:
        reached.append(reached[-1] | reached[-1] << piece & within)
        if reached[-1] >> max(least + 1, 0):  # equal: no other choice comes nearer
            break
    total = reached[-1].bit_length() - 1
    chosen = []
    for index in reversed(range(len(reached) - 1)):
        if not reached[index] >> total & 1:
            chosen.append(index)
            total -= pieces[index]
    return sorted(chosen)
