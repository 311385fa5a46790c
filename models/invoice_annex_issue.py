from odoo import api, fields, models
from odoo.tools import float_compare, formatLang

from .annex_plan import plan_annexes
from .invoice_annex_move import READERS

SHAPED_BY = ("annexes_chosen", "annex_template_ids", "annex_ids.state", "state") + (
    "timesheet_ids",
    "invoice_line_ids.quantity",
)


class InvoiceAnnexTemplate(models.Model):
    """What is wrong with annexes: in words, for those who send the invoice."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.annex.template"  # pylint: disable=consider-merging-classes-inherited

    def _find_issues(self, plan):
        """Return what does not fit between an annex and its invoice.

        :param PlannedAnnex plan: the annex, in the language of who is to read it
        :return: list of sentences, each with the title of the annex
        """
        template = self.with_env(plan.move.env)
        issues = [
            issue
            for section in template.section_ids
            for issue in section._find_issues(plan)
        ]
        return [
            template.env._("%(annex)s: %(issue)s", annex=template.name, issue=issue)
            for issue in dict.fromkeys(issues)
        ]


class InvoiceAnnexSection(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "invoice.annex.section"  # pylint: disable=consider-merging-classes-inherited

    def _find_issues(self, plan):
        self.ensure_one()
        if self.type in ("time", "cost"):
            if plan.move.move_type != "out_invoice":
                return []  # what a credit note takes back was billed elsewhere
            check = getattr(self, f"_find_{self.type}_issues")
            return check(plan)
        if self.type == "cra":
            return self._find_agreement_issues(plan)
        return self._find_missing_documents(plan) if self.type == "document" else []

    def _find_time_issues(self, plan):
        """Compare the time with the invoice, in the unit and rounding of each line."""
        issues = []
        for order_line in self._get_time_order_lines(plan):
            recorded, lines = {}, self.env["account.move.line"]
            for part in plan.all_parts:
                if order_line in part.line.sale_line_ids:
                    lines |= part.line
                    for timesheet in part.timesheets:
                        unit = timesheet.product_uom_id
                        amount = recorded.get(unit, 0.0) + timesheet.unit_amount
                        recorded[unit] = amount
            unit = lines[0].product_uom_id
            explained = sum(
                one._compute_quantity(amount, unit, rounding_method="HALF-UP")
                for one, amount in recorded.items()
            )
            issues += self._compare(lines, explained)
        lost = [part.timesheets for part in plan.parts if not part.line]
        if lost:
            issues.append(
                self.env._(
                    "%s of its timesheets are on no line of the invoice.",
                    sum(map(len, lost)),
                )
            )
        return issues

    def _get_time_order_lines(self, plan):
        """Return the order lines whose invoiced quantity comes from timesheets."""
        timed = self.env["sale.order.line"].sudo()
        for part in plan.parts:
            for order_line in part.line.sale_line_ids[:1]:
                product = order_line.product_id
                from_time = (
                    product.invoice_policy == "delivery"
                    and product.service_type == "timesheet"
                )
                if part.timesheets or from_time:
                    timed |= order_line
        return timed

    def _find_cost_issues(self, plan):
        """Compare the costs with the invoice, in the unit and rounding of each line."""
        issues = []
        for part in plan.parts:
            line, order_line = part.line, part.line.sale_line_ids[:1]
            if order_line.is_expense:
                explained = sum(
                    costs[0].product_uom_id._compute_quantity(
                        max(costs.mapped("unit_amount")),
                        line.product_uom_id,
                        round=False,
                    )
                    for costs in part.costs._group_by_purchase().values()
                )
                issues += self._compare(line, explained)
        return issues

    def _compare(self, lines, explained):
        """Compare what is explained with the lines that billed it."""
        unit, billed = lines[0].product_uom_id, sum(lines.mapped("quantity"))
        if not float_compare(billed, explained, precision_rounding=unit.rounding):
            return []
        return [
            self.env._(
                "“%(line)s” bills %(billed)s %(unit)s, the annex explains "
                "%(explained)s.",
                line=(lines[0].name or "").partition("\n")[0],
                billed=formatLang(self.env, billed),
                explained=formatLang(self.env, explained),
                unit=unit.with_env(self.env).name,
            )
        ]

    def _find_agreement_issues(self, plan):
        """Return whether time lacks the agreement that is required."""
        if not self.template_id.required:
            return []
        agreed = plan.get_agreed_reports()
        missing = plan.timesheets.filtered(
            lambda line: line.cra_line_id.report_id not in agreed
        )
        if not missing:
            return []
        return [
            self.env._(
                "%s of its timesheets are on no activity report that the customer "
                "agreed to.",
                len(missing),
            )
        ]

    def _find_missing_documents(self, plan):
        """Return the documents that are required but not there."""
        if not self.template_id.required:
            return []
        names = {
            "quotation": self.env._("signed quotation"),
            "purchase_order": self.env._("purchase order of the customer"),
            "order": self.env._("file of the sales order"),
            "invoice": self.env._("file of the invoice"),
        }
        return [
            self.env._("There is no %s.", names[kind])
            for kind in self._get_document_kinds()
            if kind not in plan.available
        ]


class AccountMove(models.Model):
    # One subject per file: the model is too long for one.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    annex_warning = fields.Text(
        compute="_compute_annex_warning",
        groups=READERS,
        help="What does not fit between the annexes and the invoice.",
    )
    annex_blocker = fields.Text(
        compute="_compute_annex_blocker",
        groups=READERS,
        help="What keeps the invoice from being sent: a required annex is missing or "
        "does not fit.",
    )

    @api.depends(*SHAPED_BY)
    @api.depends_context("lang")
    def _compute_annex_warning(self):
        issues = self._find_annex_issues(required=False)
        archived = self._find_archived_annexes()
        for move in self:
            key = move._origin.id
            texts = [*archived.get(key, ()), *issues.get(key, ())]
            move.annex_warning = "\n".join(texts)

    @api.depends(*SHAPED_BY)
    @api.depends_context("lang")
    def _compute_annex_blocker(self):
        issues = self._find_annex_issues(required=True)
        for move in self:
            move.annex_blocker = "\n".join(issues.get(move._origin.id, ()))

    def _find_annex_issues(self, required):
        """Return what is wrong with the annexes of invoices that were not sent.

        Constant number of queries, except for files that are to be read.

        :param bool required: look at required annexes only, or at the others
        :return: dict of a list of sentences by invoice id
        """
        found = {}
        templates = self.env["invoice.annex.template"].sudo()
        if not templates.search_count([("required", "=", required)], limit=1):
            return found
        # sudo: who invoices may not read timesheets; only sums leave here
        for plan in self._get_open_annex_moves().sudo()._plan_annexes():
            if plan.template.required == required:
                issues = plan.template._find_issues(plan)
                for section in plan.template.section_ids:
                    if not section._has_files():
                        continue
                    content = section._prepare_content(plan)
                    issues += content.issues if content else ()
                found.setdefault(plan.move.id, []).extend(issues)
        return found

    def _find_archived_annexes(self):
        """Say which annexes invoices go without because their template is archived.

        :return: dict of a list of sentences by invoice id
        """
        found = {}
        templates = self.env["invoice.annex.template"].sudo()
        archived = [("active", "=", False)]
        if not templates.search_count(archived, limit=1) or not templates._is_in_use():
            return found
        # sudo: who invoices may not read timesheets; titles and reasons leave here
        moves = self._get_open_annex_moves().sudo().with_context(active_test=False)
        for plan in plan_annexes(moves) if moves else ():
            if not plan.template.active:
                sentence = self.env._(
                    "%(annex)s (%(reason)s) is archived and does not go along. Restore "
                    "its template, or take it off there.",
                    annex=plan.template.with_env(self.env).name,
                    reason=self.env["invoice.annex"]._explain(plan.sources),
                )
                found.setdefault(plan.move.id, []).append(sentence)
        return found
