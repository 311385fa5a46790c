import re

from odoo import models

WATCHED = re.compile(r"sale_timesheet_cra\.send_run_(\d{1,9})")


class IrWebsocket(models.AbstractModel):
    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        # EXTENDS 'bus'
        channels = [*channels, *self._get_watched_runs(channels)]
        return super()._build_bus_channel_list(channels)

    def _get_watched_runs(self, channels):
        """Return the sending runs somebody asks to watch and may see."""
        runs = self.env["invoice.send.run"]
        asked = [
            int(match[1])
            for channel in channels
            if isinstance(channel, str) and (match := WATCHED.fullmatch(channel))
        ]
        if not asked or not runs.has_access("read"):
            return runs
        return runs.search([("id", "in", asked)])
