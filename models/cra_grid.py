"""The days of a period against what was done on them, as page and PDF draw it."""

from collections import defaultdict
from datetime import timedelta
from functools import cached_property, lru_cache

import babel.dates

from odoo.tools import babel_locale_parse, get_lang

#: How many of the widest letters fill the columns of the PDF.
LONG_WORDS = {
    "employee_label": 12,
    "task_label": 18,
    "project_label": 18,
    "description": 30,
    "remark": 30,
}


class CraGrid:
    """Rows of consultants or tasks, columns of days.

    :param report: ``cra.report``, in the reader's language
    :param get_working_days: ``res.company._get_cra_working_days``, with a memory where
        many grids are drawn
    """

    def __init__(self, report, get_working_days=None):
        self.report = report
        self._get_working_days = (
            get_working_days or type(report.company_id)._get_cra_working_days
        )

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
        company = self.report.company_id
        worked = self._get_working_days(company, self.days[0], self.days[-1])
        return set(self.days) - worked

    @cached_property
    def several_employees(self):
        """Whether lines must tell whose they are."""
        return len(self.report._get_consultants()) > 1

    @cached_property
    def has_long_words(self):
        """Whether a column of the PDF may be too narrow for a word in it."""
        return any(
            len(word) > limit
            for line in self.report.line_ids
            for name, limit in LONG_WORDS.items()
            for word in (line[name] or "").split()
        )

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

    @property
    def width_class(self):
        """Return the style class of the PDF's grid: fewer days have more room."""
        if len(self.days) <= 7:
            return "week"
        return "half" if len(self.days) <= 16 else ""

    def get_row_class(self, figures):
        """Return the style class of a row: in a month, long figures are smaller."""
        longest = max(map(len, figures), default=0)
        return f"chars{min(longest, 6)}" if not self.width_class and longest > 3 else ""

    def get_head(self, day):
        """Return the day's name in the head of its column, as long as there is room."""
        width = "abbreviated" if self.width_class else "narrow"
        return _format_weekday(get_lang(self.report.env).code, day.weekday(), width)

    def weekday(self, day):
        """Return the first letter of the day's name in the reader's language."""
        return _format_weekday(get_lang(self.report.env).code, day.weekday())

    def day_class(self, day):
        """Return the style class of a day's cells."""
        return "off" if day in self.days_off else ""


@lru_cache(maxsize=2048)
def format_day(lang, day):
    """Return weekday, day and month as the language with this code writes them."""
    locale = babel_locale_parse(lang)
    return babel.dates.format_skeleton("MMMEd", day, locale=locale)


@lru_cache(maxsize=512)
def _format_weekday(lang, weekday, width="narrow"):
    names = babel.dates.get_day_names(width, "format", babel_locale_parse(lang))
    return names[weekday]
