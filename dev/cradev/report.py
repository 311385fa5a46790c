"""Collect what each check gave, and print it so that people can read it."""

import sys
import threading
from collections import Counter
from dataclasses import dataclass

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    stage: str
    name: str
    outcome: str
    detail: str = ""


class Report:
    """Every check of one run, counted once each; safe to share between threads."""

    def __init__(self):
        self.checks = []
        self._lock = threading.Lock()

    def add(self, stage, name, outcome, detail=""):
        """Count one check; show it at once if it failed."""
        with self._lock:
            self.checks.append(Check(stage, name, outcome, detail))
            if outcome == FAILED:
                text = detail.strip().replace("\n", "\n    ")
                print(f"FAILED {stage}: {name}\n    {text}", file=sys.stderr)
                sys.stderr.flush()

    def stage(self, name):
        """Return the part of this report that one stage writes to."""
        return StageReport(self, name)

    def counts(self, stage=None):
        """Count the outcomes of one stage or of all."""
        return Counter(
            check.outcome for check in self.checks if stage in (None, check.stage)
        )

    def summary(self, stage=None):
        """Return the counts as the closing line prints them."""
        counts = self.counts(stage)
        return ", ".join(
            f"{counts[outcome]} {outcome}" for outcome in (PASSED, FAILED, SKIPPED)
        )

    def close(self):
        """Print failures again, then the counts alone on the last line.

        :return: the exit code
        """
        failed = [check for check in self.checks if check.outcome == FAILED]
        if failed:
            print("\nWhat failed:", file=sys.stderr)
            for check in failed:
                print(f"  {check.stage}: {check.name}", file=sys.stderr)
        sys.stderr.flush()
        print(self.summary(), flush=True)
        # Nothing checked is no success.
        return 1 if failed or not self.checks else 0


class StageReport:
    """What a stage needs of the report: one method per outcome."""

    def __init__(self, report, name):
        self.report = report
        self.name = name

    def passed(self, name):
        self.report.add(self.name, name, PASSED)

    def failed(self, name, detail=""):
        self.report.add(self.name, name, FAILED, detail)

    def skipped(self, name, reason):
        self.report.add(self.name, name, SKIPPED, reason)

    def that(self, name, problems):
        """Count a check that passes if the text or list of its problems is empty."""
        if problems:
            text = problems if isinstance(problems, str) else "\n".join(problems)
            self.failed(name, text)
        else:
            self.passed(name)
