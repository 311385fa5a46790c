"""The stages of ``dev/test``, one module each.

A stage has ``TITLE`` and ``run(workbench, report)``; it reports each of its checks to
``report`` (see :mod:`cradev.report`). ``SLOW`` stages are left out by ``--fast``.
"""
