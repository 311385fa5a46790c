from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .annex_common import AnnexCommon


@tagged("post_install", "-at_install")
class TestInvoiceAnnexAssignment(AnnexCommon):
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
        self.assertFalse(move.annex_warning)
        self.template.active = False
        move.invalidate_recordset(["annex_warning"])
        self.assertEqual(
            move.annex_warning,
            "Time Detail (from customer Azur & Fils) is archived and does not go "
            "along. Restore its template, or take it off there.",
        )
        self.send(move)
        self.assertTrue(move.is_move_sent)
        self.assertFalse(move.annex_ids)

    def test_an_archived_template_gives_way_to_the_next_level_and_says_so(self):
        self.apollo.annex_template_ids = self.create_template("Old", active=False)
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertEqual(move.annex_ids.template_id, self.template)
        self.assertIn("Old (from project Apollo) is archived", move.annex_warning)

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

    def test_one_invoice_may_have_its_own(self):
        self.customer.annex_template_ids = self.template
        special = self.create_template("Special")
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.assertEqual(move.annex_ids.reason, "from customer Azur & Fils")
        move = move.with_user(self.users["accountant"])
        move.write(
            {"annexes_chosen": True, "annex_template_ids": [Command.set(special.ids)]}
        )
        self.assertEqual(move.annex_ids.template_id, special)
        self.assertEqual(
            move.annex_ids.reason, f"chosen on invoice {move.display_name}"
        )
        self.send(move)
        self.assertEqual(list(self.get_annex_texts(move)), ["Special"])
        with self.assertRaisesRegex(UserError, "was sent to the customer"):
            move.annexes_chosen = False

    def test_one_invoice_may_have_none(self):
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        move.annexes_chosen = True
        self.assertFalse(move.annex_ids)
        self.send(move)
        self.assertFalse(move.annex_ids)

    def test_a_draft_invoice_tells_what_it_will_get(self):
        self.customer.annex_template_ids = self.template
        hermes = self.create_project(
            "Hermes", annex_template_ids=[Command.set(self.create_template("Own").ids)]
        )
        self.log(self.apollo, 2)
        self.log(hermes, 3)
        move = self.invoice(self.apollo, hermes, post=False)
        move = move.with_user(self.users["accountant"])
        self.assertEqual(
            move.annex_summary,
            "Time Detail – from customer Azur & Fils\nOwn – from project Hermes",
        )
        self.assertFalse(move.annex_ids)

    def test_the_list_can_be_brought_up_to_date(self):
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo)
        self.customer.annex_template_ids = self.template
        self.assertFalse(move.annex_ids)
        move.with_user(self.users["accountant"]).action_update_annexes()
        self.assertEqual(move.annex_ids.template_id, self.template)
        self.customer.annex_template_ids = False
        move.with_user(self.users["accountant"]).action_update_annexes()
        self.assertFalse(move.annex_ids)

    def test_templates_show_and_set_who_asks_for_them(self):
        self.customer.annex_template_ids = self.template
        template = self.template.with_user(self.users["chief"])
        self.assertEqual(template.partner_ids, self.customer)
        template.write(
            {
                "partner_ids": [Command.clear()],
                "project_ids": [Command.link(self.apollo.id)],
            }
        )
        self.assertEqual(self.apollo.annex_template_ids, self.template)
        self.log(self.apollo, 2)
        self.assertEqual(
            self.invoice(self.apollo).annex_ids.reason, "from project Apollo"
        )

    def test_ready_made_templates_are_given_to_nobody(self):
        for name in ("time", "costs", "products", "full"):
            template = self.env.ref(f"sale_timesheet_cra.annex_template_{name}")
            self.assertTrue(template.section_ids)
            self.assertFalse(template.project_ids)
            self.assertFalse(template.company_ids)
