"""Sending runs against a real mail server, killed at the worst moments.

Counted at the receiving end: each invoice's mail arrives once, or is named as the one
whose fate cannot be known.
"""

import contextlib
import http.server
import logging
import os
import signal
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

from .. import postgres
from ..process import set_mail_server
from ..smtp_catcher import HANG_UP

COLLEAGUE = "c@example.com"
COUNT = 4


def prepare(env, count=COUNT):
    """Commit some posted invoices, and a run of them by each of two people."""
    accountant = prepare_accountant(env)
    invoices = post_invoices(env, [f"customer{number}" for number in range(count)])
    colleague = accountant.copy({"login": "colleague", "email": COLLEAGUE})
    for user in (accountant, colleague):
        moves = invoices.with_user(user)
        run = env["invoice.send.run"].with_user(user)._open(moves)
        assert set(run.line_ids.mapped("state")) == {"draft"}, run.line_ids.mapped(
            "blocker_text"
        )


def prepare_accountant(env):
    """Let the administrator send invoices, and return them."""
    company = env.company
    if not company.chart_template:
        env["account.chart.template"].try_loading("generic_coa", company)
    accountant = env.ref("base.user_admin")
    accountant.group_ids += env.ref("account.group_account_invoice")
    return accountant


def post_invoices(env, names):
    """Post an invoice for a new customer of each name, at ``name@example.com``."""
    customers = env["res.partner"].create(
        [
            {
                "name": name,
                "email": f"{name}@example.com",
                "invoice_sending_method": "email",
            }
            for name in names
        ]
    )
    invoices = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "invoice_date": "2026-10-31",
                "invoice_line_ids": [
                    (0, 0, {"name": "Days", "quantity": 1, "price_unit": 500.0})
                ],
            }
            for customer in customers
        ]
    )
    invoices.action_post()
    return invoices


# === INSIDE ODOO === #


def start(env, assets):
    """Press Send.

    :param str assets: where wkhtmltopdf finds style sheets
    """
    env["ir.config_parameter"].set_param("report.url", assets)
    _run_of(env, "admin").action_send()
    env.cr.commit()


def start_with_copies(env, assets):
    """Press Send, after giving each invoice a second recipient."""
    run = _run_of(env, "admin")
    copy = env["res.partner"].create({"name": "Copy", "email": "copy@example.com"})
    for line in run.line_ids:
        line.partner_ids += copy
    start(env, assets)


def set_assets(env, assets):
    """Say where wkhtmltopdf finds style sheets, without pressing Send."""
    env["ir.config_parameter"].set_param("report.url", assets)
    env.cr.commit()


def get_assets(env):
    return env["ir.config_parameter"].get_param("report.url")


def _run_of(env, login):
    user = env["res.users"].search([("login", "=", login)])
    run = env["invoice.send.run"].search([("user_id", "=", user.id)])
    return run.with_user(user)


def _dialog_of(env, login):
    """Return what somebody has open for the first invoice of the run."""
    run = _run_of(env, login)
    move = run.line_ids.move_id[0]
    wizard = run.env["account.move.send.wizard"].with_context(
        active_model="account.move", active_ids=move.ids
    )
    return wizard.create({})


def press_later(env, login, how, folder):
    """Press Send in a transaction that began before somebody else sent everything.

    :param str how: ``run`` or ``dialog``
    :param str folder: where to say that the transaction began, and to wait for a sign
    :return: what the person is told
    """
    from odoo.exceptions import UserError
    from odoo.service.model import retrying

    press = {
        "run": lambda: _run_of(env, login).action_send(),
        "dialog": lambda: dialog.action_send_and_print(),
    }[how]
    if how == "dialog":
        dialog = _dialog_of(env, login)
        env.cr.commit()
    env["res.users"].search([], limit=1)  # its snapshot is from here on
    folder = Path(folder)
    (folder / "began").touch()
    while not (folder / "go").exists():
        time.sleep(0.05)
    try:
        retrying(press, env)
        env.cr.commit()
    except UserError as error:
        env.cr.rollback()
        return str(error)
    return "sent"


def send_by_dialog(env):
    """Send the first invoice by core's dialog, and say what became of it."""
    logging.getLogger("odoo.addons.mail.models.mail_mail").setLevel(logging.CRITICAL)
    dialog = _dialog_of(env, "admin")
    dialog.action_send_and_print()
    env.cr.commit()
    return dialog.move_id.send_line_ids.filtered("sending_number").state


