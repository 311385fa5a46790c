from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL


class CraReport(models.Model):
    """From agreed time to invoices."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    invoice_ids = fields.Many2many(
        comodel_name="account.move",
        compute="_compute_invoice_ids",
        compute_sudo=True,  # accountants do not read timesheets
        search="_search_invoice_ids",
        string="Invoices",
        groups="account.group_account_invoice,account.group_account_readonly",
    )
    invoice_count = fields.Integer(
        compute="_compute_invoice_ids",
        compute_sudo=True,
        groups="base.group_user",
        export_string_translation=False,
    )
    hours_to_invoice = fields.Float(
        compute="_compute_hours_to_invoice",
        compute_sudo=True,
        search="_search_hours_to_invoice",
        string="Hours to Invoice",
        groups="base.group_user",
        help="Agreed time that is billed by the hour and on no invoice yet.",
    )

    # === COMPUTE METHODS === #

    def _compute_invoice_ids(self):
        moves = {}
        for name in ("timesheet_invoice_id", "cra_credited_id"):
            groups = self.env["cra.report.line"]._read_group(
                [
                    ("report_id", "in", self.ids),
                    (f"timesheet_id.{name}", "!=", False),
                ],
                groupby=["report_id"],
                aggregates=["timesheet_id:recordset"],
            )
            for report, timesheets in groups:
                moves[report] = moves.get(report, timesheets[name]) | timesheets[name]
        for report in self:
            report.invoice_ids = moves.get(report, self.env["account.move"])
            report.invoice_count = len(report.invoice_ids)

    def _search_invoice_ids(self, operator, value):
        if operator not in ("in", "any"):
            return NotImplemented
        lines = self.env["cra.report.line"].sudo()
        query = lines._search(
            Domain("timesheet_id.timesheet_invoice_id", operator, value)
            | Domain("timesheet_id.cra_credited_id", operator, value)
        )
        return [("id", "in", query.subselect(SQL.identifier("report_id")))]

    def _compute_hours_to_invoice(self):
        hours = dict(
            self.env["cra.report.line"]._read_group(
                Domain("report_id", "in", self.ids)
                & self._get_lines_to_invoice_domain(),
                groupby=["report_id"],
                aggregates=["unit_amount:sum"],
            )
        )
        for report in self:
            report.hours_to_invoice = hours.get(report._origin, 0.0)

    def _search_hours_to_invoice(self, operator, value):
        if operator != "not in" or set(value) != {0}:
            return NotImplemented
        lines = self.env["cra.report.line"].sudo()
        query = lines._search(self._get_lines_to_invoice_domain())
        return [("id", "in", query.subselect(SQL.identifier("report_id")))]

    def _get_lines_to_invoice_domain(self):
        """Return the lines whose time may be invoiced now."""
        agreed = Domain("report_id.state", "=", "approved")
        agreed |= Domain("report_id.state", "=", "sent") & Domain(
            "report_id.approval_mode", "=", "none"
        )
        free = Domain("timesheet_id.timesheet_invoice_id", "=", False)
        free |= Domain("timesheet_id.timesheet_invoice_id.state", "=", "cancel")
        product = "timesheet_id.so_line.product_id"
        return (
            agreed
            & free
            & Domain("timesheet_id.cra_hold", "=", False)
            & Domain(f"{product}.invoice_policy", "=", "delivery")
            & Domain(f"{product}.service_type", "=", "timesheet")
        )

    # === ACTION METHODS === #

    def action_create_invoices(self):
        """Invoice the agreed time of the selected reports, and open the invoices.

        :raise UserError: a report is not agreed, or nothing is left to invoice
        """
        self.check_access("read")
        self.env["account.move"].check_access("create")
        invoices = self._create_invoices()
        return self.env["sale.order"].action_view_invoice(invoices)

    def action_view_invoices(self):
        """Open the invoices that bill this report's time."""
        self.ensure_one()
        self.check_access("read")
        # sudo: finds the invoices; the user's own rights decide what opens
        invoices = self.sudo().invoice_ids.sudo(False)
        return invoices._get_records_action(name=self.env._("Invoices"))

    # === INVOICING === #

    def _create_invoices(self):
        """Return new invoices of exactly the agreed time of these reports.

        :raise UserError: a report is not agreed, or nothing is left to invoice
        """
        for report in self:
            if not report._is_settled():
                raise UserError(
                    self.env._(
                        "%s is not agreed by the customer yet.", report.display_name
                    )
                )
        # sudo: accountants invoice without reading timesheets
        reports = self.sudo()
        reports.line_ids.timesheet_id.so_line._settle_cra_time()
        timesheets = reports._get_time_to_invoice()
        if not timesheets:
            raise UserError(
                self.env._(
                    "Nothing is left to invoice of %s: its time is invoiced already, "
                    "or is not billed by the hour.",
                    ", ".join(self.mapped("display_name")),
                )
            )
        orders = timesheets.so_line.order_id.sudo(self.env.su)
        return orders._invoice_time(timesheets)

    def _is_settled(self):
        """Tell whether the customer agreed, or was informed where nobody is asked."""
        self.ensure_one()
        return self.state == "approved" or (
            self.state == "sent" and self.approval_mode == "none"
        )

    def _get_time_to_invoice(self):
        """Return the timesheets of these reports that may be invoiced now."""
        return self.line_ids.timesheet_id.filtered(
            lambda t: (
                t.so_line.product_id
                and t.so_line.product_id._is_delivered_timesheet()
                and not t.cra_hold
                and t.cra_line_id.report_id in self
                and t._is_free_of_invoice()
            )
        )
