import base64

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools.pdf import merge_pdf

from .annex_plan import plan_annexes
from .invoice_send_line import ACTIVE_STATES
from .resolution import resolve

READERS = "account.group_account_invoice,account.group_account_readonly"


class AccountMove(models.Model):
    _inherit = "account.move"

    annex_ids = fields.One2many(
        comodel_name="invoice.annex",
        inverse_name="move_id",
        string="Annexes",
        readonly=True,
        copy=False,
        groups=READERS,
    )
    annexes_in_use = fields.Boolean(
        compute="_compute_annexes_in_use",
        groups=READERS,
        export_string_translation=False,
    )
    annex_preview = fields.Binary(
        compute="_compute_annex_preview",
        groups=READERS,
        export_string_translation=False,
    )
    send_line_ids = fields.One2many(
        comodel_name="invoice.send.line",
        inverse_name="move_id",
        string="Sendings",
        groups="account.group_account_invoice",
    )
    send_line_count = fields.Integer(
        compute="_compute_send_line_count", groups="account.group_account_invoice"
    )
    active_send_line_id = fields.Many2one(
        comodel_name="invoice.send.line",
        compute="_compute_active_send_line_id",
        compute_sudo=True,
        groups="account.group_account_invoice",
    )

    # === COMPUTE METHODS === #
    @api.depends("move_type")
    def _compute_annexes_in_use(self):
        in_use = self.env["invoice.annex"]._is_in_use()
        for move in self:
            move.annexes_in_use = in_use and move.is_sale_document()

    @api.depends_context("lang")
    def _compute_annex_preview(self):
        """Print what would be sent now, when it is downloaded."""
        templates = self.env["invoice.annex.template"].sudo()
        for move in self:
            plans = plan_annexes(move.sudo())
            results = templates._render_plans(plans) if plans else []
            for result in results:
                if isinstance(result, Exception):
                    raise result
            move.annex_preview = results and base64.b64encode(merge_pdf(results))

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

    @api.depends("send_line_ids.state")
    def _compute_active_send_line_id(self):
        lines = self.env["invoice.send.line"].search(
            [("move_id", "in", self.ids), ("state", "in", ACTIVE_STATES)]
        )
        line_by_move = {line.move_id: line for line in lines}
        for move in self:
            move.active_send_line_id = line_by_move.get(move._origin)

    # === CRUD METHODS === #
    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent_annexes(self):
        annexes = self.sudo().annex_ids
        sent = annexes.filtered(lambda annex: annex.state != "draft")
        if sent:
            raise UserError(sent[0]._get_evidence_message())
        annexes.unlink()

    # === ACTION METHODS === #
    def action_preview_annexes(self):
        """Show the annexes as they would be sent now. Nothing is saved."""
        self.ensure_one()
        self.check_access("read")
        if not plan_annexes(self.sudo()):
            raise UserError(
                self.env._(
                    "No annex applies to %(invoice)s: its projects, customer and "
                    "company have no annex template, or nothing they show was billed.",
                    invoice=self.display_name,
                )
            )
        name = self.env._("Annexes - %s", (self.name or str(self.id)).replace("/", "-"))
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/account.move/{self.id}/annex_preview/{name}.pdf",
            "target": "new",
        }

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
    def _post(self, soft=True):
        posted = super()._post(soft)
        self.env["invoice.annex"].sudo()._update_drafts(posted.sudo())
        return posted

    # EXTENDS 'account'
    def button_draft(self):
        result = super().button_draft()
        self.sudo().annex_ids._supersede()
        return result

    def _get_send_project(self):
        """Return the project whose sending settings apply: the only one billed."""
        self.ensure_one()
        # sudo: accountants read neither sales orders nor timesheets
        move = self.sudo()
        sale_lines = move.invoice_line_ids.sale_line_ids
        projects = (
            sale_lines.project_id
            | sale_lines.task_id.project_id
            | sale_lines.order_id.project_id
            | move.timesheet_ids.project_id
        )
        return projects if len(projects) == 1 else projects.browse()

    def _resolve_send_setting(self, field_name):
        """Return a sending setting: project's, else customer's, else company's."""
        self.ensure_one()
        value, _source = resolve(
            field_name, self._get_send_project(), self.partner_id, self.company_id
        )
        return value.with_env(self.env) if value else value

    def _get_send_templates(self):
        """Return the mail template of each invoice, looked up once per kind.

        :return: dict of move id: ``mail.template``
        """
        send = self.env["account.move.send"]
        templates, by_kind = {}, {}
        for move in self:
            template = move._resolve_send_setting("invoice_mail_template_id")
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

    def _correct_is_move_sent(self):
        """Make core's "sent" true: core sets it before any mail has left.

        Only for invoices that leave by mail alone: whether another channel delivered is
        not known here.
        """
        send = self.env["account.move.send"]
        delivered = self.env["mail.notification"].sudo()
        mailed = self.filtered(
            lambda move: send._get_default_sending_methods(move) == {"email"}
        )
        rows = delivered._read_group(
            domain=[
                ("mail_message_id.model", "=", self._name),
                ("mail_message_id.res_id", "in", mailed.ids),
                ("mail_message_id.email_layout_xmlid", "=", send._get_mail_layout()),
                ("notification_type", "=", "email"),
                ("notification_status", "=", "sent"),
            ],
            groupby=["mail_message_id"],
        )
        ids = {message.res_id for [message] in rows}
        # Core forgets notifications after some months, runs are kept.
        ids |= {
            move.id
            for move in mailed
            if any(line.state == "sent" for line in move.send_line_ids)
        }
        for move in mailed:
            move.is_move_sent = move.id in ids
