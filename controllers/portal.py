import binascii

from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import content_disposition, request, route

from odoo.addons.portal.controllers.portal import CustomerPortal, pager

#: What a customer may know of: drafts and withdrawn reports are nobody's outside.
SHOWN_STATES = ("sent", "approved", "refused", "superseded")
PAGE_SIZE = 20
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class CraPortal(CustomerPortal):
    # === READING === #

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if "cra_count" in counters:
            values["cra_count"] = self._count_reports([])
        if "cra_to_decide_count" in counters:
            values["cra_to_decide_count"] = self._count_reports(
                self._get_to_decide_domain()
            )
        return values

    def _count_reports(self, domain):
        Report = request.env["cra.report"]
        return Report.search_count(domain) if Report.has_access("read") else 0

    def _get_to_decide_domain(self):
        """Return the reports the logged-in person may decide on."""
        # sudo: portal users do not read approvals; only their own are searched
        approvals = request.env["cra.approval"].sudo()
        query = approvals._search(
            [
                ("state", "=", "pending"),
                ("partner_id", "=", request.env.user.partner_id.id),
            ]
        )
        return [
            ("state", "=", "sent"),
            ("id", "in", approvals.browse(query).report_id.ids),
        ]

    @route(
        ["/my/cra", "/my/cra/page/<int:page>"], type="http", auth="user", website=True
    )
    def portal_my_cras(self, page=1, **kwargs):
        Report = request.env["cra.report"]
        domain = [("state", "in", SHOWN_STATES)]
        total = self._count_reports(domain)
        pages = pager(url="/my/cra", total=total, page=page, step=PAGE_SIZE)
        reports = Report.search(domain, limit=PAGE_SIZE, offset=pages["offset"])
        to_decide = Report.search(self._get_to_decide_domain())
        values = {
            # sudo: the list shows labels of projects the customer may not open
            "reports": reports.sudo(),
            "to_decide": to_decide,
            "pager": pages,
            "page_name": "cra",
            "default_url": "/my/cra",
        }
        return request.render("sale_timesheet_cra.portal_my_cras", values)

    @route("/my/cra/<int:report_id>", type="http", auth="public", website=True)
    def portal_cra(
        self, report_id, access_token=None, approval=None, report_type=None, **kwargs
    ):
        try:
            report_sudo, approval_sudo = self._get_report(
                report_id, access_token, approval
            )
        except (AccessError, MissingError):
            return self._not_found()
        if report_type == "pdf":
            return self._send_document(report_sudo, download=kwargs.get("download"))
        keys = {"access_token": access_token, "approval": approval}
        values = {
            **report_sudo._get_document_values(),
            "approval": approval_sudo,
            "decidable": approval_sudo.state == "pending"
            and report_sudo.state == "sent",
            "query": {name: key for name, key in keys.items() if key},
            "error": kwargs.get("error"),
            "page_name": "cra",
            "no_breadcrumbs": bool(keys["access_token"] or approval),
        }
        response = request.render("sale_timesheet_cra.portal_cra_page", values)
        # The address holds the approver's link: it stays out of other sites' logs.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    @route("/my/cra/<int:report_id>/xlsx", type="http", auth="public", website=True)
    def portal_cra_xlsx(self, report_id, access_token=None, approval=None, **kwargs):
        try:
            report_sudo, _approval = self._get_report(report_id, access_token, approval)
        except (AccessError, MissingError):
            return self._not_found()
        if report_sudo.state not in SHOWN_STATES:  # drafts that colleagues may preview
            return self._not_found()
        return self._make_file_response(
            report_sudo._render_xlsx(),
            XLSX_TYPE,
            content_disposition(report_sudo._get_xlsx_name()),
        )

    def _get_report(self, report_id, access_token=None, approval_token=None):
        """Return the report the request may see, and the approval it may decide on.

        :return: pair of sudo records in the reader's language, the approval or none
        :raise AccessError, MissingError: whatever is wrong; never told to the reader
        """
        approvals_sudo = request.env["cra.approval"].sudo()
        if approval_token:
            approval_sudo = approvals_sudo._from_token(report_id, approval_token)
            report_sudo = approval_sudo.report_id
        else:
            report_sudo = self._document_check_access(
                "cra.report", report_id, access_token
            )
            approval_sudo = self._get_own_approval(report_sudo)
        internal = request.env.user._is_internal()
        if report_sudo.state not in SHOWN_STATES and not internal:
            raise AccessError(request.env._("This report is not for you."))
        company = report_sudo.company_id
        lang = request.env.lang
        if approval_token:
            lang = approval_sudo.partner_id.lang or lang
            request.update_context(lang=lang)
        return (
            report_sudo.with_company(company).with_context(lang=lang),
            approval_sudo.with_company(company).with_context(lang=lang),
        )

    def _get_own_approval(self, report_sudo):
        """Return the approval of the logged-in customer contact, if there is one."""
        user = request.env.user
        if user._is_public() or user._is_internal():
            return report_sudo.env["cra.approval"]
        return report_sudo.approval_ids.filtered(
            lambda a: a.partner_id == user.partner_id and a.state != "void"
        )[:1]

    def _not_found(self):
        """Answer every bad link alike, so that nothing can be learned from it."""
        return request.render("sale_timesheet_cra.portal_cra_not_found", status=404)

    def _send_document(self, report_sudo, download=False):
        attachment = report_sudo.signed_document_id or report_sudo.document_id
        if not attachment:
            return self._not_found()
        disposition = content_disposition(
            attachment.name, "attachment" if download else "inline"
        )
        return self._make_file_response(attachment.raw, "application/pdf", disposition)

    def _make_file_response(self, content, mimetype, disposition):
        headers = [
            ("Content-Type", mimetype),
            ("Content-Disposition", disposition),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return request.make_response(content, headers)

    # === DECIDING === #

    def _get_approval(self, report_id, approval_token):
        """Return the approval this request may decide on, in sudo.

        The document's own ``access_token`` only shows: it is not looked at here.

        :raise AccessError, MissingError: none
        """
        _report, approval_sudo = self._get_report(
            report_id, approval_token=approval_token
        )
        if not approval_sudo:
            raise AccessError(request.env._("You are not an approver of this report."))
        return approval_sudo

    def _get_evidence(self):
        return {
            "ip_address": request.httprequest.remote_addr,
            "user_agent": request.httprequest.user_agent.string[:500],
        }

    def _get_answer_url(self, approval_sudo, approval_token, **query):
        if approval_token:
            query["approval"] = approval_token
        return approval_sudo._get_page_url(query=query)

    @route(
        "/my/cra/<int:report_id>/approve",
        type="jsonrpc",
        auth="public",
        website=True,
    )
    def portal_cra_approve(
        self, report_id, name=None, signature=None, reference=None, **kwargs
    ):
        # The signature widget posts JSON to an address that carries the link's token.
        token = request.httprequest.args.get("approval")
        try:
            approval_sudo = self._get_approval(report_id, token)
        except (AccessError, MissingError):
            return {"error": request.env._("This link is not valid anymore.")}
        try:
            with request.env.cr.savepoint():
                approval_sudo._approve(name, signature, reference, self._get_evidence())
                # What follows from the decision is computed here, in sudo.
                approval_sudo.env.flush_all()
        except UserError as error:
            return {"error": str(error)}
        except (TypeError, ValueError, binascii.Error):
            return {"error": request.env._("The signature is not a valid image.")}
        return {
            "force_refresh": True,
            "redirect_url": self._get_answer_url(approval_sudo, token),
        }

    @route(
        "/my/cra/<int:report_id>/refuse",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    def portal_cra_refuse(self, report_id, approval=None, comment=None, **kwargs):
        try:
            approval_sudo = self._get_approval(report_id, approval)
        except (AccessError, MissingError):
            return self._not_found()
        query = {}
        try:
            with request.env.cr.savepoint():
                approval_sudo._refuse(comment, self._get_evidence())
                approval_sudo.env.flush_all()
        except UserError:
            query["error"] = "refuse"
        return request.redirect(self._get_answer_url(approval_sudo, approval, **query))
