from odoo import api, fields, models
from odoo.exceptions import UserError

from .invoice_send_line import (
    BLOCKED,
    CANCELLED,
    DRAFT,
    FAILED,
    QUEUED,
    SENDING,
    SENT,
    SKIPPED,
    UNCONFIRMED,
)

RUN_STATES = [
    ("draft", "To Check"),
    ("scheduled", "Scheduled"),
    ("sending", "Sending"),
    ("done", "Done"),
    ("cancelled", "Cancelled"),
]
EDITABLE_FIELDS = {
    "attachment_ids",
    "line_ids",
    "mail_server_id",
    "mail_template_id",
    "note",
    "scheduled_on",
}


class InvoiceSendRun(models.Model):
    """Many invoices sent together, every one accounted for.

    ``done`` means that nothing is left that the run does by itself: blocked, failed
    and unconfirmed rows wait for a person and can still be sent from here.
    """

    _name = "invoice.send.run"
    _description = "Sending Run"
    _inherit = ["mail.thread", "mail.activity.mixin", "bus.listener.mixin"]
    _order = "id desc"

    name = fields.Char(required=True, readonly=True, copy=False, default="/")
    company_id = fields.Many2one(
        comodel_name="res.company",
        required=True,
        index=True,
        readonly=True,
        default=lambda self: self.env.company,
    )
    user_id = fields.Many2one(
        comodel_name="res.users",
        string="Sent By",
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env.user,
    )
    line_ids = fields.One2many(
        comodel_name="invoice.send.line",
        inverse_name="run_id",
        string="Invoices",
        copy=False,
    )
    mail_server_id = fields.Many2one(
        comodel_name="ir.mail_server",
        string="Mailbox",
        domain="[('owner_user_id', 'in', (False, uid))]",
        help="A shared mail server or your own mailbox. Empty: each mail leaves "
        "through the one its project, customer, template or sender asks for.",
    )
    alerts = fields.Json(readonly=True)
    mail_template_id = fields.Many2one(
        comodel_name="mail.template",
        domain=[("model", "=", "account.move")],
        help="Empty: each invoice's own, as set on its project, customer or company.",
    )
    note = fields.Text(help="Added to every mail of this run, as plain text.")
    attachment_ids = fields.Many2many(
        comodel_name="ir.attachment",
        relation="invoice_send_run_ir_attachment_rel",
        string="Attachments",
        help="Added to every mail of this run.",
    )
    scheduled_on = fields.Datetime(copy=False)
    state = fields.Selection(
        selection=RUN_STATES,
        required=True,
        readonly=True,
        default="draft",
        copy=False,
        index=True,
        tracking=True,
    )
    line_count = fields.Integer(compute="_compute_counts")
    ready_count = fields.Integer(compute="_compute_counts")
    blocked_count = fields.Integer(compute="_compute_counts")
    waiting_count = fields.Integer(compute="_compute_counts")
    sent_count = fields.Integer(compute="_compute_counts")
    failed_count = fields.Integer(compute="_compute_counts")
    unconfirmed_count = fields.Integer(compute="_compute_counts")
    progress = fields.Float(compute="_compute_counts")

    # === COMPUTE METHODS === #
    @api.depends("line_ids.state")
    def _compute_counts(self):
        counts = {}
        for run, state, count in self.env["invoice.send.line"]._read_group(
            domain=[("run_id", "in", self.ids)],
            groupby=["run_id", "state"],
            aggregates=["__count"],
        ):
            counts.setdefault(run.id, {})[state] = count
        for run in self:
            by_state = counts.get(run._origin.id, {})
            run.line_count = sum(by_state.values())
            run.ready_count = by_state.get(DRAFT, 0)
            run.blocked_count = by_state.get(BLOCKED, 0)
            run.waiting_count = by_state.get(QUEUED, 0) + by_state.get(SENDING, 0)
            run.sent_count = by_state.get(SENT, 0) + by_state.get(SKIPPED, 0)
            run.failed_count = by_state.get(FAILED, 0)
            run.unconfirmed_count = by_state.get(UNCONFIRMED, 0)
            leaving = run.line_count - by_state.get(CANCELLED, 0) - run.blocked_count
            run.progress = 100.0 * run.sent_count / leaving if leaving else 0.0

    # === CRUD METHODS === #
    def write(self, vals):
        if not self.env.su:
            if vals.keys() & {"state", "user_id", "company_id", "name"}:
                raise UserError(
                    self.env._("The run itself writes its state and its sender.")
                )
            if vals.keys() & (EDITABLE_FIELDS - {"line_ids"}) and any(
                run.state != "draft" for run in self
            ):
                raise UserError(
                    self.env._("A run can't be changed anymore once it was sent.")
                )
        return super().write(vals)

    # === ACTION METHODS === #
    def action_check(self):
        """Look again at what blocks the rows, and at what goes along."""
        self._check_can_send()
        self.line_ids.move_id._update_annexes()
        self._check()

    def action_check_blocked(self):
        """Look again at the blocked rows: somebody may have mended them.

        :return: whether any row changed
        """
        self._check_can_send()
        blocked = self.line_ids.filtered(lambda line: line.state == BLOCKED)
        before = blocked.mapped("blockers")
        blocked._check()
        return blocked.mapped("blockers") != before

    def action_send(self):
        """Send every row that nothing blocks; the others stay behind."""
        self._start(scheduled_on=False)

    def action_schedule(self):
        """Send at the time set on the run."""
        for run in self:
            if not run.scheduled_on or run.scheduled_on <= fields.Datetime.now():
                raise UserError(
                    self.env._(
                        "%(run)s: set a time in the future to send it later.",
                        run=run.name,
                    )
                )
            run._start(scheduled_on=run.scheduled_on)

    def action_unschedule(self):
        """Take back runs that wait for their time, to change or send them now."""
        self._check_can_send()
        for run in self.filtered(lambda run: run.state == "scheduled"):
            # sudo: the run itself writes its rows
            lines = run.line_ids.sudo().filtered(lambda line: line.state == QUEUED)
            if lines != lines.try_lock_for_update():
                raise UserError(self.env._("%(run)s is just leaving.", run=run.name))
            lines.write({"state": DRAFT, "next_try": False, "sending_number": 0})
            run.sudo().write({"state": "draft", "started_on": False})

    def action_cancel_rest(self):
        """Take out what has not left yet. What is leaving right now still leaves."""
        self._check_can_send()
        self.line_ids.action_cancel()

    def action_retry_failed(self):
        self._check_can_send()
        self.line_ids.filtered(lambda line: line.state == FAILED).action_retry()
        self._update_state()

    def action_open_lines(self):
        """Open all rows, to search, select and change many at once."""
        return self._get_lines_action({})

    def action_open_failed_lines(self):
        return self._get_lines_action({"search_default_filter_failed": 1})

    # === BUSINESS METHODS === #
    @api.model
    def _open(self, moves):
        """Create the run of some invoices, checked, and return its page."""
        self.env["account.move.send"]._check_may_send(moves)
        # sudo: rows are made here only, for invoices the user may send
        run_sudo = self.sudo().create(
            {
                "name": self.env["ir.sequence"].sudo().next_by_code("invoice.send.run"),
                "user_id": self.env.uid,
                "company_id": self.env.company.id,
            }
        )
        line_model = self.env["invoice.send.line"]
        line_model.sudo().create(line_model._prepare_line_vals_list(run_sudo, moves))
        run = run_sudo.sudo(False)
        # Templates may have been assigned since the invoices were posted.
        # sudo: who sends may not see annexes
        moves.sudo().filtered(lambda move: not move.annex_ids)._update_annexes()
        run._check()
        return run

    def _check(self):
        """Look at all rows, and at what core says of all their invoices together."""
        senders = self.line_ids._check()
        send = self.env["account.move.send"]
        for run in self:
            lines = run.line_ids.filtered(lambda line: line.state in (DRAFT, BLOCKED))
            alerts = send._get_run_alerts(lines) if lines else {}
            alerts |= lines._get_sender_alerts(senders)
            # sudo: the run itself writes what it found
            run.sudo().alerts = alerts

    def _get_lines_action(self, context):
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "sale_timesheet_cra.invoice_send_line_action"
            ),
            "name": self.name,
            "domain": [("run_id", "=", self.id)],
            "context": {"in_run": True, **context},
        }

    def _get_page_action(self):
        self.ensure_one()
        return {
            **self._get_records_action(name=self.env._("Send")),
            "target": "current",
        }

    def _check_can_send(self):
        """Re-check the caller's rights; buttons are callable by RPC."""
        self.check_access("write")
        self.env["account.move.send"]._check_may_send(self.line_ids.move_id)

    def _start(self, scheduled_on):
        self._check_can_send()
        for run in self:
            # sudo: whoever presses the button is who sends
            run.sudo().user_id = self.env.user
            # What only informs was looked up for the page: it stops nothing.
            run.line_ids._check_blockers()
            lines = run.line_ids.filtered(lambda line: line.state == DRAFT)
            if not lines:
                raise UserError(
                    self.env._(
                        "%(run)s has nothing to send: every row is blocked or done.",
                        run=run.name,
                    )
                )
            # sudo: the run itself writes its state
            run.sudo().write(
                {
                    "state": "scheduled" if scheduled_on else "sending",
                    "scheduled_on": scheduled_on,
                    "started_on": scheduled_on or fields.Datetime.now(),
                }
            )
            lines.sudo().next_try = scheduled_on
            lines._queue()

    def _update_state(self):
        """Close runs that have nothing left to do by themselves, open others again."""
        # sudo: the run itself writes its state
        found = (
            self.env["invoice.send.line"]
            .sudo()
            ._read_group(
                domain=[("run_id", "in", self.ids)],
                groupby=["run_id"],
                aggregates=["state:array_agg_distinct"],
            )
        )
        states_by_run = {run: set(states) for run, states in found}
        for run_sudo in self.sudo():
            states = states_by_run.get(run_sudo, set())
            if states <= {CANCELLED}:
                run_sudo.state = "cancelled"
            elif states & {QUEUED, SENDING}:
                if run_sudo.state == "done":
                    run_sudo.state = "sending"
            elif run_sudo.state in ("scheduled", "sending"):
                run_sudo.state = "done"
                run_sudo._notify_end()
            if run_sudo.state != "draft":
                run_sudo._update_activity()

    def _get_attachment_items(self):
        """Return the run's own files in the shape of core's attachment widget."""
        return self.sudo().attachment_ids._prepare_send_items()
