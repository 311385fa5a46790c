"""Find what Odoo complained about in its log."""

import re

from . import lists

_RECORD = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ \d+ (?P<level>[A-Z]+) \S+ "
    r"(?P<logger>[\w.]+): (?P<message>.*)"
)
_SUMMARY = r"Module \w+: \d+ failures, \d+ errors of|At least one test failed"
_SERIOUS = {"WARNING", "ERROR", "CRITICAL"}


def _is_test_result(logger, message):
    """Tell whether a record only repeats a test's outcome, which is counted itself."""
    if ".tests." in logger and message.startswith(("FAIL: ", "ERROR: ")):
        return True
    if logger == "odoo.tests.result" and "when loading database" in message:
        return True
    if logger == "odoo.modules.loading" and re.match(_SUMMARY, message):
        return True
    return logger == "odoo.tests.suite"


def _records(text):
    """Yield (level, logger, message with its further lines) of each log record."""
    current = None
    for line in text.splitlines():
        match = _RECORD.match(line)
        if match:
            if current:
                yield current
            current = match.groups()
        elif current:
            level, logger, message = current
            current = (level, logger, f"{message}\n{line}")
    if current:
        yield current


def complaints(text, *, allowed=None):
    """Return the WARNING and worse records of a log that nobody expects.

    :param list allowed: patterns for ``logger: message``; default: the project's list
    """
    if allowed is None:
        allowed = lists.read("log_allowed.txt")
    patterns = [re.compile(pattern, re.DOTALL) for pattern in allowed]
    found = []
    for level, logger, message in _records(text):
        record = f"{logger}: {message}"
        if level not in _SERIOUS or _is_test_result(logger, message):
            continue
        if not any(pattern.match(record) for pattern in patterns):
            found.append(f"{level} {record}")
    return found
