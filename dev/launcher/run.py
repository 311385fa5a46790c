"""Odoo as a script in a folder of its own.

A server with several workers starts another one by the path of its own script, which
``python -m odoo`` does not have.
"""

from odoo.cli.command import main

main()
