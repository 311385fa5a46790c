"""Measure the addon against stock Odoo; see ``--help``.

A benchmark is a module of ``cradev.benchmarks`` with a ``TITLE`` and two functions that
run inside Odoo, in a process of its own beside a running server and an SMTP catcher::

    def prepare(env):
        \"\"\"Make the data; it is committed.\"\"\"
        bench_data.invoiced_month(env, count=80)

    def measure(bench):
        moves = bench.env["account.move"].search([...])
        times = bench.arms(
            {"stock": lambda: stock(moves), "ours": lambda: ours(moves)},
            check=lambda output: problems(output),   # "" or what is wrong with it
        )
        bench.close("annex_render", times["stock"], times["ours"], target=10)

Each arm runs once unmeasured and then ``repeat`` times, in turn with the others. The
output of every run is checked, before its time counts; the cache of records is empty at
its start. ``close`` may be called several times with different names.
"""

import argparse
import contextlib
import importlib
import os
import pkgutil
import statistics
import sys
import time

from . import cache, odoo_source, postgres, process, system, wkhtmltopdf
from .odoo import MODULE, Odoo


class Bench:
    """What a benchmark works with inside Odoo."""

    def __init__(self, env, repeat):
        self.env = env
        self.repeat = repeat
        self.rows = []
        self.notes = []
        self.closing = []

    def run(self, function):
        """Run once; return (output, wall s, own CPU s, children's CPU s, queries)."""
        from odoo import sql_db

        self.env.invalidate_all()
        queries, cpu, start = sql_db.sql_counter, os.times(), time.perf_counter()
        output = function()
        wall, after = time.perf_counter() - start, os.times()
        own = after.user + after.system - cpu.user - cpu.system
        children = after.children_user + after.children_system
        children -= cpu.children_user + cpu.children_system
        return output, wall, own, children, sql_db.sql_counter - queries

    def arms(self, arms, *, check, repeat=None, undo=True, warm_up=True):
        """Measure several ways to the same end, in turn.

        :param dict arms: name -> function without arguments
        :param check: takes what a run returned, returns what is wrong with it or ``""``
        :param bool undo: roll back after each run, so that all start from the same data
        :param bool warm_up: run once before measuring; vain where a run takes minutes
        :return: name -> median of the wall times, in seconds
        :raise ValueError: an output is wrong; no time counts then
        """
        repeat = repeat or self.repeat
        samples = {name: [] for name in arms}
        for turn in range(0 if warm_up else 1, repeat + 1):
            for name, function in arms.items():
                output, *figures = self.run(function)
                if problem := check(output):
                    raise ValueError(f"{name}, run {turn}: {problem}")
                if undo:
                    self.env.cr.rollback()
                if turn:  # the first warms caches up
                    samples[name].append(figures)
        medians = {}
        for name, runs in samples.items():
            walls = [figures[0] for figures in runs]
            middle = [statistics.median(column) for column in zip(*runs, strict=True)]
            medians[name] = middle[0]
            self.rows.append([name, *middle, min(walls), max(walls), len(walls)])
        return medians

    @staticmethod
    def mails():
        """Return the mails caught so far, for checks at the sink."""
        return process.Catcher.read(os.environ["CRA_BENCH_MAILS"])

    def note(self, text):
        """Have a line printed below the table."""
        self.notes.append(text)

    def close(self, name, stock, ours, target):
        """Say how many times faster we are than stock."""
        self.closing.append([name, stock / ours, target])


def run_prepare(env, module):
    """Make a benchmark's data (runs inside Odoo)."""
    importlib.import_module(module).prepare(env)
    env.cr.commit()


def run_measure(env, module, repeat):
    """Run a benchmark (runs inside Odoo)."""
    bench = Bench(env, repeat)
    importlib.import_module(module).measure(bench)
    return {"rows": bench.rows, "notes": bench.notes, "closing": bench.closing}


def available():
    """Return {name: module name} of the benchmarks there are."""
    package = importlib.import_module(".benchmarks", __package__)
    return {
        found.name: f"{package.__name__}.{found.name}"
        for found in pkgutil.iter_modules(package.__path__)
    }


def make(odoo, name, module):
    """Return the database of a benchmark, made anew."""
    database = odoo.database_name(f"bench_{name}")
    odoo.create(database, template=odoo.template(demo=False))
    cache.step(f"{name}: installing the addon")
    arguments = ("-i", MODULE, "--stop-after-init", "--no-http")
    odoo.run(database, *arguments, check=True)
    cache.step(f"{name}: making data")
    with postgres.connect(database) as cursor:
        # Nothing runs beside what is measured.
        cursor.execute("UPDATE ir_cron SET active = false")
    odoo.call(database, run_prepare, module=module)
    with postgres.connect(database) as cursor:
        cursor.execute("VACUUM ANALYZE")
    return database


def print_table(rows):
    head = ("arm", "median s", "CPU s", "children s", "queries", "min", "max", "n")
    lines = [head] + [
        (row[0], *(f"{value:.3f}" for value in row[1:4]), f"{row[4]:.0f}")
        + (*(f"{value:.3f}" for value in row[5:7]), str(row[7]))
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first = line[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([first, *list(rest)[1:]]))


def run(odoo, name, module, options):
    """Run one benchmark and print what it gave.

    :return: whether it reached every target
    """
    database = odoo.database_name(f"bench_{name}")
    if not (options.keep and odoo.exists(database)):
        make(odoo, name, module)
    folder = odoo.work / f"{database}_mails"
    with contextlib.ExitStack() as stack:
        catcher = stack.enter_context(process.Catcher(folder))
        catcher.clear()
        odoo.call(database, process.set_mail_server, port=catcher.port)
        server = stack.enter_context(odoo.server(database, "--max-cron-threads=0"))
        parameters = {"report.url": server.url, "web.base.url": server.url}
        odoo.set_parameters(database, parameters)
        cache.step(f"{name}: measuring")
        call = odoo.start_call(
            database,
            run_measure,
            module=module,
            repeat=options.repeat,
            environment={"CRA_BENCH_MAILS": str(folder)},
        )
        found = call.result(timeout=3600)
    if not options.keep:
        odoo.drop(database)
    print(f"\n{importlib.import_module(module).TITLE}")
    if found["rows"]:
        print_table(found["rows"])
    for note in found["notes"]:
        print(note)
    for title, ratio, target in found["closing"]:
        verdict = "ok" if ratio >= target else "short"
        print(f"{title}: ratio={ratio:.2f} target={target:g} {verdict}", flush=True)
    return all(ratio >= target for _title, ratio, target in found["closing"])


def main(arguments=None):
    names = available()
    parser = argparse.ArgumentParser(
        prog="dev/bench",
        description="Measure the addon against stock Odoo in one run. Exits with 1 "
        "if a target is missed or an output is wrong.",
        epilog=f"benchmarks: {', '.join(names) or 'none yet'}",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--repeat", type=int, default=5, help="measured runs per arm")
    parser.add_argument(
        "--keep", action="store_true", help="keep the databases and use kept ones"
    )
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in names:
            sys.exit(f"There is no benchmark {name}. There are: {', '.join(names)}.")
    system.ensure()
    wkhtmltopdf.ensure()
    source = odoo_source.ensure()
    with postgres.running():
        odoo = Odoo(source)
        reached = [
            run(odoo, name, names[name], options) for name in options.names or names
        ]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    # Functions of this module run inside Odoo too, under its real name.
    sys.exit(importlib.import_module("cradev.bench").main())
