"""What is known about a message given to a mail server, and what its answers mean.

SMTP decides at one point: after the body, the server says yes or no. Until the body
is handed over, the message has certainly not arrived; once the server said yes, it
has. Between the two only the server knows, so that stretch is kept as short as it
can be: the claim ("this message is being handed over") is committed right before
the DATA command, after the server accepted sender and recipients.
"""

import contextlib
import smtplib
import time
from collections import Counter

PAUSES = (1, 5, 15, 30, 60, 60, 120, 240, 480)  # minutes before each further try
DOWN_FOR = 60  # seconds for which a server that does not work is not tried again
BREAKS = 2  # conversations in a row without an answer after which it does not work


class Postponed(Exception):
    """Nothing was handed over; the same mail can be tried again, after a pause."""


class StaleSession(Exception):
    """The server had hung up on an idle session; nothing was handed over."""


class Unconfirmed(Exception):
    """The mail was handed over, the server's answer never came."""


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
        name = self._get_name(session)
        method = getattr(type(session), name)

        def hand_over(*args, **kwargs):
            self.claim()
            self.claimed = True
            answer = method(session, *args, **kwargs)
            self.accepted = name != "data" or answer[0] == 250
            return answer

        setattr(session, name, hand_over)

    def leave(self, session):
        """Let the session be as it was, for messages of others."""
        vars(session).pop(self._get_name(session), None)

    @staticmethod
    def _get_name(session):
        # Sessions that stand in for smtplib in tests may only know send_message.
        return "data" if hasattr(session, "data") else "send_message"


class Sessions:
    """Open SMTP sessions, one per mail server and sender, reused for many messages."""

    def __init__(self, mail_server):
        self.mail_server = mail_server
        self.sessions = {}
        self.failures = {}
        self.breaks = Counter()
        # Id of the mail that a server has accepted while no record of that is sure.
        self.unrecorded = None

    def get(self, server_id, smtp_from):
        """Return an open session, and whether it was opened just now.

        A server that can't be reached may take a minute to show it, and hundreds of
        mails may wait for it: it fails at once for those that come next.
        """
        key = (server_id, smtp_from)
        is_new = key not in self.sessions
        if is_new:
            failed_at, error = self.failures.get(key, (0, None))
            if error and time.monotonic() < failed_at + DOWN_FOR:
                raise error
            try:
                self.sessions[key] = self.mail_server._connect__(
                    mail_server_id=server_id, smtp_from=smtp_from
                )
            except Exception as error:
                self.failures[key] = (time.monotonic(), error)
                raise
        return self.sessions[key], is_new

    def note_answer(self, server_id, smtp_from):
        """Note that the server answers, whatever it says."""
        self.breaks[server_id, smtp_from] = 0

    def note_break(self, server_id, smtp_from, error):
        """Note that the server took part in a conversation, but did not answer.

        One mail it may not bear. More than that, and it is the server: each further
        mail handed over now would be one more whose fate nobody knows.
        """
        key = (server_id, smtp_from)
        self.breaks[key] += 1
        if self.breaks[key] >= BREAKS:
            self.failures[key] = (time.monotonic(), get_cause(error))

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


def is_answer(error):
    """Say whether the server refused the message in so many words."""
    cause = get_cause(error)
    if isinstance(cause, smtplib.SMTPRecipientsRefused):
        return True
    return (
        isinstance(cause, smtplib.SMTPResponseException)
        and 400 <= cause.smtp_code < 600
    )


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
