from odoo import api, fields, models
from odoo.tools import email_normalize, encapsulate_email, formataddr


class IrMailServer(models.Model):
    _inherit = "ir.mail_server"

    def _active_usages_compute(self):
        # EXTENDS 'base': what invoices leave through can't be archived unnoticed
        usages = super()._active_usages_compute()
        for server in self:
            # sudo: whoever archives a server must know all who use it
            for model in ("project.project", "res.partner", "res.company"):
                records = self.env[model].sudo()
                if "company_id" in records._fields:
                    records = records.with_context(active_test=False)
                for record in records.search(
                    [("invoice_mail_server_id", "=", server.id)]
                ):
                    usages.setdefault(server.id, []).append(
                        self.env._("%s (invoice sending)", record.display_name)
                    )
        return usages

    def _get_send_problem(self, user):
        """Say why somebody can't send invoices through this server, if so.

        :param user: ``res.users`` who sends
        :return: sentence, or nothing
        """
        self.ensure_one()
        if not self.active:
            return self.env._("The mail server %s is archived.", self.name)
        if not self.owner_user_id:
            return None
        if self.owner_user_id != user:
            return self.env._(
                "%(server)s is the mailbox of %(owner)s: only they can send with it.",
                server=self.name,
                owner=self.owner_user_id.name,
            )
        if self._are_personal_mailboxes_off() or user.outgoing_mail_server_id != self:
            return self.env._(
                "%(server)s is not connected to %(owner)s any more: connect it again "
                "in the preferences.",
                server=self.name,
                owner=user.name,
            )
        return None

    @api.model
    def _are_personal_mailboxes_off(self):
        parameters = self.env["ir.config_parameter"].sudo()
        return bool(parameters.get_param("mail.disable_personal_mail_servers"))

    def _get_personal_from(self):
        """Return the only sender that somebody's own mailbox lets through."""
        self.ensure_one()
        return formataddr((self.owner_user_id.name, self.from_filter))

    @api.model
    def _find_sender(self, email_from, company, user):
        """Return the server and sender that core will choose for a mail.

        :param str email_from: the sender it was written with
        :param company: ``res.company`` the mail is of
        :param user: ``res.users`` who posts it
        :return: pair of server (empty: that of the configuration file) and sender
        """
        finder = self.sudo()
        if alias_domain := company.sudo().alias_domain_id:
            finder = finder.with_context(
                domain_notifications_email=alias_domain.default_from_email,
                domain_bounce_address=alias_domain.bounce_email,
            )
        owners = [False] if self._are_personal_mailboxes_off() else [False, user.id]
        servers = finder.search([("owner_user_id", "in", owners)], order="sequence, id")
        if not servers:
            return servers, email_from
        server, smtp_from = finder._find_mail_server(email_from, servers)
        notifications = email_normalize(
            finder.env.context.get("domain_notifications_email")
            or finder._get_default_from_address()
        )
        is_rewritten = (
            notifications
            and email_normalize(smtp_from) == notifications
            and email_normalize(email_from) != notifications
        )
        if is_rewritten:
            email_from = encapsulate_email(email_from, notifications)
        return server or finder.browse(), email_from

    def _take_slots(self, counts):
        """Take what somebody's own mailbox lets through this minute.

        Counted where core counts, so that both together keep the limit.

        :param list counts: how many mails are to leave, for each of some rows in order
        :return: how many of these rows may leave now
        """
        self.ensure_one()
        limit = self._get_personal_mail_servers_limit()
        minute = fields.Datetime.now().replace(second=0)
        used = self.owner_limit_count if self.owner_limit_time == minute else 0
        taken = 0
        for count in counts:
            # More mails than the limit, in one row, leave together at least.
            if used and used + count > limit:
                break
            used += count
            taken += 1
        self.write({"owner_limit_time": minute, "owner_limit_count": used})
        return taken

    @api.model
    def _get_next_slot(self):
        return fields.Datetime.add(fields.Datetime.now().replace(second=0), minutes=1)
