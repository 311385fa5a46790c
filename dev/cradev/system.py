"""Debian packages this machine lacks."""

import os
import shutil
import subprocess
import sys

from . import cache

#: The names under which Odoo's browser tests look for Chromium.
BROWSERS = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")
#: What must be there -> the Debian package that brings it.
PROGRAMS = {
    "chromium": "chromium",
    "pdftoppm": "poppler-utils",
    "pdftotext": "poppler-utils",
    "msgfmt": "gettext",
}
#: Shared libraries of wkhtmltopdf and python-magic, and fonts that cover what the
#: documents print (Latin, Arabic, Hebrew). A bare machine has none.
LIBRARIES = {
    "libmagic.so.1": "libmagic1",
    "libXrender.so.1": "libxrender1",
    "libXext.so.6": "libxext6",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
}
FONTS = {"DejaVuSans.ttf": "fonts-dejavu-core"}


def run_as_root(*command):
    """Run a command as root, through sudo where needed.

    :raise SystemExit: neither root nor sudo is at hand
    """
    if os.geteuid() and not shutil.which("sudo"):
        sys.exit(f"Run this once as root, then again: {' '.join(command)}")
    prefix = ["sudo"] if os.geteuid() else []
    subprocess.run([*prefix, *command], check=True, stdout=sys.stderr)


def apt_install(*packages):
    """Install Debian packages, or say by name what is missing."""
    if not shutil.which("apt-get"):
        sys.exit(f"Install what these Debian packages bring: {' '.join(packages)}")
    cache.step(f"Installing Debian packages: {' '.join(packages)}")
    with cache.lock("apt"):
        run_as_root("apt-get", "update", "-qq")
        run_as_root(
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "install",
            "--yes",
            "-qq",
            "--no-install-recommends",
            *packages,
        )


def _known_libraries():
    for ldconfig in ("ldconfig", "/sbin/ldconfig"):
        if shutil.which(ldconfig):
            listing = subprocess.run([ldconfig, "-p"], capture_output=True, text=True)
            return listing.stdout
    return ""


def ensure():
    """Install the programs, libraries and fonts that are not there yet."""
    missing = {
        package
        for program, package in PROGRAMS.items()
        if not shutil.which(program)
        and not (program == "chromium" and any(map(shutil.which, BROWSERS)))
    }
    libraries = _known_libraries()
    missing |= {pkg for lib, pkg in LIBRARIES.items() if lib not in libraries}
    fonts = os.path.join("/usr/share/fonts")
    present = {name for _path, _dirs, names in os.walk(fonts) for name in names}
    missing |= {pkg for font, pkg in FONTS.items() if font not in present}
    if missing:
        apt_install(*sorted(missing))
