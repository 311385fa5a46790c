from datetime import date

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .test_cra_month_end import MonthEndCommon


@tagged("post_install", "-at_install")
class TestCraReview(MonthEndCommon):
    """Alice has a user and confirms her own time; Bruno has none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.write({"send_mode": "manual", "internal_review": True})
        cls.colleague = cls._create_user(
            "cra_colleague", "Carl Costa", "hr_timesheet.group_hr_timesheet_user"
        )
        cls.env["hr.employee"].create(
            {
                "name": "Carl Costa",
                "user_id": cls.colleague.id,
                "company_id": cls.company.id,
            }
        )
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2))

    def _submit(self, **values):
        report = self._generate(**values)
        report.action_ask_confirmation()
        return report

    def _confirm(self, report):
        """Let Alice confirm, then the manager."""
        report.with_user(self.consultant).action_confirm()
        report.with_user(self.manager).action_confirm()

    def _assert_step(self, report, state, step):
        self.assertEqual((report.state, report.sudo().review_step), (state, step))

    def test_the_policy_tells_who_confirms(self):
        self.assertIn("before the manager can send it", self.policy.preview)
        self.policy.send_mode = "auto"
        self.assertIn("submitted to their consultants", self.policy.preview)
        self.policy.internal_review = False
        self.assertNotIn("Internal review", self.policy.preview)

    # === SUBMITTING === #

    def test_submitting_asks_the_consultant(self):
        report = self._submit()
        self._assert_step(report, "review", "consultant")
        activity = report.sudo().activity_ids
        self.assertEqual(activity.user_id, self.consultant)
        self.assertIn("Is your time right?", activity.summary)

    def test_consultants_cannot_submit(self):
        report = self._generate().with_user(self.consultant)
        with self.assertRaises(AccessError):
            report.action_ask_confirmation()

    def test_without_internal_review_drafts_are_sent_as_ever(self):
        self.policy.internal_review = False
        report = self._generate()
        with self.assertRaisesRegex(UserError, "Monthly asks for no internal review"):
            report.action_ask_confirmation()
        self._send(report)
        self._assert_step(report, "sent", False)

    def test_a_draft_without_time_is_not_submitted(self):
        report = self._generate()
        self.timesheet.unlink()
        with self.assertRaisesRegex(UserError, "has no time to report"):
            report.action_ask_confirmation()

    # === CONFIRMING === #

    def test_consultant_confirms_then_manager_then_it_is_sent(self):
        report = self._submit()
        report.with_user(self.consultant).action_confirm()
        self._assert_step(report, "review", "manager")
        self.assertEqual(report.sudo().activity_ids.user_id, self.manager)
        self.assertEqual(
            report.message_ids.filtered(lambda m: "consultant has" in m.body).author_id,
            self.consultant.partner_id,
        )
        report.action_confirm()
        self._assert_step(report, "review", "confirmed")
        self.assertFalse(report.sudo().activity_ids)
        self._send(report)
        self._assert_step(report, "sent", "confirmed")

    def test_sending_is_the_managers_confirmation(self):
        report = self._submit()
        report.with_user(self.consultant).action_confirm()
        self._send(report)
        self._assert_step(report, "sent", "confirmed")
        self.assertFalse(report.sudo().activity_ids)

    def test_nobody_confirms_for_the_consultant(self):
        report = self._submit()
        for user in (self.manager, self.env.user):
            with (
                self.subTest(user=user.login),
                self.assertRaisesRegex(AccessError, "waits for .* of Alice Arnaud"),
            ):
                report.with_user(user).action_confirm()
        for user in (self.colleague, self.outsider, self.accountant):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                report.with_user(user).action_confirm()
        self._assert_step(report, "review", "consultant")

    def test_consultants_do_not_confirm_in_the_managers_place(self):
        report = self._submit().with_user(self.consultant)
        report.action_confirm()
        with self.assertRaises(AccessError):
            report.action_confirm()
        with self.assertRaises(AccessError):
            report.action_send()
        with self.assertRaises(AccessError):
            report.write({"review_step": "confirmed"})
        self._assert_step(report, "review", "manager")

    def test_managers_do_not_write_the_confirmation(self):
        report = self._submit()
        with self.assertRaises(AccessError):
            report.write({"review_step": "confirmed"})

    def test_only_what_is_in_review_is_confirmed(self):
        report = self._generate()
        with self.assertRaisesRegex(UserError, "is not in review"):
            report.with_user(self.consultant).action_confirm()

    def test_consultants_see_their_own_reports_only(self):
        report = self._submit()
        Report = self.env["cra.report"]
        self.assertEqual(Report.with_user(self.consultant).search([]), report)
        self.assertFalse(Report.with_user(self.colleague).search([]))
        with self.assertRaises(AccessError):
            Report.with_user(self.outsider).search([])
        lines = self.env["cra.report.line"]
        self.assertFalse(lines.with_user(self.colleague).search([]))
        view = "sale_timesheet_cra.cra_report_view_form"
        form = Form(report.with_user(self.consultant), view)
        self.assertTrue(form.can_confirm)
        self.assertTrue(form.can_send_back)
        form = Form(report, view)
        self.assertFalse(form.can_confirm)
        self.assertTrue(form.can_send_back)

    def test_the_manager_confirms_for_consultants_without_user(self):
        self._create_timesheet(date(2026, 3, 3), employee=self.bruno)
        report = self._generate().filtered(lambda r: r.employee_id.name[0] == "B")
        report.action_ask_confirmation()
        self._assert_step(report, "review", "manager")
        self.assertEqual(report.sudo().activity_ids.user_id, self.manager)
        report.action_confirm()
        self._assert_step(report, "review", "confirmed")

    def test_the_manager_confirms_for_consultants_who_left_or_have_no_access(self):
        report = self._submit()
        self.consultant.group_ids = [
            Command.set(self.env.ref("base.group_user").ids),
        ]
        report.action_confirm()
        self._assert_step(report, "review", "confirmed")
        self.consultant.active = False
        self._create_timesheet(date(2026, 4, 1))
        self._assert_step(self._submit(month=4), "review", "manager")

    def test_reports_on_a_project_need_the_manager_only(self):
        self.policy.scope = "project"
        report = self._submit()
        self._assert_step(report, "review", "manager")
        with self.assertRaises(AccessError):
            report.with_user(self.consultant).action_confirm()
        report.action_confirm()
        self._send(report)
        self.assertEqual(report.state, "sent")

    # === SENDING BACK === #

    def test_a_consultant_sends_back_with_a_remark(self):
        report = self._submit()
        action = report.with_user(self.consultant).action_send_back()
        wizard = (
            self.env["cra.send.back"]
            .with_user(self.consultant)
            .with_context(**action["context"])
            .create({"remark": " "})
        )
        with self.assertRaisesRegex(UserError, "Say what is wrong"):
            wizard.action_send_back()
        wizard.remark = "Half a day <b>only</b>"
        wizard.action_send_back()
        self._assert_step(report, "draft", "returned")
        activity = report.sudo().activity_ids
        self.assertEqual(activity.user_id, self.manager)
        self.assertIn("Alice Arnaud", activity.summary)
        self.assertIn("Half a day &lt;b&gt;", activity.note)
        self.assertIn("Half a day &lt;b&gt;", report.message_ids[0].body)
        report.action_ask_confirmation()
        self._assert_step(report, "review", "consultant")

    def test_others_do_not_send_back(self):
        report = self._submit()
        for user in (self.colleague, self.outsider, self.accountant):
            with self.subTest(user=user.login), self.assertRaises(AccessError):
                report.with_user(user).action_send_back()
        with self.assertRaises(AccessError):
            report.with_user(self.colleague)._send_back("Not mine")
        self.assertEqual(report.state, "review")

    # === SENDING === #

    def test_what_is_not_confirmed_is_not_sent(self):
        report = self._generate()
        with self.assertRaisesRegex(UserError, "Choose Ask for Confirmation"):
            report.action_send()
        report.action_ask_confirmation()
        with self.assertRaisesRegex(UserError, "Alice Arnaud has not confirmed"):
            report.action_send()
        self.assertEqual(report.state, "review")

    def test_switching_the_review_off_lets_reports_leave(self):
        report = self._submit()
        self.policy.internal_review = False
        self._send(report)
        self.assertEqual(report.state, "sent")

    def test_a_correction_is_reviewed_again(self):
        report = self._submit()
        self._confirm(report)
        self._send(report)
        report.action_correct()
        working = report.next_ids
        self._assert_step(working, "draft", False)
        with self.assertRaisesRegex(UserError, "Choose Ask for Confirmation"):
            working.action_send()

    # === CHANGES === #

    def test_timesheets_in_review_are_editable_and_take_the_confirmation_back(self):
        report = self._submit()
        self._confirm(report)
        report.action_refresh()
        self._assert_step(report, "review", "confirmed")
        self.timesheet.with_user(self.consultant).unit_amount = 5
        with self.assertRaisesRegex(UserError, "changed since it was made"):
            report.action_send()
        report.action_refresh()
        self.assertEqual(report.total_hours, 5)
        self._assert_step(report, "review", "consultant")
        self.assertEqual(report.sudo().activity_ids.user_id, self.consultant)

    def test_generating_again_takes_the_confirmation_back_if_lines_change(self):
        report = self._submit()
        self._confirm(report)
        self._generate()
        self._assert_step(report, "review", "confirmed")
        self._create_timesheet(date(2026, 3, 4))
        self._generate()
        self.assertEqual(len(report.line_ids), 2)
        self._assert_step(report, "review", "consultant")

    def test_a_consultant_confirms_only_what_the_report_shows(self):
        report = self._submit()
        self.timesheet.unit_amount = 5
        action = report.with_user(self.consultant).action_confirm()
        self.assertIn("look at it once more", action["params"]["message"])
        self.assertEqual(report.total_hours, 5)
        self._assert_step(report, "review", "consultant")
        report.with_user(self.consultant).action_confirm()
        self._assert_step(report, "review", "manager")

    def test_another_description_takes_the_confirmation_back(self):
        report = self._submit()
        self._confirm(report)
        report.line_ids.description = "Something else"
        self._assert_step(report, "review", "consultant")

    # === BY THEMSELVES === #

    def test_by_itself_a_report_is_submitted_and_leaves_when_confirmed(self):
        self.policy.send_mode = "auto"
        self.assertFalse(self._run("2026-03-31 16:00:00"))
        report = self.env["cra.report"].search([]).with_user(self.manager)
        self._assert_step(report, "review", "consultant")
        activity = report.sudo().activity_ids
        self.assertEqual(activity.user_id, self.consultant)
        self.assertFalse(self._run("2026-03-31 17:00:00"))
        self.assertEqual(report.sudo().activity_ids, activity)
        report.with_user(self.consultant).action_confirm()
        self.assertFalse(self._run("2026-03-31 18:00:00"))
        report.action_confirm()
        self.assertEqual(self._run("2026-04-01 06:00:00"), report)

    def test_by_itself_what_was_sent_back_stays_with_its_responsible(self):
        self.policy.send_mode = "auto"
        self._run("2026-03-31 16:00:00")
        report = self.env["cra.report"].search([])
        report.with_user(self.consultant)._send_back("Half a day only")
        self.assertFalse(self._run("2026-03-31 17:00:00"))
        self._assert_step(report, "draft", "returned")

    def test_by_itself_a_confirmed_report_that_changed_is_confirmed_again(self):
        self.policy.send_mode = "auto"
        self._run("2026-03-31 16:00:00")
        report = self.env["cra.report"].search([])
        self._confirm(report)
        self.timesheet.unit_amount = 5
        self.assertFalse(self._run("2026-03-31 17:00:00"))
        self._assert_step(report, "review", "consultant")
        self._confirm(report)
        self.assertEqual(self._run("2026-03-31 18:00:00").total_hours, 5)
