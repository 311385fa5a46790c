"""The one folder outside the checkout that holds everything heavy.

Layout: one subfolder per thing and version (``venv-<key>``, ``odoo-<version>``, ...).
A subfolder exists complete or not at all: it is filled beside its place and renamed.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

APP = "sale_timesheet_cra"
ROOT = Path(__file__).resolve().parents[2]


def cache_root():
    """Return the cache folder: under ``XDG_CACHE_HOME``, else the usual place.

    As root that is ``/var/cache``: PostgreSQL does not run as root, and its own user
    cannot look into root's home.
    """
    default = Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache"
    base = Path(os.environ.get("XDG_CACHE_HOME") or default)
    folder = base / APP
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def checkout_key():
    """Return a short name for this checkout, to tell two clones apart."""
    return hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]


def file_key(*paths):
    """Return a short digest of the content of files (and of the Python in use)."""
    digest = hashlib.sha256(sys.version.encode())
    for path in paths:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:12]


@contextlib.contextmanager
def lock(name, *, shared=False, wait=True):
    """Hold a lock shared by all clones of this machine.

    :param bool wait: when false, yield ``False`` at once if somebody holds it
    :return: context manager that yields whether the lock is held
    """
    path = cache_root() / f"{name}.lock"
    with path.open("w") as handle:
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(handle, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                yield False
                return
            step(f"Waiting for another run that holds {name}")
            fcntl.flock(handle, mode)
        yield True


def provide(name, fill):
    """Return the cached folder ``name``, made by ``fill(folder)`` if it is missing.

    An interrupted ``fill`` leaves nothing that a later run would take for complete.
    """
    folder = cache_root() / name
    if folder.is_dir():
        return folder
    with lock(name):
        if folder.is_dir():
            return folder
        beside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache_root()))
        beside.chmod(0o755)
        try:
            fill(beside)
            beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return folder


_started = time.monotonic()


def step(message):
    """Tell the person at the terminal what is going on, with the seconds so far."""
    elapsed = time.monotonic() - _started
    print(f"== {elapsed:5.0f}s  {message}", file=sys.stderr, flush=True)
