"""A page on which the caught mails can be read in a browser."""

import html
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

from .smtp_catcher import Catcher, Mail

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem;
       padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd;
         vertical-align: top; }
iframe { width: 100%; height: 36rem; border: 1px solid #ddd; margin-top: 1rem; }
pre { white-space: pre-wrap; border: 1px solid #ddd; padding: 1rem; }
"""
#: A mail's own HTML runs no script and loads nothing but pictures.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src * data:; style-src 'unsafe-inline'; font-src data:"
)


def _page(title, body, refresh=""):
    return (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>{refresh}"
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{html.escape(title)}</h1>{body}</body></html>"
    )


def _size(content):
    return f"{max(1, round(len(content) / 1024))} kB"


def list_page(mails):
    """Return the page with one row per mail, newest first."""
    rows = [
        "<tr>"
        f"<td>{mail.number}</td>"
        f"<td>{html.escape(str(mail.message['Date'] or ''))}</td>"
        f"<td>{html.escape(', '.join(mail.recipients))}</td>"
        f"<td><a href='/mail/{mail.number}'>{html.escape(mail.subject) or '-'}</a></td>"
        f"<td>{len(mail.attachments()) or ''}</td></tr>"
        for mail in reversed(mails)
    ]
    head = "<tr><th>#</th><th>Date</th><th>To</th><th>Subject</th><th>Files</th></tr>"
    empty = "" if rows else "<p>No mail yet.</p>"
    refresh = "<meta http-equiv='refresh' content='10'>"
    table = f"<table>{head}{''.join(rows)}</table>{empty}"
    return _page(f"{len(mails)} mails", table, refresh)


def mail_page(mail):
    """Return the page of one mail: headers, attachments, its text in a frame."""
    shown = ("From", "To", "Cc", "Reply-To", "Date", "X-Envelope-To")
    rows = [
        f"<tr><th>{name}</th><td>{html.escape(str(mail.message[name]))}</td></tr>"
        for name in shown
        if mail.message[name]
    ]
    base = f"/mail/{mail.number}"
    files = [
        f"<li><a href='{base}/file/{index}'>{html.escape(name)}</a>"
        f" ({html.escape(kind)}, {_size(content)})</li>"
        for index, (name, kind, content) in enumerate(mail.attachments())
    ]
    text = mail.body("plain")
    frame = (
        f"<iframe src='{base}/html' title='Text of the mail' "
        "sandbox='allow-popups allow-popups-to-escape-sandbox'></iframe>"
    )
    body = [
        "<p><a href='/'>All mails</a> · ",
        f"<a href='{base}/source'>Source</a></p>",
        f"<table>{''.join(rows)}</table>",
        f"<ul>{''.join(files)}</ul>" if files else "",
        frame if mail.body("html") else f"<pre>{html.escape(text)}</pre>",
    ]
    return _page(mail.subject or "Mail without subject", "".join(body))


def html_part(mail):
    """Return the mail's own HTML; links open in a new tab, inline pictures show."""
    parts = {
        str(part["Content-ID"]).strip("<>"): index
        for index, part in enumerate(mail.message.walk())
        if part["Content-ID"]
    }

    def picture(match):
        index = parts.get(match[1])
        return f"/mail/{mail.number}/part/{index}" if index is not None else match[0]

    body = re.sub(r"cid:([^\"'\s>)]+)", picture, mail.body("html"))
    return f"<base target='_blank'>{body}"


class _Handler(BaseHTTPRequestHandler):
    """GET and nothing else: reading a mail changes nothing."""

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/":
            return self._send(list_page(self.server.mails()))
        if match := re.fullmatch(r"/mail/(\d+)(?:/(html|source))?", path):
            mail = self._mail(match[1])
            if mail and match[2] == "html":
                return self._send(html_part(mail), policy=MAIL_POLICY)
            if mail and match[2] == "source":
                return self._send(mail.path.read_bytes(), "text/plain; charset=utf-8")
            if mail:
                return self._send(mail_page(mail))
        if match := re.fullmatch(r"/mail/(\d+)/(file|part)/(\d+)", path):
            return self._send_file(self._mail(match[1]), match[2], int(match[3]))
        return self._missing()

    def _mail(self, number):
        path = self.server.folder / f"{int(number):05}.eml"
        return Mail(path) if path.is_file() else None

    def _send_file(self, mail, kind, index):
        if mail and kind == "part":
            for position, part in enumerate(mail.message.walk()):
                if position == index and part.get_content_maintype() == "image":
                    content = part.get_payload(decode=True) or b""
                    return self._send(content, part.get_content_type(), MAIL_POLICY)
        files = mail.attachments() if mail and kind == "file" else []
        if index < len(files):
            name, content_type, content = files[index]
            return self._send(content, content_type, MAIL_POLICY, download=name)
        return self._missing()

    def _missing(self):
        self._send(
            _page("There is no such mail", "<a href='/'>All mails</a>"), code=404
        )

    def _send(
        self,
        content,
        kind="text/html; charset=utf-8",
        policy=None,
        download="",
        code=200,
    ):
        content = content.encode() if isinstance(content, str) else content
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if policy:
            self.send_header("Content-Security-Policy", policy)
        if download:
            disposition = f"attachment; filename*=UTF-8''{quote(download)}"
            self.send_header("Content-Disposition", disposition)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Say nothing on the terminal."""


class MailPage(ThreadingHTTPServer):
    """Serves the page from a thread; a context manager.

    :param int port: 0 for a free one
    """

    daemon_threads = True

    def __init__(self, folder, port=0, interface="127.0.0.1"):
        self.folder = Path(folder)
        self.interface = interface
        super().__init__((interface, port), _Handler)

    @property
    def url(self):
        return f"http://{self.interface}:{self.server_port}"

    def mails(self):
        return Catcher.read(self.folder)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self.shutdown()
        self.server_close()
