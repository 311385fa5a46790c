"""Look into PDF files, for checks of what was really made."""

import io
import subprocess

from pypdf import PdfReader


def pages(content):
    """Return the number of pages of a PDF given as bytes."""
    return len(PdfReader(io.BytesIO(content)).pages)


def text(content):
    """Return the text of a PDF given as bytes, laid out as on paper."""
    command = ["pdftotext", "-layout", "-", "-"]
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    return done.stdout.decode()
