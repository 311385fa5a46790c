"""What the stages of a test run share: Odoo, its databases, the person's wishes."""

import threading

from . import cache, odoo_log
from .odoo import MODULE


class Workbench:
    """One test run's Odoo and the databases it made."""

    def __init__(self, odoo, report, *, keep=False):
        self.odoo = odoo
        self.report = report
        self.keep = keep
        self._locks = {"plain": threading.Lock(), "demo": threading.Lock()}
        self._installed = {}
        self._scratch = []
        self.stopped = False

    def stop(self):
        """End the Odoo processes that run; no further stage starts."""
        self.stopped = True
        self.odoo.stop_running()

    def installed(self, flavor):
        """Return the database with the addon freshly installed; count that as checks.

        Made once per run, whoever asks first.

        :param str flavor: ``plain`` (no demo data) or ``demo``
        :return: its name, ``None`` if the installation failed
        """
        with self._locks[flavor]:
            if flavor not in self._installed:
                self._installed[flavor] = self._install(flavor)
            return self._installed[flavor]

    def _install(self, flavor):
        odoo, report = self.odoo, self.report.stage("install")
        demo = flavor == "demo"
        database = odoo.database_name(f"installed_{flavor}")
        odoo.create(database, template=odoo.template(demo=demo))
        self._scratch.append(database)
        cache.step(f"Installing the addon ({flavor} data)")
        log = odoo.work / f"{database}.log"
        arguments = ["-i", MODULE, "--stop-after-init", "--no-http"]
        arguments += ["--with-demo"] if demo else []
        failed = odoo.run(database, *arguments, log=log)
        text = log.read_text(errors="replace")
        loaded = f"Module {MODULE} loaded" in text
        if failed or not loaded:
            problem = f"Odoo ended with code {failed}, see {log}\n{text[-3000:]}"
            report.failed(f"install with {flavor} data", problem)
            return None
        report.passed(f"install with {flavor} data")
        report.that(f"log of the installation ({flavor})", odoo_log.complaints(text))
        return database

    def scratch(self, purpose, *, of):
        """Return a throwaway copy of database ``of``."""
        database = self.odoo.database_name(purpose)
        self.odoo.create(database, template=of)
        self._scratch.append(database)
        return database

    def clean(self):
        """Drop what this run made, unless databases are kept."""
        if self.keep:
            return
        for database in self._scratch:
            self.odoo.drop(database)
