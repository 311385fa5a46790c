from odoo.tests import BaseCase, tagged

from odoo.addons.sale_timesheet_cra.models.annex_print import MOST_LINES, print_table
from odoo.addons.sale_timesheet_cra.models.annex_table import (
    MONEY,
    PRICE,
    QUANTITY,
    Column,
    Row,
    Value,
    make_table,
)

NAMES = {"date": "Date", "employee": "Consultant", "description": "Description"}
FORMATS = {
    "number": lambda value, digits: f"{value:,.{digits}f}",
    "money": lambda value: f"{value:,.2f}",
    "price": lambda value: f"{value:,.2f}",
    "total": lambda value: f"$ {value:,.2f}",
}


@tagged("post_install", "-at_install")
class TestAnnexPrint(BaseCase):
    def print(self, *texts, names=tuple(NAMES), money=100.0, orientation="portrait"):
        rows = [
            Row(
                values={name: Value(text) for name in names},
                quantity=1.0,
                recorded=1.0,
                price=money,
                money=money,
            )
            for text in texts
        ]
        columns = [Column(name, NAMES[name]) for name in names]
        columns += [Column(QUANTITY, ""), Column(PRICE, "Price"), Column(MONEY, "")]
        table = make_table(
            rows, columns, [], lambda key, sum_: sum_, none="", subtotals=True, digits=2
        )
        return print_table(table, FORMATS, {"total": "Total"}, orientation)

    def get_widths(self, printed):
        return [
            float(width.removesuffix("%")) for _text, _css, width in printed["head"]
        ]

    def test_figures_get_the_room_they_need_and_texts_the_rest(self):
        small, large = (
            self.get_widths(self.print("a", money=money)) for money in (1, 10**12)
        )
        self.assertGreater(large[-1], 2 * small[-1])
        self.assertLess(large[2], small[2], "the description gives way")
        for widths in (small, large):
            self.assertAlmostEqual(sum(widths), 100, delta=0.5)
        wide = self.get_widths(self.print("a", orientation="landscape"))
        self.assertGreater(wide[2], small[2])

    def test_only_words_that_do_not_fit_are_broken(self):
        printed = self.print("some plain words", "x" * 60, "WWWWWWWWWW")
        plain, long, wide, _total = printed["rows"]
        self.assertEqual(
            [css for _text, css, _span in plain["cells"]][2], "description"
        )
        for row in (long, wide):
            self.assertEqual(row["cells"][1][1], "employee long")

    def test_a_text_longer_than_a_page_goes_on_in_another_row(self):
        for text in ("x" * 9000, "some words " * 900, "a\n" * 200 + "b", "\n\nc"):
            *rows, _total = self.print(text, names=["description"])["rows"]
            parts = [row["cells"][0][0] for row in rows]
            self.assertEqual(
                "".join(parts).replace("\n", ""), text.replace("\n", ""), "all of it"
            )
            for part in parts:
                self.assertLessEqual(part.count("\n"), MOST_LINES)
                self.assertLess(len(part), 3000)
            self.assertEqual(rows[0]["css"], "line")
            self.assertEqual({row["css"] for row in rows[1:]} - {"line more"}, set())
            figures = ["".join(row["cells"][n][0] for row in rows) for n in (1, 3)]
            self.assertEqual(figures, ["1.00", "100.00"], "figures stand there once")
