from odoo import fields, models

from .annex_costs import BillingLine, Cost, allocate, credit


class AccountAnalyticLine(models.Model):
    """Costs know which invoice line passed them on to the customer."""

    # One subject per file: the model is too long for one.
    _inherit = "account.analytic.line"  # pylint: disable=consider-merging-classes-inherited

    reinvoice_line_id = fields.Many2one(
        comodel_name="account.move.line",
        string="Reinvoiced On",
        readonly=True,
        copy=False,
        # A line removed from a draft invoice sets its costs free.
        ondelete="set null",
        index="btree_not_null",
        help="Invoice line that passed this cost on to the customer.",
    )

    def _group_by_purchase(self):
        """Return costs by what was bought: a split over accounts makes several."""
        return self.grouped(lambda line: line.move_line_id or line)


class SaleOrderLine(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "sale.order.line"  # pylint: disable=consider-merging-classes-inherited

    def _match_costs(self, moves):
        """Record which invoice line billed which cost of these order lines.

        Whoever bills an order line writes its invoiced quantity: of two at once, the
        second is started over and sees what the first one billed.

        :param moves: invoices just made or posted, that may bill costs of any date
        """
        order_lines = self.filtered("is_expense")
        if not order_lines:
            return
        analytic_lines = self.env["account.analytic.line"].search(
            [("so_line", "in", order_lines.ids), ("project_id", "=", False)]
        )
        costs_by_order_line = analytic_lines.grouped("so_line")
        wanted = {}
        for order_line in order_lines:
            some = costs_by_order_line.get(order_line, analytic_lines.browse())
            wanted.update(order_line._allocate_costs(some, moves))
        for line_id in set(wanted.values()):
            # Most are what they were: only the others are written.
            changed = analytic_lines.filtered(
                lambda cost, line_id=line_id: (
                    wanted[cost.id] == line_id
                    and cost.reinvoice_line_id.id != (line_id or False)
                )
            )
            if changed:
                changed.write({"reinvoice_line_id": line_id})

    def _allocate_costs(self, costs, moves):
        """Return the id of the line that billed each cost, by the cost's id."""
        self.ensure_one()
        purchases = costs._group_by_purchase()
        by_first = {some[0].id: some for some in purchases.values()}
        lines = self.invoice_lines.filtered(
            lambda line: line.parent_state != "cancel"
        ).sorted("id")
        billing = lines.filtered(lambda line: line.move_type == "out_invoice")
        credits = [
            (set(self._get_credited_lines(line, billing).ids), self._measure(line))
            for line in lines
            if line.move_type == "out_refund" and line.parent_state == "posted"
        ]
        left = credit([(line.id, self._measure(line)) for line in billing], credits)
        allocated = allocate(
            [
                Cost(key, some[0].date, self._measure_cost(some), _get_line_id(some))
                for key, some in by_first.items()
            ],
            [
                BillingLine(line.id, left[line.id], _get_last_day(line, moves))
                for line in billing
            ],
        )
        return {
            cost.id: allocated[key] for key, some in by_first.items() for cost in some
        }

    def _get_credited_lines(self, line, billing):
        """Return the invoice lines that a credit note's line takes back."""
        reversed_move = line.move_id.reversed_entry_id
        return billing.filtered(lambda one: one.move_id == reversed_move) or billing

    def _measure(self, line):
        """Return the quantity of an invoice line in the unit of the order line."""
        return line.product_uom_id._compute_quantity(
            line.quantity, self.product_uom_id, round=False
        )

    def _measure_cost(self, costs):
        """Return the quantity bought: each part of a split holds all of it."""
        unit = costs[0].product_uom_id
        return unit._compute_quantity(
            max(costs.mapped("unit_amount")), self.product_uom_id, round=False
        )


class SaleOrder(models.Model):
    _inherit = "sale.order"

    def _create_invoices(self, grouped=False, final=False, date=None):
        # EXTENDS 'sale'
        moves = super()._create_invoices(grouped=grouped, final=final, date=date)
        moves._match_costs()
        return moves


class AccountMove(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    def _match_costs(self):
        """Record which costs these invoices bill, or give back."""
        # sudo: costs belong to other departments; only their links are written
        moves = self.sudo().filtered(
            lambda move: move.move_type in ("out_invoice", "out_refund")
        )
        moves.invoice_line_ids.sale_line_ids._match_costs(moves)

    def _post(self, soft=True):
        # EXTENDS 'account'
        posted = super()._post(soft)
        posted._match_costs()
        return posted

    def button_draft(self):
        # EXTENDS 'account'
        result = super().button_draft()
        self._match_costs()
        return result

    def button_cancel(self):
        # EXTENDS 'account'
        result = super().button_cancel()
        self._match_costs()
        return result


def _get_line_id(costs):
    return costs.reinvoice_line_id[:1].id


def _get_last_day(line, moves):
    """Return until when costs can have been billed by a line that others come after."""
    if line.move_id in moves:
        return None
    return line.move_id.invoice_date or line.move_id.date
