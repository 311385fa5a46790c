"""Find an Odoo 19.0 or unpack Debian's beside the project."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import cache

SERIES = "19.0"
# Debian's odoo-19 links its JavaScript and fonts out of its own tree. The first group
# comes from the machine's own suite, the second, like odoo-19, only from sid.
LINKED = (
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-roboto-unhinted",
    "fonts-inconsolata",
    "fonts-ocr-b",
    "fonts-font-awesome",
)
FROM_SID = ("odoo-19", "fonts-montserrat")
# Background blur in calls. Debian leaves it out and links it nowhere; without a file in
# its place every backend page logs an asset error and browser tours stop there.
PLACEHOLDER = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"


@dataclass(frozen=True)
class OdooSource:
    """An Odoo to run: where Python finds it, where its addons are, which one it is."""

    python_path: Path
    addons_paths: tuple
    version: str


def _from_folder(home):
    """Return the Odoo in ``home``, the folder that holds the package ``odoo``."""
    home = Path(home).expanduser().resolve()
    release = home / "odoo" / "release.py"
    if not release.is_file():
        sys.exit(f"{home} holds no Odoo: there is no odoo/release.py in it.")
    scope = {}
    exec(compile(release.read_text(), str(release), "exec"), scope)
    version = scope["version"]
    if not version.startswith(SERIES):
        sys.exit(f"{home} holds Odoo {version}; this addon is made for {SERIES}.")
    folders = (home / "addons", home / "odoo" / "addons")
    addons = tuple(folder for folder in folders if folder.is_dir())
    return OdooSource(home, addons, version)


def _on_path():
    """Return the folder of the ``odoo`` on PATH if it is of our series, else None."""
    program = shutil.which("odoo")
    if not program:
        return None
    shebang = Path(program).read_text(errors="replace").partition("\n")[0]
    interpreter = shebang.removeprefix("#!").strip().split() or [sys.executable]
    code = "import odoo, odoo.release as r; print(r.version); print(odoo.__path__[0])"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    answer = subprocess.run(
        [*interpreter, "-c", code], capture_output=True, text=True, env=environment
    )
    version, _newline, package = answer.stdout.strip().partition("\n")
    return Path(package).parent if version.startswith(SERIES) else None


class _SidApt:
    """apt-get on a private configuration whose only source is sid."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "archives" / "partial").mkdir(parents=True)
        sources = folder / "sources.list"
        sources.write_text(f"deb {self._mirror()} sid main\n")
        self.options = [
            f"Dir::Etc::SourceList={sources}",
            "Dir::Etc::SourceParts=/dev/null",
            f"Dir::State::Lists={folder / 'lists'}",
            f"Dir::Cache={folder}",
            "APT::Sandbox::User=root",
            "Acquire::Languages=none",
        ]
        self.run("update", "-qq")

    @staticmethod
    def _mirror():
        """Return the machine's own Debian mirror."""
        command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN)"]
        targets = subprocess.run(command, capture_output=True, text=True, check=True)
        for line in targets.stdout.splitlines():
            uri, _space, origin = line.partition(" ")
            if origin == "Debian" and "security" not in uri:
                return uri
        sys.exit("apt knows no Debian mirror here. Point ODOO_HOME to an Odoo 19.0.")

    def run(self, *arguments, cwd=None):
        options = [part for option in self.options for part in ("-o", option)]
        command = ["apt-get", *options, *arguments]
        subprocess.run(command, check=True, stdout=sys.stderr, cwd=cwd)


def _download(folder):
    """Fetch the packages into ``folder`` and return their files."""
    try:
        apt = _SidApt(folder)
        for package in FROM_SID:
            apt.run("download", "-qq", package, cwd=folder)
        unsandboxed = ("-o", "APT::Sandbox::User=root")
        command = ["apt-get", *unsandboxed, "download", "-qq", *LINKED]
        subprocess.run(command, check=True, stdout=sys.stderr, cwd=folder)
    except (OSError, subprocess.CalledProcessError):
        sys.exit(
            "No Odoo 19 to be had from Debian's sid (it holds one version of Odoo at a "
            "time). Point ODOO_HOME to an Odoo 19.0 source tree instead."
        )
    return sorted(folder.glob("*.deb"))


def _fill(folder):
    cache.step("Fetching Odoo 19 from Debian sid (about 130 MB)")
    work = folder / "apt"
    work.mkdir()
    for package in _download(work):
        subprocess.run(["dpkg", "-x", package, folder], check=True)
    shutil.rmtree(work)
    placeholder = _unpacked(folder) / "odoo" / "addons" / PLACEHOLDER
    if not placeholder.exists():
        placeholder.parent.mkdir(parents=True, exist_ok=True)
        placeholder.unlink(missing_ok=True)
        placeholder.write_text("/* Left out by Debian. */\n")


def _unpacked(folder):
    return folder / "usr" / "lib" / "python3" / "dist-packages"


def ensure():
    """Return the Odoo to run: ``ODOO_HOME``, the one on PATH, or Debian's.

    :raise SystemExit: none is found, or it is of another series
    """
    if os.environ.get("ODOO_HOME"):
        source = _from_folder(os.environ["ODOO_HOME"])
    elif home := _on_path():
        source = _from_folder(home)
    else:
        source = _from_folder(_unpacked(cache.provide("odoo-19", _fill)))
    cache.step(f"Odoo {source.version} in {source.python_path}")
    return source


def key(source):
    """Return a name for this very Odoo, for what is built from it."""
    readable = re.sub(r"[^\w.]+", "-", source.version)
    stamp = source.python_path / "odoo" / "release.py"
    return f"{readable}-{cache.file_key(stamp)}"
