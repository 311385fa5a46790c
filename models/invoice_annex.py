import hashlib

from odoo import api, fields, models
from odoo.exceptions import UserError

PDF_TYPE = "application/pdf"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ANNEX_STATES = [
    ("draft", "To Send"),
    ("frozen", "Sent"),
    ("superseded", "Superseded"),
]


class InvoiceAnnex(models.Model):
    """One document that explains one invoice.

    A draft says what will be sent. It is frozen with its file when the invoice is sent,
    and superseded when the invoice is opened again. What was sent stays as it is.
    """

    _name = "invoice.annex"
    _description = "Invoice Annex"
    _order = "move_id, state, sequence, id"

    move_id = fields.Many2one(
        comodel_name="account.move",
        string="Invoice",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    company_id = fields.Many2one(
        related="move_id.company_id",
        store=True,
        index=True,
        export_string_translation=False,
    )
    template_id = fields.Many2one(
        comodel_name="invoice.annex.template",
        required=True,
        readonly=True,
        index=True,
        ondelete="restrict",
    )
    sequence = fields.Integer(readonly=True, export_string_translation=False)
    name = fields.Char(string="File Name", required=True, readonly=True)
    sources = fields.Json(readonly=True)
    reason = fields.Char(compute="_compute_reason")
    attachment_id = fields.Many2one(
        comodel_name="ir.attachment",
        string="Document",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    digest = fields.Char(
        string="SHA-256",
        readonly=True,
        help="Fingerprint of the document that was sent.",
    )
    xlsx_attachment_id = fields.Many2one(
        comodel_name="ir.attachment",
        string="Excel File",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    xlsx_digest = fields.Char(
        string="SHA-256 of the Excel File",
        readonly=True,
    )
    is_appended = fields.Boolean(
        string="In the Invoice",
        readonly=True,
        help="The customer got these pages at the end of the invoice.",
    )
    warning = fields.Text(
        readonly=True,
        help="What did not fit when the annex was sent.",
    )
    state = fields.Selection(
        selection=ANNEX_STATES,
        default="draft",
        required=True,
        readonly=True,
    )

    _current_unique = models.UniqueIndex(
        "(move_id, template_id) WHERE state IN ('draft', 'frozen')",
        "An invoice has one annex of each template.",
    )
    _frozen_check = models.Constraint(
        "CHECK(state = 'draft' OR (attachment_id IS NOT NULL AND digest IS NOT NULL))",
        "An annex that was sent has its document and fingerprint.",
    )

    # === COMPUTE METHODS === #
    @api.depends("sources")
    @api.depends_context("lang")
    def _compute_reason(self):
        texts = self._get_source_texts()
        for annex in self:
            annex.reason = ", ".join(
                texts[model] % name for model, name in annex.sources or []
            )

    @api.model
    def _explain(self, sources):
        """Return in words who asks for an annex."""
        texts = self._get_source_texts()
        return ", ".join(texts[s._name] % s.display_name for s in sources)

    @api.model
    def _get_source_texts(self):
        return {
            "project.project": self.env._("from project %s"),
            "res.partner": self.env._("from customer %s"),
            "res.company": self.env._("from company %s"),
            "account.move": self.env._("chosen on invoice %s"),
        }

    # === CRUD METHODS === #
    def write(self, vals):
        sent = self.filtered(lambda annex: annex.state != "draft")
        reopened = all(move.state in ("draft", "cancel") for move in sent.move_id)
        if sent and not (vals == {"state": "superseded"} and reopened):
            raise UserError(sent[0]._get_evidence_message())
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        sent = self.filtered(lambda annex: annex.state != "draft")
        if sent:
            raise UserError(sent[0]._get_evidence_message())

    def _get_evidence_message(self):
        return self.env._(
            "The annex %(annex)s was sent to the customer: it stays as it is. "
            "To send another one, reset the invoice %(invoice)s to draft.",
            annex=self.name,
            invoice=self.move_id.display_name,
        )

    # === ACTION METHODS === #
    def action_open(self):
        """Open the document as it was sent."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self.attachment_id.id}",
            "target": "new",
        }

    # === BUSINESS METHODS === #
    @api.model
    def _update_drafts(self, moves):
        """Bring the drafts of posted invoices up to what their templates ask for now.

        Invoices that were sent keep what was sent.

        :param moves: ``account.move`` in sudo mode
        :return: dict of PlannedAnnex by draft
        """
        moves = moves._get_open_annex_moves()
        plans = moves._plan_annexes()
        if not plans and not moves.annex_ids:
            return {}
        drafts = {
            (annex.move_id, annex.template_id): annex
            for annex in moves.annex_ids
            if annex.state == "draft"
        }
        wanted = self._prepare_vals(plans)
        missing = [key for key in wanted if key not in drafts]
        # What was just superseded must not stand in the way of its successor.
        self.flush_model(["state"])
        created = self.sudo().create([wanted[key] for key in missing])
        for key in drafts.keys() & wanted.keys():
            changed = {
                name: value
                for name, value in wanted[key].items()
                if name in ("name", "sources", "sequence")
                and drafts[key][name] != value
            }
            if changed:
                drafts[key].write(changed)
        obsolete = [drafts.pop(key).id for key in drafts.keys() - wanted.keys()]
        self.sudo().browse(obsolete).unlink()
        drafts.update(zip(missing, created, strict=True))
        return {drafts[plan.move, plan.template]: plan for plan in plans}

    def _prepare_vals(self, plans):
        """Return the values of each draft by its invoice and template."""
        vals, names = {}, {}
        # Core would look it up again for each invoice.
        standard = self.env.ref("account.account_invoices")
        for plan in plans:
            move = plan.move
            if move not in names:
                # The invoice's own file, and what was sent before.
                sent = move.annex_ids.filtered("attachment_id").mapped("name")
                report = move.partner_id.invoice_template_pdf_report_id or standard
                own = move._get_invoice_report_filename(report=report)
                names[move] = {own.casefold(), *(name.casefold() for name in sent)}
            stem = plan.template._get_file_name(plan)
            end = "xlsx" if plan.template.format == "xlsx" else "pdf"
            name = f"{stem}.{end}"
            copy = 1
            while name.casefold() in names[move]:
                copy += 1
                name = f"{stem} ({copy}).{end}"
            names[move].add(name.casefold())
            vals[move, plan.template] = {
                "move_id": move.id,
                "template_id": plan.template.id,
                "sequence": len(vals),
                "name": name,
                "sources": [
                    [source._name, source.display_name] for source in plan.sources
                ],
            }
        return vals

    def _get_file_names(self):
        """Return the names of the files that go out besides the invoice."""
        self.ensure_one()
        names = [] if self._is_to_append() else [self.name]
        if self.template_id.format == "both":
            names.append(self._get_xlsx_name())
        return names

    def _is_to_append(self):
        """Tell whether the pages are to be part of the invoice that is made now."""
        pdf_exists = self.move_id.invoice_pdf_report_id
        return self.template_id.delivery == "appended" and not pdf_exists

    def _get_xlsx_name(self):
        return f"{self.name.removesuffix('.pdf')}.xlsx"

    def _freeze(self, contents, appended_ids=()):
        """Keep the documents as they are about to be sent.

        :param dict contents: PrintedAnnex by id of the draft
        :param appended_ids: drafts that were made part of their invoice
        """
        main, workbooks = {}, {}
        for annex in self:
            printed, kind = contents[annex.id], annex.template_id.format
            main[annex] = printed.xlsx if kind == "xlsx" else printed.pdf
            if kind == "both":
                workbooks[annex] = printed.xlsx
        # Core's download, portal and zip take documents of the invoice.
        owners = {
            annex: annex if annex.id in appended_ids else annex.move_id
            for annex in self
        }
        files = _attach(main, owners, {annex: annex.name for annex in main})
        workbook_files = _attach(
            workbooks,
            {annex: annex.move_id for annex in workbooks},
            {annex: annex._get_xlsx_name() for annex in workbooks},
        )
        for annex in self:
            vals = {
                "state": "frozen",
                "attachment_id": files[annex].id,
                "digest": _get_digest(main[annex]),
                "is_appended": annex.id in appended_ids,
                "warning": "\n".join(contents[annex.id].issues),
            }
            if annex in workbooks:
                vals["xlsx_attachment_id"] = workbook_files[annex].id
                vals["xlsx_digest"] = _get_digest(workbooks[annex])
            annex.write(vals)

    def _get_sent_files(self):
        """Return the files that went out, or will go again, besides the invoice."""
        sent = self.filtered(lambda annex: annex.state == "frozen")
        separate = sent.filtered(lambda annex: not annex.is_appended)
        return separate.attachment_id | sent.xlsx_attachment_id

    def _supersede(self):
        """Take back the annexes of invoices that are opened again."""
        self.filtered(lambda annex: annex.state == "draft").unlink()
        self.exists().filtered(lambda annex: annex.state == "frozen").write(
            {"state": "superseded"}
        )


def _get_digest(content):
    return hashlib.sha256(content).hexdigest()


def _attach(contents, owners, names):
    """Create an attachment per annex, all at once: dict by annex."""
    if not contents:
        return {}
    first = next(iter(contents))
    # sudo: who sends invoices need not be allowed to make annexes
    attachments = first.env["ir.attachment"].sudo()
    made = attachments.create(
        [
            {
                "name": names[annex],
                "raw": content,
                "mimetype": XLSX_TYPE if names[annex].endswith(".xlsx") else PDF_TYPE,
                "res_model": owners[annex]._name,
                "res_id": owners[annex].id,
            }
            for annex, content in contents.items()
        ]
    )
    return dict(zip(contents, made, strict=True))
