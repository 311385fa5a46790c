from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import freeze_time, tagged

from .common import SIGNATURE, CraMailCommon

WEDNESDAY = "2026-04-01 10:00:00"


@tagged("post_install", "-at_install")
class TestCraApprovers(CraMailCommon):
    """Several people who are asked, and what happens to them meanwhile."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.carl = cls.chloe.copy({"name": "Carl", "email": "carl@acme.example.com"})
        cls.project.cra_approver_ids = [Command.set((cls.chloe | cls.carl).ids)]

    def _assert_answers(self, chloe, carl):
        states = [self._get_state(partner) for partner in (self.chloe, self.carl)]
        self.assertEqual(states, [chloe, carl])

    def _get_state(self, partner):
        approvals = self.report.sudo().approval_ids
        return approvals.filtered(lambda a: a.partner_id == partner).state

    @freeze_time(WEDNESDAY)
    def test_if_any_may_agree_the_first_answer_counts(self):
        self._send(self.report)
        chloe, carl = (self._get_approval(p) for p in (self.chloe, self.carl))
        chloe._approve("Chloe", SIGNATURE, "PO-1")
        for answer in (
            lambda: carl._approve("Carl", SIGNATURE, "PO-2"),
            lambda: carl._refuse("Not ours"),
            lambda: chloe._refuse("Changed my mind"),
        ):
            with self.assertRaisesRegex(UserError, "already decided"):
                answer()
        self._assert_answers("approved", "void")
        self.assertEqual(self.report.state, "approved")
        self.assertEqual(self.report.customer_reference, "PO-1")

    @freeze_time(WEDNESDAY)
    def test_if_all_have_to_agree_one_refusal_is_enough(self):
        self.policy.approval_mode = "all"
        self._send(self.report)
        self._get_approval(self.chloe)._approve("Chloe", SIGNATURE)
        carl = self._get_approval(self.carl)
        carl._refuse("Not ours")
        self._assert_answers("approved", "refused")
        self.assertEqual(self.report.state, "refused")
        self.assertTrue(self.timesheet.cra_hold)
        with self.assertRaisesRegex(UserError, "already decided"):
            carl._approve("Carl", SIGNATURE)

    @freeze_time(WEDNESDAY)
    def test_a_report_recalled_while_somebody_signs_is_not_agreed_to(self):
        self._send(self.report)
        approval = self._get_approval(self.chloe)
        self.assertEqual(approval.state, "pending")  # as the open page has it
        self.report._recall("Sorry")
        with self.assertRaisesRegex(UserError, "already decided or withdrawn"):
            approval._approve("Chloe", SIGNATURE)
        self.assertEqual(self.report.state, "cancelled")
        self.assertFalse(approval.signature)

    @freeze_time(WEDNESDAY)
    def test_archived_contacts_are_not_asked_and_nobody_in_their_place(self):
        self.carl.active = False
        self.project.invalidate_recordset()
        self._send(self.report)
        self.assertEqual(self.report.sudo().approval_ids.partner_id, self.chloe)
        second = self._generate_next()
        self.chloe.active = False
        self.project.invalidate_recordset()
        with self.assertRaisesRegex(UserError, "its approvers are archived"):
            self._send(second)

    def _generate_next(self):
        self._create_timesheet("2026-04-01")
        return self._generate(month=4)

    def test_who_was_asked_and_is_archived_can_be_replaced_and_not_deleted(self):
        self._ask(WEDNESDAY)
        self.carl.active = False
        with freeze_time("2026-04-02 10:00:00"):
            paula = self.carl.copy({"name": "Paula", "email": "paula@acme.example.com"})
            paula.active = True
            token = self._get_approval(self.carl)._get_token()
            self._get_approval(self.carl)._replace(paula)
            with self.assertRaises(AccessError):
                self.env["cra.approval"]._from_token(self.report.id, token)
        self._deliver("2026-04-02 10:00:00")
        self.assertEqual(self.reached, ["paula@acme.example.com"])
        self.assertEqual(self.report.sudo().clock_state, "running")

    def test_mails_follow_the_language_and_the_address_of_the_day(self):
        self.policy.write({"reminder_before_days": 2, "reminder_every_days": 0})
        self.env["res.lang"]._activate_lang("es_ES")
        self._ask(WEDNESDAY)
        self.carl.write({"lang": "es_ES", "email": "carl@new.example.com"})
        with freeze_time("2026-04-02 10:00:00"):
            self.report.action_remind()
        self._deliver("2026-04-02 10:00:00")
        subjects = {mail["To"]: str(mail["Subject"]) for mail in self.received}
        (spanish,) = [s for to, s in subjects.items() if "new.example" in to]
        self.assertIn("Recordatorio", spanish)
        self.assertIn("marzo 2026", spanish)
        (english,) = [s for to, s in subjects.items() if "chloe" in to]
        self.assertIn("March 2026", english)
        approval = self._get_approval(self.carl)
        self.assertIn("carl@acme.example.com", approval.asked_address)

    def test_mails_leave_through_the_mailbox_of_project_customer_or_company(self):
        servers = self.env["ir.mail_server"].create(
            [
                {"name": name, "smtp_host": f"{name}.example.com"}
                for name in ("company", "customer", "project")
            ]
        )
        holders = (self.company, self.acme, self.project)
        for month, (holder, server) in enumerate(
            zip(holders, servers, strict=True), start=5
        ):
            holder.invoice_mail_server_id = server
            self._create_timesheet(f"2026-0{month}-04")
            report = self._generate(month=month)
            mails = self._send(report)
            self.assertEqual(mails.mail_server_id, server)
            approvals = report.sudo().approval_ids
            approvals.mail_state = "delivered"
            report.action_remind()
            messages = report.sudo().message_ids.filtered("mail_server_id")
            self.assertEqual(messages.mail_server_id, server)
            self.assertEqual(len(messages), 4)
