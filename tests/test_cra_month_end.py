from datetime import date, datetime
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from ..models.cra_report_life import CraReport as Life
from .common import CraCommon


class MonthEndCommon(CraCommon):
    """The company of Acme's consultants, in Paris; reports leave by themselves."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._set_zone(cls.company, "Europe/Paris")
        cls.policy.write({"send_mode": "auto", "incomplete_month": "send"})

    @classmethod
    def _set_zone(cls, company, zone):
        calendar = cls.env["resource.calendar"].create(
            {"name": zone, "company_id": company.id, "tz": zone}
        )
        company.resource_calendar_id = calendar

    def _run(self, moment):
        """Run the hourly job at a moment, in UTC."""
        with freeze_time(moment), self.allow_pdf_render():
            self.env.ref(
                "sale_timesheet_cra.ir_cron_cra_month_end"
            ).method_direct_trigger()
        self.env.invalidate_all()
        return self._get_sent()

    def _get_sent(self):
        return self.env["cra.report"].search([("state", "=", "sent")])

    def _get_drafts(self):
        return self.env["cra.report"].search([("state", "=", "draft")])

    def _get_mails(self):
        approvals = self.env["cra.approval"].search([])
        messages = approvals.mail_message_id
        return self.env["mail.mail"].search([("mail_message_id", "in", messages.ids)])


@tagged("post_install", "-at_install")
class TestCraMonthEnd(MonthEndCommon):
    def test_reports_leave_at_the_hour_of_the_last_day_not_before(self):
        timesheet = self._create_timesheet(date(2026, 2, 2))
        self._create_timesheet(date(2026, 3, 2))
        self.assertFalse(self._run("2026-02-28 16:30:00"))
        report = self._run("2026-02-28 17:00:00")
        self.assertEqual(report.line_ids.timesheet_id, timesheet)
        self.assertEqual(report.name, "CRA/2026/00001")
        self.assertEqual(report.sent_on, datetime(2026, 2, 28, 17))
        self.assertEqual(report.user_id, self.manager)
        mail = self._get_mails()
        self.assertEqual(mail.recipient_ids, self.chloe)
        self.assertTrue(self._get_link(mail))
        self.assertTrue(report.document_id.raw.startswith(b"%PDF"))
        self.assertFalse(report.activity_ids)

    def test_months_of_29_30_and_31_days(self):
        for year, month, day, hour in (
            (2028, 2, 29, 17),
            (2026, 4, 30, 16),
            (2026, 5, 31, 16),
        ):
            timesheet = self._create_timesheet(date(year, month, 1))
            with self.subTest(month=month):
                before = self._run(datetime(year, month, day, hour - 1, 59))
                report = self._run(datetime(year, month, day, hour)) - before
                self.assertEqual(report.line_ids.timesheet_id, timesheet)

    def test_running_twice_does_nothing_twice(self):
        self._create_timesheet(date(2026, 2, 2))
        report = self._run("2026-02-28 17:00:00")
        mail = self._get_mails()
        for moment in ("2026-02-28 17:10:00", "2026-02-28 18:00:00", "2026-03-04"):
            self.assertEqual(self._run(moment), report)
        self.assertEqual(self._get_mails(), mail)
        self.assertEqual(self.env["cra.report"].search_count([]), 1)

    def test_what_a_dead_server_missed_is_caught_up(self):
        self._create_timesheet(date(2026, 2, 2))
        self.assertEqual(len(self._run("2026-03-03 05:00:00")), 1)

    def test_time_entered_after_sending_is_not_sent_by_itself(self):
        self._create_timesheet(date(2026, 2, 2))
        report = self._run("2026-02-28 17:00:00")
        self._create_timesheet(date(2026, 2, 28), 2)
        self.assertEqual(self._run("2026-02-28 18:00:00"), report)
        self.assertEqual(report.total_hours, 8)
        wizard = self.env["cra.generate"].create(
            {
                "company_id": self.company.id,
                "date_from": "2026-02-01",
                "date_to": "2026-02-28",
            }
        )
        self.assertEqual(wizard.line_ids.state, "late")

    def test_manual_policies_are_left_to_people(self):
        self.policy.send_mode = "manual"
        self._create_timesheet(date(2026, 2, 2))
        self.assertFalse(self._run("2026-03-01 12:00:00"))
        self.assertFalse(self._get_drafts())

    def test_periods_before_the_start_date_are_left_alone(self):
        self.policy.start_date = date(2026, 2, 20)
        self._create_timesheet(date(2026, 1, 5))
        self._create_timesheet(date(2026, 2, 19))
        after = self._create_timesheet(date(2026, 2, 20), 3)
        report = self._run("2026-03-01 12:00:00")
        self.assertEqual(report.line_ids.timesheet_id, after)

    def test_without_a_start_date_nothing_leaves(self):
        self.policy.start_date = False
        self._create_timesheet(date(2026, 2, 2))
        self.assertFalse(self._run("2026-03-01 12:00:00"))
        self.company.cra_start_date = date(2026, 2, 1)
        self.assertEqual(len(self._run("2026-03-01 12:00:00")), 1)

    def test_a_public_holiday_on_the_last_working_day(self):
        self.policy.send_day = "last_working_day"
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Bridge",
                "calendar_id": self.company.resource_calendar_id.id,
                "company_id": self.company.id,
                "date_from": datetime(2026, 1, 29, 23),
                "date_to": datetime(2026, 1, 30, 22, 59, 59),
            }
        )
        self._create_timesheet(date(2026, 1, 5))
        self.assertFalse(self._run("2026-01-29 16:00:00"))
        report = self._run("2026-01-29 17:00:00")  # Thursday; Friday is the holiday
        self.assertEqual(report.date_to, date(2026, 1, 31))

    def test_days_after_the_period(self):
        self.policy.write({"send_day": "days_after", "send_delay_days": 2})
        self._create_timesheet(date(2026, 2, 2))
        self.assertFalse(self._run("2026-03-02 16:00:00"))
        self.assertEqual(len(self._run("2026-03-02 17:00:00")), 1)

    def test_the_hour_is_local_when_the_clocks_change(self):
        self.policy.period = "week"
        self._create_timesheet(date(2026, 3, 24))
        self._create_timesheet(date(2026, 10, 20))
        self.assertFalse(self._run("2026-03-29 15:59:00"))
        spring = self._run("2026-03-29 16:00:00")
        self.assertEqual(spring.date_to, date(2026, 3, 29))
        self.assertEqual(self._run("2026-10-25 16:59:00"), spring)
        autumn = self._run("2026-10-25 17:00:00") - spring
        self.assertEqual(autumn.date_to, date(2026, 10, 25))

    def test_weeks_and_half_months_over_a_year_end(self):
        self.policy.period = "week"
        halves = self.policy.copy({"name": "Halves", "period": "half_month"})
        gemini, _line = self._create_project("Gemini", self.chloe)
        gemini.cra_policy_id = halves
        for project in (self.project, gemini):
            self._create_timesheet(date(2026, 12, 31), 1, project=project)
            self._create_timesheet(date(2027, 1, 1), 2, project=project)
        first = self._run("2026-12-31 17:00:00")
        self.assertEqual(first.project_id, gemini)
        self.assertEqual(first.total_hours, 1)
        second = self._run("2027-01-03 17:00:00") - first
        self.assertEqual(second.project_id, self.project)
        self.assertEqual(second.total_hours, 3)
        third = self._run("2027-01-15 17:00:00") - first - second
        self.assertEqual(third.project_id, gemini)
        self.assertEqual(third.total_hours, 2)

    def test_companies_keep_their_own_hours(self):
        """Auckland's month ends 21 hours before that of Los Angeles."""
        self._set_zone(self.company, "America/Los_Angeles")
        other = self._create_company(name="Kiwi Consulting", email="nz@example.com")
        self._set_zone(other, "Pacific/Auckland")
        self.policy.start_date = date(2026, 2, 1)
        env = self.env(context={"allowed_company_ids": other.ids})
        employee = env["hr.employee"].create({"name": "Kiri", "company_id": other.id})
        project = env["project.project"].create(
            {
                "name": "Southern Cross",
                "partner_id": self.chloe.id,
                "company_id": other.id,
                "allow_timesheets": True,
            }
        )
        project.cra_policy_id = self.policy.copy({"line_filter": "all"})
        env["account.analytic.line"].create(
            {
                "name": "Work",
                "project_id": project.id,
                "employee_id": employee.id,
                "date": date(2026, 2, 2),
                "unit_amount": 5,
            }
        )
        self._create_timesheet(date(2026, 2, 2))
        kiwis = self._run("2026-02-28 05:00:00")
        self.assertEqual(kiwis.company_id, other)
        self.assertEqual(self._run("2026-03-01 01:00:00"), kiwis)
        both = self._run("2026-03-01 02:00:00")
        self.assertEqual(both.company_id, other | self.company)

    def test_what_somebody_prepared_leaves_with_their_words(self):
        self._create_timesheet(date(2026, 2, 2))
        draft = self._generate(month=2)
        draft.line_ids.description = "What Chloe shall read"
        report = self._run("2026-02-28 17:00:00")
        self.assertEqual(report, draft.sudo())
        self.assertEqual(report.line_ids.description, "What Chloe shall read")

    def test_a_correction_is_sent_by_the_person_who_makes_it(self):
        timesheet = self._create_timesheet(date(2026, 2, 2))
        report = self._run("2026-02-28 17:00:00")
        report.sudo()._correct()
        timesheet.unit_amount = 3
        self._run("2026-02-28 18:00:00")
        self.assertEqual(report.state, "sent")
        self.assertEqual(self._get_drafts().version, 2)

    # === ONLY FROM NOW ON === #

    def test_what_was_due_before_the_switch_to_automatic_is_left_to_people(self):
        with freeze_time("2026-03-02 10:00:00"):
            self.policy.send_mode = "manual"
            self.policy.send_mode = "auto"
        self._create_timesheet(date(2026, 2, 2))
        self._create_timesheet(date(2026, 3, 2))
        self.assertFalse(self._run("2026-03-02 11:00:00"))
        self.assertFalse(self._get_drafts())
        report = self._run("2026-03-31 16:00:00")
        self.assertEqual(report.date_from, date(2026, 3, 1))
        # What the switch left out is on the list of the month.
        self.assertEqual(self._generate(month=2).line_ids.date, date(2026, 2, 2))

    def test_a_server_that_was_down_at_the_switched_moment_catches_up(self):
        with freeze_time("2026-02-28 10:00:00"):
            self.policy.send_mode = "manual"
            self.policy.send_mode = "auto"
        self._create_timesheet(date(2026, 2, 2))
        self.assertFalse(self._run("2026-02-28 11:00:00"))
        self.assertEqual(len(self._run("2026-03-20 11:00:00")), 1)

    def test_another_period_holds_from_now_on(self):
        timesheet = self._create_timesheet(date(2026, 3, 3))
        with freeze_time("2026-03-11 10:00:00"):  # a Wednesday
            self.policy.period = "week"
        inside = self._create_timesheet(date(2026, 3, 9))
        self.assertFalse(self._run("2026-03-11 11:00:00"))
        report = self._run("2026-03-15 17:00:00")
        self.assertEqual(report.line_ids.timesheet_id, inside)
        self.assertFalse(timesheet.cra_line_id)

    def test_a_policy_given_to_a_project_does_not_send_its_past(self):
        gemini, _line = self._create_project("Gemini", self.chloe)
        self._create_timesheet(date(2026, 2, 2), project=gemini)
        self._run("2026-03-20 10:00:00")
        gemini.cra_policy_id = self.policy
        self.assertFalse(self._run("2026-03-20 11:00:00"))
        self.assertFalse(self._get_drafts())

    def test_time_entered_some_days_late_still_leaves_by_itself(self):
        self._run("2026-02-28 17:00:00")
        self._create_timesheet(date(2026, 2, 2))
        self.assertEqual(len(self._run("2026-03-03 11:00:00")), 1)

    # === CANCELLED === #

    def test_a_cancelled_draft_does_not_come_back(self):
        self._create_timesheet(date(2026, 2, 2))
        report = self._generate(month=2)
        report.action_cancel()
        self.assertFalse(self._run("2026-02-28 17:00:00"))
        self.assertFalse(self._get_drafts())
        report.action_draft()
        self.assertEqual(self._run("2026-02-28 18:00:00"), report.sudo())

    def test_what_was_made_again_after_a_cancellation_is_sent_by_people(self):
        self._create_timesheet(date(2026, 2, 2))
        self._generate(month=2).action_cancel()
        wizard = self.env["cra.generate"].create(
            {
                "company_id": self.company.id,
                "date_from": "2026-02-01",
                "date_to": "2026-02-28",
            }
        )
        wizard.line_ids.action_generate()
        self.assertFalse(self._run("2026-02-28 17:00:00"))
        self.assertEqual(len(self._get_drafts()), 1)

    def test_a_draft_that_would_come_back_is_cancelled_instead_of_deleted(self):
        self._create_timesheet(date(2026, 2, 2))
        report = self._generate(month=2)
        with freeze_time("2026-02-28 16:00:00"):
            with self.assertRaisesRegex(UserError, "Choose Cancel instead"):
                report.unlink()
            report.action_cancel()
            with self.assertRaisesRegex(UserError, "Choose Cancel instead"):
                report.unlink()
            self.policy.send_mode = "manual"
            report.unlink()


