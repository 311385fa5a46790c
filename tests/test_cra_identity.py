from datetime import date, timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..models.cra_approver_code import CODE_MINUTES, CODE_TRIES
from .common import SIGNATURE, CraCommon
from .portal_common import CraPortalCommon


@tagged("post_install", "-at_install")
class TestCraCode(CraPortalCommon):
    """Reports whose approver must give a code from their mailbox."""

    def setUp(self):
        super().setUp()
        self._keep_codes()
        self.policy.identity = "code"
        self._send_report()
        self.query = f"?approval={self.token}"

    def _ask_for_code(self):
        response = self._post_form(f"{self.page}/code", approval=self.token)
        self.assertEqual(response.status_code, 200)
        return self._read_code()

    def _get_wrong_code(self, code):
        return f"{(int(code) + 1) % 10**6:06d}"

    def test_the_page_shows_before_the_code_and_decides_with_it(self):
        page = self._read(self.link)
        self.assertIn("Built the launch pad", page)
        self.assertIn("c…@acme.example.com", page)
        self.assertNotIn("Refuse", page)
        for code in (None, "", "000000"):
            self.assertIn("error", self._post_agreement(self.query, code=code))
        self.assertEqual(self.report.state, "sent")
        code = self._ask_for_code()
        self.assertIn("Refuse", self._read(self.link))
        answer = self._post_agreement(self.query, code=f" {code[:3]} {code[3:]} ")
        self.assertTrue(answer["force_refresh"])
        self.assertEqual(self.report.state, "approved")

    def test_the_code_goes_to_the_approver_alone(self):
        code = self._ask_for_code()
        mail = self.env["mail.mail"].search([("body_html", "ilike", code)])
        self.assertEqual(mail.recipient_ids, self.chloe)
        self.assertNotIn("approval=", mail.body_html)
        self.assertNotIn(code, self.url_open(self.link).text)
        row = self.env["cra.approver.code"].sudo().search([])
        self.assertNotIn(code, str(row.read()))
        messages = self.report.sudo().message_ids
        self.assertNotIn(code, str(messages.mapped("body")))

    def test_a_wrong_code_refuses_nothing_and_keeps_what_was_typed(self):
        wrong = self._get_wrong_code(self._ask_for_code())
        response = self._post_refusal(self.token, "Two hours too many", code=wrong)
        self.assertIn("This is not the code", response.text)
        self.assertIn("Two hours too many", response.text)
        self.assertEqual(self.report.state, "sent")

    def test_a_code_refuses_too(self):
        code = self._ask_for_code()
        self._post_refusal(self.token, "Two hours too many", code=code)
        self.assertEqual(self.report.state, "refused")

    def test_a_code_decides_once(self):
        code = self._ask_for_code()
        self.assertTrue(self._post_agreement(self.query, code=code)["force_refresh"])
        codes = self.env["cra.approver.code"].sudo()
        self.assertFalse(codes._get_live(self.chloe))
        self.assertTrue(codes._find_problem(self.chloe, code))

    def test_a_wrong_signature_does_not_use_the_code_up(self):
        code = self._ask_for_code()
        answer = self._post_agreement(self.query, signature="no image", code=code)
        self.assertIn("error", answer)
        self.assertTrue(self._post_agreement(self.query, code=code)["force_refresh"])

    def test_five_wrong_codes_lock_and_tell_the_responsible(self):
        code = self._ask_for_code()
        wrong = self._get_wrong_code(code)
        for left in range(CODE_TRIES - 1, 0, -1):
            answer = self._post_agreement(self.query, code=wrong)
            self.assertIn(str(left), answer["error"])
        self.assertIn("last try", self._post_agreement(self.query, code=wrong)["error"])
        self.assertIn("error", self._post_agreement(self.query, code=code))
        self.assertEqual(self.report.state, "sent")
        notes = str(self.report.sudo().message_ids.mapped("body"))
        self.assertIn("Too many wrong codes", notes)
        response = self._post_form(f"{self.page}/code", approval=self.token)
        self.assertIn("in 15 minutes", response.text)

    def test_a_code_is_good_for_ten_minutes(self):
        code = self._ask_for_code()
        now = fields.Datetime.now()
        codes = self.env["cra.approver.code"].sudo()
        for minutes, good in ((CODE_MINUTES - 1, True), (CODE_MINUTES + 1, False)):
            with freeze_time(now + timedelta(minutes=minutes)):
                problem = codes._find_problem(self.chloe, code)
            self.assertEqual(not problem, good, problem)

    def test_a_code_of_somebody_else_decides_nothing(self):
        code = self.env["cra.approver.code"].sudo()._issue(self.carl)
        self._ask_for_code()
        self.assertIn("error", self._post_agreement(self.query, code=code))
        self.assertEqual(self.report.state, "sent")

    def test_an_account_needs_the_code_as_well(self):
        self._create_portal_user(self.chloe, "chloe_portal")
        self.authenticate("chloe_portal", "chloe_portal")
        self.assertIn("error", self._post_agreement(""))
        self._post_form(f"{self.page}/code")
        answer = self._post_agreement("", code=self._read_code())
        self.assertTrue(answer["force_refresh"])

    def test_no_code_is_mailed_when_nothing_is_to_be_answered(self):
        self.approval._approve("Chloe", SIGNATURE)
        before = self.env["mail.mail"].search_count([])
        response = self._post_form(f"{self.page}/code", approval=self.token)
        self.assertIn("No code is needed", response.text)
        self.assertEqual(self.env["mail.mail"].search_count([]), before)


