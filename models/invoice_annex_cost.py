from odoo import fields, models

from .annex_costs import BillingLine, Cost, allocate, credit

PRINTED_COSTS = [
    *("date", "name", "unit_amount", "product_uom_id", "so_line"),
    *("move_line_id", "reinvoice_line_id"),
]


class AccountAnalyticLine(models.Model):
    """Costs know which invoice line passed them on to the customer."""

    # One subject per file: the model is too long for one.
    _inherit = "account.analytic.line"  # pylint: disable=consider-merging-classes-inherited

    reinvoice_line_id = fields.Many2one(
        comodel_name="account.move.line",
        string="Reinvoiced On",
        readonly=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        help="Line of the posted invoice that passed this cost on to the customer.",
    )

    def _group_by_purchase(self):
        """Return costs by what was bought: a split over accounts makes several."""
        return self.grouped(lambda line: line.move_line_id or line)


class SaleOrderLine(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "sale.order.line"  # pylint: disable=consider-merging-classes-inherited

    def _match_costs(self, moves):
        """Record which posted invoice line billed which cost of these order lines.

        :param moves: invoices just posted, that may bill costs of any date
        """
        costs, billing = self._allocate_costs(moves)
        wanted = {
            cost: line if line.parent_state == "posted" else line.browse()
            for cost, line in billing.items()
        }
        # Most are what they were: only the others are written.
        changed = costs.filtered(lambda cost: cost.reinvoice_line_id != wanted[cost])
        for line, some in changed.grouped(wanted.get).items():
            some.write({"reinvoice_line_id": line.id})

    def _allocate_costs(self, moves):
        """Say which invoice line bills each cost of these order lines.

        A draft bills what its quantities ask for, but nothing is recorded before it is
        posted.

        :param moves: invoices that may bill costs of any date
        :return: the costs, and a dict of the line by cost; empty for those that are
            free
        """
        order_lines = self.filtered("is_expense")
        costs = self.env["account.analytic.line"]
        if not order_lines:
            return costs, {}
        costs = costs.search(
            [("so_line", "in", order_lines.ids), ("project_id", "=", False)],
            order="date, id",
        )
        by_order_line = costs.grouped("so_line")
        billing = {}
        for order_line in order_lines:
            some = by_order_line.get(order_line, costs.browse())
            billing.update(order_line._allocate_own_costs(some, moves))
        return costs, billing

    def _allocate_own_costs(self, costs, moves):
        """Return the invoice line that bills each cost of this line, as a dict."""
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
            cost: billing.browse(allocated[key] or ())
            for key, some in by_first.items()
            for cost in some
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


class AccountMove(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    def _match_costs(self):
        """Record which costs these invoices bill, or give back.

        A vendor bill that is posted once more has new costs.
        """
        # sudo: costs belong to other departments; only their links are written
        moves = self.sudo()
        sales = moves.filtered(
            lambda move: move.move_type in ("out_invoice", "out_refund")
        )
        order_lines = sales.invoice_line_ids.sale_line_ids
        order_lines |= (moves - sales).line_ids.analytic_line_ids.so_line
        order_lines._match_costs(sales)

    def _get_billed_costs(self):
        """Return the costs that invoices bill. In sudo mode only.

        :return: dict of costs, oldest first, by invoice line
        """
        costs = self.env["account.analytic.line"].search_fetch(
            [("reinvoice_line_id", "in", self.invoice_line_ids.ids)],
            PRINTED_COSTS,
            order="date, id",
        )
        by_line = costs.grouped("reinvoice_line_id")
        drafts = self.filtered(lambda move: move.state == "draft")
        costs, billing = drafts.invoice_line_ids.sale_line_ids._allocate_costs(drafts)
        for line, some in costs.grouped(billing.get).items():
            if line.move_id in drafts:
                by_line[line] = some
        return by_line

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
