import re
from datetime import date

from odoo.tests import freeze_time, tagged

from .common import SIGNATURE, CraMailCommon
from .common_sending import refuse

WEDNESDAY = "2026-04-01 10:00:00"
#: What looks like a token of ours: long, and of the letters that they are made of.
TOKEN = re.compile(r"[A-Za-z0-9_-]{60,}")


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

    def _get_sent_token(self, name):
        (mail,) = self.received
        body = mail.get_payload()[1].get_payload(decode=True).decode()
        return re.search(rf'\?{name}=([^"]+)"', body).group(1)

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
