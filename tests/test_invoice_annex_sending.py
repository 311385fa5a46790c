import hashlib
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .annex_common import AnnexCommon, get_text

TEMPLATE_LOGGER = "odoo.addons.sale_timesheet_cra.models.invoice_annex_render"


@tagged("post_install", "-at_install")
class TestInvoiceAnnexSending(AnnexCommon):
    def test_it_leaves_with_the_invoice(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        name = f"Annex - {move.name.replace('/', '-')} - Time Detail.pdf"
        self.send(move)
        annex = move.annex_ids
        self.assertEqual(annex.state, "frozen")
        self.assertEqual(annex.name, name)
        self.assertEqual(annex.attachment_id.name, name)
        self.assertEqual(
            annex.digest, hashlib.sha256(annex.attachment_id.raw).hexdigest()
        )
        message = move.message_ids.filtered(
            lambda m: name in m.attachment_ids.mapped("name")
        )
        self.assertEqual(len(message), 1)
        sent = message.attachment_ids.filtered(lambda a: a.name == name)
        self.assertEqual(sent.raw, annex.attachment_id.raw)
        documents = move._get_invoice_legal_documents_all()
        self.assertIn(name, [document["filename"] for document in documents])

    def test_the_send_dialog_announces_it(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        wizard = (
            self.env["account.move.send.wizard"]
            .with_user(self.users["accountant"])
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({})
        )
        names = [file["name"] for file in wizard.mail_attachments_widget]
        self.assertIn(move.annex_ids.name, names)
        wizard.action_send_and_print()
        self.assertEqual(move.annex_ids.state, "frozen")

    def test_a_run_finds_annexes_asked_for_after_the_invoice_was_posted(self):
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        accountant = self.users["accountant"]
        runs = self.env["invoice.send.run"].with_user(accountant)
        run = runs._open(move.with_user(accountant))
        self.assertNotIn("Time Detail", run.line_ids.documents_label)
        self.customer.annex_template_ids = self.template
        run.action_check()
        self.assertIn("Time Detail", run.line_ids.documents_label)

    def test_a_run_takes_them_instead_of_cores_own_list(self):
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.env.ref(
            "account.email_template_edi_invoice"
        ).report_template_ids = self.env.ref(
            "sale_timesheet.timesheet_report_account_move"
        )
        runs = self.env["invoice.send.run"].with_user(self.users["accountant"])
        before = runs._open(move.with_user(self.users["accountant"]))
        self.assertEqual(len(before.line_ids.documents), 2, "the invoice, core's list")
        self.customer.annex_template_ids = self.template
        run = runs._open(move.with_user(self.users["accountant"]))
        names = [document["name"] for document in run.line_ids.documents]
        self.assertEqual(len(names), 2, names)
        self.assertIn(move.annex_ids.name, names)

    def test_sent_again_it_is_the_same_file(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.send(move)
        annex = move.annex_ids
        content = annex.attachment_id.raw
        self.template.name = "Renamed"
        self.customer.annex_template_ids |= self.create_template("Another")
        sent = self.send(move)
        self.assertEqual(move.annex_ids, annex)
        self.assertIn(annex.attachment_id, sent)
        self.assertEqual(annex.attachment_id.raw, content)

    def test_reset_to_draft_supersedes(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.send(move)
        first = move.annex_ids
        move.button_draft()
        self.assertEqual(first.state, "superseded")
        self.assertFalse(
            self.env["account.move.send"]._get_invoice_extra_attachments(move)
        )
        self.log(self.apollo, 5).timesheet_invoice_id = move
        move.action_post()
        self.send(move)
        second = move.annex_ids - first
        self.assertEqual(second.state, "frozen")
        self.assertNotEqual(second.name, first.name)
        self.assertIn("Total\n7.00", get_text(second.attachment_id.raw))
        self.assertIn("Total\n2.00", get_text(first.attachment_id.raw))

    def test_reset_before_sending_leaves_nothing_behind(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertTrue(move.annex_ids)
        move.button_draft()
        self.assertFalse(move.annex_ids)

    def test_templates_assigned_after_posting_count(self):
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.customer.annex_template_ids = self.template
        self.send(move)
        self.assertEqual(move.annex_ids.state, "frozen")

    def test_a_failing_annex_stops_its_own_invoice_only(self):
        self.customer.annex_template_ids = self.template
        projects = [self.create_project(f"P{number}") for number in range(3)]
        for project in projects:
            self.log(project, 1, f"for {project.name}")
        moves = self.env["account.move"].union(*map(self.invoice, projects))
        bad = moves[1]
        templates = type(self.env["invoice.annex.template"])
        prepare = templates._prepare_document

        def fail_once(template, plan):
            if plan.move == bad:
                raise ValueError("broken on purpose")
            return prepare(template, plan)

        send = self.env["account.move.send"].with_user(self.users["accountant"])
        with (
            patch.object(templates, "_prepare_document", fail_once),
            self.assertLogs(TEMPLATE_LOGGER, "WARNING"),
        ):
            send._generate_and_send_invoices(
                moves.with_user(self.users["accountant"]),
                sending_methods=["email"],
                allow_raising=False,
            )
        self.assertFalse(bad.is_move_sent)
        self.assertEqual(bad.annex_ids.state, "draft")
        self.assertIn("broken on purpose", bad.message_ids[0].body)
        for move, project in zip(moves - bad, (projects[0], projects[2]), strict=True):
            self.assertTrue(move.is_move_sent)
            self.assertIn(f"for {project.name}", *self.get_annex_texts(move).values())
        with (
            patch.object(templates, "_prepare_document", fail_once),
            mute_logger(TEMPLATE_LOGGER),
            self.assertRaisesRegex(UserError, "annexes could not be made"),
        ):
            self.send(bad)

    def test_each_customer_gets_their_own(self):
        moves = self.env["account.move"]
        self.env.company.annex_template_ids = self.template
        for number in range(6):
            partner = self.customer.copy({"name": f"Customer {number}"})
            project = self.create_project(f"P{number}", partner=partner)
            for row in range(1 + 12 * number):
                self.log(project, 1, f"work for {number}-{row}")
            moves |= self.invoice(project)
        with patch.object(
            type(self.env["ir.actions.report"]),
            "_start_lean_printing",
            autospec=True,
            side_effect=type(self.env["ir.actions.report"])._start_lean_printing,
        ) as run:
            self.send(moves)
        self.assertEqual(run.call_count, 1, "one call of the engine for all")
        for number, move in enumerate(moves):
            [text] = self.get_annex_texts(move).values()
            self.assertIn(move.name, text)
            self.assertEqual(text.count("work for "), 1 + 12 * number)
            self.assertEqual(text.count(f"work for {number}-"), 1 + 12 * number)

    def test_the_number_of_queries_does_not_grow_with_the_invoices(self):
        self.env.company.annex_template_ids = self.template
        moves = self.env["account.move"]
        for number in range(22):
            partner = self.customer.copy({"name": f"Customer {number}"})
            project = self.create_project(f"P{number}", partner=partner)
            for row in range(3):
                self.log(project, 1, f"row {row}")
            moves |= self.invoice(project)
        counts = []
        for batch in (moves[:2], moves[2:]):
            self.env.flush_all()
            self.env.invalidate_all()
            data = {move: {} for move in batch.sudo()}
            before = self.env.cr.sql_log_count
            self.env["account.move.send"]._prepare_invoice_annexes(data)
            counts.append(self.env.cr.sql_log_count - before)
            self.assertEqual(len(data), len(batch))
            self.assertTrue(all(d["annex_contents"] for d in data.values()))
        self.assertLessEqual(counts[1], counts[0])
