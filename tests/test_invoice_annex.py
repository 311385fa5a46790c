from datetime import date

from odoo import Command
from odoo.tests import tagged

from .annex_common import AnnexCommon, get_pages, get_text


@tagged("post_install", "-at_install")
class TestInvoiceAnnex(AnnexCommon):
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
        line.sudo().cra_line_id = (
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

    def test_two_levels_of_groups(self):
        self.customer.annex_template_ids = self.create_template(
            "Grouped", {"grouping": "week", "second_grouping": "employee"}
        )
        for day, hours, employee in (
            (date(2026, 1, 13), 1, self.anna),
            (date(2026, 1, 4), 2, self.bruno),
            (date(2026, 1, 2), 4, self.anna),
            (date(2026, 1, 1), 8, self.bruno),
        ):
            self.log(self.apollo, hours, "work", employee, day)
        move = self.invoice(self.apollo)
        self.send(move)
        lines = self.get_annex_texts(move)["Grouped"].splitlines()
        groups = [
            (line, lines[index + 1])
            for index, line in enumerate(lines)
            if line.startswith(("Week", "Anna", "Bruno"))
        ]
        self.assertEqual(
            groups,
            [
                ("Week 1 (12/29/2025 – 01/04/2026)", "14.00"),
                ("Anna Meyer", "4.00"),
                ("Bruno Costa", "10.00"),
                ("Week 3 (01/12/2026 – 01/18/2026)", "1.00"),
                ("Anna Meyer", "1.00"),
            ],
        )

    def test_days_and_invoice_lines_as_groups(self):
        hermes = self.create_project("Hermes", self.service_day)
        self.customer.annex_template_ids = self.create_template(
            "Days", {"grouping": "day", "subtotals": False, "unit": "hour"}
        ) | self.create_template("Lines", {"grouping": "order_line"})
        self.log(hermes, 8, day=date(2026, 2, 1))
        self.log(self.apollo, 1, day=date(2026, 1, 31))
        move = self.invoice(self.apollo, hermes)
        self.send(move)
        texts = self.get_annex_texts(move)
        self.assertIn("Saturday, January 31, 2026", texts["Days"])
        self.assertNotIn("01/31/2026\n", texts["Days"].partition("Consultant")[2])
        self.assertNotIn("January 31, 2026\n1.00", texts["Days"], "no subtotals")
        self.assertLess(
            texts["Days"].index("January 31"), texts["Days"].index("February 1")
        )
        self.assertIn("Consulting by the Hours\n1.00 Hours", texts["Lines"])
        self.assertIn("Consulting by the Days\n1.00 Days", texts["Lines"])

    def test_amounts_add_up_to_the_invoice_line(self):
        project = self.create_project("Daily", self.service_day)
        self.customer.annex_template_ids = self.create_template(
            "Amounts", {"show_amounts": True}
        ) | self.create_template("Hours", {"show_amounts": True, "unit": "hour"})
        for hours in (1, 1, 1, 7):
            self.log(project, hours)
        move = self.invoice(project, post=False)
        move.invoice_line_ids.price_unit = 799.99
        move.invoice_line_ids.discount = 7
        move.action_post()
        self.assertEqual(move.invoice_line_ids.price_subtotal, 929.99)
        plans = move.sudo()._plan_annexes()
        tables = {
            plan.template.name: plan.template.section_ids._prepare_content(plan).table
            for plan in plans
        }
        for table in tables.values():
            self.assertAlmostEqual(sum(row.money for row in table.rows), 929.99)
            self.assertAlmostEqual(table.totals.money, 929.99)
        self.assertAlmostEqual(tables["Amounts"].rows[0].price, 743.99, 2)
        self.assertAlmostEqual(tables["Hours"].rows[0].price, 93.0, 2)
        self.send(move)
        self.assertIn("$ 929.99", self.get_annex_texts(move)["Amounts"])
        self.assertIn("Unit Price", self.get_annex_texts(move)["Amounts"])

    def test_products_sold_without_time_and_down_payments(self):
        self.customer.annex_template_ids = self.create_template(
            "Sold", {"type": "product"}
        )
        self.apollo.sale_line_id.order_id.order_line = [
            Command.create({"product_id": self.product_a.id, "product_uom_qty": 3})
        ]
        self.log(self.apollo, 2)
        move = self.invoice(self.apollo, post=False)
        line = move.invoice_line_ids.filtered(
            lambda line: line.product_id == self.product_a
        )
        line.write({"name": "Bridge model\nin bronze", "tax_ids": False})
        move.action_post()
        self.send(move)
        text = self.get_annex_texts(move)["Sold"]
        for shown in ("Bridge model", "in bronze", "3.00 Units", "$ 3,000.00"):
            self.assertIn(shown, text)
        self.assertNotIn("Consulting", text)
        self.assertIn("1,000.00", text)

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
        name = f"{moves[1].name} · Azur & Fils · Time Detail"
        self.assertEqual(first.splitlines()[-2:], [name, "1 / 2"])
        self.assertEqual(second.splitlines()[-2:], [name, "2 / 2"])
        for page in (first, second):
            self.assertIn("Consultant", page, "the table's head repeats")
        self.assertEqual(
            get_text(moves[0].annex_ids.attachment_id.raw).count("1 / 1"), 1
        )
