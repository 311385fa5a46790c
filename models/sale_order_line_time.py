from collections import defaultdict

from odoo import models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .hours_choice import choose, is_close


class SaleOrderLine(models.Model):
    """Which invoice bills which time: each agreed hour is on one, or free.

    Core links time to an invoice when it makes it, and frees all of it when any credit
    note is posted by its button. Lines whose time activity reports cover are settled
    here instead after whatever happens to their invoices.
    """

    # One subject per file: the model is too long for one.
    _inherit = "sale.order.line"  # pylint: disable=consider-merging-classes-inherited

    def _filter_cra_lines(self):
        """Return, in sudo, the lines that are billed from time activity reports cover.

        Everything else is left to core.
        """
        if not self or not self.env["cra.policy"]._is_used():
            return self.browse()
        # sudo: who invoices reads neither timesheets nor all orders
        lines = self.sudo().filtered(
            lambda line: line.product_id and line.product_id._is_delivered_timesheet()
        )
        groups = (
            self.env["account.analytic.line"]
            .sudo()
            ._read_group(
                [("so_line", "in", lines.ids), ("cra_line_id", "!=", False)],
                groupby=["so_line"],
            )
        )
        covered = {line.id for [line] in groups}
        return lines.filtered(lambda line: line.id in covered)

    # === WHICH INVOICE BILLS WHICH TIME === #

    def _settle_cra_time(self):
        """Put each timesheet on the invoice that bills it, or on none.

        An invoice bills what it holds less what posted credit notes took back. Time
        beyond that is freed, whole timesheets only and never more than was credited;
        time that was freed goes back when its credit note is withdrawn.
        """
        lines = self._filter_cra_lines()
        if not lines:
            return
        timesheets = lines.env["account.analytic.line"]
        by_line = lines._get_time_by_line()
        freed = defaultdict(timesheets.browse)
        taken = defaultdict(timesheets.browse)
        for line in lines:
            line._settle_line(by_line.get(line, timesheets.browse()), freed, taken)
        for move, of_move in freed.items():
            # What a draft gave up was never billed.
            credited = move.id if move.state == "posted" else False
            of_move.write({"timesheet_invoice_id": False, "cra_credited_id": credited})
        for move, of_move in taken.items():
            of_move.write({"timesheet_invoice_id": move.id, "cra_credited_id": False})

    def _get_time_by_line(self):
        """Return all time of these lines, the latest first: dict line -> timesheets."""
        timesheets = self.env["account.analytic.line"].search(
            [("so_line", "in", self.ids), ("project_id", "!=", False)],
            order="date desc, id desc",
        )
        return timesheets.grouped("so_line")

    def _settle_line(self, timesheets, freed, taken):
        """Add to ``freed`` and ``taken``, by move, the time of this line that changes.

        :param timesheets: all time of this line, the latest first
        """
        self.ensure_one()
        amounts = {line: self._get_cra_quantity(line) for line in timesheets}

        def pick(candidates, quantity):
            chosen = choose([amounts[line] for line in candidates], quantity)
            return timesheets.browse(candidates[index].id for index in chosen)

        free = timesheets.filtered(lambda t: t._is_free_of_invoice() and not t.cra_hold)
        short = []
        for move, billed in self._get_billed_quantities(timesheets, amounts).items():
            held = timesheets.filtered(
                lambda t, move=move: t.timesheet_invoice_id == move
            )
            surplus = sum(amounts[line] for line in held) - billed
            if is_close(surplus, 0):
                continue
            if surplus * (1 if billed >= 0 else -1) < 0:
                short.append((move, -surplus))
            elif released := pick(held, surplus):
                freed[move] |= released
                free |= released
        for move, missing in short:
            own = free.filtered(lambda t, move=move: t.cra_credited_id == move)
            found = pick(own, missing)
            if not found:
                found = pick(free, missing)
                if not is_close(sum(amounts[line] for line in found), missing):
                    continue
            for credited in freed:
                freed[credited] -= found
            taken[move] |= found
            free -= found

    def _get_cra_quantity(self, timesheet):
        """Return the time of a timesheet in the unit of this line, not rounded."""
        return timesheet.product_uom_id._compute_quantity(
            timesheet.unit_amount, self.product_uom_id, round=False
        )

    def _get_move_quantities(self):
        """Return the quantity of this line on each invoice in force, credit notes
        negative: dict move -> quantity."""
        quantities = defaultdict(float)
        for invoice_line in self.invoice_lines:
            move = invoice_line.move_id
            if move.state != "cancel" and move.move_type in (
                "out_invoice",
                "out_refund",
            ):
                quantity = invoice_line.product_uom_id._compute_quantity(
                    invoice_line.quantity, self.product_uom_id, round=False
                )
                quantities[move] += quantity * -move.direction_sign
        return quantities

    def _get_billed_quantities(self, timesheets, amounts):
        """Return what each invoice in force bills of this line: dict move -> quantity.

        Posted credit notes lower what they reverse, unless they hold corrections below
        zero themselves: then their own quantity is negative. Posted moves come first.
        """
        quantities = self._get_move_quantities()
        billed = {}
        for move in sorted(quantities, key=lambda m: (m.state != "posted", m.id)):
            quantity = quantities[move]
            reversed_move = move.reversed_entry_id
            # Down payments may turn an invoice into a credit note that bills time.
            if (
                move.move_type == "out_refund"
                and quantity < 0
                and not self._holds_corrections(move, quantity, timesheets, amounts)
            ):
                if move.state == "posted" and reversed_move in quantities:
                    before = billed.get(reversed_move, quantities[reversed_move])
                    billed[reversed_move] = max(before + quantity, 0.0)
                continue
            billed[move] = billed.get(move, quantity)
        return billed

    def _holds_corrections(self, move, quantity, timesheets, amounts):
        """Tell whether a credit note stands for negative time, not for another's."""
        if any(line.timesheet_invoice_id == move for line in timesheets):
            return True
        corrections = [
            amount
            for line, amount in amounts.items()
            if amount < 0 and line._is_free_of_invoice() and not line.cra_hold
        ]
        return bool(corrections) and bool(choose(corrections, quantity))

    def _get_free_time(self):
        """Return the time of these lines that may be invoiced now."""
        timesheets = self.env["account.analytic.line"].search(
            [
                ("so_line", "in", self.ids),
                ("project_id", "!=", False),
                ("cra_hold", "=", False),
            ]
        )
        return timesheets.filtered(lambda t: t._is_free_of_invoice())

    # === HOW MUCH TO INVOICE === #

    def _set_qty_to_invoice_from(self, timesheets):
        """Let the next invoice bill nothing of these lines but ``timesheets``.

        Never more than the order leaves to invoice besides other free time: whatever
        was billed or credited by quantity alone counts as well.

        :param timesheets: time that is free of invoices, of these lines and others
        """
        lines = self.sudo()  # sudo: who invoices reads no timesheets
        chosen = timesheets.grouped("so_line")
        others = (lines._get_free_time() - timesheets).grouped("so_line")
        for line in lines:
            wanted, other = (
                sum(map(line._get_cra_quantity, of_lines.get(line, ())))
                for of_lines in (chosen, others)
            )
            limit = line.qty_delivered - line.qty_invoiced - other
            quantity = min(wanted, max(limit, 0)) if wanted > 0 else max(wanted, limit)
            line.qty_to_invoice = line.product_uom_id.round(
                min(quantity, 0) if wanted <= 0 else quantity,
                rounding_method="HALF-UP",
            )

    def _recompute_qty_to_invoice(self, start_date, end_date):
        # EXTENDS 'sale_timesheet', which counts all time of an invoice that was
        # credited in part
        self._check_cra_drift()
        result = super()._recompute_qty_to_invoice(start_date, end_date)
        lines = self._filter_cra_lines()
        timesheets = lines._get_free_time().filtered(
            lambda t: (
                (not start_date or t.date >= start_date)
                and (not end_date or t.date <= end_date)
            )
        )
        lines._set_qty_to_invoice_from(timesheets)
        return result

    def _reset_qty_to_invoice(self):
        """Compute once more what is left to invoice, after an invoice of a part."""
        self.env.add_to_compute(self._fields["qty_to_invoice"], self)

    def _check_cra_drift(self):
        """Look once more at the time of these lines, which is about to be invoiced.

        What drifted is marked and, where only agreed time is invoiced, held.
        """
        if not self.env["cra.policy"]._is_used():
            return
        # sudo: who invoices reads no timesheets
        timesheets = self.env["account.analytic.line"].sudo()
        domain = Domain("so_line", "in", self.ids) & (
            Domain("timesheet_invoice_id", "=", False)
            | Domain("timesheet_invoice_id.state", "=", "cancel")
        )
        reports = timesheets.search(
            domain & Domain("cra_line_id", "!=", False)
        ).cra_line_id.report_id
        if drifted := reports._find_drift():
            lines = drifted.line_ids.timesheet_id.so_line
            # What bypassed Odoo has not changed these either.
            self.env.add_to_compute(lines._fields["qty_delivered"], lines)
        timesheets._cra_update_hold(domain)

    # === NEVER MORE THAN WAS AGREED === #

    def _check_cra_billed_once(self, moves):
        """Refuse that moves bill more time than is theirs.

        Time that no timesheet stands for is let through where it was credited before:
        the sum of what is billed decides then.

        :param moves: ``account.move`` that were posted, or withdrawn
        :raise UserError: names the invoice and the way out
        """
        lines = self._filter_cra_lines()
        by_line = lines._get_time_by_line()
        for line in lines:
            timesheets = by_line.get(line, line.env["account.analytic.line"])
            amounts = {t: line._get_cra_quantity(t) for t in timesheets}
            billed = line._get_billed_quantities(timesheets, amounts)
            held = dict.fromkeys(billed, 0.0)
            for timesheet, amount in amounts.items():
                if timesheet.timesheet_invoice_id in held:
                    held[timesheet.timesheet_invoice_id] += amount
            beyond = sum(
                quantity - held.get(move, 0.0)
                for move, quantity in line._get_move_quantities().items()
                if move.state == "posted"
            )
            for move in moves | moves.reversed_entry_id:
                if move.state != "posted" or move not in billed:
                    continue
                missing = billed[move] - held[move]
                if min(missing, beyond) <= 0 or is_close(min(missing, beyond), 0):
                    continue
                if line._is_gated():
                    line._raise_billed_twice(move, billed[move], held[move])

    def _raise_billed_twice(self, move, billed, held):
        raise UserError(
            self.env._(
                "%(move)s would bill %(billed)s %(unit)s of %(item)s, but only "
                "%(held)s of the time %(customer)s agreed to are left for it. Lower "
                "the quantity, or credit or cancel the other invoice first. What is "
                "billed beyond agreed time goes on an invoice line of its own.",
                move=move.display_name,
                billed=round(billed, 2),
                held=round(held, 2),
                unit=self.product_uom_id.name,
                item=self.display_name,
                customer=self.order_id.partner_id.commercial_partner_id.name,
            )
        )

    def _is_gated(self):
        """Tell whether time of this line is on a report whose terms block invoicing."""
        self.ensure_one()
        report_lines = self.env["cra.report.line"].search_count(
            [
                ("timesheet_id.so_line", "=", self.id),
                ("report_id.invoice_gate", "=", "block"),
            ],
            limit=1,
        )
        return bool(report_lines)