def two_cursors(env):
    """Take rows with two cursors at once, as two workers do."""
    from odoo import api

    outbox = env["invoice.send.outbox"]
    with env.registry.cursor() as cr:
        other = api.Environment(cr, env.uid, {})["invoice.send.outbox"]
        with outbox._lock_due(2) as mine, other._lock_due(20) as theirs:
            taken = [mine.ids, theirs.ids]
        with other._lock_due(20) as theirs:
            return [*taken, theirs.ids]


def work(env):
    """Do what the cron does."""
    # Core logs as an error, with its traceback, what a mail server refuses.
    logging.getLogger("odoo.addons.mail.models.mail_mail").setLevel(logging.CRITICAL)
    env["invoice.send.outbox"]._cron_process()
    env.cr.commit()


def work_impatiently(env):
    """Do what the cron does, but wait for a mail server for some seconds only."""
    from odoo.addons.base.models import ir_mail_server

    ir_mail_server.SMTP_TIMEOUT = 3
    work(env)


def schedule(env, deadly):
    """Let Odoo's scheduler do its work.

    :param str deadly: address of the customer whose invoice kills who prints it
    """
    from odoo.addons.base.models.ir_cron import IrCron

    send = env.registry["account.move.send"]
    make = send._generate_invoice_documents

    def make_or_die(self, invoices_data, **options):
        if any(move.partner_id.email == deadly for move in invoices_data):
            os.kill(os.getpid(), signal.SIGKILL)
        return make(self, invoices_data, **options)

    send._generate_invoice_documents = make_or_die
    env["ir.cron"].search([]).active = False
    worker = env.ref("sale_timesheet_cra.ir_cron_process_send_lines")
    worker.write({"active": True, "nextcall": "2026-01-01"})
    env.cr.commit()
    IrCron._process_jobs(env.cr.dbname)


def pass_time(env):
    """Let the pause of the waiting rows pass.

    :return: its minutes
    """
    from odoo import fields

    lines = env["invoice.send.line"].search([("state", "=", "queued")])
    [until] = set(lines.mapped("next_try"))
    minutes = (until - fields.Datetime.now()).total_seconds() / 60
    lines.next_try = fields.Datetime.now()
    env.cr.commit()
    return minutes


def make_due(env):
    """Let the pauses pass."""
    env["invoice.send.line"].search([("state", "=", "queued")]).next_try = False
    env.cr.commit()


def core_queue(env):
    """Do what core's hourly mail queue does."""
    env["mail.mail"].process_email_queue()
    env.cr.commit()


def decide_arrived(env):
    lines = env["invoice.send.line"].search([("state", "=", "unconfirmed")])
    lines.with_user(env.ref("base.user_admin")).action_confirm_arrived()
    env.cr.commit()


# === HELPERS === #


class _Empty(http.server.BaseHTTPRequestHandler):
    """Answers as Odoo would for the style sheets of a PDF, with nothing in them."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/css")
        self.end_headers()

    def log_message(self, *_args):
        pass


@contextlib.contextmanager
def serving_assets():
    """Serve style sheets for the time of the block, and yield their address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Empty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def _started(playground, begin=start, **options):
    """Start the run beside a mail server and something that serves assets."""
    with serving_assets() as assets, playground.catcher(**options) as catcher:
        playground.call(begin, assets=assets)
        yield catcher


_ready = partial(_started, begin=set_assets)


def _states(playground):
    """Count the rows that were sent or tried by their state."""
    rows = playground.query(
        "SELECT state, count(*) FROM invoice_send_line WHERE sending_number > 0 "
        "GROUP BY state"
    )
    return dict(rows)


def _wait_for_states(playground, expected, timeout=60):
    """Wait until the rows are as expected: an answer is recorded after the mail."""
    deadline = time.monotonic() + timeout
    while (states := _states(playground)) != expected:
        assert time.monotonic() < deadline, states
        time.sleep(0.2)


