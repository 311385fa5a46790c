from odoo import models

from .annex_files import AppendedFile, UnreadableFile, read_file
from .annex_table import Row, Value
from .invoice_annex_content import Content, _get_label


class InvoiceAnnexSection(models.Model):
    """Sections whose files follow as pages: costs with receipts, documents."""

    # One subject per file: the model is too long for one.
    _inherit = "invoice.annex.section"  # pylint: disable=consider-merging-classes-inherited

    # === COSTS === #
    def _get_cost_lines(self, plan):
        return plan.costs

    def _prepare_cost_content(self, plan):
        """Return the costs that the invoice passed on, with their receipts."""
        purchases = list(plan.costs._group_by_purchase().values())
        files, issues, numbers = self._get_receipts(plan, purchases)
        line_of = plan.get_line_of()
        projects = {part.line: part.project for part in plan.parts}
        rows, lines = [], []
        for number, costs in enumerate(purchases, start=1):
            line = line_of[costs[0]]
            shown = str(number) if number in numbers else ""
            rows.append(self._prepare_cost_row(costs, line, projects[line], shown))
            lines.append(line)
        if self.show_amounts:
            rows = self._add_amounts(rows, lines, plan)
        table = self._make_table(
            rows,
            {
                "number": self.env._("Receipt"),
                "date": self.env._("Date"),
                "employee": self.env._("Consultant"),
                "project": self.env._("Project"),
                "description": self.env._("Description"),
            },
            convert=lambda key, amount: amount,
        )
        return self._make_content(table, plan, files, issues)

    def _prepare_cost_row(self, costs, line, project, number):
        """Return what the customer may read of a cost: not what it cost us."""
        purchase = costs.move_line_id.with_env(self.env)
        expense = purchase.expense_id
        unit = line.product_uom_id.with_env(self.env)
        quantity = costs[0].product_uom_id._compute_quantity(
            max(costs.mapped("unit_amount")), unit, round=False
        )
        day = expense.date or purchase.move_id.invoice_date or costs[0].date
        return Row(
            values={
                "number": Value(number),
                "employee": Value(expense.employee_id.name or ""),
                "project": Value(project.with_env(self.env).name or ""),
                "description": Value(_get_cost_name(costs)),
                **self._prepare_date(day),
                "order_line": _get_label(line),
            },
            quantity=quantity,
            unit=unit.name or "",
            recorded=quantity,
            key=(line.sale_line_ids[:1], unit, unit),
        )

    def _get_receipts(self, plan, purchases):
        """Return the receipts of costs as pages.

        :return: AppendedFile of each receipt, issues, numbers of costs with a receipt
        """
        if not self.show_receipts:
            return (), (), ()
        owners = {}
        for number, costs in enumerate(purchases, start=1):
            for receipt in _get_receipts_of(costs.move_line_id):
                owners.setdefault(receipt, []).append(number)
        files, issues, numbers = [], [], set()
        for receipt, some in owners.items():
            label = self.env._("Receipt %s", ", ".join(map(str, some)))
            words = _get_cost_name(purchases[some[0] - 1])
            file, issue = self._read_file(plan, receipt, label, words)
            if file:
                files.append(file)
                numbers.update(some)
            issues += [issue] if issue else []
        return files, tuple(issues), numbers

    # === DOCUMENTS === #
    def _prepare_document_content(self, plan):
        """Return a list of documents whose pages follow."""
        files, issues = [], []
        labels = {
            "cra": self.env._("Activity report"),
            "quotation": self.env._("Signed quotation"),
            "purchase_order": self.env._("Purchase order"),
            "order": self.env._("Order document"),
            "invoice": self.env._("Document"),
        }
        for kind in self._get_document_kinds():
            for document in plan.documents.get(kind, ()):
                words, source = document.display_name, document
                if kind == "cra":
                    source = document._get_decision_document()
                file, issue = self._read_file(plan, source, labels[kind], words)
                files += [file] if file else []
                issues += [issue] if issue else []
        printed = {
            "layout": "files",
            "title": self.title,
            "files": [file.stamp for file in files],
        }
        return Content(printed, None, tuple(files), tuple(issues))

    def _prepare_cra_content(self, plan):
        return self._prepare_document_content(plan)

    def _read_file(self, plan, attachment, label, words):
        """Return a file as pages, or what prevents that, in words for the accountant.

        :return: pair of an AppendedFile and a text, one of them empty
        """
        try:
            reader = read_file(attachment.raw or b"", attachment.mimetype or "")
        except UnreadableFile as error:
            env = plan.move.env
            reasons = {
                "kind": env._("Only PDF, JPEG, PNG, GIF and BMP can be printed."),
                "encrypted": env._("It is protected by a password."),
                "damaged": env._("It is damaged or empty."),
                "pages": env._("It has %s pages, which are too many.", error.detail),
                "size": env._("It is too large: %s MB.", error.detail),
            }
            return None, env._(
                "%(template)s: the file %(file)s of “%(line)s” is left out. %(reason)s",
                template=self.template_id.with_env(env).name,
                file=attachment.name,
                line=words,
                reason=reasons[error.reason],
            )
        return AppendedFile(" – ".join(filter(None, (label, words))), reader), None


def _get_cost_name(costs):
    purchase = costs.move_line_id
    return purchase.expense_id.name or purchase.name or costs[0].name or ""


def _get_receipts_of(purchase):
    """Return the receipts of an expense, or of the vendor bill it was billed with."""
    files = purchase.expense_id.attachment_ids or purchase.move_id.attachment_ids
    # Vendors' electronic invoices come with files that nobody reads.
    return files.filtered(
        lambda file: file.mimetype not in ("application/xml", "text/xml")
    ).sorted("id")
