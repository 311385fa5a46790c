"""100 invoices with two pages of timesheets, until the mail server has them all.

Core sends the same invoices with its own list of timesheets, as a dynamic report of the
mail template: as installed, and with ``report.print_delay`` set to 0 by somebody who
knows. Ours starts with the click on Send and is as installed.

``CRA_BENCH_INVOICES`` sets another number than 1,000 for the memory of many invoices.
"""

import os
from collections import Counter

from .. import bench_data, pdf
from ..memory import Memory, forget
from . import annex_render

TITLE = "Sending 100 invoices with a two-page annex of 30 timesheets"
BESIDE_STOCK = True
COUNT, LINES = 100, 30
#: For the memory of many; the rest is measured on the first ``COUNT``
MANY = int(os.environ.get("CRA_BENCH_INVOICES", "1000"))
PAGES = 2
KINDS = ["application/pdf", "application/pdf"]


def prepare(env):
    """Make the invoices; core's mail takes its own list of timesheets along."""
    bench_data.invoiced_month(env, count=MANY, lines=LINES)
    template = env.ref(annex_render.MAIL_TEMPLATE)
    template.report_template_ids = env.ref(annex_render.STOCK_REPORT)


def configure(env):
    """Let ours take an annex along instead."""
    annex_render.assign(env)
    env.ref(annex_render.MAIL_TEMPLATE).report_template_ids = False


def _invoices(env, count):
    """Return invoices as an accountant sees them."""
    env = env(user=env.ref("base.user_admin"))
    return env["account.move"].search(
        [("move_type", "=", "out_invoice")], order="id", limit=count
    )


def reset(env):
    """Make all invoices as they were before they were ever sent."""
    env.cr.rollback()
    if "invoice.send.run" in env:
        env.cr.execute("DELETE FROM invoice_send_line")
        env.cr.execute("DELETE FROM invoice_send_run")
        env.cr.execute("DELETE FROM invoice_annex")
    env.cr.execute(
        "UPDATE account_move SET is_move_sent = false, sending_data = NULL, "
        "message_main_attachment_id = NULL WHERE move_type = 'out_invoice'"
    )
    env.cr.execute(
        "DELETE FROM mail_mail WHERE mail_message_id IN ("
        "SELECT id FROM mail_message WHERE model = 'account.move')"
    )
    env.cr.execute(
        "DELETE FROM ir_attachment WHERE res_model = 'account.move' OR "
        "res_model = 'mail.message' AND res_id IN (SELECT id FROM mail_message "
        "WHERE model = 'account.move' AND message_type = 'comment')"
    )
    env.cr.execute(
        "DELETE FROM mail_message WHERE model = 'account.move' AND "
        "message_type = 'comment'"
    )
    env.cr.execute("DELETE FROM ir_cron_trigger")
    env.cr.commit()
    env.invalidate_all()


def stock(env, count, delay):
    """Let core send them, all in one call: the fastest way it has.

    :return: the invoices
    """
    env["ir.config_parameter"].set_param("report.print_delay", delay)
    moves = _invoices(env, count)
    moves.env["account.move.send"]._generate_and_send_invoices(moves)
    env.cr.commit()  # core's mails leave now
    return moves


def ours(env, count):
    """Click on Send, press Send, and do what the cron does.

    :return: the invoices
    """
    moves = _invoices(env, count)
    run = moves.env["invoice.send.run"].browse(moves.action_send_and_print()["res_id"])
    run.action_send()
    env.cr.commit()
    env["invoice.send.outbox"]._cron_process()
    env.cr.commit()
    return moves


class Sink:
    """Compares what arrived with what was sent."""

    def __init__(self, bench):
        self.bench = bench
        self.seen = len(bench.mails())

    def check(self, moves, kinds):
        """Say what is wrong with the mails of these invoices, or nothing."""
        mails = self.bench.mails()[self.seen :]
        self.seen += len(mails)
        reached = Counter(address for mail in mails for address in mail.recipients)
        wanted = Counter(moves.partner_id.mapped("email"))
        if reached != wanted:
            return f"{len(mails)} mails for {len(moves)} invoices"
        for mail in mails:
            files = mail.attachments()
            if [kind for _name, kind, _content in files] != kinds:
                return f"{mail.path} has {[name for name, *_file in files]}"
            if any(not content.startswith(b"%PDF") for *_names, content in files):
                return f"{mail.path} has a file that is no PDF"
        if not all(moves.mapped("is_move_sent")):
            return "not all invoices say that they are sent"
        if kinds == KINDS and "invoice.annex" in moves.env:
            pages = {pdf.pages(annex.attachment_id.raw) for annex in moves.annex_ids}
            if pages != {PAGES}:
                return f"annexes of {pages} pages"
        return ""


def _measure(bench, arms, kinds, **options):
    """Measure arms, each from invoices that were never sent.

    :return: seconds by arm
    """
    sink = Sink(bench)

    def check(moves):
        problem = sink.check(moves, kinds)
        reset(moves.env)
        return problem

    return bench.arms(arms, check=check, **options)


def measure(bench):
    env, beside = bench.env, bench.stock
    _measure_memory(bench)
    installed = {"stock as installed": lambda: stock(beside, COUNT, "1000")}
    tuned = {
        "stock, report.print_delay=0": lambda: stock(beside, COUNT, "0"),
        "run": lambda: ours(env, COUNT),
    }
    times = _measure(bench, tuned, KINDS)
    # Minutes for a run, most of them a sleep: everything is warm, once says it all.
    times |= _measure(bench, installed, KINDS, repeat=1, warm_up=False)
    templates = env.company.annex_template_ids
    env.company.annex_template_ids = False
    env.cr.commit()
    bare = {"run without annexes": lambda: ours(env, COUNT)}
    times |= _measure(bench, bare, KINDS[:1])
    env.company.annex_template_ids = templates
    env.cr.commit()
    for name, seconds in times.items():
        bench.note(f"{name}: {1000 * seconds / COUNT:.1f} ms per invoice")
    run = times["run"]
    bench.close("run_send", times["stock as installed"], run, target=10)
    bench.close("run_send_tuned", times["stock, report.print_delay=0"], run, 1.8)
    bench.close("run_send_annex", 1.25 * times["run without annexes"], run, target=1)


def _measure_memory(bench):
    """Compare the memory that 100 invoices need with that of all."""
    env, sink, peaks = bench.env, Sink(bench), []
    for count in (10, COUNT, MANY):  # what is loaded once does not count
        forget()
        with Memory() as memory:
            moves = ours(env, count)
        if problem := sink.check(moves, KINDS):
            raise ValueError(problem)
        reset(env)
        peaks.append(memory.peak)
        bench.note(
            f"{count} invoices: {memory.peak:.0f} MB at most, "
            f"{memory.peak - memory.before:.0f} MB of it new"
        )
    bench.close("run_send_memory", 1.3 * peaks[1], peaks[2], target=1)
