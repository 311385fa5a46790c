"""Run Odoo: one-off commands and servers, on databases made from templates."""

import contextlib
import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from . import cache, odoo_source, peers, postgres

MODULE = "sale_timesheet_cra"
LAUNCHER = cache.ROOT / "dev" / "launcher" / "run.py"
#: What the templates hold: the addon's dependencies, and the languages it speaks. The
#: first language becomes the default of new contacts.
DEPENDENCIES = ("sale_timesheet", "sale_expense", "account_edi_ubl_cii", "portal")
LANGUAGES = ("en_US", "fr_FR", "es_ES")
#: To be raised when templates must be made anew.
RECIPE = 3
_RESULT = "cradev-result: "


def free_port():
    """Return a loopback port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def kill_group(process):
    """Kill a process that leads its own session, and its children: browsers too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def load_languages(env, codes):
    """Switch languages on, beside English (runs inside Odoo)."""
    languages = env["res.lang"].with_context(active_test=False)
    languages = languages.search([("code", "in", codes)])
    wizard = env["base.language.install"].create({"lang_ids": languages.ids})
    wizard.lang_install()
    env.cr.commit()


class Odoo:
    """One Odoo on one PostgreSQL, with this checkout linked as the addon."""

    #: Folders for the Python path besides Odoo's own.
    extra_path = ()

    def __init__(self, source, checkout=cache.ROOT):
        self.source = source
        self._running = set()
        self.data_dir = cache.cache_root() / "odoo-data"
        self.work = cache.cache_root() / f"checkout-{cache.checkout_key()}"
        self.link_folder = self.work / "addons"
        self.link_folder.mkdir(parents=True, exist_ok=True)
        link = self.link_folder / MODULE
        if not link.is_symlink() or link.resolve() != Path(checkout):
            link.unlink(missing_ok=True)
            link.symlink_to(checkout)

    def with_peers(self):
        """Return the same Odoo, which also finds the addons of ``dev/peers.txt``."""
        other = copy.copy(self)
        other.extra_path = (str(peers.ensure()),)
        return other

    # === DATABASES === #

    def database_name(self, purpose):
        """Return the name of this checkout's database for ``purpose``."""
        return f"cra_{cache.checkout_key()}_{purpose}"

    def template(self, *, demo, modules=DEPENDENCIES):
        """Return a database with the dependencies installed, made once per Odoo."""
        flavor = "demo" if demo else "plain"
        if modules != DEPENDENCIES:
            flavor += "_" + "_".join(modules)
        key = odoo_source.key(self.source).rpartition("-")[2]
        name = f"cra_template_{flavor}_{key}_{RECIPE}"
        with cache.lock(name):
            if not self.exists(name) or not self._filestore(name).is_dir():
                cache.step(f"Installing Odoo's own apps ({flavor} data), about 1 min")
                self.drop(name)
                beside = f"{name}_tmp"
                self.drop(beside)
                with postgres.connect("postgres") as cursor:
                    cursor.execute(
                        f'CREATE DATABASE "{beside}" TEMPLATE template0 ENCODING UTF8'
                    )
                arguments = ["-i", ",".join(modules), "--stop-after-init"]
                arguments += ["--with-demo"] if demo else []
                self.run(beside, *arguments, "--no-http", check=True)
                # Not with --load-language: on a new database that makes the first one
                # everybody's language and switches English off.
                self.call(beside, load_languages, codes=LANGUAGES)
                self._rename(beside, name)
        return name

    def create(self, name, *, template):
        """Make database ``name`` anew from another one, files included."""
        self.drop(name)
        with postgres.connect("postgres") as cursor:
            cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        files = self._filestore(template)
        if files.is_dir():
            shutil.copytree(files, self._filestore(name), copy_function=os.link)
        return name

    def drop(self, name):
        """Drop database ``name`` and its files, if they exist."""
        with postgres.connect("postgres") as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        shutil.rmtree(self._filestore(name), ignore_errors=True)

    def _rename(self, old, new):
        with postgres.connect("postgres") as cursor:
            cursor.execute(f'ALTER DATABASE "{old}" RENAME TO "{new}"')
        self._filestore(new).parent.mkdir(parents=True, exist_ok=True)
        self._filestore(old).mkdir(parents=True, exist_ok=True)
        self._filestore(old).rename(self._filestore(new))

    def exists(self, name):
        """Tell whether database ``name`` is there."""
        with postgres.connect("postgres") as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return bool(cursor.fetchone())

    def _filestore(self, name):
        return self.data_dir / "filestore" / name

    @staticmethod
    def set_parameters(database, values):
        """Write system parameters of a database that no Odoo is running on."""
        with postgres.connect(database) as cursor:
            for key, value in values.items():
                cursor.execute(
                    "INSERT INTO ir_config_parameter (key, value) VALUES (%s, %s) "
                    "ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
                    [key, value],
                )

    # === PROCESSES === #

    def command(self, database, *arguments, subcommand=(), load=()):
        """Return the command line of Odoo on ``database``.

        :param load: server-wide modules of ``dev/addons`` to load besides Odoo's own
        """
        addons = [self.link_folder, *self.source.addons_paths]
        if load:
            addons.append(cache.ROOT / "dev" / "addons")
            arguments = (*arguments, "--load", ",".join(("base", "rpc", "web", *load)))
        return [
            *(sys.executable, str(LAUNCHER), *subcommand),
            *("--database", database, "--db-filter", f"^{database}$"),
            *("--data-dir", str(self.data_dir)),
            *("--addons-path", ",".join(map(str, addons))),
            *arguments,
        ]

    def environment(self):
        """Return the environment of an Odoo process."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ODOO")}
        python_path = [str(self.source.python_path), str(cache.ROOT / "dev")]
        python_path += self.extra_path
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join(python_path),
            "ODOO_RC": str(self._config()),
            "PYTHONUNBUFFERED": "1",
        }

    def _config(self):
        """Return a configuration file, so that nobody's own is read."""
        path = self.work / "odoo.conf"
        settings = ["[options]", "list_db = False"]
        names = {"PGHOST": "db_host", "PGPORT": "db_port", "PGUSER": "db_user"}
        names["PGPASSWORD"] = "db_password"
        for variable, option in names.items():
            if os.environ.get(variable):
                settings.append(f"{option} = {os.environ[variable]}")
        text = "\n".join([*settings, ""])
        if not path.exists() or path.read_text() != text:
            path.touch(0o600)
            path.write_text(text)
        return path

    def run(
        self, database, *arguments, load=(), environment=None, check=False, log=None
    ):
        """Run Odoo to its end; its log goes to ``log`` (default: a file in the cache).

        :return: its exit code
        :raise SystemExit: with ``check``, if Odoo fails; the end of its log is shown
        """
        log = log or self.work / f"{database}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                self.command(database, *arguments, load=load),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self.environment(), **(environment or {})},
                start_new_session=True,
            )
        self._running.add(process)
        try:
            process.wait()
        except BaseException:
            kill_group(process)
            raise
        finally:
            self._running.discard(process)
        if check and process.returncode:
            sys.stderr.writelines(log.read_text().splitlines(keepends=True)[-40:])
            sys.exit(f"Odoo failed, see {log}")
        return process.returncode

    def stop_running(self):
        """Kill what :meth:`run` waits for in other threads."""
        for process in list(self._running):
            kill_group(process)

    def shell(self, database, script, *arguments, log=None, load=(), environment=None):
        """Run a Python text in ``odoo shell``, with ``env``; fail if it raises.

        :return: what the script printed to standard output
        :raise SystemExit: the script raised; the end of its log is shown
        """
        log = log or self.work / f"{database}_shell.log"
        command = self.command(
            database, "--no-http", *arguments, subcommand=("shell",), load=load
        )
        with log.open("w") as errors:
            done = subprocess.run(
                command,
                input=script,
                text=True,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**self.environment(), **(environment or {})},
            )
        if done.returncode:
            sys.stderr.writelines(log.read_text().splitlines(keepends=True)[-40:])
            sys.exit(f"The script failed in odoo shell, see {log}")
        return done.stdout

    def start_call(
        self, database, function, *, log=None, load=(), environment=None, **kwargs
    ):
        """Start ``function(env, **kwargs)`` of a module of cradev in ``odoo shell``.

        :param function: a function at the top of its module
        :param dict kwargs: values that JSON can carry
        :return: the running :class:`Call`
        """
        script = f"""
import importlib, json
function = getattr(
    importlib.import_module({function.__module__!r}), {function.__name__!r}
)
result = function(env, **json.loads({json.dumps(kwargs)!r}))
print({_RESULT!r} + json.dumps(result))
"""
        log = log or self.work / f"{database}_{function.__name__}.log"
        command = self.command(database, "--no-http", subcommand=("shell",), load=load)
        return Call(command, script, log, {**self.environment(), **(environment or {})})

    def call(self, database, function, **options):
        """Do the same, wait for it, and return what it returned, through JSON.

        :raise SystemExit: it raised; the end of the log is shown
        """
        return self.start_call(database, function, **options).result()

    @contextlib.contextmanager
    def server(self, database, *arguments, port=None, interface="127.0.0.1", log=None):
        """Serve ``database`` for the time of the block.

        :return: context manager that yields the :class:`Server`
        """
        server = Server(self, database, port or free_port(), interface, log)
        server.start(*arguments)
        try:
            yield server
        finally:
            server.stop()