@contextlib.contextmanager
def _pressed_too_late(playground, how, folder):
    """Have a colleague press Send in a transaction older than what the block does.

    :return: list that holds what the colleague is told, once the block is over
    """
    folder.mkdir(parents=True, exist_ok=True)
    for sign in ("began", "go"):
        (folder / sign).unlink(missing_ok=True)
    call = playground.start(press_later, login="colleague", how=how, folder=str(folder))
    while not (folder / "began").exists():
        assert call.process.poll() is None, call.log
        time.sleep(0.1)
    told = []
    yield told
    (folder / "go").touch()
    told.append(call.result())


def _flags(playground):
    rows = playground.query(
        "SELECT m.is_move_sent, count(*) FROM account_move m "
        "JOIN invoice_send_line l ON l.move_id = m.id AND l.sending_number > 0 "
        "GROUP BY 1"
    )
    return dict(rows)


def _assert_once_each(catcher, count=COUNT):
    # Where all of Odoo's jobs run, others of them write to our own people.
    addresses = sorted(
        address
        for mail in catcher.mails()
        for address in mail.recipients
        if address != COLLEAGUE
    )
    expected = sorted(f"customer{number}@example.com" for number in range(count))
    assert addresses == expected, addresses


# === CHECKS === #


def check_run_sends_over_one_session(playground):
    """A run sends each invoice once, with its PDF."""
    with _started(playground) as catcher:
        playground.call(work)
        _assert_once_each(catcher)
        for mail in catcher.mails():
            kinds = [kind for _name, kind, _content in mail.attachments()]
            assert "application/pdf" in kinds, kinds
    assert _states(playground) == {"sent": COUNT}
    assert _flags(playground) == {True: COUNT}


def check_killed_while_making_documents(playground):
    """Killed while documents are made: the next worker sends each once."""
    with _started(playground) as catcher:
        playground.kill(work, at="account.move.send._link_invoice_documents:after:1")
        assert _states(playground) == {"queued": COUNT}
        playground.call(work)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT}


def check_killed_before_the_conversation(playground):
    """Killed after the mail was posted, before SMTP: sent once by the next worker."""
    with _started(playground) as catcher:
        playground.kill(work, at="smtplib.SMTP.send_message:before:2")
        assert _states(playground) == {"sent": 1, "queued": COUNT - 1}
        playground.call(core_queue)
        assert len(catcher.mails()) == 1
        playground.call(work)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT}


def check_killed_after_the_servers_yes(playground):
    """Killed between the server's yes and the commit: unconfirmed, not sent again."""
    with _started(playground) as catcher:
        playground.kill(work, at="smtplib.SMTP.send_message:after:2")
        assert len(catcher.mails()) == 2
        playground.call(work)
        playground.call(core_queue)
        playground.call(make_due)
        playground.call(work)
        _assert_once_each(catcher)
        assert _states(playground) == {"sent": COUNT - 1, "unconfirmed": 1}
        assert _flags(playground) == {True: COUNT - 1, False: 1} or _flags(
            playground
        ) == {True: COUNT - 1, None: 1}
        playground.call(decide_arrived)
        playground.call(work)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT}


def check_server_down_and_up_again(playground):
    """The mail server is down: nothing is flagged sent, all leaves once it is back."""
    with _started(playground) as catcher:
        playground.call(set_mail_server, port=1)  # nobody listens there
        playground.call(work)
        assert _states(playground) == {"queued": COUNT}
        assert True not in _flags(playground)
        playground.call(set_mail_server, port=catcher.port)
        playground.call(work)
        assert not catcher.mails(), "its pause is not over"
        playground.call(make_due)
        playground.call(work)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT}


def check_server_that_hangs_up_before_the_body(playground):
    """The server hangs up on a recipient: nothing was handed over, so tried again."""
    with _started(playground) as catcher:
        catcher.refuse("customer2@", HANG_UP, times=2)
        playground.call(work)
        playground.call(make_due)
        playground.call(work)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT}


def check_server_that_hangs_up_between_two_recipients(playground):
    """The server hangs up between an invoice's two mails: each is sent once."""
    with _started(playground, begin=start_with_copies) as catcher:
        catcher.refuse("copy@", HANG_UP, times=1)
        playground.call(work)
        playground.call(make_due)
        playground.call(work)
        reached = Counter(mail.recipients[0] for mail in catcher.mails())
    assert reached.pop("copy@example.com") == COUNT, reached
    assert set(reached.values()) == {1} and len(reached) == COUNT, reached
    assert _states(playground) == {"sent": COUNT}


