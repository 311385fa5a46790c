"""Short lists of known exceptions, each entry explained by the comment above it."""

import sys

from . import cache

FOLDER = cache.ROOT / "dev" / "lists"


def read(name):
    """Return the entries of ``dev/lists/<name>``.

    :raise SystemExit: an entry has no comment above it that says why it is there
    """
    entries, explained = [], False
    for number, line in enumerate((FOLDER / name).read_text().splitlines(), start=1):
        if line.startswith("#"):
            explained = True
        elif not line.strip():
            explained = False
        elif explained:
            entries.append(line.strip())
        else:
            sys.exit(f"dev/lists/{name}:{number}: say in a comment above why.")
    return entries
