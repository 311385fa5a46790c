"""Real processes, killed at named points, on throwaway databases."""

import inspect
import traceback

from .. import cache
from ..process import Playground, checks, prepare

TITLE = "Processes that are killed"
SLOW = True


def _base(workbench, module, source):
    """Return the Odoo of a module's checks and the database that each starts from."""
    name = module.__name__.rpartition(".")[2]
    database = workbench.scratch(f"process_{name}", of=source)
    odoo = workbench.odoo
    if wanted := getattr(module, "PEERS", ()):
        odoo = odoo.with_peers()
        arguments = ("-i", ",".join(wanted), "--stop-after-init", "--no-http")
        odoo.run(database, *arguments, check=True)
    if hasattr(module, "prepare"):
        odoo.call(database, prepare, module=module.__name__)
    return odoo, database


def run(workbench, report):
    """Each check function is one check."""
    source = workbench.installed("plain")
    if not source:
        report.failed("processes", "The addon could not be installed.")
        return
    bases = {}
    for module, check in checks():
        title = inspect.getdoc(check).partition("\n")[0]
        cache.step(f"process: {title}")
        if module not in bases:
            bases[module] = _base(workbench, module, source)
        odoo, base = bases[module]
        database = workbench.scratch("process_check", of=base)
        playground = Playground(odoo, database)
        try:
            check(playground)
            complaints = playground.complaints()
            assert not complaints, "\n".join(complaints)
        except (Exception, SystemExit):
            report.failed(title, traceback.format_exc())
        else:
            report.passed(title)
        finally:
            playground.stop()
