import time
from itertools import combinations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..models.hours_choice import choose, is_close

QUARTERS = st.integers(1, 40).map(lambda number: number / 4)


@tagged("post_install", "-at_install")
class TestHoursChoice(BaseCase):
    def test_all_of_it_where_it_fits(self):
        self.assertEqual(choose([8, 6, -2], 12), [0, 1, 2])
        self.assertEqual(choose([8, 6, -2], 20), [0, 1, 2])
        self.assertEqual(choose([1 / 3] * 3, 1), [0, 1, 2])
        self.assertEqual(choose([], 5), [])

    def test_the_nearest_sum_below_of_the_earliest_pieces(self):
        self.assertEqual(choose([5, 4, 4], 8), [1, 2])
        self.assertEqual(choose([8, 2, 6], 8), [0])
        self.assertEqual(choose([8, 8], 10), [0])
        self.assertEqual(choose([8], 7), [])
        self.assertEqual(choose([8, -2], 8), [0])

    def test_corrections_make_up_what_is_below_zero(self):
        self.assertEqual(choose([-2, 8], -2), [0])
        self.assertEqual(choose([3, -5], -2), [0, 1])
        self.assertEqual(choose([-5, 8], -2), [])

    @settings(deadline=None, derandomize=True, database=None)
    @given(st.lists(QUARTERS, max_size=7), QUARTERS)
    def test_no_other_choice_comes_nearer(self, amounts, limit):
        chosen = sum(amounts[index] for index in choose(amounts, limit))
        best = max(
            sum(pieces)
            for count in range(len(amounts) + 1)
            for pieces in combinations(amounts, count)
            if sum(pieces) <= limit
        )
        self.assertAlmostEqual(chosen, best)

    def test_years_of_minutes_are_no_work(self):
        """A credit note over a thousand odd pieces of time is posted at once."""
        minutes = Random(1)
        amounts = [minutes.randint(1, 480) / 60 for _ in range(1000)]
        started = time.monotonic()
        taken = choose(amounts, 700)
        self.assertLess(time.monotonic() - started, 2)
        self.assertTrue(is_close(sum(amounts[index] for index in taken), 700))
