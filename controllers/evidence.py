import contextlib
import tempfile

from werkzeug.wsgi import wrap_file

from odoo.http import Controller, Response, content_disposition, request, route


class CraEvidence(Controller):
    """Files for our own people, about many reports at once. Nothing here changes
    anything."""

    @route(
        '/cra/evidence/<models("cra.report"):reports>',
        type="http",
        auth="user",
        readonly=True,
    )
    def cra_evidence(self, reports):
        """Give out the evidence pack; it is on disk while it is made, not in memory."""
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile())
            reports._write_evidence_pack(file)
            stack.pop_all()  # from now on the response closes it
        size = file.tell()
        file.seek(0)
        response = Response(
            wrap_file(request.httprequest.environ, file),
            direct_passthrough=True,
            headers=self._get_headers("application/zip", reports._get_pack_name()),
        )
        response.content_length = size
        return response

    @route(
        '/cra/documents/<models("cra.report"):reports>',
        type="http",
        auth="user",
        readonly=True,
    )
    def cra_documents(self, reports):
        """Give out the documents of these reports as one, to be printed."""
        name = request.env._("Activity reports.pdf")
        return request.make_response(
            reports._merge_documents(), self._get_headers("application/pdf", name)
        )

    def _get_headers(self, mimetype, name):
        return [
            ("Cache-Control", "private, no-store"),
            ("Content-Disposition", content_disposition(name)),
            ("Content-Type", mimetype),
            ("X-Content-Type-Options", "nosniff"),
        ]