class Call:
    """A function that runs inside an ``odoo shell`` of its own."""

    def __init__(self, command, script, log, environment):
        self.log = log
        self.output = log.with_suffix(".out")
        with log.open("w") as errors, self.output.open("w") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                env=environment,
                text=True,
            )
        self.process.stdin.write(script)
        self.process.stdin.close()

    def wait(self, timeout=600):
        """Wait for its end and return the exit code: -9 if it was killed."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def result(self, timeout=600):
        """Wait for its end and return what the function returned.

        :raise SystemExit: it raised or died
        """
        if self.wait(timeout):
            end = self.log.read_text().splitlines(keepends=True)[-40:]
            sys.stderr.writelines(end)
            sys.exit(f"Odoo failed, see {self.log}: {end[-1].strip() if end else ''}")
        printed = self.output.read_text().rpartition(_RESULT)[2]
        return json.loads(printed.splitlines()[0])


class Server:
    """A running Odoo HTTP server."""

    def __init__(self, odoo, database, port, interface="127.0.0.1", log=None):
        self.odoo = odoo
        self.database = database
        self.port = port
        self.interface = interface
        self.log = log or odoo.work / f"{database}_server.log"
        self.process = None

    @property
    def url(self):
        everywhere = self.interface in ("0.0.0.0", "::", "")
        return f"http://{'127.0.0.1' if everywhere else self.interface}:{self.port}"

    def start(self, *arguments, load=(), environment=None):
        """Start and wait until it answers.

        :raise SystemExit: it stopped or did not answer within two minutes
        """
        command = self.odoo.command(
            self.database,
            *("--http-interface", self.interface, "--http-port", str(self.port)),
            *arguments,
            load=load,
        )
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self.odoo.environment(), **(environment or {})},
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/web/health", timeout=30)
                return
            time.sleep(0.2)
        self.kill()
        sys.stderr.writelines(self.log.read_text().splitlines(keepends=True)[-30:])
        sys.exit(f"Odoo did not start on port {self.port}, see {self.log}")

    def stop(self):
        """Stop it in an orderly way."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self):
        """Kill it and its children at once, as a power cut would."""
        if self.process and self.process.poll() is None:
            kill_group(self.process)
