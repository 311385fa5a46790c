"""The addon's own tests: unit, integration, HTTP and browser tours."""

from .. import cache, odoo_tests
from ..odoo import MODULE

TITLE = "The addon's own tests"


def run(workbench, report, tags=(f"/{MODULE}",)):
    """Run the tests that ``tags`` choose; one that is skipped has failed."""
    odoo_tests.require()
    arguments = []
    database = workbench.odoo.database_name("unit")
    if workbench.keep and workbench.odoo.exists(database):
        cache.step(f"Updating the addon in the kept database {database}")
        arguments = ["-u", MODULE]
    else:
        source = workbench.installed("plain")
        if not source:
            report.failed("own tests", "The addon could not be installed.")
            return
        workbench.scratch("unit", of=source)
    done = odoo_tests.run(workbench.odoo, database, tags, *arguments, label="own tests")
    if not done.results and not done.returncode:
        report.failed("own tests", f"No test matches {', '.join(tags)}.")
    for test, (outcome, detail) in done.results.items():
        if outcome == "skipped":
            outcome, detail = "failed", f"Our tests are not skipped: {detail}"
        workbench.report.add(report.name, odoo_tests.short(test), outcome, detail)
    failures = any(outcome == "failed" for outcome, _d in done.results.values())
    if done.returncode and not failures:
        report.failed(
            "own tests", f"Odoo ended with code {done.returncode}, see {done.log}."
        )
    report.that("log of the own tests", done.complaints)
