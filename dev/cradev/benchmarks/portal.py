"""The customer's pages against core's ``/my/timesheets``, over HTTP.

One customer has 10,000 activity reports, of which 200 await an answer, and one more of
200 lines. Core's list shows the same time, to the same portal user, from the same
server. Each page is asked for in turn with the others; p95 counts.

``CRA_BENCH_LINES`` sets how many timesheets each report has, ``CRA_BENCH_MONTHS`` how
many months of 200 reports there are.
"""

import os
import statistics
import time
from datetime import date

from dateutil.relativedelta import relativedelta
from lxml import html

from .. import bench_data
from ..web_client import WebClient
from .cra_generate import INSERT_TIME

TITLE = "The customer's portal"
MONTHS = int(os.environ.get("CRA_BENCH_MONTHS", "50"))
LINES = int(os.environ.get("CRA_BENCH_LINES", "10"))
PROJECTS, CONSULTANTS = 25, 8
REPORTS = MONTHS * PROJECTS * CONSULTANTS
LONG_LINES = 200
LAST_MONTH = date(2026, 10, 1)
LOGIN = "bench_portal"
STOCK = {
    "stock": "/my/timesheets",
    "stock, searched": "/my/timesheets?search_in=name&search=item 7",
}
#: Told beside core's own search, which reads one column where ours reads six.
SEARCHED = "list, searched everywhere"
#: Of each page, per repetition.
REQUESTS = 10
WORK = """
    SELECT number, pair %% %(people)s AS consultant, pair / %(people)s AS project,
           (%(last)s::date - month * interval '1 month')::date + number %% 27 AS day,
           0.5 + number %% 4 * 0.25 AS hours
      FROM generate_series(0, %(months)s - 1) month,
           generate_series(0, %(pairs)s - 1) pair,
           generate_series(0, %(lines)s - 1) number
"""
#: A real sending makes a PDF of each report: 10,000 of them are not what is measured.
SEND = """
    UPDATE cra_report
       SET state = CASE WHEN date_from = %(last)s THEN 'sent' ELSE 'approved' END,
           approval_kind = CASE WHEN date_from = %(last)s THEN NULL ELSE 'customer' END,
           name = 'CRA/BENCH/' || lpad(id::text, 6, '0'),
           sent_on = date_to, decided_on = CASE WHEN date_from = %(last)s THEN NULL
               ELSE date_to END
     WHERE state = 'draft'
"""
ANSWER = """
    UPDATE cra_approval approval
       SET state = CASE report.state WHEN 'sent' THEN 'pending' ELSE 'approved' END,
           signed_by = CASE report.state WHEN 'sent' THEN NULL ELSE 'Chloe' END,
           decided_on = report.decided_on
      FROM cra_report report
     WHERE report.id = approval.report_id AND approval.state = 'waiting'
"""


# === DATA === #


def prepare(env):
    """Make the customer, the reports, and the account that looks at them."""
    customer = bench_data.customers(env, 1)
    contact = customer.create(
        {"name": "Chloe", "parent_id": customer.id, "email": "chloe@customer.example"}
    )
    env["res.users"].with_context(no_reset_password=True).create(
        {
            "name": contact.name,
            "login": LOGIN,
            "password": LOGIN,
            "partner_id": contact.id,
            "group_ids": [(6, 0, env.ref("base.group_portal").ids)],
        }
    )
    consultants = bench_data.employees(env, CONSULTANTS)
    orders = bench_data.orders(
        env, [customer] * (PROJECTS + 1), bench_data.consulting(env)
    )
    projects = orders.order_line.project_id
    projects.write(
        {"privacy_visibility": "portal", "cra_approver_ids": [(6, 0, contact.ids)]}
    )
    first = LAST_MONTH - relativedelta(months=MONTHS)
    env.company.cra_policy_id = env["cra.policy"].create(
        {"name": "Monthly", "start_date": first}
    )
    env.flush_all()
    env.cr.execute(
        INSERT_TIME % WORK,
        {
            "consultants": consultants.ids,
            "tasks": orders[:-1].order_line.task_id.ids,
            "people": CONSULTANTS,
            "pairs": PROJECTS * CONSULTANTS,
            "months": MONTHS,
            "lines": LINES,
            "last": LAST_MONTH,
        },
    )
    for month in range(MONTHS):
        _generate(env, LAST_MONTH - relativedelta(months=month), projects[:-1])
        env.cr.commit()
        env.invalidate_all()
    env.cr.execute(SEND, {"last": LAST_MONTH})
    env.invalidate_all()
    _ask(env, contact)
    _send_long_report(env, projects[-1], consultants)