def check_server_that_hangs_up_after_the_body(playground):
    """The server takes a mail and hangs up: unconfirmed, the others arrive."""
    with _started(playground) as catcher:
        catcher.refuse("customer2@", HANG_UP, when="data", kept=True)
        playground.call(work)
        playground.call(make_due)
        playground.call(work)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT - 1, "unconfirmed": 1}


def check_server_that_hangs_up_after_each_body(playground):
    """The server hangs up on every mail: two are unconfirmed, the others wait."""
    with _started(playground) as catcher:
        catcher.refuse(".", HANG_UP, when="data", kept=True)
        playground.call(work)
        assert _states(playground) == {"unconfirmed": 2, "queued": COUNT - 2}
        catcher.rules.clear()
        playground.call(make_due)
        playground.call(work)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT - 2, "unconfirmed": 2}


def check_server_that_is_too_slow(playground):
    """The server does not answer in time: all leaves once it does, nothing twice."""
    with _started(playground, delay=15) as catcher:
        playground.call(work_impatiently)
        assert _states(playground) == {"queued": COUNT}
        assert True not in _flags(playground)
        catcher.delay = 0
        playground.call(make_due)
        playground.call(work_impatiently)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT}


def check_server_down_for_an_hour(playground):
    """The server is down for more than an hour: pauses grow, then all leaves."""
    pauses = []
    with _started(playground) as catcher:
        playground.call(set_mail_server, port=1)  # nobody listens there
        while sum(pauses) < 60:
            playground.call(work)
            assert _states(playground) == {"queued": COUNT}
            assert True not in _flags(playground)
            pauses.append(playground.call(pass_time))
        playground.call(set_mail_server, port=catcher.port)
        playground.call(work)
        _assert_once_each(catcher)
    assert [round(pause) for pause in pauses] == [1, 5, 15, 30, 60], pauses
    assert _states(playground) == {"sent": COUNT}


def check_database_that_starts_again(playground):
    """The database restarts before the server's yes is recorded: it is, afterwards."""
    with _started(playground) as catcher:
        catcher.on_keep = partial(_restart_database, playground, catcher)
        call = playground.start(work)
        assert call.wait() != 0, "its connection was to be lost"
        playground.forgive(call)
        assert len(catcher.mails()) == 1
        playground.call(work)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT}


def _restart_database(playground, catcher, _recipients):
    """Do to its clients what a restart of PostgreSQL does, for some seconds, once."""
    catcher.on_keep = None
    name = playground.database

    def allow(whether):
        with postgres.connect("postgres") as cursor:
            cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {whether}')

    allow(False)
    threading.Timer(3, allow, [True]).start()
    with postgres.connect("postgres") as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [name],
        )


def check_invoice_that_changes_while_it_leaves(playground):
    """Somebody changes an invoice while its mail leaves: it is sent, and says so."""
    with _started(playground) as catcher:
        catcher.on_keep = partial(_change_invoice, playground)
        call = playground.start(work)
        call.result()
        playground.forgive(call)  # two transactions met
        playground.call(make_due)
        playground.call(work)
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT}
    assert _flags(playground) == {True: COUNT}


def _change_invoice(playground, recipients):
    playground.query(
        "UPDATE account_move SET ref = 'changed' WHERE partner_id IN ("
        "SELECT id FROM res_partner WHERE email = ANY(%s)) RETURNING id",
        recipients,
    )


def check_invoice_that_kills_the_worker(playground):
    """An invoice kills each worker that prints it: it waits, the others are sent."""
    deadly = "customer0@example.com"
    with _started(playground) as catcher:
        for _death in range(3):  # the third worker suspects an invoice
            assert playground.start(schedule, deadly=deadly).wait() == -signal.SIGKILL
        assert not catcher.mails()
        pause = playground.start(schedule, deadly=deadly)  # Odoo waits a while now
        pause.result()
        playground.forgive(pause)
        playground.call(schedule, deadly=deadly)
        reached = [mail.recipients[0] for mail in catcher.mails()]
        assert deadly not in reached and len(reached) == COUNT - 1, reached
    assert _states(playground) == {"sent": COUNT - 1, "queued": 1}


