"""80 time annexes against core's timesheet report attached to the mail template."""

import re

from .. import bench_data, pdf

TITLE = "80 annexes of 30 timesheets: documents of one sending, with their attachments"
COUNT, LINES = 80, 30
STOCK_REPORT = "sale_timesheet.timesheet_report_account_move"
MAIL_TEMPLATE = "account.email_template_edi_invoice"


def prepare(env):
    moves = bench_data.invoiced_month(env, count=COUNT, lines=LINES)
    assign(env)
    env.ref(MAIL_TEMPLATE).report_template_ids = env.ref(STOCK_REPORT)
    if len(moves) != COUNT:
        raise ValueError(f"{len(moves)} invoices")


def assign(env):
    """Give all invoices a time annex."""
    section = {"title": "Time", "show_project": True, "show_task": True}
    env.company.annex_template_ids = env["invoice.annex.template"].create(
        {"name": "Time Detail", "section_ids": [(0, 0, section)]}
    )


def stock(moves, delay):
    """Print with core, as its batch sending does.

    :return: [(invoice, PDF)]
    """
    env = moves.env
    env["ir.config_parameter"].sudo().set_param("report.print_delay", delay)
    send = env["account.move.send"]
    template = env.ref(MAIL_TEMPLATE)
    placeholders = send._get_placeholder_mail_template_dynamic_attachments_data
    data = {
        move: {"mail_attachments_widget": placeholders(move, template)}
        for move in moves
    }
    send._generate_dynamic_reports(data)
    made = env["ir.attachment"].browse(
        file["id"]
        for move_data in data.values()
        for file in move_data["mail_attachments_widget"]
        if not file["placeholder"]
    )
    return [(env["account.move"].browse(file.res_id), file.raw) for file in made]


def ours(moves):
    """Print with the addon, as the sending does.

    :return: [(invoice, PDF)]
    """
    send = moves.env["account.move.send"]
    data = {move: {} for move in moves.sudo()}
    send._prepare_invoice_annexes(data)
    send._link_invoice_documents(data)
    return [(annex.move_id, annex.attachment_id.raw) for annex in moves.annex_ids]


def problem(made):
    """Say what is wrong with the documents of all invoices, or nothing."""
    if len(made) != COUNT or len({move for move, _content in made}) != COUNT:
        return f"{len(made)} documents for {COUNT} invoices"
    for move, content in made:
        text = pdf.text(content)
        order = move.invoice_line_ids.sale_line_ids.order_id.name
        orders = set(re.findall(r"\bS\d{5}\b", text))
        items = sorted(map(int, re.findall(r"Work item (\d+)", text)))
        if orders != {order}:
            return f"{move.name} is of {order}, its document shows {orders}"
        if items != list(range(LINES)):
            return f"{move.name} shows the items {items}"
        hours = sum(move.timesheet_ids.mapped("unit_amount"))
        total = (f"{hours:.2f}", f"{int(hours)}:{hours % 1 * 60:02.0f}")
        if not any(shown in text for shown in total):
            return f"{move.name} does not show its total {total}"
        if pdf.pages(content) > 4:
            return f"{move.name} has {pdf.pages(content)} pages"
    return ""


def measure(bench):
    moves = bench.env["account.move"].search([("move_type", "=", "out_invoice")])
    arms = {
        "stock, report.print_delay=0": lambda: stock(moves, "0"),
        "annexes": lambda: ours(moves),
    }
    times = bench.arms(arms, check=problem)
    # Minutes for a run, most of them a sleep: everything is warm, once says it all.
    installed = {"stock as installed": lambda: stock(moves, "1000")}
    times |= bench.arms(installed, check=problem, repeat=1, warm_up=False)
    bench.close("annex_render", times["stock as installed"], times["annexes"], 50)
    tuned = times["stock, report.print_delay=0"]
    bench.close("annex_render_tuned", tuned, times["annexes"], 5)
