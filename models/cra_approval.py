from datetime import timedelta
from urllib.parse import urlencode

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import hash_sign, verify_hash_signed

TOKEN_SCOPE = "sale_timesheet_cra.approval"
#: How long a link in a mail opens the page, in days.
TOKEN_DAYS = 180
#: What mail texts hold where the approver's own link belongs: no usable link exists
#: before the mail to that very person is built.
LINK_PLACEHOLDER = "/my/cra/decision-link"
OPEN_STATES = ("waiting", "pending")
#: How much a customer may write, in characters.
MAX_NAME, MAX_COMMENT = 120, 4000


class CraApproval(models.Model):
    """What one approver is asked, and what they answered, with the evidence."""

    _name = "cra.approval"
    _description = "Activity Report Approval"
    _order = "id"

    report_id = fields.Many2one(
        comodel_name="cra.report",
        required=True,
        index=True,
        readonly=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="report_id.company_id")
    partner_id = fields.Many2one(
        comodel_name="res.partner",
        string="Approver",
        required=True,
        index=True,
        readonly=True,
        ondelete="restrict",
    )
    state = fields.Selection(
        selection=[
            ("waiting", "To Be Asked"),
            ("pending", "Asked"),
            ("approved", "Agreed"),
            ("refused", "Refused"),
            ("void", "Void"),
        ],
        required=True,
        default="waiting",
        readonly=True,
    )
    token_serial = fields.Integer(
        default=1,
        required=True,
        readonly=True,
        help="A higher serial makes every link sent so far invalid.",
    )
    decided_on = fields.Datetime(readonly=True)
    signed_by = fields.Char(readonly=True)
    signature = fields.Image(max_width=1024, max_height=1024, readonly=True)
    comment = fields.Text(string="Reason", readonly=True)
    digest = fields.Char(
        readonly=True, help="Digest of the content that was in front of the approver."
    )
    digest_version = fields.Integer(readonly=True)
    ip_address = fields.Char(string="IP Address", readonly=True)
    user_agent = fields.Char(readonly=True)
    mail_message_id = fields.Many2one(
        comodel_name="mail.message",
        string="Request",
        readonly=True,
        ondelete="set null",
        help="Message that followed the mail to the approver.",
    )
    message_reference = fields.Char(
        string="Message-Id of the Mail", readonly=True, help="As in the mail's header."
    )

    _approver_uniq = models.UniqueIndex(
        "(report_id, partner_id) WHERE state != 'void'",
        "This person is already an approver of the report.",
    )

    # === COMPUTE METHODS === #

    @api.depends("partner_id", "report_id")
    def _compute_display_name(self):
        for approval in self:
            approval.display_name = self.env._(
                "%(approver)s on %(report)s",
                approver=approval.partner_id.display_name,
                report=approval.report_id.display_name,
            )

    # === CRUD METHODS === #

    def write(self, vals):
        for approval in self:
            if approval.decided_on:
                raise UserError(
                    self.env._(
                        "%s was decided: it stays as it is.", approval.display_name
                    )
                )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        if self.report_id.filtered("sent_on"):
            raise UserError(self.env._("Approvals of a report that was sent stay."))

    # === TOKENS === #

    def _get_token(self):
        """Return the approver's secret: to be put into a mail to them, nowhere else."""
        self.ensure_one()
        return hash_sign(
            self.sudo().env,
            TOKEN_SCOPE,
            [self.id, self.token_serial],
            expiration=timedelta(days=TOKEN_DAYS),
        )

    @api.model
    def _from_token(self, report_id, token):
        """Return the approval, in sudo, that ``token`` was made for.

        A link goes on showing the report after somebody else has answered; whether it
        still decides is the approval's state.

        :param int report_id: report the token is used on
        :raise AccessError: the token is wrong, expired, revoked or of another report
        """
        try:
            values = verify_hash_signed(self.sudo().env, TOKEN_SCOPE, token or "")
        except (ValueError, TypeError):  # not even the form of a token
            values = None
        approval_id, serial = values or (0, 0)
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

    def _get_page_url(self, suffix="", query=None):
        """Return the path of the report's page.

        :param str suffix: ``/approve`` or ``/refuse`` for the addresses that decide
        :param dict query: parameters; the token is one only if the caller has it
        """
        parameters = f"?{urlencode(query)}" if query else ""
        return f"{self.report_id.access_url}{suffix}{parameters}"

    # === ASKING === #

    def _send_requests(self):
        """Mail each approver their own link; the chatter only learns whom we asked."""
        standard = self.env.ref("sale_timesheet_cra.mail_template_cra_request")
        for policy in self.report_id.policy_id:
            template = policy.request_template_id or standard
            approvals = self.filtered(lambda a, p=policy: a.report_id.policy_id == p)
            texts = template._generate_template(
                approvals.ids, ("subject", "body_html", "email_from", "reply_to")
            )
            for approval in approvals:
                approval._create_request_mail(texts[approval.id], template)
        informed = self.filtered(lambda a: a.report_id.approval_mode == "none")
        informed.write({"state": "void"})
        (self - informed).write({"state": "pending"})
        # The queue sends each mail in a transaction of its own, over one connection.
        self.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()

    def _create_request_mail(self, texts, template):
        """Put the mail with this approver's link into the queue.

        The message in the chatter carries the delivery status; the link is in the mail
        alone, which is deleted when it has left.

        :param dict texts: rendered subject, body_html, email_from, reply_to
        :param template: ``mail.template`` the texts come from
        """
        report = self.report_id
        message = report._message_log(
            body=self.env._("Sent to %s.", self.partner_id.email_formatted),
            subject=texts["subject"],
        )
        mail = self.env["mail.mail"].create(
            {
                "mail_message_id": message.id,
                "body_html": self._insert_link(texts["body_html"]),
                "email_from": texts["email_from"] or report.company_id.email_formatted,
                "reply_to": texts["reply_to"],
                "recipient_ids": [fields.Command.link(self.partner_id.id)],
                "mail_server_id": template.mail_server_id.id,
                "auto_delete": True,
            }
        )
        self.env["mail.notification"].create(
            {
                "mail_message_id": message.id,
                "mail_mail_id": mail.id,
                "res_partner_id": self.partner_id.id,
                "notification_type": "email",
                "notification_status": "ready",
                "is_read": True,
            }
        )
        self.write(
            {"mail_message_id": message.id, "message_reference": message.message_id}
        )

    def _insert_link(self, body):
        """Return a mail's body with this approver's link in the place held for it."""
        base_url = self.report_id.get_base_url()
        query = {"approval": self._get_token()}
        link = f"{base_url}{self._get_page_url(query=query)}"
        body = str(body).replace(f"{base_url}{LINK_PLACEHOLDER}", LINK_PLACEHOLDER)
        if LINK_PLACEHOLDER not in body:  # the text was edited and lost its button
            reader = self.with_context(lang=self.partner_id.lang)
            label = reader.env._("Open the activity report")
            body += Markup('<p><a href="%s">%s</a></p>') % (LINK_PLACEHOLDER, label)
        return body.replace(LINK_PLACEHOLDER, link)

    def _void(self):
        """Make the links of approvals that are not decided yet useless."""
        self.filtered(lambda a: a.state in OPEN_STATES).write({"state": "void"})

    # === ANSWERING === #

    def _approve(self, name, signature, reference=None, evidence=None):
        """Record this approver's agreement.

        :param str name: who signs, as typed
        :param str signature: PNG image, base64
        :param str reference: the customer's order number, may be empty
        :param dict evidence: ``ip_address`` and ``user_agent`` of the request
        :raise UserError: something is missing, or the report was decided meanwhile
        """
        name = self._clean_text(name, MAX_NAME)
        reference = self._clean_text(reference, MAX_NAME)
        if not name or not signature:
            raise UserError(self.env._("Please enter your name and sign."))
        self._answer("approved", signed_by=name, signature=signature, **evidence or {})
        report = self.report_id
        if reference:
            report.customer_reference = reference
        still_open = report.approval_ids.filtered(lambda a: a.state in OPEN_STATES)
        if report.approval_mode == "any" or not still_open:
            still_open._void()
            report._decide("approved")
        report._message_log(
            body=self.env._("Agreed by %s.", name), author_id=self.partner_id.id
        )

    def _refuse(self, comment, evidence=None):
        """Record this approver's refusal: the report is refused at once.

        :param str comment: the reason
        :param dict evidence: ``ip_address`` and ``user_agent`` of the request
        :raise UserError: no reason is given, or the report was decided meanwhile
        """
        comment = self._clean_text(comment, MAX_COMMENT)
        if not comment:
            raise UserError(self.env._("Please tell us what is wrong."))
        self._answer("refused", comment=comment, **evidence or {})
        report = self.report_id
        report.approval_ids._void()
        report._decide("refused")
        report._message_log(
            body=self.env._(
                "Refused by %(name)s: %(reason)s",
                name=self.partner_id.display_name,
                reason=comment,
            ),
            author_id=self.partner_id.id,
        )
        if report.user_id:
            report.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=self.env._("Refused by the customer"),
                note=comment,
                user_id=report.user_id.id,
            )

    def _clean_text(self, text, length):
        """Return what a customer typed, without blanks around it.

        :raise UserError: it is longer than ``length`` characters
        """
        text = str(text or "").strip()
        if len(text) > length:
            raise UserError(
                self.env._("Please write at most %(count)s characters.", count=length)
            )
        return text

    def _answer(self, state, **vals):
        """Write the decision with its evidence, after a last look under lock.

        :raise UserError: the report was decided or withdrawn meanwhile
        """
        self.ensure_one()
        report = self.report_id
        report._lock()
        self.invalidate_recordset()
        if report.state != "sent" or self.state != "pending":
            raise UserError(
                self.env._(
                    "%s was already decided or withdrawn. Reload the page to see it.",
                    report.display_name,
                )
            )
        self.write(
            {
                "state": state,
                "decided_on": fields.Datetime.now(),
                "digest": report.digest,
                "digest_version": report.digest_version,
                **vals,
            }
        )
