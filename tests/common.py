import base64
import io
import re
from datetime import date, datetime, time, timedelta

from PIL import Image, ImageDraw

from odoo import Command
from odoo.tests import HttpCase, freeze_time, new_test_user
from odoo.tools import mute_logger

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from .common_sending import MailServerCommon


def _draw_signature():
    image = Image.new("RGB", (300, 100), "white")
    ImageDraw.Draw(image).line((20, 80, 120, 20, 180, 80, 280, 30), "navy", 4)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


#: A drawn line, as the signature widget posts it.
SIGNATURE = _draw_signature()


class CraCommon(AccountTestInvoicingCommon):
    """A company that bills Acme for the hours of two consultants on Apollo."""

    @classmethod
    def get_default_groups(cls):
        groups = super().get_default_groups()
        for xmlid in (
            "base.group_system",
            "hr.group_hr_user",
            "hr_timesheet.group_timesheet_manager",
            "project.group_project_manager",
            "sales_team.group_sale_manager",
        ):
            groups |= cls.env.ref(xmlid)
        return groups

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.company.email = "office@provider.example.com"
        cls.manager = cls._create_user(
            "cra_manager", "Mona Manager", "hr_timesheet.group_hr_timesheet_approver"
        )
        cls.consultant = cls._create_user(
            "cra_consultant", "Alice Arnaud", "hr_timesheet.group_hr_timesheet_user"
        )
        cls.accountant = cls._create_user(
            "cra_accountant", "Adam Accountant", "account.group_account_invoice"
        )
        cls.outsider = cls._create_user("cra_outsider", "Otto Other", "base.group_user")
        cls.alice, cls.bruno = cls.env["hr.employee"].create(
            [
                {
                    "name": "Alice Arnaud",
                    "user_id": cls.consultant.id,
                    "company_id": cls.company.id,
                },
                {"name": "Bruno Bauer", "company_id": cls.company.id},
            ]
        )
        cls.acme = cls.env["res.partner"].create(
            {"name": "Acme", "is_company": True, "email": "office@acme.example.com"}
        )
        cls.chloe = cls.env["res.partner"].create(
            {
                "name": "Chloe Client",
                "parent_id": cls.acme.id,
                "email": "chloe@acme.example.com",
            }
        )
        cls.product = cls._create_time_product("Consulting", "delivery")
        cls.policy = cls.env["cra.policy"].create(
            {"name": "Monthly", "start_date": date(2026, 1, 1)}
        )
        cls.project, cls.order_line = cls._create_project("Apollo", cls.chloe)
        cls.project.write({"cra_policy_id": cls.policy.id, "user_id": cls.manager.id})

    @classmethod
    def _create_user(cls, login, name, groups):
        return new_test_user(
            cls.env,
            login=login,
            name=name,
            groups=f"base.group_user,{groups}",
            email=f"{login}@provider.example.com",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    @classmethod
    def _create_time_product(cls, name, invoice_policy):
        return cls.env["product.product"].create(
            {
                "name": name,
                "type": "service",
                "invoice_policy": invoice_policy,
                "service_type": "timesheet",
                "service_tracking": "no",
                "uom_id": cls.env.ref("uom.product_uom_hour").id,
                "list_price": 100,
                "taxes_id": False,
            }
        )

    @classmethod
    def _create_project(cls, name, partner):
        """Return a project billed by the hour, and its order line."""
        project = cls.env["project.project"].create(
            {
                "name": name,
                "partner_id": partner.id,
                "company_id": cls.company.id,
                "allow_timesheets": True,
                "allow_billable": True,
                "privacy_visibility": "employees",
            }
        )
        order = cls.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "project_id": project.id,
                "order_line": [
                    Command.create(
                        {"product_id": cls.product.id, "product_uom_qty": 100}
                    )
                ],
            }
        )
        order.action_confirm()
        project.sale_line_id = order.order_line
        return project, order.order_line

    @classmethod
    def _create_timesheet(cls, day, hours=8.0, employee=None, project=None, **values):
        return cls.env["account.analytic.line"].create(
            {
                "project_id": (project or cls.project).id,
                "employee_id": (employee or cls.alice).id,
                "date": day,
                "unit_amount": hours,
                "name": "Internal words",
                **values,
            }
        )

    @classmethod
    def _generate(cls, user=None, month=3, **values):
        """Generate the drafts of a month of 2026, as the manager by default."""
        last = 31 if month in (1, 3, 5, 7, 8, 10, 12) else 30 if month != 2 else 28
        wizard = (
            cls.env["cra.generate"]
            .with_user(user or cls.manager)
            .create(
                {
                    "company_id": cls.company.id,
                    "date_from": date(2026, month, 1),
                    "date_to": date(2026, month, last),
                    **values,
                }
            )
        )
        action = wizard.action_generate()
        return (
            cls.env["cra.report"]
            .with_user(user or cls.manager)
            .search(action["domain"])
        )

    def _send(self, reports):
        """Send drafts with real documents, and keep the mails that are queued."""
        self._render(reports.action_send)
        return self._get_request_mails(reports)

    def _render(self, action):
        """Run what renders PDFs; only tests without a web server must ask for it."""
        if isinstance(self, HttpCase):
            return action()
        with self.allow_pdf_render():
            return action()

    def _get_request_mails(self, reports):
        messages = reports.sudo().approval_ids.mail_message_id
        return self.env["mail.mail"].search([("mail_message_id", "in", messages.ids)])

    def _get_link(self, mail):
        """Return the path of the approver's link, as read in the mail that leaves."""
        body = mail._prepare_outgoing_body()
        match = re.search(r'href="[^"]*(/my/cra/\d+\?approval=[^"]+)"', body)
        self.assertTrue(match, "The mail holds no link that decides.")
        return match.group(1)

    def _get_token(self, mail):
        return self._get_link(mail).partition("approval=")[2]

    def _agree(self, report, name="Chloe Client"):
        """Let the customer agree, as their link does."""
        report.sudo().approval_ids._approve(name, SIGNATURE)
        report.env.flush_all()


