"""Approvers' links stay out of the server's own log."""

import logging

from ..models.cra_secret import hide_secrets


class HideSecrets(logging.Filter):
    """Takes the secret out of the addresses that are logged."""

    def filter(self, record):
        if isinstance(record.args, tuple):
            record.args = tuple(
                hide_secrets(value) if isinstance(value, str) else value
                for value in record.args
            )
        return True


logging.getLogger("werkzeug").addFilter(HideSecrets())
