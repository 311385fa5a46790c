import binascii
import re

from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import request, route

from .portal_report import CraPortalReport

#: Names of the fields of the form that hold remarks, with the line's id.
REMARK = re.compile(r"remark_(\d{1,10})", re.ASCII)


class CraPortalDecision(CraPortalReport):
    """What changes something: by POST only, as JSON or with a CSRF token."""

    # === AGREEING === #

    @route(
        "/my/cra/<int:report_id>/approve",
        type="jsonrpc",
        auth="public",
        website=True,
    )
    def portal_cra_approve(self, report_id, **answer):
        # The signature widget posts JSON to an address that carries the link's token.
        token = request.httprequest.args.get("approval")
        try:
            approval_sudo = self._get_approval(report_id, token)
        except (AccessError, MissingError):
            return {"error": self.env._("This link is not valid anymore.")}
        _approvals, problem = self._agree(approval_sudo, answer)
        if problem:
            return {"error": problem}
        return {
            "force_refresh": True,
            "redirect_url": self._get_answer_url(approval_sudo, token),
        }

    @route("/my/cra/approve", type="jsonrpc", auth="public", website=True)
    def portal_cra_approve_selected(self, report_ids=(), **answer):
        """Agree to several reports by one signature.

        :return: ``agreed`` and ``skipped``: names of the reports; or ``error``
        """
        token = request.httprequest.args.get("digest")
        try:
            approvals_sudo = self._get_approvals(token)
        except (AccessError, MissingError):
            return {"error": self.env._("This link is not valid anymore.")}
        chosen = report_ids if isinstance(report_ids, list) else []
        approvals_sudo = approvals_sudo.filtered(lambda a: a.report_id.id in chosen)
        if not approvals_sudo:
            return {"error": self.env._("Please select at least one report.")}
        agreed_sudo, problem = self._agree(approvals_sudo, answer)
        if problem:
            return {"error": problem}
        skipped_sudo = approvals_sudo - agreed_sudo
        return {
            "agreed": agreed_sudo.report_id.mapped("display_name"),
            "skipped": skipped_sudo.report_id.mapped("display_name"),
        }

    def _agree(self, approvals_sudo, answer):
        """Record an agreement.

        :param dict answer: ``name``, ``signature``, ``reference`` and ``code``
        :return: the approvals that were answered, and what is wrong or ``""``
        """
        none = approvals_sudo.browse()
        try:
            # Outside of the savepoint: a wrong code stays counted.
            problem = approvals_sudo._find_identity_problem(
                request.env.user, answer.get("code")
            )
            if problem:
                return none, problem
            with request.env.cr.savepoint():
                agreed = approvals_sudo._approve(
                    answer.get("name"),
                    answer.get("signature"),
                    answer.get("reference"),
                    self._get_evidence(),
                )
                agreed._forget_code()
                # What follows from the decision is computed here, in sudo.
                agreed.env.flush_all()
        except UserError as error:
            return none, str(error)
        except (TypeError, ValueError, binascii.Error):
            return none, self.env._("The signature is not a valid image.")
        return agreed, ""

    # === REFUSING === #

    @route(
        "/my/cra/<int:report_id>/refuse",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    def portal_cra_refuse(self, report_id, approval=None, **typed):
        try:
            approval_sudo = self._get_approval(report_id, approval)
        except (AccessError, MissingError):
            return self._not_found()
        try:
            problem = approval_sudo._find_identity_problem(
                request.env.user, typed.get("code")
            )
            if not problem:
                with request.env.cr.savepoint():
                    approval_sudo._refuse(
                        typed.get("comment"),
                        self._get_evidence(),
                        self._get_remarks(typed),
                    )
                    approval_sudo._forget_code()
                    approval_sudo.env.flush_all()
        except UserError as error:
            problem = str(error)
        if problem:
            return self._show_problem(approval_sudo, approval, problem, typed)
        return request.redirect(self._get_answer_url(approval_sudo, approval))

    @staticmethod
    def _get_remarks(typed):
        """Return the remarks of the form by the line's id."""
        found = ((REMARK.fullmatch(name), text) for name, text in typed.items())
        return {int(match[1]): text for match, text in found if match}

    # === IDENTITY === #

    @route(
        "/my/cra/<int:report_id>/code",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    def portal_cra_code(self, report_id, approval=None, **kwargs):
        """Mail the approver a code to answer with."""
        try:
            approval_sudo = self._get_approval(report_id, approval)
        except (AccessError, MissingError):
            return self._not_found()
        try:
            approval_sudo._send_code()
        except UserError as error:
            return self._show_problem(approval_sudo, approval, str(error))
        return request.redirect(self._get_answer_url(approval_sudo, approval))

    @route(
        "/my/cra/<int:report_id>/propose",
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
    )
    def portal_cra_propose(self, report_id, approval=None, **typed):
        """Take the name of somebody else who should be asked: nobody is mailed."""
        try:
            approval_sudo = self._get_approval(report_id, approval)
        except (AccessError, MissingError):
            return self._not_found()
        try:
            approval_sudo._propose(typed.get("name"), typed.get("email"))
        except UserError as error:
            return self._show_problem(approval_sudo, approval, str(error), typed)
        return request.redirect(self._get_answer_url(approval_sudo, approval))

    # === ANSWERS TO THE BROWSER === #

    def _show_problem(self, approval_sudo, token, problem, typed=None):
        """Show the page once more, with what is wrong and all that was typed."""
        query = {"approval": token} if token else {}
        return self._render_page(
            approval_sudo.report_id,
            approval_sudo,
            query,
            problem=problem,
            typed=typed or {},
        )

    def _get_answer_url(self, approval_sudo, approval_token):
        query = {"approval": approval_token} if approval_token else {}
        return approval_sudo._get_page_url(query=query)
