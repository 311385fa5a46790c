"""Sending runs as jobs of the OCA's queue_job: the real addon, runner and workers.

Counted at the receiving end, as in :mod:`.send_run`.
"""

import logging
import os
import signal
import time

from .. import peers
from ..odoo import MODULE
from . import send_run
from .send_run import _assert_once_each, _started, _states, _wait_for_states, work

PEERS = (peers.QUEUE_JOB,)
COUNT = 64
CHUNKS = 4  # of at most 20 invoices
CHANNEL = "root.invoice_sending"


def prepare(env):
    """Commit some posted invoices and a run of them."""
    send_run.prepare(env, count=COUNT)


# === INSIDE ODOO === #


def schedule(env, when):
    """Press Send Later."""
    run = send_run._run_of(env, "admin")
    run.scheduled_on = when
    run.action_schedule()
    env.cr.commit()


def cancel_jobs(env):
    """Do what an administrator can do in the list of jobs."""
    env["queue.job"].search([]).button_cancelled()
    env.cr.commit()


def uninstall(env):
    env["ir.module.module"].search([("name", "=", MODULE)]).button_immediate_uninstall()


def uninstall_queue_job(env):
    # Odoo tries to delete the root channel before ours, then the other way round.
    logging.getLogger("odoo.sql_db").setLevel(logging.CRITICAL)
    module = env["ir.module.module"].search([("name", "=", peers.QUEUE_JOB)])
    module.button_immediate_uninstall()


# === HELPERS === #


def _serve(playground, capacity=2):
    """Start a server with the job runner, and workers for as many jobs and one more."""
    return playground.server(
        f"--workers={capacity + 1}",
        "--max-cron-threads=0",
        # Core logs as an error, with its traceback, what a mail server refuses.
        "--log-handler=odoo.addons.mail.models.mail_mail:CRITICAL",
        load=(peers.QUEUE_JOB,),
        environment={"ODOO_QUEUE_JOB_CHANNELS": f"root:{capacity}"},
    )


def _jobs(playground):
    """Return state, channel, worker and the time each job waits for."""
    return playground.query(
        "SELECT state, channel, worker_pid, eta FROM queue_job ORDER BY id"
    )


def make_overdue(playground):
    """Let the time pass for which the cron leaves rows to their jobs."""
    playground.query(
        "UPDATE invoice_send_line SET write_date = write_date - INTERVAL '11 minutes', "
        "next_try = next_try - INTERVAL '11 minutes' RETURNING id"
    )


# === CHECKS === #


def check_jobs_over_two_workers(playground):
    """A run is a job per chunk in a channel of its own, on two workers, each once."""
    with _started(playground, delay=0.05) as catcher:
        jobs = _jobs(playground)
        assert {job[:2] for job in jobs} == {("pending", CHANNEL)}, jobs
        assert len(jobs) == CHUNKS, jobs
        _serve(playground)
        catcher.wait_for(COUNT, timeout=180)
        _wait_for_states(playground, {"sent": COUNT})
        _assert_once_each(catcher, COUNT)
    jobs = _jobs(playground)
    assert {job[0] for job in jobs} == {"done"}, jobs
    assert len({job[2] for job in jobs}) > 1, jobs


def check_a_jobs_worker_killed(playground):
    """A worker killed in the middle of its job: the rest arrives once all the same."""
    with _started(playground, delay=0.1) as catcher:
        _serve(playground)
        catcher.wait_for(10, timeout=120)
        [started, *_others] = [job for job in _jobs(playground) if job[0] == "started"]
        os.kill(started[2], signal.SIGKILL)
        deadline = time.monotonic() + 180
        while (states := _states(playground)).keys() & {"queued", "sending"}:
            assert time.monotonic() < deadline, (states, _jobs(playground))
            time.sleep(0.5)
        unknown = playground.query(
            "SELECT c.email FROM invoice_send_line l JOIN account_move m "
            "ON m.id = l.move_id JOIN res_partner c ON c.id = m.partner_id "
            "WHERE l.state = 'unconfirmed'"
        )
        addresses = [address for mail in catcher.mails() for address in mail.recipients]
        assert len(unknown) <= 1, unknown
        assert len(addresses) == len(set(addresses)), "somebody got it twice"
        assert COUNT - len(addresses) <= len(unknown), (len(addresses), unknown)
        assert states.get("sent") == COUNT - len(unknown), states


def check_a_lost_job(playground):
    """Jobs that are cancelled lose no invoice: the cron takes what is overdue."""
    with _started(playground) as catcher:
        playground.call(cancel_jobs)
        playground.call(work)
        assert not catcher.mails(), "the cron leaves to jobs what is not overdue"
        make_overdue(playground)
        playground.call(work)
        _assert_once_each(catcher, COUNT)
    assert _states(playground) == {"sent": COUNT}


def check_jobs_wait_for_a_busy_server(playground):
    """A server that is busy gets the same mails by another job, after a pause."""
    with _started(playground) as catcher:
        catcher.refuse("customer1[0-9]@", "451 4.7.1 Greylisted", times=10)
        _serve(playground)
        catcher.wait_for(COUNT - 10, timeout=120)
        _wait_for_states(playground, {"sent": COUNT - 10, "queued": 10})
        waiting = [job for job in _jobs(playground) if job[0] == "pending"]
        assert waiting and all(job[3] for job in waiting), _jobs(playground)
        assert len(waiting) <= 3, "jobs for the same minute are made together"
        # Let the pause pass.
        playground.query("UPDATE invoice_send_line SET next_try = NULL RETURNING id")
        playground.query(
            "UPDATE queue_job SET eta = now() AT TIME ZONE 'UTC' "
            "WHERE state = 'pending' RETURNING id"
        )
        catcher.wait_for(COUNT, timeout=120)
        _wait_for_states(playground, {"sent": COUNT})
        _assert_once_each(catcher, COUNT)


def check_jobs_of_a_scheduled_run(playground):
    """A run to be sent later makes jobs for that time."""
    when = "2030-01-01 06:00:00"
    with playground.catcher() as catcher:
        playground.call(schedule, when=when)
        assert {str(job[3]) for job in _jobs(playground)} == {when}
        playground.call(work)
        assert not catcher.mails()


def check_uninstalled_with_jobs(playground):
    """Uninstalled, the addon takes its jobs and their channel along."""
    with _started(playground):
        playground.call(uninstall)
    assert not _jobs(playground)
    for table, column in (
        ("queue_job_channel", "complete_name"),
        ("queue_job_function", "name"),
    ):
        rows = playground.query(f"SELECT {column} FROM {table}")
        assert not [name for (name,) in rows if "invoice" in name], rows


def check_queue_job_uninstalled(playground):
    """With queue_job uninstalled, the cron sends what its jobs would have sent."""
    with _started(playground) as catcher:
        playground.call(uninstall_queue_job)
        playground.call(work)
        _assert_once_each(catcher, COUNT)
    assert _states(playground) == {"sent": COUNT}
