"""Month end of a large company: from timesheets to drafts.

A million timesheets, of which one month is made into 5,000 activity reports of 30
lines. What the database alone needs for that is the floor: one INSERT…SELECT of the
lines, and one UPDATE of the timesheets' links to them.

``CRA_BENCH_REPORTS`` sets another number of reports; everything else follows from it.
"""

import os
from datetime import date

from .. import bench_data
from ..memory import Memory, forget

TITLE = "Generating the activity reports of a month"
REPORTS = int(os.environ.get("CRA_BENCH_REPORTS", "5000"))
#: Per report and month
LINES = 30
#: Timesheets for each report, over twelve months; a million for 5,000 reports
TOTAL_LINES = 200
PROJECTS_PER_CONSULTANT = 10
BATCH = 500
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)

INSERT_TIME = """
    INSERT INTO account_analytic_line (
        name, date, unit_amount, amount, account_id, product_uom_id, partner_id,
        company_id, currency_id, category, task_id, project_id, employee_id, so_line,
        order_id, timesheet_invoice_type, cra_hold,
        create_uid, write_uid, create_date, write_date)
    SELECT 'Work item ' || work.number || ': analysis, call and follow-up', work.day,
           work.hours, -work.hours * 40, project.account_id,
           company.project_time_mode_id, project.partner_id, company.id,
           company.currency_id, 'other', task.id,
           project.id, consultant.id, task.sale_line_id, sol.order_id, 'billable_time',
           TRUE, 1, 1, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
      FROM (%s) AS work
      JOIN unnest(%%(consultants)s) WITH ORDINALITY AS consultant (id, position)
        ON consultant.position = work.consultant + 1
      JOIN unnest(%%(tasks)s) WITH ORDINALITY AS chosen (id, position)
        ON chosen.position = work.project + 1
      JOIN project_task task ON task.id = chosen.id
      JOIN project_project project ON project.id = task.project_id
      JOIN sale_order_line sol ON sol.id = task.sale_line_id
      JOIN res_company company ON company.id = project.company_id
"""
#: The month in question, and the eleven before it
MONTH_OF_WORK = """
    SELECT number, consultant,
           (consultant * %(spread)s + place) %% %(people)s AS project,
           %(first)s::date + number %% 27 AS day, 0.5 + number %% 4 * 0.25 AS hours
      FROM generate_series(0, %(lines)s - 1) number,
           generate_series(0, %(people)s - 1) consultant,
           generate_series(0, %(spread)s - 1) place
"""
PAST_WORK = """
    SELECT number, number %% %(people)s AS consultant,
           (number %% %(people)s * %(spread)s + number / %(people)s %% %(spread)s)
               %% %(people)s AS project,
           (%(first)s::date - (1 + number / %(people)s / %(spread)s %% 11)
               * interval '1 month')::date + number %% 27 AS day,
           0.5 + number %% 4 * 0.25 AS hours
      FROM generate_series(0, %(past)s - 1) number
"""
FLOOR_INSERT = """
    INSERT INTO cra_report_line (
        report_id, timesheet_id, date, employee_label, project_label, task_label,
        description, unit_amount, create_uid, write_uid, create_date, write_date)
    SELECT report.id, aal.id, aal.date, employee.name, project.name->>'en_US',
           task.name, aal.name, aal.unit_amount, 1, 1,
           now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
      FROM cra_report report
      JOIN account_analytic_line aal
        ON aal.project_id = report.project_id
       AND aal.employee_id = report.employee_id
       AND aal.date BETWEEN report.date_from AND report.date_to
      JOIN hr_employee employee ON employee.id = aal.employee_id
      JOIN project_project project ON project.id = aal.project_id
      JOIN project_task task ON task.id = aal.task_id
     WHERE report.state = 'superseded'
"""
FLOOR_LINK = """
    UPDATE account_analytic_line aal SET cra_line_id = line.id
      FROM cra_report_line line WHERE line.timesheet_id = aal.id
"""


def prepare(env):
    """Make customers, their orders and a million timesheets."""
    people = REPORTS // PROJECTS_PER_CONSULTANT
    consultants = bench_data.employees(env, people)
    orders = bench_data.orders(
        env, bench_data.customers(env, people), bench_data.consulting(env)
    )
    env.company.write(
        {
            "cra_policy_id": env["cra.policy"].create({"name": "Monthly"}).id,
            "cra_start_date": "2026-01-01",
        }
    )
    env.flush_all()
    for work in (PAST_WORK, MONTH_OF_WORK):
        env.cr.execute(
            INSERT_TIME % work,
            {
                "consultants": consultants.ids,
                "tasks": orders.order_line.task_id.ids,
                "people": people,
                "spread": PROJECTS_PER_CONSULTANT,
                "first": FIRST,
                "lines": LINES,
                "past": REPORTS * (TOTAL_LINES - LINES),
            },
        )
    # What the floor writes its lines to; to the addon they do not exist.
    drafts = _wizard(env)._generate()
    drafts.sudo().line_ids.unlink()
    env.cr.execute("UPDATE cra_report SET state = 'superseded'")


def _wizard(env, projects=None):
    return env["cra.generate"].new(
        {
            "company_id": env.company.id,
            "date_from": FIRST,
            "date_to": LAST,
            "project_ids": projects.ids if projects else [],
        }
    )


