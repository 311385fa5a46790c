"""The benchmarks, one module each; :mod:`cradev.bench` says how to write one."""
