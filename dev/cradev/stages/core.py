"""Core's own tests, with the addon installed and nothing configured.

Silent until asked: no test that passes without the addon may fail with it. What fails
or skips without it too is listed in ``dev/lists/core_baseline.txt``.

Core runs some of its tests in the middle of loading, before the addon is there. Here
they run after it, so that they meet the addon as well; the list was measured likewise.
"""

import fnmatch
import re
from pathlib import Path

from .. import lists, odoo_log, odoo_tests, postgres

TITLE = "Core's tests with the addon installed"
SLOW = True

MODULES = ("sale_timesheet", "sale_expense", "account_edi_ubl_cii")
BASELINE = "core_baseline.txt"


def tags(source):
    """Return Odoo's test tags for core's tests that the addon could break."""
    chosen = [f"/{module}" for module in MODULES]
    for addons in source.addons_paths:
        file = Path(addons) / "account" / "tests" / "test_account_move_send.py"
        if file.exists():
            names = re.findall(
                r"^class (TestAccountMoveSend\w*)", file.read_text(), re.M
            )
            chosen += [f"/account:{name}" for name in names]
    return chosen


def run_on(odoo, database):
    """Run them on ``database``, in English only as core's tests expect."""
    with postgres.connect(database) as cursor:
        cursor.execute("UPDATE res_lang SET active = (code = 'en_US')")
    return odoo_tests.run(
        odoo, database, tags(odoo.source), label="core's tests", all_post_install=True
    )


def known(outcome):
    """Return the patterns of the tests with ``outcome`` without the addon."""
    entries = (entry.split(None, 1) for entry in lists.read(BASELINE))
    return [pattern for word, pattern in entries if word == outcome]


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def run(workbench, report):
    """Each test is one check; what fails or skips without the addon is skipped."""
    odoo_tests.require()
    source = workbench.installed("plain")
    if not source:
        report.failed("core's tests", "The addon could not be installed.")
        return
    done = run_on(workbench.odoo, workbench.scratch("core", of=source))
    if not done.results:
        report.failed("core's tests", "No test ran.")
    failing, skipping = known("failed"), known("skipped")
    for test, (outcome, detail) in done.results.items():
        name = odoo_tests.short(test)
        if outcome == "failed" and matches(name, failing):
            report.skipped(name, "It fails without the addon too.")
        elif outcome == "skipped" and not matches(name, skipping):
            report.failed(name, f"Skipped, though not without the addon: {detail}")
        else:
            workbench.report.add(report.name, name, outcome, detail)
    allowed = lists.read("log_allowed.txt") + lists.read("core_log_allowed.txt")
    log = workbench.odoo.work / f"{workbench.odoo.database_name('core')}_tests.log"
    text = log.read_text(errors="replace")
    report.that("log of core's tests", odoo_log.complaints(text, allowed=allowed))


def measure(workbench):
    """Print what becomes of core's tests without the addon, for the list."""
    database = workbench.scratch("core", of=workbench.odoo.template(demo=False))
    done = run_on(workbench.odoo, database)
    for test, (outcome, detail) in sorted(done.results.items()):
        if outcome != "passed":
            last = (detail.strip().splitlines() or [""])[-1]
            print(f"# {last}\n{outcome} {odoo_tests.short(test)}\n")
    print("\n".join(done.complaints))
    print(f"# {len(done.results)} tests")
