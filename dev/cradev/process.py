"""Real processes on a throwaway database: what a test cursor cannot show.

A check is a function ``check_*(playground)`` in a module of ``cradev.process_checks``.
The first line of its docstring is its name. It gets a database of its own with the
addon installed, with those of ``dev/peers.txt`` that the module names in ``PEERS``, and
with whatever the module's ``prepare(env)`` committed into it, runs Odoo processes on it
through the :class:`Playground`, and asserts what must hold. Such as::

    def prepare(env):
        env["res.partner"].create({"name": "A customer"})

    def send(env):                       # runs inside an Odoo process
        env["cra.report"].search([])._action_send()
        env.cr.commit()

    def check_killed_while_sending(playground):
        \"\"\"Killed between mail and commit: nobody is mailed twice.\"\"\"
        with playground.catcher() as catcher:
            playground.kill(send, at="smtplib.SMTP.send_message:after:1")
            playground.call(send)        # the next process finds the work half done
        assert len(catcher.mails()) == 2

``dev/addons/cra_kill_points`` says what ``at`` may be.
"""

import contextlib
import importlib
import pkgutil
import signal

from . import odoo_log, postgres
from .odoo import Server, free_port
from .smtp_catcher import Catcher

KILLER = "cra_kill_points"


def prepare(env, module):
    """Commit what a module of checks prepares (runs inside Odoo)."""
    importlib.import_module(module).prepare(env)
    env.cr.commit()


def set_mail_server(env, port):
    """Make the catcher Odoo's only mail server (runs inside Odoo)."""
    env["ir.mail_server"].search([]).unlink()
    env["ir.mail_server"].create(
        {
            "name": "Catcher",
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_encryption": "none",
        }
    )
    env.cr.commit()


class Playground:
    """One check's database and the processes on it."""

    def __init__(self, odoo, database):
        self.odoo = odoo
        self.database = database
        self.logs = []
        self._servers = []

    def _log(self, name):
        path = self.odoo.work / f"{self.database}_{len(self.logs)}_{name}.log"
        self.logs.append(path)
        return path

    # === FUNCTIONS IN ODOO === #

    def start(self, function, *, kill_at=None, **kwargs):
        """Start ``function(env, **kwargs)`` in an Odoo process of its own.

        :return: the running :class:`cradev.odoo.Call`
        """
        killer = {"load": (KILLER,), "environment": {"CRA_KILL_AT": kill_at}}
        return self.odoo.start_call(
            self.database,
            function,
            log=self._log(function.__name__),
            **(killer if kill_at else {}),
            **kwargs,
        )

    def call(self, function, **kwargs):
        """Run it to its end and return its result."""
        return self.start(function, **kwargs).result()

    def kill(self, function, *, at, **kwargs):
        """Run it until it dies at the named point.

        :raise AssertionError: it lived on
        """
        call = self.start(function, kill_at=at, **kwargs)
        code = call.wait()
        assert code == -signal.SIGKILL, (
            f"{function.__name__} was not killed at {at} but ended with code {code}, "
            f"see {call.log}"
        )

    # === SERVERS === #

    def server(self, *arguments, kill_at=None, load=(), environment=None):
        """Start an Odoo HTTP server; it is stopped at the end of the check.

        :param load: server-wide modules besides Odoo's own
        :return: the :class:`cradev.odoo.Server`; its ``process`` tells how it ended
        """
        server = Server(self.odoo, self.database, free_port(), log=self._log("server"))
        environment = dict(environment or {})
        if kill_at:
            load = (*load, KILLER)
            environment["CRA_KILL_AT"] = kill_at
        self._servers.append(server)
        # Only servers with several workers listen there too; the port must be free.
        arguments = ("--gevent-port", str(free_port()), *arguments)
        server.start(*arguments, load=load, environment=environment)
        return server

    def stop(self):
        for server in self._servers:
            server.stop()

    # === AROUND === #

    @contextlib.contextmanager
    def catcher(self, **options):
        """Catch the mails of this database for the time of the block."""
        folder = self.odoo.work / f"{self.database}_mails"
        with Catcher(folder, **options) as catcher:
            catcher.clear()
            self.odoo.call(self.database, set_mail_server, port=catcher.port)
            yield catcher

    def query(self, statement, *values):
        """Return the rows of an SQL query on what is committed."""
        with postgres.connect(self.database) as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def forgive(self, call):
        """Let a process complain: it was meant to fail."""
        self.logs.remove(call.log)

    def complaints(self):
        """Return what Odoo complained about in any of the processes."""
        texts = [path.read_text(errors="replace") for path in self.logs]
        return [line for text in texts for line in odoo_log.complaints(text)]


def checks():
    """Yield (module, check) of each check there is."""
    package = importlib.import_module(".process_checks", __package__)
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{found.name}")
        for name, value in vars(module).items():
            if name.startswith("check_") and callable(value):
                yield module, value
