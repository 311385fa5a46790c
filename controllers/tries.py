"""How many bad links somebody may try."""

import time
from collections import OrderedDict

#: Bad links of one address on one report, and for how many seconds they count.
MOST, SECONDS = 30, 600
#: How many addresses and reports are remembered: the oldest are forgotten.
SIZE = 10_000


class Tries:
    """Counts in the memory of one process: looking at a page writes nothing.

    By address *and* report, so that nobody shuts a whole company out that sits behind
    one router.
    """

    def __init__(self):
        self._tries = OrderedDict()

    def is_over(self, key):
        """Tell whether no more links are looked at for now."""
        count, since = self._tries.get(key, (0, 0))
        return count >= MOST and time.monotonic() < since + SECONDS

    def count(self, key):
        """Note one more bad link."""
        count, since = self._tries.pop(key, (0, 0))
        if time.monotonic() >= since + SECONDS:
            count, since = 0, time.monotonic()
        self._tries[key] = (count + 1, since)
        while len(self._tries) > SIZE:
            self._tries.popitem(last=False)
