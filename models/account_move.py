from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from .invoice_send_line import ACTIVE_STATES, LINE_STATES
from .resolution import resolve

SENDERS = "account.group_account_invoice,sales_team.group_sale_salesman"


class AccountMove(models.Model):
    _inherit = "account.move"

    send_line_ids = fields.One2many(
        comodel_name="invoice.send.line",
        inverse_name="move_id",
        string="Sendings",
        groups=SENDERS,
    )
    send_line_count = fields.Integer(compute="_compute_send_line_count", groups=SENDERS)
    active_send_line_id = fields.Many2one(
        comodel_name="invoice.send.line",
        compute="_compute_active_send_line_id",
        compute_sudo=True,
        groups=SENDERS,
    )

    send_state = fields.Selection(
        selection=LINE_STATES,
        string="Last Sending",
        compute="_compute_send_state",
        search="_search_send_state",
        compute_sudo=True,  # whoever sees the invoice may know whether it was sent
        groups=SENDERS,
    )
    send_error = fields.Text(
        compute="_compute_send_state", compute_sudo=True, groups=SENDERS
    )
    send_project_id = fields.Many2one(
        comodel_name="project.project",
        compute="_compute_send_project_id",
        compute_sudo=True,  # accountants read neither sales orders nor timesheets
        groups=SENDERS,
        export_string_translation=False,
    )

    # === COMPUTE METHODS === #
    @api.depends("invoice_line_ids.sale_line_ids")
    def _compute_send_project_id(self):
        """Find the project whose sending settings apply: the only one billed.

        In one query: an invoice may have hundreds of timesheets.
        """
        self.env["account.move.line"].flush_model(["move_id", "sale_line_ids"])
        self.env["sale.order.line"].flush_model(["order_id", "project_id", "task_id"])
        self.env["sale.order"].flush_model(["project_id"])
        self.env["project.task"].flush_model(["project_id"])
        self.env["account.analytic.line"].flush_model(
            ["project_id", "timesheet_invoice_id"]
        )
        rows = self.env.execute_query(
            SQL(
                """
                SELECT move_id, MIN(project_id)
                  FROM (
                    SELECT line.move_id, found.project_id
                      FROM account_move_line line
                      JOIN sale_order_line_invoice_rel billed
                        ON billed.invoice_line_id = line.id
                      JOIN sale_order_line sold ON sold.id = billed.order_line_id
                      JOIN sale_order sale ON sale.id = sold.order_id
                      LEFT JOIN project_task task ON task.id = sold.task_id
                     CROSS JOIN LATERAL (
                        VALUES (sold.project_id), (task.project_id), (sale.project_id)
                     ) AS found (project_id)
                     WHERE line.move_id = ANY(%(moves)s)
                    UNION
                    SELECT timesheet_invoice_id, project_id
                      FROM account_analytic_line
                     WHERE timesheet_invoice_id = ANY(%(moves)s)
                  ) AS billed_project (move_id, project_id)
                 GROUP BY move_id
                HAVING COUNT(DISTINCT project_id) = 1
                """,
                moves=self._origin.ids,
            )
        )
        project_ids = dict(rows)
        for move in self:
            move.send_project_id = project_ids.get(move._origin.id)

    @api.depends("send_line_ids")
    def _compute_send_line_count(self):
        counts = dict(
            self.env["invoice.send.line"]._read_group(
                domain=[("move_id", "in", self.ids)],
                groupby=["move_id"],
                aggregates=["__count"],
            )
        )
        for move in self:
            move.send_line_count = counts.get(move._origin, 0)

    @api.depends("send_line_ids.state", "send_line_ids.error")
    def _compute_send_state(self):
        lines = self.env["invoice.send.line"].search_fetch(
            [("move_id", "in", self.ids), ("sending_number", ">", 0)],
            ["move_id", "state", "error"],
            order="sending_number",
        )
        last = {line.move_id.id: line for line in lines}
        for move in self:
            line = last.get(move._origin.id)
            move.send_state = line and line.state
            move.send_error = line and line.error

    @api.model
    def _search_send_state(self, operator, values):
        if operator != "in":
            return NotImplemented
        self.env["invoice.send.line"].flush_model()
        last = SQL(
            """
            (
                SELECT last.move_id
                  FROM (
                    SELECT DISTINCT ON (move_id) move_id, state
                      FROM invoice_send_line
                     WHERE sending_number > 0
                     ORDER BY move_id, sending_number DESC
                  ) AS last
                 WHERE last.state = ANY(%s)
            )
            """,
            [value for value in values if value],
        )
        domain = Domain("id", "in", last)
        if False in values:
            domain |= ~Domain("send_line_ids.sending_number", ">", 0)
        return domain

    @api.depends("send_line_ids.state")
    def _compute_active_send_line_id(self):
        lines = self.env["invoice.send.line"].search(
            [("move_id", "in", self.ids), ("state", "in", ACTIVE_STATES)]
        )
        line_by_move = {line.move_id: line for line in lines}
        for move in self:
            move.active_send_line_id = line_by_move.get(move._origin)

    # === ACTION METHODS === #
    def action_send_and_print(self):
        # EXTENDS 'account'
        if len(self) > 1 and self.env["invoice.send.run"].has_access("write"):
            return self.env["invoice.send.run"]._open(self)._get_page_action()
        return super().action_send_and_print()

    def action_open_send_lines(self):
        self.ensure_one()
        return self.send_line_ids._get_records_action(name=self.env._("Sendings"))

    # === BUSINESS METHODS === #
    # EXTENDS 'account'
    def button_draft(self):
        # sudo: whoever may open an invoice again takes back its mail
        self.sudo().send_line_ids._withdraw()
        return super().button_draft()

    def _set_is_move_sent(self, sent):
        """Correct core's flag, without adding up all lines of the invoices again.

        Core would look for changes of their amounts, which takes longer than a mail.
        """
        changed = self.filtered(lambda move: move.is_move_sent != sent)
        changed.with_context(
            skip_invoice_sync=True, check_move_validity=False
        ).is_move_sent = sent

    def _get_sending_number(self):
        """Return how many times the invoice was sent, or tried to be."""
        self.ensure_one()
        # sudo: whoever may send an invoice must know
        return self.sudo()._get_last_send_line().sending_number

    def _get_last_send_line(self):
        """Return the row of the last time the invoice was sent, or tried to be."""
        self.ensure_one()
        lines = self.send_line_ids.filtered("sending_number")
        return max(lines, key=lambda line: line.sending_number, default=lines)

    def _resolve_send_setting(self, field_name):
        """Return a sending setting: project's, else customer's, else company's."""
        self.ensure_one()
        value, _source = self._find_send_setting(field_name)
        return value.with_env(self.env) if value else value

    def _get_send_setting_source(self, field_name):
        """Return the project, customer or company that decides a sending setting."""
        self.ensure_one()
        return self._find_send_setting(field_name)[1]

    def _find_send_setting(self, field_name):
        # sudo: a setting applies whoever may read it
        return resolve(
            field_name,
            self.sudo().send_project_id,
            self.partner_id.sudo(),
            self.company_id.sudo(),
        )

    def _get_invoice_report_filename(self, extension="pdf", report=None):
        # EXTENDS 'account': the customer reads the name of the file
        self.ensure_one()
        lang = self.partner_id.lang or self.env.lang
        move = self.with_context(lang=lang)
        return super(AccountMove, move)._get_invoice_report_filename(
            extension=extension, report=report
        )

    def _get_send_template_field(self):
        """Return the name of the setting that says which mail template applies.

        A template that announces an invoice is wrong for a credit note.
        """
        self.ensure_one()
        if self.move_type == "out_refund":
            return "credit_note_mail_template_id"
        return "invoice_mail_template_id"

    def _get_send_templates(self):
        """Return the mail template of each invoice, looked up once per kind.

        :return: dict of move id: ``mail.template``
        """
        send = self.env["account.move.send"]
        templates, by_kind = {}, {}
        for move in self:
            template = move._resolve_send_setting(move._get_send_template_field())
            if not template:
                kind = (move.move_type, move.journal_id)
                if kind not in by_kind:
                    by_kind[kind] = send._get_default_mail_template_id(move)
                template = by_kind[kind]
            templates[move.id] = template
        return templates

    def _get_report_kind(self):
        """Return what core chooses the layout of an invoice by."""
        self.ensure_one()
        customer = self.commercial_partner_id.with_company(self.company_id)
        journal = self.journal_id.with_company(self.company_id)
        return (
            customer.invoice_template_pdf_report_id,
            journal.invoice_template_pdf_report_id,
            self.move_type,
        )

    def _get_send_recipients(self, template):
        """Return who gets each invoice by mail, without rendering any mail.

        Addresses that a template spells out in "To" or "Cc" become contacts only
        when the mail is made, as core does.

        :return: dict of move id: ``res.partner`` with an email address
        """
        partner_model = self.env["res.partner"]
        if template and not template.use_default_to and template.partner_to:
            # sudo: templates are rendered so by core; the user may send the invoice
            rendered = template.sudo()._render_field("partner_to", self.ids)
            ids_by_move = {
                move_id: template._parse_partner_to(text)
                for move_id, text in rendered.items()
            }
        else:
            defaults = self._message_get_default_recipients()
            ids_by_move = {
                move_id: values["partner_ids"] for move_id, values in defaults.items()
            }
        every_id = {id_ for ids in ids_by_move.values() for id_ in ids}
        existing = partner_model.sudo().browse(every_id).exists().sudo(False)
        recipients = {}
        for move in self:
            partners = existing.browse(ids_by_move.get(move.id, ())) & existing
            partners |= (
                move._resolve_send_setting("invoice_cc_partner_ids") or partner_model
            )
            recipients[move.id] = partners.filtered("email")
        return recipients
