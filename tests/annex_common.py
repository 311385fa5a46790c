import io
from datetime import date

from pypdf import PdfReader

from odoo import Command
from odoo.tests import new_test_user

from odoo.addons.account.tests.common import AccountTestInvoicingCommon


def get_pages(content):
    """Return the text of each page of a PDF."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


def get_text(content):
    return "\n".join(get_pages(content))


class AnnexCommon(AccountTestInvoicingCommon):
    """A customer, two projects, time on them, and the users who invoice it."""

    @classmethod
    def get_default_groups(cls):
        return super().get_default_groups() | cls.get_groups(
            "hr.group_hr_user",
            "project.group_project_manager",
            "sales_team.group_sale_manager",
            "hr_timesheet.group_timesheet_manager",
        )

    @classmethod
    def get_groups(cls, *xmlids):
        return cls.env["res.groups"].union(*map(cls.env.ref, xmlids))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("en_US")
        cls.env.user.lang = "en_US"
        cls.env.company.name = "Lumen Engineering"
        groups = {
            "accountant": "account.group_account_invoice",
            "chief": "account.group_account_manager",
            "project_manager": "project.group_project_manager",
        }
        cls.users = {
            login: new_test_user(cls.env, f"annex_{login}", groups)
            for login, groups in groups.items()
        }
        cls.hour = cls.env.ref("uom.product_uom_hour")
        cls.day = cls.env.ref("uom.product_uom_day")
        cls.customer = cls.env["res.partner"].create(
            {
                "name": "Azur & Fils",
                "is_company": True,
                "email": "azur@example.com",
                "lang": "en_US",
            }
        )
        cls.anna, cls.bruno = cls.env["hr.employee"].create(
            [{"name": "Anna Meyer", "hourly_cost": 61}, {"name": "Bruno Costa"}]
        )
        cls.service_hour, cls.service_day = cls.env["product.product"].create(
            [
                {
                    "name": f"Consulting by the {unit.name}",
                    "type": "service",
                    "service_policy": "delivered_timesheet",
                    "uom_id": unit.id,
                    "list_price": 100,
                    "taxes_id": False,
                }
                for unit in (cls.hour, cls.day)
            ]
        )
        cls.apollo = cls.create_project("Apollo")
        cls.template = cls.create_template("Time Detail")

    @classmethod
    def create_template(cls, name, section=None, **vals):
        section_vals = {"title": f"{name} section", **(section or {})}
        return cls.env["invoice.annex.template"].create(
            {"name": name, "section_ids": [Command.create(section_vals)], **vals}
        )

    @classmethod
    def create_project(cls, name, product=None, partner=None, **vals):
        """Create a project whose time is billed on an order line of its own."""
        partner = partner or cls.customer
        product = product or cls.service_hour
        project = cls.env["project.project"].create(
            {"name": name, "partner_id": partner.id, "allow_billable": True, **vals}
        )
        order = cls.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "order_line": [
                    Command.create({"product_id": product.id, "product_uom_qty": 1})
                ],
            }
        )
        order.action_confirm()
        project.sale_line_id = order.order_line
        return project

    @classmethod
    def log(cls, project, hours, text="some work", employee=None, day=None, **vals):
        return cls.env["account.analytic.line"].create(
            {
                "name": text,
                "project_id": project.id,
                "employee_id": (employee or cls.anna).id,
                "date": day or date(2026, 1, 5),
                "unit_amount": hours,
                **vals,
            }
        )

    @classmethod
    def invoice(cls, *projects, post=True):
        """Invoice what the projects' orders have delivered, together."""
        move = (
            projects[0]
            .sale_line_id.order_id.browse()
            .union(*(project.sale_line_id.order_id for project in projects))
            ._create_invoices()
        )
        if post:
            move.action_post()
        return move

    def send(self, moves, user="accountant"):
        """Send as core's batch does, here and now."""
        send = self.env["account.move.send"].with_user(self.users[user])
        return send._generate_and_send_invoices(
            moves.with_user(self.users[user]), sending_methods=["email"]
        )

    def get_annex_texts(self, move):
        """Return the text of each annex as it was sent, by its title."""
        return {
            annex.template_id.name: get_text(annex.attachment_id.raw)
            for annex in move.annex_ids
            if annex.state == "frozen"
        }
