"""Which annexes an invoice gets, and what each of them explains."""

from typing import NamedTuple

from .resolution import resolve

PRINTED_TIME = [
    *("date", "name", "unit_amount", "product_uom_id", "so_line"),
    *("employee_id", "user_id", "project_id", "task_id", "timesheet_invoice_id"),
    "cra_line_id",
]


class Part(NamedTuple):
    """What one invoice line billed for one project. Sudo records."""

    line: object  # account.move.line, may be empty: time whose line is gone
    project: object  # may be empty
    timesheets: object
    costs: object  # account.analytic.line, those of one purchase together


class PlannedAnnex(NamedTuple):
    """One annex to make. Holds sudo records: only plain values of them are printed."""

    move: object
    template: object
    sources: tuple  # projects, customer, company or invoice that ask for it, in order
    parts: tuple  # what it explains, in the order of the invoice
    all_parts: tuple  # the whole invoice, to reconcile with
    documents: dict  # by kind: what goes along, each document once per invoice
    available: frozenset  # kinds of documents that the invoice has

    @property
    def timesheets(self):
        """The time to explain, oldest first."""
        return _join(part.timesheets for part in self.parts)

    @property
    def costs(self):
        """The costs to explain, oldest first."""
        return _join(part.costs for part in self.parts)

    @property
    def lines(self):
        """The invoice lines to explain."""
        none = self.move.env["account.move.line"]
        return none.union(*(part.line for part in self.parts))

    def get_period(self):
        """Return the first and last day of what is explained, or nothing twice."""
        dates = [*self.timesheets.mapped("date"), *self.costs.mapped("date")]
        return (min(dates), max(dates)) if dates else (None, None)

    def get_agreed_reports(self):
        """Return the activity reports of the time that the customer agreed to."""
        reports = self.timesheets.cra_line_id.report_id
        return reports.filtered(lambda report: report.state == "approved")

    def get_line_of(self):
        """Return the invoice line that billed each timesheet or cost, as a dict."""
        return {
            record: part.line
            for part in self.all_parts
            for records in (part.timesheets, part.costs)
            for record in records
        }


def plan_annexes(moves, templates=None):
    """Say which template explains which part of each invoice.

    A part belongs to the most specific level that has templates, and all templates of
    that level explain it. Templates chosen on the invoice itself explain all of it.

    :param moves: ``account.move`` in sudo mode: who invoices may not read timesheets
    :param templates: to be used for all of each invoice, whoever asks for others
    :return: list of PlannedAnnex in the order of the invoices and templates; whether
        they have something to print is seen when they are made
    """
    timesheets, costs_by_line = _get_billed_time(moves), moves._get_billed_costs()
    _prefetch_levels(moves, timesheets)
    times_by_move = timesheets.grouped("timesheet_invoice_id")
    every = timesheets.union(*costs_by_line.values())
    cache, plans = {}, []
    for move in moves:
        own = times_by_move.get(move, timesheets.browse())
        parts = tuple(_get_parts(move, own, costs_by_line, every._prefetch_ids))
        explained = {}
        for part in parts:
            found, source = templates, move
            if templates is None:
                found, source = _resolve(move, part.project, cache)
            for template in found or ():
                sources, known = explained.get(template, ((), ()))
                if source not in sources:
                    sources += (source,)
                explained[template] = sources, (*known, part)
        plans += [
            PlannedAnnex(move, template, sources, some, parts, {}, frozenset())
            for template, (sources, some) in sorted(
                explained.items(), key=lambda item: (item[0].sequence, item[0].id)
            )
        ]
    return plans


def _resolve(move, project, cache):
    if move.annexes_chosen:
        company = move.company_id
        return move.annex_template_ids.filtered(
            lambda template: template.company_id in (company, company[:0])
        ), move
    key = project, move.partner_id, move.company_id
    if key not in cache:
        cache[key] = resolve("annex_template_ids", *key)
    return cache[key]


def _join(sets):
    """Return all records of some sets by date, read with those of all invoices."""
    first, *others = sets
    joined = first.union(*others).sorted(lambda line: (line.date, line.id))
    return joined.with_prefetch(first._prefetch_ids)


def _get_billed_time(moves):
    """Return the timesheets that the invoices billed, oldest first."""
    # The recorded link says what was billed, dates do not.
    return moves.env["account.analytic.line"].search_fetch(
        [("timesheet_invoice_id", "in", moves.ids), ("project_id", "!=", False)],
        PRINTED_TIME,
        order="date, id",
    )


def _prefetch_levels(moves, timesheets):
    """Read over the whole set, so that what follows finds everything in memory."""
    order_lines = moves.invoice_line_ids.sale_line_ids | timesheets.so_line
    projects = order_lines.project_id | order_lines.task_id.project_id
    projects |= order_lines.order_id.project_id | timesheets.project_id
    for level in (moves, projects, moves.commercial_partner_id, moves.company_id):
        level.mapped("annex_template_ids")


def _get_parts(move, timesheets, costs_by_line, prefetch_ids):
    """Yield the parts of an invoice in the order of its lines."""
    none = timesheets.browse().with_prefetch(prefetch_ids)
    remaining = timesheets.grouped("so_line")
    for line in move.invoice_line_ids:
        if line.display_type != "product":
            continue
        order_lines = line.sale_line_ids
        times = none.union(*(remaining.pop(some, none) for some in order_lines))
        costs = costs_by_line.get(line, none).with_prefetch(prefetch_ids)
        project = order_lines.project_id or order_lines.task_id.project_id
        project = (project or order_lines.order_id.project_id)[:1]
        by_project = times.grouped("project_id") or {project: none}
        for number, (some_project, some) in enumerate(by_project.items()):
            some = some.with_prefetch(prefetch_ids)
            yield Part(line, some_project, some, none if number else costs)
    # Time whose invoice line is gone was billed all the same.
    no_line = move.invoice_line_ids.browse()
    for times in remaining.values():
        for project, some in times.grouped("project_id").items():
            yield Part(no_line, project, some.with_prefetch(prefetch_ids), none)
