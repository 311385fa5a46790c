"""Digest of what a customer was shown: same content, same digest, for ever.

The canonical form is named by a version. A later form gets a new version; older ones
stay here as they are, so that old evidence can be verified.
"""

import hashlib
import json

DIGEST_VERSION = 1


def _canonical_v1(terms, lines):
    """Return compact JSON with sorted keys; hours as text with six decimals."""
    content = {
        "terms": terms,
        "lines": [
            {
                name: f"{value:.6f}" if name == "unit_amount" else value
                for name, value in line.items()
                # What the line was made from may be deleted in a later version.
                if name != "timesheet"
            }
            for line in lines
        ],
    }
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    )


_CANONICAL = {1: _canonical_v1}


def digest(terms, lines, version=DIGEST_VERSION):
    """Return the SHA-256 of a CRA's content, in hexadecimal.

    :param dict terms: what was sent beside the lines (customer, period, unit, ...)
    :param list lines: one dict per line, in the order shown
    :param int version: canonical form to use
    :raise KeyError: the version is unknown to this code
    """
    return hashlib.sha256(_CANONICAL[version](terms, lines).encode()).hexdigest()
