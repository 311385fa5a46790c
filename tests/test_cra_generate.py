import json
from datetime import date, timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..wizards import cra_generate, cra_generate_make
from ..wizards.cra_generate_completeness import compare, share_left
from .common import CraCommon

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
WORK_DAYS = [
    FIRST + timedelta(days=offset)
    for offset in range(31)
    if (FIRST + timedelta(days=offset)).weekday() < 5
]


class PreflightCommon(CraCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.calendar = cls.company.resource_calendar_id
        cls.calendar.tz = "Europe/Paris"

    def _preflight(self, user=None, first=FIRST, last=LAST, **values):
        return (
            self.env["cra.generate"]
            .with_user(user or self.manager)
            .create(
                {
                    "company_id": self.company.id,
                    "date_from": first,
                    "date_to": last,
                    **values,
                }
            )
        )

    def _get_drafts(self):
        return self.env["cra.report"].search([("state", "=", "draft")])

    def _work(self, days, hours=8.0, **values):
        """Enter the same hours on each day."""
        for day in days:
            self._create_timesheet(day, hours, **values)


@tagged("post_install", "-at_install")
class TestCraCompleteness(PreflightCommon):
    def test_a_month_with_time_on_every_day_is_ready(self):
        self._work(WORK_DAYS)
        self.assertEqual(self._preflight().line_ids.state, "ready")

    def test_missing_time_is_counted_over_all_projects(self):
        internal = self.env["project.project"].create(
            {"name": "Internal", "company_id": self.company.id}
        )
        self._work(WORK_DAYS[:10])
        self._work(WORK_DAYS[10:20], project=internal)
        line = self._preflight().line_ids
        self.assertEqual(line.state, "incomplete")
        self.assertEqual((line.missing_hours, line.missing_days), (16, 2))
        self.assertEqual(line.hours, 80)

    def test_short_days_are_missing_hours_but_no_missing_days(self):
        self._work(WORK_DAYS[:-1])
        self._work(WORK_DAYS[-1:], 5)
        line = self._preflight().line_ids
        self.assertEqual((line.missing_hours, line.missing_days), (3, 0))

    def test_overtime_does_not_hide_a_day_without_entry(self):
        self._work(WORK_DAYS[:-1], 9)
        line = self._preflight().line_ids
        self.assertEqual(line.state, "incomplete")
        self.assertEqual((line.missing_hours, line.missing_days), (8, 1))

    def test_a_day_worked_at_the_weekend_replaces_another(self):
        self._work(WORK_DAYS[:-1])
        self._work([date(2026, 3, 7)])
        self.assertEqual(self._preflight().line_ids.state, "ready")

    def test_public_holidays_and_leaves_are_not_missing(self):
        leaves = self.env["resource.calendar.leaves"].sudo()
        leaves.create(
            {  # a holiday for all, in UTC: the whole of the 2nd in Paris
                "name": "Holiday",
                "calendar_id": False,
                "company_id": self.company.id,
                "resource_id": False,
                "date_from": "2026-03-01 23:00:00",
                "date_to": "2026-03-02 22:59:59",
            }
        )
        leaves.create(
            {  # the afternoon of the 3rd
                "name": "Alice is off",
                "resource_id": self.alice.resource_id.id,
                "calendar_id": self.calendar.id,
                "date_from": "2026-03-03 12:00:00",
                "date_to": "2026-03-03 17:00:00",
            }
        )
        self._work(WORK_DAYS[2:])
        line = self._preflight().line_ids
        self.assertEqual((line.missing_hours, line.missing_days), (4, 1))
        self._work(WORK_DAYS[1:2], 4)
        self.assertEqual(self._preflight().line_ids.state, "ready")

    def test_days_are_compared_with_days_where_days_are_entered(self):
        self.company.timesheet_encode_uom_id = self.env.ref("uom.product_uom_day")
        for attendance in self.calendar.attendance_ids:
            if attendance.day_period == "afternoon":
                attendance.hour_to -= 1  # seven hours of work are a day all the same
        self._work(WORK_DAYS[:-1])
        line = self._preflight().line_ids
        self.assertEqual((line.missing_days, line.missing_hours), (1, 8))
        self._work(WORK_DAYS[-1:])
        self.assertEqual(self._preflight().line_ids.state, "ready")

    def test_half_a_day_is_missing_in_days(self):
        self.company.timesheet_encode_uom_id = self.env.ref("uom.product_uom_day")
        self._work(WORK_DAYS[:-1])
        self._work(WORK_DAYS[-1:], 4)
        self.assertEqual(self._preflight().line_ids.missing_days, 0.5)

    def test_who_works_by_flexible_hours_or_none_misses_nothing(self):
        self._work(WORK_DAYS[:1])
        flexible = self.calendar.copy({"name": "Flexible", "flexible_hours": True})
        for calendar in (flexible, self.env["resource.calendar"]):
            self.alice.resource_calendar_id = calendar
            self.env.flush_all()
            self.assertEqual(self._preflight().line_ids.state, "ready")

    def test_days_before_the_contract_are_not_missing(self):
        self.alice.sudo().contract_date_start = date(2026, 3, 16)
        self._work(WORK_DAYS[10:])
        self.assertEqual(self._preflight().line_ids.state, "ready")

    def test_days_to_come_are_not_missing(self):
        self._work(WORK_DAYS[:7])  # up to the 10th
        with freeze_time("2026-03-10 15:00:00"):
            self.assertEqual(self._preflight().line_ids.state, "ready")
        with freeze_time("2026-03-11 15:00:00"):
            self.assertEqual(self._preflight().line_ids.missing_hours, 8)
        with freeze_time("2026-03-31 08:00:00"):
            self.assertEqual(self._preflight().line_ids.missing_days, 15)

    def test_one_consultant_of_a_project_report_is_enough_to_miss_time(self):
        self.policy.scope = "project"
        self._work(WORK_DAYS)
        self._work(WORK_DAYS[:-2], employee=self.bruno)
        line = self._preflight().line_ids
        self.assertFalse(line.employee_id)
        self.assertEqual((line.state, line.missing_hours), ("incomplete", 16))

    def test_incomplete_months_can_be_made_nevertheless(self):
        self._work(WORK_DAYS[:2])
        self.assertEqual(self._generate().total_hours, 16)
        line = self._preflight().line_ids
        self.assertEqual(line.state, "incomplete")
        # What mends it are timesheets, of any project, not the draft that exists.
        action = line.action_mend()
        self.assertEqual(action["res_model"], "account.analytic.line")
        self.assertIn(("employee_id", "=", self.alice.id), action["domain"])

    def test_nobody_waits_for_time_where_the_report_was_sent(self):
        self._work(WORK_DAYS[:10])
        self._send(self._generate())
        line = self._preflight().line_ids
        self.assertEqual((line.state, line.missing_hours), ("done", 0))
        self.assertIn("Nobody misses time", line.action_remind()["params"]["message"])

    def test_as_many_queries_for_a_hundred_consultants_as_for_ten(self):
        def queries(count, name):
            project, order_line = self._create_project(name, self.chloe)
            project.cra_policy_id = self.policy
            employees = self.env["hr.employee"].create(
                [{"name": f"Consultant {number}"} for number in range(count)]
            )
            self.env["account.analytic.line"].create(
                [
                    {
                        "project_id": project.id,
                        "employee_id": employee.id,
                        "date": day,
                        "unit_amount": 8,
                        "so_line": order_line.id,
                    }
                    for employee in employees
                    for day in WORK_DAYS[:2]
                ]
            )
            self.env.flush_all()
            self.env.invalidate_all()
            wizard = self.env["cra.generate"].new(
                {
                    "company_id": self.company.id,
                    "date_from": FIRST,
                    "date_to": LAST,
                    "project_ids": project.ids,
                }
            )
            before = self.cr.sql_log_count
            candidates = wizard._collect()
            self.assertEqual({c.state for c in candidates}, {"incomplete"})
            self.assertEqual(len(candidates), count)
            return self.cr.sql_log_count - before

        queries(2, "Warm up")
        self.assertEqual(queries(10, "Ten"), queries(100, "Hundred"))

    def test_what_leaves_leave_of_a_day(self):
        self.assertEqual(share_left(8, 12, []), 1)
        self.assertEqual(share_left(8, 12, [(0, 24)]), 0)
        self.assertEqual(share_left(8, 12, [(10, 18), (9, 11)]), 0.25)
        self.assertEqual(share_left(8, 12, [(13, 18), (0, 7)]), 1)

    def test_nothing_is_missing_where_nothing_is_expected(self):
        self.assertFalse(compare(None, {FIRST: 3}))
        self.assertFalse(compare({FIRST: (0, 0)}, {}))


@tagged("post_install", "-at_install")
class TestCraPreflight(PreflightCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.alice.resource_calendar_id = False  # never incomplete

    def test_who_had_time_last_month_and_none_now_has_nothing_to_report(self):
        self._create_timesheet(date(2026, 2, 20))
        wizard = self._preflight()
        self.assertEqual(wizard.line_ids.state, "nothing")
        with self.assertRaisesRegex(UserError, "no time to report"):
            wizard.action_generate()
        action = wizard.line_ids.action_mend()
        self.assertEqual(action["context"]["default_employee_id"], self.alice.id)
        self.alice.active = False
        self.assertFalse(self._preflight().line_ids)

    def test_only_lines_of_zero_hours_are_nothing_to_report(self):
        self._create_timesheet(date(2026, 3, 2), 0)
        self.assertEqual(self._preflight().line_ids.state, "nothing")

    def test_drafts_that_differ_from_the_timesheets_are_named(self):
        timesheet = self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        self.assertEqual(self._preflight().line_ids.state, "working")
        changes = (
            lambda: timesheet.write({"unit_amount": 3}),
            lambda: self._create_timesheet(date(2026, 3, 3)),
            lambda: timesheet.unlink(),
        )
        for change in changes:
            change()
            line = self._preflight().line_ids
            self.assertEqual(line.state, "drifted")
            self.assertEqual(line.action_mend()["res_id"], report.id)
            self._generate()
            self.assertEqual(self._preflight().line_ids.state, "working")

    def test_an_edited_description_is_no_drift(self):
        self._create_timesheet(date(2026, 3, 2))
        self._generate().line_ids.description = "What Chloe shall read"
        self.assertEqual(self._preflight().line_ids.state, "working")

    def test_a_draft_whose_time_is_gone_is_emptied(self):
        timesheet = self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        timesheet.unlink()
        self.assertEqual(self._preflight().line_ids.state, "drifted")
        self._generate()
        self.assertFalse(report.line_ids)
        self.assertEqual(report.total_hours, 0)
        self.assertEqual(self._preflight().line_ids.state, "nothing")

    def test_policies_filter_the_list(self):
        gemini, _line = self._create_project("Gemini", self.chloe)
        weekly = self.policy.copy({"name": "Weekly", "period": "week"})
        gemini.cra_policy_id = weekly
        self._create_timesheet(date(2026, 3, 2))
        self._create_timesheet(date(2026, 3, 2), project=gemini)
        lines = self._preflight(policy_ids=weekly.ids).line_ids
        self.assertEqual(lines.project_id, gemini)
        self.assertEqual(self._generate(policy_ids=weekly.ids).project_id, gemini)
        # The drafts that exist are filtered as well.
        self.assertFalse(self._preflight(policy_ids=self.policy.ids).line_ids.report_id)

    def test_selected_rows_are_made_and_no_others(self):
        self._create_timesheet(date(2026, 3, 2))
        self._create_timesheet(date(2026, 3, 2), employee=self.bruno)
        wizard = self._preflight()
        row = wizard.line_ids.filtered(lambda r: r.employee_id == self.bruno)
        action = row.action_generate()
        reports = self.env["cra.report"].search(action["domain"])
        self.assertEqual(reports.employee_id, self.bruno)
        self.assertEqual(self._get_drafts(), reports)
        # Without a selection, what the list shows.
        rows = wizard.line_ids.with_context(active_domain=[("id", "in", row.ids)])
        rows.browse().with_context(default_wizard_id=wizard.id).action_generate()
        self.assertEqual(self._get_drafts(), reports)
        wizard.line_ids.browse().with_context(
            active_domain=[("wizard_id", "=", wizard.id)], default_wizard_id=wizard.id
        ).action_generate()
        self.assertEqual(len(self._get_drafts()), 2)

    def test_the_list_moves_to_the_months_beside_it(self):
        wizard = self._preflight()
        wizard.action_show_period(-1)
        self.assertEqual(
            (wizard.date_from, wizard.date_to), (date(2026, 2, 1), date(2026, 2, 28))
        )
        wizard.action_show_period(1)
        wizard.action_show_period(1)
        self.assertEqual(
            (wizard.date_from, wizard.date_to), (date(2026, 4, 1), date(2026, 4, 30))
        )
        wizard.write({"date_from": date(2026, 3, 2), "date_to": date(2026, 3, 8)})
        wizard.action_show_period(1)
        self.assertEqual(
            (wizard.date_from, wizard.date_to), (date(2026, 3, 9), date(2026, 3, 15))
        )

    def test_what_was_mended_is_seen_when_the_list_is_looked_at_again(self):
        self._create_timesheet(date(2026, 3, 2))
        self.chloe.email = False
        wizard = self._preflight()
        self.assertEqual(wizard.line_ids.explanation, "No email address: Chloe Client")
        self.chloe.email = "chloe@acme.example.com"
        wizard.action_check_again()
        self.assertEqual(wizard.line_ids.state, "ready")
        self.assertFalse(wizard.line_ids.explanation)

    def test_cancelled_drafts_are_made_again_only_by_themselves(self):
        self._create_timesheet(date(2026, 3, 2))
        self._create_timesheet(date(2026, 3, 2), employee=self.bruno)
        cancelled = self._generate().filtered(lambda r: r.employee_id == self.alice)
        cancelled.action_cancel()
        row = self._preflight().line_ids.filtered(lambda r: r.state == "cancelled")
        self.assertEqual(row.employee_id, self.alice)
        self.assertEqual(row.action_mend()["res_id"], cancelled.id)
        self.assertEqual(self._generate().employee_id, self.bruno)
        row.action_generate()
        again = self._get_drafts().filtered(lambda r: r.employee_id == self.alice)
        self.assertEqual(again.total_hours, 8)
        self.assertEqual(cancelled.state, "cancelled")

    def test_lists_are_private(self):
        self._create_timesheet(date(2026, 3, 2))
        rows = self._preflight().line_ids
        other = self._create_user(
            "second", "Sam", "hr_timesheet.group_hr_timesheet_approver"
        )
        with self.assertRaises(AccessError):
            rows.with_user(other).action_generate()
        self.assertFalse(self._get_drafts())

    def test_time_without_consultant_is_named_and_stays_out(self):
        self._create_timesheet(date(2026, 3, 2))
        legacy = self._create_timesheet(date(2026, 3, 3), 5)
        self.env.flush_all()
        self.cr.execute(
            "UPDATE account_analytic_line SET employee_id = NULL WHERE id = %s",
            [legacy.id],
        )
        self.env.invalidate_all()
        line = self._preflight().line_ids.filtered(lambda r: r.state == "no_employee")
        self.assertEqual(line.hours, 5)
        found = self.env["account.analytic.line"].search(line.action_mend()["domain"])
        self.assertEqual(found, legacy)
        self.assertEqual(self._generate().total_hours, 8)

    def test_time_added_after_sending_is_late_and_what_was_sent_is_done(self):
        self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        self._send(report)
        self.assertEqual(self._preflight().line_ids.state, "done")
        self._create_timesheet(date(2026, 3, 3))
        wizard = self._preflight()
        self.assertEqual(wizard.line_ids.state, "late")
        self.assertEqual(wizard.line_ids.report_id, report)

    def test_what_drifted_since_it_was_sent_is_named(self):
        timesheet = self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        self._send(report)
        self.env.flush_all()
        self.cr.execute(
            "UPDATE account_analytic_line SET unit_amount = 3 WHERE id = %s",
            [timesheet.id],
        )
        self.env.invalidate_all()
        report._find_drift()
        wizard = self._preflight()
        line = wizard.line_ids
        self.assertEqual((line.state, line.report_id), ("changed", report))
        self.assertIn(f"no longer what {report.name} says", line.explanation)
        self.assertEqual(line.action_mend()["res_id"], report.id)
        with self.assertRaisesRegex(UserError, "no time to report"):
            wizard.action_generate()

    def test_the_missing_address_is_named_for_drafts_too(self):
        self._create_timesheet(date(2026, 3, 2))
        self._generate()
        self.chloe.email = False
        line = self._preflight().line_ids
        self.assertEqual(line.state, "no_email")
        self.assertEqual(line.action_mend()["res_id"], self.chloe.id)

    def test_nobody_answers_in_the_place_of_archived_approvers(self):
        self._create_timesheet(date(2026, 3, 2))
        approver = self.env["res.partner"].create(
            {"name": "Carl", "parent_id": self.acme.id, "email": "carl@example.com"}
        )
        self.project.cra_approver_ids = approver
        approver.active = False
        line = self._preflight().line_ids
        self.assertEqual(line.state, "no_approver")
        self.assertEqual(line.action_mend()["res_id"], self.project.id)
        report = self._generate()
        self.assertFalse(report.approver_ids)
        with self.assertRaisesRegex(UserError, "nobody to be sent to"):
            report.action_send()
        approver.active = True
        self.assertEqual(self._preflight().line_ids.state, "working")

    def test_a_draft_follows_the_policy_that_applies_now(self):
        self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        other = self.policy.copy({"name": "In days", "time_unit": "day"})
        self.project.cra_policy_id = other
        self._generate()
        self.assertEqual(report.policy_id, other)
        self.assertEqual(report.time_unit, "day")


@tagged("post_install", "-at_install")
class TestCraReminder(PreflightCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_timesheet(WORK_DAYS[0])
        cls.env["res.lang"]._activate_lang("fr_FR")
        cls.consultant.lang = "fr_FR"

    def _mails(self):
        return (
            self.env["mail.mail"]
            .sudo()
            .search([("recipient_ids", "in", self.consultant.partner_id.ids)])
        )

    def _activities(self):
        return (
            self.env["mail.activity"]
            .sudo()
            .search(
                [("user_id", "=", self.consultant.id), ("summary", "ilike", "2026")]
            )
        )

    @freeze_time("2026-04-01 09:00:00")
    def test_consultants_are_reminded_once_a_day(self):
        wizard = self._preflight()
        message = wizard.action_remind()["params"]["message"]
        self.assertIn("1 of 1", message)
        mail = self._mails()
        self.assertEqual(len(mail), 1)
        self.assertIn("mars 2026", mail.subject)
        self.assertIn("168", mail.body_html)
        self.assertEqual(len(self._activities()), 1)
        wizard.line_ids.action_remind()
        self.assertEqual(len(self._mails()), 1)
        with freeze_time("2026-04-02 09:00:00"):
            wizard.action_remind()
        self.assertEqual(len(self._mails()), 2)
        self.assertEqual(self._activities().date_deadline, date(2026, 4, 2))

    @freeze_time("2026-04-01 09:00:00")
    def test_the_activity_is_closed_once_the_time_is_there(self):
        self._preflight().action_remind()
        self._work(WORK_DAYS[1:])
        self._generate()
        self.assertFalse(self._activities())

    def test_consultants_without_any_address_are_told_of(self):
        self._create_timesheet(WORK_DAYS[0], employee=self.bruno)
        self.bruno.work_contact_id.email = False
        message = self._preflight().action_remind()["params"]["message"]
        self.assertIn("1 of 2", message)

    def test_only_who_may_generate_reminds(self):
        wizard = self._preflight()
        with self.assertRaises(AccessError):
            wizard.with_user(self.consultant).action_remind()


@tagged("post_install", "-at_install")
class TestCraGenerateMany(PreflightCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        employees = cls.env["hr.employee"].create(
            [{"name": f"Consultant {number}"} for number in range(5)]
        )
        for employee in employees:
            cls._create_timesheet(WORK_DAYS[0], employee=employee)
        cls.cron = cls.env.ref("sale_timesheet_cra.ir_cron_cra_generate")

    def setUp(self):
        super().setUp()
        self.patch(cra_generate, "BACKGROUND_FROM", 2)

    def test_many_are_made_in_the_background_with_their_progress(self):
        wizard = self._preflight()
        action = wizard.action_generate()
        self.assertEqual(action["res_id"], wizard.id)
        self.assertEqual((wizard.run_state, wizard.progress), ("running", 0))
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        wizard.invalidate_recordset()
        self.assertEqual(
            (wizard.run_state, wizard.done_count, wizard.progress), ("done", 5, 100)
        )
        domain = wizard.action_open_reports()["domain"]
        reports = self.env["cra.report"].with_user(self.manager).search(domain)
        self.assertEqual(reports.mapped("total_hours"), [8] * 5)
        self.assertEqual(reports.user_id, self.manager)
        told = self._get_notification("account_notification")
        self.assertIn("March 2026", told["title"])
        self.assertEqual(sorted(told["action_button"]["res_ids"]), sorted(reports.ids))

    def test_of_many_only_the_selected_are_made(self):
        wizard = self._preflight()
        wizard.line_ids[:3].action_generate()
        self.assertEqual(wizard.run_state, "running")
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        self.assertEqual(
            self._get_drafts().employee_id, wizard.line_ids[:3].employee_id
        )

    def test_a_run_that_cannot_go_on_says_so_and_stops_no_other(self):
        wizard, other = self._preflight(), self._preflight()
        wizard.action_generate()
        other.line_ids[:3].action_generate()
        self.assertEqual(other.run_state, "running")
        make = cra_generate_make.CraGenerate._make_drafts

        def fail(run, candidates):
            if run == wizard:
                raise UserError("Out of paper.")  # pylint: disable=translation-required
            return make(run, candidates)

        self.patch(cra_generate_make.CraGenerate, "_make_drafts", fail)
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        (wizard | other).invalidate_recordset()
        self.assertEqual((wizard.run_state, wizard.error), ("failed", "Out of paper."))
        self.assertEqual(other.run_state, "done")
        told = self._get_notification("simple_notification")
        self.assertEqual(told["message"], "Out of paper.")

    def _get_notification(self, kind):
        """Return the one notification of a kind that the bus holds."""
        messages = self.env["bus.bus"].sudo().search([]).mapped("message")
        [found] = [m for m in map(json.loads, messages) if m["type"] == kind]
        return found["payload"]

    def test_what_a_crash_left_is_made_by_the_next_run(self):
        wizard = self._preflight()
        wizard.action_generate()
        wizard._make_drafts(wizard._collect_makeable()[:3])
        before = self.env["cra.report"].search([("project_id", "=", self.project.id)])
        with self.enter_registry_test_mode():
            self.cron.method_direct_trigger()
        after = self.env["cra.report"].search([("project_id", "=", self.project.id)])
        self.assertEqual((len(before), len(after)), (3, 5))
        self.assertLessEqual(before, after)

    def test_who_asks_sees_and_makes_the_projects_they_manage_only(self):
        self.project.write({"privacy_visibility": "followers", "user_id": False})
        self.project.message_unsubscribe(self.manager.partner_id.ids)
        self.assertFalse(self._preflight().line_ids)
