from markupsafe import Markup

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

READERS = "account.group_account_invoice,account.group_account_readonly"


class AccountMove(models.Model):
    """The time invoices bill, and the activity reports it is on."""

    # One subject per file: the model is too long for one.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    cra_report_ids = fields.Many2many(
        comodel_name="cra.report",
        compute="_compute_cra_report_ids",
        compute_sudo=True,  # accountants do not read timesheets
        search="_search_cra_report_ids",
        string="Activity Reports",
        groups=READERS,
    )
    cra_report_count = fields.Integer(
        compute="_compute_cra_report_ids",
        compute_sudo=True,
        groups=READERS,
        export_string_translation=False,
    )

    cra_waiting_note = fields.Text(
        compute="_compute_cra_waiting_note",
        compute_sudo=True,
        string="Time That Awaits Agreement",
        groups=READERS,
    )

    # === COMPUTE METHODS === #

    @api.depends("state", "timesheet_ids")
    def _compute_cra_waiting_note(self):
        drafts = self.filtered(
            lambda move: move.state == "draft" and move.move_type == "out_invoice"
        )
        timesheets = self.env["account.analytic.line"]
        if drafts.ids:
            timesheets = timesheets._cra_get_waiting(
                Domain("timesheet_invoice_id", "in", drafts.ids)
            )
        waiting = timesheets.grouped("timesheet_invoice_id")
        for move in self:
            of_move = waiting.get(move._origin)
            move.cra_waiting_note = of_move and of_move._cra_get_waiting_note() or False

    @api.depends("timesheet_ids.cra_line_id")
    def _compute_cra_report_ids(self):
        groups = self.env["account.analytic.line"]._read_group(
            [("timesheet_invoice_id", "in", self.ids), ("cra_line_id", "!=", False)],
            groupby=["timesheet_invoice_id"],
            aggregates=["cra_line_id:recordset"],
        )
        lines = dict(groups)
        for move in self:
            of_move = lines.get(move._origin, self.env["cra.report.line"])
            move.cra_report_ids = of_move.report_id
            move.cra_report_count = len(move.cra_report_ids)

    def _search_cra_report_ids(self, operator, value):
        if operator == "not in" and set(value) == {False}:
            reports = Domain("cra_line_id", "!=", False)
        elif operator in ("in", "any"):
            reports = Domain("cra_line_id.report_id", operator, value)
        else:
            return NotImplemented
        timesheets = self.env["account.analytic.line"].sudo()
        query = timesheets._search(reports)
        field = SQL.identifier("timesheet_invoice_id")
        return [("id", "in", query.subselect(field))]

    # === CRUD METHODS === #

    def unlink(self):
        # EXTENDS 'account': what an invoice billed is free once it is gone
        lines = self._get_cra_lines()
        credited = self.reversed_entry_id.sudo()
        result = super().unlink()
        lines._settle_cra_time()
        lines._check_cra_billed_once(credited.exists())
        return result

    # === ACTION METHODS === #

    def action_view_cra_reports(self):
        """Open the activity reports whose time this invoice bills."""
        self.ensure_one()
        self.check_access("read")
        # sudo: finds the reports; the user's own rights decide what opens
        reports = self.sudo().cra_report_ids.sudo(False)
        return reports._get_records_action(name=self.env._("Activity Reports"))

    def action_post(self):
        # EXTENDS 'sale_timesheet', which frees all time of the orders a credit note
        # names, however little of it was credited
        lines = self._get_cra_lines()
        billed = {
            move: move.timesheet_ids.filtered(lambda t: t.so_line in lines)
            for move in self.reversed_entry_id.sudo()
        }
        result = super().action_post()
        for move, timesheets in billed.items():
            timesheets.filtered(
                lambda t, move=move: (
                    not t.timesheet_invoice_id and t.cra_credited_id != move
                )
            ).write({"timesheet_invoice_id": move.id})
        return result

    def button_draft(self):
        # EXTENDS 'account': a credit note that is withdrawn bills its time once more
        result = super().button_draft()
        self._update_cra_time()
        return result

    def button_cancel(self):
        # EXTENDS 'account'
        result = super().button_cancel()
        self._update_cra_time()
        return result

    # === BUSINESS METHODS === #

    def _post(self, soft=True):
        # EXTENDS 'account'
        posted = super()._post(soft)
        posted._update_cra_time()
        return posted

    def _get_cra_lines(self):
        """Return, in sudo, the order lines on these moves that CRAs are about."""
        moves = self.filtered(
            lambda move: move.move_type in ("out_invoice", "out_refund")
        )
        if not moves or not self.env["cra.policy"]._is_used():
            return self.env["sale.order.line"]
        # sudo: accountants do not read all orders
        return moves.sudo().invoice_line_ids.sale_line_ids._filter_cra_lines()

    def _update_cra_time(self):
        """Follow a change of state: free and take time, hold what is not agreed.

        :raise UserError: more would be billed than was agreed
        """
        lines = self._get_cra_lines()
        if lines:
            lines._settle_cra_time()
            lines._check_cra_billed_once(self.sudo())
        if self.env["cra.policy"]._is_used():
            self.sudo().timesheet_ids._cra_update_hold_of_lines()

    def _fill_cra_references(self):
        """Put the order numbers customers gave when agreeing on new invoices.

        A single one becomes the invoice's reference; several are listed per report.
        """
        for move in self:
            reports = move.sudo().cra_report_ids.filtered("customer_reference")
            references = set(reports.mapped("customer_reference"))
            if len(references) == 1:
                move.ref = references.pop()
            elif references:
                move.ref = False
                move.narration = move._get_references_text(reports) + (
                    move.narration or Markup()
                )

    def _get_references_text(self, reports):
        """Return the list of order numbers as HTML, in the customer's language."""
        reader = self.with_context(lang=self.partner_id.lang)
        items = [
            reader.env._(
                "%(report)s: your order %(reference)s",
                report=report.display_name,
                reference=report.customer_reference,
            )
            for report in reports.sorted("id")
        ]
        items = Markup().join(Markup("<li>%s</li>") % item for item in items)
        return Markup("<ul>%s</ul>") % items
