import re
from datetime import date
from urllib.parse import quote

from odoo.tests import freeze_time, tagged

from ..models.cra_secret import hide_secrets
from .common import SIGNATURE, CraMailCommon
from .common_sending import refuse

WEDNESDAY = "2026-04-01 10:00:00"
#: What looks like a token of ours: long, and of the letters that they are made of.
TOKEN = re.compile(r"[A-Za-z0-9_-]{60,}")
#: An approver's answer, below which their mail program quotes ours as text and as HTML.
ANSWER = """\
From: Chloe <chloe@acme.example.com>
To: {to}
Subject: Re: your activity report
Message-Id: <answer-{kind}@acme.example.com>
In-Reply-To: {reference}
MIME-Version: 1.0
Content-Type: text/{kind}; charset=utf-8
Content-Transfer-Encoding: 8bit

What is this?
{quoted}
"""
#: A server's report that quotes what it could not deliver, as some do.
FAILURE = """\
Return-Path: <>
From: Mailer-Daemon <mailer-daemon@acme.example.com>
To: bounce@provider.example.com
Subject: Mail delivery failed
Message-Id: <failure@acme.example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain; charset=us-ascii

The following address failed: chloe@acme.example.com

------ This is a copy of the message. ------
{quoted}

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example.com

Final-Recipient: rfc822; chloe@acme.example.com
Action: failed
Status: 5.1.1

--B
Content-Type: message/rfc822

Message-Id: {reference}
To: chloe@acme.example.com

{quoted}
--B--
"""


@tagged("post_install", "-at_install")
class TestCraLinks(CraMailCommon):
    """The approver's link is in the mail that leaves, and nowhere else."""

    def _read_everything(self):
        """Return all rows of all tables that hold what people may read, as text."""
        self.env.flush_all()
        found = []
        for table in (
            ("mail_message", "mail_mail", "mail_notification", "mail_activity")
            + ("mail_tracking_value", "ir_logging", "cra_report", "cra_approval")
            + ("cra_report_line", "cra_approver_code")
        ):
            self.cr.execute(f"SELECT t::text FROM {table} t")
            found += [row[0] for row in self.cr.fetchall()]
        attachments = self.env["ir.attachment"].search(
            [("res_model", "in", ("cra.report", "mail.message", "mail.mail"))]
        )
        found += [str(a.raw) + (a.url or "") + a.name for a in attachments]
        return "\n".join(found)

    def _assert_no_usable_link(self, sent_token):
        everything = self._read_everything()
        self.assertNotIn(sent_token, everything)
        self.assertNotIn("?approval=", everything)
        self.assertNotIn("?digest=", everything)
        approvals = self.env["cra.approval"]
        for text in set(TOKEN.findall(everything)):
            for scope in (
                "sale_timesheet_cra.approval",
                "sale_timesheet_cra.approval.digest",
            ):
                self.assertIsNone(approvals._read_token(scope, text), text)

    def _get_sent_link(self, name="approval"):
        (mail,) = self.received
        body = mail.get_payload()[1].get_payload(decode=True).decode()
        return re.search(rf'href="(https?://[^"]+\?{name}=[^"]+)"', body).group(1)

    def _get_sent_token(self, name):
        return self._get_sent_link(name).partition("=")[2]

    def _receive(self, text, **values):
        """Let a mail that refers to ours come in."""
        (mail,) = self.received
        text = text.format(reference=mail["Message-Id"], to=mail["Reply-To"], **values)
        with freeze_time("2026-04-02 10:00:00"):
            self.env["mail.thread"].message_process(False, text)

    def test_no_usable_link_is_stored_before_or_after_the_mail_left(self):
        with freeze_time(WEDNESDAY):
            self._send(self.report)
            self._assert_no_usable_link("unknown yet")
        self._deliver(WEDNESDAY)
        token = self._get_sent_token("approval")
        with freeze_time(WEDNESDAY):
            found = self.env["cra.approval"]._from_token(self.report.id, token)
            self._assert_no_usable_link(token)
            found._approve("Chloe", SIGNATURE)
            self._assert_no_usable_link(token)

    def test_the_link_of_many_reports_is_not_stored_either(self):
        self._create_timesheet(date(2026, 3, 3), employee=self.bruno)
        reports = self._generate()
        self._ask(WEDNESDAY, reports=reports)
        token = self._get_sent_token("digest")
        with freeze_time(WEDNESDAY):
            found = self.env["cra.approval"]._from_digest_token(token)
            self.assertEqual(found.report_id, reports.sudo())
            self._assert_no_usable_link(token)

    def test_mails_that_failed_keep_no_link(self):
        self._ask(WEDNESDAY, refuse(550, "No such user"))
        failed = self._get_request_mails(self.report)
        self.assertEqual(failed.state, "exception")
        with freeze_time(WEDNESDAY):
            self._assert_no_usable_link("none was sent")

    def test_answers_that_quote_our_mail_keep_no_link(self):
        self._ask(WEDNESDAY)
        link = self._get_sent_link()
        token = self._get_sent_token("approval")
        self._receive(ANSWER, kind="plain", quoted=f"> {link}")
        self._receive(ANSWER, kind="html", quoted=f'<a href="{link}">See</a> {link}')
        written = self.report.sudo().message_ids.filtered(
            lambda message: message.author_id == self.chloe
        )
        self.assertEqual(len(written), 2)
        for message in written:
            self.assertIn("What is this?", message.body)
            self.assertIn(f"/my/cra/{self.report.id}", message.body)
        self.assertTrue(self.report.sudo().question_on)
        with freeze_time(WEDNESDAY):
            self._assert_no_usable_link(token)

    def test_failure_reports_that_hold_our_mail_keep_no_link(self):
        self._ask(WEDNESDAY)
        token = self._get_sent_token("approval")
        self._receive(FAILURE, quoted=f"See and answer: {self._get_sent_link()}")
        self._follow_up("2026-04-02 10:00:00")
        self.assertIn("address failed", self.report.sudo().approval_ids.mail_error)
        with freeze_time(WEDNESDAY):
            self._assert_no_usable_link(token)

    def test_approvers_who_post_their_own_link_are_protected_from_themselves(self):
        self._ask(WEDNESDAY)
        link = self._get_sent_link()
        report = self.report.sudo()
        message = report.message_post(
            body=f"Does {link} not work?",
            author_id=self.chloe.id,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )
        self.assertIn("not work?", message.body)
        report._message_update_content(message, body=f"I mean {link}")
        self.assertIn("I mean", message.body)
        with freeze_time(WEDNESDAY):
            self._assert_no_usable_link(self._get_sent_token("approval"))

    def test_links_within_the_links_of_mail_filters_are_found(self):
        token = "A" * 20 + "-_" + "b" * 50
        for key in ("approval", "digest"):
            link = f"https://odoo.example.com/my/cra/7?{key}={token}"
            for text in (
                f"Open {link} now",
                f"{link}&version=1",
                f"https://odoo.example.com/my/cra/7?version=1&amp;{key}={token}",
                f"https://filter.example.com/?url={quote(link, safe='')}&data=1",
                f"https://a.example/?u={quote(quote(link, safe=''), safe='')}",
                f"https://b.example/?u=my_cra_7-3F{key}-3D{token}&d=1",
            ):
                self.assertNotIn(token[:30], hide_secrets(text), text)
        harmless = "https://odoo.example.com/my/cra?filterby=mine&search=approval"
        self.assertEqual(hide_secrets(harmless), harmless)
