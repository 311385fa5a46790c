import base64
import mimetypes
from datetime import UTC

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import split_every
from odoo.tools.mimetypes import guess_mimetype

from .cra_evidence_pack import (
    EvidencePack,
    format_moment,
    make_csv,
    make_eml,
    safe_name,
)

#: Reports in one download: their addresses have to fit into one.
DOWNLOAD_LIMIT = 500
#: Reports whose files are in memory at the same time, while a pack is written.
BATCH_SIZE = 20


class CraReport(models.Model):
    """The evidence pack: all that proves what was sent and answered, in one zip file.

    It can be checked without Odoo: the canonical content of each version is a file
    whose SHA-256 is the digest that was shown to the customer and signed.
    """

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    # === ACTION METHODS === #

    def action_download_evidence(self):
        """Download the evidence pack of the selected reports, with all their versions.

        For whoever may send them: it tells addresses and traces of approvers.

        :raise UserError: none of them was sent, or they are too many
        """
        self.check_access("write")
        return self._get_download_action("evidence")

    def _get_download_action(self, what):
        """Return the action that downloads something about these reports.

        :param str what: last part of a route in ``controllers/evidence.py``
        :raise UserError: none of them was sent, or they are too many
        """
        sent = self.filtered("sent_on")
        if not sent:
            raise UserError(
                self.env._(
                    "%s was not sent yet: there is nothing to download.",
                    ", ".join(self.mapped("display_name")) or "–",
                )
            )
        if len(sent) > DOWNLOAD_LIMIT:
            raise UserError(
                self.env._(
                    "You have selected %(count)s activity reports; one download takes "
                    "%(limit)s. Take them month by month, or customer by customer.",
                    count=len(sent),
                    limit=DOWNLOAD_LIMIT,
                )
            )
        ids = ",".join(map(str, sent.ids))
        return {"type": "ir.actions.act_url", "url": f"/cra/{what}/{ids}"}

    # === THE PACK === #

    def _write_evidence_pack(self, file):
        """Write the evidence pack of these reports.

        :param file: open for writing bytes
        :raise AccessError: the user may not send them
        """
        self.check_access("write")
        # sudo: whoever may send a report may see its evidence; versions share project
        # and consultant, and so the rules
        reports = self.sudo()._with_all_versions()
        index = []
        with EvidencePack(file) as pack:
            pack.add("README.txt", self._get_pack_readme().encode())
            for ids in split_every(BATCH_SIZE, reports.ids, list):
                index += reports.browse(ids)._add_to_pack(pack)
                # Files that were read are not kept for the rest of the pack.
                self.env["ir.attachment"].invalidate_model(["raw", "datas"])
            pack.add("index.csv", make_csv(self._get_index_head(), index))

    def _get_pack_name(self):
        """Return the file name of the pack."""
        numbers = set(self.mapped("name")) - {False}
        part = safe_name(numbers.pop()) if len(numbers) == 1 else len(self)
        return f"evidence-{part}.zip"

    def _with_all_versions(self):
        """Return the versions of these reports that were sent, each after the one it
        replaced."""
        reports = self
        while older := reports.previous_id - reports:
            reports |= older
        while newer := reports.next_ids - reports:
            reports |= newer
        sent = reports.filtered("sent_on")
        return sent.sorted(lambda r: (r.company_id.id, r.name or "", r.version, r.id))

    def _add_to_pack(self, pack):
        """Add these reports, and return their rows of the index.

        :param pack: ``EvidencePack``
        """
        mails = self._get_evidence_mails()
        index = []
        for report in self:
            # Numbers are unique within their company only.
            folder = safe_name(report.name)
            if report.company_id != self.env.company:
                folder = f"{folder}-{safe_name(report.company_id.name)}"
            path = f"{folder}/v{report.version}"
            is_intact = report._add_content(pack, path)
            report._add_documents(pack, path)
            report._add_approvals(pack, path)
            report._add_remarks(pack, path)
            report._add_differences(pack, path)
            for number, (moment, content) in enumerate(mails.get(report, ()), 1):
                name = f"{number:03}-{moment:%Y%m%d}.eml"
                pack.add(f"{path}/mails/{name}", content, moment)
            index.append(report._get_index_row(path, is_intact))
        return index

    def _add_content(self, pack, path):
        """Add what the digest was made of; return whether all is as it was sent."""
        try:
            pack.add(f"{path}/content.json", self._get_canonical(), self.sent_on)
            return self._is_as_sent()
        except KeyError:  # a form this code does not know
            return False

    def _add_documents(self, pack, path):
        documents = {
            "sent": (self.document_id, self.sent_on),
            "decision": (self.signed_document_id, self.decided_on),
            "paper": (self.paper_document_id, self.decided_on),
        }
        for name, (document, moment) in documents.items():
            suffix = mimetypes.guess_extension(document.mimetype or "") or ".bin"
            pack.add(f"{path}/{name}{suffix}", document.raw, moment)

    def _add_approvals(self, pack, path):
        """Add who was asked, when, and how they answered, with their signatures."""
        approvals = self.approval_ids.sorted("id")
        rows = []
        for approval in approvals:
            signature = base64.b64decode(approval.signature or b"")
            suffix = mimetypes.guess_extension(guess_mimetype(signature)) or ".bin"
            name = f"signature-{approval.id}{suffix}"
            pack.add(f"{path}/{name}", signature, approval.decided_on)
            rows.append(approval._get_log_row(name if signature else ""))
        if rows:
            head = approvals._get_log_head()
            pack.add(f"{path}/approvals.csv", make_csv(head, rows), self.sent_on)

    def _add_remarks(self, pack, path):
        """Add what the customer remarked on single lines."""
        names = ("date", "employee_label", "task_label", "description")
        names += ("unit_amount", "remark")
        lines = self._get_lines_in_order()
        if rows := [[line[name] for name in names] for line in lines if line.remark]:
            head = [lines._fields[n]._description_string(self.env) for n in names]
            pack.add(f"{path}/remarks.csv", make_csv(head, rows), self.decided_on)

    def _add_differences(self, pack, path):
        """Add what differs from the version before."""
        rows = [
            [row["kind"], row["day"], row["who"], row["what"], *values]
            for row in map(self._get_row, self._get_comparison().differences)
            for values in row["values"]
        ]
        if rows:
            head = [
                self.env._("Kind"),
                self.env._("Day"),
                self.env._("Consultant"),
                self.env._("Task"),
                self.env._("What"),
                self.env._("Before"),
                self.env._("After"),
            ]
            pack.add(f"{path}/differences.csv", make_csv(head, rows), self.sent_on)

    # === INDEX AND README === #

    def _get_index_head(self):
        names = ("name", "version", "state", "approval_kind", "company_id")
        names += ("partner_id", "project_id", "employee_id", "date_from", "date_to")
        names += ("total_hours", "customer_reference", "sent_on", "decided_on")
        names += ("digest",)
        labels = [self._fields[name]._description_string(self.env) for name in names]
        return [self.env._("Folder"), *labels, self.env._("As sent")]

    def _get_index_row(self, path, is_intact):
        """Return what the index tells of this report.

        :param bool is_intact: content and documents are those that left
        """
        texts = {
            name: dict(self._fields[name]._description_selection(self.env))
            for name in ("state", "approval_kind")
        }
        return [
            path,
            self.name,
            self.version,
            texts["state"][self.state],
            texts["approval_kind"].get(self.approval_kind),
            self.company_id.name,
            self.partner_id.name,
            self.project_id.name,
            self._get_consultants_label(),  # as the customer reads them
            self.date_from.isoformat(),
            self.date_to.isoformat(),
            self.total_hours,
            self.customer_reference,
            format_moment(self.sent_on),
            format_moment(self.decided_on),
            self.digest,
            self.env._("yes") if is_intact else self.env._("NO"),
        ]

    def _get_pack_readme(self):
        return self.env._(
            "Evidence of activity reports, taken out by %(user)s on %(moment)s.\n"
            "\n"
            "Check that no file has changed since, in this folder:\n"
            "\n"
            "    sha256sum -c SHA256SUMS\n"
            "\n"
            "index.csv      one row for each version that was sent; “As sent” tells "
            "whether content and documents were still those that left\n"
            "content.json   what the customer was shown, in a fixed form: its SHA-256 "
            "is the digest in the index, in the documents and in approvals.csv\n"
            "sent.pdf       the document as it was sent\n"
            "decision.pdf   the document with the decision; “paper” is the signed "
            "paper of an agreement that was given elsewhere\n"
            "approvals.csv  who was asked, when, by which mail, and their answers\n"
            "remarks.csv    what they remarked on single lines\n"
            "differences.csv  what differs from the version before\n"
            "mails/         mails and messages, their links without what opens them\n"
            "\n"
            "All times are UTC. IP addresses and browsers are personal data: delete "
            "them here when the time to keep them is over.\n",
            user=self.env.user.name,
            moment=format_moment(fields.Datetime.now()),
        )

    # === MAILS === #

    def _get_evidence_mails(self):
        """Return the mails on these reports, and what was written with the customer.

        :return: dict report -> list of (moment in UTC, mail as bytes)
        """
        written = Domain("message_type", "in", ("comment", "email", "email_outgoing"))
        written &= Domain("is_internal", "=", False)
        written &= Domain("subtype_id.internal", "=", False)
        messages = self.env["mail.message"].search(
            Domain("model", "=", self._name)
            & Domain("res_id", "in", self.ids)
            & (written | Domain("message_type", "=", "auto_comment")),
            order="id",
        )
        ours = messages.filtered(lambda m: m.message_type == "auto_comment")
        bodies = self._get_mail_bodies(ours)
        addresses = {
            approval.message_reference: approval.asked_address
            for approval in self.approval_ids
        }
        mails = {}
        for message in messages:
            recipients = message.partner_ids
            body = message.body
            if message in ours:
                recipients, body = bodies.get(message.message_id, (recipients, body))
            files = [
                (document.name, document.raw, document.mimetype)
                for document in message.attachment_ids
                if document.mimetype != "message/rfc822"  # may hold somebody's link
            ]
            content = make_eml(
                body,
                message.date.replace(tzinfo=UTC),
                files,
                message_id=message.message_id,
                subject=message.subject,
                from_=message.email_from,
                reply_to=message.reply_to,
                to=addresses.get(message.message_id)
                or ", ".join(p.email_formatted for p in recipients if p.email),
            )
            report = self.browse(message.res_id)
            mails.setdefault(report, []).append((message.date, content))
        return mails

    def _get_mail_bodies(self, messages):
        """Return what the mails behind these messages said, by Message-Id.

        One mail may be about several reports: who may not see all of them does not read
        it.

        :return: dict Message-Id -> (recipients, HTML)
        """
        references = messages.mapped("message_id")
        mails = self.env["mail.mail"].search([("message_id", "in", references)])
        groups = self.env["mail.message"]._read_group(
            [("message_id", "in", references), ("model", "=", self._name)],
            groupby=["message_id"],
            aggregates=["res_id:array_agg"],
        )
        about = {message_id: self.browse(ids) for message_id, ids in groups}
        everything = self.browse().union(*about.values())
        readable = everything.sudo(False)._filtered_access("read").sudo()
        hidden = self.env._(
            "This mail was about activity reports of other projects, too. Ask somebody "
            "who may see all of them for it."
        )
        return {
            mail.message_id: (
                mail.recipient_ids,
                hidden if about[mail.message_id] - readable else mail.body_html,
            )
            for mail in mails
        }
