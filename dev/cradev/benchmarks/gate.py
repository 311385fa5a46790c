"""A decision on many activity reports, until their orders can be invoiced.

The customers of 500 orders have agreed to 15,000 timesheets: states, holds, quantities
delivered and to invoice, amounts and the status of the orders follow. Mails and
documents do not belong to it. The floor is the same updates in plain SQL, told where to
look; both must leave the same rows.
"""

import os

from .. import bench_data

#: Fewer are for developing only: ``CRA_BENCH_COUNT=50 dev/bench gate --repeat 1``.
COUNT = int(os.environ.get("CRA_BENCH_COUNT", "500"))
LINES, CONSULTANTS = 30, 20
TITLE = f"{COUNT} decided activity reports of {LINES} lines, to what may be invoiced"
#: Of these, all columns but who wrote them when.
TABLES = ("account_analytic_line", "sale_order_line", "sale_order", "cra_report")
STAMPS = ["write_date", "write_uid", "decided_on"]

FLOOR = (
    """
    UPDATE cra_report
       SET state = 'approved', approval_kind = 'customer', clock_state = NULL,
           question_on = NULL, decided_on = now() AT TIME ZONE 'UTC',
           write_uid = 1, write_date = now() AT TIME ZONE 'UTC'
     WHERE state = 'sent'
    """,
    """
    UPDATE account_analytic_line aal
       SET cra_hold = FALSE, write_uid = 1, write_date = now() AT TIME ZONE 'UTC'
      FROM cra_report_line line
     WHERE line.timesheet_id = aal.id AND aal.cra_hold
    """,
    """
    UPDATE sale_order_line sol
       SET qty_delivered = time.hours, qty_to_invoice = time.hours,
           invoice_status = 'to invoice',
           untaxed_amount_to_invoice = ROUND(time.hours * sol.price_unit, 2),
           write_uid = 1, write_date = now() AT TIME ZONE 'UTC'
      FROM (SELECT so_line, ROUND(SUM(unit_amount)::numeric, 2) AS hours
              FROM account_analytic_line
             WHERE so_line IS NOT NULL AND cra_hold IS NOT TRUE
          GROUP BY so_line) AS time
     WHERE time.so_line = sol.id
    """,
    """
    UPDATE sale_order
       SET invoice_status = 'to invoice',
           write_uid = 1, write_date = now() AT TIME ZONE 'UTC'
      FROM sale_order_line sol
     WHERE sol.order_id = sale_order.id AND sol.qty_to_invoice != 0
    """,
)


def prepare(env):
    """Make orders, their time, and reports that wait for an answer."""
    people = bench_data.employees(env, CONSULTANTS)
    partners = bench_data.customers(env, COUNT)
    orders = bench_data.orders(env, partners, bench_data.consulting(env))
    env.company.cra_policy_id = env["cra.policy"].create(
        {"name": "Monthly", "start_date": bench_data.MONTH, "scope": "project"}
    )
    env.company.email = "office@provider.example.com"
    bench_data.timesheets(env, orders, people, LINES)
    month = {"date_from": "2026-10-01", "date_to": "2026-10-31"}
    made = env["cra.generate"].create(month)._generate()
    made.action_send()
    held = env["account.analytic.line"].search_count([("cra_hold", "=", True)])
    if len(made) != COUNT or held != COUNT * LINES:
        raise ValueError(f"{len(made)} reports, {held} timesheets held")


def ours(env):
    """Let the customers' agreement take effect, as the answer on the page does."""
    reports = env["cra.report"].search([("state", "=", "sent")])
    reports.with_context(mail_notrack=True)._decide("approved")
    env.flush_all()
    return len(reports)


def floor(env):
    """Let the database do the least that there is to do."""
    for statement in FLOOR:
        env.cr.execute(statement)
    return COUNT


def problems(env):
    """Return what is wrong with quantities and states."""
    env.cr.execute(
        """
        SELECT COUNT(*), SUM(sol.qty_to_invoice), SUM(sol.untaxed_amount_to_invoice),
               COUNT(*) FILTER (WHERE sale.invoice_status = 'to invoice'
                                  AND sol.invoice_status = 'to invoice'
                                  AND sol.qty_delivered = sol.qty_to_invoice
                                  AND ABS(time.hours - sol.qty_delivered) < 0.001)
          FROM sale_order_line sol
          JOIN sale_order sale ON sale.id = sol.order_id
          JOIN (SELECT so_line, SUM(unit_amount) AS hours
                  FROM account_analytic_line GROUP BY so_line) time
            ON time.so_line = sol.id
        """
    )
    orders, quantity, amount, right = env.cr.fetchone()
    good = orders == right == COUNT and quantity and abs(amount - quantity * 100) < 0.01
    return "" if good else f"{right} of {orders} orders, {quantity} h, {amount}"


def contents(env):
    """Return a digest of each column of the tables."""
    found = {}
    for table in TABLES:
        env.cr.execute(
            f"""
            SELECT key, md5(string_agg(value::text, '' ORDER BY id))
              FROM {table} t, jsonb_each(to_jsonb(t) - %s::text[])
          GROUP BY key
            """,
            [STAMPS],
        )
        found |= {f"{table}.{name}": digest for name, digest in env.cr.fetchall()}
    return found


def measure(bench):
    """Compare; both ways must leave the same behind."""
    env = bench.env
    left = []

    def check(_count):
        left.append(contents(env))
        differing = [name for name in left[0] if left[0][name] != left[-1][name]]
        if differing:
            return f"floor and ours differ in {', '.join(differing)}"
        return problems(env)

    arms = {"floor": lambda: floor(env), "ours": lambda: ours(env)}
    times = bench.arms(arms, check=check)
    bench.close("gate", times["floor"], times["ours"], target=0.33)
