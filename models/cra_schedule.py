"""When activity reports leave by themselves: days and hours, no records."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import pytz

from .cra_period import period_bounds, periods_ending_in

SEND_DAYS = [
    ("last_day", "Last day of the period"),
    ("last_working_day", "Last working day of the period"),
    ("days_after", "Some days after the period"),
]
#: How long after its moment a period is still caught up, in days: longer than any
#: outage, short enough not to surprise customers with what was settled long ago.
LOOK_BACK_DAYS = 40
#: How long after the wait for missing time something may still begin to leave: for
#: what could not be done at its moment.
GRACE = timedelta(days=1)


@dataclass(frozen=True)
class Schedule:
    """The moments of one policy in one company.

    Moments are aware datetimes in UTC; days and hours are the company's. An hour that
    a clock change skips counts as the one after it, an hour that comes twice counts
    the second time.

    :param str period: key of ``PERIODS``
    :param str send_day: key of ``SEND_DAYS``
    :param int delay_days: for ``days_after``
    :param int hour: hour of the day, 0 to 23
    :param int hold_days: how long incomplete reports wait after the period
    :param zone: time zone of the company, from ``pytz``
    :param date start: day before which no period may end
    :param working_days: function (first day, last day) -> set of working days
    :param datetime since: aware moment before which nothing is due, None if there is
        none: automatic sending begins where it is switched on
    :param datetime checked: aware moment at which what was due was last looked at,
        None if it never was
    """

    period: str
    send_day: str
    delay_days: int
    hour: int
    hold_days: int
    zone: object
    start: date
    working_days: object
    since: datetime | None = None
    checked: datetime | None = None

    @property
    def look_back_days(self):
        """How long after its end a period is caught up."""
        return LOOK_BACK_DAYS + max(self.delay_days, self.hold_days)

    def get_moment(self, first, last):
        """Return when the reports of a period are made and sent."""
        if self.send_day == "days_after":
            return self._at(last + timedelta(days=self.delay_days))
        if self.send_day == "last_working_day":
            # Without any working day, the period just ends.
            return self._at(max(self.working_days(first, last), default=last))
        return self._at(last)

    def get_hold_end(self, first, last):
        """Return until when incomplete reports wait: never before their moment."""
        end = self._at(last + timedelta(days=self.hold_days))
        return max(end, self.get_moment(first, last))

    def is_due(self, first, last, now):
        """Tell whether the moment of a period has come, lately enough.

        :param now: aware datetime
        """
        today = now.astimezone(self.zone).date()
        moment = self.get_moment(first, last)
        return (
            last >= self.start
            and last >= today - timedelta(days=self.look_back_days)
            and moment <= now
            and (not self.since or moment >= self.since)
        )

    def is_too_late(self, first, last, now):
        """Tell whether nothing of a period begins to leave by itself any more.

        That is so some days after the period, unless nobody has looked at it since its
        moment: the server was down.

        :param now: aware datetime
        """
        if not self.checked or self.get_moment(first, last) > self.checked:
            return False
        return self.get_hold_end(first, last) + GRACE < now

    def get_due_periods(self, now):
        """Return the periods whose moment has come: the last one, and missed ones.

        :param now: aware datetime
        :return: list of pairs of days, in order
        """
        today = now.astimezone(self.zone).date()
        earliest = today - timedelta(days=self.look_back_days)
        _first, last = period_bounds(self.period, today)
        periods = periods_ending_in(self.period, earliest, last)
        return [bounds for bounds in periods if self.is_due(*bounds, now)]

    def get_next_periods(self, now):
        """Return the periods of the next moment, and of all others in its month.

        :param now: aware datetime
        :return: list of pairs of days, in order
        """
        today = now.astimezone(self.zone).date()
        day = max(self.start, today - timedelta(days=self.delay_days + 31))
        bounds = period_bounds(self.period, day)
        while self.get_moment(*bounds) <= now:
            bounds = self._get_period_after(bounds)
        month = self._get_month(bounds)
        periods = []
        while self._get_month(bounds) == month:
            periods.append(bounds)
            bounds = self._get_period_after(bounds)
        return periods

    def _get_month(self, bounds):
        """Return year and month of the moment of a period."""
        moment = self.get_moment(*bounds).astimezone(self.zone)
        return moment.year, moment.month

    def _get_period_after(self, bounds):
        return period_bounds(self.period, bounds[1] + timedelta(days=1))

    def _at(self, day):
        moment = self.zone.localize(datetime.combine(day, time(self.hour)))
        return moment.astimezone(pytz.utc)
