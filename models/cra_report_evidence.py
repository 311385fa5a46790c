import hashlib

from odoo import models
from odoo.exceptions import AccessError, UserError

from .cra_digest import canonical
from .cra_report import CURRENT_STATES


class CraReport(models.Model):
    """Whether what was sent is still what was sent."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    # === ACTION METHODS === #

    def action_verify(self):
        """Compare the selected reports with what was sent, and tell the result.

        :raise UserError: none of them was sent
        """
        self.check_access("read")
        if not self.env.user._is_internal():
            raise AccessError(self.env._("Only our own people verify reports."))
        # sudo: readers may ask, what is found is marked for all
        sent = self.sudo().filtered("sent_on")
        if not sent:
            raise UserError(
                self.env._(
                    "%s was not sent yet: there is nothing to compare it with.",
                    ", ".join(self.mapped("display_name")),
                )
            )
        sent._find_drift()
        wrong = sent.filtered(
            lambda report: (
                report.has_drifted
                or (report.state not in CURRENT_STATES and not report._is_as_sent())
            )
        )
        if wrong:
            message = self.env._(
                "No longer as they were sent: %s. Open them to see the differences.",
                ", ".join(wrong.mapped("display_name")),
            )
        else:
            message = self.env._(
                "Content, documents and timesheets are as they were sent: %s.",
                ", ".join(sent.mapped("display_name")),
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "danger" if wrong else "success",
                "message": message,
                "sticky": bool(wrong),
                "next": {"type": "ir.actions.act_window_close"},  # shows the marks
            },
        }

    # === VERIFYING === #

    def _is_as_sent(self):
        """Tell whether content and documents are those that left.

        The canonical form is that of the code that sent the report.
        """
        self.ensure_one()
        documents = self.document_id | self.signed_document_id
        return self._get_digest() == self.digest and all(
            # the checksum that core wrote when the file was stored
            hashlib.sha1(document.raw or b"").hexdigest() == document.checksum
            for document in documents
        )

    def _get_digest(self):
        """Return the digest of the content as it is now, in the form it was sent in."""
        self.ensure_one()
        return hashlib.sha256(self._get_canonical()).hexdigest()

    def _get_canonical(self):
        """Return the content as it is now, in the canonical form it was sent in.

        :raise KeyError: this code does not know the form
        """
        self.ensure_one()
        return canonical(*self._get_content(), version=self.digest_version)
