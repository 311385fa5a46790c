"""Run wkhtmltopdf beside the work that goes on in this process."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from odoo.tools import find_in_path

#: Calls worth running at the same time; more would only take memory.
PROCESSES = min(4, os.cpu_count() or 1)


class PrintError(Exception):
    """wkhtmltopdf failed; the text says what it said."""


class Printing:
    """One call of wkhtmltopdf, which starts at once and runs by itself.

    No thread is needed to run several: they are processes of their own, fetched with
    :meth:`result` when their turn comes.
    """

    def __init__(self, arguments, pages):
        """
        :param list[str] arguments: options of wkhtmltopdf
        :param list[str] pages: HTML documents, printed one after the other
        """
        self._folder = TemporaryDirectory(
            prefix="lean_pdf_", ignore_cleanup_errors=True
        )
        folder = Path(self._folder.name)
        self._target, self._errors = folder / "all.pdf", folder / "errors.txt"
        sources = [folder / f"{number:04}.html" for number in range(len(pages))]
        for source, page in zip(sources, pages, strict=True):
            source.write_text(page, encoding="utf-8")
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [find_in_path("wkhtmltopdf"), *arguments, *sources, self._target],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def result(self):
        """Wait for the end and return the PDF.

        :rtype: bytes
        :raise PrintError: it failed
        """
        try:
            code = self._process.wait()
            # 1: something in the page could not be had, which the page shows
            if code not in (0, 1) or not self._target.exists():
                said = self._errors.read_text(encoding="utf-8", errors="replace")
                raise PrintError(f"wkhtmltopdf ended with code {code}. {said[-1000:]}")
            return self._target.read_bytes()
        finally:
            self.stop()

    def stop(self):
        """End it if it still runs, and forget what it wrote."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()
