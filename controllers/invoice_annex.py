from odoo.exceptions import AccessError, MissingError
from odoo.http import request, route

from ..models.invoice_annex import PDF_TYPE
from .portal_access import HEADERS, CraPortalAccess


class InvoiceAnnexPortal(CraPortalAccess):
    @route(
        "/my/invoices/<int:invoice_id>/annex/<int:attachment_id>",
        type="http",
        auth="public",
        website=True,
    )
    def portal_invoice_annex(self, invoice_id, attachment_id, access_token=None, **kw):
        """Give out one annex of one invoice: to its readers, or with its token."""
        try:
            move_sudo = self._document_check_access(
                "account.move", invoice_id, access_token
            )
        except (AccessError, MissingError):
            move_sudo = request.env["account.move"].sudo()
        # A token opens what was sent with its own invoice, and nothing else.
        files_sudo = move_sudo.annex_ids._get_sent_files()
        file_sudo = files_sudo.filtered(lambda file: file.id == attachment_id)
        if not file_sudo:
            return self._not_found()
        stream = request.env["ir.binary"]._get_stream_from(file_sudo)
        response = stream.get_response(as_attachment=file_sudo.mimetype != PDF_TYPE)
        response.headers.update(HEADERS)
        return response
