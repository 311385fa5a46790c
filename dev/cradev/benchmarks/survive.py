"""Sending runs whose worker is killed fifty times, at random.

A real Odoo with several processes, as in production, sends to a real mail server that
takes its time. Its cron worker, sometimes all of its processes, are killed with kill -9
at random instants; a killed worker is replaced by Odoo's own supervisor, a killed Odoo
is started again. Nobody helps but in one thing: Odoo looks for work once a minute, and
is woken up at once here. In the end, what each customer received is counted.
"""

import itertools
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from .. import postgres
from ..odoo import kill_group
from ..process_checks import send_run

TITLE = "Sending runs whose process is killed at random instants"
KILLS = int(os.environ.get("CRA_BENCH_KILLS", "50"))
SEED = int(os.environ.get("CRA_BENCH_SEED", "0")) or random.randrange(1, 10**6)
#: Invoices of one run, and how many runs there are at most
COUNT = 60
RUNS = max(2, KILLS // 4)
#: Every so many kills, all processes die, as in a power cut
POWER_CUT = 5
#: Seconds that the mail server takes until it has stored a mail, and until it says so
SLOW = 0.04
#: Longer than a chunk of invoices needs, from its first document to its last mail
WINDOW = 5.0
PATIENCE = 180


def prepare(env):
    """Commit posted invoices, and runs of them that wait for Send."""
    accountant = send_run.prepare_accountant(env)
    names = (f"customer{number}" for number in itertools.count())
    for _run in range(RUNS):
        invoices = send_run.post_invoices(env, list(itertools.islice(names, COUNT)))
        runs = env["invoice.send.run"].with_user(accountant)
        runs._open(invoices.with_user(accountant))
        env.cr.commit()
    # Nothing but sending is to be killed.
    worker = env.ref("sale_timesheet_cra.ir_cron_process_send_lines")
    (env["ir.cron"].search([]) - worker).active = False
    worker.active = True


# === INSIDE ODOO === #


def press_send(env):
    """Send the next run that was not sent yet.

    :return: whether there was one
    """
    run = env["invoice.send.run"].search([("state", "=", "draft")], order="id", limit=1)
    if run:
        run.with_user(env.ref("base.user_admin")).action_send()
        env.cr.commit()
    return bool(run)


def decide(env, arrived):
    """Decide on what is unconfirmed, as somebody does who asked the customers.

    :param list arrived: addresses that got their mail
    """
    lines = env["invoice.send.line"].search([("state", "=", "unconfirmed")])
    lines = lines.with_user(env.ref("base.user_admin"))
    got = lines.filtered(lambda line: line.partner_ids.email in arrived)
    got.action_confirm_arrived()
    (lines - got).action_send_unconfirmed()
    env["invoice.send.outbox"]._cron_process()
    env.cr.commit()
    return len(lines)


# === AROUND IT === #


class Service:
    """An Odoo that does nothing but scheduled work, in processes of their own."""

    def __init__(self, odoo, database):
        self.odoo = odoo
        self.database = database
        self.log = odoo.work / f"{database}_service.log"
        self.log.unlink(missing_ok=True)
        self.process = None

    def start(self):
        command = self.odoo.command(
            self.database, "--no-http", "--workers=2", "--max-cron-threads=1"
        )
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.odoo.environment(),
                start_new_session=True,
            )

    def stop(self):
        kill_group(self.process)

    def worker(self):
        """Return the id of the process that does the scheduled work, if it lives."""
        master = self.process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return int(children[0]) if children else None


