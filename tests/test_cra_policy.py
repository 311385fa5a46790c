from datetime import date

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import Form, freeze_time, tagged

from .common import CraCommon


@tagged("post_install", "-at_install")
class TestCraPolicy(CraCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.resource_calendar_id.tz = "Europe/Paris"

    # === PREVIEW === #

    @freeze_time("2026-11-23 12:00:00")
    def test_the_preview_names_the_days_of_the_next_month_end(self):
        self.policy.write({"send_mode": "auto", "start_date": "2026-11-01"})
        self.assertEqual(self.policy.preview_title, "What will happen in November 2026")
        leaving, waiting, *_others = self.policy.preview.split("\n")
        self.assertEqual(
            leaving,
            "On Monday, November 30, 2026 at 18:00 (Europe/Paris) the reports of "
            "November 2026 are made and sent, with the time entered until then.",
        )
        self.assertIn("Saturday, December 5, 2026 at 18:00", waiting)
        self.assertNotIn("Within the hour", self.policy.preview)

    def test_the_preview_tells_what_leaves_within_the_hour(self):
        self.policy.start_date = date(2026, 10, 1)
        with freeze_time("2026-10-31 12:00:00"):
            self.policy.send_mode = "auto"
        with freeze_time("2026-11-02 12:00:00"):
            self.policy.invalidate_recordset()
            self.assertIn(
                "Within the hour: what was not sent yet of October 2026 is sent.",
                self.policy.preview,
            )

    @freeze_time("2026-11-02 12:00:00")
    def test_switching_to_automatic_sends_nothing_of_the_past(self):
        self.policy.start_date = date(2026, 10, 1)
        with Form(self.policy) as form:
            form.send_mode = "auto"
            self.assertNotIn("Within the hour", form.preview)
            self.assertIn(
                "What was to be sent before Monday, November 2, 2026 at 13:00",
                form.preview,
            )
        self.assertNotIn("Within the hour", self.policy.preview)
        self.assertIn("a manager makes it", self.policy.preview)

    @freeze_time("2026-11-23 12:00:00")
    def test_the_preview_is_about_the_month_in_which_reports_leave(self):
        self.policy.write(
            {
                "send_mode": "auto",
                "start_date": "2026-11-01",
                "send_day": "days_after",
                "send_delay_days": 5,
            }
        )
        for period, month, days in (
            ("month", "December", ["December 5"]),
            ("half_month", "December", ["December 5", "December 20"]),
            ("week", "November", ["November 27"]),
        ):
            with self.subTest(period=period):
                self.policy.period = period
                self.assertIn(f"{month} 2026", self.policy.preview_title)
                leaving = [
                    sentence
                    for sentence in self.policy.preview.split("\n")
                    if "are made and sent" in sentence
                ]
                self.assertEqual(len(leaving), len(days))
                for sentence, day in zip(leaving, days, strict=True):
                    self.assertIn(day, sentence)

    @freeze_time("2026-11-23 12:00:00")
    def test_the_preview_of_a_manual_policy_promises_nothing(self):
        self.assertIn("Nothing is sent by itself", self.policy.preview)
        self.assertIn("Tuesday, December 1, 2026", self.policy.preview)

    @freeze_time("2026-11-23 12:00:00")
    def test_the_preview_without_a_start_date_says_that_nothing_happens(self):
        self.policy.write({"send_mode": "auto", "start_date": False})
        self.assertIn("Nothing: the policy has no start date", self.policy.preview)
        self.company.cra_start_date = date(2027, 1, 1)
        self.policy.invalidate_recordset()
        self.assertEqual(self.policy.preview_title, "What will happen in January 2027")
        self.assertIn("Time before Friday, January 1, 2027", self.policy.preview)

    @freeze_time("2026-11-23 12:00:00")
    def test_the_preview_follows_the_form_as_it_is_filled_in(self):
        with Form(self.env["cra.policy"]) as form:
            form.name = "Weekly"
            form.start_date = date(2026, 11, 30)
            form.period = "week"
            form.send_mode = "auto"
            form.send_day = "last_working_day"
            form.send_hour = 12
            self.assertIn("Friday, December 4, 2026 at 12:00", form.preview)
            form.approval_mode = "all"
            self.assertIn("all of them have to agree", form.preview)

    @freeze_time("2026-11-23 12:00:00")
    def test_the_preview_says_that_nobody_uses_the_policy(self):
        self.assertNotIn("uses this policy", self.policy.preview)
        self.project.cra_policy_id = False
        self.policy.invalidate_recordset()
        self.assertIn("uses this policy yet", self.policy.preview)
        self.acme.cra_policy_id = self.policy
        self.policy.invalidate_recordset()
        self.assertNotIn("uses this policy", self.policy.preview)

    @freeze_time("2026-11-23 12:00:00")
    def test_the_preview_tells_until_when_customers_answer_and_what_happens_then(self):
        preview = self.policy.preview
        self.assertIn("has to be answered by Monday, November 30, 2026.", preview)
        self.assertIn("After that day the responsible is told", preview)
        self.assertIn(
            "are reminded: Friday, November 27, 2026; Wednesday, December 2, 2026; "
            "Monday, December 7, 2026, and so on.",
            preview,
        )
        self.policy.write({"on_deadline": "tacit", "tacit_clause": "Silence agrees."})
        self.assertIn("After that day silence counts", self.policy.preview)
        self.assertIn(
            "are reminded: Friday, November 27, 2026.\n", self.policy.preview + "\n"
        )
        self.policy.write({"on_deadline": "wait", "deadline_days": 0})
        self.assertIn("There is no deadline", self.policy.preview)
        self.policy.write({"approval_mode": "none", "invoice_gate": "none"})
        self.assertNotIn("deadline", self.policy.preview)
        self.assertNotIn("reminded", self.policy.preview)

    @freeze_time("2026-11-23 12:00:00")
    def test_the_preview_counts_the_companys_working_days(self):
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Public holiday",
                "company_id": self.company.id,
                "date_from": "2026-11-24 00:00:00",
                "date_to": "2026-11-24 23:59:59",
            }
        )
        self.policy.invalidate_recordset()
        self.assertIn("by Tuesday, December 1, 2026.", self.policy.preview)
        self.policy.deadline_unit = "calendar"
        self.assertIn("by Saturday, November 28, 2026.", self.policy.preview)

    # === CONSTRAINTS === #

    def test_silence_agrees_only_by_a_clause_and_a_deadline(self):
        with self.assertRaisesRegex(ValidationError, "Copy the clause"):
            self.policy.on_deadline = "tacit"
        clause = {"on_deadline": "tacit", "tacit_clause": "Silence agrees."}
        with self.assertRaisesRegex(ValidationError, "Enter the time to answer"):
            self.policy.write({**clause, "deadline_days": 0})
        with self.assertRaisesRegex(ValidationError, "Copy the clause"):
            self.policy.write({**clause, "deadline_days": 5, "tacit_clause": "  "})
        with self.assertRaisesRegex(ValidationError, "Time to Answer.*from 0 to 60"):
            self.policy.deadline_days = -1
        self.policy.write(clause)

    def test_impossible_hours_and_delays_are_refused_in_plain_words(self):
        with self.assertRaisesRegex(ValidationError, "Choose an hour from 0 to 23"):
            self.policy.send_hour = 24
        with self.assertRaisesRegex(ValidationError, "Choose a number from 0 to 60"):
            self.policy.send_delay_days = -1
        with self.assertRaisesRegex(ValidationError, "Choose a number from 0 to 60"):
            self.policy.hold_days = 61

    # === WHICH POLICY APPLIES, AND WHY === #

    @freeze_time("2026-11-23 12:00:00")
    def test_project_and_customer_tell_which_policy_applies_and_why(self):
        def get_source(record):
            record.invalidate_recordset(["cra_policy_source"])
            return record.cra_policy_source

        self.assertEqual(
            get_source(self.project),
            "Policy Monthly, set on this project, in force since January 1, 2026.",
        )
        self.project.cra_policy_id = False
        self.assertEqual(
            get_source(self.project),
            "No activity reports: no policy on project, customer or company.",
        )
        self.assertEqual(
            get_source(self.acme),
            "No activity reports: no policy on customer or company.",
        )
        self.acme.cra_policy_id = self.policy
        self.assertEqual(
            get_source(self.project),
            "Policy Monthly, from customer Acme, in force since January 1, 2026.",
        )
        self.assertIn("set on this customer", get_source(self.acme))
        self.acme.cra_policy_id = False
        self.company.cra_policy_id = self.policy
        for record in (self.project, self.acme):
            self.assertIn(f"from company {self.company.name}", get_source(record))
        self.policy.start_date = False
        self.assertIn("has no start date", get_source(self.project))
        self.company.cra_start_date = date(2027, 1, 1)
        self.assertIn(
            "No activity reports before its start date, January 1, 2027",
            get_source(self.project),
        )
        self.policy.active = False
        self.assertIn("is archived", get_source(self.project))

    def test_who_sees_the_project_may_read_the_sentence(self):
        user = self._create_user("planner", "Pia", "project.group_project_user")
        project = self.project.with_user(user)
        self.assertIn("Policy Monthly", project.cra_policy_source)

    # === SETTINGS === #

    @freeze_time("2026-11-23 12:00:00")
    def test_settings_lead_to_the_first_policy_and_set_the_start_date(self):
        self.project.cra_policy_id = False
        self.policy.unlink()
        self.env.registry.clear_cache()
        settings = self.env["res.config.settings"].create({})
        self.assertFalse(settings.cra_has_policy)
        self.assertIn("Create a policy", settings.cra_hint)
        policy = self.env["cra.policy"].create({"name": "First", "send_mode": "auto"})
        settings = self.env["res.config.settings"].create({"cra_policy_id": policy.id})
        self.assertTrue(settings.cra_has_policy)
        self.assertIn("enter a start date", settings.cra_hint)
        settings.cra_start_date = date(2026, 12, 1)
        self.assertIn("Tuesday, December 1, 2026", settings.cra_hint)
        self.assertIn("Thursday, December 31, 2026 at 18:00", settings.cra_hint)
        settings.execute()
        self.assertEqual(self.company.cra_policy_id, policy)
        self.assertEqual(self.company.cra_start_date, date(2026, 12, 1))

    @freeze_time("2026-11-23 12:00:00")
    def test_choosing_the_first_policy_proposes_the_first_day_of_next_month(self):
        self.policy.start_date = False
        # Not with Form: the settings of other apps would warn in the log.
        settings = self.env["res.config.settings"].new(
            {"cra_policy_id": self.policy.id}
        )
        settings._onchange_cra_policy_id()
        self.assertEqual(settings.cra_start_date, date(2026, 12, 1))
        self.assertIn("Time from Tuesday, December 1, 2026 on", settings.cra_hint)
        self.assertNotIn("uses this policy yet", settings.cra_hint)
        self.assertFalse(self.company.cra_start_date, "nothing before it is saved")
        settings.cra_start_date = date(2027, 1, 1)
        settings._onchange_cra_policy_id()
        self.assertEqual(settings.cra_start_date, date(2027, 1, 1))

    def test_administrators_of_timesheets_may_write_policies(self):
        admin = self._create_user(
            "cra_admin", "Ada", "hr_timesheet.group_timesheet_manager"
        )
        admin.company_ids = [Command.set(self.company.ids)]
        with Form(self.env["cra.policy"].with_user(admin)) as form:
            form.name = "Hers"
            form.send_mode = "auto"
        self.assertEqual(form.record.send_hour, 18)
