"""The workbook of an activity report: its days as a grid, and its lines."""

from datetime import datetime, time

from xlsxwriter.utility import xl_range

from ..models.cra_grid import CraGrid
from .workbook import HEAD_COLOR, Workbook

DAY_OFF_COLOR = "#F3F3F3"
#: Row of the days' dates, below the letters of their names.
HEAD_ROW = 4


def make_cra_workbook(report):
    """Return the XLSX of a report, made of the copies that were frozen at sending.

    :param report: ``cra.report`` that was sent, in the reader's language
    :rtype: bytes
    """
    return CraWorkbook(report).make()


class CraWorkbook(Workbook):
    """Writes one workbook.

    Amounts are not rounded, so that totals of days are those of the document.
    """

    def __init__(self, report):
        super().__init__(report.env)
        self.report = report
        self.grid = CraGrid(report)

    def make(self):
        env = self.report.env
        self._set_properties()
        self._write_days(self._add_sheet(env._("Overview")))
        self._write_lines(self._add_sheet(env._("Lines")))
        return self._close()

    def _set_properties(self):
        # The moment of sending: the same report gives the same file each time.
        title = self._get_title()
        self.book.set_properties({"title": title, "created": self.report.sent_on})

    def _get_title(self):
        period = self.report._get_period_label()
        title = self.report.env._("Activity report %s", period)
        return f"{title} · {self.report.display_name}"

    # === SHEETS === #

    def _write_days(self, sheet):
        """Write rows of consultants or tasks, columns of days, totals of both."""
        report, grid = self.report, self.grid
        self._write_text(sheet, 0, 0, self._get_title(), bold=True, font_size=14)
        labels = sorted(set(report.line_ids.mapped("project_label")) - {False})
        subtitle = [", ".join(labels), report._get_consultants_label()]
        self._write_text(sheet, 1, 0, " · ".join(filter(None, subtitle)))
        self._write_text(sheet, 2, 0, report._get_decision_sentence(), bold=True)
        first, last = HEAD_ROW + 1, HEAD_ROW + len(grid.rows)
        total = len(grid.days) + 1
        head = {"bold": True, "bg_color": HEAD_COLOR}
        self._write_text(sheet, HEAD_ROW, 0, report._get_unit_title(), **head)
        for column, day in enumerate(grid.days, start=1):
            shade = self._get_shade(day)
            style = {**head, **shade, "align": "center"}
            self._write_text(sheet, HEAD_ROW - 1, column, grid.weekday(day), **style)
            self._write_day(sheet, HEAD_ROW, column, day, "d", **style)
            hours = grid.totals.get(day)
            for row, (_label, by_day) in enumerate(grid.rows, start=first):
                self._write_amount(sheet, row, column, by_day.get(day), **shade)
            self._write_sum(
                sheet, last + 1, column, (first, column, last, column), hours or 0.0
            )
        self._write_text(
            sheet, HEAD_ROW, total, report.env._("Total"), align="right", **head
        )
        for row, (label, by_day) in enumerate(grid.rows, start=first):
            self._write_text(sheet, row, 0, label)
            self._write_sum(
                sheet, row, total, (row, 1, row, total - 1), sum(by_day.values())
            )
        self._write_text(sheet, last + 1, 0, report.env._("Total"), bold=True, top=1)
        self._write_sum(
            sheet, last + 1, total, (first, 1, last, total - 1), report.total_hours
        )
        sheet.set_column(0, 0, 32)
        sheet.set_column(1, total - 1, 6)
        sheet.set_column(total, total, 10)
        sheet.freeze_panes(first, 1)
        sheet.repeat_rows(HEAD_ROW - 1, HEAD_ROW)

    def _write_lines(self, sheet):
        """Write one row per line, to be filtered: the total follows the filter."""
        report, lines = self.report, self.report.line_ids
        env = report.env
        columns = [
            (env._("Date"), 12),
            (env._("Consultant"), 22),
            (env._("Project"), 24),
            (env._("Task"), 28),
            (env._("Description"), 60),
            (report._get_unit_title(), 10),
        ]
        if any(lines.mapped("remark")):
            columns.append((env._("Remark"), 40))
        head = {"bold": True, "bg_color": HEAD_COLOR}
        for column, (title, width) in enumerate(columns):
            self._write_text(sheet, 0, column, title, **head)
            sheet.set_column(column, column, width)
        for row, line in enumerate(lines, start=1):
            self._write_day(sheet, row, 0, line.date, "yyyy-mm-dd", align="left")
            self._write_text(sheet, row, 1, line.employee_label)
            self._write_text(sheet, row, 2, line.project_label)
            self._write_text(sheet, row, 3, line.task_label)
            self._write_text(sheet, row, 4, line.description, text_wrap=True)
            self._write_amount(sheet, row, 5, line.unit_amount)
            self._write_text(sheet, row, 6, line.remark, text_wrap=True)
        last = len(lines)
        self._write_text(sheet, last + 1, 0, env._("Total"), bold=True, top=1)
        self._write_sum(
            sheet, last + 1, 5, (1, 5, last, 5), report.total_hours, "SUBTOTAL(9,%s)"
        )
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.autofilter(0, 0, last, len(columns) - 1)

    # === CELLS === #

    def _write_day(self, sheet, row, column, day, shown, **style):
        moment = datetime.combine(day, time.min)
        style = self._format(num_format=shown, **style)
        sheet.write_datetime(row, column, moment, style)

    def _write_amount(self, sheet, row, column, hours, **style):
        style = self._format(num_format="0.00", **style)
        if hours:
            sheet.write_number(row, column, self._get_amount(hours), style)
        else:
            sheet.write_blank(row, column, None, style)

    def _write_sum(self, sheet, row, column, area, hours, function="SUM(%s)"):
        cells = xl_range(*area)
        style = self._format(num_format="0.00", bold=True, top=1)
        # The value is for readers that do not calculate: previews, scripts.
        sheet.write_formula(
            row, column, f"={function % cells}", style, self._get_amount(hours)
        )

    def _get_shade(self, day):
        return {"bg_color": DAY_OFF_COLOR} if day in self.grid.days_off else {}

    def _get_amount(self, hours):
        return round(self.report._convert_hours(hours, round=False), 6)
