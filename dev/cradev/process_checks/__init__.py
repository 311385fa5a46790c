"""Checks with real processes; :mod:`cradev.process` says how to write one."""
