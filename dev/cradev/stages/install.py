"""Install the addon on a database without and on one with demo data."""

TITLE = "Installation without and with demo data"


def run(workbench, report):
    """The workbench counts the installations: other stages start from them."""
    workbench.installed("plain")
    workbench.installed("demo")