class Observer:
    """Looks at the database from outside."""

    def __init__(self, database):
        self.database = database

    def ask(self, query, *values):
        with postgres.connect(self.database) as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()

    def states(self):
        return dict(
            self.ask("SELECT state, count(*) FROM invoice_send_line GROUP BY state")
        )

    def waiting(self):
        states = self.states()
        return states.get("queued", 0) + states.get("sending", 0)

    def is_working(self):
        """Tell whether a worker holds rows."""
        [(count,)] = self.ask(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE l.locktype = 'advisory' AND d.datname = %s AND l.granted",
            self.database,
        )
        return bool(count)

    def wake(self):
        """Let Odoo's scheduler look for work now, and not within a minute."""
        with postgres.connect("postgres") as cursor:
            cursor.execute("SELECT pg_notify('cron_trigger', %s)", [self.database])

    def wait_for_work(self):
        """Wait until a worker has taken rows.

        :return: False if nothing is left to do
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.is_working():
                return True
            if not self.waiting():
                return False
            self.wake()
            time.sleep(0.2)
        raise AssertionError(f"Nobody goes on with the rest: {self.states()}")


class Killing:
    """Kills at random, and remembers what it hit."""

    def __init__(self, playground, catcher):
        self.playground = playground
        self.catcher = catcher
        self.observer = Observer(playground.database)
        self.service = Service(playground.odoo, playground.database)
        self.random = random.Random(SEED)
        self.runs = 0
        self.hits = Counter()

    def work_through(self):
        """Press Send and kill until enough died, then let the rest be sent."""
        self.service.start()
        try:
            while self.observer.wait_for_work() or self.hits.total() < KILLS:
                if not self.observer.is_working():
                    if not self.playground.call(press_send):
                        raise ValueError(f"{self.hits.total()} kills: too few invoices")
                    self.runs += 1
                elif self.hits.total() < KILLS:
                    time.sleep(self.random.uniform(0, WINDOW))
                    self._kill()
                else:
                    time.sleep(0.5)
        finally:
            self.service.stop()

    def _kill(self):
        """Kill what is sending, if it still is."""
        worker = self.service.worker()
        if not worker or not self.observer.is_working():
            return
        where = "talking to the mail server" if self.catcher.sessions else "before"
        if self.hits.total() % POWER_CUT == POWER_CUT - 1:
            self.service.stop()
            self.service.start()
        else:
            os.kill(worker, signal.SIGKILL)
        self.hits[where] += 1


def drive(bench, playground):
    """Kill, count, decide, count again."""
    begun = time.monotonic()
    with (
        send_run.serving_assets() as assets,
        playground.catcher(delay=SLOW) as catcher,
    ):
        playground.call(send_run.set_assets, assets=assets)
        # Less time for documents, and more for mails.
        playground.odoo.set_parameters(playground.database, {"report.print_delay": "0"})
        killing = Killing(playground, catcher)
        killing.work_through()
        took = time.monotonic() - begun
        time.sleep(1)  # what the server had read when its client died is kept by now
        wanted, open_ = _expected(killing.observer)
        got = _received(catcher)
        decided = playground.call(decide, arrived=sorted(got))
        at_last = _received(catcher)
    once = [address for address in wanted - open_ if got[address] == 1]
    lost = [address for address in wanted - open_ if not got[address]]
    doubled = [address for address, count in got.items() if count > 1]
    bench.note(
        f"seed {SEED}: {killing.hits.total()} kills in {took:.0f} s, "
        + ", ".join(f"{count} {where}" for where, count in killing.hits.items())
    )
    bench.note(
        f"{len(wanted)} sendable invoices in {killing.runs} runs: {len(lost)} lost, "
        f"{len(doubled)} doubled, {len(open_)} unconfirmed"
    )
    right = sum(at_last[address] == 1 for address in wanted)
    bench.note(
        f"after somebody decided on {decided} unconfirmed ones: {right} of "
        f"{len(wanted)} arrived exactly once"
    )
    bench.close("survive", len(once), len(wanted - open_), target=1)
    bench.close("survive_decided", right, len(wanted), target=1)


def _expected(observer):
    """Return the addresses to be reached, and those of unconfirmed rows."""
    rows = observer.ask(
        "SELECT p.email, l.state FROM invoice_send_line l "
        "JOIN account_move m ON m.id = l.move_id "
        "JOIN res_partner p ON p.id = m.partner_id WHERE l.sending_number > 0"
    )
    if strange := [row for row in rows if row[1] not in ("sent", "unconfirmed")]:
        raise ValueError(f"Neither sent nor unconfirmed: {strange}")
    return (
        {address for address, _state in rows},
        {address for address, state in rows if state == "unconfirmed"},
    )


def _received(catcher):
    """Count the mails of each address."""
    return Counter(a for mail in catcher.mails() for a in mail.recipients)
