import contextlib
import time

import psycopg2

from odoo import SUPERUSER_ID, api, models
from odoo.modules.registry import Registry

from .invoice_send_line import QUEUED, SENDING, UNCONFIRMED

PATIENCE = 60  # seconds to wait for a database that went away


class InvoiceSendOutbox(models.AbstractModel):
    """What the outbox does after a death: of the worker before it, or of the database.

    What was queued needs nothing: it is taken like any other row.
    """

    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.outbox"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _recover(self):
        """Find rows whose worker died between the claim and the answer."""
        with self._lock([("state", "=", SENDING)], limit=1000) as lines:
            lines._set_unconfirmed()
            lines.run_id._update_state()
            self.env.cr.commit()

    @api.model
    def _died_twice(self):
        """Tell whether the two workers before this one died without any progress.

        One of their invoices may have killed them. They go one by one then, each put
        off in case that it does so again: the others do not wait behind it.
        """
        progress_id = self.env.context.get("ir_cron_progress_id")
        # sudo: core's own record of this job, which counts starts without an end
        progress = self.env["ir.cron.progress"].sudo().browse(progress_id or ())
        return progress.timed_out_counter > 2

    @api.model
    def _record_accepted_afresh(self, mail_id):
        """Record the mail server's yes over a new connection, once there is one.

        The old one was lost, or somebody changed the invoice at the same time. Should
        this fail too, the row is unconfirmed.
        """
        for _second in range(PATIENCE):
            with contextlib.suppress(
                psycopg2.OperationalError, psycopg2.InterfaceError
            ):
                with Registry(self.env.cr.dbname).cursor() as cr:
                    lines = api.Environment(cr, SUPERUSER_ID, {})["invoice.send.line"]
                    lines = lines.search(
                        [
                            ("pending_mail_id", "=", mail_id),
                            ("state", "in", (SENDING, UNCONFIRMED)),
                        ]
                    )
                    lines._record_pending_accepted()
                    lines.run_id._update_state()
                return
            time.sleep(1)


class InvoiceSendLine(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.line"  # pylint: disable=consider-merging-classes-inherited

    def _record_pending_accepted(self):
        """Record that the mail server took the mail whose answer was lost."""
        for line in self:
            line.pending_mail_id._record_accepted()
            line.pending_mail_id = False
            if line._get_held_mails():
                line.write({"state": QUEUED, "error": False})
                self.env["invoice.send.outbox"]._trigger(line)
            else:
                line._settle()

    def _suspect(self):
        """Put rows off that may kill the worker, which is about to send them.

        :return: those that are to be sent now
        """
        for line in self:
            line._postpone(
                self.env._("The server's process died, maybe of this invoice.")
            )
        self.env.cr.commit()  # pylint: disable=invalid-commit
        return self.filtered(lambda line: line.state == QUEUED)
