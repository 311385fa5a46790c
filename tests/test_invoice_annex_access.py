from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .annex_common import AnnexCommon


@tagged("post_install", "-at_install")
class TestInvoiceAnnexAccess(AnnexCommon):
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
