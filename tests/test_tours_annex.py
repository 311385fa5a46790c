from odoo.tests import HttpCase, new_test_user, tagged


@tagged("post_install", "-at_install")
class TestToursAnnex(HttpCase):
    def test_the_administrator_makes_a_template_and_assigns_it(self):
        self.env["res.lang"]._activate_lang("en_US")
        new_test_user(
            self.env,
            "annex_administrator",
            "account.group_account_manager,base.group_partner_manager",
            lang="en_US",
        )
        customer = self.env["res.partner"].create(
            {"name": "Annex Tour Customer", "is_company": True, "customer_rank": 1}
        )
        self.start_tour("/odoo", "annex_template_tour", login="annex_administrator")
        template = self.env["invoice.annex.template"].search(
            [("name", "=", "Hours of the Month")]
        )
        self.assertEqual(template.section_ids.type, "time")
        self.assertEqual(template.section_ids.grouping, "task")
        self.assertEqual(customer.annex_template_ids, template)
