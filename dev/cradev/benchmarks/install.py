"""The installation on a database in which a company has worked for years.

A million timesheets, some of them invoiced, against the same database without any.
No row that was there may be touched: the addon's columns are empty in all of them, and
its indexes hold none. That is checked in each run, by the rows' own versions.
"""

import contextlib
import os
import statistics
import time

from .. import bench_data, cache, postgres
from ..odoo import MODULE

#: Fewer are for developing only: ``CRA_BENCH_LINES=20000 dev/bench install``.
LINES = int(os.environ.get("CRA_BENCH_LINES", "1000000"))
TITLE = f"Installing the addon with {LINES:,} timesheets, against the same with none"
ORDERS, LINES_PER_ORDER, CONSULTANTS = 40, 25, 10
#: A minute each; more would not tell more.
REPEAT = 3
#: Tables of Odoo that grow with the years.
TABLES = (
    ("account_analytic_line", "account_move", "account_move_line", "sale_order")
    + ("sale_order_line", "project_project", "project_task", "res_partner")
    + ("mail_message", "mail_mail", "ir_attachment")
)


def prepare(env, empty):
    """Make orders and, unless ``empty``, their time and invoices (inside Odoo)."""
    partners = bench_data.customers(env, ORDERS)
    orders = bench_data.orders(env, partners, bench_data.consulting(env))
    if empty:
        env.cr.commit()
        return
    people = bench_data.employees(env, CONSULTANTS)
    made = bench_data.timesheets(env, orders, people, LINES_PER_ORDER)
    bench_data.invoices(env, orders[: ORDERS // 2])
    env.flush_all()
    env.cr.execute(
        "SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped "
        "AND attrelid = 'account_analytic_line'::regclass "
        "AND attname NOT IN ('id', 'date')"
    )
    columns = ", ".join(f'"{name}"' for [name] in env.cr.fetchall())
    # The months before, alike: ten years of them.
    env.cr.execute(
        f"""
        INSERT INTO account_analytic_line (date, {columns})
        SELECT (date - copy %% 120 * interval '1 month')::date, {columns}
          FROM account_analytic_line, generate_series(1, %s) AS copy
         WHERE id = ANY(%s)
        """,
        [LINES // len(made) - 1, made.ids],
    )
    env.cr.commit()


def get_rows(cursor):
    """Return how many rows there are, and where they are stored, by table."""
    rows = {}
    for table in TABLES:
        cursor.execute(f"SELECT COUNT(*), pg_relation_filenode('{table}') FROM {table}")
        rows[table] = cursor.fetchone()
    cursor.execute("SELECT txid_current()")
    return rows, cursor.fetchone()[0]


def get_touched(cursor, rows, since):
    """Return the tables of which rows that were there are new versions now."""
    touched = []
    for table, (count, node) in rows.items():
        cursor.execute(
            f"""
            SELECT COUNT(*) FILTER (WHERE xmin::text::bigint < %s),
                   pg_relation_filenode('{table}')
              FROM {table}
            """,
            [since % 2**32],
        )
        old, node_now = cursor.fetchone()
        if old != count or node_now != node:
            touched.append(f"{count - old} rows of {table}")
    return touched


def install(odoo, database, template):
    """Install on a copy; return (wall s, CPU s of Odoo).

    :raise ValueError: a row that was there is not as it was
    """
    odoo.create(database, template=template)
    with postgres.connect(database) as cursor:
        rows, since = get_rows(cursor)
    cpu, start = os.times(), time.perf_counter()
    odoo.run(database, "-i", MODULE, "--stop-after-init", "--no-http", check=True)
    wall, after = time.perf_counter() - start, os.times()
    with postgres.connect(database) as cursor:
        if touched := get_touched(cursor, rows, since):
            raise ValueError(f"The installation wrote {', '.join(touched)}.")
    used = after.children_user + after.children_system
    return wall, used - cpu.children_user - cpu.children_system


def run(odoo, options):
    """Measure; databases are made and dropped here: Odoo itself is what is timed.

    :return: what a measurement inside Odoo returns
    """
    database = odoo.database_name("bench_install")
    templates = {
        name: odoo.database_name(f"bench_install_{name}") for name in ("empty", "full")
    }
    samples = {name: [] for name in templates}
    with contextlib.ExitStack() as stack:
        for name, template in templates.items():
            if not options.keep:
                stack.callback(odoo.drop, template)
            if options.keep and odoo.exists(template):
                continue
            odoo.create(template, template=odoo.template(demo=False))
            cache.step(f"install: making data ({name})")
            odoo.call(template, prepare, empty=name == "empty")
            with postgres.connect(template) as cursor:
                cursor.execute("VACUUM ANALYZE")
        stack.callback(odoo.drop, database)
        for turn in range(1 + min(options.repeat, REPEAT)):
            cache.step(f"install: measuring, run {turn}")
            for name, template in templates.items():
                figures = install(odoo, database, template)
                if turn:  # the first warms caches up
                    samples[name].append(figures)
    rows, medians = [], {}
    for name, runs in samples.items():
        walls, used = zip(*runs, strict=True)
        medians[name] = statistics.median(walls)
        middle = [medians[name], 0.0, statistics.median(used), 0]
        rows.append([name, *middle, min(walls), max(walls), len(walls)])
    added = medians["full"] - medians["empty"]
    return {
        "rows": rows,
        "notes": [f"seconds added by {LINES:,} timesheets: {added:.1f}"],
        "closing": [["install", medians["empty"] / medians["full"], 0.8]],
    }
