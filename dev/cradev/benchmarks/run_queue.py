"""What a second worker gains: jobs of queue_job beside plain processes."""

import contextlib
import statistics
import time

from .. import bench_data, peers, postgres
from ..process import Playground
from . import annex_render

TITLE = "160 invoices with an annex: two workers of queue_job and two plain processes"
PEERS = (peers.QUEUE_JOB,)
COUNT, LINES = 160, 30
TARGET = 0.85


def prepare(env):
    moves = bench_data.invoiced_month(env, count=COUNT, lines=LINES)
    annex_render.assign(env)
    env["invoice.send.run"]._open(moves)


# === INSIDE ODOO === #


def press_send(env):
    env["invoice.send.run"].search([]).action_send()
    env.cr.commit()


def forget_jobs(env):
    """Leave the rows to plain processes: as if nobody had queue_job."""
    env["queue.job"].search([]).unlink()
    env.cr.commit()


def work(env, go):
    """Take chunks of rows to the mail server until there are none, from a time on.

    :param float go: when to begin; all processes are up by then
    """
    outbox = env["invoice.send.outbox"]
    time.sleep(max(0, go - time.time()))
    while True:
        # What jobs would take; the cron leaves it to them.
        due = env["invoice.send.line"].search(outbox._get_due_domain(), order="id")
        if not due:
            return time.time() - go
        outbox._process_lines(due.ids)


# === OUTSIDE === #


@contextlib.contextmanager
def _fresh(bench):
    """Yield a playground on a copy of the data, with the run sent but not begun."""
    odoo = bench.odoo
    database = odoo.database_name("bench_run_queue_arm")
    odoo.create(database, template=bench.database)
    playground = Playground(odoo, database)
    bench.catcher.clear()
    try:
        yield playground
        _check(bench, playground)
    finally:
        playground.stop()
        odoo.drop(database)


def _check(bench, playground):
    """Fail unless each customer got one mail with an invoice and its annex.

    :raise ValueError: somebody got none, two, or less than that
    """
    mails = bench.catcher.mails()
    addresses = [address for mail in mails for address in mail.recipients]
    if len(addresses) != COUNT or len(set(addresses)) != COUNT:
        raise ValueError(f"{len(addresses)} mails to {len(set(addresses))} of {COUNT}")
    short = [mail.number for mail in mails if len(mail.attachments()) < 2]
    if short:
        raise ValueError(f"mails without annex: {short}")


def _plain(bench, workers):
    """Return the seconds that some plain processes take."""
    with _fresh(bench) as playground:
        playground.call(press_send)
        playground.call(forget_jobs)
        go = time.time() + 20
        calls = [playground.start(work, go=go) for _number in range(workers)]
        return max(call.result() for call in calls)


def _jobs(bench, workers):
    """Return the seconds that some workers of queue_job take."""
    with _fresh(bench) as playground:
        playground.server(
            f"--workers={workers + 1}",
            "--max-cron-threads=0",
            load=PEERS,
            environment={"ODOO_QUEUE_JOB_CHANNELS": f"root:{workers}"},
        )
        playground.call(press_send)
        begin = _wait(playground, "state IN ('started', 'done')", 1)
        return _wait(playground, "state = 'done'", COUNT // 20) - begin


def _wait(playground, condition, count):
    """Return the time at which that many jobs were so."""
    with postgres.connect(playground.database) as cursor:
        while True:
            cursor.execute(f"SELECT count(*) FROM queue_job WHERE {condition}")
            if cursor.fetchone()[0] >= count:
                return time.time()
            time.sleep(0.05)


def drive(bench):
    arms = {
        "one plain process": lambda: _plain(bench, 1),
        "two plain processes": lambda: _plain(bench, 2),
        "one worker of queue_job": lambda: _jobs(bench, 1),
        "two workers of queue_job": lambda: _jobs(bench, 2),
    }
    walls = {name: [] for name in arms}
    for _turn in range(min(bench.repeat, 3)):
        for name, arm in arms.items():
            walls[name].append(arm())
    for name, values in walls.items():
        bench.add(name, values)
    one, two, one_job, two_jobs = map(statistics.median, walls.values())
    bench.note(f"two plain processes gain {one / two:.2f} here")
    bench.note(f"two workers of queue_job gain {one_job / two_jobs:.2f}")
    bench.close("run_queue", one_job / two_jobs, one / two, TARGET)
