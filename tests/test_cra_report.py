from datetime import date

from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import SIGNATURE, CraCommon


@tagged("post_install", "-at_install")
class TestCraGenerate(CraCommon):
    def test_one_draft_per_consultant_and_project_with_exactly_the_month(self):
        march = self._create_timesheet(date(2026, 3, 2), 6.5)
        march |= self._create_timesheet(date(2026, 3, 31), 2)
        self._create_timesheet(date(2026, 2, 28))
        self._create_timesheet(date(2026, 4, 1))
        bruno = self._create_timesheet(date(2026, 3, 3), 4, employee=self.bruno)
        reports = self._generate()
        alices, brunos = reports.sorted("total_hours", reverse=True)
        self.assertEqual(alices.line_ids.timesheet_id, march)
        self.assertEqual(alices.total_hours, 8.5)
        self.assertEqual(alices.total_days, 1.06)
        self.assertEqual(alices.partner_id, self.acme)
        self.assertEqual(brunos.line_ids.timesheet_id, bruno)
        self.assertEqual(set(reports.mapped("state")), {"draft"})

    def test_generating_twice_gives_the_same(self):
        self._create_timesheet(date(2026, 3, 2))
        first = self._generate()
        lines = first.line_ids
        second = self._generate()
        self.assertEqual(first, second)
        self.assertEqual(second.line_ids, lines)

    def test_generating_again_takes_over_changes_and_keeps_edited_descriptions(self):
        timesheet = self._create_timesheet(date(2026, 3, 2))
        gone = self._create_timesheet(date(2026, 3, 3))
        report = self._generate()
        report.line_ids[0].description = "What Chloe shall read"
        timesheet.write({"unit_amount": 3, "name": "Other internal words"})
        gone.unlink()
        self._generate()
        line = report.line_ids
        self.assertEqual(len(line), 1)
        self.assertEqual(
            (line.description, line.unit_amount), ("What Chloe shall read", 3)
        )
        self.assertEqual(timesheet.name, "Other internal words")
        self.assertEqual(report.total_hours, 3)

    def test_nothing_is_reported_before_the_start_date(self):
        self.policy.start_date = date(2026, 3, 15)
        self._create_timesheet(date(2026, 3, 14))
        self._create_timesheet(date(2026, 3, 15), 2)
        self.assertEqual(self._generate().total_hours, 2)
        with self.assertRaisesRegex(UserError, "no time to report"):
            self._generate(month=2)

    def test_without_a_policy_nothing_is_reported_nor_held(self):
        self.project.cra_policy_id = False
        timesheet = self._create_timesheet(date(2026, 3, 2))
        self.assertFalse(timesheet.cra_hold)
        with self.assertRaisesRegex(UserError, "no time to report"):
            self._generate()

    def test_the_policy_of_the_project_precedes_the_customers_and_the_companys(self):
        by_customer, by_company = self.policy.create(
            [
                {"name": "Customer", "scope": "project", "start_date": "2026-01-01"},
                {"name": "Company", "scope": "project", "start_date": "2026-01-01"},
            ]
        )
        self.acme.cra_policy_id = by_customer
        self.company.cra_policy_id = by_company
        other, _line = self._create_project("Gemini", self.chloe)
        third, _line = self._create_project("Mercury", self.partner_a)
        for project in (self.project, other, third):
            self._create_timesheet(date(2026, 3, 2), project=project)
        reports = self._generate()
        policies = {report.project_id: report.policy_id for report in reports}
        self.assertEqual(
            policies, {self.project: self.policy, other: by_customer, third: by_company}
        )

    def test_time_of_another_customers_task_is_never_on_the_report(self):
        task = self.env["project.task"].create(
            {
                "name": "For somebody else",
                "project_id": self.project.id,
                "partner_id": self.partner_a.id,
                "sale_line_id": False,
            }
        )
        self.policy.line_filter = "all"
        ours = self._create_timesheet(date(2026, 3, 2))
        theirs = self._create_timesheet(
            date(2026, 3, 3), task_id=task.id, so_line=False
        )
        reports = self._generate()
        by_customer = {report.partner_id: report for report in reports}
        self.assertEqual(by_customer[self.acme].line_ids.timesheet_id, ours)
        self.assertEqual(by_customer[self.partner_a].line_ids.timesheet_id, theirs)

    def test_time_that_is_not_billable_stays_out_unless_the_policy_wants_all(self):
        self._create_timesheet(date(2026, 3, 2))
        free = self._create_timesheet(date(2026, 3, 3), 1, so_line=False)
        report = self._generate()
        self.assertNotIn(free, report.line_ids.timesheet_id)
        self.policy.line_filter = "all"
        self._generate()
        self.assertIn(free, report.line_ids.timesheet_id)

    def test_half_months_and_weeks(self):
        self.policy.period = "half_month"
        self._create_timesheet(date(2026, 3, 15))
        self._create_timesheet(date(2026, 3, 16))
        bounds = [(r.date_from.day, r.date_to.day) for r in self._generate()]
        self.assertEqual(sorted(bounds), [(1, 15), (16, 31)])
        self.policy.period = "week"
        self._create_timesheet(date(2026, 4, 1))
        week = self._generate(month=4)
        self.assertEqual(
            (week.date_from, week.date_to), (date(2026, 3, 30), date(2026, 4, 5))
        )

    def test_only_as_many_queries_for_ten_reports_as_for_two(self):
        def queries(count, name):
            project, _line = self._create_project(name, self.chloe)
            project.cra_policy_id = self.policy
            for number in range(count):
                employee = self.env["hr.employee"].create(
                    {"name": f"Consultant {number}"}
                )
                for day in range(1, 6):
                    self._create_timesheet(
                        date(2026, 5, day), employee=employee, project=project
                    )
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self._generate(month=5, project_ids=project.ids)
            return self.cr.sql_log_count - before

        queries(2, "Warm up")
        self.assertLessEqual(queries(10, "Ten"), queries(2, "Two") + 2)

    def test_preflight_names_what_is_missing(self):
        self._create_timesheet(date(2026, 3, 2))
        self.chloe.email = False
        wizard = (
            self.env["cra.generate"]
            .with_user(self.manager)
            .create({"date_from": date(2026, 3, 1), "date_to": date(2026, 3, 31)})
        )
        self.assertEqual(wizard.line_ids.state, "no_email")
        self.assertIn("Chloe Client", wizard.line_ids.explanation)
        self.assertEqual(wizard.line_ids.action_mend()["res_id"], self.chloe.id)
        report = self._generate()
        with self.assertRaisesRegex(UserError, "Chloe Client.*no email"):
            report.action_send()
        self.assertEqual(report.state, "draft")

    def test_consultants_and_others_generate_nothing(self):
        self._create_timesheet(date(2026, 3, 2))
        for user in (self.consultant, self.accountant, self.outsider):
            with self.assertRaises(AccessError):
                self._generate(user=user)

    def test_a_policy_that_holds_time_needs_somebody_to_agree(self):
        with self.assertRaisesRegex(ValidationError, "nobody is asked"):
            self.policy.approval_mode = "none"


