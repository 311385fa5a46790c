"""Until when customers answer, and when they are reminded: days, no records."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

DEADLINE_UNITS = [
    ("calendar", "Calendar days"),
    ("working", "Working days"),
]
ON_DEADLINE = [
    ("wait", "Tell the responsible and go on waiting"),
    ("tacit", "Count silence as agreement, as the contract says"),
]
#: What a customer has at least when their question was answered, in working days.
DAYS_AFTER_ANSWER = 3
#: How far working days are looked for at a time, in days.
WINDOW = 31
#: Where nobody works for so many days per day counted, Monday to Friday count.
LONGEST_PAUSE = 366


@dataclass(frozen=True)
class Terms:
    """How long one customer has to answer, in the days of one company.

    The day of the mail does not count; the last day counts to its end.

    :param int days: 0 if there is no deadline
    :param str unit: key of ``DEADLINE_UNITS``: what ``days`` and reminders count in
    :param int remind_before: days before the deadline; 0 for no such reminder
    :param int remind_every: days between further reminders; 0 for none
    :param get_working_days: function (first day, last day) -> set of working days
    """

    days: int
    unit: str
    remind_before: int
    remind_every: int
    get_working_days: object

    # === THE CLOCK === #

    def get_deadline(self, start):
        """Return the last day to answer, None if there is no deadline.

        :param date start: day on which the mail was accepted
        """
        return self.add(start, self.days) if self.days else None

    def get_days_left(self, today, deadline):
        """Return how many days are left after today, 0 if the deadline has passed."""
        if not deadline or deadline <= today:
            return 0
        if self.unit == "calendar":
            return (deadline - today).days
        return len(self.get_working_days(today + timedelta(days=1), deadline))

    def get_new_deadline(self, today, days_left):
        """Return the deadline of a clock that goes on, None if there is none.

        :param date today: day on which the customer's question was answered
        :param int days_left: what was left when the clock was stopped
        """
        if not self.days:
            return None
        return max(
            self.add(today, days_left),
            self.add(today, DAYS_AFTER_ANSWER, unit="working"),
        )

    # === REMINDERS === #

    def get_reminder(self, start, deadline, reminded=None):
        """Return the day of the next reminder, None if there is none.

        :param date start: day on which the mail was accepted
        :param date deadline: None if there is none
        :param date reminded: day of the last reminder, None if there was none
        """
        first = None
        if deadline and self.remind_before:
            day_after = start + timedelta(days=1)
            first = max(self.add(deadline, -self.remind_before), day_after)
            if not reminded or reminded < first:
                return first
        if not self.remind_every:
            return None
        return self.add(reminded or start, self.remind_every)

    def is_reminder_day(self, today, start, deadline, reminded=None):
        """Tell whether a reminder is due, on a day on which people work."""
        reminder = self.get_reminder(start, deadline, reminded)
        return (
            reminder is not None
            and reminder <= today
            and today in self.get_working_days(today, today)
        )

    def get_reminders(self, start, deadline, count):
        """Return the days of the first reminders of somebody who never answers."""
        days, reminded = [], None
        while len(days) < count:
            reminded = self.get_reminder(start, deadline, reminded)
            if not reminded:
                break
            while reminded not in self.get_working_days(reminded, reminded):
                reminded = self.add(reminded, 1, unit="working")
            days.append(reminded)
        return days

    # === DAYS === #

    def add(self, day, count, unit=None):
        """Return the day that is ``count`` days later, earlier if it is negative.

        :param str unit: key of ``DEADLINE_UNITS``, that of the terms by default
        """
        if (unit or self.unit) == "calendar" or not count:
            return day + timedelta(days=count)
        step = timedelta(days=1 if count > 0 else -1)
        left, reached = abs(count), day
        for _window in range(0, LONGEST_PAUSE * left, WINDOW):
            ahead = reached + step * WINDOW
            days = self.get_working_days(min(reached, ahead), max(reached, ahead))
            for number in range(1, WINDOW + 1):
                left -= reached + step * number in days
                if not left:
                    return reached + step * number
            reached = ahead
        return replace(self, get_working_days=get_weekdays).add(day, count, unit)


def get_weekdays(first: date, last: date):
    """Return the days from Monday to Friday between two days, both included."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return {day for day in days if day.weekday() < 5}
