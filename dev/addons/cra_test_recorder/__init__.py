"""Record each unittest result of this Odoo process in a JSON-lines file.

Loaded with ``--load``; writes to the file named by ``CRA_TEST_RESULTS``:

- ``{"selected": id}`` for each test that Odoo chose to run,
- ``{"started": id}`` when it begins,
- ``{"id": ..., "outcome": "passed" | "failed" | "skipped", "detail": ...}`` at its end.

A test that was chosen and has no outcome did not run: the process died before.
With ``CRA_TEST_ALL_POST_INSTALL``, tests that core runs in the middle of loading run
after it, so that they meet every module of the database.
"""

import functools
import json
import os
import threading

from odoo.tests import loader, suite
from odoo.tests.result import OdooTestResult

_write_lock = threading.Lock()
_outcomes = {}


def _write(**record):
    with _write_lock, open(os.environ["CRA_TEST_RESULTS"], "a") as results:
        results.write(json.dumps(record) + "\n")


def _extends(owner, name):
    """Replace method ``name`` of ``owner`` by the decorated one, which gets the old."""

    def decorate(function):
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapper(*args, **kwargs):
            return function(original, *args, **kwargs)

        setattr(owner, name, wrapper)
        return wrapper

    return decorate


def _whole_test(test):
    """Return the test that a subtest is part of."""
    while getattr(test, "test_case", None) is not None:
        test = test.test_case
    return test


def _note(test, outcome, detail):
    """Remember an outcome; a failure is not replaced by a later one."""
    test = _whole_test(test)
    if not hasattr(test, "_testMethodName"):  # a class-level error of the suite
        _write(id=test.id(), outcome=outcome, detail=detail)
    elif _outcomes.get(test.id(), ("",))[0] != "failed":
        _outcomes[test.id()] = (outcome, detail)


@_extends(loader, "make_suite")
def make_suite(original, module_names, position="at_install"):
    module_names = list(module_names)
    chosen = original(module_names, position)
    if os.environ.get("CRA_TEST_ALL_POST_INSTALL"):
        early = original(module_names, "at_install")
        chosen = suite.OdooSuite(() if position == "at_install" else [*early, *chosen])
    for test in chosen:
        _write(selected=test.id())
    return chosen


@_extends(OdooTestResult, "startTest")
def start_test(original, self, test):
    _outcomes.pop(test.id(), None)
    _write(started=test.id())
    original(self, test)


@_extends(OdooTestResult, "logError")
def log_error(original, self, flavour, test, error):
    original(self, flavour, test, error)
    if not self._soft_fail:
        _note(test, "failed", self._exc_info_to_string(error, test))


@_extends(OdooTestResult, "addSkip")
def add_skip(original, self, test, reason):
    original(self, test, reason)
    if hasattr(_whole_test(test), "_testMethodName"):
        _note(test, "skipped", reason)
    else:
        # setUpClass skipped: each test of the class says so, see not_run below
        self.cra_class_skip = reason


@_extends(OdooTestResult, "stopTest")
def stop_test(original, self, test):
    original(self, test)
    outcome, detail = _outcomes.pop(test.id(), ("passed", ""))
    _write(id=test.id(), outcome=outcome, detail=detail)


@_extends(suite.OdooSuite, "_handleClassSetUp")
def not_run(original, self, test, result):
    """Record each test of a class whose set-up failed or skipped."""
    if result._previousTestClass is not type(test):
        result.cra_class_skip = None
    original(self, test, result)
    if type(test)._classSetupFailed:
        reason = result.cra_class_skip
        _write(
            id=test.id(),
            outcome="failed" if reason is None else "skipped",
            detail=reason or "setUpClass failed",
        )