@tagged("post_install", "-at_install")
class TestCraReport(CraCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2))
        cls.report = cls._generate()

    def test_sending_freezes_content_and_document(self):
        self._send(self.report)
        self.assertEqual(self.report.state, "sent")
        self.assertRegex(self.report.name, r"^CRA/\d{4}/\d{5}$")
        self.assertEqual(len(self.report.digest), 64)
        document = self.report.document_id.sudo()
        self.assertTrue(document.raw.startswith(b"%PDF"))
        for record, values in (
            (self.report.line_ids, {"description": "Changed"}),
            (self.report.line_ids, {"unit_amount": 1}),
            (self.report, {"digest": "0" * 64}),
            (self.report, {"partner_id": self.partner_a.id}),
            (self.report, {"state": "draft"}),
            (document, {"raw": b"%PDF other"}),
            (document, {"res_id": 0}),
        ):
            with self.assertRaises(UserError, msg=f"{record} {values}"):
                record.sudo().write(values)
        for record in (self.report, self.report.line_ids, document):
            with self.assertRaises(UserError, msg=record):
                record.sudo().unlink()

    def test_users_do_not_write_what_the_addon_writes(self):
        for values in (
            {"state": "approved"},
            {"digest": "1"},
            {"sent_on": "2026-01-01"},
        ):
            with self.assertRaises(AccessError, msg=values):
                self.report.write(values)
        with self.assertRaises(AccessError):
            self.report.create({"partner_id": self.acme.id})
        with self.assertRaises(UserError):
            self.report.line_ids.unit_amount = 1
        with self.assertRaises(AccessError):
            self.report.approval_ids.create({"report_id": self.report.id})

    def test_numbers_follow_each_other_per_company(self):
        second = self._create_timesheet(date(2026, 4, 2)) and self._generate(month=4)
        self._send(self.report)
        self._send(second)
        numbers = [
            int(report.name.rpartition("/")[2]) for report in self.report | second
        ]
        self.assertEqual(numbers[1], numbers[0] + 1)

    def test_a_draft_whose_timesheets_changed_is_not_sent_unseen(self):
        self.timesheet.unit_amount = 2
        with self.assertRaisesRegex(UserError, "changed since"):
            self.report.action_send()
        self.report.action_refresh()
        self._send(self.report)
        self.assertEqual(self.report.total_hours, 2)

    def test_a_report_is_sent_once(self):
        self._send(self.report)
        with self.assertRaisesRegex(UserError, "not a draft"):
            self.report.action_send()

    def test_time_that_was_sent_is_locked_for_everyone(self):
        self._send(self.report)
        for values in (
            {"unit_amount": 1},
            {"date": "2026-03-05"},
            {"employee_id": self.bruno.id},
            {"so_line": False},
            {"project_id": self._create_project("Other", self.chloe)[0].id},
        ):
            with self.assertRaisesRegex(UserError, self.report.name, msg=values):
                self.timesheet.sudo().with_context(tracking_disable=True).write(values)
        with self.assertRaisesRegex(UserError, self.report.name):
            self.timesheet.sudo().unlink()
        self.timesheet.name = "Internal words stay internal"

    def test_core_recomputes_leave_locked_time_alone(self):
        task = self.env["project.task"].create(
            {"name": "Task", "project_id": self.project.id}
        )
        timesheet = self._create_timesheet(date(2026, 4, 2), task_id=task.id)
        self._send(self._generate(month=4))
        other, other_line = self._create_project("Other", self.chloe)
        task.sale_line_id = other_line
        self.project.sale_line_id = other_line
        task.project_id = other
        self.env.flush_all()
        self.assertEqual(timesheet.so_line, self.order_line)
        self.assertEqual(timesheet.project_id, self.project)

    def test_consultants_see_only_their_own_reports(self):
        self._create_timesheet(date(2026, 3, 2), employee=self.bruno)
        reports = self._generate()
        seen = self.env["cra.report"].with_user(self.consultant).search([])
        self.assertEqual(seen.employee_id, self.alice)
        with self.assertRaises(AccessError):
            (reports - seen).with_user(self.consultant).read(["total_hours"])
        with self.assertRaises(AccessError):
            self.report.with_user(self.consultant).action_send()
        with self.assertRaises(AccessError):
            self.report.with_user(self.outsider).read(["total_hours"])

    def test_reports_of_another_company_are_out_of_sight(self):
        other = self.setup_other_company()["company"]
        stranger = self._create_user(
            "cra_stranger", "Stranger", "hr_timesheet.group_timesheet_manager"
        )
        stranger.write({"company_ids": [(6, 0, other.ids)], "company_id": other.id})
        self.assertFalse(self.env["cra.report"].with_user(stranger).search([]))

    def test_only_one_draft_and_one_version_in_force(self):
        values = self.report.sudo().copy_data()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(IntegrityError, "working_uniq"),
            self.cr.savepoint(),
        ):
            self.report.sudo().create(values)

    def test_correcting_makes_a_version_that_replaces_the_one_in_force(self):
        self._send(self.report)
        self._agree(self.report)
        working = self.env["cra.report"].browse(self.report.action_correct()["res_id"])
        self.assertEqual((working.version, working.state), (2, "draft"))
        self.assertEqual(working.line_ids.timesheet_id, self.timesheet)
        self.assertTrue(self.timesheet.cra_hold)
        self.timesheet.unit_amount = 5
        working = working.with_user(self.manager)
        working.action_refresh()
        self._send(working)
        self.assertEqual(self.report.state, "superseded")
        self.assertEqual(self.report.total_hours, 8)
        self.assertEqual((working.name, working.total_hours), (self.report.name, 5))
        self.assertEqual(self.timesheet.cra_line_id, working.line_ids)
        with self.assertRaisesRegex(UserError, "receiv"):
            self.timesheet.unit_amount = 6

    def test_a_cancelled_draft_frees_its_time_and_can_be_taken_up_again(self):
        self.report.line_ids.description = "What Chloe shall read"
        self.report.action_cancel()
        self.assertEqual(self.report.state, "cancelled")
        self.assertTrue(self.timesheet.cra_hold)
        with self.assertRaisesRegex(UserError, "not a draft"):
            self.report.action_send()
        self.timesheet.unit_amount = 3
        self.report.action_draft()
        self.assertEqual(self.report.state, "draft")
        self.assertEqual(self.report.total_hours, 3)
        self.assertEqual(self.report.line_ids.description, "What Chloe shall read")

    def test_only_drafts_are_cancelled_and_only_by_managers(self):
        with self.assertRaises(AccessError):
            self.report.with_user(self.consultant).action_cancel()
        self._send(self.report)
        with self.assertRaisesRegex(UserError, "not a draft"):
            self.report.action_cancel()
        with self.assertRaisesRegex(UserError, "was sent to the customer once"):
            self.report.action_draft()

    def test_a_correction_is_dropped_only_while_nothing_was_changed(self):
        self._send(self.report)
        self._agree(self.report)
        action = self.report.action_correct()
        working = (
            self.env["cra.report"].with_user(self.manager).browse(action["res_id"])
        )
        self.timesheet.unit_amount = 5
        with self.assertRaisesRegex(UserError, "change the timesheets back"):
            working.unlink()
        self.timesheet.unit_amount = 8
        working.unlink()
        self.assertFalse(self.timesheet.cra_hold)
        with self.assertRaisesRegex(UserError, self.report.name):
            self.timesheet.unit_amount = 5