@tagged("post_install", "-at_install")
class TestCraLogin(CraPortalCommon):
    """Reports whose approver must be logged in."""

    def setUp(self):
        super().setUp()
        self.policy.identity = "login"
        self._create_portal_user(self.chloe, "chloe_portal")
        self._send_report()
        self.query = f"?approval={self.token}"

    def test_the_link_alone_shows_and_decides_nothing(self):
        page = self._read(self.link)
        self.assertIn("Built the launch pad", page)
        self.assertIn("log in as Chloe Client", page)
        self.assertNotIn("Refuse", page)
        self.assertIn("log in", self._post_agreement(self.query)["error"])
        self._post_refusal(self.token)
        self.assertEqual(self.report.state, "sent")

    def test_a_forwarded_link_decides_nothing_for_others_with_an_account(self):
        self._create_portal_user(self.carl, "carl_portal")
        for login in ("carl_portal", "cra_manager"):
            self.authenticate(login, login)
            self.assertIn("error", self._post_agreement(self.query), login)
        self.assertEqual(self.report.state, "sent")

    def test_the_approver_decides_with_or_without_the_link(self):
        self.authenticate("chloe_portal", "chloe_portal")
        self.assertIn("Refuse", self._read(self.page))
        self.assertTrue(self._post_agreement(self.query)["force_refresh"])
        self.assertEqual(self.report.state, "approved")


@tagged("post_install", "-at_install")
class TestCraIdentity(CraCommon):
    """What does not take a browser."""

    def test_the_policys_identity_is_copied_when_sending(self):
        self.policy.identity = "code"
        self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        self._send(report)
        self.policy.identity = "link"
        self.assertEqual(report.identity, "code")

    def test_approvers_without_an_account_are_not_asked_to_log_in(self):
        self.policy.identity = "login"
        self._create_timesheet(date(2026, 3, 2))
        with self.assertRaisesRegex(UserError, "Chloe Client.*Grant portal access"):
            self._send(self._generate())

    def test_each_unused_code_makes_the_next_one_wait_longer(self):
        codes = self.env["cra.approver.code"].sudo()
        now = fields.Datetime.now()
        waits = []
        for _number in range(9):
            with freeze_time(now):
                codes._issue(self.chloe)
                with self.assertRaises(UserError):
                    codes._issue(self.chloe)
                row = codes.search([("partner_id", "=", self.chloe.id)])
                waits.append((row.next_on - now).total_seconds() // 60)
                now = row.next_on
        self.assertEqual(waits, [1, 1, 5, 15, 60, 240, 1440, 1440, 1440])
        with freeze_time(now + timedelta(days=8)):
            codes._issue(self.chloe)
            self.assertEqual(row.unused_count, 1)

    def test_the_waits_are_forgotten_with_the_right_code(self):
        codes = self.env["cra.approver.code"].sudo()
        code = codes._issue(self.chloe)
        self.assertFalse(codes._find_problem(self.chloe, code))
        codes._use_up(self.chloe)
        self.assertTrue(codes._issue(self.chloe))

    def test_forgotten_codes_are_cleaned_away(self):
        codes = self.env["cra.approver.code"].sudo()
        codes._issue(self.chloe)
        codes._gc_codes()
        self.assertTrue(codes.search([("partner_id", "=", self.chloe.id)]))
        with freeze_time(fields.Datetime.now() + timedelta(days=8)):
            codes._gc_codes()
        self.assertFalse(codes.search([("partner_id", "=", self.chloe.id)]))

    def test_nobody_reads_codes_by_rpc(self):
        self.env["cra.approver.code"].sudo()._issue(self.chloe)
        for user in (self.manager, self.env.ref("base.user_admin")):
            self.assertFalse(
                self.env["cra.approver.code"].with_user(user).has_access("read")
            )
