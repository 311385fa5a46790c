from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import human_size

DRAFT = "draft"
BLOCKED = "blocked"
QUEUED = "queued"
SENDING = "sending"
SENT = "sent"
UNCONFIRMED = "unconfirmed"
FAILED = "failed"
SKIPPED = "skipped"
CANCELLED = "cancelled"

LINE_STATES = [
    (DRAFT, "Ready"),
    (BLOCKED, "Blocked"),
    (QUEUED, "Queued"),
    (SENDING, "Sending"),
    (SENT, "Sent"),
    (UNCONFIRMED, "Unconfirmed"),
    (FAILED, "Failed"),
    (SKIPPED, "Skipped"),
    (CANCELLED, "Cancelled"),
]
ACTIVE_STATES = (QUEUED, SENDING, UNCONFIRMED)
EDITABLE_STATES = (DRAFT, BLOCKED, FAILED)
# What an accountant may change on a row; the rest is written by the run itself.
EDITABLE_FIELDS = {"mail_template_id", "partner_ids", "send_again"}


class InvoiceSendLine(models.Model):
    """One invoice of a sending run: what leaves, to whom, and what became of it.

    =============  ==========================================================
    draft          checked, nothing stands in its way
    blocked        stays behind until its blocker is mended
    queued         waits for the outbox (or for ``next_try``)
    sending        handed to the mail server, the answer is not recorded yet
    sent           the mail server said yes (or nothing had to be mailed)
    unconfirmed    handed over, then the process died: a person decides
    failed         refused for good; says why, can be retried
    skipped        documents made, but the customer gets them another way
    cancelled      taken out by the accountant before it left
    =============  ==========================================================
    """

    _name = "invoice.send.line"
    _description = "Invoice to Send"
    _order = "run_id desc, id"
    _rec_name = "move_id"

    run_id = fields.Many2one(
        comodel_name="invoice.send.run",
        string="Sending Run",
        required=True,
        index=True,
        ondelete="cascade",
        readonly=True,
    )
    move_id = fields.Many2one(
        comodel_name="account.move",
        string="Invoice",
        required=True,
        index=True,
        ondelete="cascade",
        readonly=True,
    )
    company_id = fields.Many2one(related="move_id.company_id", store=True, index=True)
    user_id = fields.Many2one(related="run_id.user_id")
    customer_id = fields.Many2one(related="move_id.partner_id", string="Customer")
    currency_id = fields.Many2one(related="move_id.currency_id")
    amount_total = fields.Monetary(related="move_id.amount_total")
    state = fields.Selection(
        selection=LINE_STATES,
        required=True,
        default=DRAFT,
        readonly=True,
        index=True,
    )
    mail_template_id = fields.Many2one(
        comodel_name="mail.template",
        domain=[("model", "=", "account.move")],
        compute="_compute_mail_template_id",
        store=True,
        readonly=False,
    )
    partner_ids = fields.Many2many(
        comodel_name="res.partner",
        relation="invoice_send_line_res_partner_rel",
        string="Recipients",
        compute="_compute_partner_ids",
        store=True,
        readonly=False,
    )
    mail_lang = fields.Char(string="Language", compute="_compute_mail_lang", store=True)
    methods = fields.Json(compute="_compute_methods")
    methods_label = fields.Char(string="By", compute="_compute_methods")
    documents = fields.Json(string="Documents Found", readonly=True)
    documents_label = fields.Char(
        string="Documents", compute="_compute_documents_label"
    )
    blockers = fields.Json(readonly=True)
    blocker_text = fields.Char(string="Blocked By", compute="_compute_blocker_text")
    is_resend = fields.Boolean(compute="_compute_blocker_text")
    send_again = fields.Boolean(
        help="The invoice was sent before; send it once more all the same."
    )
    error = fields.Text(readonly=True)
    next_try = fields.Datetime(string="Not Before", readonly=True)
    attempts = fields.Integer(readonly=True)
    message_id = fields.Many2one(
        comodel_name="mail.message",
        string="Mail",
        index="btree_not_null",
        ondelete="set null",
        readonly=True,
    )
    pending_mail_id = fields.Many2one(
        comodel_name="mail.mail",
        help="Handed to the mail server; its answer is not recorded yet.",
        index="btree_not_null",
        ondelete="set null",
        readonly=True,
        groups="base.group_system",
    )
    sent_on = fields.Datetime(readonly=True)
    delivery = fields.Char(compute="_compute_delivery")

    _active_uniq = models.UniqueIndex(
        "(move_id) WHERE state IN ('queued', 'sending', 'unconfirmed')",
        "Another sending run already holds this invoice.",
    )

    # === COMPUTE METHODS === #
    @api.depends("run_id.mail_template_id", "move_id")
    def _compute_mail_template_id(self):
        templates = self.move_id._get_send_templates()
        for line in self:
            line.mail_template_id = (
                line.run_id.mail_template_id or templates[line.move_id.id]
            )

    @api.depends("mail_template_id", "move_id")
    def _compute_mail_lang(self):
        for template, lines in self.grouped("mail_template_id").items():
            moves = lines.move_id
            langs = template._render_lang(moves.ids) if template else {}
            for line in lines:
                line.mail_lang = langs.get(line.move_id.id)

    @api.depends("mail_template_id", "move_id")
    def _compute_partner_ids(self):
        for template, lines in self.grouped("mail_template_id").items():
            recipients = lines.move_id._get_send_recipients(template)
            for line in lines:
                line.partner_ids = recipients[line.move_id.id]

    @api.depends("move_id.commercial_partner_id.invoice_sending_method")
    def _compute_methods(self):
        send = self.env["account.move.send"]
        selection = self.env["res.partner"]._fields["invoice_sending_method"]
        labels = dict(selection._description_selection(self.env))
        for line in self:
            methods = sorted(send._get_default_sending_methods(line.move_id))
            line.methods = methods
            line.methods_label = ", ".join(labels.get(m, m) for m in methods)

    @api.depends("documents")
    def _compute_documents_label(self):
        for line in self:
            line.documents_label = ", ".join(
                "{} ({}{})".format(
                    document["name"],
                    "" if document["exact"] else "~",
                    human_size(document["size"]),
                )
                for document in line.documents or ()
            )

    @api.depends("blockers")
    def _compute_blocker_text(self):
        for line in self:
            blockers = line.blockers or ()
            line.blocker_text = " ".join(b["message"] for b in blockers)
            line.is_resend = any(b["code"] == "already_sent" for b in blockers)

    @api.depends("message_id.notification_ids.notification_status")
    def _compute_delivery(self):
        notification = self.env["mail.notification"]
        labels = dict(
            notification._fields["notification_status"]._description_selection(self.env)
        )
        for line in self:
            # sudo: the delivery of a mail belongs to the invoice, not to its reader
            statuses = line.sudo()._get_notifications().mapped("notification_status")
            line.delivery = ", ".join(
                labels.get(status, status) for status in sorted(set(statuses))
            )

    # === CRUD METHODS === #
    def write(self, vals):
        if not self.env.su:
            if not_editable := vals.keys() - EDITABLE_FIELDS:
                raise UserError(
                    self.env._(
                        "%(fields)s: only the run itself writes this.",
                        fields=", ".join(sorted(not_editable)),
                    )
                )
            for line in self:
                if line.state not in EDITABLE_STATES:
                    raise UserError(
                        self.env._(
                            "%(invoice)s is %(state)s: its row can't be changed "
                            "anymore.",
                            invoice=line.move_id.display_name,
                            state=line._get_state_label(),
                        )
                    )
        return super().write(vals)

    # === ACTION METHODS === #
    def action_open_move(self):
        self.ensure_one()
        return self.move_id._get_records_action(name=self.move_id.display_name)

    def action_open_blocker(self):
        """Open what mends the row's first blocker."""
        self.ensure_one()
        for blocker in self.blockers or ():
            if blocker.get("res_model"):
                record = self.env[blocker["res_model"]].browse(blocker["res_id"])
                return record._get_records_action(target="current")
        return self.action_open_move()

    def action_send_again(self):
        """Agree to send once more what was already sent."""
        self.send_again = True
        self._check()

    def action_retry(self):
        """Queue failed rows once more, for the recipients who have nothing yet."""
        self._check_can_send()
        lines = self.filtered(lambda line: line.state == FAILED)
        lines.sudo()._prepare_retry()
        lines.sudo().state = DRAFT
        lines._check()
        lines.filtered(lambda line: line.state == DRAFT)._queue()

    def action_confirm_arrived(self):
        """Record that the mail of an unconfirmed row did arrive."""
        self._check_can_send()
        for line in self.filtered(lambda line: line.state == UNCONFIRMED).sudo():
            line._record_accepted()
            if line._get_held_mails():
                line.state = QUEUED
                self.env["invoice.send.outbox"]._trigger()
            else:
                line._settle()

    def action_send_unconfirmed(self):
        """Send an unconfirmed mail once more: the very same one, by its Message-Id."""
        self._check_can_send()
        lines = self.filtered(lambda line: line.state == UNCONFIRMED).sudo()
        for line in lines:
            line._hold(line.pending_mail_id)
        lines.write({"state": QUEUED, "pending_mail_id": False, "error": False})
        self.env["invoice.send.outbox"]._trigger()

    # === BUSINESS METHODS === #
    def _get_state_label(self):
        return dict(self._fields["state"]._description_selection(self.env))[self.state]

    def _check_can_send(self):
        """Re-check the caller's right to send; buttons are callable by RPC."""
        self.check_access("write")
        self.move_id.check_access("write")
