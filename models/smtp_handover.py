"""What is known about a message given to a mail server, and what its answers mean.

SMTP decides at one point: after the body, the server says yes or no. Until the body
is handed over, the message has certainly not arrived; once the server said yes, it
has. Between the two only the server knows, so that stretch is kept as short as it
can be: the claim ("this message is being handed over") is committed right before
the DATA command, after the server accepted sender and recipients.
"""

import contextlib
import smtplib

PAUSES = (1, 5, 15, 30, 60, 60, 120, 240, 480)  # minutes before each further try


class Handover:
    """One message on its way through one SMTP session."""

    def __init__(self, claim):
        """
        :param claim: function that records durably that the message is handed over
        """
        self.claim = claim
        self.claimed = False
        self.accepted = False

    def watch(self, session):
        """Make the session claim the message just before its body leaves."""
        # Sessions that stand in for smtplib in tests may only know send_message.
        name = "data" if hasattr(session, "data") else "send_message"
        method = getattr(type(session), name)

        def hand_over(*args, **kwargs):
            self.claim()
            self.claimed = True
            answer = method(session, *args, **kwargs)
            self.accepted = name != "data" or answer[0] == 250
            return answer

        setattr(session, name, hand_over)


class Sessions:
    """Open SMTP sessions, one per mail server and sender, reused for many messages."""

    def __init__(self, mail_server):
        self.mail_server = mail_server
        self.sessions = {}

    def get(self, server_id, smtp_from):
        """Return an open session, and whether it was opened just now."""
        key = (server_id, smtp_from)
        is_new = key not in self.sessions
        if is_new:
            self.sessions[key] = self.mail_server._connect__(
                mail_server_id=server_id, smtp_from=smtp_from
            )
        return self.sessions[key], is_new

    def drop(self, server_id, smtp_from):
        session = self.sessions.pop((server_id, smtp_from), None)
        if session:
            session.close()

    def quit(self):
        for session in self.sessions.values():
            with contextlib.suppress(OSError):  # the server hung up first
                session.quit()
        self.sessions = {}


def get_cause(error):
    """Return the network or SMTP error behind an error raised by Odoo, if any."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def is_temporary(error):
    """Say whether trying the same message again later makes sense."""
    cause = get_cause(error)
    if isinstance(cause, smtplib.SMTPRecipientsRefused):
        return all(400 <= code < 500 for code, _text in cause.recipients.values())
    if isinstance(cause, smtplib.SMTPResponseException):
        return 400 <= cause.smtp_code < 500
    if isinstance(cause, smtplib.SMTPException):
        return isinstance(cause, smtplib.SMTPServerDisconnected)
    return cause is not None


def get_text(error):
    """Return the server's own words, else the error's."""
    cause = get_cause(error)
    if isinstance(cause, smtplib.SMTPRecipientsRefused):
        return "\n".join(
            f"{address}: {code} {_decode(text)}"
            for address, (code, text) in cause.recipients.items()
        )
    if isinstance(cause, smtplib.SMTPResponseException):
        return f"{cause.smtp_code} {_decode(cause.smtp_error)}"
    return str(cause or error)


def _decode(text):
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)
