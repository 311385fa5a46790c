from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools.misc import hmac

from .cra_approval_identity import DISCUSSION_SCOPE
from .cra_secret import hide_secrets


class CraReport(models.Model):
    """What customer and provider write to each other below a report.

    Core's portal chatter lets everybody who has a document's ``access_token`` write in
    the customer's name. Here that token shows the page and no more. Approvers write in
    their own name: by their account, or by their link, whose token reads the discussion
    and whose hash says who writes. Both end when the link is revoked.
    """

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    # Customers read reports and write none: that is enough to ask a question.
    _mail_post_access = "read"
    # Takes the place of `access_token`, which is mailed around.
    _mail_post_token_field = "discussion_token"

    discussion_token = fields.Char(
        compute="_compute_discussion_token",
        groups=fields.NO_ACCESS,
        help="Key of core's hashes of contacts; handed out to nobody.",
        export_string_translation=False,
    )

    def _compute_discussion_token(self):
        env = self.sudo().env
        for report in self:
            report.discussion_token = hmac(env, DISCUSSION_SCOPE, (report.id,))

    def _sign_token(self, pid):
        # EXTENDS 'portal': whoever notifies a contact may not read the key
        return super(CraReport, self.sudo())._sign_token(pid)

    @api.model
    def _get_thread_with_access(self, thread_id, *, token=None, **kwargs):
        # EXTENDS 'portal': the token of an approver instead of the document's
        thread = super()._get_thread_with_access(thread_id, **kwargs)
        if thread or not token:
            return thread
        try:
            return self.env["cra.approval"]._from_token(thread_id, token).report_id
        except AccessError:
            return thread

    def _portal_get_parent_hash_token(self, pid):
        # EXTENDS 'portal': an approver writes by the hash of their approval
        # sudo: public users do not read approvals
        approval_sudo = self.sudo().approval_ids.filtered(
            lambda a: a.partner_id.id == pid and a.state != "void"
        )
        if approval_sudo:
            return approval_sudo._get_discussion_hash()
        return super()._portal_get_parent_hash_token(pid)

    def message_post(self, **kwargs):
        # EXTENDS 'mail': customers write in their own name, and hear of the answer
        kwargs["body"] = hide_secrets(kwargs.get("body") or "")
        if self.env.user._is_portal() and not self.env.su:
            kwargs |= {"author_id": self.env.user.partner_id.id, "email_from": False}
        author_id = kwargs.get("author_id") or self.env.user.partner_id.id
        if self.env.user._is_public() and not kwargs.get("author_id"):
            raise AccessError(
                self.env._("Please open the report by your own link to write.")
            )
        # sudo: whoever writes, the same people follow
        report_sudo = self.sudo()
        if author_id in report_sudo.approval_ids.partner_id.ids:
            people = report_sudo.user_id.partner_id.ids + [author_id]
            report_sudo.message_subscribe(people)
        return super().message_post(**kwargs)

    def _notify_thread_with_out_of_office_get_additional_users(self, *args, **kwargs):
        # EXTENDS 'mail': core looks up the responsible, whom customers do not read
        # sudo: their absence is told to whoever writes to them, as core does
        return super(
            CraReport, self.sudo()
        )._notify_thread_with_out_of_office_get_additional_users(*args, **kwargs)

    def _message_update_content(self, message, /, *, body, **kwargs):
        # EXTENDS 'mail': the same for messages that are edited
        return super()._message_update_content(
            message, body=body and hide_secrets(body), **kwargs
        )

    def _get_messages(self):
        """Return what was written below these reports and core's chatter would show."""
        messages = self.env["mail.message"]
        written = self._fields["website_message_ids"].get_comodel_domain(self)
        return messages.search(
            Domain(written)
            & Domain(messages._get_search_domain_share())
            & Domain("res_id", "in", self.ids)
            & Domain("subtype_id", "=", self.env.ref("mail.mt_comment").id)
            & Domain("body", "not in", (False, "")),
            order="id",
        )
