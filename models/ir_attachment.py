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
            self._check_not_evidence(vals)
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_evidence(self):
        self._check_not_evidence()

    def _check_not_evidence(self, vals=None):
        """Refuse to touch documents that customers received, for everyone.

        :param dict vals: what is written; the same again changes nothing, as when files
            are moved to another storage
        :raise UserError: names the document and where it belongs
        """
        for document, owner in self._get_evidence():
            names = EVIDENCE_FIELDS.intersection(vals or ())
            if vals and all(document[name] == vals[name] for name in names):
                continue
            raise UserError(
                self.env._(
                    "%(document)s is what the customer received or signed on "
                    "%(owner)s: it stays as it is.",
                    document=document.name,
                    owner=owner.display_name,
                )
            )

    def _get_evidence(self):
        """Return pairs of a document among these and the record that sent it."""
        found = []
        # sudo: evidence is protected whoever asks
        by_model = self.sudo().grouped("res_model")
        if suspects := by_model.get("cra.report"):
            reports = self.env["cra.report"].sudo()
            for name in ("document_id", "signed_document_id", "paper_document_id"):
                reports = reports.search([(name, "in", suspects.ids)])
                found += [(report[name], report) for report in reports]
        if suspects := by_model.get("cra.approval"):
            approvals = self.env["cra.approval"].sudo()
            approvals = approvals.browse(suspects.mapped("res_id")).exists()
            decided = approvals.filtered("decided_on").grouped("id")
            found += [
                (signature, decided[signature.res_id].report_id)
                for signature in suspects.filtered("res_field")
                if signature.res_id in decided
            ]
        for model in ("account.move", "invoice.annex"):
            if suspects := by_model.get(model):
                annexes = self.env["invoice.annex"].sudo()
                for name in ("attachment_id", "xlsx_attachment_id"):
                    annexes = annexes.search([(name, "in", suspects.ids)])
                    found += [(annex[name], annex.move_id) for annex in annexes]
        return found
