from collections import Counter, defaultdict

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import groupby

from ..models.cra_period import period_bounds, period_label
from ..models.cra_report import CURRENT_STATES, WORKING_STATES
from .cra_candidate import ATTENTION_STATES, MAKEABLE_STATES

#: Who may see what time is worth.
AMOUNT_GROUPS = (
    "account.group_account_invoice",
    "account.group_account_readonly",
    "sales_team.group_sale_salesman",
)
#: Where the reports of a month stand, in the order in which they get there.
STAGES = ("missing", "draft", "sent", "refused", "agreed")
#: What was sent for information needs no agreement.
AGREED = Domain("state", "=", "approved") | (
    Domain("state", "=", "sent") & Domain("approval_mode", "=", "none")
)
#: Reports by stage; what is missing has none.
STAGE_DOMAINS = {
    "draft": Domain("state", "in", WORKING_STATES),
    "sent": Domain("state", "=", "sent") & Domain("approval_mode", "!=", "none"),
    "refused": Domain("state", "=", "refused"),
    "agreed": AGREED,
}
#: What keeps reports that exist from being agreed to.
BLOCK_DOMAINS = {
    "failed": Domain("clock_state", "=", "failed"),
    "question": Domain("clock_state", "=", "question"),
    "refused": STAGE_DOMAINS["refused"],
    "over": Domain("clock_state", "=", "over"),
    "review": Domain("state", "=", "review"),
    "waiting": Domain("state", "=", "draft") & Domain("auto_state", "!=", False),
}


