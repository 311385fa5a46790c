"""Addons of others that ours works with where they are installed."""

import subprocess
import sys

from . import cache

REQUIREMENTS = cache.ROOT / "dev" / "peers.txt"
QUEUE_JOB = "queue_job"


def _fill(folder):
    cache.step(f"Fetching the addons of {REQUIREMENTS.name}")
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps"]
    command += ["--disable-pip-version-check", "--target", folder, "-r", REQUIREMENTS]
    subprocess.run(command, check=True, stdout=sys.stderr)


def ensure():
    """Return the folder to put on the Python path: Odoo finds the addons there."""
    return cache.provide(f"peers-{cache.file_key(REQUIREMENTS)}", _fill)
