from datetime import date

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged

from .common import CraMailCommon
from .common_sending import refuse

WEDNESDAY = "2026-04-01 10:00:00"


@tagged("post_install", "-at_install")
class TestCraClock(CraMailCommon):
    """The policy's five working days: Easter Monday, April 6, is a day off here."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["resource.calendar.leaves"].create(
            {
                "name": "Easter Monday",
                "company_id": cls.company.id,
                "date_from": "2026-04-05 22:00:00",
                "date_to": "2026-04-06 21:59:59",
            }
        )
        cls.carl = cls.chloe.copy({"name": "Carl", "email": "carl@acme.example.com"})

    def _assert_clock(self, state, deadline=None):
        report = self.report.sudo()
        self.assertEqual(
            (report.clock_state, report.deadline or None), (state, deadline)
        )

    def _get_activity(self, name):
        return self.report.activity_ids.filtered(
            lambda a: (
                a.activity_type_id
                == self.env.ref(f"sale_timesheet_cra.mail_activity_type_cra_{name}")
            )
        )

    def _write_as(self, author, body="What is this?", **values):
        with freeze_time(values.pop("when", "2026-04-02 10:00:00")):
            self.report.sudo().message_post(
                body=body,
                author_id=author.id,
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
                **values,
            )

    # === THE MAIL === #

    def test_the_clock_starts_when_the_mail_server_has_accepted_the_mail(self):
        with freeze_time(WEDNESDAY):
            self._send(self.report)
        self._assert_clock("mailing")
        self._follow_up(WEDNESDAY)
        self._assert_clock("mailing")
        self._deliver("2026-04-02 10:00:00")
        self._assert_clock("running", date(2026, 4, 10))
        approval = self._get_approval(self.chloe)
        self.assertEqual(approval.mail_state, "delivered")
        self.assertEqual(str(approval.delivered_on), "2026-04-02 10:00:00")

    def test_the_day_is_that_of_the_company(self):
        self._ask("2026-04-01 22:30:00")  # April 2 in Brussels
        self._assert_clock("running", date(2026, 4, 10))

    def test_calendar_days_and_no_deadline(self):
        self.policy.deadline_unit = "calendar"
        self._ask(WEDNESDAY)
        self._assert_clock("running", date(2026, 4, 6))
        self._create_timesheet(date(2026, 4, 2))
        self.policy.deadline_days = 0
        self.report = self._generate(month=4)
        self._ask(WEDNESDAY)
        self._assert_clock("running")

    def test_terms_are_those_of_the_day_of_sending(self):
        self._ask(WEDNESDAY)
        self.policy.write({"deadline_days": 50, "reminder_every_days": 1})
        self._write_as(self.chloe)
        self._write_as(self.manager.partner_id, "That is…")
        self._assert_clock("running", date(2026, 4, 9))
        self.assertEqual(self.report.sudo().deadline_days, 5)

    # === FAILURES === #

    def test_a_refused_mail_is_told_and_sent_again_once_the_address_is_mended(self):
        self._ask(WEDNESDAY, refuse(550, "No such user"))
        self._assert_clock("failed")
        approval = self._get_approval(self.chloe)
        self.assertIn("No such user", approval.mail_error)
        activity = self._get_activity("delivery")
        self.assertEqual(activity.user_id, self.manager)
        failed = self.env["cra.report"].search([("clock_state", "=", "failed")])
        self.assertEqual(failed, self.report.sudo(False).with_env(self.env))
        notes = " ".join(self.report.message_ids.mapped("body"))
        self.assertIn("No such user", notes)
        self.chloe.email = "new@acme.example.com"
        with freeze_time("2026-04-07 10:00:00"):
            self.report.action_send_again()
        self._assert_clock("mailing")
        self.assertFalse(self._get_activity("delivery"))
        self._deliver("2026-04-07 10:00:00")
        self.assertIn("new@acme.example.com", self.reached)
        self._assert_clock("running", date(2026, 4, 14))

    def test_nothing_is_sent_again_that_did_not_fail_or_has_no_address(self):
        self._ask(WEDNESDAY)
        with self.assertRaisesRegex(UserError, "no mail of .* has failed"):
            self.report.action_send_again()
        self._get_approval(self.chloe).mail_state = "failed"
        self.chloe.email = False
        with self.assertRaisesRegex(UserError, "no email address"):
            self.report.action_send_again()

    def _bounce(self, address):
        """Let the other side's server send the mail back a day later."""
        (mail,) = self.received
        notice = BOUNCE.format(
            reference=mail["Message-Id"],
            address=address,
            bounce=self.company.bounce_email or "bounce@provider.example.com",
        )
        self.env["mail.thread"].message_process("cra.report", notice)

    def test_a_bounce_stops_the_clock_and_tells_the_responsible(self):
        self._ask(WEDNESDAY)
        self._assert_clock("running", date(2026, 4, 9))
        self._bounce("chloe@acme.example.com")
        self._follow_up("2026-04-02 10:00:00")
        self._assert_clock("failed")
        self.assertTrue(self._get_activity("delivery"))
        self.assertIn("does not exist", self._get_approval(self.chloe).mail_error)

    def test_a_bounced_mail_on_many_reports_stops_all_their_clocks(self):
        self._create_timesheet(date(2026, 3, 3), employee=self.bruno)
        reports = self._generate()
        self._ask(WEDNESDAY, reports=reports)
        self.assertEqual(self.reached, ["chloe@acme.example.com"])
        self.assertEqual(set(reports.sudo().mapped("clock_state")), {"running"})
        self._bounce("chloe@acme.example.com")
        self._follow_up("2026-04-02 10:00:00")
        self.assertEqual(set(reports.sudo().mapped("clock_state")), {"failed"})

    def test_a_report_for_information_has_no_clock_but_its_mail_is_followed(self):
        self.policy.write({"approval_mode": "none", "invoice_gate": "none"})
        self._ask(WEDNESDAY, refuse(550, "No such user"))
        self._assert_clock("failed")
        self.assertTrue(self._get_activity("delivery"))
        self.report.action_send_again()
        self._deliver("2026-04-02 10:00:00")
        self._assert_clock(False)

    # === SEVERAL APPROVERS === #

    def _ask_two(self, answer=None):
        self.project.cra_approver_ids = [Command.set((self.chloe | self.carl).ids)]
        self._ask(WEDNESDAY, answer)

    def test_nobodys_silence_counts_before_everybody_has_the_mail(self):
        for mode in ("any", "all"):
            with self.subTest(mode=mode), self.cr.savepoint() as savepoint:
                self.policy.approval_mode = mode
                self._ask_two(refuse(550, "No such user", "carl@acme.example.com"))
                self._assert_clock("failed")
                self.report.action_send_again()
                self._deliver("2026-04-07 10:00:00")
                self._assert_clock("running", date(2026, 4, 14))
                savepoint.rollback()
                self.env.invalidate_all()

    def test_who_is_not_asked_anymore_is_not_waited_for(self):
        self.policy.approval_mode = "all"
        self._ask_two(refuse(550, "No such user", "carl@acme.example.com"))
        with freeze_time("2026-04-02 10:00:00"):
            self._get_approval(self.carl)._replace(self.chloe)
        self._assert_clock("running", date(2026, 4, 10))

    def test_somebody_else_gets_all_the_time(self):
        self._ask(WEDNESDAY)
        with freeze_time("2026-04-07 10:00:00"):
            self._get_approval(self.chloe)._replace(self.carl)
        self._assert_clock("mailing")
        self._deliver("2026-04-07 10:00:00")
        self.assertEqual(self.reached, ["carl@acme.example.com"])
        self._assert_clock("running", date(2026, 4, 14))

    def test_a_mail_that_was_withdrawn_in_the_queue_never_leaves(self):
        with freeze_time(WEDNESDAY):
            self._send(self.report)
            self._get_approval(self.chloe)._replace(self.carl)
        self._deliver(WEDNESDAY)
        self.assertEqual(self.reached, ["carl@acme.example.com"])

    # === QUESTIONS === #

    def test_a_question_stops_the_clock_until_it_is_answered(self):
        self._ask(WEDNESDAY)
        self._write_as(self.chloe)
        self._assert_clock("question")
        self.assertEqual(self._get_activity("question").user_id, self.manager)
        self._follow_up("2026-05-20 10:00:00")
        self._assert_clock("question")
        self._write_as(self.manager.partner_id, "That is…", when="2026-05-20 10:00:00")
        self._assert_clock("running", date(2026, 5, 26))  # four days were left
        self.assertFalse(self._get_activity("question"))

    def test_an_answer_leaves_three_working_days_at_least(self):
        self._ask(WEDNESDAY)
        self._write_as(self.chloe, when="2026-04-09 10:00:00")
        self._write_as(self.manager.partner_id, "…", when="2026-04-09 11:00:00")
        self._assert_clock("running", date(2026, 4, 14))

    def test_notes_and_colleagues_of_ours_are_no_questions_and_no_answers(self):
        self._ask(WEDNESDAY)
        self._write_as(self.manager.partner_id)
        self._write_as(self.consultant.partner_id)
        self._assert_clock("running", date(2026, 4, 9))
        self._write_as(self.acme)
        self._assert_clock("question")
        self.report.message_post(body="Only for us")  # a note
        self._write_as(self.chloe, "Hello?", when="2026-04-03 10:00:00")
        self._assert_clock("question")

    def test_a_question_after_the_deadline_gives_time_once_more(self):
        self._ask(WEDNESDAY)
        self._follow_up("2026-04-10 10:00:00")
        self._assert_clock("over", date(2026, 4, 9))
        self.assertEqual(self._get_activity("deadline").user_id, self.manager)
        self._write_as(self.chloe, when="2026-04-13 10:00:00")
        self.assertFalse(self._get_activity("deadline"))
        self._write_as(self.manager.partner_id, "…", when="2026-04-13 11:00:00")
        self._assert_clock("running", date(2026, 4, 16))

    def test_an_answer_ends_all_waiting(self):
        self._ask(WEDNESDAY)
        self._write_as(self.chloe)
        self._agree(self.report)
        report = self.report.sudo()
        self.assertFalse(report.clock_state)
        self.assertFalse(report.question_on)
        self.assertFalse(self._get_activity("question"))


BOUNCE = """Return-Path: <>
From: Mailer-Daemon <mailer-daemon@acme.example.com>
To: {bounce}
Subject: Undelivered Mail Returned to Sender
Message-Id: <bounce@acme.example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain; charset=us-ascii

The user does not exist.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example.com

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1

--B
Content-Type: message/rfc822

Message-Id: {reference}
To: {address}

--B--
"""