@tagged("post_install", "-at_install")
class TestCraGate(CraCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2))

    def test_time_is_held_until_the_customer_agrees(self):
        self.assertTrue(self.timesheet.cra_hold)
        self.assertEqual(self.order_line.qty_delivered, 0)
        report = self._generate()
        self._send(report)
        self.assertEqual(self.order_line.qty_delivered, 0)
        self.assertEqual(self.order_line.qty_to_invoice, 0)
        self._agree(report)
        self.assertFalse(self.timesheet.cra_hold)
        self.assertEqual(self.order_line.qty_delivered, 8)
        self.assertEqual(self.order_line.qty_to_invoice, 8)

    def test_invoices_hold_exactly_what_was_agreed(self):
        report = self._generate()
        self._send(report)
        self._agree(report)
        late = self._create_timesheet(date(2026, 4, 1), 3)
        invoice = self.env["account.move"].browse(
            report.with_user(self.accountant).action_create_invoices()["res_id"]
        )
        self.assertEqual(invoice.invoice_line_ids.quantity, 8)
        self.assertEqual(invoice.timesheet_ids, self.timesheet)
        self.assertFalse(late.timesheet_invoice_id)
        self.assertEqual(report.sudo().invoice_ids, invoice)
        billed = self.env["cra.report"].search([("invoice_ids", "in", invoice.ids)])
        self.assertEqual(billed, report)

    def test_what_is_not_agreed_is_not_invoiced(self):
        report = self._generate()
        with self.assertRaisesRegex(UserError, "not agreed"):
            report.with_user(self.accountant).action_create_invoices()
        with self.assertRaises(UserError):
            self.order_line.order_id._create_invoices()

    def test_refused_time_stays_held(self):
        report = self._generate()
        self._send(report)
        report.sudo().approval_ids._refuse("Two hours too many")
        self.assertEqual(report.state, "refused")
        self.assertTrue(self.timesheet.cra_hold)
        self.assertEqual(self.order_line.qty_delivered, 0)
        self.assertEqual(report.activity_ids.user_id, self.manager)

    def test_prepaid_lines_keep_their_quantities(self):
        prepaid = self._create_time_product("Prepaid hours", "order")
        order = self.order_line.order_id
        values = {"product_id": prepaid.id, "product_uom_qty": 10}
        order.order_line = [Command.create(values)]
        line = order.order_line - self.order_line
        held = self._create_timesheet(date(2026, 3, 3), 4, so_line=line.id)
        self.assertTrue(held.cra_hold)
        self.assertEqual(line.qty_delivered, 4)
        self.assertEqual(line.remaining_hours, 6)

    def test_time_before_the_start_date_is_never_held(self):
        old = self._create_timesheet(date(2025, 12, 31), 5)
        self.assertFalse(old.cra_hold)
        self.assertEqual(self.order_line.qty_delivered, 5)
        self.policy.start_date = date(2025, 12, 1)
        self.assertTrue(old.cra_hold)
        self.policy.start_date = date(2026, 4, 1)
        self.assertFalse(self.timesheet.cra_hold)
        self.assertEqual(self.order_line.qty_delivered, 13)

    def test_assigning_a_policy_holds_and_removing_it_frees(self):
        self.project.cra_policy_id = False
        self.assertFalse(self.timesheet.cra_hold)
        self.company.write(
            {"cra_policy_id": self.policy.id, "cra_start_date": date(2026, 1, 1)}
        )
        self.assertTrue(self.timesheet.cra_hold)
        self.policy.invoice_gate = "none"
        self.assertFalse(self.timesheet.cra_hold)

    def test_time_for_information_is_invoiced_freely(self):
        self.policy.write({"invoice_gate": "none", "approval_mode": "none"})
        report = self._generate()
        self._send(report)
        approval = report.sudo().approval_ids
        with self.assertRaises(UserError):
            approval._approve("Chloe Client", SIGNATURE)
        self.assertEqual(report.state, "sent")
        self.assertEqual(self.order_line.qty_to_invoice, 8)

    def test_all_approvers_must_agree_if_the_policy_says_so(self):
        self.policy.approval_mode = "all"
        second = self.chloe.copy({"name": "Carl", "email": "carl@acme.example.com"})
        self.project.cra_approver_ids = self.chloe | second
        report = self._generate()
        self._send(report)
        first, last = report.sudo().approval_ids
        first._approve("Chloe", SIGNATURE)
        self.assertEqual(report.state, "sent")
        self.assertTrue(self.timesheet.cra_hold)
        last._approve("Carl", SIGNATURE)
        self.assertEqual(report.state, "approved")
        self.assertFalse(self.timesheet.cra_hold)