class CraGenerate(models.TransientModel):
    """The month at a glance: how many of how many, and what blocks the rest."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.generate"  # pylint: disable=consider-merging-classes-inherited

    # === CALLED BY THE PAGE === #

    @api.model
    def get_month(self, day=False):
        """Return what the page of a month shows.

        A report belongs to the month in which its period ends. Nothing is stored.

        :param day: any day of the month, default: the month to be closed
        :return: dict of plain values
        """
        self.check_access("create")
        month = self._new_month(day)
        reports = self.env["cra.report"]
        hours = dict.fromkeys(STAGES, 0.0)
        counts = dict.fromkeys(STAGES, 0)
        for stage, domain in STAGE_DOMAINS.items():
            [(counts[stage], total)] = reports._read_group(
                month._get_month_domain() & domain,
                aggregates=["__count", "total_hours:sum"],
            )
            hours[stage] = total or 0.0
        candidates = month._collect()
        missing = [c for c in candidates if c.is_makeable and not c.report]
        counts["missing"] = len(missing)
        hours["missing"] = sum(c.new_hours for c in missing)
        values = month._get_month_values(missing)
        to_invoice = month._get_to_invoice()
        return {
            "title": month._get_month_title(),
            "day": fields.Date.to_string(month.date_from),
            "expected": sum(counts.values()),
            "stages": [
                {
                    "key": stage,
                    "label": label,
                    "count": counts[stage],
                    "hours": hours[stage],
                    "value": values and values[stage],
                }
                for stage, label in month._get_stage_labels().items()
            ],
            "to_invoice": {
                "hours": sum(to_invoice.values()),
                "value": values and month._get_value(to_invoice),
            },
            "blocks": month._get_blocks(candidates),
            "currency_id": month.company_id.currency_id.id,
            "shows_amounts": bool(values),
        }

    @api.model
    def open_month(self, day, key):
        """Open what a figure of the page is about.

        :param str day: any day of the month
        :param str key: a stage, ``to_invoice``, or what blocks some
        """
        self.check_access("create")
        month = self._new_month(day)
        if key == "missing":
            return month._open_preflight_rows(
                Domain("report_id", "=", False) & Domain("state", "in", MAKEABLE_STATES)
            )
        if key in ATTENTION_STATES:
            return month._open_preflight_rows(Domain("state", "=", key))
        if key == "to_invoice":
            domain = Domain("hours_to_invoice", "!=", 0)
        else:
            domain = {**BLOCK_DOMAINS, **STAGE_DOMAINS}[key]
        return self._open_reports(list(month._get_month_domain() & domain))

    # === BUSINESS METHODS === #

    def _new_month(self, day):
        """Return the preflight of a month, which is not stored."""
        first, last = self._default_month()
        if day:
            first, last = period_bounds("month", fields.Date.to_date(day))
        return self.new(
            {"company_id": self.env.company.id, "date_from": first, "date_to": last}
        )

    def _get_month_title(self):
        title = period_label(self.env, self.date_from, self.date_to)
        return title[:1].upper() + title[1:]

    def _get_stage_labels(self):
        return {
            "missing": self.env._("Not Made"),
            "draft": self.env._("Drafts"),
            "sent": self.env._("Await an Answer"),
            "refused": self.env._("Refused"),
            "agreed": self.env._("Agreed"),
        }

    def _get_month_domain(self):
        """Return the reports of the month; of each only the version that counts."""
        current = Domain("state", "in", CURRENT_STATES) & Domain(
            "next_ids", "not any", [("state", "in", WORKING_STATES)]
        )
        return self._get_report_domain() & (
            current | Domain("state", "in", WORKING_STATES)
        )

    def _open_preflight_rows(self, domain):
        """Open rows of the preflight, which is stored now."""
        stored = self.create(
            {
                "company_id": self.company_id.id,
                "date_from": self.date_from,
                "date_to": self.date_to,
            }
        )
        action = stored.action_show_preflight()
        rows = Domain(action["domain"]) & domain
        # One goes back to the month from here.
        return {**action, "domain": list(rows), "target": "current"}

    # === WHAT BLOCKS === #

    def _get_blocks(self, candidates):
        """Return what keeps reports from being made, sent or agreed to.

        :param candidates: list of :class:`Candidate`
        :return: list of dicts, the worst first
        """
        found = Counter(candidate.state for candidate in candidates)
        reports = self.env["cra.report"]
        counts = {key: found[key] for key in ATTENTION_STATES}
        for key, domain in BLOCK_DOMAINS.items():
            counts[key] = reports.search_count(self._get_month_domain() & domain)
        return [
            {"key": key, "label": label, "count": counts[key]}
            for key, label in self._get_block_labels().items()
            if counts[key]
        ]

    def _get_block_labels(self):
        return {
            "no_approver": self.env._("Nobody to agree: all approvers are archived"),
            "no_email": self.env._("An approver has no email address"),
            "failed": self.env._("The mail was not delivered"),
            "question": self.env._("The customer has asked a question"),
            "refused": self.env._("The customer has refused"),
            "changed": self.env._("The timesheets differ from what was sent"),
            "late": self.env._("Time was added after sending"),
            "incomplete": self.env._("Consultants still have to enter time"),
            "nothing": self.env._("No time, unlike the period before"),
            "no_employee": self.env._("Timesheets without a consultant"),
            "drifted": self.env._("Drafts that differ from their timesheets"),
            "waiting": self.env._("Not sent automatically"),
            "review": self.env._("Not confirmed yet"),
            "over": self.env._("The deadline has passed without an answer"),
        }

    # === WHAT IT IS WORTH === #

    def _get_month_values(self, missing):
        """Return what the time of each stage is worth, in the company's currency.

        That is the order lines' prices without taxes and at the orders' rates; time
        that is not billed by the hour is worth nothing here.

        :param missing: list of :class:`Candidate` without a report
        :return: dict by stage, None if the user may not see amounts
        """
        if not any(map(self.env.user.has_group, AMOUNT_GROUPS)):
            return None
        values = {
            stage: self._get_value(self._get_hours_by_line(domain))
            for stage, domain in STAGE_DOMAINS.items()
        }
        values["missing"] = self._get_value(self._get_missing_by_line(missing))
        return values

    def _get_hours_by_line(self, domain, lines=Domain.TRUE):
        """Return the hours of reports of the month by order line.

        :param Domain domain: reports that are meant
        :param Domain lines: which of their lines
        :return: dict ``sale.order.line`` in sudo -> hours
        """
        reports = self.env["cra.report"]._search(self._get_month_domain() & domain)
        # sudo: the reports are the user's; managers read no orders
        report_lines = self.env["cra.report.line"].sudo()
        groups = report_lines._read_group(
            Domain("report_id", "in", reports)
            & Domain("timesheet_id.so_line", "!=", False)
            & lines,
            groupby=["timesheet_id.so_line"],
            aggregates=["unit_amount:sum"],
        )
        return dict(groups)

    def _get_to_invoice(self):
        """Return the hours of the month that may be invoiced now, by order line."""
        reports = self.env["cra.report"]
        return self._get_hours_by_line(AGREED, reports._get_lines_to_invoice_domain())

    def _get_missing_by_line(self, missing):
        """Return the hours that are on no report yet, by order line."""
        if not missing:
            return {}
        domain = Domain.OR(
            Domain("project_id", "in", [c.project.id for c in group])
            & Domain("date", ">=", max(min(c.date_from for c in group), start))
            & Domain("date", "<=", max(c.date_to for c in group))
            for (_period, start), group in groupby(
                missing,
                lambda c: (c.policy.period, c.policy._get_start_date(c.company)),
            )
        )
        domain &= Domain("cra_line_id", "=", False) & Domain("so_line", "!=", False)
        domain &= Domain("company_id", "=", self.company_id.id)
        # sudo: the candidates are the user's; managers read no orders
        timesheets = self.env["account.analytic.line"].sudo()
        groups = timesheets._read_group(
            domain,
            groupby=["project_id", "employee_id", "so_line", "product_uom_id"],
            aggregates=["unit_amount:sum"],
        )
        wanted = {(c.project.id, c.partner.id, c.employee.id) for c in missing}
        hour = self.env.ref("uom.product_uom_hour")
        hours = defaultdict(float)
        for project, employee, line, unit, amount in groups:
            customer = line.order_partner_id.commercial_partner_id
            scopes = {(project.id, customer.id, e) for e in (employee.id, False)}
            if scopes & wanted:
                hours[line] += (unit or hour)._compute_quantity(
                    amount, hour, round=False
                )
        return hours

    def _get_value(self, hours_by_line):
        """Return what hours are worth, in the company's currency, without taxes.

        :param dict hours_by_line: ``sale.order.line`` in sudo -> hours
        """
        hour = self.env.ref("uom.product_uom_hour")
        taxes = self.env["account.tax"]
        value = 0.0
        for line, hours in hours_by_line.items():
            if line.product_id._is_delivered_timesheet():
                base_line = line._prepare_base_line_for_taxes_computation(
                    quantity=hour._compute_quantity(
                        hours, line.product_uom_id, round=False
                    )
                )
                taxes._add_tax_details_in_base_line(base_line, self.company_id)
                value += base_line["tax_details"]["raw_total_excluded"]
        return self.company_id.currency_id.round(value)
