"""Run every check of the project on a real Odoo 19; see ``--help``."""

import argparse
import contextlib
import importlib
import re
import signal
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from . import cache, odoo_source, postgres, system, wkhtmltopdf
from .odoo import MODULE, Odoo
from .report import FAILED, Report
from .workbench import Workbench

#: Each lane runs its stages one after the other, beside the other lane.
LANES = (
    ("unit", "install", "core_lint", "uninstall", "translations", "process"),
    ("lint", "core"),
)
STAGES = tuple(stage for lane in LANES for stage in lane)
NEEDS_NO_ODOO = {"lint"}

DESCRIPTION = """\
Run every check of the project on a real Odoo 19, which is set up first if need be.
The last line says how many checks passed, failed and were skipped."""
EXAMPLES = f"""\
stages: {", ".join(stage.replace("_", "-") for stage in STAGES)}

examples:
  dev/test                                everything
  dev/test --fast                         without core's tests and the process stage
  dev/test lint translations              two stages
  dev/test test_cra_report                one test file
  dev/test TestCraReport.test_send        one class or method
  dev/test --keep TestCraReport           keep the database; the next run updates it
"""


def parse(arguments):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="dev/test",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", help="stages, or test files, classes, methods"
    )
    parser.add_argument(
        "--fast", action="store_true", help="leave out core's tests and processes"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep the databases; own tests then update theirs instead of making it",
    )
    parser.add_argument(
        "--update-pot",
        action="store_true",
        help="write i18n/*.pot anew, bring fr.po and es.po up to date, and stop",
    )
    parser.add_argument(
        "--core-baseline",
        action="store_true",
        help="print which of core's tests do not pass without the addon, and stop",
    )
    return parser.parse_args(arguments)


def test_tag(name):
    """Return Odoo's test tag for a test file, class, method or class.method.

    :return: the tag, ``None`` if the name is nothing of these
    """
    stem = name.rpartition("/")[2].removesuffix(".py")
    if (cache.ROOT / "tests" / f"{stem}.py").exists():
        return f"/{MODULE}/tests/{stem}.py"
    if re.fullmatch(r"Test\w*(\.test_\w+)?", name):
        return f"/{MODULE}:{name}"
    if re.fullmatch(r"test_\w+", name):
        return f"/{MODULE}:.{name}"
    return None


def choose(options):
    """Return (names of the stages to run, tags of the own tests)."""
    stages, tags = [], []
    for name in options.names:
        stage = name.replace("-", "_")
        if stage in STAGES:
            stages.append(stage)
        elif tag := test_tag(name):
            tags.append(tag)
        else:
            sys.exit(
                f"{name} is no stage, and no file, class or method of tests/. "
                "dev/test --help lists the stages."
            )
    if tags and "unit" not in stages:
        stages.append("unit")
    if not options.names:
        stages = list(STAGES)
    if options.fast:
        stages = [name for name in stages if not getattr(load(name), "SLOW", False)]
    return stages, tags


def load(name):
    """Return the module of a stage."""
    return importlib.import_module(f".stages.{name}", __package__)


def run_stage(name, workbench, report, **options):
    """Run one stage; whatever it raises is a failure of it."""
    stage, part = load(name), report.stage(name.replace("_", "-"))
    started = time.monotonic()
    cache.step(f"{part.name}: {stage.TITLE}")
    try:
        stage.run(workbench, part, **options)
    except (Exception, SystemExit) as error:
        detail = str(error) if isinstance(error, SystemExit) else traceback.format_exc()
        part.failed("the stage itself", detail)
    elapsed = time.monotonic() - started
    cache.step(f"{part.name}: {report.summary(part.name)} ({elapsed:.0f} s)")


def run_lane(names, workbench, report, tags):
    for name in names:
        if workbench and workbench.stopped:
            return
        options = {"tags": tags} if name == "unit" and tags else {}
        run_stage(name, workbench, report, **options)


@contextlib.contextmanager
def machine(report, keep):
    """Provide Odoo and all it needs for the time of the block."""
    system.ensure()
    wkhtmltopdf.ensure()
    source = odoo_source.ensure()
    # Two runs in one checkout would use the same databases.
    with cache.lock(f"test-{cache.checkout_key()}"), postgres.running():
        workbench = Workbench(Odoo(source), report, keep=keep)
        try:
            yield workbench
        finally:
            workbench.clean()


def run_all(names, tags, report, keep):
    """Run stages in lanes, on one Odoo and one PostgreSQL."""
    lanes = [[name for name in lane if name in names] for lane in LANES]
    with machine(report, keep) as workbench, ThreadPoolExecutor(len(LANES)) as pool:
        jobs = [pool.submit(run_lane, lane, workbench, report, tags) for lane in lanes]
        try:
            for job in jobs:
                job.result()
        except KeyboardInterrupt:
            workbench.stop()
            raise


def interrupt(number, frame):
    """Make SIGTERM mean Ctrl-C."""
    raise KeyboardInterrupt


def main(arguments=None):
    options = parse(arguments)
    signal.signal(signal.SIGTERM, interrupt)
    report = Report()
    if options.core_baseline or options.update_pot:
        with machine(report, keep=False) as workbench:
            if options.update_pot:
                load("translations").update(workbench)
            else:
                load("core").measure(workbench)
        return 0
    names, tags = choose(options)
    try:
        if set(names) <= NEEDS_NO_ODOO:
            run_lane(names, None, report, tags)
        else:
            run_all(names, tags, report, options.keep)
    except SystemExit as error:
        report.add("set-up", "Odoo and what it needs", FAILED, str(error))
    except KeyboardInterrupt:
        report.add("set-up", "the run to its end", FAILED, "It was interrupted.")
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
