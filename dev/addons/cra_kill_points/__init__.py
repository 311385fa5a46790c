"""Kill this Odoo process (SIGKILL) at a point named by ``CRA_KILL_AT``.

Loaded with ``--load``. The point is ``TARGET:before|after:N``, the N-th call of

- a method of a model: ``cra.report._action_send:after:2``,
- any other function or method: ``smtplib.SMTP.send_message:after:1``,
  ``odoo.sql_db.Cursor.commit:before:3``.

Nothing is rolled back, committed, flushed or closed by the process itself.
"""

import functools
import importlib
import itertools
import os
import signal

from odoo.modules.registry import Registry

TARGET, WHEN, NUMBER = os.environ["CRA_KILL_AT"].rsplit(":", 2)
_calls = itertools.count(1)


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _deadly(function):
    """Return ``function`` with the kill point in it."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        now = next(_calls) == int(NUMBER)
        if now and WHEN == "before":
            _die()
        result = function(*args, **kwargs)
        if now and WHEN == "after":
            _die()
        return result

    return wrapper


def _find(path):
    """Return (owner, name) of the function with a dotted path.

    :raise ImportError: there is no such function
    """
    names = path.split(".")
    for cut in range(len(names) - 1, 0, -1):
        try:
            owner = importlib.import_module(".".join(names[:cut]))
        except ImportError:
            continue
        for name in names[cut:-1]:
            owner = getattr(owner, name, None)
        if hasattr(owner, names[-1]):
            return owner, names[-1]
    raise ImportError(f"CRA_KILL_AT names neither a model's method nor {path}")


def _arm(owner, name):
    setattr(owner, name, _deadly(getattr(owner, name)))


def _arm_registry(registry):
    """Put the kill point into the registry's class of the model, if it names one."""
    model, _dot, method = TARGET.rpartition(".")
    if model in registry:
        _arm(registry[model], method)
    else:
        _arm(*_find(TARGET))


_new = Registry.new.__func__


@functools.wraps(_new)
def new(cls, *args, **kwargs):
    registry = _new(cls, *args, **kwargs)
    _arm_registry(registry)
    return registry


Registry.new = classmethod(new)
