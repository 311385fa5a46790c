"""One annex of 3,000 lines against core's timesheet report of the same invoice."""

import re

from .. import bench_data, pdf
from . import annex_render

TITLE = "One annex of 3,000 timesheets"
LINES = 3000


def prepare(env):
    moves = bench_data.invoiced_month(env, count=1, lines=LINES)
    annex_render.assign(env)
    if len(moves) != 1:
        raise ValueError(f"{len(moves)} invoices")


def problem(made):
    """Say what is wrong with the only document, or nothing."""
    if len(made) != 1:
        return f"{len(made)} documents for one invoice"
    [(move, content)] = made
    items = sorted(map(int, re.findall(r"Work item (\d+)", pdf.text(content))))
    if items != list(range(LINES)):
        return f"{move.name} shows {len(items)} items"
    return ""


def measure(bench):
    moves = bench.env["account.move"].search([("move_type", "=", "out_invoice")])
    pages = {}

    def count(name, made):
        pages[name] = pdf.pages(made[0][1])
        return made

    arms = {
        "stock, report.print_delay=0": lambda: count(
            "stock", annex_render.stock(moves, "0")
        ),
        "annex": lambda: count("ours", annex_render.ours(moves)),
    }
    times = bench.arms(arms, check=problem)
    stock, ours = times["stock, report.print_delay=0"], times["annex"]
    stock_page, page = stock / pages["stock"], ours / pages["ours"]
    bench.note(
        f"per page: stock {1000 * stock_page:.1f} ms ({pages['stock']} pages), "
        f"annex {1000 * page:.1f} ms ({pages['ours']} pages)"
    )
    bench.close("annex_long", stock_page, page, target=3)
