"""What a second worker gains: jobs of queue_job beside plain processes."""

import contextlib
import statistics
import time

from .. import bench_data, peers, postgres
from ..process import Playground
from ..process_checks import send_queue, send_run
from . import annex_render

TITLE = "160 invoices with an annex: two workers of queue_job and two plain processes"
PEERS = (peers.QUEUE_JOB,)
COUNT, LINES = 160, 30
CHUNK_SIZE = 20  # invoices of a job
START = 20.0  # seconds in which plain processes are up
TARGET = 0.85


def prepare(env):
    moves = bench_data.invoiced_month(env, count=COUNT, lines=LINES)
    annex_render.assign(env)
    accountant = send_run.prepare_accountant(env)
    env["invoice.send.run"].with_user(accountant)._open(moves.with_user(accountant))


# === INSIDE ODOO === #


def work(env, go):
    """Do what the cron does, from a time on, until no row is left.

    :param float go: when to begin; all processes are up by then
    :return: seconds it took
    """
    outbox = env["invoice.send.outbox"]
    time.sleep(max(0, go - time.time()))
    while outbox._count_due():
        outbox._cron_process()
    return time.time() - go


# === OUTSIDE === #


@contextlib.contextmanager
def _fresh(base):
    """Yield a playground on a copy of the data, whose run was sent just now.

    :raise ValueError: somebody got no mail in the end, two, or one without annex
    """
    database = f"{base.database}_arm"
    base.odoo.create(database, template=base.database)
    playground = Playground(base.odoo, database)
    try:
        with send_run.serving_assets() as assets, playground.catcher() as catcher:
            yield playground, assets
            _check(catcher.mails())
    finally:
        playground.stop()
        base.odoo.drop(database)


def _check(mails):
    addresses = [address for mail in mails for address in mail.recipients]
    if len(addresses) != COUNT or len(set(addresses)) != COUNT:
        raise ValueError(f"{len(addresses)} mails to {len(set(addresses))} of {COUNT}")
    short = [mail.number for mail in mails if len(mail.attachments()) < 2]
    if short:
        raise ValueError(f"mails without annex: {short}")


def _plain(base, workers):
    """Return the seconds that some plain processes take."""
    with _fresh(base) as (playground, assets):
        playground.call(send_run.start, assets=assets)
        send_queue.make_overdue(playground)  # no job runner is there: the cron's
        go = time.time() + START
        calls = [playground.start(work, go=go) for _number in range(workers)]
        return max(call.result() for call in calls)


def _jobs(base, workers):
    """Return the seconds that some workers of queue_job take."""
    with _fresh(base) as (playground, assets):
        playground.server(
            f"--workers={workers}",
            "--max-cron-threads=0",
            load=PEERS,
            environment={"ODOO_QUEUE_JOB_CHANNELS": f"root:{workers}"},
        )
        playground.call(send_run.start, assets=assets)
        with postgres.connect(playground.database) as cursor:
            begin = _wait(cursor, "state != 'pending'", 1)
            return _wait(cursor, "state = 'done'", COUNT // CHUNK_SIZE) - begin


def _wait(cursor, condition, count):
    """Return the time at which that many jobs were so."""
    while True:
        cursor.execute(f"SELECT count(*) FROM queue_job WHERE {condition}")
        if cursor.fetchone()[0] >= count:
            return time.time()
        time.sleep(0.05)


def drive(bench, playground):
    arms = {
        "one plain process": lambda: _plain(playground, 1),
        "two plain processes": lambda: _plain(playground, 2),
        "one worker of queue_job": lambda: _jobs(playground, 1),
        "two workers of queue_job": lambda: _jobs(playground, 2),
    }
    walls = {name: [] for name in arms}
    for _turn in range(min(bench.repeat, 3)):  # each takes minutes
        for name, arm in arms.items():
            walls[name].append(arm())
    for name, values in walls.items():
        bench.add(name, values)
    one, two, one_job, two_jobs = map(statistics.median, walls.values())
    bench.note(f"two plain processes gain {one / two:.2f} here")
    bench.note(f"two workers of queue_job gain {one_job / two_jobs:.2f}")
    bench.close("run_queue", one_job / two_jobs, one / two, TARGET)
