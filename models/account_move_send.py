from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    @api.model
    def _get_default_mail_template_id(self, move):
        # EXTENDS 'account': project ▶ customer ▶ company, else core's own
        template = move._resolve_send_setting(move._get_send_template_field())
        return template or super()._get_default_mail_template_id(move)

    @api.model
    def _get_default_mail_lang(self, move, mail_template):
        # EXTENDS 'account': the customer's, unless the template asks for another one
        lang = super()._get_default_mail_lang(move, mail_template)
        return lang or move.partner_id.lang

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
            constraints["sending_run"] = line_sudo._get_holder_message()
        return constraints

    @api.model
    def _check_may_send(self, moves):
        """Check that somebody may send invoices: whoever may use core's dialog may.

        :raise AccessError: they may not
        """
        self.env["account.move.send.wizard"].check_access("create")
        moves.check_access("read")

    @api.model
    def _get_run_blockers(self, moves):
        """Return what keeps invoices out of a sending run, one entry per reason.

        :return: dict of move id: list of issues, see InvoiceSendLine
        """
        prepare = self.env["invoice.send.line"]._prepare_issue
        blockers = {}
        for move in moves:
            constraints = self._get_move_constraints(move)
            constraints.pop("sending_run", None)  # the row names the run itself
            blockers[move.id] = [
                prepare(code, message, move) for code, message in constraints.items()
            ]
            if move.is_being_sent:
                message = self.env._(
                    "%(invoice)s is already being sent in the background.",
                    invoice=move.name,
                )
                blockers[move.id].append(prepare("core_queue", message, move))
        return blockers

    @api.model
    def _get_run_warnings(self, moves):
        """Return what those who send invoices should know; they leave all the same.

        :return: dict of move id: list of issues, see InvoiceSendLine
        """
        prepare = self.env["invoice.send.line"]._prepare_issue
        # sudo: whoever sends must know, also without rights on annexes
        return {
            move.id: [prepare("annexes", move.sudo().annex_warning, move)]
            for move in moves
            if move.sudo().annex_warning
        }

    @api.model
    def _get_run_alerts(self, lines):
        """Return what core and other addons say of many invoices, with its links.

        :return: dict for core's ``actionable_errors`` widget, or nothing
        """
        moves_data = {
            line.move_id: {
                "sending_methods": line.methods,
                "invoice_edi_format": self._get_default_invoice_edi_format(
                    line.move_id, sending_methods=line.methods
                ),
                "extra_edis": self._get_default_extra_edis(line.move_id),
                "mail_partner_ids": line.partner_ids,
            }
            for line in lines
        }
        alerts = self._get_alerts(lines.move_id, moves_data)
        # The rows say these themselves.
        for code in ("account_missing_email", "annexes"):
            alerts.pop(code, None)
        return alerts

    # === ONE CLAIM FOR ALL WAYS TO SEND === #
    @api.model
    def _generate_and_send_invoices(
        self,
        moves,
        from_cron=False,
        allow_raising=True,
        allow_fallback_pdf=False,
        **custom_settings,
    ):
        # EXTENDS 'account': the dialog, core's queue and whoever calls this take the
        # same claim as a sending run, and their mails leave through the same outbox.
        self._check_move_constraints(moves)
        # sudo: whoever may send an invoice may claim it
        lines_sudo = self.env["invoice.send.line"].sudo()
        lines = lines_sudo._claim_for_core(moves, custom_settings)
        attachments = super()._generate_and_send_invoices(
            moves,
            from_cron=from_cron,
            allow_raising=allow_raising,
            allow_fallback_pdf=allow_fallback_pdf,
            send_lines={move.id: line.id for move, line in lines.items()},
            **custom_settings,
        )
        lines_sudo.union(*lines.values()).exists()._leave_from_core()
        return attachments

    @api.model
    def _get_default_sending_settings(self, move, from_cron=False, **custom_settings):
        # EXTENDS 'account'
        settings = super()._get_default_sending_settings(
            move, from_cron=from_cron, **custom_settings
        )
        if send_line_id := custom_settings.get("send_lines", {}).get(move.id):
            settings["send_line_id"] = send_line_id
        return settings

    @api.model
    def _hook_if_errors(self, moves_data, allow_raising=True):
        # EXTENDS 'account'
        result = super()._hook_if_errors(moves_data, allow_raising=allow_raising)
        for line, data in self._get_send_lines(moves_data).items():
            if data["error"].get("retry"):
                line.unlink()  # core tries again, and claims again
            else:
                line._write_failure(self._format_error_text(data["error"]))
        return result

    @api.model
    def _send_mails(self, moves_data):
        # EXTENDS 'account': the row of each invoice takes over its mails
        lines = self._get_send_lines(moves_data)
        domain = [
            ("model", "=", "account.move"),
            ("res_id", "in", [move.id for move in moves_data]),
            ("email_layout_xmlid", "=", self._get_mail_layout()),
        ]
        # sudo: the message belongs to the invoice that is being sent
        messages = self.env["mail.message"].sudo()
        newest = lines and messages.search(domain, order="id desc", limit=1).id or 0
        result = super()._send_mails(moves_data)
        if lines:
            domain.append(("id", ">", newest))
            posted = messages.search(domain, order="id desc")
            by_move = {message.res_id: message for message in posted}
            for line in lines:
                if message := by_move.get(line.move_id.id):
                    line._adopt_message(message)
        return result

    @api.model
    def _get_send_lines(self, moves_data):
        """Return the data of those invoices that have a row, by their row."""
        lines = self.env["invoice.send.line"].sudo()
        return {
            lines.browse(data["send_line_id"]): data
            for data in moves_data.values()
            if data.get("send_line_id")
        }

    @api.model
    def _get_mail_params(self, move, move_data):
        # EXTENDS 'account': what a row holds leaves through the outbox
        params = super()._get_mail_params(move, move_data)
        if params and any(
            line._is_held() for line in self._get_send_lines({move: move_data})
        ):
            params["force_send"] = False
        return params
