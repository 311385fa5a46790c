from datetime import date
from unittest.mock import patch

from odoo.tests import tagged

from .test_cra_month_end import MonthEndCommon


@tagged("post_install", "-at_install")
class TestCraMonthEndHold(MonthEndCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.write({"incomplete_month": "hold", "hold_days": 3})
        cls._create_timesheet(date(2026, 2, 2))

    def _run_incomplete(self, moment, hours="12"):
        """Run the job while Alice misses time."""

        def miss(_reports, candidate):
            return candidate.employee == self.alice and f"Alice misses {hours} hours."

        with patch.object(self.env.registry["cra.report"], "_get_missing_time", miss):
            return self._run(moment)

    def _run_complete(self, moment):
        with patch.object(
            self.env.registry["cra.report"], "_get_missing_time", lambda *_args: ""
        ):
            return self._run(moment)

    def test_an_incomplete_report_waits_and_leaves_once_it_is_complete(self):
        self.assertFalse(self._run_incomplete("2026-02-28 17:00:00"))
        draft = self._get_drafts()
        self.assertEqual(draft.auto_state, "held")
        self.assertEqual(draft.auto_reason, "Alice misses 12 hours.")
        self.assertFalse(draft.activity_ids)
        self._run_incomplete("2026-02-28 18:00:00", hours="4")
        self.assertEqual(draft.auto_reason, "Alice misses 4 hours.")
        self._create_timesheet(date(2026, 2, 3), 7)
        self.assertEqual(self._run_complete("2026-02-28 19:00:00"), draft)
        self.assertEqual(draft.total_hours, 15)

    def test_after_its_days_the_responsible_is_asked_once(self):
        self._run_incomplete("2026-02-28 17:00:00")
        self._run_incomplete("2026-03-03 16:59:00")
        draft = self._get_drafts()
        self.assertFalse(draft.activity_ids)
        self._run_incomplete("2026-03-03 17:00:00")
        self.assertEqual(draft.auto_state, "asked")
        activity = draft.activity_ids
        self.assertEqual(activity.user_id, self.manager)
        self.assertIn("Alice misses 12 hours.", activity.note)
        self._run_incomplete("2026-03-04 17:00:00")
        self.assertEqual(draft.activity_ids, activity)
        # The responsible decides now.
        self.assertFalse(self._run_complete("2026-03-05 17:00:00"))
        self._send(draft.with_user(self.manager))
        self.assertEqual(draft.state, "sent")
        self.assertFalse(draft.activity_ids)

    def test_policies_may_send_all_the_same(self):
        self.policy.incomplete_month = "send"
        self.assertEqual(len(self._run_incomplete("2026-02-28 17:00:00")), 1)

    def test_what_was_complete_when_the_server_was_down_leaves_late(self):
        self._run_incomplete("2026-02-28 16:00:00")
        self.assertEqual(len(self._run_complete("2026-03-20 17:00:00")), 1)

    def test_what_is_complete_after_its_days_only_is_left_to_people(self):
        self._create_timesheet(date(2026, 2, 3), employee=self.bruno)
        self._run_incomplete("2026-02-28 17:00:00")
        self._create_timesheet(date(2026, 3, 3))
        # Alice's waits, and leaves late; what nobody waited for does not begin.
        gemini, _line = self._create_project("Gemini", self.chloe)
        gemini.cra_policy_id = self.policy
        self._run_incomplete("2026-03-02 17:00:00")
        self._create_timesheet(date(2026, 2, 4), project=gemini)
        reports = self._run_complete("2026-03-10 17:00:00")
        self.assertEqual(reports.project_id, self.project)
        self.assertEqual(reports.employee_id, self.alice | self.bruno)

    def test_waiting_keeps_no_other_from_leaving(self):
        self._create_timesheet(date(2026, 2, 3), employee=self.bruno)

        report = self._run_incomplete("2026-02-28 17:00:00")
        self.assertEqual(report.employee_id, self.bruno)
        self.assertEqual(self._get_drafts().employee_id, self.alice)

    def test_missing_time_is_told_by_consultant_and_day(self):
        """The policy's own preflight, with real working hours."""
        self.policy.period = "week"
        for day in (3, 4, 5):
            self._create_timesheet(date(2026, 2, day))
        self.assertFalse(self._run("2026-02-08 17:00:00"))
        draft = self._get_drafts()
        self.assertEqual(
            draft.auto_reason,
            "Alice Arnaud: 8.00 hours missing. No entry on 02/06/2026.",
        )
        self._create_timesheet(date(2026, 2, 6), 7)
        self._run("2026-02-08 18:00:00")
        self.assertEqual(draft.auto_reason, "Alice Arnaud: 1.00 hours missing.")
        self._create_timesheet(date(2026, 2, 6), 1)
        self.assertEqual(self._run("2026-02-08 19:00:00"), draft)
        self.assertEqual(draft.total_hours, 40)