def _generate(env, first, projects):
    last = first + relativedelta(months=1, days=-1)
    values = {"date_from": first, "date_to": last, "project_ids": projects.ids}
    return env["cra.generate"].new({"company_id": env.company.id, **values})._generate()


def _ask(env, contact):
    reports = env["cra.report"].search([])
    env["cra.approval"].create(
        [
            {"report_id": report_id, "partner_id": contact.id}
            for report_id in reports.ids
        ]
    )
    env.flush_all()
    env.cr.execute(ANSWER)
    env.invalidate_all()


def _send_long_report(env, project, consultants):
    """Send one report of 200 lines as people do."""
    project.cra_policy_id = env.company.cra_policy_id.copy({"scope": "project"})
    order_line = project.sale_line_id
    env["account.analytic.line"].create(
        [
            {
                "name": f"Work item {number}: analysis, call and follow-up",
                "project_id": project.id,
                "task_id": order_line.task_id.id,
                "employee_id": consultants[number % CONSULTANTS].id,
                "date": LAST_MONTH + relativedelta(days=number % 27),
                "unit_amount": 1.5,
            }
            for number in range(LONG_LINES)
        ]
    )
    env.company.email = "office@provider.example"
    _generate(env, LAST_MONTH, project).action_send()


# === PAGES === #


def _get_pages(env):
    """Return what is opened, and a function that counts what must be on it.

    :return: name -> (path, XPath of what is counted, how many there must be)
    """
    long_report = (
        env["cra.report"]
        .search([("state", "=", "sent")])
        .filtered(lambda report: len(report.line_ids) == LONG_LINES)
    )
    rows = "//a[starts-with(@id, 'cra_title_')]"
    lines = "//table[contains(@class, 'o_cra_lines')]/tbody/tr"
    token = long_report.approval_ids._get_token()
    return {
        "list": ("/my/cra", rows, 80),
        "list, last page": (f"/my/cra/page/{-(-(REPORTS + 1) // 80)}", rows, None),
        "list, by consultant": ("/my/cra?groupby=consultant", rows, 80),
        "list, searched by project": ("/my/cra?search_in=project&search=S0", rows, 80),
        SEARCHED: ("/my/cra?search=item 7", rows, 80),
        "list, awaiting me": ("/my/cra?filterby=mine", rows, 80),
        "page of 200 lines": (f"/my/cra/{long_report.id}", lines, LONG_LINES),
        "the same by link": (
            f"/my/cra/{long_report.id}?approval={token}",
            lines,
            LONG_LINES,
        ),
    }


def _open(client, path, xpath, wanted):
    """Return how long a page took, in seconds.

    :raise ValueError: it does not show what it must
    """
    started = time.perf_counter()
    text = client.get(path)
    elapsed = time.perf_counter() - started
    found = len(html.fromstring(text).xpath(xpath))
    if found != wanted if wanted else not found:
        raise ValueError(f"{path} shows {found} rows, not {wanted}")
    return elapsed


def measure(bench):
    """Ask for each page in turn, and compare the slowest twentieth."""
    env = bench.env
    url = env["ir.config_parameter"].get_param("web.base.url")
    account = WebClient(url).login(env.cr.dbname, LOGIN, LOGIN)
    stock = {name: (path, "//table//tr[td]", None) for name, path in STOCK.items()}
    pages = stock | _get_pages(env)
    clients = dict.fromkeys(pages, account) | {"the same by link": WebClient(url)}
    times = {name: [] for name in pages}
    for turn in range(1 + bench.repeat * REQUESTS):
        for name, page in pages.items():
            elapsed = _open(clients[name], *page)
            if turn:  # the first warms caches up
                times[name].append(elapsed)
    p95 = {name: statistics.quantiles(t, n=20)[-1] for name, t in times.items()}
    env.cr.execute("SELECT count(*) FROM account_analytic_line")
    bench.note(f"{REPORTS + 1} reports, {env.cr.fetchone()[0]} timesheets")
    for name, taken in times.items():
        bench.note(
            f"{name}: p50 {1000 * statistics.median(taken):.0f} ms, "
            f"p95 {1000 * p95[name]:.0f} ms, n={len(taken)}"
        )
    for name in list(pages)[len(stock) :]:
        if name == SEARCHED:
            continue
        title = "portal_" + name.replace(", ", "_").replace(" ", "_")
        bench.close(title, p95["stock"], p95[name], target=2)
