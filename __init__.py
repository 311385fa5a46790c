from . import controllers
from . import models
from . import wizards


def uninstall_hook(env):
    env["invoice.send.outbox"]._forget_jobs()
