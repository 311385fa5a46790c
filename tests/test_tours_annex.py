from odoo.tests import HttpCase, new_test_user, tagged

from .annex_common import AnnexCommon, get_text


@tagged("post_install", "-at_install")
class TestToursAnnex(AnnexCommon, HttpCase):
    def test_from_the_template_to_the_customers_download(self):
        company = self.env.company
        self.customer.name = "Annex Tour Customer"
        project = self.create_project("Annex Tour Project")
        self.log(project, 3, "Work to be seen")
        move = self.invoice(project)
        new_test_user(
            self.env,
            "annex_administrator",
            "account.group_account_manager,project.group_project_manager",
            lang="en_US",
            company_id=company.id,
        )
        self.start_tour(
            f"/odoo?cids={company.id}",
            "annex_template_tour",
            login="annex_administrator",
            timeout=120,
        )
        template = self.env["invoice.annex.template"].search(
            [("name", "=", "Hours of the Month")]
        )
        self.assertEqual(template.section_ids.type, "time")
        self.assertEqual(template.section_ids.grouping, "task")
        self.assertEqual(template.intro, "Our work on {{ project.name }}")
        self.assertFalse(move.annex_ids)
        action = self.env.ref("project.open_view_project_all_config")
        self.start_tour(
            f"/odoo/action-{action.id}/{project.id}?cids={company.id}",
            "annex_project_tour",
            login="annex_administrator",
        )
        self.assertEqual(project.annex_template_ids, template)
        self.users["accountant"].lang = "en_US"
        action = self.env.ref("account.action_move_out_invoice_type")
        self.start_tour(
            f"/odoo/action-{action.id}/{move.id}?cids={company.id}",
            "annex_accountant_tour",
            login="annex_accountant",
        )
        annex = move.annex_ids
        self.assertEqual(annex.state, "frozen")
        self.assertIn("Work to be seen", get_text(annex.attachment_id.raw))
        new_test_user(
            self.env, "annex_portal", "base.group_portal", partner_id=self.customer.id
        )
        self.start_tour(
            f"/my/invoices/{move.id}", "annex_customer_tour", login="annex_portal"
        )
