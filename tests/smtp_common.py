import email.policy
import re
import socket
from contextlib import contextmanager
from email.parser import BytesParser
from html import unescape
from unittest.mock import patch

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message


class _Mailbox(Message):
    """Keeps what an SMTP server received."""

    def __init__(self, received):
        super().__init__()
        self.received = received

    def prepare_message(self, session, envelope):
        parser = BytesParser(policy=email.policy.default)
        return parser.parsebytes(envelope.content)

    def handle_message(self, message):
        self.received.append(message)


class SmtpMixin:
    """Mails that really leave, over a real connection, and are read back."""

    @contextmanager
    def receive_mails(self):
        """Yield the list that mails are added to as the SMTP server receives them."""
        received = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        controller = Controller(_Mailbox(received), hostname="127.0.0.1", port=port)
        controller.start()
        self.addCleanup(controller.stop)
        servers = self.env["ir.mail_server"]
        servers.search([]).active = False
        servers.create({"name": "Test", "smtp_host": "127.0.0.1", "smtp_port": port})
        with patch.object(type(servers), "_disable_send", lambda *args: False):
            yield received

    def read_link(self, message):
        """Return the path of the first link to a report in a mail."""
        body = unescape(message.get_body(("html",)).get_content())
        return re.search(r'href="https?://[^/"]+(/my/cra[^"]*)"', body).group(1)

    def read_code(self, message):
        """Return the six digits in a mail."""
        body = message.get_body(("html",)).get_content()
        return re.search(r">\s*(\d{6})\s*<", body).group(1)
