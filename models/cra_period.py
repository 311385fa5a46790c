"""Periods of activity reports: whole months, halves of a month, weeks."""

from calendar import monthrange
from datetime import timedelta
from functools import lru_cache

import babel.dates

from odoo.tools import SQL, babel_locale_parse, get_lang

PERIODS = [
    ("month", "Month"),
    ("half_month", "Half month"),
    ("week", "Week"),
]


def period_bounds(period, day):
    """Return the first and the last day of the period that holds ``day``.

    Weeks run from Monday to Sunday (ISO 8601); the first half of a month ends on
    the 15th.

    :param str period: key of ``PERIODS``
    :param date day: any day of the wanted period
    :return: pair of dates, both included
    """
    if period == "week":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    last_of_month = day.replace(day=monthrange(day.year, day.month)[1])
    if period == "month":
        return day.replace(day=1), last_of_month
    if day.day <= 15:
        return day.replace(day=1), day.replace(day=15)
    return day.replace(day=16), last_of_month


def periods_ending_in(period, date_from, date_to):
    """Return the bounds of every period that ends within the two days, in order."""
    bounds = []
    first, last = period_bounds(period, date_from)
    while last <= date_to:
        bounds.append((first, last))
        first, last = period_bounds(period, last + timedelta(days=1))
    return bounds


def periods_around(period, date_from, date_to):
    """Return the periods that end within the two days, and the one before them.

    :return: pair (first day of the period before, dict first day -> last day)
    """
    bounds = dict(periods_ending_in(period, date_from, date_to))
    first = min(bounds, default=date_from)
    return period_bounds(period, first - timedelta(days=1))[0], bounds


def period_start_sql(period, date_sql):
    """Return the SQL that maps a date to the first day of its period."""
    if period == "week":
        return SQL("date_trunc('week', %s)::date", date_sql)
    month = SQL("date_trunc('month', %s)::date", date_sql)
    if period == "month":
        return month
    second_half = SQL(
        "CASE WHEN EXTRACT(day FROM %s) > 15 THEN 15 ELSE 0 END", date_sql
    )
    return SQL("(%s + %s)", month, second_half)


def period_label(env, first, last):
    """Return a period in words: a month by its name, else from its first to last day.

    :param env: environment whose language the words are in
    """
    return _format_period(get_lang(env).code, first, last)


@lru_cache(maxsize=2048)
def _format_period(lang, first, last):
    locale = babel_locale_parse(lang)
    if period_bounds("month", first) == (first, last):
        return babel.dates.format_date(first, "LLLL yyyy", locale=locale)
    return babel.dates.format_interval(first, last, "yMMMd", locale=locale)
