from datetime import date

from lxml import etree

from odoo import Command
from odoo.tests import Form, freeze_time, tagged
from odoo.tools.safe_eval import safe_eval

from .common import CraCommon


@tagged("post_install", "-at_install")
class TestCraViews(CraCommon):
    """Where people find activity reports."""

    def test_order_and_project_lead_to_their_reports(self):
        self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        order = self.order_line.order_id
        for record, user in (
            (self.project, self.manager),
            (order, self.accountant),
        ):
            record = record.with_user(user)
            self.assertEqual(record.cra_report_count, 1)
            domain = record.action_view_cra_reports()["domain"]
            self.assertEqual(report.with_user(user).search(domain).ids, report.ids)

    def test_every_view_of_the_menu_opens(self):
        action = self.env.ref("sale_timesheet_cra.cra_report_action")
        modes = action.view_mode.split(",")
        self.assertIn("calendar", modes)
        self.assertIn("graph", modes)
        reports = self.env["cra.report"].with_user(self.manager)
        views = reports.get_views([(False, mode) for mode in modes])["views"]
        self.assertEqual(set(views), set(modes))

    def test_a_consultant_leads_to_reports_with_their_time(self):
        self._create_timesheet(date(2026, 3, 2))
        own = self._generate()
        shared_policy = self.policy.copy({"name": "Project", "scope": "project"})
        gemini, _line = self._create_project("Gemini", self.chloe)
        gemini.cra_policy_id = shared_policy
        self._create_timesheet(date(2026, 3, 2), project=gemini)
        self._create_timesheet(date(2026, 3, 2), employee=self.bruno, project=gemini)
        shared = self._generate(project_ids=[Command.set(gemini.ids)])
        hr_manager = self._create_user(
            "cra_hr",
            "Hanna HR",
            "hr_timesheet.group_hr_timesheet_approver,hr.group_hr_user",
        )
        for model, user in (
            ("hr.employee", hr_manager),
            ("hr.employee.public", self.manager),
        ):
            employees = self.env[model].with_user(user)
            for employee, reports in (
                (self.alice, own | shared),
                (self.bruno, shared),
            ):
                employee = employees.browse(employee.id)
                self.assertEqual(employee.cra_report_count, len(reports))
                domain = employee.action_view_cra_reports()["domain"]
                self.assertEqual(self.env["cra.report"].search(domain), reports)
            with Form(employees.browse(self.alice.id)) as form:
                self.assertEqual(form.cra_report_count, 2)

    def test_many_are_corrected_at_once(self):
        for month in (3, 4):
            self._create_timesheet(date(2026, month, 2))
        reports = self._generate() | self._generate(month=4)
        self._send(reports)
        self._agree(reports)
        action = reports.action_correct()
        working = reports.search(action["domain"])
        self.assertEqual(working.previous_id, reports)
        self.assertEqual(set(working.mapped("state")), {"draft"})
        self.assertEqual(reports.action_correct()["domain"], action["domain"])

    def test_days_to_agree_are_counted_of_what_was_agreed(self):
        for month in (3, 4):
            self._create_timesheet(date(2026, month, 2))
        agreed, refused = self._generate(), self._generate(month=4)
        self._send(agreed | refused)
        self._agree(agreed)
        refused.sudo().approval_ids._refuse("No")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE cra_report SET sent_on = decided_on - interval '36 hours'"
        )
        self.env.invalidate_all()
        days = agreed._fields["days_to_agree"]
        self.env.add_to_compute(days, agreed | refused)
        [(average,)] = (agreed | refused)._read_group([], [], ["days_to_agree:avg"])
        self.assertAlmostEqual(average, 1.5)

    def test_late_is_what_was_not_sent_or_not_answered_in_time(self):
        self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        view = self.env.ref("sale_timesheet_cra.cra_report_view_search")
        reports = self.env["cra.report"].with_user(self.manager)
        with freeze_time("2026-03-31"):
            self.assertFalse(self._filter(reports, view, "filter_late"))
        with freeze_time("2026-04-01"):
            self.assertEqual(self._filter(reports, view, "filter_late"), report)
            self._send(report)
            self.assertFalse(self._filter(reports, view, "filter_late"))
            report.sudo().clock_state = "over"
            self.assertEqual(self._filter(reports, view, "filter_late"), report)

    def _filter(self, reports, view, name):
        """Return the reports that a filter of the search view shows."""
        [node] = etree.fromstring(view.arch).xpath(f"//filter[@name='{name}']")
        domain = safe_eval(node.get("domain"), {"uid": reports.env.uid})
        return reports.search(domain)

    def test_uninstalling_warns_of_what_is_lost(self):
        module = self.env["ir.module.module"].search(
            [("name", "=", "sale_timesheet_cra")]
        )
        Wizard = self.env["base.module.uninstall"]
        self._create_timesheet(date(2026, 3, 2))
        report = self._generate()
        self.assertFalse(Wizard.create({"module_ids": module.ids}).cra_warning)
        self._send(report)
        base = self.env["ir.module.module"].search([("name", "=", "sale_timesheet")])
        for modules in (module, base):
            wizard = Wizard.create({"module_ids": modules.ids})
            self.assertIn("1 activity reports were sent", wizard.cra_warning)
            self.assertIn("Evidence Pack", wizard.cra_warning)
        domain = wizard.action_view_cra_evidence()["domain"]
        self.assertEqual(self.env["cra.report"].search(domain), report)
        unrelated = self.env["ir.module.module"].create({"name": "cra_unrelated"})
        wizard = Wizard.create({"module_ids": unrelated.ids})
        self.assertFalse(wizard.cra_warning)
