from odoo.exceptions import AccessError, MissingError
from odoo.http import content_disposition, request, route

from .portal_access import HEADERS, SHOWN_STATES, CraPortalAccess

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class CraPortalReport(CraPortalAccess):
    """One report: its page and its files. Nothing here changes anything."""

    @route("/my/cra/<int:report_id>", type="http", auth="public", website=True)
    def portal_cra(
        self, report_id, access_token=None, approval=None, report_type=None, **kwargs
    ):
        try:
            report_sudo, approval_sudo = self._get_report(
                report_id, access_token, approval
            )
            shown_sudo = self._get_version(report_sudo, kwargs.get("version"))
        except (AccessError, MissingError):
            return self._not_found()
        if report_type == "pdf":
            return self._send_document(shown_sudo, download=kwargs.get("download"))
        keys = {"access_token": access_token, "approval": approval}
        query = {name: key for name, key in keys.items() if key}
        return self._render_page(report_sudo, approval_sudo, query, shown_sudo)

    @route("/my/cra/<int:report_id>/xlsx", type="http", auth="public", website=True)
    def portal_cra_xlsx(self, report_id, access_token=None, approval=None, **kwargs):
        try:
            report_sudo, _approval = self._get_report(report_id, access_token, approval)
            report_sudo = self._get_version(report_sudo, kwargs.get("version"))
        except (AccessError, MissingError):
            return self._not_found()
        if report_sudo.state not in SHOWN_STATES:  # drafts that colleagues may preview
            return self._not_found()
        return self._make_file_response(
            report_sudo._render_xlsx(),
            XLSX_TYPE,
            content_disposition(report_sudo._get_xlsx_name()),
        )

    def _get_version(self, report_sudo, version):
        """Return this report or one that it replaced: whoever sees it sees both.

        :raise MissingError: there is no such version
        """
        if not version:
            return report_sudo
        found = report_sudo._get_versions().filtered(
            lambda report: str(report.version) == version
        )
        if not found:
            raise MissingError(self.env._("There is no such version."))
        return found

    def _render_page(self, report_sudo, approval_sudo, query, shown_sudo=None, **extra):
        """Return the page of a report.

        :param dict query: what the address must hold to open the report again
        :param shown_sudo: an older version to be shown; it is not answered anymore
        :param extra: ``problem`` with what was just posted, and what was ``typed``
        """
        shown_sudo = shown_sudo or report_sudo
        values = {
            **shown_sudo._get_document_values(),
            **self._get_answer_values(report_sudo, approval_sudo, shown_sudo),
            **self._get_discussion_values(approval_sudo, query),
            "object": report_sudo,
            "latest": report_sudo,
            "versions": report_sudo._get_versions(),
            "comparison": shown_sudo._get_comparison(),
            "query": query,
            "problem": "",
            "typed": {},
            "page_name": "cra",
            "no_breadcrumbs": bool(query),
            **extra,
        }
        return self._render("sale_timesheet_cra.portal_cra_page", values)

    def _get_answer_values(self, report_sudo, approval_sudo, shown_sudo):
        """Return what the page needs to know to offer an answer or to explain."""
        awaited = (
            approval_sudo.state == "pending"
            and report_sudo.state == "sent"
            and shown_sudo == report_sudo
        )
        step, text = "", ""
        if awaited:
            step, text = approval_sudo._get_identity_step(request.env.user)
        return {
            "approval": approval_sudo,
            "awaits_reader": awaited,
            "step": step,
            "step_text": text,
            "decidable": awaited and step in ("", "code"),
        }

    def _get_discussion_values(self, approval_sudo, query):
        """Return what core's chatter needs to know of somebody without an account.

        With a link that only shows, the messages stand on the page instead.
        """
        if "approval" not in query:
            return {"chats": "access_token" not in query, "writes": True}
        answering = approval_sudo.filtered(lambda a: a.state != "void")
        return {
            "chats": True,
            "writes": bool(answering),
            "token": query["approval"],
            "pid": approval_sudo.partner_id.id,
            "hash": answering and answering._get_discussion_hash(),
        }

    def _send_document(self, report_sudo, download=False):
        attachment = report_sudo.signed_document_id or report_sudo.document_id
        if not attachment:
            return self._not_found()
        disposition = content_disposition(
            attachment.name, "attachment" if download else "inline"
        )
        return self._make_file_response(attachment.raw, "application/pdf", disposition)

    def _make_file_response(self, content, mimetype, disposition):
        headers = {
            **HEADERS,
            "Content-Type": mimetype,
            "Content-Disposition": disposition,
            "X-Content-Type-Options": "nosniff",
        }
        return request.make_response(content, list(headers.items()))
