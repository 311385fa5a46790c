from datetime import timedelta
from typing import NamedTuple

from odoo import models
from odoo.tools import format_date, formatLang

from .annex_print import print_table
from .annex_table import (
    MONEY,
    PRICE,
    QUANTITY,
    Column,
    Row,
    Table,
    Value,
    day_value,
    make_table,
    share,
)


class Content(NamedTuple):
    """What one section shows: plain values only."""

    printed: dict  # for the QWeb template named by its ``layout``
    table: Table = None  # the same for the workbook
    files: tuple = ()  # AppendedFile, whose pages follow
    issues: tuple = ()  # what the accountant should know, in words


class InvoiceAnnexSection(models.Model):
    """What the sections show of an annex."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.annex.section"  # pylint: disable=consider-merging-classes-inherited

    def _has_lines(self, plan):
        """Tell whether the section has more to show than words of its own."""
        self.ensure_one()
        return self.type != "text" and bool(self._get_lines(plan))

    def _get_lines(self, plan):
        """Return the records that the section shows."""
        if kinds := self._get_document_kinds():
            return [file for kind in kinds for file in plan.documents.get(kind, ())]
        return getattr(self, f"_get_{self.type}_lines")(plan)

    def _get_document_lines(self, plan):
        return []  # no kind was chosen

    def _prepare_content(self, plan):
        """Return what the section shows, or nothing.

        :param PlannedAnnex plan: the annex
        :rtype: Content
        """
        self.ensure_one()
        if self.type == "text":
            text = self.template_id._render_text(self.text, plan)
            printed = {"layout": "text", "title": self.title, "text": text}
            return Content(printed) if text else None
        if not self._get_lines(plan):
            return None
        return getattr(self, f"_prepare_{self.type}_content")(plan)

    def _make_content(self, table, plan, files=(), issues=()):
        return Content(self._print_table(table, plan), table, tuple(files), issues)

    def _print_table(self, table, plan):
        currency = plan.move.currency_id

        def number(value, digits):
            return formatLang(self.env, value, digits)

        formats = {
            "number": number,
            "money": lambda value: number(value, currency.decimal_places),
            "price": lambda value: formatLang(self.env, value, dp="Product Price"),
            "total": lambda value: formatLang(self.env, value, currency_obj=currency),
        }
        printed = print_table(
            table,
            formats,
            {"total": self.env._("Total")},
            self.template_id.orientation,
        )
        return {"layout": "table", "title": self.title, **printed}

    # === TIME === #
    def _get_time_lines(self, plan):
        return plan.timesheets

    def _prepare_time_content(self, plan):
        return self._make_content(self._make_time_table(plan), plan)

    def _make_time_table(self, plan):
        """Return the table of the time that the invoice billed."""
        timesheets = plan.timesheets.with_env(self.env)
        line_of = plan.get_line_of()
        units = [self._get_time_unit(line, line_of[line]) for line in timesheets]
        dates = self._prepare_dates(timesheets.mapped("date"))
        rows = [
            self._prepare_time_row(
                timesheet, unit, line_of[timesheet], dates[timesheet.date]
            )
            for timesheet, unit in zip(timesheets, units, strict=True)
        ]
        if self.show_amounts:
            rows = self._add_amounts(rows, [line_of[line] for line in timesheets], plan)
        return self._make_table(
            rows,
            {
                "date": self.env._("Date"),
                "employee": self.env._("Consultant"),
                "project": self.env._("Project"),
                "task": self.env._("Task"),
                "description": self.env._("Description"),
            },
            convert=self._convert_time,
        )

    def _get_time_unit(self, timesheet, line):
        """Return the unit that a timesheet is shown in."""
        if self.unit != "invoice":
            return self.env.ref(f"uom.product_uom_{self.unit}").sudo()
        unit = line.product_uom_id or timesheet.so_line.product_uom_id
        return (unit or timesheet.product_uom_id).with_env(self.env)

    def _prepare_time_row(self, timesheet, unit, line, dates):
        """Return what the customer may read of a timesheet: never cost or rate."""
        recorded = timesheet.product_uom_id
        agreed = timesheet.cra_line_id
        if agreed:
            # What the customer agreed to, with the names as they were shown then.
            texts = {
                "employee": agreed.employee_label,
                "project": agreed.project_label,
                "task": agreed.task_label,
                "description": agreed.description,
            }
        else:
            name = timesheet.name
            texts = {
                "employee": timesheet.employee_id.name or timesheet.user_id.name,
                "project": timesheet.project_id.name,
                "task": timesheet.task_id.name,
                "description": "" if name == "/" else name,
            }
        return Row(
            values={
                **{name: Value(text or "") for name, text in texts.items()},
                **dates,
                "order_line": _get_label(line or timesheet.so_line),
            },
            quantity=recorded._compute_quantity(
                timesheet.unit_amount, unit, round=False
            ),
            unit=unit.name,
            recorded=timesheet.unit_amount,
            key=(timesheet.so_line, recorded, unit),
        )

    def _convert_time(self, key, amount):
        """Convert recorded time as core does for the quantity to invoice."""
        _order_line, recorded, unit = key
        return recorded._compute_quantity(amount, unit, rounding_method="HALF-UP")

    def _add_amounts(self, rows, lines, plan):
        """Return rows with prices and amounts that add up to those of their lines."""
        currency, groups = plan.move.currency_id, {}
        for row, line in zip(rows, lines, strict=True):
            # Lines of one order line share its time, whatever their prices.
            groups.setdefault(line.sale_line_ids, []).append((row, line))
        complete = {}
        for members in groups.values():
            some = [row for row, _line in members]
            price, unit = _get_price(members[0][1], plan)
            unit = unit or some[0].key[1]
            explained = sum(self._measure_rows(some, unit))
            shares = share(
                currency.round(price * explained),
                [row.recorded for row in some],
                currency.round,
            )
            for row, amount in zip(some, shares, strict=True):
                shown_price = unit._compute_price(price, row.key[2])
                complete[id(row)] = row._replace(price=shown_price, money=amount)
        return [complete[id(row)] for row in rows]

    def _measure_rows(self, rows, unit):
        """Yield what rows add up to, in a unit, rounded as the invoice does."""
        recorded = {}
        for row in rows:
            _order_line, own, _shown = row.key
            recorded[own] = recorded.get(own, 0.0) + row.recorded
        for own, amount in recorded.items():
            yield own._compute_quantity(amount, unit, rounding_method="HALF-UP")

    # === PRODUCTS === #
    def _get_product_lines(self, plan):
        """Return the lines that sell something: neither time nor re-invoiced costs."""
        timed = {part.line for part in plan.all_parts if part.timesheets}
        return plan.lines.filtered(
            lambda line: (
                line not in timed
                and not line.is_downpayment
                and not any(line.sale_line_ids.mapped("is_expense"))
            )
        )

    def _prepare_product_content(self, plan):
        lines = self._get_product_lines(plan).with_env(self.env)
        rows = [
            Row(
                values={"description": Value(line.name or "")},
                quantity=line.quantity,
                unit=line.product_uom_id.name or "",
                price=line.price_subtotal / line.quantity if line.quantity else 0.0,
                money=line.price_subtotal,
            )
            for line in lines
        ]
        table = self._make_table(rows, {"description": self.env._("Description")})
        return self._make_content(table, plan)

    # === PARTS OF TABLES === #
    def _shows(self, name):
        """Tell whether there is to be a column of that name."""
        if name == "number":
            return self.show_receipts
        return self.type == "product" or self[f"show_{name}"]

    def _make_table(self, rows, labels, convert=None):
        """Return the table of some rows.

        :param dict labels: of the columns that there may be, by name
        :param convert: see ``make_table``; none where quantities do not add up
        """
        groupings = self._get_groupings()
        columns = [
            Column(name, label)
            for name, label in labels.items()
            # The group's own row names it; a column without a word is left out.
            if self._shows(name)
            and name not in groupings
            and not (name == "date" and "day" in groupings)
            and any(row.values[name].text for row in rows)
        ]
        units = {row.unit for row in rows}
        unit = units.pop() if len(units) == 1 and convert else ""
        counted = any(row.quantity != 1 for row in rows)
        if counted or self.type != "cost":
            columns.append(Column(QUANTITY, unit or self.env._("Quantity")))
            if self.show_amounts:
                columns.append(Column(PRICE, self.env._("Unit Price")))
        if self.show_amounts:
            columns.append(Column(MONEY, self.env._("Amount")))
        names = dict(self._fields["grouping"]._description_selection(self.env))
        return make_table(
            rows,
            columns,
            [Column(name, names[name]) for name in groupings],
            convert,
            none=self.env._("Other"),
            subtotals=self.subtotals,
            digits=self.env["decimal.precision"].precision_get("Product Unit"),
        )

    def _prepare_dates(self, days):
        """Return what each day shows, and the groups it belongs to, as a dict."""
        return {day: self._prepare_date(day) for day in set(days)}

    def _prepare_date(self, day):
        values = {"date": day_value(day, format_date(self.env, day))}
        groupings = self._get_groupings()
        if "day" in groupings:
            text = format_date(self.env, day, date_format="full")
            values["day"] = day_value(day, text)
        if "week" in groupings:
            monday = day - timedelta(days=day.weekday())
            text = self.env._(
                "Week %(number)s (%(first)s – %(last)s)",
                number=day.isocalendar().week,
                first=format_date(self.env, monday),
                last=format_date(self.env, monday + timedelta(days=6)),
            )
            values["week"] = day_value(monday, text)
        return values


def _get_price(line, plan):
    """Return the untaxed price per unit that an order line was invoiced at, and it."""
    lines = plan.move.invoice_line_ids.filtered(
        lambda one: one == line or one.sale_line_ids & line.sale_line_ids
    )
    quantity = sum(lines.mapped("quantity"))
    price = sum(lines.mapped("price_subtotal")) / quantity if quantity else 0.0
    return price, line.product_uom_id


def _get_label(line):
    """Return the first line of a line's text, ordered as in the document."""
    name = (line.name or "").strip()
    return Value(name.partition("\n")[0], line.sequence * 1_000_000_000 + line.id)
