from datetime import date, timedelta

from odoo.tests import BaseCase, tagged

from ..models.cra_deadline import Terms, get_weekdays

EASTER_MONDAY = date(2026, 4, 6)
THURSDAY = date(2026, 4, 2)


def get_working_days(first, last):
    return get_weekdays(first, last) - {EASTER_MONDAY, date(2026, 4, 3)}


def terms(**values):
    return Terms(
        **{
            "days": 5,
            "unit": "working",
            "remind_before": 0,
            "remind_every": 0,
            "get_working_days": get_working_days,
            **values,
        }
    )


@tagged("post_install", "-at_install")
class TestCraDeadline(BaseCase):
    # === THE CLOCK === #

    def test_working_days_leave_weekends_and_public_holidays_out(self):
        # Thursday; Good Friday, the weekend and Easter Monday do not count.
        self.assertEqual(terms(days=1).get_deadline(THURSDAY), date(2026, 4, 7))
        self.assertEqual(terms().get_deadline(THURSDAY), date(2026, 4, 13))

    def test_calendar_days_count_all(self):
        calendar = terms(unit="calendar")
        self.assertEqual(calendar.get_deadline(THURSDAY), date(2026, 4, 7))

    def test_without_days_there_is_no_deadline(self):
        self.assertIsNone(terms(days=0).get_deadline(THURSDAY))
        self.assertIsNone(terms(days=0).get_new_deadline(THURSDAY, 0))

    def test_days_left_are_those_after_today_until_the_deadline(self):
        deadline = date(2026, 4, 13)
        for today, left in (
            (THURSDAY, 5),
            (date(2026, 4, 5), 5),
            (date(2026, 4, 9), 2),
            (deadline, 0),
            (date(2026, 4, 20), 0),
        ):
            self.assertEqual(terms().get_days_left(today, deadline), left, today)
        calendar = terms(unit="calendar")
        self.assertEqual(calendar.get_days_left(THURSDAY, deadline), 11)
        self.assertEqual(terms().get_days_left(THURSDAY, None), 0)

    def test_a_clock_that_goes_on_leaves_three_working_days_at_least(self):
        for days_left in (0, 1, 3):
            restarted = terms().get_new_deadline(THURSDAY, days_left)
            self.assertEqual(restarted, date(2026, 4, 9), days_left)
        self.assertEqual(terms().get_new_deadline(THURSDAY, 4), date(2026, 4, 10))
        calendar = terms(unit="calendar")
        self.assertEqual(calendar.get_new_deadline(THURSDAY, 2), date(2026, 4, 9))
        self.assertEqual(calendar.get_new_deadline(THURSDAY, 20), date(2026, 4, 22))

    def test_stopping_and_going_on_never_takes_days_away(self):
        for unit in ("calendar", "working"):
            for days in range(1, 12):
                rule = terms(days=days, unit=unit)
                deadline = rule.get_deadline(THURSDAY)
                for passed in range(20):
                    today = THURSDAY + timedelta(days=passed)
                    left = rule.get_days_left(today, deadline)
                    again = rule.get_new_deadline(today, left)
                    self.assertGreaterEqual(again, deadline)
                    self.assertGreaterEqual(
                        len(get_working_days(today + timedelta(days=1), again)), 3
                    )

    def test_a_company_where_nobody_ever_works_counts_from_monday_to_friday(self):
        idle = terms(get_working_days=lambda first, last: set())
        self.assertEqual(idle.get_deadline(THURSDAY), date(2026, 4, 9))

    # === REMINDERS === #

    def _get_reminders(self, rule, until):
        """Return the days on which somebody who never answers is reminded."""
        deadline = rule.get_deadline(THURSDAY)
        reminded, days = None, []
        for number in range((until - THURSDAY).days + 1):
            today = THURSDAY + timedelta(days=number)
            if rule.is_reminder_day(today, THURSDAY, deadline, reminded):
                reminded = today
                days.append(today)
        return days

    def test_reminders_start_before_the_deadline_and_come_back(self):
        rule = terms(remind_before=2, remind_every=3)  # deadline: Monday 13 April
        self.assertEqual(
            self._get_reminders(rule, date(2026, 4, 20)),
            [date(2026, 4, 9), date(2026, 4, 14), date(2026, 4, 17)],
        )

    def test_reminders_may_come_once_or_never(self):
        until = date(2026, 6, 1)
        self.assertEqual(
            self._get_reminders(terms(remind_before=1), until), [date(2026, 4, 10)]
        )
        self.assertEqual(self._get_reminders(terms(), until), [])

    def test_without_a_deadline_reminders_only_come_back(self):
        rule = terms(days=0, remind_before=2, remind_every=4)
        self.assertEqual(
            self._get_reminders(rule, date(2026, 4, 20)),
            [date(2026, 4, 10), date(2026, 4, 16)],
        )

    def test_nobody_is_reminded_on_the_day_of_the_mail_nor_on_days_off(self):
        early = terms(days=2, remind_before=9)
        until = date(2026, 4, 30)
        self.assertEqual(self._get_reminders(early, until), [date(2026, 4, 7)])
        calendar = terms(unit="calendar", remind_before=2)  # Easter Sunday
        self.assertEqual(self._get_reminders(calendar, until), [date(2026, 4, 7)])

    def test_a_later_deadline_brings_its_own_reminder(self):
        rule = terms(remind_before=1)
        before = rule.get_reminder(THURSDAY, date(2026, 4, 13), date(2026, 4, 10))
        after = rule.get_reminder(THURSDAY, date(2026, 4, 16), date(2026, 4, 10))
        self.assertEqual((before, after), (None, date(2026, 4, 15)))
