"""A real SMTP server that keeps every mail as a file and delivers none.

In a test or benchmark::

    with Catcher(folder) as catcher:
        catcher.refuse(r"@gone\\.example$", "550 5.1.1 No such user here")
        ...  # Odoo's ir.mail_server: host 127.0.0.1, port catcher.port
        assert len(catcher.mails()) == 3

On its own: ``python -m cradev.smtp_catcher --help``. The mails can be read in a browser
with :mod:`cradev.mail_page`.
"""

import argparse
import asyncio
import email.policy
import re
import threading
import time
from dataclasses import dataclass
from email.parser import BytesParser
from functools import cached_property
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

#: The answer of a rule that closes the connection instead of answering.
HANG_UP = "hang up"


@dataclass
class Rule:
    """What to answer for some recipients."""

    recipient: str  # regular expression, searched in the address
    reply: str  # "550 ...", "451 ..." or HANG_UP
    when: str = "rcpt"  # or "data": after the whole mail was read
    kept: bool = False  # keep the mail all the same: its reply got lost
    times: int = -1  # how often it holds; -1: always

    def applies(self, when, recipients):
        """Tell whether the rule holds now, and count that down."""
        if when != self.when or not self.times:
            return False
        if not any(re.search(self.recipient, address) for address in recipients):
            return False
        self.times -= 1
        return True


@dataclass(frozen=True)
class Mail:
    """One mail that was caught."""

    path: Path

    @property
    def number(self):
        return int(self.path.stem)

    @cached_property
    def message(self):
        """The mail as :class:`email.message.EmailMessage`."""
        parser = BytesParser(policy=email.policy.default)
        return parser.parsebytes(self.path.read_bytes())

    @property
    def recipients(self):
        """The addresses it was really sent to, Bcc included."""
        return str(self.message["X-Envelope-To"]).split(", ")

    @property
    def subject(self):
        return str(self.message["Subject"] or "")

    def body(self, kind="html"):
        """Return the text of the mail's HTML or plain part, ``""`` without one."""
        part = self.message.get_body((kind,))
        return part.get_content() if part else ""

    def attachments(self):
        """Return (file name, content type, bytes) of each attachment."""
        return [
            (
                part.get_filename() or "unnamed",
                part.get_content_type(),
                part.get_payload(decode=True) or b"",
            )
            for part in self.message.iter_attachments()
        ]


class _Handler:
    """aiosmtpd's callbacks."""

    def __init__(self, catcher):
        self.catcher = catcher

    async def handle_RCPT(self, server, session, envelope, address, options):
        await self._take_time()
        if reply := self.catcher.answer("rcpt", [address])[0]:
            return self._give(server, reply)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        await self._take_time()
        reply, kept = self.catcher.answer("data", envelope.rcpt_tos)
        if kept:
            self.catcher.keep(envelope)
        await self._take_time()
        return self._give(server, reply) if reply else "250 OK"

    async def _take_time(self):
        await asyncio.sleep(self.catcher.delay / 3)

    @staticmethod
    def _give(server, reply):
        if reply == HANG_UP:
            server.transport.close()
            return "421 Closing"
        return reply


class _Session(SMTP):
    """Known to the catcher as long as somebody talks over it."""

    def connection_made(self, transport):
        self.event_handler.catcher.sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error):
        self.event_handler.catcher.sessions.discard(self)
        super().connection_lost(error)


class _Controller(Controller):
    def factory(self):
        options = {"hostname": "catcher.localhost", "data_size_limit": 2**28}
        return _Session(self.handler, **options)


class Catcher:
    """An SMTP server in a thread of its own; a context manager.

    :param Path folder: where mails are written as ``00001.eml``, ...
    :param int port: 0 for a free one, to be read from :attr:`port`
    :param float delay: seconds to take over each mail: a third for its recipient, one
        until it is kept, one until that is said
    """

    def __init__(self, folder, port=0, interface="127.0.0.1", delay=0.0):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.delay = delay
        self.rules = []
        self.sessions = set()  # open connections
        self.on_keep = None  # called with the recipients of each mail that is kept
        self._lock = threading.Lock()
        self._last = max((mail.number for mail in self.mails()), default=0)
        self._controller = _Controller(_Handler(self), hostname=interface, port=port)
        self.port = port

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        if not self._controller.port:
            from .odoo import free_port  # not needed without Odoo

            self._controller.port = free_port()
        self._controller.start()
        self.port = self._controller.port

    def stop(self):
        self._controller.stop()

    def refuse(self, recipient, reply, **options):
        """Answer ``reply`` for recipients that match; see :class:`Rule`."""
        self.rules.append(Rule(recipient, reply, **options))

    def answer(self, when, recipients):
        """Return (the rules' reply or ``None``, whether the mail is kept)."""
        with self._lock:
            for rule in self.rules:
                if rule.applies(when, recipients):
                    return rule.reply, rule.kept
        return None, True

    def keep(self, envelope):
        """Write a mail, with the envelope in front as headers."""
        head = f"X-Envelope-From: {envelope.mail_from}\r\n"
        head += f"X-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        with self._lock:
            self._last += 1
            path = self.folder / f"{self._last:05}.eml"
            beside = path.with_suffix(".part")
            beside.write_bytes(head.encode() + envelope.original_content)
            beside.rename(path)
        if self.on_keep:
            self.on_keep(envelope.rcpt_tos)

    def mails(self):
        """Return the mails caught so far, oldest first."""
        return self.read(self.folder)

    @staticmethod
    def read(folder):
        """Return the mails in a folder, oldest first, from whatever process."""
        return [Mail(path) for path in sorted(Path(folder).glob("*.eml"))]

    def clear(self):
        """Forget the mails caught so far."""
        for mail in self.mails():
            mail.path.unlink()

    def wait_for(self, count, timeout=30):
        """Wait until ``count`` mails are there, and return them.

        :raise AssertionError: they are fewer after ``timeout`` seconds
        """
        deadline = time.monotonic() + timeout
        while len(mails := self.mails()) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(mails)} mails of {count} came.")
            time.sleep(0.05)
        return mails


def main():
    from .mail_page import MailPage

    parser = argparse.ArgumentParser(prog="cradev.smtp_catcher", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--mail-port", type=int, default=0)
    parser.add_argument("--interface", default="127.0.0.1")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument(
        "--refuse", nargs=2, metavar=("REGEX", "REPLY"), action="append", default=[]
    )
    options = parser.parse_args()
    catcher = Catcher(
        options.folder, options.smtp_port, options.interface, options.delay
    )
    for recipient, reply in options.refuse:
        catcher.refuse(recipient, reply)
    page = MailPage(options.folder, options.mail_port, options.interface)
    with catcher, page:
        print(f"SMTP on port {catcher.port}, mails on {page.url}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
