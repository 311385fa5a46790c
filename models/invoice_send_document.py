from odoo import api, models
from odoo.tools import human_size

from . import mail_weight

TERMS = "terms"


class AccountMove(models.Model):
    """The documents that projects, customers or the company want with invoices."""

    # One subject per file: the model is too long for one.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    def _get_send_documents(self):
        """Return what is to go with each invoice besides its own documents.

        In a constant number of queries.

        :return: dict by invoice of ``ir.attachment`` by kind in sudo mode; a kind whose
            documents are wanted, but not there, has none
        """
        # sudo: who sends invoices may read neither sales orders nor their files
        moves = self.sudo()
        none = moves.env["ir.attachment"]
        wanted = {
            move: move._resolve_send_setting("invoice_document_kinds") for move in moves
        }
        asking = moves.filtered(lambda move: wanted[move])
        sources = asking._get_source_documents() if asking else {}
        documents = {}
        for move in moves:
            found = dict(sources.get(move, {}))
            found[TERMS] = move.company_id.invoice_terms_file_ids
            documents[move.sudo(False)] = {
                kind: found.get(kind.code, none) for kind in wanted[move] or ()
            }
        return documents

    def _get_send_attachments(self):
        """Return the same documents of one invoice, whatever their kind."""
        self.ensure_one()
        documents = self._get_send_documents()[self.sudo(False)]
        return self.env["ir.attachment"].sudo().union(*documents.values())


class AccountMoveSend(models.AbstractModel):
    """Documents that are wanted with invoices, and those too heavy for their mail."""

    # One subject per file: the model is too long for one.
    _inherit = "account.move.send"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _get_default_mail_attachments_widget(
        self,
        move,
        mail_template,
        invoice_edi_format=None,
        extra_edis=None,
        pdf_report=None,
    ):
        # EXTENDS 'account': what the project, customer or company wants with it
        items = super()._get_default_mail_attachments_widget(
            move,
            mail_template,
            invoice_edi_format=invoice_edi_format,
            extra_edis=extra_edis,
            pdf_report=pdf_report,
        )
        return items + move._get_send_attachments()._prepare_send_items()

    @api.model
    def _get_mail_params(self, move, move_data):
        # EXTENDS 'account'
        documents = self._take_out_documents(move, move_data)
        params = super()._get_mail_params(move, move_data)
        if not params:
            return params
        params["attachments"] += [(file.name, file.raw) for file in documents]
        for line in self._get_send_lines({move: move_data}):
            self._link_heavy_files(line, move_data, documents, params)
        return params

    @api.model
    def _take_out_documents(self, move, move_data):
        """Return the wanted documents of a mail, for which core has no rights.

        Core reads all files as the person who sends. These are read for everybody, so
        only what really belongs to the invoice is.
        """
        items = move_data.get("mail_attachments_widget") or []
        documents = move._get_send_attachments()
        ours = [item for item in items if item["id"] in documents.ids]
        move_data["mail_attachments_widget"] = [
            item for item in items if item not in ours
        ]
        kept = {item["id"] for item in ours if not item.get("skip")}
        return documents.filtered(lambda file: file.id in kept)

    @api.model
    def _link_heavy_files(self, line, move_data, documents, params):
        """Replace the largest files by links, if the mailbox does not take them all."""
        sizes = [len(content) for _name, content in params["attachments"]]
        excess = mail_weight.estimate(sizes) - line._get_mail_limit()
        if excess <= 0:
            return
        items = move_data.get("mail_attachments_widget") or []
        ids = [item["id"] for item in items if isinstance(item["id"], int)]
        # sudo: the customer gets these files, whoever sends them
        files = self.env["ir.attachment"].sudo().browse(ids).exists() | documents
        files |= self._get_invoice_extra_attachments(line.move_id)
        files = files.filtered(lambda file: file._outlives_mail())
        linked = mail_weight.choose_links(
            {file: file.file_size for file in files}, excess
        )
        names = {(file.name, file.file_size): file for file in linked}
        kept, links = [], []
        for name, content in params["attachments"]:
            file = names.pop((name, len(content)), None)
            if file:
                links.append(file._prepare_send_link(line.move_id))
            else:
                kept.append((name, content))
        qweb = self.env["ir.qweb"].with_context(lang=move_data.get("mail_lang"))
        block = qweb._render("sale_timesheet_cra.invoice_send_links", {"links": links})
        params["attachments"] = kept
        params["body"] = block + (params["body"] or "")


class IrAttachment(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "ir.attachment"  # pylint: disable=consider-merging-classes-inherited

    def _prepare_send_items(self):
        """Return files in the shape of core's attachment widget."""
        # sudo: core shows the names of these files to whoever sends the invoice
        return [
            {
                "id": attachment.id,
                "name": attachment.name,
                "mimetype": attachment.mimetype,
                "placeholder": False,
                "protect_from_deletion": True,
            }
            for attachment in self.sudo()
        ]

    def _outlives_mail(self):
        """Tell whether a link to this file works as long as the invoice is there."""
        self.ensure_one()
        owner = self.env.get(self.res_model) if self.res_model else None
        return owner is not None and bool(self.res_id) and not owner._transient

    def _prepare_send_link(self, move):
        """Prepare what a customer needs to download the file without an account."""
        self.ensure_one()
        [token] = self.generate_access_token()
        return {
            "name": self.name,
            "size": human_size(self.file_size),
            "url": f"{move.get_base_url()}/web/content/{self.id}"
            f"?download=true&access_token={token}",
        }
