from email.utils import parseaddr

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common_sending import SendingCommon


@tagged("post_install", "-at_install")
class TestInvoiceSendCheck(SendingCommon):
    """What the run says of each row before anything leaves."""

    def _codes(self, line, name="blockers"):
        return [issue["code"] for issue in line[name] or ()]

    # === ISSUES AND THEIR WAY OUT === #
    def test_giving_recipients_to_a_blocked_row_mends_it_at_once(self):
        self.customer_2.email = False
        moves = self._invoices()
        run = self._open_run(moves)
        line = self._line(run, moves[1])
        self.assertEqual(self._codes(line), ["no_email"])
        line.partner_ids = self.customer_3
        self.assertEqual(line.state, "draft")
        self.assertFalse(line.blockers)

    def test_a_row_mended_elsewhere_is_free_when_somebody_comes_back(self):
        self.customer_2.email = False
        moves = self._invoices()
        run = self._open_run(moves)
        self.assertFalse(run.action_check_blocked())
        self.customer_2.email = "mended@example.com"
        run.line_ids.invalidate_recordset()
        self.assertTrue(run.action_check_blocked())
        self.assertEqual(set(run.line_ids.mapped("state")), {"draft"})

    def test_an_invoice_of_a_company_that_is_not_the_senders_stays_behind(self):
        moves = self._invoices()
        run = self._open_run(moves)
        other = self._create_company(name="Other company")
        self.accountant.sudo().write(
            {
                "company_ids": [Command.set(other.ids)],
                "company_id": other.id,
            }
        )
        run.sudo()._check()
        line = run.sudo().line_ids[0]
        self.assertIn("other_company", self._codes(line))
        issue = next(i for i in line.blockers if i["code"] == "other_company")
        self.assertEqual(
            (issue["res_model"], issue["res_id"]), ("res.users", self.accountant.id)
        )

    def test_what_the_customer_has_not_agreed_to_stays_behind(self):
        moves = self._invoices()
        employee = self.env["hr.employee"].sudo().create({"name": "Alice"})
        project = self.env["project.project"].sudo().create({"name": "Apollo"})
        timesheet = (
            self.env["account.analytic.line"]
            .sudo()
            .create(
                {
                    "name": "Work",
                    "project_id": project.id,
                    "employee_id": employee.id,
                    "unit_amount": 2,
                }
            )
        )
        self.env.flush_all()
        # Held time is not invoiced; only SQL and other addons can get here.
        self.env.cr.execute(
            "UPDATE account_analytic_line SET cra_hold = TRUE, "
            "timesheet_invoice_id = %s WHERE id = %s",
            [moves[0].id, timesheet.id],
        )
        self.env.invalidate_all()
        run = self._open_run(moves)
        self.assertEqual(self._codes(run.line_ids[0]), ["not_agreed"])
        self.assertEqual(set(run.line_ids[1:].mapped("state")), {"draft"})

    def test_all_issues_of_a_row_are_told(self):
        self.customer_1.email = False
        move = self._invoice(self.customer_1)
        move.button_draft()
        run = self._open_run(move + self._invoice(self.customer_2))
        self.assertEqual(self._codes(self._line(run, move)), ["not_posted", "no_email"])

    def test_choosing_another_method_unblocks_a_row_without_an_address(self):
        self.customer_1.email = False
        run = self._open_run(self._invoices())
        line = run.line_ids[0]
        self.assertTrue(line.sending_methods["email"]["checked"])
        line.sending_methods = {
            **line.sending_methods,
            "email": {"checked": False, "label": ""},
            "manual": {"checked": True, "label": ""},
        }
        self.assertEqual(line.methods, ["manual"])
        self.assertEqual(line.state, "draft")

    # === DOCUMENTS === #
    def _sell(self, move):
        """Give an invoice a sales order, with what the customer sent and signed."""
        # sudo: another person sells
        order = self.env["sale.order"].sudo().create({"partner_id": move.partner_id.id})
        line = order.order_line.create(
            {
                "order_id": order.id,
                "product_id": self.product_a.id,
                "invoice_lines": [Command.set(move.invoice_line_ids[:1].ids)],
            }
        )
        self.assertEqual(move.invoice_line_ids.sale_line_ids, line)
        return order

    def _file(self, name, record, content=b"%PDF of the customer"):
        return (
            self.env["ir.attachment"]
            .sudo()
            .create(
                {
                    "name": name,
                    "raw": content,
                    "res_model": record._name,
                    "res_id": record.id,
                }
            )
        )

    def test_the_customers_order_goes_along_where_the_customer_wants_it(self):
        kind = self.env.ref("sale_timesheet_cra.invoice_document_kind_purchase_order")
        self.customers[:2].invoice_document_kinds = kind
        moves = self._invoices()
        order = self._sell(moves[0])
        order.client_order_file_ids = self._file("order 4711.pdf", order)
        run = self._open_run(moves)
        first, second, third = run.line_ids
        self.assertIn("order 4711.pdf", first.documents_label)
        self.assertEqual(self._codes(second, "warnings"), ["no_document"])
        self.assertFalse(third.warnings)
        self.assertEqual(second.state, "draft", "a warning blocks nothing")
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        names = [
            {part.get_filename() for part in message.walk()}
            for message in self.received
        ]
        self.assertEqual(sum("order 4711.pdf" in found for found in names), 1)

    def test_the_companys_terms_go_along_and_a_project_can_ask_for_them(self):
        terms = self.env["ir.attachment"].create({"name": "terms.pdf", "raw": b"%PDF"})
        self.company.invoice_terms_file_ids = terms
        project = self.env["project.project"].sudo().create({"name": "Apollo"})
        project.invoice_document_kinds = self.env.ref(
            "sale_timesheet_cra.invoice_document_kind_terms"
        )
        moves = self._invoices()
        self._sell(moves[0]).project_id = project
        run = self._open_run(moves)
        self.assertIn("terms.pdf", run.line_ids[0].documents_label)
        self.assertNotIn("terms.pdf", run.line_ids[1].documents_label)

    def test_the_dialog_takes_the_documents_and_nobody_elses_files(self):
        self.customer_1.invoice_document_kinds = self.env.ref(
            "sale_timesheet_cra.invoice_document_kind_purchase_order"
        )
        move = self._invoice(self.customer_1)
        order = self._sell(move)
        order.client_order_file_ids = self._file("order.pdf", order)
        secret = self._file("secret.pdf", self.env["res.company"].create({"name": "X"}))
        dialogs = (
            self.env["account.move.send.wizard"]
            .with_user(self.accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
        )
        wizard = dialogs.create({})
        names = [item["name"] for item in wizard.mail_attachments_widget]
        self.assertIn("order.pdf", names)
        with self._mail_server():
            wizard.action_send_and_print()
        [message] = self.received
        self.assertIn("order.pdf", {part.get_filename() for part in message.walk()})
        wizard = dialogs.create({})
        wizard.mail_attachments_widget = [
            {"id": secret.id, "name": "secret.pdf", "mimetype": "application/pdf"}
        ]
        with self.assertRaises(AccessError):
            wizard.action_send_and_print()

    # === WEIGHT === #
    def test_the_largest_files_become_links_if_the_mailbox_does_not_take_them(self):
        self._use_server(max_email_size=1)
        terms = self.env["ir.attachment"].create(
            {
                "name": "terms.pdf",
                "raw": b"%PDF" + b"x" * 900_000,
                "res_model": "res.company",
                "res_id": self.company.id,
            }
        )
        self.company.invoice_terms_file_ids = terms
        self.customer_1.invoice_document_kinds = self.env.ref(
            "sale_timesheet_cra.invoice_document_kind_terms"
        )
        moves = self._invoices()
        run = self._open_run(moves)
        line = run.line_ids[0]
        self.assertEqual(self._codes(line, "warnings"), ["too_heavy"])
        self.assertEqual(line.warnings[0]["res_id"], moves[0].id)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(set(run.line_ids.mapped("state")), {"sent"})
        [mail] = [m for m in self.received if self.customer_1.email in m["To"]]
        names = {part.get_filename() for part in mail.walk()}
        self.assertNotIn("terms.pdf", names)
        self.assertIn(moves[0].invoice_pdf_report_id.name, names)
        body = line.message_id.body
        self.assertIn("too large for a mail", body)
        self.assertIn(f"/web/content/{terms.id}?", body)
        self.assertIn(terms.access_token, body)
        self.assertNotIn("too large", run.line_ids[1].message_id.body)

    # === RIGHTS === #
    def _salesperson(self, login):
        return new_test_user(
            self.env,
            login=login,
            groups="sales_team.group_sale_salesman",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
            email=f"{login}@example.com",
        )

    def test_salespeople_send_their_invoices_and_see_their_own_runs_only(self):
        anna, bert = self._salesperson("anna"), self._salesperson("bert")
        moves = self._invoices()
        moves.invoice_user_id = anna
        run = self._open_run(moves, user=anna)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(set(run.line_ids.mapped("state")), {"sent"})
        for model in ("invoice.send.run", "invoice.send.line"):
            self.assertFalse(self.env[model].with_user(bert).search([]))
            self.assertTrue(self.env[model].with_user(self.accountant).search([]))
        with self.assertRaises(AccessError):
            run.with_user(bert).action_cancel_rest()
        with self.assertRaises(AccessError):
            run.line_ids[0].with_user(bert).action_preview()

    def test_one_run_sends_invoices_of_several_companies(self):
        other = self._create_company(name="Other company")
        self.accountant.sudo().company_ids += other
        moves = self._invoices()[:1] + self._invoice(self.customer_2, company=other)
        companies = (self.company + other).ids
        run = (
            moves.with_user(self.accountant)
            .with_context(allowed_company_ids=companies)
            .env["invoice.send.run"]
            ._open(
                moves.with_user(self.accountant).with_context(
                    allowed_company_ids=companies
                )
            )
        )
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "sent"])
        self.assertEqual(run.line_ids.company_id, self.company + other)
        self.assertEqual(
            moves.invoice_pdf_report_id.mapped("company_id"), self.company + other
        )

    # === PREVIEW === #
    def test_a_preview_is_the_mail_and_leaves_nothing_behind(self):
        moves = self._invoices()
        run = self._open_run(moves)
        run.note = "Closed in August"
        line = run.line_ids[0]
        before = self.env["mail.message"].search_count([])
        with self._mail_server():
            action = line.action_preview()
            self.assertFalse(self.received)
            preview = self.env["invoice.send.preview"].browse(action["res_id"])
            shown = preview.with_user(self.accountant)
            self.assertEqual(self.env["mail.message"].search_count([]), before)
            self.assertFalse(moves[0].invoice_pdf_report_id)
            self.assertFalse(moves[0].is_move_sent)
            self.assertEqual(line.state, "draft")
            run.action_send()
            self._run_outbox()
        [mail] = [m for m in self.received if self.customer_1.email in m["To"]]
        self.assertEqual(shown.subject, line.message_id.subject)
        self.assertEqual(parseaddr(shown.sender), parseaddr(mail["From"]))
        self.assertIn(self.customer_1.email, shown.recipients)
        self.assertIn("Closed in August", shown.body)
        sent = sorted(
            part.get_filename() for part in mail.walk() if part.get_filename()
        )
        self.assertEqual(sorted(shown.attachment_ids.mapped("name")), sent)
        self.assertTrue(shown.attachment_ids[0].raw)

    def test_a_preview_of_what_left_shows_what_left(self):
        run = self._open_run(self._invoices())
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        line = run.line_ids[0]
        action = line.action_preview()
        preview = self.env["invoice.send.preview"].browse(action["res_id"])
        self.assertEqual(preview.subject, line.message_id.subject)
        self.assertEqual(
            preview.attachment_ids.mapped("name"),
            line.message_id.attachment_ids.mapped("name"),
        )

    def test_a_preview_says_why_a_mail_cannot_be_made(self):
        run = self._open_run(self._invoices())
        run.mail_template_id = self._create_template(
            body_html="<p t-out=\"1 / (object.partner_id.name != 'Customer 2')\"/>"
        )
        with (
            mute_logger("odoo.addons.mail.models.mail_render_mixin"),
            self.assertRaisesRegex(UserError, "division by zero"),
        ):
            run.line_ids[1].action_preview()
