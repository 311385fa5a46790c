from datetime import timedelta
from urllib.parse import urlencode

from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools import hash_sign, verify_hash_signed

TOKEN_SCOPE = "sale_timesheet_cra.approval"
DIGEST_TOKEN_SCOPE = "sale_timesheet_cra.approval.digest"
#: How long a link in a mail opens the page, in days.
TOKEN_DAYS = 180


class CraApproval(models.Model):
    """The approvers' links: signed, never stored, revoked by a higher serial."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    # === ONE REPORT === #

    def _get_token(self):
        """Return the approver's secret: to be put into a mail to them, nowhere else."""
        self.ensure_one()
        return self._sign(TOKEN_SCOPE, [self.id, self.token_serial])

    @api.model
    def _from_token(self, report_id, token):
        """Return the approval, in sudo, that ``token`` was made for.

        A link goes on showing the report after somebody else has answered; whether it
        still decides is the approval's state.

        :param int report_id: report the token is used on
        :raise AccessError: the token is wrong, expired, revoked or of another report
        """
        approval_id, serial = self._read_token(TOKEN_SCOPE, token) or (0, 0)
        # sudo: the signature proves that we gave this token to the approver
        approval = self.sudo().browse(approval_id).exists()
        usable = (
            approval
            and approval.token_serial == serial
            and approval.report_id.id == report_id
        )
        if not usable:
            raise AccessError(self.env._("This link is not valid anymore."))
        return approval.with_company(approval.company_id)

    # === SEVERAL REPORTS === #

    def _get_digest_token(self):
        """Return the secret that opens all these approvals of one approver at once.

        :raise ValueError: they are of several approvers, or there is none
        """
        self.partner_id.ensure_one()
        serials = [[approval.id, approval.token_serial] for approval in self]
        return self._sign(DIGEST_TOKEN_SCOPE, [self.partner_id.id, serials])

    @api.model
    def _from_digest_token(self, token):
        """Return the approvals, in sudo, that ``token`` was made for.

        Those revoked since are left out; the order is that of the mail.

        :raise AccessError: the token is wrong or expired, or all of it is revoked
        """
        values = self._read_token(DIGEST_TOKEN_SCOPE, token)
        partner_id, serials = values or (0, [])
        serials = dict(serials)
        # sudo: the signature proves that we gave this token to the approver
        approvals = self.sudo().browse(serials).exists()
        approvals = approvals.filtered(
            lambda a: a.token_serial == serials[a.id] and a.partner_id.id == partner_id
        )
        if not approvals:
            raise AccessError(self.env._("This link is not valid anymore."))
        return approvals

    # === SIGNING === #

    def _sign(self, scope, values):
        # sudo: reads the key that signs
        env = self.sudo().env
        return hash_sign(env, scope, values, expiration=timedelta(days=TOKEN_DAYS))

    def _read_token(self, scope, token):
        """Return what was signed, None if the token is wrong or expired."""
        try:
            # sudo: reads the key that signs
            return verify_hash_signed(self.sudo().env, scope, token or "")
        except (ValueError, TypeError):  # not even the form of a token
            return None

    def _get_page_url(self, suffix="", query=None):
        """Return the path of the report's page.

        :param str suffix: ``/approve`` or ``/refuse`` for the addresses that decide
        :param dict query: parameters; the token is one only if the caller has it
        """
        parameters = f"?{urlencode(query)}" if query else ""
        return f"{self.report_id.access_url}{suffix}{parameters}"
