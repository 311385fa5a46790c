import smtplib
from contextlib import contextmanager
from email import message_from_string

from odoo.tests import new_test_user

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.mail.tests.common import MailCommon


class MailServerCommon(MailCommon):
    """A mail server that can say no."""

    @contextmanager
    def _mail_server(self, answer=None):
        """Receive mails in ``self.received``, their addresses in ``self.reached``.

        :param answer: called with each message's recipients before it is accepted;
            raises what the server answers instead
        """
        with self.mock_mail_gateway(mail_unlink_sent=True):
            received, self.reached = [], []
            self.received = received

            def send_message(session, message, smtp_from, smtp_to_list):
                if answer:
                    answer(smtp_to_list)
                received.append(message_from_string(message.as_string()))
                self.reached += smtp_to_list

            session_class = type(self.testing_smtp_session)
            session_class.send_message = send_message
            session_class.close = lambda session: None
            yield


class SendingCommon(AccountTestInvoicingCommon, MailServerCommon):
    """An accountant, and customers with addresses."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.accountant = new_test_user(
            cls.env,
            login="accountant",
            groups="account.group_account_invoice,base.group_partner_manager",
            company_id=cls.company.id,
            company_ids=[(6, 0, cls.company.ids)],
            email="accountant@example.com",
            name="Anne Accountant",
        )
        cls.customers = cls.env["res.partner"].create(
            [
                {
                    "name": f"Customer {number}",
                    "email": f"customer{number}@example.com",
                    "invoice_sending_method": "email",
                }
                for number in range(1, 4)
            ]
        )
        cls.customer_1, cls.customer_2, cls.customer_3 = cls.customers
        cls.env["ir.mail_server"].search([]).active = False

    @classmethod
    def _invoice(cls, partner, move_type="out_invoice", **kwargs):
        return cls.init_invoice(
            move_type, partner=partner, amounts=[100.0], post=True, **kwargs
        )

    @classmethod
    def _invoices(cls):
        return cls.env["account.move"].union(
            *(cls._invoice(customer) for customer in cls.customers)
        )

    @classmethod
    def _use_server(cls, **values):
        return cls.env["ir.mail_server"].create(
            {"name": "Server", "smtp_host": "smtp.example.com", **values}
        )

    @classmethod
    def _create_template(cls, **values):
        return cls.env["mail.template"].create(
            {
                "name": "Ours",
                "model_id": cls.env["ir.model"]._get_id("account.move"),
                "subject": "Invoice {{ object.name }}",
                "body_html": "<p>Hello</p>",
                **values,
            }
        )

    def _open_run(self, moves, user=None):
        """Press "Send" in the list, as the accountant does, and return the run."""
        action = moves.with_user(user or self.accountant).action_send_and_print()
        self.assertEqual(action["res_model"], "invoice.send.run")
        return (
            self.env["invoice.send.run"]
            .with_user(user or self.accountant)
            .browse(action["res_id"])
        )

    def _run_outbox(self):
        with self.enter_registry_test_mode():
            self.env.ref(
                "sale_timesheet_cra.ir_cron_process_send_lines"
            ).method_direct_trigger()

    def _line(self, run, move):
        return run.line_ids.filtered(lambda line: line.move_id == move)


def refuse(code, text, address=None):
    """Answer the way a server refuses a message, for everyone or one address."""

    def answer(recipients):
        if address is None or address in recipients:
            raise smtplib.SMTPDataError(code, text)

    return answer


def hang_up(address=None):
    """Drop the connection instead of answering."""

    def answer(recipients):
        if address is None or address in recipients:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

    return answer
