"""Set up a real Odoo 19 with the addon, play one month end in it, serve it."""

import argparse
import contextlib
import signal
import socket
import sys

from . import cache, month_end, odoo_source, postgres, process, system, wkhtmltopdf
from .mail_page import MailPage
from .odoo import MODULE, Odoo, Server
from .smtp_catcher import Catcher

#: option -> (default port, what listens there)
PORTS = {
    "port": (8069, "Odoo"),
    "smtp_port": (2525, "the SMTP catcher"),
    "mail_port": (8025, "the page with the mails"),
}
#: Set in the database when the month end was played to its end.
DONE = "cra_dev.demo_done"


def parse(arguments):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="dev/demo",
        description="Set up a real Odoo 19 with the addon at work and serve it until "
        "Ctrl-C. The first run plays a month end; later ones keep its data.",
    )
    parser.add_argument("--fresh", action="store_true", help="start over")
    for name, (port, what) in PORTS.items():
        option = f"--{name.replace('_', '-')}"
        text = f"port of {what} (default: {port})"
        parser.add_argument(option, type=int, default=port, help=text)
    parser.add_argument(
        "--interface",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine only)",
    )
    return parser.parse_args(arguments)


def check_ports(options):
    """Fail at once if somebody listens on one of the ports.

    :raise SystemExit: names the port and the option that changes it
    """
    for name, (_default, what) in PORTS.items():
        port = getattr(options, name)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((options.interface, port))
            except (OSError, OverflowError) as error:
                sys.exit(
                    f"Port {port} for {what} cannot be used ({error}). "
                    f"Choose another one with --{name.replace('_', '-')}."
                )


def addon_key():
    """Return a digest of the addon's files, to see that they changed."""
    folders = [cache.ROOT / "__manifest__.py"]
    for folder in cache.ROOT.iterdir():
        if folder.is_dir() and folder.name not in {"dev", ".git", "tests"}:
            folders += (path for path in folder.rglob("*") if path.is_file())
    return cache.file_key(
        *sorted(path for path in folders if path.suffix not in {".pyc", ".md"})
    )


def played(odoo, database):
    """Return which addon played the month end in the demo database, if one did."""
    if not odoo.exists(database):
        return None
    with postgres.connect(database) as cursor:
        cursor.execute("SELECT value FROM ir_config_parameter WHERE key = %s", [DONE])
        row = cursor.fetchone()
        return row and row[0]


def make(odoo, database, mails, catcher):
    """Make the demo database anew."""
    odoo.create(database, template=odoo.template(demo=True))
    cache.step("Installing the addon with demo data")
    arguments = ("-i", MODULE, "--with-demo", "--stop-after-init", "--no-http")
    odoo.run(database, *arguments, check=True)
    odoo.call(database, process.set_mail_server, port=catcher.port)
    # Odoo's own demo data leaves dozens of mails about its own stories in the queue.
    with postgres.connect(database) as cursor:
        cursor.execute("UPDATE mail_mail SET state = 'cancel' WHERE state = 'outgoing'")
    catcher.clear()


def refresh(odoo, database, catcher):
    """Tell a kept database where things are now; update the addon if it changed."""
    with postgres.connect(database) as cursor:
        cursor.execute("UPDATE ir_mail_server SET smtp_port = %s", [catcher.port])
    if played(odoo, database) != addon_key():
        cache.step("Updating the addon in the demo database")
        arguments = ("-u", MODULE, "--stop-after-init", "--no-http")
        odoo.run(database, *arguments, check=True)
        odoo.set_parameters(database, {DONE: addon_key()})


def print_addresses(server, page):
    """Print where to look and who to be."""
    print(f"\nOdoo    {server.url}")
    print(f"Mails   {page.url}   (files in {page.folder})\n")
    for who, login, password in month_end.logins():
        print(f"  {who:32} {login} / {password}")
    print("\nCtrl-C stops it; dev/demo starts it again with its data.", flush=True)


def serve(odoo, options):
    """Bring everything up, play the month end if need be, serve until Ctrl-C."""
    database = odoo.database_name("demo")
    mails = odoo.work / "demo-mails"
    first = options.fresh or not played(odoo, database)
    server = Server(odoo, database, options.port, options.interface)
    with contextlib.ExitStack() as stack:
        catcher = stack.enter_context(Catcher(mails, options.smtp_port))
        page = MailPage(mails, options.mail_port, options.interface)
        stack.enter_context(page)
        if first:
            make(odoo, database, mails, catcher)
        else:
            refresh(odoo, database, catcher)
        parameters = {"web.base.url": server.url, "report.url": server.url}
        odoo.set_parameters(database, {**parameters, "web.base.url.freeze": "True"})
        cache.step("Starting Odoo")
        stack.callback(server.stop)
        server.start()
        if first:
            cache.step("Playing a month end")
            month_end.play(odoo, database, server, catcher, page)
            odoo.set_parameters(database, {DONE: addon_key()})
        print_addresses(server, page)
        with contextlib.suppress(KeyboardInterrupt):
            code = server.process.wait()
            sys.exit(f"Odoo stopped by itself with code {code}, see {server.log}.")
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        cache.step("Stopping")


def interrupt(number, frame):
    """Make SIGTERM mean Ctrl-C."""
    raise KeyboardInterrupt


def main(arguments=None):
    options = parse(arguments)
    check_ports(options)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        system.ensure()
        wkhtmltopdf.ensure()
        source = odoo_source.ensure()
        with (
            postgres.running(),
            cache.lock(f"demo-{cache.checkout_key()}", wait=False) as ours,
        ):
            if not ours:
                sys.exit("A demo of this checkout is running already.")
            serve(Odoo(source), options)
    except KeyboardInterrupt:
        sys.exit("Interrupted before the demo was ready; the next dev/demo goes on.")


if __name__ == "__main__":
    main()
