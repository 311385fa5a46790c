"""The days of a period against what was done on them, as page and PDF draw it."""

from collections import defaultdict
from datetime import datetime, time, timedelta
from functools import cached_property

import pytz

from odoo.tools import format_date, get_lang


class CraGrid:
    """Rows of consultants or tasks, columns of days.

    :param report: ``cra.report``, in the reader's language
    """

    def __init__(self, report):
        self.report = report

    @cached_property
    def days(self):
        """All days of the period, in order."""
        length = (self.report.date_to - self.report.date_from).days + 1
        return [self.report.date_from + timedelta(days=n) for n in range(length)]

    @cached_property
    def weeks(self):
        """The period in whole weeks, as a calendar in the reader's language has them.

        Days outside the period fill the first and the last week.
        """
        week_start = int(get_lang(self.report.env).week_start)
        first, last = self.days[0], self.days[-1]
        first -= timedelta(days=(first.isoweekday() - week_start) % 7)
        count = (last - first).days // 7 + 1
        return [
            [first + timedelta(days=7 * week + day) for day in range(7)]
            for week in range(count)
        ]

    @cached_property
    def days_off(self):
        """Weekends and public holidays of the company's calendar."""
        calendar = self.report.company_id.resource_calendar_id
        zone = pytz.timezone(calendar.tz or "UTC")
        first, last = (
            zone.localize(datetime.combine(day, limit))
            for day, limit in ((self.days[0], time.min), (self.days[-1], time.max))
        )
        unusual = calendar._get_unusual_days(first, last, self.report.company_id)
        return {day for day in self.days if unusual.get(str(day))}

    @cached_property
    def several_employees(self):
        """Whether lines must tell whose they are."""
        return len(self.report._get_consultants()) > 1

    @cached_property
    def rows(self):
        """Pairs of label and hours by day, largest total first.

        One row per consultant if there are several, else one per task.
        """
        hours = defaultdict(lambda: defaultdict(float))
        for line in self.report.line_ids:
            several = self.several_employees
            label = line.employee_label if several else line.task_label
            hours[label or line.project_label][line.date] += line.unit_amount
        by_total = sorted(
            hours.items(), key=lambda row: (-sum(row[1].values()), row[0])
        )
        return [(label, dict(by_day)) for label, by_day in by_total]

    @cached_property
    def totals(self):
        """Hours by day over all rows."""
        totals = defaultdict(float)
        for _label, by_day in self.rows:
            for day, hours in by_day.items():
                totals[day] += hours
        return dict(totals)

    def weekday(self, day):
        """Return the first letter of the day's name in the reader's language."""
        return format_date(self.report.env, day, date_format="EEEEE")

    def day_class(self, day):
        """Return the style class of a day's cells."""
        return "off" if day in self.days_off else ""
