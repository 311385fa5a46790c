from datetime import date

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form, tagged

from .common import CraCommon


@tagged("post_install", "-at_install")
class TestCraGateEverywhere(CraCommon):
    """Only agreed time is invoiced, wherever Odoo makes invoices from time."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls.order_line.order_id
        cls.agreed = cls._create_timesheet(date(2026, 3, 2), 8)

    def _agree_to(self, month=3):
        report = self._generate(month=month)
        self._send(report)
        self._agree(report)
        return report

    def _get_wizard(self, orders, **values):
        return (
            self.env["sale.advance.payment.inv"]
            .with_context(active_model="sale.order", active_ids=orders.ids)
            .create({"sale_order_ids": [Command.set(orders.ids)], **values})
        )

    def test_the_order_and_several_orders(self):
        self._agree_to()
        other, other_line = self._create_project("Gemini", self.chloe)
        other.cra_policy_id = self.policy
        self._create_timesheet(date(2026, 4, 1), 3, project=other)
        self._create_timesheet(date(2026, 4, 1), 2)
        wizard = self._get_wizard(self.order | other_line.order_id)
        invoice = wizard._create_invoices(wizard.sale_order_ids)
        self.assertEqual(invoice.invoice_line_ids.sale_line_ids, self.order_line)
        self.assertEqual(invoice.invoice_line_ids.quantity, 8)

    def test_the_dialog_with_a_period(self):
        self._agree_to()
        self._create_timesheet(date(2026, 3, 3), 2)
        wizard = self._get_wizard(
            self.order,
            date_start_invoice_timesheet=date(2026, 3, 1),
            date_end_invoice_timesheet=date(2026, 3, 31),
        )
        invoice = wizard._create_invoices(self.order)
        self.assertEqual(invoice.invoice_line_ids.quantity, 8)
        self.assertEqual(invoice.timesheet_ids, self.agreed)

    def test_the_project(self):
        self._agree_to()
        self._create_timesheet(date(2026, 4, 1), 2)
        action = self.project.action_create_invoice()
        wizard = self.env["sale.advance.payment.inv"].with_context(**action["context"])
        wizard = wizard.create({})
        self.assertEqual(wizard.sale_order_ids, self.order)
        invoice = wizard._create_invoices(wizard.sale_order_ids)
        self.assertEqual(invoice.invoice_line_ids.quantity, 8)

    def test_rates_per_employee(self):
        rate = self._create_time_product("Senior consulting", "delivery")
        self.order.order_line = [
            Command.create({"product_id": rate.id, "product_uom_qty": 10})
        ]
        senior = self.order.order_line - self.order_line
        self.project.sale_line_employee_ids = [
            Command.create({"employee_id": self.bruno.id, "sale_line_id": senior.id})
        ]
        brunos = self._create_timesheet(date(2026, 3, 2), 5, employee=self.bruno)
        self.assertEqual(brunos.so_line, senior)
        self.assertTrue(brunos.cra_hold)
        alices = self._generate().filtered(lambda r: r.employee_id == self.alice)
        self._send(alices)
        self._agree(alices)
        self.assertEqual((self.order_line | senior).mapped("qty_to_invoice"), [8, 0])
        brunos_report = self._generate() - alices
        self._send(brunos_report)
        self._agree(brunos_report)
        self.assertEqual(senior.qty_to_invoice, 5)

    def test_lines_not_billed_by_the_hour_keep_their_quantities(self):
        def create(name, policy, service):
            product = self._create_time_product(name, policy)
            product.service_type = service
            self.order.order_line = [
                Command.create({"product_id": product.id, "product_uom_qty": 10})
            ]
            return self.order.order_line[-1]

        prepaid = create("Prepaid hours", "order", "timesheet")
        fixed = create("Fixed price", "order", "manual")
        manual = create("Delivered by hand", "delivery", "manual")
        milestone = create("Milestones", "delivery", "milestones")
        manual.qty_delivered = 4
        for line in prepaid | fixed | manual | milestone:
            held = self._create_timesheet(date(2026, 3, 3), 3, so_line=line.id)
            self.assertTrue(held.cra_hold)
        self.assertEqual((prepaid.qty_delivered, prepaid.remaining_hours), (3, 7))
        self.assertEqual(prepaid.qty_to_invoice, 10)
        self.assertEqual(fixed.qty_to_invoice, 10)
        self.assertEqual((manual.qty_delivered, manual.qty_to_invoice), (4, 4))
        self.assertEqual(milestone.qty_delivered, 0)

    def test_who_invoices_sees_what_is_held(self):
        order = self.order.with_user(self.accountant)
        self.assertEqual(
            order.cra_waiting_note,
            "8.00 h await the agreement of Acme, of which 8.00 h are on no activity "
            "report yet.",
        )
        report = self._generate()
        order.invalidate_recordset()
        self.assertEqual(order.cra_waiting_note, "8.00 h await the agreement of Acme.")
        action = order.action_view_cra_waiting()
        self.assertEqual(self.env["cra.report"].search(action["domain"]), report)
        wizard = self._get_wizard(self.order).with_user(self.accountant)
        self.assertEqual(wizard.cra_waiting_note, order.cra_waiting_note)
        with self.assertRaisesRegex(UserError, "8.00 h await the agreement of Acme"):
            self.order._create_invoices()
        self._send(report)
        self._agree(report)
        order.invalidate_recordset()
        self.assertFalse(order.cra_waiting_note)

    def test_nothing_is_shown_of_time_that_is_invoiced_or_not_billed_by_the_hour(self):
        self._agree_to()
        prepaid = self._create_time_product("Prepaid hours", "order")
        self.order.order_line = [
            Command.create({"product_id": prepaid.id, "product_uom_qty": 10})
        ]
        line = self.order.order_line - self.order_line
        self._create_timesheet(date(2026, 3, 3), 3, so_line=line.id)
        self.assertFalse(self.order.cra_waiting_note)

    def test_a_gate_that_warns_stops_nobody(self):
        self.policy.invoice_gate = "warn"
        self.assertFalse(self.agreed.cra_hold)
        self.assertEqual(self.order_line.qty_to_invoice, 8)
        self.assertIn("8.00 h await", self.order.cra_waiting_note)
        report = self._generate()
        invoice = self.order._create_invoices()
        self.assertEqual(
            invoice.with_user(self.accountant).cra_waiting_note,
            "8.00 h await the agreement of Acme.",
        )
        self._send(report)
        self._agree(report)
        invoice.invalidate_recordset()
        self.assertFalse(invoice.cra_waiting_note)
        invoice.action_post()

    def test_a_gate_that_warns_needs_somebody_to_agree(self):
        with self.assertRaisesRegex(UserError, "nobody is asked"):
            self.policy.write({"invoice_gate": "warn", "approval_mode": "none"})

    def test_a_task_that_changes_its_customer_changes_the_policy_of_its_time(self):
        self.project.cra_policy_id = False
        self.acme.cra_policy_id = self.policy
        task = self.env["project.task"].create(
            {"name": "For whom?", "project_id": self.project.id}
        )
        timesheet = self._create_timesheet(date(2026, 3, 3), task_id=task.id)
        self.assertTrue(timesheet.cra_hold)
        task.write({"partner_id": self.partner_a.id, "sale_line_id": False})
        self.assertFalse(timesheet.cra_hold)

    def test_deciding_ten_reports_takes_as_many_queries_as_two(self):
        """Ten orders, each with its report: decided, in one go."""

        def count_queries(count, month, state):
            for number in range(count):
                project, _line = self._create_project(f"Lander {number}", self.chloe)
                project.cra_policy_id = self.policy
                for day in range(1, 6):
                    self._create_timesheet(date(2026, month, day), project=project)
            reports = self._generate(month=month).sudo()
            self.assertEqual(len(reports), count)
            reports._take_over_timesheets()  # as sending does, without its documents
            self.env.cr.execute(
                "UPDATE cra_report SET state = 'sent' WHERE id IN %s",
                [tuple(reports.ids)],
            )
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            reports.with_context(mail_notrack=True)._decide(state)
            self.env.flush_all()
            queries = self.cr.sql_log_count - before
            timesheets = reports.line_ids.timesheet_id
            held = set(timesheets.mapped("cra_hold"))
            self.assertEqual(held, {state == "refused"})
            orders = timesheets.so_line.order_id
            to_invoice = set(orders.mapped("invoice_status")) == {"to invoice"}
            self.assertEqual(to_invoice, state == "approved")
            return queries

        for state, month in (("approved", 4), ("refused", 7)):
            count_queries(2, month, state)
            few = count_queries(2, month + 1, state)
            self.assertEqual(count_queries(10, month + 2, state), few, state)

    def test_the_form_of_the_order_shows_it(self):
        user = self._create_user("cra_seller", "Sally", "sales_team.group_sale_manager")
        form = Form(self.order.with_user(user))
        self.assertIn("8.00 h await", form.cra_waiting_note)
