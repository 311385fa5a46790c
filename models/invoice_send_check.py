from odoo import api, models
from odoo.fields import Command

from .invoice_send_line import ACTIVE_STATES, BLOCKED, DRAFT

ESTIMATED_SIZE = 60 * 1024  # of a document that is not made yet


class InvoiceSendLine(models.Model):
    """What is known of a row before it leaves: blockers, documents and their sizes.

    All of it for many rows at once and without rendering any mail: opening a run takes
    the same number of queries however many invoices it has.
    """

    _inherit = "invoice.send.line"

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
        """Find blockers and documents of all rows that have not left, set-based."""
        lines = self.filtered(lambda line: line.state in (DRAFT, BLOCKED))
        if not lines:
            return
        # Somebody may have given the customer an address since.
        without = lines.filtered(lambda line: not line.partner_ids)
        self.env.add_to_compute(self._fields["partner_ids"], without)
        blockers = lines._get_blockers()
        documents = lines._get_documents()
        for line in lines.sudo():
            line.blockers = blockers[line.id]
            line.documents = documents[line.id]
            line.state = BLOCKED if blockers[line.id] else DRAFT

    def _get_blockers(self):
        """Return what stands in the way of each row.

        :return: dict of line id: list of dicts with ``code``, ``message`` and, when a
            record mends it, ``res_model`` and ``res_id``
        """
        holders = self._get_holders()
        by_move = self.env["account.move.send"]._get_run_blockers(self.move_id)
        result = {}
        for line in self:
            move = line.move_id
            blockers = list(by_move[move.id])
            if holder := holders.get(move):
                blockers.append(holder._prepare_holder_blocker())
            if "email" in line.methods and not line.partner_ids:
                blockers.append(line._prepare_no_email_blocker())
            if move.is_move_sent and not line.send_again and not line.message_id:
                blockers.append(
                    {
                        "code": "already_sent",
                        "message": self.env._(
                            "%(invoice)s was already sent: send it again?",
                            invoice=move.name,
                        ),
                    }
                )
            result[line.id] = blockers
        return result

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
        return {
            "code": "held",
            "message": self.env._(
                "%(run)s of %(user)s already holds %(invoice)s.",
                run=self.run_id.name,
                user=self.run_id.user_id.name,
                invoice=self.move_id.name,
            ),
            "res_model": self.run_id._name,
            "res_id": self.run_id.id,
        }

    def _prepare_no_email_blocker(self):
        self.ensure_one()
        return {
            "code": "no_email",
            "message": self.env._(
                "%(customer)s has no email address.",
                customer=self.customer_id.display_name,
            ),
            "res_model": self.customer_id._name,
            "res_id": self.customer_id.id,
        }

    def _get_documents(self):
        """Return name and size of what will be in each mail, without making it.

        Sizes are exact for files that exist and estimated for the others.
        """
        send = self.env["account.move.send"]
        run_items = self.run_id._get_attachment_items()
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
            items[line.id] = rows + run_items
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
