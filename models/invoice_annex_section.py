from odoo import fields, models
from odoo.tools import format_date, formatLang

from .annex_time import Column, TimeRow, build_table

TIME_GROUPINGS = [
    ("none", "No grouping"),
    ("project", "Project"),
    ("task", "Task"),
    ("employee", "Consultant"),
]


class InvoiceAnnexSection(models.Model):
    """One part of an annex, with its own title and table."""

    _name = "invoice.annex.section"
    _description = "Invoice Annex Section"
    _order = "sequence, id"

    template_id = fields.Many2one(
        comodel_name="invoice.annex.template",
        required=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(
        related="template_id.company_id",
        export_string_translation=False,
    )
    sequence = fields.Integer(default=10)
    type = fields.Selection(
        selection=[("time", "Time")],
        default="time",
        required=True,
    )
    title = fields.Char(
        translate=True,
        help="Printed above the section. Empty: no title.",
    )
    grouping = fields.Selection(
        selection=TIME_GROUPINGS,
        string="Group by",
        default="none",
        required=True,
        help="Groups show their subtotal.",
    )
    unit = fields.Selection(
        selection=[
            ("invoice", "As invoiced"),
            ("hour", "Hours"),
            ("day", "Days"),
        ],
        default="invoice",
        required=True,
    )
    show_date = fields.Boolean(string="Date", default=True)
    show_employee = fields.Boolean(string="Consultant", default=True)
    show_project = fields.Boolean(string="Project")
    show_task = fields.Boolean(string="Task", default=True)
    show_description = fields.Boolean(string="Description", default=True)

    # === CONTENT === #
    def _prepare_content(self, plan):
        """Return what the section prints of an annex: plain values only.

        :param PlannedAnnex plan: the annex
        :return: dict for the template named by its ``layout``, or nothing to print
        """
        self.ensure_one()
        return getattr(self, f"_prepare_{self.type}_content")(plan)

    def _prepare_time_content(self, plan):
        """Return the table of the time that the invoice billed."""
        rows = [
            self._prepare_time_row(timesheet, unit)
            for timesheet, unit in self._get_time_units(plan)
        ]
        if not rows:
            return {}
        table = build_table(
            rows,
            columns=self._get_time_columns(rows),
            grouping=self.grouping if self.grouping != "none" else "",
            convert=self._convert_time,
            formats={
                "date": lambda date: format_date(self.env, date),
                "number": lambda number, digits: formatLang(self.env, number, digits),
            },
            labels={"total": self.env._("Total"), "none": self.env._("Other")},
        )
        return {"layout": "table", "title": self.title, **table}

    def _get_time_units(self, plan):
        """Yield each timesheet with the unit it is shown in."""
        if self.unit != "invoice":
            unit = self.env.ref(f"uom.product_uom_{self.unit}").sudo()
            yield from ((timesheet, unit) for timesheet in plan.timesheets)
            return
        units = {
            order_line: line.product_uom_id
            for line in plan.move.invoice_line_ids
            for order_line in line.sale_line_ids
        }
        for timesheet in plan.timesheets:
            order_line = timesheet.so_line
            unit = units.get(order_line) or order_line.product_uom_id
            yield timesheet, unit or timesheet.product_uom_id

    def _prepare_time_row(self, timesheet, unit):
        """Return what the customer may read of a timesheet: never cost or rate."""
        recorded = timesheet.product_uom_id
        row = {
            "date": timesheet.date,
            "quantity": recorded._compute_quantity(
                timesheet.unit_amount, unit, round=False
            ),
            "unit": unit.with_env(self.env).name,
            "amount": timesheet.unit_amount,
            "key": (timesheet.so_line, recorded, unit),
        }
        report_line = (
            timesheet.cra_line_id if "cra_line_id" in timesheet._fields else None
        )
        if report_line:
            # What the customer agreed to, with the names as they were shown then.
            row.update(
                employee=report_line.employee_label or "",
                project=report_line.project_label or "",
                task=report_line.task_label or "",
                description=report_line.description or "",
            )
        else:
            name = timesheet.name or ""
            row.update(
                employee=timesheet.employee_id.name or timesheet.user_id.name or "",
                project=timesheet.project_id.name or "",
                task=timesheet.task_id.name or "",
                description="" if name == "/" else name,
            )
        return TimeRow(**row)

    def _convert_time(self, key, amount):
        """Convert recorded time as core does for the quantity to invoice."""
        _order_line, recorded, unit = key
        return recorded._compute_quantity(amount, unit, rounding_method="HALF-UP")

    def _get_time_columns(self, rows):
        labels = {
            "date": self.env._("Date"),
            "employee": self.env._("Consultant"),
            "project": self.env._("Project"),
            "task": self.env._("Task"),
            "description": self.env._("Description"),
        }
        columns = [
            Column(name, label, name)
            for name, label in labels.items()
            # The group's own row names it; a column without a word is left out.
            if self[f"show_{name}"]
            and name != self.grouping
            and any(getattr(row, name) for row in rows)
        ]
        units = {row.unit for row in rows}
        unit = units.pop() if len(units) == 1 else self.env._("Quantity")
        return [*columns, Column("quantity", unit, "number")]
