from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    # === ANNEXES === #
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
                invoice_data["error"] = {
                    "error_title": self.env._("The annexes could not be made."),
                    "errors": [f"{annex.name}: {result}"],
                }
            else:
                invoice_data.setdefault("annex_contents", {})[annex.id] = result

    # EXTENDS 'account'
    @api.model
    def _link_invoice_documents(self, invoices_data):
        result = super()._link_invoice_documents(invoices_data)
        contents = {}
        for invoice_data in invoices_data.values():
            contents.update(invoice_data.pop("annex_contents", {}))
        if contents:
            annexes = self.env["invoice.annex"].sudo().browse(contents)
            annexes._freeze(contents)
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
        drafts = move.sudo().annex_ids.filtered(lambda annex: annex.state == "draft")
        return placeholders + [
            {
                "id": f"placeholder_{annex.name}",
                "name": annex.name,
                "mimetype": "application/pdf",
                "placeholder": True,
            }
            for annex in drafts
        ]

    # EXTENDS 'account'
    @api.model
    def _get_invoice_extra_attachments(self, move):
        frozen = move.sudo().annex_ids.filtered(lambda annex: annex.state == "frozen")
        return super()._get_invoice_extra_attachments(move) + frozen.attachment_id

    # === SENDING RUNS === #
    @api.model
    def _get_default_mail_template_id(self, move):
        # EXTENDS 'account': project ▶ customer ▶ company, else core's own
        return move._resolve_send_setting(
            "invoice_mail_template_id"
        ) or super()._get_default_mail_template_id(move)

    @api.model
    def _get_default_mail_partner_ids(self, move, mail_template, mail_lang):
        # EXTENDS 'account': those who always get a copy
        partners = super()._get_default_mail_partner_ids(move, mail_template, mail_lang)
        copied = move._resolve_send_setting("invoice_cc_partner_ids")
        return partners | copied.filtered("email") if copied else partners

    @api.model
    def _get_move_constraints(self, move):
        # EXTENDS 'account': the single dialog and core's queue honor a run's claim
        constraints = super()._get_move_constraints(move)
        # sudo: whoever sends must know, also without rights on runs
        if line_sudo := move.sudo().active_send_line_id:
            constraints["sending_run"] = self.env._(
                "%(run)s of %(user)s already holds %(invoice)s: it is sent there.",
                run=line_sudo.run_id.name,
                user=line_sudo.user_id.name,
                invoice=move.name,
            )
        return constraints

    @api.model
    def _get_run_blockers(self, moves):
        """Return what keeps invoices out of a sending run, one entry per reason.

        :return: dict of move id: list of dicts with ``code``, ``message`` and, when a
            record mends it, ``res_model`` and ``res_id``
        """
        blockers = {}
        for move in moves:
            constraints = self._get_move_constraints(move)
            constraints.pop("sending_run", None)  # the row names the run itself
            blockers[move.id] = [
                {
                    "code": code,
                    "message": message,
                    "res_model": move._name,
                    "res_id": move.id,
                }
                for code, message in constraints.items()
            ]
            if move.is_being_sent:
                blockers[move.id].append(
                    {
                        "code": "core_queue",
                        "message": self.env._(
                            "%(invoice)s is already being sent in the background.",
                            invoice=move.name,
                        ),
                    }
                )
        return blockers

    @api.model
    def _get_mail_params(self, move, move_data):
        # EXTENDS 'account': a run's mails leave through its own outbox
        params = super()._get_mail_params(move, move_data)
        if params and move_data.get("send_line_id"):
            params["force_send"] = False
        return params