def check_server_that_refuses(playground):
    """550 fails its row for good, 451 is tried again; the rest is sent."""
    with _started(playground) as catcher:
        catcher.refuse("customer1@", "550 5.1.1 No such user here")
        catcher.refuse("customer2@", "451 4.7.1 Greylisted", times=1)
        playground.call(work)
        assert _states(playground) == {"sent": COUNT - 2, "failed": 1, "queued": 1}
        playground.call(make_due)
        playground.call(work)
        assert len(catcher.mails()) == COUNT - 1
    assert _states(playground) == {"sent": COUNT - 1, "failed": 1}
    [(error,)] = playground.query(
        "SELECT error FROM invoice_send_line WHERE state = 'failed'"
    )
    assert "No such user here" in error, error


def check_two_workers_at_once(playground):
    """Two workers on the same rows: each invoice is sent once."""
    with _started(playground, delay=0.3) as catcher:
        calls = [playground.start(work) for _number in range(2)]
        for call in calls:
            call.result()
        _assert_once_each(catcher)
    assert _states(playground) == {"sent": COUNT}


def check_two_cron_workers(playground):
    """A server with two cron workers sends a run by itself, each invoice once."""
    with _started(playground) as catcher:
        playground.server("--workers=1", "--max-cron-threads=2")
        catcher.wait_for(COUNT, timeout=120)
        _wait_for_states(playground, {"sent": COUNT})
        _assert_once_each(catcher)


def check_two_cursors(playground):
    """Rows that one worker holds are skipped by the others, and free afterwards."""
    with _started(playground):
        mine, theirs, after = playground.call(two_cursors)
    assert len(mine) == 2 and len(theirs) == COUNT - 2, (mine, theirs)
    assert not set(mine) & set(theirs), (mine, theirs)
    assert sorted(after) == sorted(mine + theirs), after


def check_two_people_send_the_same_run(playground):
    """Two people send the same invoices at once: each leaves once, the second is told.

    The second one's transaction began before the first one's and ends after it.
    """
    signs = playground.odoo.work / "signs"
    with _ready(playground) as catcher:
        with _pressed_too_late(playground, "run", signs) as told:
            playground.call(start, assets=playground.call(get_assets))
            playground.call(work)
        playground.call(work)
        _assert_once_each(catcher)
    assert "nothing to send" in told[0], told
    assert _states(playground) == {"sent": COUNT}


def check_a_run_and_the_dialog(playground):
    """A run and core's dialog send the same invoice at once: it leaves once."""
    signs = playground.odoo.work / "signs"
    with _ready(playground) as catcher:
        with _pressed_too_late(playground, "dialog", signs) as told:
            playground.call(start, assets=playground.call(get_assets))
            playground.call(work)
        playground.call(work)
        _assert_once_each(catcher)
    assert "sent" in told[0] and "open it again" in told[0], told
    assert _states(playground) == {"sent": COUNT}


def check_the_dialog_sends_at_once(playground):
    """The dialog's mail has left when the dialog closes."""
    with _ready(playground) as catcher:
        assert playground.call(send_by_dialog) == "sent"
        assert len(catcher.mails()) == 1
        playground.call(work)
        playground.call(core_queue)
        assert len(catcher.mails()) == 1


def check_the_dialog_killed_after_the_servers_yes(playground):
    """The dialog dies between the server's yes and the commit: never sent twice."""
    with _ready(playground) as catcher:
        playground.kill(send_by_dialog, at="smtplib.SMTP.send_message:after:1")
        playground.call(work)
        playground.call(core_queue)
        assert len(catcher.mails()) == 1
    assert _states(playground) == {"unconfirmed": 1}
    assert _flags(playground) != {True: 1}


def check_the_dialog_while_the_server_is_down(playground):
    """The dialog while the mail server is down: the mail leaves once it is back."""
    with _ready(playground) as catcher:
        playground.call(set_mail_server, port=1)  # nobody listens there
        assert playground.call(send_by_dialog) == "queued"
        assert _flags(playground) != {True: 1}
        playground.call(set_mail_server, port=catcher.port)
        playground.call(make_due)
        playground.call(work)
        assert len(catcher.mails()) == 1
    assert _states(playground) == {"sent": 1}
    assert _flags(playground) == {True: 1}
