"""Run Odoo's own test runner and learn what became of each single test."""

import importlib.util
import json
import shutil
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from . import cache, odoo_log, system
from .odoo import free_port

RECORDER = "cra_test_recorder"


@dataclass
class TestRun:
    """The tests of one Odoo process."""

    __test__ = False
    results: dict = field(default_factory=dict)  # id: (outcome, detail)
    complaints: list = field(default_factory=list)
    returncode: int = 0
    log: Path | None = None


def short(test_id):
    """Return a test's name without the part every test shares."""
    return test_id.removeprefix("odoo.addons.").replace(".tests.", ".")


def _records(path):
    if not path.exists():
        return []
    lines = path.read_text().splitlines()
    # A killed process may leave half a line.
    return [json.loads(line) for line in lines if line.endswith("}")]


def _read(path):
    """Return the outcome of each selected test."""
    results = {}
    for record in _records(path):
        if "selected" in record:
            detail = "The test was chosen but did not run to its end."
            results[record["selected"]] = ("failed", detail)
        elif "outcome" in record:
            results[record["id"]] = (record["outcome"], record["detail"])
    return results


class _Progress(threading.Thread):
    """Says from time to time how far the tests are."""

    def __init__(self, label, path, every=20):
        super().__init__(daemon=True)
        self.label, self.path, self.every = label, path, every
        self.done = threading.Event()

    def run(self):
        first = True
        while not self.done.wait(1 if first else self.every):
            records = _records(self.path)
            started = sum("started" in record for record in records)
            if started:
                first = False
                total = sum("selected" in record for record in records)
                cache.step(f"{self.label}: test {started} of {total}")


def run(odoo, database, tags, *arguments, label, all_post_install=False):
    """Run the tests that ``tags`` choose on ``database``.

    :return: a :class:`TestRun`
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # Where the PDF engine finds the stylesheets, and what links in mails point to.
    odoo.set_parameters(database, {"report.url": url, "web.base.url": url})
    path = odoo.work / f"{database}_results.jsonl"
    path.unlink(missing_ok=True)
    log = odoo.work / f"{database}_tests.log"
    environment = {"CRA_TEST_RESULTS": str(path)}
    if all_post_install:
        environment["CRA_TEST_ALL_POST_INSTALL"] = "1"
    progress = _Progress(label, path)
    progress.start()
    try:
        returncode = odoo.run(
            database,
            *arguments,
            *("--test-tags", ",".join(tags), "--stop-after-init"),
            *("--http-interface", "127.0.0.1", "--http-port", str(port)),
            *("--screenshots", str(odoo.work / "screenshots")),
            load=(RECORDER,),
            environment=environment,
            log=log,
        )
    finally:
        progress.done.set()
    complaints = odoo_log.complaints(log.read_text(errors="replace"))
    return TestRun(_read(path), complaints, returncode, log)


def require():
    """Fail unless everything is there without which Odoo skips tests in silence.

    :raise SystemExit: a browser or ``websocket-client`` is missing
    """
    if not any(map(shutil.which, system.BROWSERS)):
        sys.exit("Browser tests need Chromium on PATH: apt-get install chromium.")
    if not importlib.util.find_spec("websocket"):
        sys.exit("Browser tests need the Python package websocket-client.")