class CraHttpCommon(CraCommon, HttpCase):
    """The same company, with its web server."""


class CraMailCommon(CraCommon, MailServerCommon):
    """The same company, with its mail server, and a month that ends in Brussels."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.mail_server"].search([]).active = False
        cls.company.resource_calendar_id.tz = "Europe/Brussels"
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2))
        cls.report = cls._generate()
        cls.approvals = cls.report.sudo().approval_ids

    def _ask(self, when, answer=None, reports=None):
        """Send drafts at a moment in UTC and let the mails leave.

        :param answer: what the mail server says, as in ``_mail_server``
        """
        reports = reports or self.report
        with freeze_time(when):
            mails = self._send(reports)
        self._deliver(when, answer)
        return mails

    def _deliver(self, when, answer=None):
        """Let the queue send its mails, and follow what became of them."""
        refused = mute_logger("odoo.addons.mail.models.mail_mail")
        with freeze_time(when), self._mail_server(answer), refused:
            self.env["mail.mail"].process_email_queue()
        return self._follow_up(when)

    def _follow_up(self, when):
        """Run the hourly cron at a moment in UTC."""
        with freeze_time(when), self.enter_registry_test_mode():
            self.env.ref(
                "sale_timesheet_cra.ir_cron_cra_follow_up"
            ).method_direct_trigger()
        self.env.invalidate_all()

    def _follow_up_daily(self, first, last):
        """Run the cron at noon of each day, and let its mails leave.

        :return: the addresses that were mailed, by day
        """
        reached = {}
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            self._deliver(datetime.combine(day, time(12)))
            self._deliver(datetime.combine(day, time(12)))
            if self.reached:
                reached[day] = self.reached
        return reached

    def _get_approval(self, partner):
        return self.report.sudo().approval_ids.filtered(
            lambda a: a.partner_id == partner and a.state != "void"
        )
