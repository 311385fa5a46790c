"""PostgreSQL: the one of the PG* variables, else a private one on a Unix socket."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg2

from . import cache, system

USER = "odoo"
# The databases are throwaway: speed before durability.
SETTINGS = """
listen_addresses = ''
fsync = off
synchronous_commit = off
full_page_writes = off
shared_buffers = 512MB
max_connections = 200
jit = off
max_wal_size = 2GB
"""


def _programs():
    """Return the folder of the newest initdb and pg_ctl, None if there is none."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted(installed, key=lambda program: int(program.parts[-3]), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path).resolve())
    return found[0].parent if found else None


def _as_owner(*command):
    """Run a command as the user who owns the cluster: PostgreSQL refuses root."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    # Not into a pipe: the server that pg_ctl starts would hold it open.
    return subprocess.run(
        [*prefix, *map(str, command)], stdout=subprocess.DEVNULL, cwd="/"
    )


class Cluster:
    """A private cluster that runs as long as somebody uses it."""

    def __init__(self):
        self.programs = _programs()
        if not self.programs:
            system.apt_install("postgresql")
            self.programs = _programs()
        place = hashlib.sha256(str(cache.cache_root()).encode()).hexdigest()[:8]
        # A socket's path is limited to about 100 characters: not in the cache.
        self.socket = Path(tempfile.gettempdir()) / f"{cache.APP}-{place}"
        self.data = self._data_folder(place)

    def _data_folder(self, place):
        folder = cache.cache_root() / f"postgresql-{self.programs.parent.name}"
        if os.geteuid() == 0:
            reachable = _as_owner("test", "-x", folder.parent).returncode == 0
            if not reachable:  # for example below root's home
                folder = Path("/var/tmp") / f"{cache.APP}-{place}" / folder.name
        return folder

    def _own(self, folder, mode=0o700):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")

    def _create(self):
        cache.step("Making a private PostgreSQL cluster")
        beside = self.data.with_name(f".{self.data.name}")
        shutil.rmtree(beside, ignore_errors=True)
        self._own(beside)
        done = _as_owner(
            self.programs / "initdb",
            *("-D", beside, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"),
            *("--auth=trust", "--no-sync", "--no-instructions"),
        )
        if done.returncode:
            sys.exit("initdb failed: see above.")
        with (beside / "postgresql.conf").open("a") as config:
            config.write(SETTINGS)
        beside.rename(self.data)

    def start(self):
        """Make and start the cluster unless that was done."""
        with cache.lock("postgresql-start"):
            if not self.data.is_dir():
                self._create()
            self._own(self.socket, 0o755)
            control = (self.programs / "pg_ctl", "-D", self.data)
            if _as_owner(*control, "status").returncode:
                log = self.data / "server.log"
                options = f"-k {self.socket}"
                started = _as_owner(*control, "-w", "-l", log, "-o", options, "start")
                if started.returncode:
                    sys.exit(f"PostgreSQL does not start, see {log}.")
            os.environ.update(PGHOST=str(self.socket), PGUSER="postgres")
            with connect("postgres") as cursor:
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [USER])
                if not cursor.fetchone():
                    cursor.execute(f"CREATE ROLE {USER} LOGIN CREATEDB")
            os.environ["PGUSER"] = USER

    def stop(self):
        _as_owner(
            *(self.programs / "pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")
        )


def _check_given():
    """Look at the PostgreSQL of the PG* variables.

    :raise SystemExit: it does not answer, or its user is not one Odoo can work with
    """
    way_out = "Unset PGHOST and PGPORT to get a private PostgreSQL."
    try:
        with connect("postgres") as cursor:
            cursor.execute(
                "SELECT current_user, rolcreatedb OR rolsuper FROM pg_roles "
                "WHERE rolname = current_user"
            )
            user, may_create = cursor.fetchone()
    except psycopg2.OperationalError as error:
        sys.exit(f"The PostgreSQL of PGHOST and PGPORT fails: {error}{way_out}")
    if user == "postgres" or not may_create:
        sys.exit(
            f"PGUSER is {user}, but Odoo wants a role with CREATEDB that is not "
            f"postgres. {way_out}"
        )


@contextlib.contextmanager
def running():
    """Provide PostgreSQL through the PG* variables for the time of the block."""
    if os.environ.get("PGHOST") or os.environ.get("PGPORT"):
        _check_given()
        yield
        return
    cluster = Cluster()
    try:
        with cache.lock("postgresql-users", shared=True):
            cluster.start()
            yield
    finally:
        with cache.lock("postgresql-users", wait=False) as last_user:
            if last_user:
                cluster.stop()


@contextlib.contextmanager
def connect(database):
    """Yield a cursor that commits each statement."""
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