def ours(env, projects=None):
    """Generate as the cron does: find out what is to be made, and make it."""
    wizard = _wizard(env, projects)
    candidates = [c for c in wizard._collect() if c.is_makeable]
    drafts = wizard._generate(candidates)
    env.flush_all()
    return len(drafts)


def floor(env):
    """Let the database do the least that there is to do."""
    env.cr.execute(FLOOR_INSERT)
    env.cr.execute(FLOOR_LINK)
    return REPORTS


def plain_orm(env):
    """Generate as addons usually do: records and their lines, in batches."""
    wizard = _wizard(env)
    timesheets = env["account.analytic.line"].search(
        [("date", ">=", FIRST), ("date", "<=", LAST)]
    )
    by_key = timesheets.grouped(lambda time: (time.project_id, time.employee_id))
    candidates = wizard._collect_makeable()
    for start in range(0, len(candidates), BATCH):
        batch = candidates[start : start + BATCH]
        reports = env["cra.report"].create(
            [
                {
                    **wizard._prepare_report_vals(candidate),
                    "line_ids": [
                        (
                            0,
                            0,
                            {
                                "timesheet_id": timesheet.id,
                                "date": timesheet.date,
                                "employee_label": candidate.employee.name,
                                "project_label": candidate.project.name,
                                "task_label": timesheet.task_id.name,
                                "description": timesheet.name,
                                "unit_amount": timesheet.unit_amount,
                            },
                        )
                        for timesheet in by_key[candidate.project, candidate.employee]
                    ],
                }
                for candidate in batch
            ]
        )
        for line in reports.line_ids:
            line.timesheet_id.cra_line_id = line
        env.flush_all()
    return len(candidates)


def problems(env, count):
    """Return what is wrong with the reports of the month."""
    env.cr.execute(
        """
        SELECT count(*), count(DISTINCT line.report_id), count(DISTINCT aal.id),
               count(*) FILTER (WHERE aal.cra_line_id = line.id),
               count(*) FILTER (WHERE line.unit_amount = aal.unit_amount
                                  AND line.date = aal.date
                                  AND line.task_label = task.name
                                  AND line.description = aal.name
                                  AND report.project_id = aal.project_id
                                  AND report.employee_id = aal.employee_id)
          FROM cra_report_line line
          JOIN cra_report report ON report.id = line.report_id
          JOIN account_analytic_line aal ON aal.id = line.timesheet_id
          JOIN project_task task ON task.id = aal.task_id
        """
    )
    found = env.cr.fetchone()
    lines = count * LINES
    wanted = (lines, count, lines, lines, lines)
    return "" if count and found == wanted else f"{found}, not {wanted}"


def measure(bench):
    """Compare, and look at queries and memory."""
    env = bench.env
    _measure_memory(bench)  # first: later, freed memory would hide what is needed
    arms = {"floor": lambda: floor(env), "ours": lambda: ours(env)}

    def check(count):
        return f"{count} reports" if count != REPORTS else problems(env, count)

    times = bench.arms(arms, check=check)
    orm, *figures = bench.run(lambda: plain_orm(env))
    if problem := check(orm):
        raise ValueError(f"plain ORM: {problem}")
    env.cr.rollback()
    bench.rows.append(["plain ORM", *figures, figures[0], figures[0], 1])
    bench.close("cra_generate", times["floor"], times["ours"], target=0.5)
    _measure_queries(bench)


def _measure_queries(bench):
    """Let a batch have a sixth of its lines: the queries must be as many."""
    env = bench.env
    projects = _some_projects(env, min(BATCH, REPORTS))
    ours(env, projects)
    env.cr.rollback()
    queries = []
    for fewer in (False, True):
        if fewer:
            env.cr.execute(
                "DELETE FROM account_analytic_line WHERE date >= %s "
                "AND extract(day FROM date) > 5",
                [FIRST],
            )
        *_others, count = bench.run(lambda: ours(env, projects))
        env.cr.rollback()
        queries.append(count)
    bench.note(f"queries per batch of {BATCH}, 30 and 5 lines each: {queries}")
    bench.close("cra_generate_queries", queries[1], queries[0], target=0.9)


def _measure_memory(bench):
    """Compare the memory that a fifth of the reports needs with that of all."""
    env = bench.env
    peaks = []
    for count in (REPORTS // 5, REPORTS):
        projects = _some_projects(env, count)
        env.invalidate_all()
        forget()
        with Memory() as memory:
            made = ours(env, projects)
        env.cr.rollback()
        if made != count:
            raise ValueError(f"{made} reports of {count}")
        peaks.append(memory.peak)
        bench.note(
            f"memory for {count} reports: {memory.peak:.0f} MB at most, "
            f"{memory.peak - memory.before:.0f} MB of it new"
        )
    bench.close("cra_generate_memory", peaks[0], peaks[1], target=0.8)


def _some_projects(env, reports):
    """Return the projects that ``reports`` reports are about."""
    limit = max(1, reports // PROJECTS_PER_CONSULTANT)
    return env["project.project"].search(
        [("sale_line_id", "!=", False)], order="id", limit=limit
    )
