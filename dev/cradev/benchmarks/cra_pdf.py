"""Freezing activity reports, against printing the same through core's report layout."""

import os
import re

from .. import bench_data, pdf

#: Fewer are for developing only: ``CRA_BENCH_COUNT=20 dev/bench cra_pdf --repeat 1``.
COUNT = int(os.environ.get("CRA_BENCH_COUNT", "500"))
LINES, CONSULTANTS = 30, 3
#: Printed one by one as installed: about three seconds each, most of them a sleep.
SAMPLE = 5
BATCH_SIZES = (5, 10, 20)
TUNING_SAMPLE = 20
TITLE = (
    f"{COUNT} activity reports of {LINES} lines on two pages: frozen (compared with "
    "their timesheets, numbered, printed, attached, digested, locked) against only "
    "printed and attached by core's layout; one by one as installed is measured on "
    f"{SAMPLE} of them"
)

#: The same content in core's layout, as a report of any addon is written.
STOCK_TEMPLATE = """
<t t-name="cra_bench.stock">
    <t t-call="web.html_container">
        <t t-foreach="docs" t-as="report">
            <t t-call="cra_bench.stock_document" t-lang="report.partner_id.lang" />
        </t>
    </t>
</t>
"""
STOCK_DOCUMENT = """
<t t-name="cra_bench.stock_document">
    <t t-call="web.external_layout">
        <t t-set="report" t-value="report.with_context(lang=report.partner_id.lang)" />
        <t t-set="o" t-value="report" />
        <t t-set="values" t-value="report._get_document_values()" />
        <t t-set="company" t-value="report.company_id" />
        <t t-set="grid" t-value="values['grid']" />
        <t t-set="format_amount" t-value="values['format_amount']" />
        <t t-set="format_cell" t-value="values['format_cell']" />
        <t t-set="format_day" t-value="values['format_day']" />
        <t t-set="format_datetime" t-value="values['format_datetime']" />
        <div class="page">
            <h2>Activity report <t t-out="report._get_period_label()" /></h2>
            <table class="table table-sm table-borderless">
                <tr t-foreach="report._get_facts()" t-as="fact">
                    <td t-out="fact[0]" /><td t-out="fact[1]" />
                </tr>
            </table>
            <div class="table-sm small">
                <t t-call="sale_timesheet_cra.report_cra_grid" />
                <t t-call="sale_timesheet_cra.report_cra_lines" />
            </div>
        </div>
    </t>
</t>
"""


def prepare(env):
    people = bench_data.employees(env, CONSULTANTS)
    partners = bench_data.customers(env, COUNT)
    orders = bench_data.orders(env, partners, bench_data.consulting(env))
    bench_data.timesheets(env, orders, people, LINES)
    # One word, which stays whole however narrow its column is.
    env.cr.execute(
        "UPDATE account_analytic_line SET name = replace(name, %s, %s)",
        ("Work item ", "Item"),
    )
    env.company.cra_policy_id = env["cra.policy"].create(
        {"name": "Monthly", "start_date": bench_data.MONTH, "scope": "project"}
    )
    env.company.email = "office@provider.example.com"
    month = {"date_from": "2026-10-01", "date_to": "2026-10-31"}
    made = env["cra.generate"].create(month)._generate()
    if len(made) != COUNT or {len(report.line_ids) for report in made} != {LINES}:
        raise ValueError(f"{len(made)} reports of {COUNT}")
    make_stock_report(env)


def make_stock_report(env):
    for key, arch in (
        ("cra_bench.stock", STOCK_TEMPLATE),
        ("cra_bench.stock_document", STOCK_DOCUMENT),
    ):
        env["ir.ui.view"].create(
            {"name": key, "key": key, "type": "qweb", "arch": arch}
        )
    paper = env.ref("base.paperformat_euro").copy(
        {"name": "Landscape", "orientation": "Landscape"}
    )
    env["ir.actions.report"].create(
        {
            "name": "Activity report in core's layout",
            "model": "cra.report",
            "report_name": "cra_bench.stock",
            "report_type": "qweb-pdf",
            "paperformat_id": paper.id,
            "attachment": "'stock %s.pdf' % object.id",
        }
    )


def stock(reports, size, delay):
    """Print with core, ``size`` documents to a call.

    :return: [(report, PDF)]
    """
    env = reports.env
    env["ir.config_parameter"].sudo().set_param("report.print_delay", delay)
    engine = env["ir.actions.report"]
    for start in range(0, len(reports), size):
        batch = reports[start : start + size]
        engine._render_qweb_pdf("cra_bench.stock", batch.ids)
    made = env["ir.attachment"].search(
        [("res_model", "=", "cra.report"), ("name", "=like", "stock %")]
    )
    return [(env["cra.report"].browse(file.res_id), file.raw) for file in made]


def freeze(reports):
    """Freeze with the addon, as sending from the list and the month end do.

    :return: [(report, PDF)]
    """
    return _get_frozen(reports._send())


def send(reports):
    """Freeze, and queue the mails that ask the approvers.

    :return: [(report, PDF)]
    """
    reports.action_send()
    return _get_frozen(reports)


def _get_frozen(reports):
    reports.env.flush_all()
    if any(report.state != "sent" or not report.digest for report in reports):
        raise ValueError("not all reports are frozen")
    return [(report, report.document_id.raw) for report in reports]


def checker(count):
    """Return what says what is wrong with the documents of ``count`` reports."""

    def problem(made):
        if len(made) != count or len({report for report, _content in made}) != count:
            return f"{len(made)} documents for {count} reports"
        for report, content in made:
            text = pdf.text(content)
            order = report.line_ids.timesheet_id.so_line.order_id.name
            items = sorted(map(int, re.findall(r"Item(\d+)\b", text)))
            if set(re.findall(r"\bS\d{5}\b", text)) != {order}:
                return f"{report.display_name} is of {order}, its document is not"
            if items != list(range(LINES)):
                return f"{report.display_name} shows the items {items}"
            if report._format_amount(report.total_hours) not in text:
                return f"{report.display_name} does not show its total"
            if pdf.pages(content) != 2:
                return f"{report.display_name} has {pdf.pages(content)} pages"
        return ""

    return problem


def measure(bench):
    reports = bench.env["cra.report"].search([("state", "=", "draft")])
    sample = reports[:TUNING_SAMPLE]
    tuning = bench.arms(
        {
            f"tuning on {len(sample)}, batches of {size}": (
                lambda size=size: stock(sample, size, "0")
            )
            for size in BATCH_SIZES
        },
        check=checker(len(sample)),
        repeat=1,
        warm_up=False,
    )
    best = BATCH_SIZES[min(enumerate(tuning.values()), key=lambda pair: pair[1])[0]]
    tuned = f"stock, report.print_delay=0, batches of {best}"
    arms = {
        tuned: lambda: stock(reports, best, "0"),
        "addon, frozen": lambda: freeze(reports),
        "addon, and its approvers asked by queued mails": lambda: send(reports),
    }
    # A run takes minutes, and what it needs is warm by now.
    times = bench.arms(
        arms,
        check=checker(COUNT),
        repeat=min(bench.repeat, 3),
        warm_up=False,
    )
    few = reports[:SAMPLE]
    installed = f"stock one by one as installed, {len(few)} only"
    times |= bench.arms(
        {installed: lambda: stock(few, 1, "1000")},
        check=checker(len(few)),
        repeat=1,
        warm_up=False,
    )
    each = times["addon, frozen"] / COUNT
    bench.close("cra_pdf", times[tuned] / COUNT, each, 5)
    bench.close("cra_pdf_installed", times[installed] / len(few), each, 50)