@tagged("post_install", "-at_install")
class TestCraMonthEndTrouble(MonthEndCommon):
    def test_a_bad_report_stops_no_other_and_is_told_once(self):
        nobody = self.env["res.partner"].create({"name": "No Mail"})
        gemini, _line = self._create_project("Gemini", nobody)
        gemini.write({"cra_policy_id": self.policy.id, "user_id": self.manager.id})
        self._create_timesheet(date(2026, 2, 2), project=gemini)
        self._create_timesheet(date(2026, 2, 2))
        report = self._run("2026-02-28 17:00:00")
        self.assertEqual(report.project_id, self.project)
        draft = self._get_drafts()
        self.assertEqual(draft.project_id, gemini)
        self.assertIn("No Mail", draft.auto_reason)
        self.assertEqual(draft.activity_ids.user_id, self.manager)
        self.assertIn("No Mail", draft.activity_ids.note)
        activity = draft.activity_ids
        self._run("2026-02-28 18:00:00")
        self.assertEqual(draft.activity_ids, activity)
        activity.action_done()
        self._run("2026-02-28 19:00:00")
        self.assertFalse(draft.activity_ids)
        nobody.email = "somebody@example.com"
        self.assertIn(draft, self._run("2026-02-28 20:00:00"))

    def test_unexpected_errors_are_kept_apart_too(self):
        gemini, _line = self._create_project("Gemini", self.chloe)
        gemini.cra_policy_id = self.policy
        self._create_timesheet(date(2026, 2, 2), project=gemini)
        self._create_timesheet(date(2026, 2, 2))
        settle = Life._settle_terms

        def break_gemini(reports):
            if gemini in reports.project_id:
                raise KeyError("boom")
            return settle(reports)

        with (
            patch.object(Life, "_settle_terms", break_gemini),
            mute_logger("odoo.addons.sale_timesheet_cra.models.cra_report_month_end"),
        ):
            report = self._run("2026-02-28 17:00:00")
        self.assertEqual(report.project_id, self.project)
        draft = self._get_drafts()
        self.assertEqual(draft.auto_state, "failed")
        self.assertEqual(len(draft.activity_ids), 1)
        self.assertIn(draft, self._run("2026-02-28 18:00:00"))
        self.assertFalse(draft.activity_ids)

    def test_a_report_that_fails_is_tried_once_an_hour(self):
        self._create_timesheet(date(2026, 2, 2))
        tries = []

        def refuse(reports):
            tries.append(reports)
            raise UserError("Not today.")  # pylint: disable=translation-required

        with patch.object(Life, "_settle_terms", refuse):
            self._run("2026-02-28 17:00:00")
            self._run("2026-02-28 17:20:00")
            self.assertEqual(len(tries), 1)
            self._run("2026-02-28 18:00:00")
        self.assertEqual(len(tries), 2)

    def test_what_nobody_is_responsible_for_goes_to_an_administrator(self):
        self.project.user_id = False
        self.order_line.order_id.user_id = False
        self.acme.email = self.chloe.email = False
        self._create_timesheet(date(2026, 2, 2))
        self._run("2026-02-28 17:00:00")
        user = self._get_drafts().activity_ids.user_id
        self.assertTrue(user.has_group("hr_timesheet.group_timesheet_manager"))
        self.assertNotEqual(user, self.env.ref("base.user_root"))

    def test_changing_period_or_scope_covers_no_time_twice(self):
        first = self._create_timesheet(date(2026, 2, 2), 1)
        monthly = self._run("2026-02-28 17:00:00")
        self.policy.write({"period": "week", "scope": "project"})
        # The week from 23 February on has old and new time.
        late = self._create_timesheet(date(2026, 2, 24), 2)
        march = self._create_timesheet(date(2026, 3, 1), 4)
        reports = self._run("2026-03-01 17:00:00")
        weekly = reports - monthly
        self.assertEqual(monthly.line_ids.timesheet_id, first)
        self.assertEqual(weekly.line_ids.timesheet_id, late | march)
        self.assertEqual(len(reports.line_ids), 3)

    def test_a_draft_from_before_a_change_leaves_at_its_own_moment(self):
        timesheet = self._create_timesheet(date(2026, 2, 2))
        draft = self._generate(month=2)
        self.policy.write({"period": "week", "scope": "project"})
        self.assertFalse(self._run("2026-02-22 20:00:00"))
        report = self._run("2026-02-28 17:00:00")
        self.assertEqual(report, draft.sudo())
        self.assertEqual(report.line_ids.timesheet_id, timesheet)
