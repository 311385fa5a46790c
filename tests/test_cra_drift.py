from datetime import date

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import CraCommon


@tagged("post_install", "-at_install")
class TestCraDrift(CraCommon):
    """What slips through the locks is found, told once, and mended by a version."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2), 8)
        cls.other = cls._create_timesheet(date(2026, 3, 3), 4)
        cls.report = cls._generate()

    def setUp(self):
        super().setUp()
        self._send(self.report)
        self._agree(self.report)

    def _slip_through(self, query, *values):
        self.env.flush_all()
        self.env.cr.execute(query, values)
        self.env.invalidate_all()

    def _set_hours(self, hours):
        self._slip_through(
            "UPDATE account_analytic_line SET unit_amount = %s WHERE id = %s",
            hours,
            self.timesheet.id,
        )

    def _control(self):
        with self.enter_registry_test_mode():
            cron = self.env.ref("sale_timesheet_cra.ir_cron_cra_control")
            cron.method_direct_trigger()
        self.env.invalidate_all()

    def _expire_check(self):
        self._slip_through("UPDATE cra_report SET checked_on = '2020-01-01'")

    def test_nothing_is_found_where_nothing_happened(self):
        self.timesheet.name = "Internal words may change"
        self.project.name = "Apollo 11"
        self._control()
        self.assertFalse(self.report.has_drifted)
        self.assertTrue(self.report.checked_on)
        self.assertFalse(self.report.activity_ids)

    def test_raw_sql_is_found_told_once_and_corrected(self):
        self._set_hours(9.5)
        self._control()
        self.assertTrue(self.report.has_drifted)
        self.assertEqual(self.report.activity_ids.user_id, self.manager)
        self._expire_check()
        self._control()
        self.assertEqual(len(self.report.activity_ids), 1)
        self.assertIn("no longer what Acme has received", self.report.drift_note)
        for text in ("03/02/2026", "08:00", "09:30", "+01:30"):
            self.assertIn(text, str(self.report.drift_changes))
        action = self.report.action_correct()
        self.assertFalse(self.report.has_drifted)
        self.assertFalse(self.report.activity_ids)
        working = self.report.browse(action["res_id"])
        self.assertEqual(working.total_hours, 13.5)
        self._send(working)
        self._control()
        self.assertFalse(working.has_drifted)

    def test_drift_that_is_undone_is_over(self):
        self._set_hours(9)
        self._control()
        self._set_hours(8)
        self._expire_check()
        self._control()
        self.assertFalse(self.report.has_drifted)
        self.assertFalse(self.report.activity_ids)
        self.assertFalse(self.timesheet.cra_hold)

    def test_each_shown_fact_is_compared(self):
        other, other_line = self._create_project("Gemini", self.chloe)
        task = self.env["project.task"].create(
            {"name": "Task", "project_id": self.project.id}
        )
        for column, value, shown in (
            ("date", date(2026, 3, 9), "03/09/2026"),
            ("employee_id", self.bruno.id, "Bruno Bauer"),
            ("project_id", other.id, "Gemini"),
            ("task_id", task.id, "Task"),
            ("so_line", other_line.id, other_line.display_name),
        ):
            with self.subTest(column), self.cr.savepoint() as savepoint:
                self._slip_through(
                    f"UPDATE account_analytic_line SET {column} = %s WHERE id = %s",
                    value,
                    self.timesheet.id,
                )
                self._control()
                self.assertTrue(self.report.has_drifted)
                self.assertIn(shown, str(self.report.drift_changes))
                savepoint.rollback()
                self.env.invalidate_all()

    def test_time_that_was_deleted_or_lost_its_report_is_found(self):
        for query in (
            "DELETE FROM account_analytic_line WHERE id = %s",
            "UPDATE account_analytic_line SET cra_line_id = NULL WHERE id = %s",
        ):
            with self.subTest(query), self.cr.savepoint() as savepoint:
                self._slip_through(query, self.timesheet.id)
                self._control()
                self.assertTrue(self.report.has_drifted)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_a_merged_customer_is_found_and_mended_by_a_version(self):
        survivor = self.env["res.partner"].create(
            {"name": "Acme Group", "is_company": True, "email": "a@acme.example.com"}
        )
        merge = self.env["base.partner.merge.automatic.wizard"].create({})
        merge._merge([survivor.id, self.acme.id], survivor)
        self._control()
        self.assertEqual(self.report.partner_id, survivor)
        self.assertTrue(self.report.has_drifted)
        self.assertIn("itself is no longer as it was sent", self.report.drift_note)
        working = self.report.browse(self.report.action_correct()["res_id"])
        self._send(working)
        self._control()
        self.assertFalse(working.has_drifted)

    def test_a_customer_that_changed_is_found(self):
        self.project.partner_id = self.partner_a
        self.timesheet.invalidate_recordset()
        self._slip_through(
            "UPDATE sale_order_line SET order_partner_id = %s WHERE id = %s",
            self.partner_a.id,
            self.order_line.id,
        )
        self._control()
        self.assertTrue(self.report.has_drifted)
        self.assertIn(self.partner_a.name, str(self.report.drift_changes))

    def test_changed_evidence_is_found(self):
        for query in (
            "UPDATE cra_report_line SET description = 'Gold' WHERE report_id = %s",
            "UPDATE cra_report SET time_unit = 'day' WHERE id = %s",
            "UPDATE cra_report SET digest = repeat('0', 64) WHERE id = %s",
            "UPDATE ir_attachment SET checksum = repeat('0', 40) WHERE id = "
            "(SELECT document_id FROM cra_report WHERE id = %s)",
        ):
            with self.subTest(query), self.cr.savepoint() as savepoint:
                self._slip_through(query, self.report.id)
                self._control()
                self.assertTrue(self.report.has_drifted)
                self.assertIn("itself is no longer", self.report.drift_note)
                savepoint.rollback()
                self.env.invalidate_all()

    def test_nothing_of_the_evidence_is_written_or_deleted_by_anybody(self):
        with self.enter_registry_test_mode():
            self._render(
                self.env.ref(
                    "sale_timesheet_cra.ir_cron_cra_decision_documents"
                ).method_direct_trigger
            )
        self.env.invalidate_all()
        report = self.report.sudo()
        signature = self.env["ir.attachment"].search(
            [
                ("res_model", "=", "cra.approval"),
                ("res_field", "=", "signature"),
                ("res_id", "=", report.approval_ids.id),
            ]
        )
        self.assertTrue(report.signed_document_id and signature)
        draft = self._create_timesheet(date(2026, 4, 1)) and self._generate(month=4)
        forged = {"report_id": report.id, "date": date(2026, 3, 4), "unit_amount": 1}
        for attempt in (
            lambda: report.line_ids.write({"remark": "Later"}),
            lambda: report.line_ids.unlink(),
            lambda: report.line_ids.create(forged),
            lambda: draft.sudo().line_ids.write({"report_id": report.id}),
            lambda: report.write({"deadline_days": 1}),
            lambda: report.write({"line_ids": [Command.clear()]}),
            lambda: report.write({"signed_document_id": False}),
            lambda: report.unlink(),
            lambda: report.approval_ids.write({"signed_by": "Somebody"}),
            lambda: report.approval_ids.unlink(),
            lambda: report.document_id.write({"raw": b"%PDF"}),
            lambda: report.document_id.unlink(),
            lambda: report.signed_document_id.write({"datas": b"AAAA"}),
            lambda: report.signed_document_id.unlink(),
            lambda: signature.write({"datas": b"AAAA"}),
            lambda: signature.unlink(),
        ):
            with self.assertRaises(UserError), self.cr.savepoint():
                attempt()
            self.env.invalidate_all()
        self.report.action_verify()
        self.assertFalse(self.report.has_drifted)

    def test_verifying_tells_and_marks(self):
        reader = self.report.with_user(self.consultant)
        result = reader.action_verify()
        self.assertEqual(result["params"]["type"], "success")
        self._set_hours(9)
        result = reader.action_verify()
        self.assertEqual(result["params"]["type"], "danger")
        self.assertIn(self.report.name, result["params"]["message"])
        self.assertTrue(self.report.has_drifted)
        draft = self._create_timesheet(date(2026, 4, 1)) and self._generate(month=4)
        with self.assertRaisesRegex(UserError, "not sent yet"):
            draft.action_verify()

    def test_drifted_time_is_not_invoiced(self):
        self._set_hours(9)
        with (
            self.assertRaisesRegex(UserError, "no longer what the customer"),
            self.cr.savepoint(),
        ):
            self.report.with_user(self.accountant).action_create_invoices()
        invoice = self.order_line.order_id._create_invoices()
        self.assertEqual(invoice.invoice_line_ids.quantity, 4)
        self.assertEqual(invoice.timesheet_ids, self.other)
        self.assertTrue(self.report.has_drifted)
        self.assertTrue(self.timesheet.cra_hold)

    def test_drifted_time_is_not_invoiced_by_the_period_either(self):
        self._set_hours(9)
        order = self.order_line.order_id
        wizard = self.env["sale.advance.payment.inv"].create(
            {
                "sale_order_ids": order.ids,
                "date_start_invoice_timesheet": date(2026, 3, 1),
                "date_end_invoice_timesheet": date(2026, 3, 31),
            }
        )
        invoice = wizard._create_invoices(order)
        self.assertEqual(invoice.invoice_line_ids.quantity, 4)

    def test_the_control_mends_what_is_held(self):
        self._slip_through(
            "UPDATE account_analytic_line SET cra_hold = TRUE WHERE id = %s",
            self.timesheet.id,
        )
        self._control()
        self.assertFalse(self.timesheet.cra_hold)

    def test_a_report_that_cannot_be_checked_stops_no_other(self):
        self._create_timesheet(date(2026, 4, 1), 3)
        april = self._generate(month=4)
        self._send(april)
        self._set_hours(9)
        self._slip_through(
            "UPDATE cra_report SET digest_version = 99 WHERE id = %s", april.id
        )
        with self.assertLogs("odoo.addons.sale_timesheet_cra", "ERROR"):
            self._control()
        self.assertTrue(self.report.has_drifted)
        self.assertTrue(april.checked_on)


@tagged("post_install", "-at_install")
class TestCraLateTime(CraCommon):
    """Time that is entered into a period the customer has received already."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2), 8)
        cls.report = cls._generate()

    def setUp(self):
        super().setUp()
        self._send(self.report)

    def test_it_is_refused_with_the_way_out(self):
        self.policy.late_time = "refuse"
        moved = self._create_timesheet(date(2026, 4, 1), 2)
        for agreed in (False, True):
            if agreed:
                self._agree(self.report)
            for enter in (
                lambda: self._create_timesheet(date(2026, 3, 3), 4),
                lambda: moved.sudo().write({"date": date(2026, 3, 3)}),
            ):
                with (
                    self.assertRaisesRegex(
                        UserError, f"{self.report.name}.*Mona Manager to choose Correct"
                    ),
                    self.cr.savepoint(),
                ):
                    enter()
        self.report.action_correct()
        self._create_timesheet(date(2026, 3, 3), 4)

    def test_other_time_is_not_refused(self):
        self.policy.late_time = "refuse"
        other, _line = self._create_project("Gemini", self.chloe)
        self._create_timesheet(date(2026, 3, 3), project=other)
        self._create_timesheet(date(2026, 3, 3), employee=self.bruno)
        self._create_timesheet(date(2026, 4, 1))
        self._create_timesheet(date(2026, 3, 3), so_line=False)
        self.report.sudo().approval_ids._refuse("No")
        self._create_timesheet(date(2026, 3, 3))

    def test_it_is_reported_at_once(self):
        self._agree(self.report)
        late = self._create_timesheet(date(2026, 3, 27), 4)
        self.assertTrue(self.report.has_drifted)
        self.assertEqual(self.report.activity_ids.user_id, self.manager)
        self.assertIn("+04:00", str(self.report.drift_changes))
        self._create_timesheet(date(2026, 3, 28), 1)
        self.assertEqual(len(self.report.activity_ids), 1)
        self.assertTrue(late.cra_hold)
        invoice = self.report.with_user(self.accountant).action_create_invoices()
        invoice = self.env["account.move"].browse(invoice["res_id"])
        self.assertEqual(invoice.timesheet_ids, self.timesheet)
        working = self.report.browse(self.report.action_correct()["res_id"])
        self.assertEqual(working.total_hours, 13)

    def test_deleting_it_ends_the_report_of_it(self):
        late = self._create_timesheet(date(2026, 3, 27), 4)
        self.assertTrue(self.report.has_drifted)
        late.unlink()
        self.report.action_verify()
        self.assertFalse(self.report.has_drifted)
