import base64
import hashlib
from datetime import date
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .annex_common import AnnexCommon, get_pages, get_text

TEMPLATE_LOGGER = "odoo.addons.sale_timesheet_cra.models.invoice_annex_template"


@tagged("post_install", "-at_install")
class TestInvoiceAnnex(AnnexCommon):
    # === WHAT IT SAYS === #
    def test_it_lists_what_the_invoice_billed_and_nothing_else(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2.25, "Draw the bridge")
        self.log(self.apollo, 3.5, "Build the bridge", self.bruno, date(2025, 6, 1))
        self.invoice(self.apollo)
        self.log(self.apollo, 1.25, "Paint the bridge", day=date(2026, 1, 2))
        self.log(self.apollo, 4, "Test the bridge", self.bruno, date(2026, 2, 1))
        move = self.invoice(self.apollo)
        later = self.log(self.apollo, 8, "Later work", day=date(2026, 1, 3))
        other = self.create_project("Other", partner=self.partner_a)
        self.log(other, 7, "Work for somebody else")
        self.assertFalse(later.timesheet_invoice_id)
        self.send(move)
        text = self.get_annex_texts(move)["Time Detail"]
        self.assertIn("Paint the bridge", text)
        self.assertIn("Test the bridge", text)
        for foreign in ("Draw", "Build", "Later work", "somebody else"):
            self.assertNotIn(foreign, text)
        for shown in (move.name, "Azur & Fils", "01/02/2026", "Bruno Costa", "4.00"):
            self.assertIn(shown, text)
        self.assertEqual(move.invoice_line_ids.quantity, 5.25)
        self.assertIn("Total\n5.25", text)

    def test_nothing_internal_is_printed(self):
        self.customer.annex_template_ids = self.create_template(
            "All",
            {
                f"show_{column}": True
                for column in ("date", "employee", "project", "task", "description")
            },
        )
        self.log(self.apollo, 1.5)
        move = self.invoice(self.apollo)
        self.send(move)
        text = self.get_annex_texts(move)["All"]
        self.assertNotIn("61", text, "cost per hour")
        self.assertNotIn("91", text, "cost of the line")
        self.assertNotIn("100", text, "price")

    def test_agreed_time_reads_as_the_customer_agreed_to_it(self):
        self.customer.annex_template_ids = self.template
        line = self.log(self.apollo, 2, "internal words")
        other = self.log(self.apollo, 3, "plain words", self.bruno)
        report = (
            self.env["cra.report"]
            .sudo()
            .create(
                {
                    "company_id": self.env.company.id,
                    "policy_id": self.env["cra.policy"].create({"name": "Monthly"}).id,
                    "partner_id": self.customer.id,
                    "project_id": self.apollo.id,
                    "date_from": date(2026, 1, 1),
                    "date_to": date(2026, 1, 31),
                    "scope_key": "test",
                }
            )
        )
        line.cra_line_id = (
            self.env["cra.report.line"]
            .sudo()
            .create(
                {
                    "report_id": report.id,
                    "timesheet_id": line.id,
                    "date": line.date,
                    "employee_label": "A. M.",
                    "description": "agreed words",
                    "unit_amount": 2,
                }
            )
        )
        move = self.invoice(self.apollo)
        self.assertEqual(move.timesheet_ids, line | other)
        self.send(move)
        text = self.get_annex_texts(move)["Time Detail"]
        for shown in ("agreed words", "A. M.", "plain words", "Bruno Costa"):
            self.assertIn(shown, text)
        for hidden in ("internal words", "Anna"):
            self.assertNotIn(hidden, text)

    def test_days_total_as_core_invoices_them(self):
        project = self.create_project("Daily", self.service_day)
        self.customer.annex_template_ids = self.template
        for hours in (7, 1, 1, 0.5, 2.75):
            self.log(project, hours)
        move = self.invoice(project)
        self.send(move)
        self.assertEqual(move.invoice_line_ids.quantity, 1.53)
        text = self.get_annex_texts(move)["Time Detail"]
        self.assertIn("Days", text)
        self.assertIn("0.875", text)
        self.assertIn("0.125", text)
        self.assertIn("Total\n1.530", text)

    def test_hours_and_days_are_not_added_up(self):
        project = self.create_project("Daily", self.service_day)
        self.customer.annex_template_ids = self.template
        self.log(project, 12)
        self.log(self.apollo, 3)
        move = self.invoice(self.apollo, project)
        self.send(move)
        text = self.get_annex_texts(move)["Time Detail"]
        self.assertIn("1.50 Days + 3.00 Hours", text)
        self.assertIn("Quantity", text)

    def test_a_unit_of_its_own(self):
        self.customer.annex_template_ids = self.create_template(
            "Days", {"unit": "day"}
        ) | self.create_template("Hours", {"unit": "hour"})
        self.log(self.apollo, 12)
        move = self.invoice(self.apollo)
        self.send(move)
        texts = self.get_annex_texts(move)
        self.assertIn("Total\n1.50", texts["Days"])
        self.assertIn("Total\n12.00", texts["Hours"])

    def test_groups_show_their_subtotal(self):
        self.customer.annex_template_ids = self.create_template(
            "Grouped", {"grouping": "employee"}
        )
        self.log(self.apollo, 2, employee=self.bruno)
        self.log(self.apollo, 3)
        self.log(self.apollo, 4)
        move = self.invoice(self.apollo)
        self.send(move)
        text = self.get_annex_texts(move)["Grouped"]
        self.assertIn("Anna Meyer\n7.00", text)
        self.assertIn("Bruno Costa\n2.00", text)
        self.assertLess(text.index("Anna"), text.index("Bruno"))
        self.assertEqual(text.count("Anna Meyer"), 1, "the group names it once")

    def test_columns_can_be_left_out(self):
        self.customer.annex_template_ids = self.create_template(
            "Short", {"show_employee": False, "show_description": False}
        )
        self.log(self.apollo, 2, "secret words")
        move = self.invoice(self.apollo)
        self.send(move)
        text = self.get_annex_texts(move)["Short"]
        self.assertNotIn("secret words", text)
        self.assertNotIn("Anna", text)

    def test_it_speaks_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.customer.lang = "fr_FR"
        self.template.with_context(lang="fr_FR").name = "Détail du temps"
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 1234.5, day=date(2026, 1, 31))
        move = self.invoice(self.apollo)
        self.send(move)
        text = self.get_annex_texts(move)["Time Detail"]
        self.assertIn("Détail du temps", text)
        self.assertIn("31/01/2026", text)
        self.assertRegex(text, r"1\s234,50")
        self.assertIn("Détail du temps", move.annex_ids.name)

    def test_a_customer_without_language_gets_a_readable_annex(self):
        self.customer.lang = False
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2, "emoji 🙂, <b>tags</b>, مرحبا, " + "x" * 2000)
        move = self.invoice(self.apollo)
        self.send(move)
        text = self.get_annex_texts(move)["Time Detail"]
        self.assertIn("<b>tags</b>", text)
        self.assertRegex(text, r"Total\n2[.,]00")

    def test_pages_are_counted_within_the_annex(self):
        self.customer.annex_template_ids = self.template
        for number in range(50):
            self.log(self.apollo, 1, f"row {number}", day=date(2026, 1, 1))
        small = self.create_project("Small")
        self.log(small, 1)
        moves = self.invoice(small) | self.invoice(self.apollo)
        self.send(moves)
        first, second = get_pages(moves[1].annex_ids.attachment_id.raw)
        name = f"{moves[1].name} · Time Detail · Azur & Fils"
        self.assertEqual(first.splitlines()[-2:], [name, "1 / 2"])
        self.assertEqual(second.splitlines()[-2:], [name, "2 / 2"])
        for page in (first, second):
            self.assertIn("Consultant", page, "the table's head repeats")
        self.assertEqual(
            get_text(moves[0].annex_ids.attachment_id.raw).count("1 / 1"), 1
        )

    # === WHOSE TEMPLATES === #
    def test_each_part_goes_to_the_most_specific_level(self):
        borealis = self.create_project("Borealis")
        cosmos = self.create_project("Cosmos")
        other = self.create_template("Other")
        both = self.create_template("Both")
        self.apollo.annex_template_ids = self.template | both
        cosmos.annex_template_ids = both
        self.customer.annex_template_ids = other
        self.env.company.annex_template_ids = self.create_template("Company")
        for project in (self.apollo, borealis, cosmos):
            self.log(project, 2, f"for {project.name}")
        move = self.invoice(self.apollo, borealis, cosmos)
        reasons = {
            annex.template_id.name: annex.with_user(self.users["accountant"]).reason
            for annex in move.annex_ids
        }
        self.assertEqual(
            reasons,
            {
                "Time Detail": "from project Apollo",
                "Both": "from project Apollo, from project Cosmos",
                "Other": "from customer Azur & Fils",
            },
        )
        self.send(move)
        texts = self.get_annex_texts(move)
        for title, projects in {
            "Time Detail": {"Apollo"},
            "Both": {"Apollo", "Cosmos"},
            "Other": {"Borealis"},
        }.items():
            for name in ("Apollo", "Borealis", "Cosmos"):
                self.assertEqual(f"for {name}" in texts[title], name in projects)

    def test_the_company_comes_last(self):
        self.env.company.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertEqual(move.annex_ids.reason, "from company Lumen Engineering")

    def test_the_customer_of_a_contact_decides(self):
        contact = self.env["res.partner"].create(
            {"name": "Chloé", "parent_id": self.customer.id}
        )
        self.customer.annex_template_ids = self.template
        project = self.create_project("Contact", partner=contact)
        self.log(project, 2)
        move = self.invoice(project)
        self.assertEqual(move.annex_ids.reason, "from customer Azur & Fils")

    def test_another_companys_template_is_ignored(self):
        other = self.setup_other_company()["company"]
        self.customer.annex_template_ids = self.create_template(
            "Foreign", company_id=other.id
        )
        self.log(self.apollo, 2)
        self.assertFalse(self.invoice(self.apollo).annex_ids)

    def test_an_archived_template_is_not_used_anymore(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertEqual(move.annex_ids.state, "draft")
        self.template.active = False
        self.send(move)
        self.assertFalse(move.annex_ids)

    def test_no_annex_is_empty_unless_wanted(self):
        always = self.create_template("Always", always=True)
        self.customer.annex_template_ids = self.template | always
        move = self.init_invoice(
            "out_invoice", partner=self.customer, amounts=[100], post=True
        )
        self.assertEqual(move.annex_ids.template_id, always)
        self.send(move)
        text = self.get_annex_texts(move)["Always"]
        self.assertIn("There is no detail for this invoice.", text)

    def test_nothing_happens_without_templates(self):
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertFalse(move.annex_ids)
        attachments = self.send(move)
        self.assertEqual(attachments, move.invoice_pdf_report_id)

    def test_vendor_bills_have_none(self):
        self.customer.annex_template_ids = self.create_template("Always", always=True)
        move = self.init_invoice(
            "in_invoice", partner=self.customer, amounts=[100], post=True
        )
        self.assertFalse(move.annex_ids)

    # === SENDING === #
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
            "_run_lean_wkhtmltopdf",
            autospec=True,
            side_effect=type(self.env["ir.actions.report"])._run_lean_wkhtmltopdf,
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

    # === PREVIEW === #
    def test_preview_of_a_draft_invoice_saves_nothing(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2, "to be seen")
        move = self.invoice(self.apollo, post=False)
        move_as_user = move.with_user(self.users["accountant"])
        action = move_as_user.action_preview_annexes()
        self.assertIn(
            f"/web/content/account.move/{move.id}/annex_preview", action["url"]
        )
        text = get_text(self.decode(move_as_user.annex_preview))
        self.assertIn("to be seen", text)
        self.assertIn("Draft", text)
        self.assertFalse(move.annex_ids)

    def test_preview_shows_all_annexes(self):
        self.customer.annex_template_ids = self.template | self.create_template("Two")
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertEqual(len(get_pages(self.decode(move.annex_preview))), 2)

    def test_preview_without_annex_says_why(self):
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        with self.assertRaisesRegex(UserError, "No annex applies to"):
            move.action_preview_annexes()

    def decode(self, binary):
        return base64.b64decode(binary)

    # === EVIDENCE AND ACCESS === #
    def test_what_was_sent_cannot_be_changed_by_anyone(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.send(move)
        annex = move.annex_ids.sudo()
        file = annex.attachment_id
        for vals in (
            {"digest": "x"},
            {"state": "draft"},
            {"state": "superseded"},
            {"attachment_id": False},
            {"name": "other.pdf"},
        ):
            with self.assertRaisesRegex(UserError, "stays as it is"):
                annex.write(vals)
        with self.assertRaisesRegex(UserError, "stays as it is"):
            annex.unlink()
        for vals in ({"raw": b"x"}, {"datas": b"eA=="}, {"name": "x"}, {"res_id": 0}):
            with self.assertRaisesRegex(UserError, "stays as it is"):
                file.write(vals)
        with self.assertRaisesRegex(UserError, "stays as it is"):
            file.unlink()
        file.write({"raw": file.raw, "mimetype": file.mimetype})
        move.button_draft()
        with self.assertRaisesRegex(UserError, "stays as it is"):
            annex.write({"state": "draft"})
        with self.assertRaisesRegex(UserError, "stays as it is"):
            move.with_context(force_delete=True).unlink()

    def test_an_invoice_that_was_not_sent_can_be_deleted(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        move.button_draft()
        move.with_context(force_delete=True).unlink()
        self.assertFalse(move.exists())

    def test_who_may_read_and_change_templates(self):
        for login, may_write in (
            ("accountant", False),
            ("project_manager", False),
            ("chief", True),
        ):
            template = self.template.with_user(self.users[login])
            self.assertEqual(template.section_ids.title, "Time Detail section")
            if may_write:
                template.name = "Changed"
                template.section_ids.grouping = "task"
            else:
                with self.assertRaises(AccessError):
                    template.name = "Changed"
                with self.assertRaises(AccessError):
                    template.section_ids.grouping = "task"

    def test_annexes_are_read_only_and_of_ones_own_companies(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        annex = self.invoice(self.apollo).annex_ids
        accountant = self.users["accountant"]
        self.assertTrue(annex.with_user(accountant).name)
        with self.assertRaises(AccessError):
            annex.with_user(accountant).write({"name": "x"})
        with self.assertRaises(AccessError):
            annex.with_user(self.users["project_manager"]).read(["name"])
        other = self.setup_other_company()["company"]
        accountant.write(
            {"company_ids": [Command.set(other.ids)], "company_id": other.id}
        )
        with self.assertRaises(AccessError):
            annex.with_user(accountant).read(["name"])

    def test_the_accountant_needs_no_access_to_timesheets(self):
        self.customer.annex_template_ids = self.template
        line = self.log(self.apollo, 2, "shown in the annex")
        move = self.invoice(self.apollo)
        with self.assertRaises(AccessError):
            line.with_user(self.users["accountant"]).read(["name"])
        self.send(move, "accountant")
        self.assertIn("shown in the annex", self.get_annex_texts(move)["Time Detail"])

    def test_a_copied_template_says_so(self):
        copy = self.template.copy()
        self.assertEqual(copy.name, "Time Detail (copy)")
        self.assertEqual(copy.section_ids.title, "Time Detail section")
