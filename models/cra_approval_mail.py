import logging
import re

import psycopg2
from markupsafe import Markup, escape

from odoo import api, fields, models
from odoo.tools import groupby, split_every
from odoo.tools.mail import generate_tracking_message_id

from .resolution import resolve

_logger = logging.getLogger(__name__)

#: What mail texts hold where the approver's own link belongs: no usable link exists
#: before the mail to that very person leaves.
LINK_PLACEHOLDER = "/my/cra/decision-link"
#: The same once Odoo has made it absolute.
LINK_PATTERN = re.compile(rf"(?:https?://[^\s\"'<>/]*)?{LINK_PLACEHOLDER}")
#: Approvers asked in one transaction.
BATCH_SIZE = 100
#: Documents in one receipt: more might be too big for a mailbox.
RECEIPT_SIZE = 40
TEXTS = ("subject", "body_html", "email_from", "reply_to")


class CraApproval(models.Model):
    """How approvers are asked: one mail each, however many reports are in it.

    Mails are stored with a placeholder; the link is put in while the message is built
    for the mail server, and nowhere kept.
    """

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    mail_message_id = fields.Many2one(
        comodel_name="mail.message",
        string="Request",
        readonly=True,
        ondelete="set null",
        help="Message that followed the mail to the approver.",
    )
    message_reference = fields.Char(
        string="Message-Id of the Mail",
        readonly=True,
        index="btree_not_null",
        help="As in the header of the last mail with the link.",
    )

    asked_address = fields.Char(
        string="Address Asked",
        readonly=True,
        help="Whom the request was mailed to; stays when the contact changes.",
    )
    notice_reference = fields.Char(
        readonly=True,
        copy=False,
        index="btree_not_null",
        help="Message-Id of the mail that told what became of the report: with its "
        "document after a decision, or that it was withdrawn.",
    )
    mailed_together_ids = fields.Many2many(
        comodel_name="cra.approval",
        compute="_compute_mailed_together_ids",
        export_string_translation=False,
        help="All approvals that the last mail to the approver is about.",
    )

    @api.depends("message_reference")
    def _compute_mailed_together_ids(self):
        references = [ref for ref in self.mapped("message_reference") if ref]
        mailed = self.search([("message_reference", "in", references)])
        groups = mailed.grouped("message_reference")
        for approval in self:
            approval.mailed_together_ids = groups.get(
                approval.message_reference, approval
            )

    # === ASKING === #

    def _send_requests(self):
        """Mail approvers their own links; the chatter only learns whom we asked."""
        standard = self.env.ref("sale_timesheet_cra.mail_template_cra_request")
        messages = self._queue_mails(
            lambda bundle: bundle._get_own_template() or standard,
            lambda approval: self.env._("Sent to %s.", approval._get_address()),
        )
        for approval, message in zip(self, messages, strict=True):
            approval.mail_message_id = message
            approval.asked_address = approval._get_address()
        informed = self.filtered(lambda a: a.report_id.approval_mode == "none")
        informed.write({"state": "void"})
        (self - informed).write({"state": "pending"})

    @api.model
    def _ask_waiting(self, batch_size=BATCH_SIZE):
        """Ask whom the automatic run has not asked yet, in small transactions."""
        domain = [("state", "=", "waiting"), ("report_id.state", "=", "sent")]
        waiting = self.search(domain)
        bundles = groupby(waiting, lambda a: a._get_bundle_key())
        batch = self.browse()
        for _key, group in bundles:
            batch |= self.browse().concat(*group)
            if len(batch) >= batch_size:
                batch._ask_safely()
                batch = self.browse()
        batch._ask_safely()

    def _ask_safely(self):
        """Ask these approvers; one whose mail cannot be made stops no other."""
        if not self:
            return
        try:
            with self.env.cr.savepoint():
                reports = self.report_id.try_lock_for_update()
                reports.invalidate_recordset()
                self.invalidate_recordset()
                self.filtered(
                    lambda a: (
                        a.state == "waiting"
                        and a.report_id in reports
                        and a.report_id.state == "sent"
                    )
                )._send_requests()
        except psycopg2.OperationalError as error:
            _logger.info("Approvers are left to the next run: %s", error)
        except Exception as error:
            if len(self) > 1:
                for approval in self:
                    approval._ask_safely()
                return
            _logger.exception("The mail to an approver cannot be made")
            self.write(
                {"state": "pending", "mail_state": "failed", "mail_error": str(error)}
            )
            self.report_id._update_clock()
        self.env["ir.cron"]._commit_progress()

    def _get_address(self):
        return self.partner_id.email_formatted or self.partner_id.display_name

    def _get_own_template(self):
        """Return the policy's template for one mail; it is written for one report."""
        templates = self.report_id.policy_id.request_template_id
        return templates if len(self) == 1 else templates.browse()

    def _queue_mails(self, get_template, get_note, reference="message_reference"):
        """Put one mail per approver, company and mail server into the queue.

        All messages that one mail leaves in the chatters carry its Message-Id, so that
        a bounce or an answer finds all of them.

        :param get_template: function (approvals of one mail) -> ``mail.template`` on
            ``cra.approval``, rendered on the first of them
        :param get_note: function (approval) -> text for the report's chatter
        :param str reference: field that keeps the Message-Id: ``message_reference`` of
            mails that ask, and hold the link; ``notice_reference`` of the others
        :return: ``mail.message`` of each approval, in the order of the approvals
        """
        asks = reference == "message_reference"
        bundles = []
        for _key, group in groupby(self, lambda a: a._get_bundle_key()):
            size = len(self) if asks else RECEIPT_SIZE
            for approvals in split_every(size, group, list):
                bundle = self.browse().concat(*approvals)
                message_id = generate_tracking_message_id(
                    f"{bundle[0].id}-{self._name}"
                )
                bundle.write({reference: message_id})
                bundles.append(bundle)
        texts = self._render_mails(bundles, get_template)
        messages = self._create_messages(bundles, texts, get_note, reference)
        mails = self.env["mail.mail"].create(
            [
                {
                    "mail_message_id": messages[bundle[0]].id,
                    "body_html": bundle[0]._keep_link(texts[bundle]["body_html"])
                    if asks
                    else texts[bundle]["body_html"],
                    "recipient_ids": [fields.Command.link(bundle.partner_id.id)],
                    "auto_delete": False,  # what was mailed is evidence
                }
                for bundle in bundles
            ]
        )
        self.env["mail.notification"].create(
            [
                {
                    "mail_message_id": messages[approval].id,
                    "mail_mail_id": mail.id,
                    "res_partner_id": approval.partner_id.id,
                    "notification_type": "email",
                    "notification_status": "ready",
                    "is_read": True,
                }
                for bundle, mail in zip(bundles, mails, strict=True)
                for approval in bundle
            ]
        )
        # The queue sends each mail in a transaction of its own, over one connection.
        self.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()
        return self.env["mail.message"].concat(*(messages[a] for a in self))

    def _get_bundle_key(self):
        """Return what the approvals of one mail have in common."""
        return self.partner_id, self.company_id, self._get_mail_server()

    def _get_mail_server(self):
        """Return the mail server that is set for this report, empty for Odoo's choice.

        That of the policy's template, else the one of project, customer or company.
        """
        report = self.report_id
        server, _source = resolve(
            "invoice_mail_server_id",
            report.project_id,
            report.partner_id,
            report.company_id,
        )
        own = report.policy_id.request_template_id.mail_server_id
        return own or server or self.env["ir.mail_server"]

    def _render_mails(self, bundles, get_template):
        """Return the texts of each mail, in its reader's language: dict of dicts."""
        texts = {}
        for template, group in groupby(bundles, get_template):
            rendered = template._generate_template([b[0].id for b in group], TEXTS)
            texts.update({bundle: rendered[bundle[0].id] for bundle in group})
        return texts

    def _create_messages(self, bundles, texts, get_note, reference):
        """Return the message that each report's chatter keeps: dict by approval."""
        thread = self.env["cra.report"]
        author_id, _email = thread._message_compute_author()
        note_id = self.env["ir.model.data"]._xmlid_to_res_id("mail.mt_note")
        approvals, values = [], []
        for bundle in bundles:
            company = bundle.company_id
            text = texts[bundle]
            email_from = text["email_from"] or company.email_formatted
            reply_to = text["reply_to"] or thread._notify_get_reply_to(
                default=email_from, author_id=author_id
            ).get(False)
            for approval in bundle:
                approvals.append(approval)
                values.append(
                    {
                        "model": thread._name,
                        "res_id": approval.report_id.id,
                        "author_id": author_id,
                        "email_from": email_from,
                        "reply_to": reply_to,
                        "subject": text["subject"],
                        "body": escape(get_note(approval)),
                        "message_id": bundle[0][reference],
                        # Answers to it are for all to read, unlike answers to a note.
                        "message_type": "auto_comment",
                        "is_internal": True,
                        "subtype_id": note_id,
                        "record_company_id": company.id,
                        "record_alias_domain_id": company.alias_domain_id.id,
                        "email_add_signature": False,
                        "mail_server_id": approval._get_mail_server().id,
                    }
                )
        return dict(zip(approvals, thread._message_create(values), strict=True))

    # === THE LINK === #

    def _keep_link(self, body):
        """Return a mail's body with the place of the link, if its text has lost it."""
        if LINK_PLACEHOLDER in body:
            return body
        label = self.with_context(lang=self.partner_id.lang).env._("Open the report")
        return body + Markup('<p><a href="%s">%s</a></p>') % (LINK_PLACEHOLDER, label)

    def _insert_link(self, body):
        """Return a body that is about to leave, with the link to these reports in it.

        :param str body: of a mail to the one approver these approvals are of
        """
        base_url = self.report_id[:1].get_base_url()
        link = f"{base_url}{self._get_link()}"
        return Markup(LINK_PATTERN.sub(lambda _match: link, body))

    def _get_link(self):
        """Return the path that opens these reports of one approver: a secret."""
        if not self:  # withdrawn since the mail was queued
            return "/my/cra"
        if len(self) > 1:
            return f"/my/cra?digest={self._get_digest_token()}"
        return self._get_page_url(query={"approval": self._get_token()})

    # === WORDS OF THE MAILS === #

    def _get_request_subject(self):
        """Return the subject of the mail that asks, in the language of the context."""
        approvals = self.mailed_together_ids
        if len(approvals) > 1:
            return self.env._("Activity reports: %s", len(approvals))
        return self.env._(
            "Activity report %(period)s – %(project)s",
            period=self.report_id._get_period_label(),
            project=self.report_id.project_id.name,
        )

    def _get_reminder_subject(self):
        return self.env._("Reminder: %s", self._get_request_subject())

    def _get_sender(self):
        """Return who the mail is from: the responsible of its reports if it is one."""
        users = self.mailed_together_ids.report_id.user_id
        company = self.company_id.email_formatted
        return len(users) == 1 and users.email_formatted or company

    def _get_sender_name(self):
        users = self.mailed_together_ids.report_id.user_id
        return users.name if len(users) == 1 else ""

    def _get_silence_terms(self):
        """Return what silence means for these reports, each wording once.

        :return: list of (sentence, clause or False, numbers of the reports it is about
            if others differ)
        """
        reports = self.report_id.filtered(lambda report: report._get_answer_day())
        groups = groupby(
            reports,
            lambda report: (
                report._get_silence_sentence(),
                report._is_tacit() and report.tacit_clause,
            ),
        )
        return [
            (*words, ", ".join(r.name for r in group) if len(groups) > 1 else "")
            for words, group in groups
        ]
