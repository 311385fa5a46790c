from odoo import api, models
from odoo.exceptions import UserError

EVIDENCE_FIELDS = frozenset(
    ("raw", "datas", "db_datas", "store_fname", "checksum", "mimetype", "type", "url")
    + ("name", "res_model", "res_id", "res_field", "public", "company_id")
)


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    def write(self, vals):
        if not EVIDENCE_FIELDS.isdisjoint(vals):
            self._check_not_cra_evidence()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_cra_evidence(self):
        self._check_not_cra_evidence()

    def _check_not_cra_evidence(self):
        """Refuse to touch the documents of activity reports that were sent.

        :raise UserError: names the document and its report, for everyone, sudo included
        """
        suspects = self.filtered(lambda a: a.res_model == "cra.report")
        if not suspects:
            return
        # sudo: evidence is protected whoever asks
        report = (
            self.env["cra.report"]
            .sudo()
            .search(
                [
                    "|",
                    ("document_id", "in", suspects.ids),
                    ("signed_document_id", "in", suspects.ids),
                ],
                limit=1,
            )
        )
        if report:
            raise UserError(
                self.env._(
                    "%(document)s is what the customer received or signed on "
                    "%(report)s: it stays as it is.",
                    document=(report.document_id & self or self[0]).name,
                    report=report.display_name,
                )
            )
