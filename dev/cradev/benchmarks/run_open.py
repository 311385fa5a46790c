"""Opening and confirming a run of 500 invoices against core's batch wizard.

What the server does between the click on Send in the list and the answer to the last
button, forms included, as the web client reads them.
"""

from .. import bench_data
from . import annex_render

TITLE = "Opening and confirming the sending of 500 invoices of 30 timesheets"
BESIDE_STOCK = True
FEW, MANY, LINES = 100, 500, 30
MOST_QUERIES, MOST_QUERIES_EACH = 200, 0.1
#: What the web client reads of a list within a form at once
PAGE = 80


def prepare(env):
    bench_data.invoiced_month(env, count=MANY, lines=LINES)


def configure(env):
    """Let each invoice have an annex, so that there is something to check."""
    annex_render.assign(env)
    # As in core's database: core would look up its layout again for each invoice.
    env.ref(annex_render.MAIL_TEMPLATE).report_template_ids = False
    # As if they had been posted with the template there.
    _invoices(env, MANY)._update_annexes()


def _invoices(env, count):
    return env["account.move"].search(
        [("move_type", "=", "out_invoice")], order="id", limit=count
    )


def _end_request(env):
    """Write what a request writes before it commits, and forget what it had read."""
    env.flush_all()
    env.cr.precommit.run()
    env.invalidate_all()


def fields_to_read(env, model):
    """Return what the web client reads of a form, as its view says."""
    from odoo.tests import Form

    # Nobody may make a run but by Send; its form is opened to be looked at only.
    spec = Form(env[model].sudo())._view["fields_spec"]
    return _as_web_client(env[model], spec)


def _as_web_client(model, spec):
    """Add the names of records, and read lists by pages."""
    for name, wanted in spec.items():
        field = model._fields[name]
        if field.type == "one2many":
            _as_web_client(model.env[field.comodel_name], wanted["fields"])
            wanted["limit"] = PAGE
        elif field.relational:
            wanted["fields"] = {"display_name": {}}
    return spec


def stock(env, count):
    """Open the wizard, and press its button.

    :return: how many invoices wait for core's cron
    """
    moves = _invoices(env, count)
    spec = {"move_ids": {}, "summary_data": {}, "alerts": {}}
    wizards = env["account.move.send.batch.wizard"].with_context(
        active_model="account.move", active_ids=moves.ids
    )
    wizards.onchange({}, [], spec)
    _end_request(env)
    saved = wizards.web_save({"move_ids": [(6, 0, moves.ids)]}, spec)
    _end_request(env)
    wizards.browse(saved[0]["id"]).action_send_and_print()
    _end_request(env)
    return len(moves.filtered("sending_data"))


def ours(env, count, spec):
    """Click on Send, read the page, press its button, read the page again.

    :return: how many invoices wait for the outbox
    """
    action = _invoices(env, count).action_send_and_print()
    _end_request(env)
    run = env[action["res_model"]].browse(action["res_id"])
    run.web_read(spec)
    _end_request(env)
    run.action_send()
    _end_request(env)
    run.web_read(spec)
    _end_request(env)
    return len(run.line_ids.filtered(lambda line: line.state == "queued"))


def measure(bench):
    admin = bench.env.ref("base.user_admin")
    env, beside = bench.env(user=admin), bench.stock(user=admin.id)
    # All crons are off here; without this one, core's button refuses.
    beside.ref("account.ir_cron_account_move_send").active = True
    beside.cr.commit()
    spec = fields_to_read(env, "invoice.send.run")

    def check(queued):
        return "" if queued == MANY else f"{queued} of {MANY} wait to be sent"

    arms = {
        "stock wizard": lambda: stock(beside, MANY),
        "run": lambda: ours(env, MANY, spec),
    }
    times = bench.arms(arms, check=check)
    queries = {}
    for count in (FEW, MANY):
        queued, *_times, queries[count] = bench.run(lambda n=count: ours(env, n, spec))
        bench.rollback()
        if queued != count:
            raise ValueError(f"{queued} of {count} wait to be sent")
    each = (queries[MANY] - queries[FEW]) / (MANY - FEW)
    bench.note(
        f"queries of the run: {queries[FEW]} for {FEW} invoices, {queries[MANY]} for "
        f"{MANY}: {each:.3f} for each further one"
    )
    bench.close("run_open", times["stock wizard"], times["run"], target=20)
    bench.close("run_open_queries", MOST_QUERIES, queries[MANY], target=1)
    bench.close("run_open_queries_each", MOST_QUERIES_EACH, max(each, 0.001), target=1)
