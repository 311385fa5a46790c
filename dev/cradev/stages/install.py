"""Install the addon: on a database without and on one with demo data, and on one in
which a company has worked."""

from datetime import timedelta

from .. import bench_data, odoo_log, postgres
from ..benchmarks.install import get_rows, get_touched
from ..odoo import MODULE

TITLE = "Installation without and with demo data, and on data of years"
LINES = 6


def work_before(env):
    """Invoice a month of two customers, and enter the next one (inside Odoo).

    :return: how much time there is, and how much of it is on no invoice
    """
    made = bench_data.invoiced_month(env, count=2, lines=LINES, consultants=2)
    orders = made.invoice_line_ids.sale_line_ids.order_id
    people = env["hr.employee"].search([("name", "like", "Consultant")])
    later = bench_data.MONTH + timedelta(days=31)
    bench_data.timesheets(env, orders, people, LINES, later)
    return count_time(env)


def count_time(env):
    time = [("project_id", "!=", False)]
    free = [*time, ("timesheet_invoice_id", "=", False)]
    return [
        env["account.analytic.line"].search_count(domain) for domain in (time, free)
    ]


def work_after(env, before):
    """Go on where the company was (inside Odoo); return what did not go on.

    :param list before: what :func:`work_before` returned
    """
    timesheets = env["account.analytic.line"].search([("project_id", "!=", False)])
    invoices = timesheets.timesheet_invoice_id
    free = timesheets.filtered(lambda line: not line.timesheet_invoice_id)
    wrong = []
    if count_time(env) != before or not free or len(free) == len(timesheets):
        wrong.append(f"There was other time: {count_time(env)}, not {before}.")
    if timesheets.filtered("cra_hold") or timesheets.cra_report_id:
        wrong.append("Time is held or reported.")
    free[0].write({"unit_amount": 7.5, "name": "Changed"})
    free[1].unlink()
    free = free.exists()
    free[0].copy()
    orders = free.so_line.order_id
    if set(orders.mapped("invoice_status")) != {"to invoice"}:
        wrong.append("Orders cannot be invoiced.")
    hours = sum(orders.order_line.mapped("qty_to_invoice"))
    new = orders._create_invoices()
    new.invoice_date = "2026-12-01"
    new.action_post()
    if sum(new.invoice_line_ids.mapped("quantity")) != hours or not hours:
        wrong.append("The new invoices are not what there was to invoice.")
    reversal = env["account.move.reversal"].with_context(
        active_model="account.move", active_ids=invoices[0].ids
    )
    dialog = reversal.create({"journal_id": invoices[0].journal_id.id})
    dialog.refund_moves()
    dialog.new_move_ids.action_post()
    if invoices[0].timesheet_ids:
        wrong.append("A credit note does not free the time of an old invoice.")
    return wrong


def run(workbench, report):
    """The workbench counts the installations: other stages start from them."""
    workbench.installed("plain")
    workbench.installed("demo")
    odoo = workbench.odoo
    database = workbench.scratch("living", of=odoo.template(demo=False))
    before = odoo.call(database, work_before)
    with postgres.connect(database) as cursor:
        rows, since = get_rows(cursor)
    log = odoo.work / f"{database}.log"
    odoo.run(
        database, "-i", MODULE, "--stop-after-init", "--no-http", check=True, log=log
    )
    complaints = odoo_log.complaints(log.read_text(errors="replace"))
    report.that("log of the installation (data of years)", complaints)
    with postgres.connect(database) as cursor:
        touched = get_touched(cursor, rows, since)
    report.that("no row that was there is written", touched)
    wrong = odoo.call(database, work_after, before=before)
    report.that("work goes on as before", wrong)
