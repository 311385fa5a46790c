"""Memory and queries of 100 and of 500 annexes made in one go."""

from .. import bench_data
from ..memory import Memory, forget
from . import annex_render

TITLE = "Memory of 500 annexes of 30 timesheets against that of 100"
FEW, MANY, LINES = 100, 500, 30


def prepare(env):
    bench_data.invoiced_month(env, count=MANY, lines=LINES)
    annex_render.assign(env)


def measure(bench):
    env = bench.env
    moves = env["account.move"].search([("move_type", "=", "out_invoice")], order="id")
    annex_render.ours(moves[:5])  # what is loaded once does not count
    env.cr.rollback()
    peaks, queries = [], []
    for count in (FEW, MANY):  # freed memory would hide what few need after many
        env.invalidate_all()
        forget()
        with Memory() as memory:
            made, *_times, used = bench.run(
                lambda n=count: annex_render.ours(moves[:n])
            )
        if len(made) != count:
            raise ValueError(f"{len(made)} annexes of {count}")
        del made
        env.cr.rollback()
        peaks.append(memory.peak)
        queries.append(used)
        bench.note(
            f"{count} annexes: {memory.peak:.0f} MB at most, "
            f"{memory.peak - memory.before:.0f} MB of it new; "
            f"{used / count:.2f} queries each"
        )
    bench.close("annex_memory", 1.3 * peaks[0], peaks[1], target=1)
    bench.close("annex_queries", queries[0] / FEW, queries[1] / MANY, target=0.95)
