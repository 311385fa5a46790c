"""A zip file of evidence that anybody can check without Odoo.

Each file is listed with its SHA-256 in ``SHA256SUMS``, which ``sha256sum -c`` reads.
"""

import csv
import email.message
import email.policy
import hashlib
import io
import re
import unicodedata
import zipfile
from email.utils import format_datetime

from odoo.tools.mail import html2plaintext

MANIFEST = "SHA256SUMS"
#: Zip knows no time before.
_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
#: What follows the path of a link: whatever opens a page without a login is in there.
_QUERY = re.compile(r"((?:https?://|/)[^\s\"'<>?#]*)[?#][^\s\"'<>]*=[^\s\"'<>]*")


class EvidencePack:
    """The zip file while it is written: nothing of it is kept in memory."""

    def __init__(self, file):
        """:param file: where the zip file goes, open for writing bytes"""
        self._zip = zipfile.ZipFile(file, "w")
        self._digests = {}

    def __enter__(self):
        return self

    def __exit__(self, error, *_details):
        if error is None:
            lines = [f"{digest}  {path}\n" for path, digest in self._digests.items()]
            self._write(MANIFEST, "".join(lines).encode(), None)
        self._zip.close()

    def add(self, path, content, moment=None):
        """Add a file, unless it is empty; a path that is taken gets a number.

        :param str path: made of :func:`safe_name` parts
        :param bytes content: of the file
        :param datetime moment: of the file, in UTC
        """
        if content:
            path = self.free_path(path)
            self._digests[path] = hashlib.sha256(content).hexdigest()
            self._write(path, content, moment)

    def free_path(self, path):
        """Return the path, or one like it if that one is taken."""
        stem, dot, suffix = path.rpartition(".")
        number, free = 1, path
        while free in self._digests:
            number += 1
            free = f"{stem}-{number}.{suffix}" if dot else f"{path}-{number}"
        return free

    def _write(self, path, content, moment):
        stamp = moment.timetuple()[:6] if moment else _FIRST_MOMENT
        info = zipfile.ZipInfo(path, max(stamp, _FIRST_MOMENT))
        info.external_attr = 0o644 << 16
        # PDFs and images are compressed already.
        is_text = path.endswith((".csv", ".eml", ".json", ".txt", MANIFEST))
        info.compress_type = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
        self._zip.writestr(info, content)


def safe_name(text):
    """Return a text as part of a path that every system takes: never empty, no
    separator, no control character, no reserved name."""
    text = unicodedata.normalize("NFC", text or "")
    text = re.sub(r"[^\w.-]+", "-", text)[:80].strip(".-_")
    if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", text):
        text = f"{text}-"
    return text or "report"


def format_moment(moment):
    """Return a moment of the database as everybody reads it: ISO 8601, in UTC."""
    return f"{moment.isoformat(sep=' ', timespec='seconds')}Z" if moment else ""


def without_secrets(text):
    """Return a text or HTML whose links have lost what makes them open something."""
    return _QUERY.sub(r"\1", text or "")


def make_csv(head, rows):
    """Return a table for spreadsheets, as bytes; no text of it becomes a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerows([head, *([_get_cell(value) for value in row] for row in rows)])
    return stream.getvalue().encode("utf-8-sig")


def _get_cell(value):
    if value is None or value is False:
        return ""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value


def make_eml(body, moment, files=(), **headers):
    """Return a mail as bytes, its links without their secrets.

    :param str body: HTML
    :param datetime moment: when it was written, in UTC
    :param files: (name, content, MIME type) of each attachment
    :param headers: ``message_id`` for ``Message-Id``, ``from_``, and so on; empty ones
        are left out
    """
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    for name, value in headers.items():
        if value:
            # a header is one line
            mail[name.strip("_").replace("_", "-").title()] = " ".join(value.split())
    mail["Date"] = format_datetime(moment)
    body = without_secrets(body)
    mail.set_content(html2plaintext(body))
    mail.add_alternative(body, subtype="html")
    for name, content, mimetype in files:
        maintype, _slash, subtype = (mimetype or "").partition("/")
        if not subtype or maintype in ("message", "multipart", "text"):
            maintype, subtype = "application", "octet-stream"
        mail.add_attachment(
            content, maintype=maintype, subtype=subtype, filename=safe_name(name)
        )
    return mail.as_bytes()
