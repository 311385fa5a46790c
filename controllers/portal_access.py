from contextlib import contextmanager

from odoo.exceptions import AccessError, MissingError
from odoo.fields import Domain
from odoo.http import request

from odoo.addons.portal.controllers.portal import CustomerPortal

from .tries import Tries

#: What a customer may know of: drafts and withdrawn reports are nobody's outside.
SHOWN_STATES = ("sent", "approved", "refused", "superseded")
#: The address may hold somebody's link: it stays out of other sites' logs, of search
#: engines and of frames; what was read stays out of shared caches.
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Robots-Tag": "noindex, nofollow",
}
TRIES = Tries()


class CraPortalAccess(CustomerPortal):
    """Who may see a report, and who may answer it.

    Links are signatures of 256 bits or random tokens of 122, so that few tries are
    enough for everybody. Codes of six digits are counted in ``cra.approver.code``.
    """

    def _get_report(self, report_id, access_token=None, approval_token=None):
        """Return the report the request may see, and the approval it may decide on.

        :return: pair of sudo records in the reader's language, the approval or none
        :raise AccessError, MissingError: whatever is wrong; never told to the reader
        """
        with self._limit_tries(report_id):
            return self._find_report(report_id, access_token, approval_token)

    @contextmanager
    def _limit_tries(self, what):
        """Count what is tried in vain; after too many tries nothing is looked at.

        :param what: a report's id, or another thing that links open
        :raise AccessError: there were too many
        """
        key = (request.httprequest.remote_addr, what)
        if TRIES.is_over(key):
            raise AccessError(self.env._("This link is not valid anymore."))
        try:
            yield
        except (AccessError, MissingError):
            TRIES.count(key)
            raise

    def _find_report(self, report_id, access_token, approval_token):
        approvals_sudo = request.env["cra.approval"].sudo()
        if approval_token:
            approval_sudo = approvals_sudo._from_token(report_id, approval_token)
            report_sudo = approval_sudo.report_id
        else:
            report_sudo = self._document_check_access(
                # Core compares ASCII only.
                *("cra.report", report_id),
                access_token if (access_token or "").isascii() else None,
            )
            approval_sudo = self._get_own_approvals(report_sudo)[:1]
        internal = request.env.user._is_internal()
        if report_sudo.state not in SHOWN_STATES and not internal:
            raise AccessError(self.env._("This report is not for you."))
        if approval_token:
            self._speak_with(approval_sudo.partner_id)
        company = report_sudo.company_id
        lang = request.env.lang
        return (
            report_sudo.with_company(company).with_context(lang=lang),
            approval_sudo.with_company(company).with_context(lang=lang),
        )

    def _get_approval(self, report_id, approval_token):
        """Return the approval this request may decide on, in sudo.

        The document's own ``access_token`` only shows: it is not looked at here.

        :raise AccessError, MissingError: none
        """
        _report, approval_sudo = self._get_report(
            report_id, approval_token=approval_token
        )
        if not approval_sudo:
            raise AccessError(self.env._("You are not an approver of this report."))
        return approval_sudo

    def _get_own_approvals(self, reports_sudo=None):
        """Return the approvals of the logged-in customer contact, in sudo.

        :param reports_sudo: on these reports; without, those still to be answered
        """
        domain = self._get_own_domain()
        if reports_sudo is None:
            domain &= Domain("state", "=", "pending")
            domain &= Domain("report_id.state", "=", "sent")
        else:
            domain &= Domain("state", "!=", "void")
            domain &= Domain("report_id", "in", reports_sudo.ids)
        # sudo: portal users do not read approvals; only their own are searched
        return request.env["cra.approval"].sudo().search(domain)

    def _get_own_domain(self):
        """Return the approvals of the logged-in customer contact, nobody else's."""
        user = request.env.user
        if not user._is_portal():
            return Domain.FALSE
        return Domain("partner_id", "=", user.partner_id.id)

    def _speak_with(self, partner):
        """Answer in the language of the person whose link was opened."""
        request.update_context(lang=partner.lang or request.env.lang)

    def _get_evidence(self):
        return {
            "ip_address": request.httprequest.remote_addr,
            "user_agent": request.httprequest.user_agent.string[:500],
        }

    def _render(self, template, values, **kwargs):
        values = {**values, "page_lang": (request.env.lang or "en").replace("_", "-")}
        response = request.render(template, values, **kwargs)
        response.headers.update(HEADERS)
        return response

    def _not_found(self):
        """Answer every bad link alike, so that nothing can be learned from it."""
        values = {"company": request.env.company.sudo()}
        return self._render(
            "sale_timesheet_cra.portal_cra_not_found", values, status=404
        )
