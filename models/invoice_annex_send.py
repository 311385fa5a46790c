from odoo import api, models
from odoo.tools import split_every

from .annex_files import append_to_invoice
from .invoice_annex import PDF_TYPE, XLSX_TYPE

#: Each page loads the headings of all invoices that are printed with it.
PRINT_BATCH = 20
TIMESHEET_REPORT = "sale_timesheet.report_timesheet_account_move"


class AccountMoveSend(models.AbstractModel):
    """Annexes leave with their invoice."""

    # One subject per file: the model is too long for one.
    _inherit = "account.move.send"  # pylint: disable=consider-merging-classes-inherited

    # EXTENDS 'account'
    @api.model
    def _generate_invoice_documents(self, invoices_data, allow_fallback_pdf=False):
        # Before super: it builds the electronic invoice first, which may embed annexes.
        self._prepare_invoice_annexes(invoices_data)
        return super()._generate_invoice_documents(
            invoices_data, allow_fallback_pdf=allow_fallback_pdf
        )

    @api.model
    def _prepare_invoice_annexes(self, invoices_data):
        """Print the annexes of all invoices in one go, for ``_link_invoice_documents``.

        What cannot be printed stops its own invoice only.
        """
        moves = self.env["account.move"].union(
            *(move for move, data in invoices_data.items() if not data.get("error"))
        )
        drafts = self.env["invoice.annex"].sudo()._update_drafts(moves.sudo())
        templates = self.env["invoice.annex.template"].sudo()
        results = templates._render_plans(list(drafts.values())) if drafts else []
        for (annex, plan), result in zip(drafts.items(), results, strict=True):
            invoice_data = invoices_data[plan.move]
            if isinstance(result, Exception):
                problems = [f"{annex.name}: {result}"]
            else:
                problems = result.issues if plan.template.required else []
                invoice_data.setdefault("annex_contents", {})[annex.id] = result
            if problems:
                error = {"error_title": self.env._("The annexes could not be made.")}
                error = invoice_data.setdefault("error", error)
                error.setdefault("errors", []).extend(problems)

    @api.model
    def _get_move_constraints(self, move):
        # EXTENDS 'account'
        constraints = super()._get_move_constraints(move)
        # sudo: whoever sends must know, also without rights on annexes. Not for the
        # others of its set: they may be hundreds.
        if blocker := move.sudo().with_prefetch().annex_blocker:
            constraints["annexes"] = self.env._(
                "%(invoice)s lacks a required annex, or it does not fit: %(problems)s",
                invoice=move.display_name,
                problems=blocker,
            )
        return constraints

    @api.model
    def _get_run_blockers(self, moves):
        # Looked up for all of them at once, see above.
        moves.sudo().mapped("annex_blocker")
        return super()._get_run_blockers(moves)

    @api.model
    def _get_alerts(self, moves, moves_data):
        # EXTENDS 'account'
        alerts = super()._get_alerts(moves, moves_data)
        # sudo: whoever sends must know, also without rights on annexes
        warnings = [text for text in moves.sudo().mapped("annex_warning") if text]
        if warnings:
            alerts["annexes"] = {"level": "warning", "message": "\n".join(warnings)}
        return alerts

    # EXTENDS 'account'
    @api.model
    def _prepare_invoice_pdf_report(self, invoices_data):
        # It returns nothing. pylint: disable=missing-return
        send = self.with_context(print_without_delay=True)
        for some in split_every(PRINT_BATCH, invoices_data.items(), dict):
            super(AccountMoveSend, send)._prepare_invoice_pdf_report(some)
        for move, invoice_data in invoices_data.items():
            # Now: later, Factur-X would have been embedded and be lost.
            self._append_annexes(move, invoice_data)

    @api.model
    def _append_annexes(self, move, invoice_data):
        """Make annexes part of an invoice's PDF, those that are to be."""
        values = invoice_data.get("pdf_attachment_values")
        contents = invoice_data.get("annex_contents")
        if not contents or not values or not values["raw"].startswith(b"%PDF"):
            return
        is_facturx = invoice_data.get("invoice_edi_format") == "facturx"
        annexes = self.env["invoice.annex"].sudo().browse(contents)
        appended = annexes.filtered(
            lambda annex: (
                annex._is_to_append()
                and not (is_facturx and contents[annex.id].has_files)
            )
        )
        if appended:
            pages = [
                (annex.template_id._in_language_of(move).name, contents[annex.id].pdf)
                for annex in appended
            ]
            values["raw"] = append_to_invoice(values["raw"], pages)
            invoice_data["annexes_appended"] = set(appended.ids)

    # EXTENDS 'account'
    @api.model
    def _link_invoice_documents(self, invoices_data):
        result = super()._link_invoice_documents(invoices_data)
        contents, appended = {}, set()
        for invoice_data in invoices_data.values():
            contents.update(invoice_data.pop("annex_contents", {}))
            appended |= invoice_data.pop("annexes_appended", set())
        if contents:
            annexes = self.env["invoice.annex"].sudo().browse(contents)
            annexes._freeze(contents, appended)
        return result

    # EXTENDS 'account'
    @api.model
    def _get_placeholder_mail_attachments_data(
        self, move, invoice_edi_format=None, extra_edis=None, pdf_report=None
    ):
        placeholders = super()._get_placeholder_mail_attachments_data(
            move,
            invoice_edi_format=invoice_edi_format,
            extra_edis=extra_edis,
            pdf_report=pdf_report,
        )
        # sudo: whoever sends the invoice sees what goes along
        drafts = move.sudo().annex_ids.filtered(lambda annex: annex.state == "draft")
        return placeholders + [
            {
                "id": f"placeholder_{name}",
                "name": name,
                "mimetype": XLSX_TYPE if name.endswith(".xlsx") else PDF_TYPE,
                "placeholder": True,
            }
            for annex in drafts
            for name in annex._get_file_names()
        ]

    # EXTENDS 'account'
    @api.model
    def _get_placeholder_mail_template_dynamic_attachments_data(
        self, move, mail_template, pdf_report=None
    ):
        reports = super()._get_placeholder_mail_template_dynamic_attachments_data(
            move, mail_template, pdf_report=pdf_report
        )
        # sudo: as above. Core's own list of timesheets says the same again.
        annexes = move.sudo().annex_ids.filtered(lambda a: a.state != "superseded")
        if "time" in annexes.template_id.section_ids.mapped("type"):
            reports = [
                one for one in reports if one.get("dynamic_report") != TIMESHEET_REPORT
            ]
        return reports

    # EXTENDS 'account'
    @api.model
    def _get_invoice_extra_attachments(self, move):
        # sudo: whoever sends or downloads the invoice gets what belongs to it
        files = move.sudo().annex_ids._get_sent_files()
        return super()._get_invoice_extra_attachments(move) + files
