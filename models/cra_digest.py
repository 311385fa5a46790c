"""Digest of what a customer was shown: same content, same digest, for ever.

The canonical form is named by a version. A later form gets a new version; older ones
stay here as they are, so that old evidence can be verified.
"""

import hashlib
import json

DIGEST_VERSION = 1

#: What the first form consists of, whatever later code adds to terms and lines. The
#: timesheet is not in it: it may be deleted in a later version.
_TERMS_V1 = (
    ("number", "version", "company", "customer", "project", "employee")
    + ("date_from", "date_to", "time_unit", "approval_mode", "identity")
    + ("invoice_gate", "employee_display", "deadline_days", "deadline_unit")
    + ("on_deadline", "tacit_clause", "reminder_before_days", "reminder_every_days")
)
_LINE_V1 = (
    "date",
    "employee_label",
    "project_label",
    "task_label",
    "description",
    "unit_amount",
)


def _canonical_v1(terms, lines):
    """Return compact JSON with sorted keys; hours as text with six decimals."""
    content = {
        "terms": {name: terms[name] for name in _TERMS_V1},
        "lines": [
            {name: line[name] for name in _LINE_V1}
            | {"unit_amount": f"{line['unit_amount']:.6f}"}
            for line in lines
        ],
    }
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    )


_CANONICAL = {1: _canonical_v1}


def canonical(terms, lines, version=DIGEST_VERSION):
    """Return the canonical form of a CRA's content, as bytes.

    :param dict terms: what was sent beside the lines (customer, period, unit, ...)
    :param list lines: one dict per line, in the order shown
    :param int version: canonical form to use
    :raise KeyError: the version is unknown to this code
    """
    return _CANONICAL[version](terms, lines).encode()


def digest(terms, lines, version=DIGEST_VERSION):
    """Return the SHA-256 of the same, in hexadecimal."""
    return hashlib.sha256(canonical(terms, lines, version)).hexdigest()
