from contextlib import contextmanager
from datetime import timedelta
from email.utils import parseaddr
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common_sending import SendingCommon, hang_up, refuse

OUTBOX = "odoo.addons.sale_timesheet_cra.models.invoice_send_outbox"
MAIL = "odoo.addons.mail.models.mail_mail"


@tagged("post_install", "-at_install")
class TestInvoiceSendRun(SendingCommon):
    # === OPENING === #
    def test_send_on_several_invoices_opens_a_run_with_one_row_each(self):
        moves = self._invoices() + self._invoice(self.customer_1, "out_refund")
        run = self._open_run(moves)
        self.assertEqual(run.line_ids.move_id, moves)
        self.assertEqual(run.user_id, self.accountant)
        self.assertEqual(set(run.line_ids.mapped("state")), {"draft"})
        line = self._line(run, moves[0])
        self.assertEqual(line.partner_ids, self.customer_1)
        self.assertIn(".pdf (~", line.documents_label)

    def test_send_on_one_invoice_keeps_the_dialog(self):
        move = self._invoice(self.customer_1).with_user(self.accountant)
        action = move.action_send_and_print()
        self.assertEqual(action["res_model"], "account.move.send.wizard")

    def test_a_run_takes_as_many_queries_for_100_invoices_as_for_10(self):
        first = self._invoice(self.customer_1)
        copies = first.browse()
        for _hundred in range(111):
            copies += first.copy({"invoice_date": first.invoice_date})
        copies.action_post()
        counts = []
        for moves in (copies[:1] + first, copies[1:11], copies[11:]):
            self.env.invalidate_all()
            with self._count_queries() as opening:
                run = self._open_run(moves)
            with self._count_queries() as reading:
                run.web_read({"line_ids": {"fields": {"documents_label": {}}}})
            with self._count_queries() as sending:
                run.action_send()
            counts.append([*opening, *reading, *sending])
            self.assertEqual(set(run.line_ids.mapped("state")), {"queued"})
        for few, many in zip(*counts[1:], strict=True):
            self.assertLessEqual(many - few, 3, counts)
        self.assertLess(sum(counts[2]), 200)

    @contextmanager
    def _count_queries(self):
        """Count the queries of the block, and of what it leaves to be written."""
        found = []
        before = self.env.cr.sql_log_count
        yield found
        self.env.flush_all()
        found.append(self.env.cr.sql_log_count - before)
        self.env.invalidate_all()

    # === BLOCKED ROWS === #
    def test_rows_without_email_stay_behind_with_a_link_and_the_rest_goes(self):
        self.customer_2.email = False
        moves = self._invoices()
        run = self._open_run(moves)
        blocked = self._line(run, moves[1])
        self.assertEqual(blocked.state, "blocked")
        self.assertIn("Customer 2 has no email address", blocked.blocker_text)
        [issue] = blocked.blockers
        self.assertEqual(issue["res_model"], "res.partner")
        self.assertEqual(issue["res_id"], self.customer_2.id)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "blocked", "sent"])
        self.assertEqual(
            sorted(self.reached),
            [self.customer_1.email, self.customer_3.email],
        )
        self.assertEqual(run.state, "done")

    def test_a_mended_row_can_still_be_sent_from_the_same_run(self):
        self.customer_2.email = False
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
            self.customer_2.email = "late@example.com"
            run.line_ids.invalidate_recordset()
            run.action_check()
            run.action_send()
            self._run_outbox()
        self.assertEqual(set(run.line_ids.mapped("state")), {"sent"})
        self.assertEqual(len(self.received), 3)

    def test_an_invoice_that_is_not_posted_stays_behind(self):
        moves = self._invoices()
        moves[0].button_draft()
        run = self._open_run(moves)
        self.assertEqual(self._line(run, moves[0]).state, "blocked")

    def test_a_second_sending_is_asked_for(self):
        moves = self._invoices()
        with self._mail_server():
            self._open_run(moves).action_send()
            self._run_outbox()
            run = self._open_run(moves)
            self.assertEqual(set(run.line_ids.mapped("state")), {"blocked"})
            self.assertIn("Already sent", run.line_ids[0].blocker_text)
            with self.assertRaises(UserError):
                run.action_send()
            run.line_ids[0].action_send_again()
            run.action_send()
            self._run_outbox()
        self.assertEqual(len(self.received), 4)

    def test_an_invoice_held_by_a_run_is_blocked_elsewhere_and_names_that_run(self):
        moves = self._invoices()
        first, second = self._open_run(moves), self._open_run(moves[:2])
        first.action_send()
        with self.assertRaises(UserError):
            second.action_send()
        second.action_check()
        self.assertEqual(set(second.line_ids.mapped("state")), {"blocked"})
        self.assertIn(first.name, second.line_ids[0].blocker_text)
        self.assertIn("Anne Accountant", second.line_ids[0].blocker_text)

    def test_cores_dialog_refuses_an_invoice_held_by_a_run(self):
        moves = self._invoices()
        run = self._open_run(moves)
        run.action_send()
        with self.assertRaisesRegex(UserError, run.name):
            moves[0].with_user(self.accountant).action_send_and_print()
        with self.assertRaisesRegex(UserError, run.name):
            self.env["account.move.send"]._generate_and_send_invoices(moves[0])

    # === SENDING === #
    def test_sending_posts_as_the_person_who_started_the_run(self):
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server():
            run.action_send()
            self.assertEqual(set(run.line_ids.mapped("state")), {"queued"})
            self.assertFalse(any(moves.mapped("is_move_sent")))
            self._run_outbox()
        self.assertEqual(set(run.line_ids.mapped("state")), {"sent"})
        self.assertEqual(run.line_ids.message_id.create_uid, self.accountant)
        self.assertTrue(all(moves.mapped("is_move_sent")))
        self.assertEqual(set(run.line_ids.mapped("delivery")), {"Delivered"})
        self.assertEqual(run.progress, 100)

    def test_the_mail_holds_everything_core_collects_and_the_runs_own_files(self):
        moves = self._invoices()
        annex = self.env["ir.attachment"].create(
            {
                "name": "annex.pdf",
                "raw": b"%PDF annex",
                "res_model": "account.move",
                "res_id": moves[0].id,
            }
        )
        run = self._open_run(moves)
        run.attachment_ids = run.env["ir.attachment"].create(
            {"name": "terms.txt", "raw": b"terms"}
        )
        send = type(self.env["account.move.send"])
        collect = send._get_invoice_extra_attachments

        def with_annex(model, move):
            found = collect(model, move)
            return found + annex if move == moves[0] else found

        with (
            patch.object(send, "_get_invoice_extra_attachments", with_annex),
            self._mail_server(),
        ):
            run.action_send()
            self._run_outbox()
        self.assertEqual(set(run.line_ids.mapped("state")), {"sent"})
        names = {
            parseaddr(message["To"])[1]: {
                part.get_filename() for part in message.walk()
            }
            - {None}
            for message in self.received
        }
        first, second = (names[c.email] for c in self.customers[:2])
        self.assertIn(moves[0].invoice_pdf_report_id.name, first)
        self.assertIn("annex.pdf", first)
        self.assertIn("terms.txt", first)
        self.assertNotIn("annex.pdf", second)
        self.assertIn("terms.txt", second)
        documents = run.line_ids[0].documents
        self.assertEqual({document["name"] for document in documents}, first)
        self.assertTrue(all(document["exact"] for document in documents))

    def test_the_note_is_text_in_the_marked_place_of_each_mail(self):
        template = self._create_template(
            body_html='<p>Before</p><p class="o_invoice_send_note">x</p><p>After</p>'
        )
        run = self._open_run(self._invoices())
        run.mail_template_id = template
        run.note = "Closed in <August>"
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        body = run.line_ids[0].message_id.body
        self.assertLess(body.index("Before"), body.index("Closed in &lt;August&gt;"))
        self.assertLess(body.index("&lt;August&gt;"), body.index("After"))

    def test_the_ready_made_templates_have_a_place_for_the_note(self):
        invoice = self._invoice(self.customer_1)
        credit_note = self._invoice(self.customer_1, "out_refund")
        for name, move in (
            ("mail_template_invoice", invoice),
            ("mail_template_invoice_annexes", invoice),
            ("mail_template_credit_note", credit_note),
        ):
            run = self._open_run(move + self._invoice(self.customer_2))
            run.mail_template_id = self.env.ref(f"sale_timesheet_cra.{name}")
            run.note = "Closed in August"
            action = self._line(run, move).action_preview()
            preview = run.env["invoice.send.preview"].browse(action["res_id"])
            body = str(preview.body)
            self.assertLess(body.index(move.name), body.index("Closed in August"), name)
            self.assertLess(
                body.index("Closed in August"), body.index("Do not hesitate"), name
            )
            self.assertIn(move.name, preview.subject)

    def test_template_is_the_customers_else_the_companys_else_cores(self):
        core = self.env.ref("account.email_template_edi_invoice")
        of_customer, of_company = core.copy(), core.copy()
        moves = self._invoices()
        self.customer_1.with_company(
            self.company
        ).invoice_mail_template_id = of_customer
        run = self._open_run(moves)
        self.assertEqual(
            [line.mail_template_id for line in run.line_ids], [of_customer, core, core]
        )
        self.company.invoice_mail_template_id = of_company
        run = self._open_run(moves)
        self.assertEqual(
            [line.mail_template_id for line in run.line_ids],
            [of_customer, of_company, of_company],
        )

    def test_those_who_get_copies_are_recipients_of_their_own(self):
        boss = self.env["res.partner"].create(
            {"name": "Boss", "email": "b@example.com"}
        )
        self.customer_1.invoice_cc_partner_ids = boss
        run = self._open_run(self._invoices())
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids[0].partner_ids, self.customer_1 + boss)
        self.assertEqual(len(self.received), 4)
        self.assertIn(boss.email, sorted(self.reached))

    def test_the_customers_language_governs_the_mail(self):
        for lang in ("en_US", "fr_FR"):
            self.env["res.lang"]._activate_lang(lang)
        template = self._create_template(lang="{{ object.partner_id.lang }}")
        template.with_context(lang="en_US").subject = "Invoice {{ object.name }}"
        template.with_context(lang="fr_FR").subject = "Facture {{ object.name }}"
        self.customers.lang = "en_US"
        self.customer_1.lang = "fr_FR"
        run = self._open_run(self._invoices())
        run.mail_template_id = template
        self.assertEqual(run.line_ids[0].mail_lang, "fr_FR")
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertIn("Facture", run.line_ids[0].message_id.subject)
        self.assertNotIn("Facture", run.line_ids[1].message_id.subject)

    def test_customers_who_download_are_skipped_and_told_so(self):
        self.customer_1.invoice_sending_method = "manual"
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids[0].state, "skipped")
        self.assertIn("download", run.line_ids[0].error)
        self.assertTrue(moves[0].invoice_pdf_report_id)
        self.assertEqual(len(self.received), 2)

    def test_sending_later_waits_for_its_time(self):
        run = self._open_run(self._invoices())
        run.scheduled_on = fields.Datetime.now() + timedelta(hours=2)
        with self._mail_server():
            run.action_schedule()
            self._run_outbox()
            self.assertEqual(run.state, "scheduled")
            self.assertFalse(self.received)
            with freeze_time(fields.Datetime.now() + timedelta(hours=3)):
                self._run_outbox()
        self.assertEqual(len(self.received), 3)

    def test_the_outbox_is_woken_at_the_time_a_run_is_to_leave(self):
        run = self._open_run(self._invoices())
        run.scheduled_on = "2030-01-01 06:00:00"
        with freeze_time("2029-12-31 12:00:00"):
            run.action_schedule()
        cron = self.env.ref("sale_timesheet_cra.ir_cron_process_send_lines")
        triggers = self.env["ir.cron.trigger"].sudo()
        triggers = triggers.search([("cron_id", "=", cron.id)])
        self.assertIn(run.scheduled_on, triggers.mapped("call_at"))

    def test_a_run_that_waits_for_its_time_can_be_changed_and_sent_now(self):
        moves = self._invoices()
        run = self._open_run(moves)
        run.scheduled_on = fields.Datetime.now() + timedelta(hours=2)
        with self._mail_server():
            run.action_schedule()
            with self.assertRaises(UserError):
                run.note = "too late"
            run.action_unschedule()
            self.assertEqual(run.state, "draft")
            self.assertFalse(moves[0].send_state, "it was not sent yet")
            run.note = "Closed in August"
            run.action_send()
            self._run_outbox()
        self.assertEqual(len(self.received), 3)
        self.assertIn("Closed in August", run.line_ids[0].message_id.body)

    def test_cancelling_the_rest_keeps_what_was_sent(self):
        self.customer_2.email = False
        run = self._open_run(self._invoices())
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        run.action_cancel_rest()
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "cancelled", "sent"])

    # === BAD INVOICES === #
    def test_an_invoice_whose_documents_fail_fails_alone_and_says_why(self):
        moves = self._invoices()
        bad = moves[1]
        send = type(self.env["account.move.send"])
        render = send._hook_invoice_document_before_pdf_report_render

        def fail(model, invoice, data):
            if invoice == bad:
                raise ValueError("no such font")
            return render(model, invoice, data)

        run = self._open_run(moves)
        with (
            patch.object(send, "_hook_invoice_document_before_pdf_report_render", fail),
            self._mail_server(),
        ):
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "failed", "sent"])
        self.assertIn("no such font", run.line_ids[1].error)
        self.assertIn("no such font", bad.message_ids[0].body)
        self.assertEqual(moves.mapped("is_move_sent"), [True, False, True])
        with self._mail_server():
            run.action_retry_failed()
            self._run_outbox()
        self.assertEqual(set(run.line_ids.mapped("state")), {"sent"})
        self.assertEqual(sorted(self.reached), [self.customer_2.email])

    def test_an_invoice_whose_mail_cannot_be_rendered_fails_alone(self):
        template = self._create_template(
            body_html="<p t-out=\"1 / (object.partner_id.name != 'Customer 2')\"/>"
        )
        run = self._open_run(self._invoices())
        run.mail_template_id = template
        with (
            self._mail_server(),
            mute_logger("odoo.addons.mail.models.mail_render_mixin"),
        ):
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "failed", "sent"])

    def test_an_e_invoice_that_cannot_be_made_fails_alone_with_cores_words(self):
        self.customer_2.invoice_edi_format = "facturx"  # but our company has no VAT id
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "failed", "sent"])
        self.assertIn("Factur-x", run.line_ids[1].error)
        self.assertIn("Factur-x", moves[1].message_ids[0].body)
        self.assertFalse(moves[1].is_move_sent)

    def test_an_e_invoice_leaves_with_the_mail(self):
        self.company.write(
            {"vat": "FR23334175221", "phone": "+33 1", "email": "us@example.com"}
        )
        bank = self.env["res.partner.bank"].create(
            {
                "acc_number": "FR7630006000011234567890189",
                "partner_id": self.company.partner_id.id,
            }
        )
        self.customer_1.write({"invoice_edi_format": "facturx", "vat": False})
        moves = self._invoice(
            self.customer_1, taxes=self.company_data["default_tax_sale"]
        ) + self._invoice(self.customer_2)
        moves.partner_bank_id = bank
        run = self._open_run(moves)
        self.assertIn("xml", run.line_ids[0].documents_label)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "sent"])
        names = [
            {part.get_filename() for part in message.walk()}
            for message in self.received
        ]
        self.assertIn(moves[0].ubl_cii_xml_id.name, names[0])

    # === THE MAIL SERVER SAYS NO, OR NOTHING === #
    @mute_logger(MAIL)
    def test_a_refused_mail_fails_with_the_servers_words_and_is_not_sent(self):
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server(refuse(550, b"No such mailbox", self.customer_2.email)):
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "failed", "sent"])
        self.assertIn("550 No such mailbox", run.line_ids[1].error)
        self.assertEqual(moves.mapped("is_move_sent"), [True, False, True])
        with self._mail_server():
            self.customer_2.email = "right@example.com"
            run.action_retry_failed()
            self._run_outbox()
        self.assertEqual(run.line_ids[1].state, "sent")
        self.assertEqual(sorted(self.reached), [self.customer_2.email])
        self.assertTrue(moves[1].is_move_sent)

    @mute_logger(MAIL)
    def test_a_retry_reaches_only_those_who_have_nothing_yet(self):
        boss = self.env["res.partner"].create(
            {"name": "Boss", "email": "b@example.com"}
        )
        self.customer_1.invoice_cc_partner_ids = boss
        run = self._open_run(self._invoices())
        with self._mail_server(refuse(550, b"No", boss.email)):
            run.action_send()
            self._run_outbox()
        self.assertEqual(run.line_ids[0].state, "failed")
        self.assertTrue(run.line_ids[0].move_id.is_move_sent)
        with self._mail_server():
            run.action_retry_failed()
            self._run_outbox()
        self.assertEqual(sorted(self.reached), [boss.email])
        self.assertEqual(run.line_ids[0].state, "sent")

    @mute_logger(MAIL)
    def test_a_busy_server_is_tried_again_with_the_same_mail(self):
        run = self._open_run(self._invoices())
        seen = []
        with self._mail_server(refuse(451, b"Busy", self.customer_2.email)):
            run.action_send()
            self._run_outbox()
            seen += self.received
        line = run.line_ids[1]
        self.assertEqual(line.state, "queued")
        self.assertIn("451 Busy", line.error)
        self.assertGreater(line.next_try, fields.Datetime.now())
        message_id = line.message_id.message_id
        with self._mail_server():
            self._run_outbox()
            self.assertFalse(self.received, "too early")
            with freeze_time(fields.Datetime.now() + timedelta(minutes=2)):
                self._run_outbox()
            self.assertEqual([m["Message-Id"] for m in self.received], [message_id])
        self.assertEqual(line.state, "sent")
        self.assertFalse(line.error)

    def test_a_server_that_is_down_keeps_the_rows_queued(self):
        run = self._open_run(self._invoices())
        connect = type(self.env["ir.mail_server"])._connect__
        with self._mail_server():
            run.action_send()
            with patch.object(
                type(self.env["ir.mail_server"]),
                "_connect__",
                side_effect=ConnectionRefusedError(111, "Connection refused"),
            ):
                self._run_outbox()
            self.assertEqual(set(run.line_ids.mapped("state")), {"queued"})
            self.assertIn("Connection refused", run.line_ids[0].error)
            self.assertFalse(any(run.line_ids.move_id.mapped("is_move_sent")))
            with freeze_time(fields.Datetime.now() + timedelta(minutes=2)):
                self._run_outbox()
        self.assertEqual(set(run.line_ids.mapped("state")), {"sent"})
        self.assertEqual(len(self.received), 3)
        self.assertTrue(connect)

    @mute_logger(MAIL)
    def test_a_lost_answer_is_unconfirmed_and_never_sent_again_by_itself(self):
        moves = self._invoices()
        run = self._open_run(moves)
        with self._mail_server(hang_up(self.customer_2.email)):
            run.action_send()
            self._run_outbox()
        line = self._line(run, moves[1])
        self.assertEqual(run.line_ids.mapped("state"), ["sent", "unconfirmed", "sent"])
        with self._mail_server():
            with freeze_time(fields.Datetime.now() + timedelta(days=1)):
                self._run_outbox()
                self.env["mail.mail"].process_email_queue()
            self.assertFalse(self.received)
            with self.assertRaises(UserError):  # still holds the invoice
                moves[1].with_user(self.accountant).action_send_and_print()
        self.assertEqual(line.state, "unconfirmed")

    @mute_logger(MAIL)
    def test_a_server_that_swallows_every_mail_gets_two_and_the_rest_later(self):
        moves = self._invoices() + self._invoice(self.customer_1)
        run = self._open_run(moves)
        with self._mail_server(hang_up()):
            run.action_send()
            self._run_outbox()
        states = run.line_ids.mapped("state")
        self.assertEqual(states, ["unconfirmed", "unconfirmed", "queued", "queued"])
        with (
            self._mail_server(),
            freeze_time(fields.Datetime.now() + timedelta(hours=1)),
        ):
            self._run_outbox()
        self.assertEqual(run.line_ids[2:].mapped("state"), ["sent", "sent"])
        self.assertEqual(len(self.received), 2)

    @mute_logger(MAIL)
    def test_the_accountant_decides_that_an_unconfirmed_mail_arrived(self):
        run = self._open_run(self._invoices())
        with self._mail_server(hang_up(self.customer_2.email)):
            run.action_send()
            self._run_outbox()
        with self._mail_server():
            run.line_ids[1].action_confirm_arrived()
            self._run_outbox()
        self.assertEqual(run.line_ids[1].state, "sent")
        self.assertTrue(run.line_ids[1].move_id.is_move_sent)
        self.assertFalse(self.received)

    @mute_logger(MAIL)
    def test_an_unconfirmed_mail_sent_once_more_keeps_its_message_id(self):
        run = self._open_run(self._invoices())
        with self._mail_server(hang_up(self.customer_2.email)):
            run.action_send()
            self._run_outbox()
        line = run.line_ids[1]
        message_id = line.message_id.message_id
        with self._mail_server():
            line.action_send_unconfirmed()
            self._run_outbox()
        self.assertEqual([m["Message-Id"] for m in self.received], [message_id])
        self.assertEqual(line.state, "sent")

    # === CORE'S OWN DIALOG === #
    def _send_by_dialog(self, move):
        wizard = (
            self.env["account.move.send.wizard"]
            .with_user(self.accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({})
        )
        wizard.action_send_and_print()

    @mute_logger(MAIL)
    def test_cores_dialog_says_sent_only_if_the_mail_left(self):
        refused, accepted = self._invoices()[:2]
        with self._mail_server(refuse(550, b"No", self.customer_1.email)):
            self._send_by_dialog(refused)
            self._send_by_dialog(accepted)
        self.assertFalse(refused.is_move_sent)
        self.assertTrue(accepted.is_move_sent)

    @mute_logger(MAIL)
    def test_a_failed_second_sending_does_not_undo_the_first(self):
        move = self._invoices()[0]
        with self._mail_server():
            self._send_by_dialog(move)
        with self._mail_server(refuse(550, b"No")):
            self._send_by_dialog(move)
        self.assertTrue(move.is_move_sent)

    # === RIGHTS === #
    def test_only_accountants_see_and_start_runs(self):
        run = self._open_run(self._invoices())
        employee = new_test_user(
            self.env, login="send_employee", groups="base.group_user"
        )
        for user in (employee, self.user_public):
            with self.assertRaises(AccessError):
                run.with_user(user).read(["name"])
            with self.assertRaises(AccessError):
                run.with_user(user).action_send()
            with self.assertRaises(AccessError):
                run.line_ids.with_user(user).action_retry()

    def test_runs_of_another_company_are_invisible(self):
        run = self._open_run(self._invoices())
        other = self._create_company(name="Other company")
        stranger = new_test_user(
            self.env,
            login="send_stranger",
            groups="account.group_account_invoice",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        self.assertFalse(
            self.env["invoice.send.run"]
            .with_user(stranger)
            .search([("id", "=", run.id)])
        )
        with self.assertRaises(AccessError):
            run.line_ids.with_user(stranger).read(["state"])

    def test_an_accountant_cannot_write_what_the_run_writes(self):
        run = self._open_run(self._invoices())
        for values in ({"state": "sent"}, {"error": "x"}, {"next_try": False}):
            with self.assertRaises(UserError):
                run.line_ids.write(values)
        with self.assertRaises(UserError):
            run.write({"user_id": self.env.user.id})
        with self.assertRaises(AccessError):
            self.env["invoice.send.run"].with_user(self.accountant).create({})
        run.action_send()
        with self.assertRaises(UserError):
            run.line_ids[0].partner_ids = self.customer_3
        with self.assertRaises(UserError):
            run.note = "too late"

    def test_recipients_changed_on_a_row_are_those_who_get_it(self):
        run = self._open_run(self._invoices())
        run.line_ids[0].partner_ids = self.customer_3
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertNotIn(self.customer_1.email, sorted(self.reached))
        self.assertEqual(len(self.received), 3)
