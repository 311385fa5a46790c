"""The quick part of core's own linters, run over the addon."""

from .. import odoo_tests

TITLE = "Core's test_lint, the quick part"

TAGS = (
    "/test_lint:ManifestLinter",
    "/test_lint:RoutesLinter",
    "/test_lint:TestNaming",
    "/test_lint:TestLintOverrideSignatures",
    "/test_lint:TestIndex",
    "/test_lint:TestTestHoles",
)


def run(workbench, report):
    """Each linter is one check; one that is skipped has failed."""
    source = workbench.installed("plain")
    if not source:
        report.failed("test_lint", "The addon could not be installed.")
        return
    database = workbench.scratch("lint", of=source)
    arguments = ("-i", "test_lint")
    done = odoo_tests.run(workbench.odoo, database, TAGS, *arguments, label="test_lint")
    ran = {name for test in done.results for name in TAGS if name[11:] in test}
    for tag in sorted(set(TAGS) - ran):
        report.failed(tag, "Odoo did not run it.")
    for test, (outcome, detail) in done.results.items():
        if outcome == "skipped":
            outcome = "failed"
        workbench.report.add(report.name, odoo_tests.short(test), outcome, detail)
    report.that("log of test_lint", done.complaints)
