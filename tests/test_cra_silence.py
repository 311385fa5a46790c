import re
from datetime import date
from email.header import decode_header, make_header

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged

from .common import SIGNATURE, CraMailCommon
from .common_sending import refuse

WEDNESDAY = "2026-04-01 10:00:00"
CLAUSE = "Article 7: without an answer the report is deemed accepted."


@tagged("post_install", "-at_install")
class TestCraSilence(CraMailCommon):
    """What silence leads to, on a report mailed on a Wednesday with five days."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.carl = cls.chloe.copy({"name": "Carl", "email": "carl@acme.example.com"})
        cls.deadline = date(2026, 4, 8)

    def _make_tacit(self):
        self.policy.write({"on_deadline": "tacit", "tacit_clause": CLAUSE})

    def _ask_two(self, mode="all"):
        self.policy.approval_mode = mode
        self.project.cra_approver_ids = [Command.set((self.chloe | self.carl).ids)]
        self._ask(WEDNESDAY)

    # === THE DEADLINE === #

    def test_waiting_goes_on_and_the_responsible_is_told_once(self):
        self._ask(WEDNESDAY)
        self.assertEqual(self.report.deadline, self.deadline)
        self._follow_up("2026-04-08 21:55:00")  # the last minutes in Brussels
        self.assertFalse(self.report.activity_ids)
        for _run in range(2):
            self._follow_up("2026-04-08 22:05:00")
        self.assertEqual(self.report.state, "sent")
        self.assertEqual(self.report.activity_ids.user_id, self.manager)
        self.assertTrue(self.timesheet.cra_hold)
        self._agree(self.report)
        self.assertEqual(self.report.approval_kind, "customer")

    def test_silence_agrees_where_the_contract_says_so_and_never_earlier(self):
        self._make_tacit()
        self._ask(WEDNESDAY)
        self._follow_up("2026-04-08 21:55:00")
        self.assertEqual(self.report.state, "sent")
        self._follow_up("2026-04-08 22:05:00")
        report = self.report.sudo()
        self.assertEqual((report.state, report.approval_kind), ("approved", "tacit"))
        self.assertEqual(str(report.decided_on), "2026-04-08 22:05:00")
        self.assertFalse(self.timesheet.cra_hold)
        approval = report.approval_ids
        self.assertEqual(approval.state, "void")
        self.assertFalse(approval.signed_by or approval.signature)
        with self.assertRaisesRegex(UserError, "already decided"):
            approval._approve("Chloe", SIGNATURE)

    def test_the_policys_later_words_change_nothing_of_what_was_sent(self):
        self._ask(WEDNESDAY)
        self._make_tacit()
        self._follow_up("2026-04-20 10:00:00")
        self.assertEqual(self.report.state, "sent")

    def test_silence_means_nothing_while_a_mail_failed_or_a_question_is_open(self):
        self._make_tacit()
        self._ask(WEDNESDAY, refuse(550, "No such user"))
        self._follow_up("2026-04-20 10:00:00")
        self.assertEqual(self.report.state, "sent")
        self.report.action_send_again()
        self._deliver("2026-04-20 10:00:00")
        with freeze_time("2026-04-21 10:00:00"):
            self.report.sudo().message_post(
                body="What is this?",
                author_id=self.chloe.id,
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
            )
        self._follow_up("2026-05-20 10:00:00")
        self.assertEqual(self.report.state, "sent")

    def test_a_bounce_that_nobody_has_seen_yet_counts_at_the_deadline(self):
        self._make_tacit()
        self._ask(WEDNESDAY)
        approval = self._get_approval(self.chloe)
        approval.mail_message_id.notification_ids.notification_status = "bounce"
        with freeze_time("2026-04-10 10:00:00"):
            self.report.sudo()._close_overdue(date(2026, 4, 10))
        self.assertEqual(self.report.state, "sent")
        self.assertEqual(self.report.sudo().clock_state, "failed")

    def test_who_has_signed_stays_signed_and_the_whole_is_called_silent(self):
        self._make_tacit()
        self._ask_two()
        with freeze_time("2026-04-02 10:00:00"):
            self._get_approval(self.carl)._approve("Carl", SIGNATURE)
        self._follow_up("2026-04-09 10:00:00")
        report = self.report.sudo()
        self.assertEqual((report.state, report.approval_kind), ("approved", "tacit"))
        states = {a.partner_id: a.state for a in report.approval_ids}
        self.assertEqual(states, {self.carl: "approved", self.chloe: "void"})

    # === REMINDERS === #

    def test_reminders_follow_the_plan_until_the_answer(self):
        self.policy.write({"reminder_before_days": 2, "reminder_every_days": 3})
        self._ask(WEDNESDAY)
        reached = self._follow_up_daily(date(2026, 4, 1), date(2026, 4, 14))
        to_chloe = [day for day, to in reached.items() if self.chloe.email in to]
        self.assertEqual(
            to_chloe, [date(2026, 4, 6), date(2026, 4, 9), date(2026, 4, 14)]
        )
        reminders = self.report.message_ids.filtered(lambda m: "is reminded" in m.body)
        self.assertEqual(len(reminders), 3)
        with freeze_time("2026-04-15 10:00:00"):
            self._agree(self.report)
        later = self._follow_up_daily(date(2026, 4, 15), date(2026, 4, 24))
        self.assertFalse([day for day, to in later.items() if self.chloe.email in to])

    def test_nobody_is_reminded_at_night(self):
        self._ask(WEDNESDAY)
        self._deliver("2026-04-07 05:55:00")  # 7:55 in Brussels
        self._deliver("2026-04-07 05:55:00")
        self.assertFalse(self.reached)
        self._follow_up("2026-04-07 06:05:00")
        self._deliver("2026-04-07 06:05:00")
        self.assertEqual(self.reached, [self.chloe.email])

    def test_a_reminder_is_in_the_readers_language_with_their_own_link(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.chloe.lang = "fr_FR"
        self._make_tacit()
        self._ask(WEDNESDAY)
        self._follow_up("2026-04-07 10:00:00")
        self._deliver("2026-04-07 10:00:00")
        (mail,) = self.received
        subject = str(make_header(decode_header(mail["Subject"])))
        self.assertIn("mars 2026", subject)
        text = mail.get_payload()[1].get_payload(decode=True).decode()
        self.assertIn("mercredi 8 avril 2026", text)
        self.assertIn(CLAUSE, text)
        token = re.search(r'\?approval=([^"]+)"', text).group(1)
        with freeze_time("2026-04-08 10:00:00"):
            found = self.env["cra.approval"]._from_token(self.report.id, token)
        self.assertEqual(found, self._get_approval(self.chloe))

    def test_only_who_has_not_answered_is_reminded(self):
        self._ask_two()
        with freeze_time("2026-04-02 10:00:00"):
            self._get_approval(self.carl)._approve("Carl", SIGNATURE)
        self._follow_up("2026-04-07 10:00:00")
        self._deliver("2026-04-07 10:00:00")
        self.assertEqual(self.reached, [self.chloe.email])

    def test_nobody_is_reminded_while_a_question_is_open(self):
        self._ask(WEDNESDAY)
        self.report.sudo().question_on = "2026-04-02 10:00:00"
        self.report.sudo()._update_clock()
        self._follow_up("2026-04-07 10:00:00")
        self._deliver("2026-04-07 10:00:00")
        self.assertFalse(self.reached)

    def test_people_remind_by_hand_once_a_day(self):
        self._ask(WEDNESDAY)
        with freeze_time("2026-04-02 10:00:00"):
            action = self.report.action_remind()
            self.assertIn("Chloe Client", action["params"]["message"])
            with self.assertRaisesRegex(UserError, "nobody to remind"):
                self.report.action_remind()
        self._deliver("2026-04-02 10:00:00")
        self.assertEqual(self.reached, [self.chloe.email])
        with freeze_time("2026-04-03 10:00:00"):
            self._agree(self.report)
            with self.assertRaisesRegex(UserError, "nobody to remind"):
                self.report.action_remind()

    def test_one_reminder_for_many_reports(self):
        self._create_timesheet(date(2026, 3, 3), employee=self.bruno)
        reports = self._generate()
        self._ask(WEDNESDAY, reports=reports)
        self._follow_up("2026-04-07 10:00:00")
        self._deliver("2026-04-07 10:00:00")
        self.assertEqual(self.reached, [self.chloe.email])
        (mail,) = self.received
        text = mail.get_payload()[1].get_payload(decode=True).decode()
        token = re.search(r'\?digest=([^"]+)"', text).group(1)
        with freeze_time("2026-04-08 10:00:00"):
            found = self.env["cra.approval"]._from_digest_token(token)
        self.assertEqual(found.report_id, reports.sudo())
