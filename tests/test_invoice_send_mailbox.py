from datetime import timedelta
from email.utils import parseaddr

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common_sending import SendingCommon

MINUTE = "2026-11-23 10:00:05"


@tagged("post_install", "-at_install")
class TestInvoiceSendMailbox(SendingCommon):
    """Through which mailbox invoices leave, as whom, and how fast."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param(
            "mail.server.personal.limit.minutes", 2
        )
        cls.shared = cls._use_server(name="Shared", from_filter="company.example.com")
        cls.personal = cls.env["ir.mail_server"].create(
            {
                "name": "Anne's mailbox",
                "smtp_host": "personal.example.com",
                "smtp_user": cls.accountant.email,
                "from_filter": cls.accountant.email,
                "owner_user_id": cls.accountant.id,
            }
        )
        cls.company.invoice_mail_template_id = cls._create_template(
            email_from="{{ object.company_id.email_formatted }}"
        )
        cls.company.email = "billing@company.example.com"

    def test_the_mailbox_is_the_projects_else_the_customers_else_the_companys(self):
        of_customer = self._use_server(name="Of the customer")
        self.company.invoice_mail_server_id = self.shared
        self.customer_1.with_company(self.company).invoice_mail_server_id = of_customer
        run = self._open_run(self._invoices())
        self.assertEqual(
            run.line_ids.mapped("mail_server_id.name"), ["Of the customer", "Shared"]
        )
        run.mail_server_id = self.personal
        self.assertEqual(run.line_ids.mail_server_id, self.personal)

    def test_from_and_server_are_known_before_anything_leaves(self):
        run = self._open_run(self._invoices())
        line = run.line_ids[0]
        self.assertEqual(line.effective_server_id, self.shared)
        self.assertIn("billing@company.example.com", line.sender)
        self.assertFalse(run.alerts)
        self.shared.from_filter = "notify.example.com"
        self.company.alias_domain_id = self.env["mail.alias.domain"].create(
            {"name": "notify.example.com", "default_from": "invoices"}
        )
        run.action_check()
        self.assertIn("invoices@notify.example.com", line.sender)
        [alert] = run.alerts.values()
        self.assertIn("billing@company.example.com", alert["message"])
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(
            {parseaddr(mail["From"]) for mail in self.received},
            {parseaddr(line.sender)},
        )

    def test_an_accountant_chooses_shared_servers_and_their_own_mailbox_only(self):
        theirs = self._use_server(
            name="Bob's",
            owner_user_id=self.env.ref("base.user_admin").id,
            from_filter="bob@example.com",
        )
        servers = self.env["ir.mail_server"].with_user(self.accountant)
        self.assertEqual(servers.search([]), self.shared + self.personal)
        with self.assertRaises(AccessError):
            servers.browse(theirs.id).read(["name"])
        with self.assertRaises(AccessError):
            servers.browse(self.shared.id).read(["smtp_pass"])
        moves = self._invoices()
        run = self._open_run(moves)
        run.sudo().mail_server_id = theirs
        run.action_check()
        self.assertEqual(set(run.line_ids.mapped("state")), {"blocked"})
        self.assertIn("Bob's is the mailbox of", run.line_ids[0].blocker_text)
        with self.assertRaises(UserError):
            run.action_send()

    def test_ones_own_mailbox_works_in_the_background_under_ones_own_name(self):
        run = self._open_run(self._invoices()[:2])
        run.mail_server_id = self.personal
        run.action_check()
        self.assertIn(self.accountant.email, run.line_ids[0].sender)
        with self._mail_server():
            run.action_send()
            self._run_outbox()
        self.assertEqual(set(run.line_ids.mapped("state")), {"sent"})
        self.assertEqual(
            {parseaddr(mail["From"]) for mail in self.received},
            {parseaddr(self.accountant.email_formatted)},
        )
        self.assertEqual(run.line_ids[0].message_id.mail_server_id, self.personal)

    def test_a_mailbox_that_is_not_connected_any_more_blocks_with_a_link(self):
        run = self._open_run(self._invoices())
        run.mail_server_id = self.personal
        self.personal.from_filter = "other@example.com"
        self.accountant.invalidate_recordset()
        run.action_check()
        [issue] = run.line_ids[0].blockers
        self.assertEqual(issue["code"], "mailbox")
        self.assertEqual((issue["res_model"], issue["res_id"]), (run._name, run.id))

    def test_a_server_that_sends_invoices_cannot_be_archived_unnoticed(self):
        self.customer_1.with_company(self.company).invoice_mail_server_id = self.shared
        with self.assertRaisesRegex(UserError, "Customer 1"):
            self.shared.active = False

    # === LIMITS === #
    def test_the_limit_of_a_mailbox_is_kept_and_told_before(self):
        moves = self.env["account.move"].union(
            *(self._invoice(self.customer_1) for _number in range(5))
        )
        run = self._open_run(moves)
        run.mail_server_id = self.personal
        start = fields.Datetime.to_datetime(MINUTE)
        with self._mail_server():
            with freeze_time(start):
                run.action_check()
                self.assertEqual(run.expected_end, start + timedelta(minutes=2))
                run.action_send()
                self._run_outbox()
                self.assertEqual(len(self.received), 2)
                self._run_outbox()
                self.assertEqual(len(self.received), 2, "the limit is two a minute")
                waiting = run.line_ids.filtered(lambda line: line.state == "queued")
                self.assertEqual(
                    [str(line.next_try) for line in waiting],
                    ["2026-11-23 10:01:00"] * 2 + ["2026-11-23 10:02:00"],
                    "each row says when it leaves",
                )
                self.assertEqual(set(waiting.mapped("attempts")), {0})
            for minute in (1, 2):
                with freeze_time(start + timedelta(minutes=minute)):
                    self._run_outbox()
                self.assertEqual(len(self.received), min(2 + 2 * minute, 5))
        self.assertEqual(set(run.line_ids.mapped("state")), {"sent"})

    def test_what_core_sent_this_minute_counts_too(self):
        run = self._open_run(self._invoices())
        run.mail_server_id = self.personal
        with self._mail_server(), freeze_time(MINUTE):
            self.personal.write(
                {
                    "owner_limit_time": fields.Datetime.now().replace(second=0),
                    "owner_limit_count": 1,
                }
            )
            run.action_send()
            self._run_outbox()
            self.assertEqual(len(self.received), 1)
