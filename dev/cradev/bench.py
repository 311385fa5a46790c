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

A module with ``BESIDE_STOCK = True`` is measured beside an Odoo without the addon, with
the same data: ``prepare(env)`` runs before the addon is installed, ``configure(env)``
after that, and ``bench.stock`` is an environment on the database without it. Core's
flows are measured there, so that nothing of ours slows them down.

A module with ``drive(bench, playground)`` instead of ``measure`` runs outside Odoo, and
starts and kills what it needs through the :class:`cradev.process.Playground`. ``PEERS``
names addons of ``dev/peers.txt`` that a benchmark wants installed.

Each arm runs once unmeasured and then ``repeat`` times, in turn with the others. The
output of every run is checked, before its time counts; the cache of records is empty at
its start. ``close`` may be called several times with different names.

Where Odoo as a whole is timed, a module has ``run(odoo, options)`` instead of the two
functions: it makes its databases itself and returns what :func:`run_measure` returns.
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

    def __init__(self, env, repeat, stock=None):
        """
        :param stock: environment on the database without the addon, if there is one
        """
        self.env = env
        self.stock = stock
        self.repeat = repeat
        self.rows = []
        self.notes = []
        self.closing = []

    def run(self, function):
        """Run once; return (output, wall s, own CPU s, children's CPU s, queries)."""
        from odoo import sql_db

        self._forget()
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
                    self.rollback()
                if turn:  # the first warms caches up
                    samples[name].append(figures)
        medians = {}
        for name, runs in samples.items():
            walls = [figures[0] for figures in runs]
            middle = [statistics.median(column) for column in zip(*runs, strict=True)]
            medians[name] = middle[0]
            self.rows.append([name, *middle, min(walls), max(walls), len(walls)])
        return medians

    def add(self, name, walls):
        """Show an arm of which only the wall times are known, in seconds."""
        times = (statistics.median(walls), None, None, None, min(walls), max(walls))
        self.rows.append([name, *times, len(walls)])

    def _forget(self):
        """Empty the cache of records, as a new request finds it."""
        for env in filter(None, (self.env, self.stock)):
            env.invalidate_all()

    def rollback(self):
        for env in filter(None, (self.env, self.stock)):
            env.cr.rollback()

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

    def found(self):
        """Return what is printed in the end."""
        return {"rows": self.rows, "notes": self.notes, "closing": self.closing}


def run_prepare(env, module, step="prepare"):
    """Make a benchmark's data (runs inside Odoo)."""
    getattr(importlib.import_module(module), step)(env)
    env.cr.commit()


def run_measure(env, module, repeat, stock=None):
    """Run a benchmark (runs inside Odoo).

    :param str stock: the database without the addon, if there is one
    """
    with contextlib.ExitStack() as stack:
        stock_env = stock and stack.enter_context(_environment(env, stock))
        bench = Bench(env, repeat, stock_env)
        importlib.import_module(module).measure(bench)
    return bench.found()


@contextlib.contextmanager
def _environment(env, database):
    """Yield an environment like ``env`` on another database (runs inside Odoo)."""
    from odoo import api
    from odoo.modules.registry import Registry

    with contextlib.closing(Registry(database).cursor()) as cr:
        yield api.Environment(cr, env.uid, dict(env.context))


def available():
    """Return {name: module name} of the benchmarks there are."""
    package = importlib.import_module(".benchmarks", __package__)
    return {
        found.name: f"{package.__name__}.{found.name}"
        for found in pkgutil.iter_modules(package.__path__)
    }


def stock_name(database, module):
    """Return the database without the addon, None if the benchmark needs none."""
    beside = getattr(importlib.import_module(module), "BESIDE_STOCK", False)
    return f"{database}_stock" if beside else None


def _peers(module):
    """Return the addons of others that a benchmark wants."""
    return getattr(importlib.import_module(module), "PEERS", ())


def make(odoo, name, module):
    """Make the database of a benchmark anew, and the one without the addon."""
    database = odoo.database_name(f"bench_{name}")
    template = odoo.template(demo=False)
    stock = stock_name(database, module)
    if stock:
        odoo.create(stock, template=template)
        _make_data(odoo, name, stock, module, "prepare")
        template = stock
    odoo.create(database, template=template)
    cache.step(f"{name}: installing the addon")
    modules = ",".join((MODULE, *_peers(module)))
    arguments = ("-i", modules, "--stop-after-init", "--no-http")
    odoo.run(database, *arguments, check=True)
    _make_data(odoo, name, database, module, "configure" if stock else "prepare")
    return database


def _make_data(odoo, name, database, module, step):
    cache.step(f"{name}: making data")
    with postgres.connect(database) as cursor:
        # Nothing runs beside what is measured.
        cursor.execute("UPDATE ir_cron SET active = false")
    odoo.call(database, run_prepare, module=module, step=step)
    with postgres.connect(database) as cursor:
        cursor.execute("VACUUM ANALYZE")


def print_table(rows):
    head = ("arm", "median s", "CPU s", "children s", "queries", "min", "max", "n")
    formats = ("", ".3f", ".3f", ".3f", ".0f", ".3f", ".3f", "")
    lines = [head] + [
        tuple(
            "" if value is None else format(value, wanted)
            for value, wanted in zip(row, formats, strict=True)
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first = line[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join([first, *list(rest)[1:]]))


def _measure(odoo, database, stock, module, repeat):
    """Run a benchmark in Odoo, beside running servers and an SMTP catcher."""
    folder = odoo.work / f"{database}_mails"
    with contextlib.ExitStack() as stack:
        catcher = stack.enter_context(process.Catcher(folder))
        catcher.clear()
        for each in filter(None, (database, stock)):
            odoo.call(each, process.set_mail_server, port=catcher.port)
            server = stack.enter_context(odoo.server(each, "--max-cron-threads=0"))
            parameters = {"report.url": server.url, "web.base.url": server.url}
            odoo.set_parameters(each, parameters)
        call = odoo.start_call(
            database,
            run_measure,
            module=module,
            repeat=repeat,
            stock=stock,
            environment={"CRA_BENCH_MAILS": str(folder)},
        )
        return call.result(timeout=3600)


def run_module(odoo, name, module, options):
    """Make the data of a benchmark and measure; return what a measurement found."""
    if _peers(module):
        odoo = odoo.with_peers()
    database = odoo.database_name(f"bench_{name}")
    stock = stock_name(database, module)
    databases = list(filter(None, (database, stock)))
    if not (options.keep and all(map(odoo.exists, databases))):
        make(odoo, name, module)
    cache.step(f"{name}: measuring")
    drive = getattr(importlib.import_module(module), "drive", None)
    if drive:
        bench = Bench(None, options.repeat)
        drive(bench, process.Playground(odoo, database))
        found = bench.found()
    else:
        found = _measure(odoo, database, stock, module, options.repeat)
    if not options.keep:
        for each in databases:
            odoo.drop(each)
    return found


def run(odoo, name, module, options):
    """Run one benchmark and print what it gave.

    :return: whether it reached every target
    """
    benchmark = importlib.import_module(module)
    measure = getattr(benchmark, "run", None)
    if measure:
        found = measure(odoo, options)
    else:
        found = run_module(odoo, name, module, options)
    print(f"\n{benchmark.TITLE}")
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
