from datetime import date

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import CraCommon


@tagged("post_install", "-at_install")
class TestCraLines(CraCommon):
    """Which time is on which report, whatever happens to it."""

    def _covered(self, reports):
        """Return the timesheets of reports, each as often as it is covered."""
        return sorted(reports.sudo().line_ids.mapped("timesheet_id.id"))

    def _all_reports(self):
        return self.env["cra.report"].search([("company_id", "=", self.company.id)])

    def test_zero_and_negative_corrections_are_part_of_the_report(self):
        self._create_timesheet(date(2026, 3, 2), 8)
        self._create_timesheet(date(2026, 3, 3), -3)
        self._create_timesheet(date(2026, 3, 4), 0)
        report = self._generate()
        self.assertEqual(report.line_ids.mapped("unit_amount"), [8, -3, 0])
        self.assertEqual(report.total_hours, 5)

    def test_corrections_that_sum_up_to_nothing_are_reported(self):
        self._create_timesheet(date(2026, 3, 2), 8)
        self._create_timesheet(date(2026, 3, 2), -8)
        report = self._generate()
        self.assertEqual(len(report.line_ids), 2)
        self.assertEqual(report.total_hours, 0)
        self._send(report)
        self.assertEqual(report.state, "sent")

    def test_a_negative_correction_of_what_was_sent_is_late_time(self):
        self._create_timesheet(date(2026, 3, 2), 8)
        report = self._generate()
        self._send(report)
        correction = self._create_timesheet(date(2026, 3, 2), -2)
        working = self.env["cra.report"].browse(report.action_correct()["res_id"])
        self.assertIn(correction, working.line_ids.timesheet_id)
        self.assertEqual(working.total_hours, 6)

    def test_time_moved_to_another_project_moves_to_its_draft(self):
        other, _line = self._create_project("Gemini", self.chloe)
        other.cra_policy_id = self.policy
        moved = self._create_timesheet(date(2026, 3, 2))
        stays = self._create_timesheet(date(2026, 3, 3))
        theirs = self._create_timesheet(date(2026, 3, 3), project=other)
        reports = self._generate()
        moved.project_id = other
        self.assertEqual(self._generate(), reports)
        by_project = {report.project_id: report for report in reports}
        self.assertEqual(by_project[self.project].line_ids.timesheet_id, stays)
        self.assertEqual(by_project[other].line_ids.timesheet_id, theirs | moved)
        self.assertEqual(moved.cra_line_id.report_id, by_project[other])

    def test_time_moved_to_a_project_that_is_generated_alone_is_covered_once(self):
        other, _line = self._create_project("Gemini", self.chloe)
        other.cra_policy_id = self.policy
        moved = self._create_timesheet(date(2026, 3, 2))
        old = self._generate()
        moved.project_id = other
        new = self._generate(project_ids=other.ids)
        self.assertEqual(new.line_ids.timesheet_id, moved)
        self.assertEqual(moved.cra_line_id.report_id, new)
        # The draft it left is not sent with it: its line goes at the latest there.
        with self.assertRaisesRegex(UserError, "no time"):
            old.action_send()
        self._generate()
        self.assertFalse(old.line_ids)
        self.assertEqual(self._covered(self._all_reports()), moved.ids)

    def test_time_moved_to_another_month_moves_to_its_draft(self):
        timesheet = self._create_timesheet(date(2026, 3, 31))
        march = self._generate()
        timesheet.date = date(2026, 4, 1)
        april = self._generate(month=4)
        self.assertEqual(april.line_ids.timesheet_id, timesheet)
        self._generate(month=3)
        self.assertFalse(march.line_ids)

    def test_time_moved_out_of_a_correction_is_free_once_that_is_sent(self):
        other, _line = self._create_project("Gemini", self.chloe)
        other.cra_policy_id = self.policy
        moved = self._create_timesheet(date(2026, 3, 2))
        self._create_timesheet(date(2026, 3, 3))
        report = self._generate()
        self._send(report)
        working = self.env["cra.report"].browse(report.action_correct()["res_id"])
        working = working.with_user(self.manager)
        moved.project_id = other
        self.assertFalse(
            self._generate(project_ids=(self.project | other).ids).filtered(
                lambda r: r.project_id == other
            ),
            "the version in force still shows that time",
        )
        working.action_refresh()
        self._send(working)
        draft = self._generate(project_ids=other.ids)
        self.assertEqual(draft.line_ids.timesheet_id, moved)

    def test_a_task_that_changes_its_customer_takes_its_time_along(self):
        self.policy.line_filter = "all"
        task = self.env["project.task"].create(
            {
                "name": "For whom?",
                "project_id": self.project.id,
                "partner_id": self.chloe.id,
                "sale_line_id": False,
            }
        )
        timesheet = self._create_timesheet(
            date(2026, 3, 2), task_id=task.id, so_line=False
        )
        ours = self._generate()
        self.assertEqual(ours.partner_id, self.acme)
        task.partner_id = self.partner_a
        self._generate()
        theirs = self._all_reports() - ours
        self.assertEqual(theirs.partner_id, self.partner_a)
        self.assertEqual(theirs.line_ids.timesheet_id, timesheet)
        self.assertFalse(ours.line_ids)

    def test_archived_consultants_and_projects_are_reported(self):
        timesheet = self._create_timesheet(date(2026, 3, 2), employee=self.bruno)
        self.bruno.active = False
        self.project.active = False
        for scope in ("employee_project", "project"):
            self.policy.scope = scope
            self._all_reports().sudo().unlink()
            report = self._generate()
            self.assertEqual(report.line_ids.timesheet_id, timesheet)
            self.assertEqual(report.line_ids.employee_label, "Bruno Bauer")
            self._generate()
            self.assertEqual(report.line_ids.timesheet_id, timesheet)

    def test_each_company_reports_its_own_time_of_a_shared_project(self):
        other = self.setup_other_company()["company"]
        project = self.env["project.project"].create(
            {
                "name": "Shared",
                "partner_id": self.acme.id,
                "company_id": False,
                "allow_timesheets": True,
                "privacy_visibility": "employees",
            }
        )
        policy = self.policy.copy({"name": "All time", "line_filter": "all"})
        (self.company | other).write({"cra_policy_id": policy.id})
        self.manager.company_ids |= other
        theirs = self.env["hr.employee"].create(
            {"name": "Carla Conti", "company_id": other.id}
        )
        values = {"project": project, "so_line": False}
        ours = self._create_timesheet(date(2026, 3, 2), **values)
        foreign = self._create_timesheet(
            date(2026, 3, 2), employee=theirs, company_id=other.id, **values
        )
        self.assertEqual(foreign.company_id, other)
        mine = self._generate()
        self.assertEqual(mine.company_id, self.company)
        self.assertEqual(mine.line_ids.timesheet_id, ours)
        wizard = (
            self.env["cra.generate"]
            .with_user(self.manager)
            .with_context(allowed_company_ids=other.ids)
            .create({"date_from": date(2026, 3, 1), "date_to": date(2026, 3, 31)})
        )
        report = wizard._generate()
        self.assertEqual(report.company_id, other)
        self.assertEqual(report.line_ids.timesheet_id, foreign)

    def test_a_change_of_period_never_covers_time_twice(self):
        self._create_timesheet(date(2026, 3, 2))
        late = self._create_timesheet(date(2026, 3, 20))
        monthly = self._generate()
        for period in ("half_month", "week", "month"):
            self.policy.period = period
            self._generate()
            covered = self._covered(self._all_reports())
            self.assertEqual(covered, sorted(monthly.line_ids.timesheet_id.ids))
        self._send(monthly)
        self.policy.period = "half_month"
        added = self._create_timesheet(date(2026, 3, 21))
        second_half = self._generate().filtered(lambda r: r.state == "draft")
        self.assertEqual(second_half.line_ids.timesheet_id, added)
        self.assertNotIn(late, second_half.line_ids.timesheet_id)
        self.assertEqual(second_half.date_from, date(2026, 3, 16))

    def test_a_change_of_scope_never_covers_time_twice(self):
        self._create_timesheet(date(2026, 3, 2))
        self._create_timesheet(date(2026, 3, 3), employee=self.bruno)
        single = self._generate()
        self._send(single.filtered(lambda r: r.employee_id == self.alice))
        self.policy.scope = "project"
        self._generate()
        added = self._create_timesheet(date(2026, 3, 4))
        whole = self._generate() - single
        self.assertEqual(whole.line_ids.timesheet_id, added)
        self.policy.scope = "employee_project"
        self._generate()
        covered = self._covered(self._all_reports())
        self.assertEqual(len(covered), 3)
        self.assertEqual(len(set(covered)), 3)

    def test_a_refresh_tells_what_changed_and_keeps_descriptions(self):
        changed = self._create_timesheet(date(2026, 3, 2))
        gone = self._create_timesheet(date(2026, 3, 3))
        self._create_timesheet(date(2026, 3, 4))
        report = self._generate()
        self.assertEqual(len(report.message_ids), 0)
        report.line_ids[0].description = "What Chloe shall read"
        changed.unit_amount = 3
        gone.unlink()
        self._create_timesheet(date(2026, 3, 5), 2)
        message = report.action_refresh()["params"]["message"]
        self.assertIn("3 lines", message)
        note = report.message_ids
        self.assertEqual(len(note), 1)
        for text in ("08:00 → 03:00", "Removed: 03/03/2026", "Added: 03/05/2026"):
            self.assertIn(text, note.body)
        self.assertIn("-11:00", note.body)
        self.assertTrue(note.subtype_id.internal)
        self.assertEqual(report.line_ids[0].description, "What Chloe shall read")
        self.assertEqual(report.total_hours, 13)

    def test_a_refresh_without_changes_writes_nothing(self):
        self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        self.cr.execute(
            "UPDATE cra_report_line SET write_date = '2020-01-01' WHERE report_id = %s",
            [report.id],
        )
        report.invalidate_recordset()
        message = report.action_refresh()["params"]["message"]
        self.assertIn("not changed", message)
        self.assertFalse(report.message_ids)
        self.assertEqual(report.line_ids.write_date.year, 2020)

    def test_time_entered_in_days_is_reported_in_hours(self):
        timesheet = self._create_timesheet(date(2026, 3, 2), 1)
        self.env.flush_all()
        self.cr.execute(
            "UPDATE account_analytic_line SET product_uom_id = %s WHERE id = %s",
            [self.env.ref("uom.product_uom_day").id, timesheet.id],
        )
        self.env.invalidate_all()
        report = self._generate()
        self.assertEqual(report.line_ids.unit_amount, 8)
        wizard = self.env["cra.generate"].create(
            {"date_from": date(2026, 3, 1), "date_to": date(2026, 3, 31)}
        )
        self.assertEqual(wizard.line_ids.hours, 8)
