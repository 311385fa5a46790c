from contextlib import contextmanager

from odoo import models

from .cra_approval_mail import LINK_PLACEHOLDER
from .smtp_handover import Handover


class MailMail(models.Model):
    """Mails on activity reports: sent once, with a link that is nowhere else."""

    # One subject per file: invoices have their own.
    _inherit = "mail.mail"  # pylint: disable=consider-merging-classes-inherited

    def send(self, *args, **kwargs):
        # EXTENDS 'mail': what became of these mails decides when clocks start. That is
        # looked at in a transaction of its own: nothing may roll back a mail that left.
        followed = bool(self._get_cra_mails())
        result = super().send(*args, **kwargs)
        if followed:
            self.env["cra.report"]._trigger_follow_up()
        return result

    def _send(
        self,
        auto_commit=False,
        raise_exception=False,
        smtp_session=None,
        alias_domain_id=False,
        mail_server=False,
        post_send_callback=None,
    ):
        # EXTENDS 'mail': a process that is killed after the server took a message must
        # not send it once more.
        ours = self._get_cra_mails()
        options = {
            "auto_commit": auto_commit,
            "raise_exception": raise_exception,
            "smtp_session": smtp_session,
            "alias_domain_id": alias_domain_id,
            "mail_server": mail_server,
            "post_send_callback": post_send_callback,
        }
        result = super(MailMail, self - ours)._send(**options)
        for mail in ours:
            if LINK_PLACEHOLDER in mail.body_html and not mail._get_asked_approvals():
                mail.cancel()  # withdrawn while it was in the queue
                continue
            with mail._claimed(smtp_session if auto_commit else None):
                result = super(MailMail, mail)._send(**options)
        return result

    def _prepare_outgoing_body(self):
        # EXTENDS 'mail': the only place where an approver's link is made
        body = super()._prepare_outgoing_body()
        if LINK_PLACEHOLDER in body and self._get_cra_mails():
            body = self._get_asked_approvals()._insert_link(body)
        return body

    def _prepare_outgoing_list(self, *args, **kwargs):
        # EXTENDS 'mail': receipts carry the documents with the decisions
        results = super()._prepare_outgoing_list(*args, **kwargs)
        if self._get_cra_mails():
            files = self._get_noticed_approvals()._get_receipt_files()
            for values in results:
                values["attachments"] = [*values["attachments"], *files]
        return results

    def _get_cra_mails(self):
        """Return those of these mails that are about activity reports."""
        # sudo: mails belong to the system
        return self.filtered(lambda mail: mail.sudo().model == "cra.report")

    def _get_asked_approvals(self):
        """Return the approvals that this mail asks for."""
        return self._search_approvals("message_reference")

    def _get_noticed_approvals(self):
        """Return the approvals that this mail tells the outcome of."""
        return self._search_approvals("notice_reference")

    def _search_approvals(self, field_name):
        # sudo: mails belong to the system, and so do the links in them
        approvals_sudo = self.env["cra.approval"].sudo()
        return approvals_sudo.search(
            [
                (field_name, "=", self.message_id),
                ("partner_id", "in", self.recipient_ids.ids),
            ]
        )

    @contextmanager
    def _claimed(self, smtp_session):
        """Record durably that this mail is handed over, just before its body leaves.

        If the answer of the server is lost then, the mail stays in failure: people
        decide whether it is sent again.

        :param smtp_session: None to leave it to the transaction
        """
        if not smtp_session:
            yield
            return
        # Core commits as well, after each mail: the queue is no transaction.
        commit = self.env.cr.commit

        def claim():
            self._note_handed_over()
            commit()

        handover = Handover(claim)
        handover.watch(smtp_session)
        try:
            yield
        finally:
            handover.leave(smtp_session)

    def _note_handed_over(self):
        """Write what is true until the mail server has answered."""
        text = self.env._(
            "The mail was handed to the mail server, but its answer was lost. It may "
            "have arrived: ask, or send it again."
        )
        self.write({"state": "exception", "failure_reason": text})
        self._get_open_notifications().write({"failure_reason": text})
