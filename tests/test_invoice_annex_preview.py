import base64

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .annex_common import AnnexCommon, get_pages, get_text


@tagged("post_install", "-at_install")
class TestInvoiceAnnexPreview(AnnexCommon):
    """A template can be seen on an invoice before it is saved."""

    def setUp(self):
        super().setUp()
        self.log(self.apollo, 2, "to be seen")
        self.move = self.invoice(self.apollo, post=False)

    def preview(self, template, changes, user="chief"):
        content = template.with_user(self.users[user]).preview(self.move.id, changes)
        return get_text(base64.b64decode(content))

    def test_as_it_is(self):
        text = self.preview(self.template, {})
        self.assertIn("Time Detail section", text)
        self.assertIn("to be seen", text)
        self.assertFalse(self.move.annex_ids)

    def test_changes_are_shown_and_not_saved(self):
        section = self.template.section_ids
        text = self.preview(
            self.template,
            {
                "name": "New title",
                "intro": "Dear {{ customer.name }}",
                "section_ids": [
                    Command.update(section.id, {"show_description": False}),
                    [0, "virtual_1", {"type": "text", "text": "More words"}],
                ],
            },
        )
        for shown in ("New title", "Dear Azur & Fils", "More words", "2.00"):
            self.assertIn(shown, text)
        self.assertNotIn("to be seen", text)
        self.env.invalidate_all()
        self.assertEqual(self.template.name, "Time Detail")
        self.assertFalse(self.template.intro)
        self.assertTrue(section.show_description)
        self.assertEqual(self.template.section_ids, section)

    def test_a_template_that_was_never_saved(self):
        template = self.env["invoice.annex.template"]
        changes = {
            "name": "First",
            "section_ids": [[0, "virtual_1", {"type": "time", "title": "Hours"}]],
        }
        text = self.preview(template, changes)
        for shown in ("First", "Hours", "to be seen"):
            self.assertIn(shown, text)
        self.assertFalse(template.search([("name", "=", "First")]))

    def test_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.customer.lang = "fr_FR"
        french = self.template.with_context(lang="fr_FR")
        french.write({"name": "Détail", "intro": "Bonjour"})
        french.section_ids.title = "Heures"
        text = self.preview(self.template, {"intro": "Changed just now"})
        for shown in ("Détail", "Heures", "Changed just now"):
            self.assertIn(shown, text)
        self.assertNotIn("Bonjour", text)

    def test_a_wrong_text_is_named(self):
        with self.assertRaisesRegex(UserError, "There is no variable secret"):
            self.preview(self.template, {"intro": "{{ secret }}"})

    def test_only_for_those_who_make_templates_and_read_the_invoice(self):
        for user in ("accountant", "project_manager"):
            with self.assertRaises(AccessError):
                self.preview(self.template, {}, user)
        other = self.setup_other_company()["company"]
        foreign = self.env["account.move"].create(
            {"move_type": "out_invoice", "company_id": other.id}
        )
        template = self.template.with_user(self.users["chief"])
        with self.assertRaises(AccessError):
            template.preview(foreign.id, {})
        bill = self.init_invoice("in_invoice", partner=self.partner_a, amounts=[1])
        with self.assertRaisesRegex(UserError, "Choose a customer invoice"):
            template.preview(bill.id, {})


@tagged("post_install", "-at_install")
class TestInvoicePreview(AnnexCommon):
    """An invoice shows its annexes before anything is saved."""

    def setUp(self):
        super().setUp()
        self.log(self.apollo, 2, "to be seen")
        self.move = self.invoice(self.apollo, post=False)

    def preview(self, changes, user="accountant"):
        content = self.move.with_user(self.users[user]).preview_annexes(changes)
        return base64.b64decode(content)

    def test_a_draft_invoice(self):
        self.customer.annex_template_ids = self.template
        text = get_text(self.preview({}))
        self.assertIn("to be seen", text)
        self.assertIn("Draft", text)
        self.assertFalse(self.move.annex_ids)

    def test_all_annexes(self):
        self.customer.annex_template_ids = self.template | self.create_template("Two")
        self.move.action_post()
        self.assertEqual(len(get_pages(self.preview({}))), 2)
        self.assertEqual(set(self.move.annex_ids.mapped("state")), {"draft"})

    def test_what_the_form_says_is_shown_and_not_saved(self):
        self.customer.annex_template_ids = self.template
        chosen = self.create_template("Chosen", {"show_amounts": True})
        line = self.move.invoice_line_ids
        text = get_text(
            self.preview(
                {
                    "annexes_chosen": True,
                    "annex_template_ids": [Command.set(chosen.ids)],
                    "ref": "Just typed",
                    "invoice_line_ids": [Command.update(line.id, {"price_unit": 77})],
                }
            )
        )
        for shown in ("Chosen section", "Just typed", "$ 154.00"):
            self.assertIn(shown, text)
        self.assertNotIn("Time Detail", text)
        self.assertFalse(self.move.annexes_chosen)
        self.assertFalse(self.move.annex_template_ids)
        self.assertEqual((self.move.ref, line.price_unit), (False, 100))

    def test_without_annex_it_says_why(self):
        with self.assertRaisesRegex(UserError, "No annex applies to"):
            self.preview({})

    def test_only_for_those_who_read_and_change_invoices(self):
        self.customer.annex_template_ids = self.template
        self.users["portal"] = new_test_user(
            self.env, "annex_portal", "base.group_portal", partner_id=self.customer.id
        )
        self.users["auditor"] = new_test_user(
            self.env, "annex_auditor", "account.group_account_readonly"
        )
        for user in ("project_manager", "portal"):
            with self.assertRaises(AccessError):
                self.preview({}, user)
        self.assertIn("to be seen", get_text(self.preview({}, "auditor")))
        with self.assertRaises(AccessError):
            self.preview({"ref": "x"}, "auditor")
