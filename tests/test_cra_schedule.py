from datetime import date, datetime, timedelta

import pytz

from odoo.tests import BaseCase, tagged

from ..models.cra_period import period_bounds, periods_ending_in
from ..models.cra_schedule import LOOK_BACK_DAYS, Schedule

PARIS = pytz.timezone("Europe/Paris")


def weekdays(first, last):
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return {day for day in days if day.weekday() < 5}


def schedule(**values):
    terms = {
        "period": "month",
        "send_day": "last_day",
        "delay_days": 0,
        "hour": 18,
        "hold_days": 5,
        "zone": PARIS,
        "start": date(2026, 1, 1),
        "working_days": weekdays,
        **values,
    }
    return Schedule(**terms)


def utc(*parts):
    return pytz.utc.localize(datetime(*parts))


@tagged("post_install", "-at_install")
class TestCraSchedule(BaseCase):
    def test_the_last_day_of_months_of_every_length(self):
        for year, month, day, hour in (
            (2026, 2, 28, 17),
            (2028, 2, 29, 17),
            (2026, 4, 30, 16),  # summer time
            (2026, 12, 31, 17),
        ):
            bounds = period_bounds("month", date(year, month, 3))
            with self.subTest(month=month, year=year):
                self.assertEqual(
                    schedule().get_moment(*bounds), utc(year, month, day, hour)
                )

    def test_the_hour_is_local_on_the_days_the_clocks_change(self):
        week = schedule(period="week")
        # Sunday 29 March 2026 begins at UTC+1 and ends at UTC+2.
        self.assertEqual(
            week.get_moment(date(2026, 3, 23), date(2026, 3, 29)), utc(2026, 3, 29, 16)
        )
        self.assertEqual(
            week.get_moment(date(2026, 10, 19), date(2026, 10, 25)),
            utc(2026, 10, 25, 17),
        )

    def test_hours_that_do_not_exist_or_come_twice_come_once(self):
        night = schedule(period="week", hour=2)
        self.assertEqual(
            night.get_moment(date(2026, 3, 23), date(2026, 3, 29)), utc(2026, 3, 29, 1)
        )
        self.assertEqual(
            night.get_moment(date(2026, 10, 19), date(2026, 10, 25)),
            utc(2026, 10, 25, 1),
        )

    def test_the_last_working_day_passes_over_weekends_and_public_holidays(self):
        def working_days(first, last):
            return weekdays(first, last) - {date(2026, 1, 30)}

        terms = schedule(send_day="last_working_day", working_days=working_days)
        january = period_bounds("month", date(2026, 1, 1))  # the 31st is a Saturday
        self.assertEqual(terms.get_moment(*january), utc(2026, 1, 29, 17))

    def test_a_period_without_working_days_just_ends(self):
        terms = schedule(
            period="week",
            send_day="last_working_day",
            working_days=lambda _first, _last: set(),
        )
        week = period_bounds("week", date(2026, 8, 12))
        self.assertEqual(terms.get_moment(*week), utc(2026, 8, 16, 16))

    def test_days_after_the_period(self):
        terms = schedule(send_day="days_after", delay_days=3)
        february = period_bounds("month", date(2026, 2, 1))
        self.assertEqual(terms.get_moment(*february), utc(2026, 3, 3, 17))

    def test_incomplete_reports_never_stop_waiting_before_their_moment(self):
        february = period_bounds("month", date(2026, 2, 1))
        self.assertEqual(schedule().get_hold_end(*february), utc(2026, 3, 5, 17))
        late = schedule(send_day="days_after", delay_days=10)
        self.assertEqual(late.get_hold_end(*february), utc(2026, 3, 10, 17))

    def test_a_period_is_due_from_its_moment_on(self):
        february = period_bounds("month", date(2026, 2, 1))
        terms = schedule(start=date(2026, 2, 1))
        self.assertEqual(terms.get_due_periods(utc(2026, 2, 28, 16, 59)), [])
        self.assertEqual(terms.get_due_periods(utc(2026, 2, 28, 17)), [february])

    def test_the_last_working_day_may_be_due_before_its_period_ends(self):
        terms = schedule(send_day="last_working_day")
        january = period_bounds("month", date(2026, 1, 1))
        self.assertEqual(terms.get_due_periods(utc(2026, 1, 30, 17)), [january])

    def test_missed_periods_are_due_until_they_are_too_old(self):
        january = period_bounds("month", date(2026, 1, 1))
        back = LOOK_BACK_DAYS + 5  # and the days incomplete reports wait
        last_chance = utc(2026, 1, 31, 12) + timedelta(days=back)
        self.assertIn(january, schedule().get_due_periods(last_chance))
        too_late = last_chance + timedelta(days=1)
        self.assertNotIn(january, schedule().get_due_periods(too_late))

    def test_nothing_is_due_before_automatic_sending_began(self):
        february = period_bounds("month", date(2026, 2, 1))
        now = utc(2026, 3, 1)
        begun_before = schedule(start=date(2026, 2, 1), since=utc(2026, 2, 28, 17))
        self.assertEqual(begun_before.get_due_periods(now), [february])
        begun_after = schedule(start=date(2026, 2, 1), since=utc(2026, 2, 28, 18))
        self.assertEqual(begun_after.get_due_periods(now), [])

    def test_nothing_begins_weeks_later_unless_nobody_looked_at_it(self):
        february = period_bounds("month", date(2026, 2, 1))
        seen = schedule(checked=utc(2026, 3, 1))
        # Five days of waiting, and one of grace
        self.assertFalse(seen.is_too_late(*february, utc(2026, 3, 6, 17)))
        self.assertTrue(seen.is_too_late(*february, utc(2026, 3, 6, 18)))
        unseen = schedule(checked=utc(2026, 2, 28, 16))
        self.assertFalse(unseen.is_too_late(*february, utc(2026, 3, 20)))
        self.assertFalse(schedule().is_too_late(*february, utc(2026, 3, 20)))

    def test_periods_that_end_before_the_start_date_are_never_due(self):
        now = utc(2026, 3, 1, 12)
        february = period_bounds("month", date(2026, 2, 1))
        terms = schedule(start=date(2026, 2, 28))
        self.assertEqual(terms.get_due_periods(now), [february])
        self.assertEqual(schedule(start=date(2026, 3, 1)).get_due_periods(now), [])

    def test_weeks_run_over_the_year_end(self):
        week = date(2026, 12, 28), date(2027, 1, 3)
        self.assertEqual(period_bounds("week", date(2027, 1, 1)), week)
        terms = schedule(
            period="week", send_day="last_working_day", start=date(2026, 12, 21)
        )
        self.assertEqual(terms.get_moment(*week), utc(2027, 1, 1, 17))
        due = terms.get_due_periods(utc(2027, 1, 5, 12))
        self.assertEqual(due, [(date(2026, 12, 21), date(2026, 12, 27)), week])

    def test_halves_of_months_run_over_the_year_end(self):
        self.assertEqual(
            periods_ending_in("half_month", date(2026, 12, 16), date(2027, 1, 31)),
            [
                (date(2026, 12, 16), date(2026, 12, 31)),
                (date(2027, 1, 1), date(2027, 1, 15)),
                (date(2027, 1, 16), date(2027, 1, 31)),
            ],
        )
        terms = schedule(period="half_month", start=date(2026, 12, 20))
        self.assertEqual(
            terms.get_due_periods(utc(2027, 1, 15, 17)),
            [
                (date(2026, 12, 16), date(2026, 12, 31)),
                (date(2027, 1, 1), date(2027, 1, 15)),
            ],
        )

    def test_the_next_periods_are_those_of_one_month(self):
        weeks = schedule(period="week").get_next_periods(utc(2026, 11, 23, 12))
        self.assertEqual(weeks, [(date(2026, 11, 23), date(2026, 11, 29))])
        [month] = schedule().get_next_periods(utc(2026, 11, 30, 17))
        self.assertEqual(month, (date(2026, 12, 1), date(2026, 12, 31)))
        halves = schedule(period="half_month", start=date(2027, 2, 1))
        periods = halves.get_next_periods(utc(2026, 11, 10))
        self.assertEqual([first.month for first, _last in periods], [2, 2])
