import hashlib

from odoo import api, fields, models
from odoo.exceptions import UserError

from .annex_plan import plan_annexes

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
        texts = {
            "project.project": self.env._("from project %s"),
            "res.partner": self.env._("from customer %s"),
            "res.company": self.env._("from company %s"),
        }
        for annex in self:
            annex.reason = ", ".join(
                texts[model] % name for model, name in annex.sources or []
            )

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
        """Open the document: as it was sent, or as it would be sent now."""
        self.ensure_one()
        if self.state == "draft":
            return self.move_id.action_preview_annexes()
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
        if not moves or not self._is_in_use():
            return {}
        moves = moves.filtered(
            lambda move: (
                move.is_sale_document()
                and "frozen" not in move.annex_ids.mapped("state")
            )
        )
        plans = plan_annexes(moves)
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
        vals, names = {}, set()
        for plan in plans:
            superseded = plan.move.annex_ids.filtered("attachment_id")
            names.update((plan.move, annex.name) for annex in superseded)
            file_name = name = plan.template._get_file_name(plan)
            copy = 1
            while (plan.move, name) in names:
                copy += 1
                name = f"{file_name.removesuffix('.pdf')} ({copy}).pdf"
            names.add((plan.move, name))
            vals[plan.move, plan.template] = {
                "move_id": plan.move.id,
                "template_id": plan.template.id,
                "sequence": len(vals),
                "name": name,
                "sources": [
                    [source._name, source.display_name] for source in plan.sources
                ],
            }
        return vals

    @api.model
    def _is_in_use(self):
        templates = self.env["invoice.annex.template"].sudo()
        return bool(templates.with_context(active_test=False).search([], limit=1))

    def _freeze(self, contents):
        """Attach the documents to their invoices, as they are about to be sent.

        :param dict contents: PDF by id of the draft
        """
        attachments = (
            self.env["ir.attachment"]
            .sudo()
            .create(
                [
                    {
                        "name": annex.name,
                        "raw": contents[annex.id],
                        "mimetype": "application/pdf",
                        # Core's download, portal and zip take documents of the invoice.
                        "res_model": "account.move",
                        "res_id": annex.move_id.id,
                    }
                    for annex in self
                ]
            )
        )
        for annex, attachment in zip(self, attachments, strict=True):
            annex.write(
                {
                    "state": "frozen",
                    "attachment_id": attachment.id,
                    "digest": hashlib.sha256(contents[annex.id]).hexdigest(),
                }
            )

    def _supersede(self):
        """Take back the annexes of invoices that are opened again."""
        self.filtered(lambda annex: annex.state == "draft").unlink()
        self.exists().filtered(lambda annex: annex.state == "frozen").write(
            {"state": "superseded"}
        )
