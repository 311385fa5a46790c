"""Formatting and lint: ruff, pylint-odoo, the OCA checks, plain text hygiene.

pylint-odoo and the OCA checks look for the module below the top folder of a git
checkout; ours *is* that folder. They run on a copy of the files in a folder of the
module's name, outside of any checkout.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .. import cache
from ..odoo import MODULE

TITLE = "Formatting and lint"

#: Rules of pylint-odoo that a project outside the OCA does not follow: OCA's own name
#: among the authors, README.rst made from fragments (ours is README.md).
NOT_OURS = "manifest-required-author,missing-readme"
#: The OCA wants UTF-8 in capitals in the XML header, core writes it small; our README
#: is Markdown.
NOT_OURS_OCA = "xml-header-wrong,prefer-readme-rst"
#: It empties a translation that equals the English; ours are filled, and the ones that
#: may be equal are explained (stage "translations").
NOT_OURS_PO = "po-pretty-format"
TEXT = {".py", ".xml", ".js", ".css", ".scss", ".md", ".toml", ".txt", ".csv", ".cfg"}


def files():
    """Return the checkout's files that git tracks or would add, as relative paths.

    :raise SystemExit: this is no git checkout
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(
            command, cwd=cache.ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", "") or error
        sys.exit(f"Lint asks git for the files of {cache.ROOT}: {reason}")
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [Path(name) for name in names if (cache.ROOT / name).is_file()]


def copy(names, target):
    """Copy the checkout's files into folder ``target``."""
    for name in names:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(cache.ROOT / name, place)


def untidy(names):
    """Return what is wrong with the files as plain text."""
    found = []
    for name in names:
        if name.suffix not in TEXT:
            continue
        content = (cache.ROOT / name).read_bytes()
        if content and not content.endswith(b"\n"):
            found.append(f"{name}: no newline at the end")
        if content.endswith(b"\n\n"):
            found.append(f"{name}: empty lines at the end")
        for number, line in enumerate(content.split(b"\n"), start=1):
            if line != line.rstrip():
                found.append(f"{name}:{number}: blanks at the end of the line")
            if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
                found.append(f"{name}:{number}: conflict marker")
    return found


def run(workbench, report):
    """Each tool is one check."""
    names = files()
    report.that("text files", untidy(names))
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / MODULE
        copy(names, module)
        python = [sys.executable, "-m"]
        ruff = [*python, "ruff"]
        catalogs = sorted(module.glob("i18n/*.po*"))
        tools = {
            "ruff format": [*ruff, "format", "--check", "--diff", "--no-cache", "."],
            "ruff check": [*ruff, "check", "--no-cache", "."],
            "pylint-odoo": [*python, "pylint", f"--disable={NOT_OURS}", module],
            "OCA checks": [
                *(*python, "oca_pre_commit_hooks.cli"),
                *(f"--disable={NOT_OURS_OCA}", module),
            ],
            "OCA checks of translations": [
                *(*python, "oca_pre_commit_hooks.cli_po"),
                *(f"--disable={NOT_OURS_PO}", *catalogs),
            ],
        }
        for tool, command in tools.items():
            done = subprocess.run(command, cwd=module, capture_output=True, text=True)
            output = done.stdout + done.stderr
            for prefix in (f"{module}/", f"{module}/".lstrip("/")):
                output = output.replace(prefix, "")
            problem = output.strip() or f"It ended with code {done.returncode}."
            report.that(tool, problem if done.returncode else "")
