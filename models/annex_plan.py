"""Which annexes an invoice gets, and what each of them explains."""

from typing import NamedTuple

from .resolution import resolve

PRINTED_FIELDS = [
    *("date", "name", "unit_amount", "product_uom_id", "so_line"),
    *("employee_id", "user_id", "project_id", "task_id", "timesheet_invoice_id"),
]


class PlannedAnnex(NamedTuple):
    """One annex to make. Holds sudo records: only plain values of them are printed."""

    move: object
    template: object
    sources: tuple  # projects, customer or company that ask for it, in order
    timesheets: object  # what it explains of the time the invoice billed


def plan_annexes(moves):
    """Say which template explains which part of each invoice.

    A part is what one invoice line billed for one project. It belongs to the most
    specific level that has templates, and all templates of that level explain it.

    :param moves: ``account.move`` in sudo mode: who invoices may not read timesheets
    :return: list of PlannedAnnex in the order of the invoices and templates
    """
    timesheets = _get_billed_timesheets(moves)
    timesheets_by_move = timesheets.grouped("timesheet_invoice_id")
    cache, plans = {}, []
    for move in moves:
        explained = {}
        for project, times in _get_parts(move, timesheets_by_move.get(move)):
            key = project, move.partner_id, move.company_id
            if key not in cache:
                cache[key] = resolve("annex_template_ids", *key)
            templates, source = cache[key]
            for template in templates or ():
                sources, known = explained.get(template, ((), times.browse()))
                if source not in sources:
                    sources += (source,)
                explained[template] = sources, known | times
        plans += [
            PlannedAnnex(move, template, sources, _sort(times, timesheets))
            for template, (sources, times) in sorted(
                explained.items(), key=lambda item: (item[0].sequence, item[0].id)
            )
            if template.always or times
        ]
    return plans


def _sort(times, all_times):
    """Sort by date. Names and units are then read for all invoices in one go."""
    times = times.sorted(lambda line: (line.date, line.id))
    return times.with_prefetch(all_times._prefetch_ids)


def _get_billed_timesheets(moves):
    """Return the timesheets that the invoices billed, oldest first."""
    # The recorded link says what was billed, dates do not.
    timesheets = moves.env["account.analytic.line"].search_fetch(
        [("timesheet_invoice_id", "in", moves.ids), ("project_id", "!=", False)],
        PRINTED_FIELDS,
        order="date, id",
    )
    # Read over the whole set, so that what follows finds everything in memory.
    order_lines = moves.invoice_line_ids.sale_line_ids | timesheets.so_line
    projects = order_lines.project_id | order_lines.task_id.project_id
    projects |= order_lines.order_id.project_id | timesheets.project_id
    for level in (projects, moves.commercial_partner_id, moves.company_id):
        level.mapped("annex_template_ids")
    return timesheets


def _get_parts(move, timesheets):
    """Yield the parts of an invoice: a project, may be empty, and its time, if any."""
    none = move.env["account.analytic.line"]
    remaining = (timesheets or none).grouped("so_line")
    for line in move.invoice_line_ids:
        if line.display_type != "product":
            continue
        order_lines = line.sale_line_ids
        times = none.union(
            *(remaining.pop(order_line, none) for order_line in order_lines)
        )
        if times:
            yield from times.grouped("project_id").items()
        else:
            project = order_lines.project_id or order_lines.task_id.project_id
            yield (project or order_lines.order_id.project_id)[:1], none
    # Time whose invoice line is gone was billed all the same.
    for times in remaining.values():
        yield from times.grouped("project_id").items()
