from contextlib import suppress
from types import SimpleNamespace

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import human_size


class _Undo(Exception):
    """Ends a savepoint whose work is only to be looked at."""


class InvoiceSendPreview(models.TransientModel):
    """One mail with its documents exactly as it will leave, or as it left.

    The mail is made by the same steps as when it is sent, and undone: nothing of it
    stays but this copy.
    """

    _name = "invoice.send.preview"
    _description = "Preview of a Mail With an Invoice"

    line_id = fields.Many2one(
        comodel_name="invoice.send.line", required=True, ondelete="cascade"
    )
    sender = fields.Char(string="From", readonly=True)
    server = fields.Char(string="Leaves Through", readonly=True)
    recipients = fields.Char(string="To", readonly=True)
    other_recipients = fields.Char(string="The Same Mail To", readonly=True)
    reply_to = fields.Char(readonly=True)
    subject = fields.Char(readonly=True)
    body = fields.Html(readonly=True, sanitize=False)
    size = fields.Char(readonly=True)
    attachment_ids = fields.Many2many(
        comodel_name="ir.attachment", string="Documents", readonly=True
    )

    # === BUSINESS METHODS === #
    @api.model
    def _open(self, line):
        """Make the preview of a row and return its dialog."""
        mail = self._make(line)
        files = mail.pop("files")
        # sudo: the copies belong to the preview, which only its creator reads
        preview = self.create({"line_id": line.id, **mail})
        preview.sudo().attachment_ids = (
            self.env["ir.attachment"]
            .sudo()
            .create(
                [
                    {
                        "name": name,
                        "raw": content,
                        "mimetype": mimetype,
                        "res_model": self._name,
                        "res_id": preview.id,
                    }
                    for name, content, mimetype in files
                ]
            )
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Preview: %s", line.move_id.name),
            "res_model": self._name,
            "res_id": preview.id,
            "view_mode": "form",
            "target": "new",
            "context": {"dialog_size": "extra-large"},
        }

    @api.model
    def _make(self, line):
        """Make the mail of a row, keep a copy of it, and undo everything else.

        :raise UserError: the mail can't be made; says why
        """
        made = {}
        with suppress(_Undo), self.env.cr.savepoint():
            # sudo: the outbox makes mails as the system, for the person who sends
            line_sudo = line.sudo()
            if not line_sudo.message_id:
                self._post(line_sudo)
            made.update(self._read(line_sudo))
            raise _Undo
        return made

    @api.model
    def _post(self, line):
        """Make documents and mail; no web service is called."""
        settings = line._prepare_sending_settings()
        settings.update(sending_methods={"email"}, extra_edis=set())
        move = line._get_sender_env_move().sudo()
        send = move.sudo(False).env["account.move.send"]
        moves_data = {move: settings}
        send._generate_invoice_documents(moves_data)
        if error := settings.get("error"):
            raise UserError(send._format_error_text(error))
        if "email" in line.methods:
            send._send_mails(moves_data)

    @api.model
    def _read(self, line):
        """Return what the first mail of a row looks like on its way."""
        mails = line._get_mails().sorted("id")
        if not mails and line.message_id:
            return self._read_message(line)
        if not mails:
            return self._read_without_mail(line)
        mail, server = mails[0], line.mail_server_id
        server_id, alias_domain_id, smtp_from, _ids = next(
            mail._split_by_mail_configuration()
        )
        server = server.browse(server_id)
        email = mail._prepare_outgoing_list(mail_server=server)[0]
        sender = mail.env["ir.mail_server"]
        if alias_domain := mail.record_alias_domain_id.browse(alias_domain_id or ()):
            sender = sender.with_context(
                domain_notifications_email=alias_domain.default_from_email
            )
        message = sender._build_email__(
            email_from=mail.email_from,
            email_to=email["email_to"],
            subject=email["subject"],
            body=email["body"],
            body_alternative=email["body_alternative"],
            email_cc=email["email_cc"],
            reply_to=email["reply_to"],
            attachments=email["attachments"],
            message_id=email["message_id"],
            references=email["references"],
            object_id=email["object_id"],
            subtype="html",
            subtype_alternative="plain",
            headers=email["headers"],
        )
        session = SimpleNamespace(from_filter=server.from_filter, smtp_from=smtp_from)
        sender._prepare_email_message__(message, session)
        return {
            "sender": message["From"],
            "server": server.name,
            "recipients": message["To"],
            "other_recipients": ", ".join(
                (mails - mail).recipient_ids.mapped("email_formatted")
            ),
            "reply_to": message["Reply-To"],
            "subject": email["subject"],
            "body": email["body"],
            "size": human_size(len(message.as_bytes())),
            "files": email["attachments"],
        }

    @api.model
    def _read_message(self, line):
        """Return what left: core forgets mails, not what was posted."""
        message = line.message_id
        return {
            "sender": message.email_from,
            "recipients": ", ".join(line.partner_ids.mapped("email_formatted")),
            "reply_to": message.reply_to,
            "subject": message.subject,
            "body": message.body,
            "files": [
                (file.name, file.raw, file.mimetype) for file in message.attachment_ids
            ],
        }

    @api.model
    def _read_without_mail(self, line):
        """Return the documents of a row that leaves in another way than by mail."""
        send = self.env["account.move.send"]
        files = send._get_invoice_extra_attachments(line.move_id).sudo()
        return {
            "subject": line.move_id.name,
            "files": [(file.name, file.raw, file.mimetype) for file in files],
        }
