from odoo import api, fields, models
from odoo.fields import Command
from odoo.tools import SQL, format_date, human_size

from . import mail_weight
from .invoice_send_line import ACTIVE_STATES, BLOCKED, DRAFT

ESTIMATED_SIZE = 60 * 1024  # of a document that is not made yet


class InvoiceSendLine(models.Model):
    """What is known of a row before it leaves: issues, documents and their sizes.

    All of it for many rows at once and without rendering any mail: opening a run takes
    the same number of queries however many invoices it has.

    An issue is a dict with ``code`` and ``message`` and, if there is a way out,
    ``res_model`` and ``res_id`` of the record that mends it or the ``method`` of the
    row that does.
    """

    # One subject per file: the model is too long for one.
    _inherit = "invoice.send.line"  # pylint: disable=consider-merging-classes-inherited

    documents = fields.Json(string="Documents Found", readonly=True)
    documents_label = fields.Char(
        string="Documents", compute="_compute_documents_label"
    )
    size = fields.Integer(
        string="Size (bytes)", readonly=True, help="Of the mail with its documents."
    )
    size_label = fields.Char(string="Size", compute="_compute_size_label")
    blockers = fields.Json(readonly=True)
    warnings = fields.Json(readonly=True)
    blocker_text = fields.Char(string="Blocked By", compute="_compute_blocker_text")
    is_resend = fields.Boolean(compute="_compute_blocker_text")

    # === COMPUTE METHODS === #
    @api.depends("documents")
    def _compute_documents_label(self):
        for line in self:
            line.documents_label = ", ".join(
                "{} ({}{})".format(
                    document["name"],
                    "" if document["exact"] else "~",
                    human_size(document["size"]),
                )
                for document in line.documents or ()
            )

    @api.depends("documents", "size")
    def _compute_size_label(self):
        for line in self:
            exact = all(document["exact"] for document in line.documents or ())
            line.size_label = ("" if exact else "~") + human_size(line.size)

    @api.depends("blockers")
    def _compute_blocker_text(self):
        for line in self:
            blockers = line.blockers or ()
            line.blocker_text = " ".join(b["message"] for b in blockers)
            line.is_resend = any(b["code"] == "already_sent" for b in blockers)

    # === BUSINESS METHODS === #
    @api.model
    def _prepare_line_vals_list(self, run, moves):
        """Prepare rows with the values that are dear to compute one by one."""
        templates = moves._get_send_templates()
        recipients = {}
        for template, ids in moves.grouped(lambda m: templates[m.id]).items():
            recipients |= ids._get_send_recipients(template)
        return [
            {
                "run_id": run.id,
                "move_id": move.id,
                "mail_template_id": templates[move.id].id,
                "partner_ids": [Command.set(recipients[move.id].ids)],
            }
            for move in moves
        ]

    def _check(self):
        """Find issues and documents of all rows that have not left, set-based.

        :return: see ``_update_senders``
        """
        senders = self._check_blockers()
        lines = self._get_unsent()
        documents = lines._get_documents()
        # sudo: the row itself writes what it found
        for line in lines.sudo():
            line.documents = documents[line.id]
            line.size = mail_weight.estimate(
                document["size"] for document in documents[line.id]
            )
        warnings = lines._get_warnings()
        for line in lines.sudo():
            line.warnings = warnings[line.id]
        return senders

    def _check_blockers(self):
        """Find out which of the rows that have not left may leave.

        :return: see ``_update_senders``
        """
        lines = self._get_unsent()
        # Somebody may have given the customer an address since.
        without = lines.filtered(lambda line: not line.partner_ids)
        self.env.add_to_compute(self._fields["partner_ids"], without)
        senders = lines._update_senders()
        blockers = lines._get_blockers(senders)
        # sudo: the row itself writes what it found
        for line in lines.sudo():
            line.blockers = blockers[line.id]
            state = BLOCKED if blockers[line.id] else DRAFT
            if line.state != state:
                line.state = state
        return senders

    def _get_unsent(self):
        return self.filtered(lambda line: line.state in (DRAFT, BLOCKED))

    # === BLOCKERS === #
    def _get_blockers(self, senders):
        """Return what stands in the way of each row.

        :param dict senders: see ``_update_senders``
        :return: dict of line id: list of issues
        """
        holders = self._get_holders()
        by_move = self.env["account.move.send"]._get_run_blockers(self.move_id)
        disagreed = self._get_agreement_issues("block")
        result = {}
        for line in self:
            move = line.move_id
            blockers = by_move[move.id] + disagreed.get(move.id, [])
            if move.company_id not in line.user_id.company_ids:
                blockers.append(line._prepare_other_company_blocker())
            if holder := holders.get(move):
                blockers.append(holder._prepare_holder_blocker())
            if "email" in line.methods and not line.partner_ids:
                blockers.append(line._prepare_no_email_blocker())
            if move.is_move_sent and not line.send_again and not line.message_id:
                blockers.append(line._prepare_already_sent_blocker())
            result[line.id] = blockers + line._get_mailbox_blockers(senders)
        return result

    @api.model
    def _prepare_issue(self, code, message, record=None):
        """Prepare one issue.

        :param record: the record that mends it, if any
        """
        issue = {"code": code, "message": message}
        if record:
            issue |= {"res_model": record._name, "res_id": record.id}
        return issue

    def _get_holders(self):
        """Return the active line of another run per invoice."""
        # sudo: the row may be in a run of a company the user does not see
        active = self.sudo().search(
            [
                ("move_id", "in", self.move_id.ids),
                ("state", "in", ACTIVE_STATES),
                ("id", "not in", self.ids),
            ]
        )
        return {line.move_id: line for line in active}

    def _prepare_holder_blocker(self):
        self.ensure_one()
        return self._prepare_issue(
            "held", self._get_holder_message(), self.run_id or self
        )

    def _get_holder_message(self):
        """Say who is sending the invoice of this row."""
        self.ensure_one()
        invoice, user = self.move_id.name, self.user_id.name
        if not self.run_id:
            return self.env._(
                "%(user)s is sending %(invoice)s: its mail has not left yet, or its "
                "fate is not decided.",
                user=user,
                invoice=invoice,
            )
        return self.env._(
            "%(run)s of %(user)s already holds %(invoice)s: it is sent there.",
            run=self.run_id.name,
            user=user,
            invoice=invoice,
        )

    def _prepare_other_company_blocker(self):
        self.ensure_one()
        return self._prepare_issue(
            "other_company",
            self.env._(
                "%(user)s may not act for %(company)s, whose invoice this is.",
                user=self.user_id.name,
                company=self.company_id.sudo().name,
            ),
            self.user_id,
        )

    def _prepare_no_email_blocker(self):
        self.ensure_one()
        return self._prepare_issue(
            "no_email",
            self.env._(
                "%(customer)s has no email address.",
                customer=self.customer_id.display_name,
            ),
            self.customer_id,
        )

    def _prepare_already_sent_blocker(self):
        self.ensure_one()
        # sudo: whoever may send the invoice may know that it was sent
        sent_on = self.move_id.sudo()._get_last_send_line().sent_on
        message = (
            self.env._(
                "Already sent on %s: send it again?", format_date(self.env, sent_on)
            )
            if sent_on
            else self.env._("Already sent: send it again?")
        )
        return {
            **self._prepare_issue("already_sent", message),
            "method": "action_send_again",
        }

    def _get_agreement_issues(self, gate):
        """Return which invoices bill time that the customer has not agreed to.

        :param str gate: ``block`` or ``warn``, as the activity report's terms say
        :return: dict of move id: list of issues
        """
        # sudo: accountants do not read timesheets; only the report's name leaves here
        sudo = self.env["account.analytic.line"].sudo()
        sudo.flush_model(["timesheet_invoice_id", "cra_line_id", "cra_hold"])
        sudo.env["cra.report"].flush_model(["state", "invoice_gate"])
        rows = sudo.env.execute_query(
            SQL(
                """
                SELECT DISTINCT time.timesheet_invoice_id, report.id
                  FROM account_analytic_line time
                  LEFT JOIN cra_report_line line ON line.id = time.cra_line_id
                  LEFT JOIN cra_report report ON report.id = line.report_id
                 WHERE time.timesheet_invoice_id = ANY(%(moves)s)
                   AND (
                       (report.invoice_gate = %(gate)s AND report.state != 'approved')
                       OR (time.cra_hold AND %(gate)s = 'block')
                   )
                """,
                moves=self.move_id.ids,
                gate=gate,
            )
        )
        reports = self.env["cra.report"].sudo()
        issues = {}
        for move_id, report_id in rows:
            report = reports.browse(report_id or ())
            move = self.env["account.move"].browse(move_id)
            issue = self._prepare_issue(
                "not_agreed",
                self.env._(
                    "The customer has not agreed to %s yet.", report.display_name
                )
                if report
                else self.env._(
                    "It bills time that is held until the customer agrees."
                ),
                report or move,
            )
            issues.setdefault(move_id, []).append(issue)
        return issues

    # === WARNINGS === #
    def _get_warnings(self):
        """Return what the sender should know of each row; it leaves all the same.

        :return: dict of line id: list of issues
        """
        by_move = self.env["account.move.send"]._get_run_warnings(self.move_id)
        extra = self.move_id._get_send_documents()
        disagreed = self._get_agreement_issues("warn")
        return {
            line.id: by_move.get(line.move_id.id, [])
            + disagreed.get(line.move_id.id, [])
            + line._get_document_warnings(extra[line.move_id])
            + line._get_weight_warnings()
            for line in self
        }

    def _get_weight_warnings(self):
        self.ensure_one()
        limit = self._get_mail_limit()
        if "email" not in (self.methods or ()) or self.size <= limit:
            return []
        return [
            self._prepare_issue(
                "too_heavy",
                self.env._(
                    "The mail is about %(size)s, its mailbox takes %(limit)s: the "
                    "customer gets links to the largest files instead.",
                    size=human_size(self.size),
                    limit=human_size(limit),
                ),
                self.move_id,
            )
        ]

    def _get_document_warnings(self, documents):
        self.ensure_one()
        return [
            self._prepare_issue(
                "no_document",
                self.env._("There is no file to send along: %s.", kind.name),
                self.move_id,
            )
            for kind, files in documents.items()
            if not files
        ]

    # === DOCUMENTS === #
    def _get_documents(self):
        """Return name and size of what will be in each mail, without making it.

        Sizes are exact for files that exist and estimated for the others.
        """
        send = self.env["account.move.send"]
        run_items = {run: run._get_attachment_items() for run in self.run_id}
        extra = self.move_id._get_send_documents()
        reports, items = {}, {}
        for line in self:
            move, template = line.move_id, line.mail_template_id
            kind = move._get_report_kind()
            if kind not in reports:
                reports[kind] = send._get_default_pdf_report_id(move)
            rows = send._get_placeholder_mail_attachments_data(
                move,
                invoice_edi_format=send._get_default_invoice_edi_format(
                    move, sending_methods=line.methods
                ),
                extra_edis=send._get_default_extra_edis(move),
                pdf_report=reports[kind],
            )
            if template.report_template_ids:
                rows += send._get_placeholder_mail_template_dynamic_attachments_data(
                    move, template, pdf_report=reports[kind]
                )
            rows += send._get_invoice_extra_attachments_data(move)
            rows += send._get_mail_template_attachments_data(template)
            for attachments in extra[move].values():
                rows += attachments._prepare_send_items()
            items[line.id] = rows + run_items.get(line.run_id, [])
        ids = {i["id"] for rows in items.values() for i in rows if not _is_fake(i)}
        # sudo: core shows the names of these files to whoever sends the invoice
        attachments = self.env["ir.attachment"].sudo().browse(ids)
        sizes = {attachment.id: attachment.file_size for attachment in attachments}
        return {
            line_id: [
                {
                    "name": item["name"],
                    "size": sizes.get(item["id"], ESTIMATED_SIZE),
                    "exact": item["id"] in sizes,
                }
                for item in rows
            ]
            for line_id, rows in items.items()
        }


def _is_fake(item):
    """Say whether core only announces the document: it gets its id once made."""
    return not isinstance(item["id"], int)
