import base64
import io
from datetime import date, datetime

from pypdf import PdfReader

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, freeze_time, tagged
from odoo.tools import html2plaintext

from .common import SIGNATURE, CraMailCommon

WEDNESDAY = "2026-04-01 10:00:00"
CLAUSE = "Article 7: without an answer the report is deemed accepted."


def read_pdf(content):
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


@tagged("post_install", "-at_install")
class TestCraAfter(CraMailCommon):
    """What follows a decision, and what undoes a sent report."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.carl = cls.chloe.copy({"name": "Carl", "email": "carl@acme.example.com"})
        cls.project.cra_approver_ids = [Command.set((cls.chloe | cls.carl).ids)]
        cls.lawyer = cls._create_user(
            "cra_lawyer", "Lea", "sale_timesheet_cra.group_cra_agree_on_behalf"
        )

    def _make_documents(self, when="2026-04-02 12:00:00"):
        """Run the job that follows decisions, and let its mails leave."""
        cron = self.env.ref("sale_timesheet_cra.ir_cron_cra_decision_documents")
        with (
            freeze_time(when),
            self.enter_registry_test_mode(),
            self.allow_pdf_render(),
        ):
            cron.method_direct_trigger()
        self.env.invalidate_all()
        self._deliver(when)

    def _agree_as(self, partner, when="2026-04-02 10:00:00"):
        with freeze_time(when):
            self._get_approval(partner)._approve(partner.name, SIGNATURE)
            self.env.flush_all()

    def _get_mail(self, address):
        (mail,) = [mail for mail in self.received if address in mail["To"]]
        return mail

    def _get_files(self, mail):
        return {
            part.get_filename(): part.get_payload(decode=True)
            for part in mail.walk()
            if part.get_filename()
        }

    # === RECEIPTS === #

    def test_all_who_were_asked_get_the_document_with_the_decision_once(self):
        self._ask(WEDNESDAY)
        self._agree_as(self.carl)
        self._make_documents()
        for address in (self.chloe.email, self.carl.email):
            mail = self._get_mail(address)
            self.assertIn("Agreed: activity report March 2026", str(mail["Subject"]))
            ((name, content),) = self._get_files(mail).items()
            self.assertTrue(name.endswith("agreed.pdf"))
            self.assertEqual(content, self.report.signed_document_id.sudo().raw)
        self.assertIn(self.manager.email, self.reached)
        self._make_documents("2026-04-02 13:00:00")
        self.assertFalse(self.reached)

    def test_a_refusal_gets_its_receipt_too(self):
        self._ask(WEDNESDAY)
        with freeze_time("2026-04-02 10:00:00"):
            self._get_approval(self.carl)._refuse("Too many hours")
        self._make_documents()
        mail = self._get_mail(self.carl.email)
        self.assertIn("Refused: activity report", str(mail["Subject"]))
        (content,) = self._get_files(mail).values()
        self.assertIn("Too many hours", read_pdf(content))

    def test_many_decisions_come_in_one_receipt(self):
        self._create_timesheet(date(2026, 3, 3), employee=self.bruno)
        reports = self._generate()
        self._ask(WEDNESDAY, reports=reports)
        approvals = reports.sudo().approval_ids
        with freeze_time("2026-04-02 10:00:00"):
            approvals.filtered(lambda a: a.partner_id == self.carl)._approve(
                "Carl", SIGNATURE
            )
        self._make_documents()
        self.assertEqual(len(self._get_files(self._get_mail(self.carl.email))), 2)
        self.assertEqual(self.reached.count(self.manager.email), 1)

    def test_whoever_is_asked_no_more_gets_no_receipt(self):
        self._ask(WEDNESDAY)
        with freeze_time("2026-04-02 09:00:00"):
            self._get_approval(self.carl)._replace(self.chloe)
        self._agree_as(self.chloe)
        self._make_documents()
        self.assertNotIn(self.carl.email, self.reached)

    # === SILENCE IS SHOWN AS SUCH === #

    def test_silence_is_told_everywhere_and_never_as_a_signature(self):
        self.policy.write({"on_deadline": "tacit", "tacit_clause": CLAUSE})
        self._ask(WEDNESDAY)
        sent = read_pdf(self.report.document_id.sudo().raw)
        self.assertIn(CLAUSE, sent)
        self.assertNotIn("Agreed by", sent)
        self._follow_up("2026-04-09 10:00:00")
        self._make_documents("2026-04-09 12:00:00")
        report = self.report.sudo()
        document = read_pdf(report.signed_document_id.raw)
        self.assertIn("Agreed by silence", document)
        self.assertIn("Nobody has signed this report", document)
        self.assertIn(CLAUSE, document)
        self.assertIn("chloe@acme.example.com", document)
        self.assertIn("agreed by silence", report.signed_document_id.name)
        mail = self._get_mail(self.chloe.email)
        self.assertIn("Agreed by silence", str(mail["Subject"]))
        text = mail.get_payload()[0].get_payload()[1].get_payload(decode=True).decode()
        self.assertIn("and no signature", text)
        self.assertIn("by silence", report._get_decision_sentence())
        self.assertNotIn("signed_by", report.approval_ids.filtered("signed_by").ids)
        with Form(self.report) as form:
            self.assertEqual(form.approval_kind, "tacit")

    # === CHANGE APPROVER === #

    def test_the_dialog_takes_over_what_an_approver_proposed(self):
        self._ask(WEDNESDAY)
        paula = self.chloe.copy({"name": "Paula", "email": "paula@acme.example.com"})
        with freeze_time("2026-04-02 10:00:00"):
            self._get_approval(self.carl)._propose("Paula", "Paula@acme.example.com")
            action = self.report.action_change_approver()
            form = Form(
                self.env[action["res_model"]]
                .with_user(self.manager)
                .with_context(**action["context"])
            )
            self.assertEqual(form.approval_id.partner_id, self.carl)
            self.assertIn("Carl proposes Paula", form.proposal)
            self.assertEqual(form.partner_id, paula)
            form.save().action_change()
        self._deliver("2026-04-02 10:00:00")
        self.assertEqual(self.reached, [paula.email])
        self.assertEqual(self._get_approval(paula).state, "pending")

    def test_who_may_not_send_changes_nobody(self):
        self._ask(WEDNESDAY)
        with self.assertRaises(AccessError):
            self.report.with_user(self.consultant).action_change_approver()
        wizard = self.env["cra.change.approver"].sudo()
        wizard = wizard.create(
            {"report_id": self.report.id, "partner_id": self.carl.id}
        )
        with self.assertRaises(AccessError):
            wizard.with_user(self.consultant).action_change()

    # === RECALL === #

    def _recall(self, note=""):
        action = self.report.action_recall()
        form = Form(
            self.env[action["res_model"]]
            .with_user(self.manager)
            .with_context(**action["context"])
        )
        form.note = note
        form.save().action_recall()

    def test_a_recalled_report_is_told_its_links_are_dead_and_its_time_free(self):
        mails = self._ask(WEDNESDAY)
        self.assertEqual(len(mails), 2)
        approval = self._get_approval(self.chloe)
        with freeze_time(WEDNESDAY):
            token = approval._get_token()
        with freeze_time("2026-04-02 10:00:00"):
            self._recall("We booked <two> days wrongly.")
            with self.assertRaises(AccessError):
                approval._from_token(self.report.id, token)
        self.assertEqual(self.report.state, "cancelled")
        self._deliver("2026-04-02 10:00:00")
        self.assertEqual(sorted(self.reached), [self.carl.email, self.chloe.email])
        mail = self._get_mail(self.chloe.email)
        text = mail.get_payload()[1].get_payload(decode=True).decode()
        self.assertIn("We booked &lt;two&gt; days wrongly.", text)
        self.assertNotIn("/my/cra", text)
        self.assertFalse(self.timesheet.cra_line_id)
        self.timesheet.unit_amount = 3
        month = {"date_from": date(2026, 3, 1), "date_to": date(2026, 3, 31)}
        wizard = self.env["cra.generate"].with_user(self.manager).create(month)
        self.assertEqual(wizard.line_ids.state, "cancelled")
        self.assertEqual(self.report.total_hours, 8)
        with self.assertRaisesRegex(UserError, "was sent to the customer once"):
            self.report.sudo().state = "draft"

    def test_the_chatter_tells_which_address_was_asked(self):
        self._ask(WEDNESDAY)
        self.assertIn(
            f"Sent to {self.chloe.email_formatted}.",
            self.report.message_ids.mapped(lambda m: html2plaintext(m.body)),
        )

    def test_a_mail_of_a_recalled_report_never_leaves(self):
        with freeze_time(WEDNESDAY):
            self._send(self.report)
            self._recall()
        self._deliver(WEDNESDAY)
        self.assertEqual(len(self.reached), 2)
        for mail in self.received:
            self.assertIn("Withdrawn", str(mail["Subject"]))

    def test_what_is_agreed_or_being_corrected_is_not_recalled(self):
        self._ask(WEDNESDAY)
        self.report.action_correct()
        with self.assertRaisesRegex(UserError, "being corrected. Send version 2"):
            self.report.action_recall()
        self.report.next_ids.unlink()
        self._agree_as(self.chloe)
        with self.assertRaisesRegex(UserError, "cannot be recalled"):
            self.report._recall()
        with self.assertRaises(AccessError):
            self.report.with_user(self.consultant)._recall()

    # === ON BEHALF === #

    def _agree_on_behalf(self, user=None, **values):
        report = self.report.with_user(user or self.lawyer)
        action = report.action_agree_on_behalf()
        wizard = report.env[action["res_model"]].create(
            {
                "report_id": report.id,
                "signed_by": "Claire Chief",
                "signed_on": date(2026, 4, 2),
                "paper": base64.b64encode(b"%PDF scanned"),
                "paper_name": "scan.pdf",
                **values,
            }
        )
        wizard.action_agree()

    @freeze_time("2026-04-03 10:00:00")
    def test_agreement_on_paper_is_a_kind_of_its_own(self):
        self._ask(WEDNESDAY)
        self._agree_on_behalf()
        report = self.report.sudo()
        self.assertEqual((report.state, report.approval_kind), ("approved", "internal"))
        self.assertEqual(report.paper_document_id.raw, b"%PDF scanned")
        self.assertEqual(set(report.approval_ids.mapped("state")), {"void"})
        self.assertFalse(self.timesheet.cra_hold)
        with self.assertRaisesRegex(UserError, "stays as it is"):
            report.paper_document_id.unlink()
        self._make_documents("2026-04-03 12:00:00")
        document = read_pdf(report.signed_document_id.raw)
        self.assertIn("Agreed on behalf of the customer", document)
        self.assertIn("Claire Chief", document)
        self.assertIn("Recorded by: Lea", document)

    @freeze_time("2026-04-03 10:00:00")
    def test_only_the_group_agrees_on_behalf_and_only_with_a_paper(self):
        self._ask(WEDNESDAY)
        for user in (self.manager, self.accountant, self.consultant):
            with self.assertRaises(AccessError):
                self._agree_on_behalf(user)
            with self.assertRaises(AccessError):
                self.report.with_user(user)._agree_on_behalf(
                    "Claire", date(2026, 4, 2), b"paper", "scan.pdf"
                )
        for values, reason in (
            ({"signed_by": " "}, "Enter who has signed"),
            ({"signed_on": date(2026, 4, 4)}, "in the future"),
        ):
            with self.assertRaisesRegex(UserError, reason):
                self._agree_on_behalf(**values)
        self._agree_as(self.chloe)
        with self.assertRaisesRegex(UserError, "does not wait"):
            self._agree_on_behalf()

    # === EVIDENCE === #

    def _answer_from_browser(self):
        self._ask(WEDNESDAY)
        evidence = {"ip_address": "192.0.2.1", "user_agent": "Browser"}
        approval = self._get_approval(self.chloe)
        with freeze_time("2026-04-02 10:00:00"):
            approval._approve("Chloe", SIGNATURE, evidence=evidence)
        return approval

    def _erase_traces(self, when):
        with freeze_time(when), self.enter_registry_test_mode():
            self.env.ref(
                "sale_timesheet_cra.ir_cron_cra_erase_traces"
            ).method_direct_trigger()
        self.env.invalidate_all()

    def test_traces_are_erased_after_their_time_and_nothing_else(self):
        approval = self._answer_from_browser()
        before = approval.read()[0]
        self._erase_traces("2036-04-03 10:00:00")
        self.assertEqual(approval.ip_address, "192.0.2.1")
        self.company.cra_retention_months = 12
        self._erase_traces("2027-04-02 09:00:00")
        self.assertEqual(approval.ip_address, "192.0.2.1")
        self._erase_traces("2027-04-02 11:00:00")
        after = approval.read()[0]
        changed = {name for name in before if before[name] != after[name]}
        changed -= {"write_date", "write_uid"}
        self.assertEqual(changed, {"ip_address", "user_agent"})
        self.assertEqual(after["signed_by"], "Chloe")

    def test_evidence_is_neither_rewritten_nor_erased_early(self):
        approval = self._answer_from_browser()
        self.company.cra_retention_months = 12
        with freeze_time("2026-05-01 10:00:00"):
            for values in (
                {"ip_address": False},
                {"signed_by": "Somebody"},
                {"message_reference": False},
            ):
                with self.assertRaisesRegex(UserError, "stays as it is"):
                    approval.write(values)
        late = freeze_time("2028-05-01 10:00:00")
        with late, self.assertRaisesRegex(UserError, "stays as it is"):
            approval.write({"ip_address": "198.51.100.1"})

    def test_evidence_outlives_the_contact(self):
        approval = self._answer_from_browser()
        self.chloe.active = False
        self.assertEqual(approval.signed_by, "Chloe")
        self.assertIn(self.chloe.email, approval.asked_address)

    def test_merging_two_who_were_asked_keeps_what_they_answered(self):
        self.policy.approval_mode = "all"
        self._ask(WEDNESDAY)
        self._agree_as(self.carl)
        merge = self.env["base.partner.merge.automatic.wizard"]
        merge._merge((self.chloe | self.carl).ids, self.chloe)
        approvals = self.report.sudo().approval_ids
        self.assertEqual(approvals.partner_id, self.chloe)
        self.assertEqual(sorted(approvals.mapped("state")), ["approved", "pending"])
        answered = approvals.filtered("decided_on")
        self.assertEqual(answered.signed_by, "Carl")
        self.assertIn("carl@acme.example.com", answered.asked_address)

    def test_merging_two_who_are_asked_leaves_one_link(self):
        self._ask(WEDNESDAY)
        merge = self.env["base.partner.merge.automatic.wizard"]
        merge._merge((self.chloe | self.carl).ids, self.chloe)
        approvals = self.report.sudo().approval_ids
        self.assertEqual(len(approvals), 2)
        self.assertEqual(sorted(approvals.mapped("state")), ["pending", "void"])

    def test_the_time_of_an_answer_is_the_one_it_was_given_at(self):
        approval = self._answer_from_browser()
        self.assertEqual(approval.decided_on, datetime(2026, 4, 2, 10))
        self.assertEqual(approval.digest, self.report.digest)
        self.assertEqual(approval.digest_version, self.report.digest_version)
        self.assertTrue(approval.message_reference)
