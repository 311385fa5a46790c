from datetime import date

from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..wizards.cra_candidate import ATTENTION_STATES
from ..wizards.cra_generate_month import BLOCK_DOMAINS
from .common import CraCommon


@tagged("post_install", "-at_install")
class TestCraMonthPage(CraCommon):
    """How far a month is, for its manager."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gemini, cls.gemini_line = cls._create_project("Gemini", cls.chloe)
        cls.gemini.write({"cra_policy_id": cls.policy.id, "user_id": cls.manager.id})
        cls._create_timesheet(date(2026, 3, 2), 8)
        cls._create_timesheet(date(2026, 3, 2), 4, employee=cls.bruno)
        cls._create_timesheet(date(2026, 3, 3), 2, project=cls.gemini)
        cls._create_timesheet(date(2026, 3, 3), 1, cls.bruno, cls.gemini)
        cls.seller = cls._create_user(
            "cra_seller",
            "Sam Seller",
            "hr_timesheet.group_hr_timesheet_approver,sales_team.group_sale_salesman",
        )

    def _get_month(self, user=None, day="2026-03-15"):
        return self.env["cra.generate"].with_user(user or self.manager).get_month(day)

    def _get_counts(self, **kwargs):
        month = self._get_month(**kwargs)
        return {stage["key"]: stage["count"] for stage in month["stages"]}

    def _get_stage(self, key, user=None):
        stages = self._get_month(user)["stages"]
        return next(stage for stage in stages if stage["key"] == key)

    def _open(self, key, user=None):
        """Return the records that a figure of the page opens."""
        generate = self.env["cra.generate"].with_user(user or self.manager)
        action = generate.open_month("2026-03-15", key)
        generate.env.flush_all()  # as at the end of the request
        return generate.env[action["res_model"]].search(action["domain"])

    def _generate_for(self, employee, project):
        return self._generate(
            employee_ids=[(6, 0, employee.ids)], project_ids=[(6, 0, project.ids)]
        )

    def test_each_report_counts_once_where_it_stands(self):
        self.assertEqual(
            self._get_counts(),
            {"missing": 4, "draft": 0, "sent": 0, "refused": 0, "agreed": 0},
        )
        first = self._generate_for(self.alice, self.project)
        second = self._generate_for(self.bruno, self.project)
        third = self._generate_for(self.alice, self.gemini)
        self._send(first | second)
        self._agree(first)
        second.sudo().approval_ids._refuse("No")
        month = self._get_month()
        self.assertEqual(
            self._get_counts(),
            {"missing": 1, "draft": 1, "sent": 0, "refused": 1, "agreed": 1},
        )
        self.assertEqual(month["expected"], 4)
        self.assertEqual(month["title"], "March 2026")
        hours = {stage["key"]: stage["hours"] for stage in month["stages"]}
        self.assertEqual(
            hours, {"missing": 1, "draft": 2, "sent": 0, "refused": 4, "agreed": 8}
        )
        for key, report in (("agreed", first), ("refused", second), ("draft", third)):
            self.assertEqual(self._open(key), report)
        [row] = self._open("missing")
        self.assertEqual((row.employee_id, row.project_id), (self.bruno, self.gemini))

    def test_what_is_corrected_counts_as_the_draft_it_is(self):
        report = self._generate_for(self.alice, self.project)
        self._send(report)
        self._agree(report)
        report.action_correct()
        counts = self._get_counts()
        self.assertEqual((counts["agreed"], counts["draft"]), (0, 1))

    def test_what_is_sent_for_information_is_settled(self):
        self.policy.write({"approval_mode": "none", "invoice_gate": "none"})
        report = self._generate_for(self.alice, self.project)
        self._send(report)
        self.assertEqual(self._get_counts()["agreed"], 1)
        self.assertEqual(self._open("agreed"), report)

    def test_it_tells_what_blocks_the_rest_and_opens_it(self):
        report = self._generate_for(self.alice, self.project)
        self._send(report)
        report.sudo().approval_ids._refuse("No")
        self.chloe.email = False
        blocks = {b["key"]: b["count"] for b in self._get_month()["blocks"]}
        self.assertEqual(blocks["refused"], 1)
        self.assertEqual(blocks["no_email"], 3)
        self.assertEqual(self._open("refused"), report)
        rows = self._open("no_email")
        self.assertEqual(set(rows.mapped("state")), {"no_email"})
        self.assertEqual(len(rows), 3)

    def test_every_block_has_words_and_opens(self):
        month = self.env["cra.generate"].with_user(self.manager)._new_month(False)
        labels = month._get_block_labels()
        self.assertEqual(set(labels), {*ATTENTION_STATES, *BLOCK_DOMAINS})
        self.assertEqual(len(set(labels.values())), len(labels))
        for key in labels:
            self._open(key)

    def test_values_are_for_those_who_may_see_amounts(self):
        report = self._generate_for(self.alice, self.project)
        self._send(report)
        self.assertIsNone(self._get_stage("sent")["value"])
        self.assertFalse(self._get_month()["shows_amounts"])
        self.assertEqual(self._get_stage("sent", self.seller)["value"], 800)
        self.assertEqual(self._get_stage("missing", self.seller)["value"], 700)

    def test_values_follow_discounts_currency_and_what_is_billed_by_the_hour(self):
        self.gemini_line.discount = 10
        self.gemini_line.order_id.currency_rate = 2.0
        fixed = self.env["sale.order.line"].create(
            {
                "order_id": self.order_line.order_id.id,
                "product_id": self._create_time_product("Fixed", "order").id,
            }
        )
        self.project.timesheet_ids.so_line = fixed
        self.env.flush_all()
        month = self._get_month(self.seller)
        values = {stage["key"]: stage["value"] for stage in month["stages"]}
        self.assertEqual(values["missing"], 3 * 100 * 0.9 / 2)

    def test_agreed_time_waits_for_its_invoice(self):
        report = self._generate_for(self.alice, self.project)
        self._send(report)
        self._agree(report)
        month = self._get_month(self.seller)
        self.assertEqual(month["to_invoice"], {"hours": 8, "value": 800})
        self.assertEqual(self._open("to_invoice"), report)
        report.with_user(self.accountant).action_create_invoices()
        month = self._get_month(self.seller)
        self.assertEqual(month["to_invoice"], {"hours": 0, "value": 0})

    def test_managers_see_their_projects_only(self):
        self.gemini.write({"privacy_visibility": "followers", "user_id": False})
        self.assertEqual(self._get_counts()["missing"], 2)
        for user in (self.consultant, self.accountant):
            with self.assertRaises(AccessError):
                self._get_month(user)
            with self.assertRaises(AccessError):
                self._open("missing", user)

    def test_another_month_is_empty(self):
        month = self._get_month(day="2026-01-31")
        self.assertEqual((month["expected"], month["blocks"]), (0, []))

    def test_more_reports_take_no_more_queries(self):
        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self._get_month(self.seller)
            return self.cr.sql_log_count - before

        self._send(self._generate_for(self.alice, self.project))
        count()
        few = count()
        employees = self.env["hr.employee"].create(
            [{"name": f"C {n}", "company_id": self.company.id} for n in range(10)]
        )
        for employee in employees:
            self._create_timesheet(date(2026, 3, 4), employee=employee)
            project, _line = self._create_project(employee.name, self.chloe)
            project.cra_policy_id = self.policy
            self._create_timesheet(date(2026, 3, 4), employee=employee, project=project)
        self._send(self._generate_for(employees[:5], self.project))
        count()
        self.assertEqual(count(), few)
