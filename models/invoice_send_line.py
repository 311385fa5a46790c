from odoo import api, fields, models
from odoo.exceptions import UserError

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
EDITABLE_FIELDS = {
    "mail_server_id",
    "methods",
    "sending_methods",
    "mail_template_id",
    "partner_ids",
    "send_again",
}


class InvoiceSendLine(models.Model):
    """One sending of one invoice: what leaves, to whom, and what became of it.

    Rows of a sending run are prepared there; core's own dialog and queue make rows
    without a run, so that nobody else sends the invoice meanwhile.

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
    user_id = fields.Many2one(
        comodel_name="res.users",
        string="Sent By",
        compute="_compute_user_id",
        store=True,
        precompute=True,
        required=True,
        index=True,
    )
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
    mail_lang = fields.Char(compute="_compute_mail_lang", store=True)
    language = fields.Char(compute="_compute_language")
    is_editable = fields.Boolean(
        compute="_compute_is_editable", export_string_translation=False
    )
    methods = fields.Json(
        string="Method Codes",
        compute="_compute_methods",
        store=True,
        export_string_translation=False,
    )
    sending_methods = fields.Json(
        string="Methods",
        compute="_compute_sending_methods",
        inverse="_inverse_sending_methods",
    )
    methods_label = fields.Char(string="By", compute="_compute_methods_label")
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
    sending_number = fields.Integer(
        readonly=True,
        help="How many times the invoice was sent, this time included.",
    )
    was_sent = fields.Boolean(
        readonly=True, help="The invoice had been sent before this time."
    )
    delivery = fields.Char(compute="_compute_delivery")

    _active_uniq = models.UniqueIndex(
        "(move_id) WHERE state IN ('queued', 'sending', 'unconfirmed')",
        "The invoice is already being sent.",
    )
    # Who did not see somebody else's sending can't count on it: see _claiming.
    _number_uniq = models.UniqueIndex(
        "(move_id, sending_number) WHERE sending_number > 0",
        "Somebody else sent the invoice at the same time.",
    )

    # === COMPUTE METHODS === #
    @api.depends("run_id.user_id")
    def _compute_user_id(self):
        for line in self:
            line.user_id = line.run_id.user_id or line.user_id or self.env.user

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
                lang = langs.get(line.move_id.id)
                line.mail_lang = lang or line.move_id.partner_id.lang

    @api.depends("mail_lang")
    def _compute_language(self):
        names = dict(self.env["res.lang"].get_installed())
        for line in self:
            line.language = names.get(line.mail_lang, line.mail_lang)

    @api.depends("state", "run_id")
    def _compute_is_editable(self):
        for line in self:
            line.is_editable = line.run_id and line.state in EDITABLE_STATES

    @api.depends("mail_template_id", "move_id")
    def _compute_partner_ids(self):
        for template, lines in self.grouped("mail_template_id").items():
            recipients = lines.move_id._get_send_recipients(template)
            for line in lines:
                line.partner_ids = recipients[line.move_id.id]

    @api.depends("move_id")
    def _compute_methods(self):
        send = self.env["account.move.send"]
        for line in self:
            line.methods = sorted(send._get_default_sending_methods(line.move_id))

    @api.depends("methods")
    @api.depends_context("lang")
    def _compute_sending_methods(self):
        send = self.env["account.move.send"]
        labels = self._get_method_labels()
        for line in self:
            chosen = line.methods or ()
            line.sending_methods = {
                method: {"checked": method in chosen, "label": label}
                for method, label in labels.items()
                if method in chosen
                or send._is_applicable_to_company(method, line.company_id)
            }

    def _inverse_sending_methods(self):
        # sudo: the choice is the user's, the field is written by the row only
        for line in self.sudo():
            line.methods = sorted(
                method
                for method, choice in (line.sending_methods or {}).items()
                if choice.get("checked")
            )

    @api.model
    def _get_method_labels(self):
        selection = self.env["res.partner"]._fields["invoice_sending_method"]
        return dict(selection._description_selection(self.env))

    @api.depends("methods")
    @api.depends_context("lang")
    def _compute_methods_label(self):
        labels = self._get_method_labels()
        for line in self:
            line.methods_label = ", ".join(
                labels.get(method, method) for method in line.methods or ()
            )

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
        result = super().write(vals)
        if "state" in vals:
            self.run_id._notify_progress()
        if not self.env.su:
            self._check()
        return result

    # === ACTION METHODS === #
    def action_open_move(self):
        self.ensure_one()
        return self.move_id._get_records_action(name=self.move_id.display_name)

    def action_preview(self):
        """Show the mail of this row and its documents exactly as they will leave."""
        self.ensure_one()
        self._check_can_send()
        return self.env["invoice.send.preview"]._open(self)

    def action_send_again(self):
        """Agree to send once more what was already sent."""
        self.filtered(lambda line: line.state == BLOCKED).send_again = True

    def action_cancel(self):
        """Take rows out that have not left yet."""
        self._check_can_send()
        # sudo: the run itself writes its rows
        open_rows = self.sudo().filtered(
            lambda line: line.state in (DRAFT, BLOCKED, QUEUED)
        )
        # A row that the outbox holds is leaving.
        free = open_rows.try_lock_for_update()
        free.write({"state": CANCELLED})
        free.run_id._update_state()

    def action_retry(self):
        """Queue failed rows once more, for the recipients who have nothing yet."""
        self._check_can_send()
        lines = self.filtered(lambda line: line.state == FAILED)
        lines.sudo()._prepare_retry()
        lines.sudo().state = DRAFT
        lines._check()
        lines.filtered(lambda line: line.state == DRAFT)._queue()
        self.run_id._update_state()

    def action_confirm_arrived(self):
        """Record that the mail of an unconfirmed row did arrive."""
        self._check_can_send()
        lines = self._lock_unconfirmed()
        for line in lines:
            line._log_decision(self.env._("The mail arrived, says %(user)s."))
        lines._record_pending_accepted()
        self.run_id._update_state()

    def action_send_unconfirmed(self):
        """Send an unconfirmed mail once more: the very same one, by its Message-Id."""
        self._check_can_send()
        lines = self._lock_unconfirmed()
        for line in lines:
            line._hold(line.pending_mail_id)
            line._log_decision(
                self.env._("The mail did not arrive, says %(user)s: it is sent again.")
            )
        lines.write({"state": QUEUED, "pending_mail_id": False, "error": False})
        self.env["invoice.send.outbox"]._trigger(lines)
        self.run_id._update_state()

    def _lock_unconfirmed(self):
        """Return the rows to decide on, so that two people decide once."""
        # sudo: the run itself writes its rows
        lines = self.sudo().filtered(lambda line: line.state == UNCONFIRMED)
        lines.lock_for_update(allow_referencing=True)
        return lines

    def _log_decision(self, text):
        """Note on the invoice who decided what became of its mail.

        :param str text: translated, with a placeholder ``user``
        """
        self.ensure_one()
        self.move_id.message_post(
            body=text % {"user": self.env.user.display_name},
            author_id=self.env.user.partner_id.id,
        )

    # === BUSINESS METHODS === #
    def _get_state_label(self):
        return dict(self._fields["state"]._description_selection(self.env))[self.state]

    def _check_can_send(self):
        """Re-check the caller's right to send; buttons are callable by RPC."""
        self.check_access("write")
        self.env["account.move.send"]._check_may_send(self.move_id)
