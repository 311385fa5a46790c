from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from odoo import models
from odoo.fields import Domain
from odoo.tools import SQL

from .cra_candidate import Missing

#: Less than this is a rounding difference, in hours or days.
TOLERANCE = 0.01
#: Where nobody waits for missing time.
_SETTLED_STATES = ("done", "changed", "covered", "cancelled", "no_employee")


class CraGenerate(models.TransientModel):
    """Whether consultants have entered all their time."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.generate"  # pylint: disable=consider-merging-classes-inherited

    def _set_completeness(self, candidates):
        """Find out whose consultants still have to enter time; their state becomes
        ``incomplete`` where nothing worse is wrong.

        What counts is all their time, whatever the project.
        """
        people = defaultdict(dict)
        candidates = [c for c in candidates if c.state not in _SETTLED_STATES]
        for candidate in candidates:
            bounds = (candidate.date_from, candidate.date_to)
            for employee in candidate.employees:
                people[bounds][employee.id] = employee
        if not people:
            return
        employees = self.env["hr.employee"].sudo().browse()
        employees = employees.union(*(e for p in people.values() for e in p.values()))
        missing = self._get_missing(
            employees, {bounds: list(found) for bounds, found in people.items()}
        )
        for candidate in candidates:
            bounds = (candidate.date_from, candidate.date_to)
            if bounds in missing:  # days to come miss nothing
                candidate.set_missing(missing[bounds])

    def _get_missing(self, employees, periods):
        """Return what consultants still have to enter.

        A consultant is to enter what their working hours say, less public holidays and
        leaves, in the unit in which the company enters time. Who works by flexible
        hours, or by none, misses nothing. Days to come do not count.

        Days of work without any entry are missing even if the total is reached, unless
        the consultant worked on as many days off instead.

        :param employees: ``hr.employee``
        :param dict periods: (first day, last day) -> ids of the consultants meant
        :return: dict (first day, last day) -> {``hr.employee``: :class:`Missing`}
        """
        first = min(bounds[0] for bounds in periods)
        last = min(
            max(bounds[1] for bounds in periods), self.company_id._get_cra_today()
        )
        if last < first:
            return {}
        # sudo: calendars and leaves are private; only what is missing leaves here
        employees = employees.sudo()
        expected = _ExpectedTime(employees, first, last)
        entered = self._get_entered(employees, first, last)
        by_id = {employee.id: employee for employee in employees}
        until = {bounds: min(bounds[1], last) for bounds in periods}
        day, hour = (self.env.ref(f"uom.product_uom_{u}") for u in ("day", "hour"))
        in_days = self.company_id._enters_days()
        hours_per_day = day.factor / hour.factor if in_days else None
        return {
            bounds: {
                by_id[employee_id]: compare(
                    expected.by_day(by_id[employee_id], bounds[0], until[bounds]),
                    entered[employee_id],
                    hours_per_day,
                )
                for employee_id in employee_ids
            }
            for bounds, employee_ids in periods.items()
        }

    def _get_entered(self, employees, first, last):
        """Return the hours entered, as employee id -> {day: hours}."""
        timesheets = self.env["account.analytic.line"]
        rows = self.env.execute_query(
            SQL(
                """
                SELECT aal.employee_id, aal.date, SUM(%(hours)s)
                  FROM account_analytic_line aal
                 WHERE aal.employee_id IN %(employees)s
                   AND aal.date BETWEEN %(first)s AND %(last)s
                   AND aal.project_id IS NOT NULL
                   AND %(worked)s
              GROUP BY 1, 2
                """,
                hours=timesheets._cra_hours_sql(),
                employees=tuple(employees.ids),
                first=first,
                last=last,
                worked=timesheets._cra_not_leave_sql(),
            )
        )
        entered = defaultdict(dict)
        for employee_id, day, hours in rows:
            entered[employee_id][day] = hours
        return entered


def compare(expected, entered, hours_per_day=None):
    """Return the :class:`Missing` of one consultant and period.

    :param dict expected: day -> (hours, days), None if nothing is expected at all
    :param dict entered: day -> hours
    :param float hours_per_day: hours of the Day unit if time is entered in days
    """
    if not expected:
        return Missing()
    column, unit = (1, hours_per_day) if hours_per_day else (0, 1.0)
    work = {day: plan[column] for day, plan in expected.items() if plan[0]}
    done = {day: entered[day] / unit for day in expected if day in entered}
    spare = sum(1 for day in done if day not in work)
    empty = [day for day in work if day not in done][spare:]
    short = max(
        sum(work.values()) - sum(done.values()),
        sum(work[day] for day in empty),
    )
    if short <= TOLERANCE:
        return Missing()
    short = round(short, 2)
    if hours_per_day:
        return Missing(round(short * hours_per_day, 2), short, tuple(empty))
    return Missing(short, float(len(empty)), tuple(empty))


class _ExpectedTime:
    """What consultants are to work, day by day, in as few queries as for one."""

    def __init__(self, employees, first, last):
        self.first, self.last = first, last
        env = employees.env
        versions = (
            env["hr.version"]
            .with_context(active_test=True)
            .search([("employee_id", "in", employees.ids)], order="date_version")
        )
        self._versions = versions.grouped("employee_id")
        calendars = versions.resource_calendar_id
        attendances = env["resource.calendar.attendance"].search(
            [
                ("calendar_id", "in", calendars.ids),
                ("display_type", "=", False),
                ("day_period", "!=", "lunch"),
            ]
        )
        self._attendances = attendances.grouped("calendar_id")
        self._public, self._personal = self._get_leaves(employees)
        self._days, self._plans = {}, {}

    def _get_leaves(self, employees):
        """Return public holidays, and leaves by resource, of the days in question."""
        margin = timedelta(days=1)  # time zones
        domain = Domain(
            "date_from", "<", datetime.combine(self.last + margin, time.max)
        ) & Domain("date_to", ">", datetime.combine(self.first - margin, time.min))
        domain &= Domain("resource_id", "in", employees.resource_id.ids) | (
            Domain("resource_id", "=", False)
            & Domain("time_type", "=", "leave")
            & Domain("company_id", "in", [False, *employees.company_id.ids])
        )
        leaves = employees.env["resource.calendar.leaves"].search(domain)
        personal = leaves.filtered("resource_id")
        return leaves - personal, personal.grouped("resource_id")

    def by_day(self, employee, first, last):
        """Return {day: (hours, days)} of work, None if nothing is ever expected."""
        versions = self._versions.get(employee, ())
        if len(versions) == 1 and self._is_plain(employee, versions):
            # Most people: the same plan as all others with their calendar
            key = (versions.resource_calendar_id, employee.company_id, first, last)
            if key not in self._plans:
                self._plans[key] = self._expect(employee, first, last)
            return self._plans[key]
        return self._expect(employee, first, last)

    def _is_plain(self, employee, version):
        return not (
            version.contract_date_start
            or version.contract_date_end
            or employee.departure_date
            or employee.resource_id in self._personal
        )

    def _expect(self, employee, first, last):
        expected = {}
        is_expected = False
        personal = self._personal.get(employee.resource_id, ())
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            version = self._get_version(employee, day)
            calendar = version and version.resource_calendar_id
            if not calendar or calendar.flexible_hours:
                continue
            is_expected = True
            if not self._is_employed(employee, version, day):
                continue
            key = (calendar, employee.company_id, day)
            if personal and any(_off_on(personal, calendar, day)):
                expected[day] = self._plan(*key, personal)
                continue
            if key not in self._days:
                self._days[key] = self._plan(*key)
            expected[day] = self._days[key]
        return expected if is_expected else None

    def _get_version(self, employee, day):
        """Return the terms of employment on a day; before the first ones, these."""
        versions = self._versions.get(employee, ())
        found = versions[:1]
        for version in versions:
            if version.date_version <= day:
                found = version
        return found

    @staticmethod
    def _is_employed(employee, version, day):
        start = version.contract_date_start
        end = version.contract_date_end or employee.departure_date
        return not (start and day < start) and not (end and day > end)

    def _plan(self, calendar, company, day, personal=()):
        """Return the (hours, days) of work on a day, less what is off."""
        public = self._public.filtered(
            lambda leave: (
                (not leave.calendar_id or leave.calendar_id == calendar)
                and (not leave.company_id or leave.company_id == company)
            )
        )
        off = [*_off_on(public, calendar, day), *_off_on(personal, calendar, day)]
        hours = days = 0.0
        for attendance in self._attendances.get(calendar, ()):
            if int(attendance.dayofweek) != day.weekday():
                continue
            if calendar.two_weeks_calendar and int(
                attendance.week_type
            ) != attendance.get_week_type(day):
                continue
            share = share_left(attendance.hour_from, attendance.hour_to, off)
            hours += attendance.duration_hours * share
            days += attendance.duration_days * share
        return hours, days


def _off_on(leaves, calendar, day):
    """Yield the (from, to) of leaves on a day, in hours of the calendar's zone."""
    zone = ZoneInfo(calendar.tz or "UTC")
    midnight = datetime.combine(day, time.min)
    for leave in leaves:
        hours = [
            (
                moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
                - midnight
            ).total_seconds()
            / 3600
            for moment in (leave.date_from, leave.date_to)
        ]
        if hours[0] < 24 and hours[1] > 0:
            yield max(hours[0], 0.0), min(hours[1], 24.0)


def share_left(start, stop, off):
    """Return which part of an interval others leave, from 0 to 1.

    :param float start: where the interval begins
    :param float stop: where it ends
    :param list off: pairs (from, to), which may overlap
    """
    if stop <= start:
        return 0.0
    left, position = 0.0, start
    for first, last in sorted(off):
        if first > position:
            left += min(first, stop) - position
        position = max(position, min(last, stop))
        if position >= stop:
            break
    left += max(stop - position, 0.0)
    return left / (stop - start)
