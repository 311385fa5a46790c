import io
from datetime import date

import openpyxl
from pypdf import PdfReader

from odoo import Command
from odoo.tests import tagged

from .portal_common import CraPortalCommon


@tagged("post_install", "-at_install")
class TestCraPrivacy(CraPortalCommon):
    """Whatever is reachable from the customer's link is public to that customer."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.employee_display = "initials"
        cls._poison()
        cls.report.action_refresh()
        cls.report.line_ids.description = "Built the launch pad"

    @classmethod
    def _poison(cls):
        """Put a word of its own into everything that is no customer's business."""
        cls.alice.write(
            {
                "private_street": "POISON-street",
                "private_email": "POISON-mail@example.com",
                "private_phone": "POISON-phone",
                "identification_id": "POISON-passport",
                "job_title": "POISON-job",
                "work_email": "POISON-work@example.com",
                "hourly_cost": 98761.25,
            }
        )
        cls.alice.name = "Alice POISON-name"
        cls.env["resource.calendar.leaves"].sudo().create(
            {
                "name": "POISON-absence",
                "resource_id": cls.alice.resource_id.id,
                "calendar_id": cls.alice.resource_calendar_id.id,
                "date_from": "2026-03-05 06:00:00",
                "date_to": "2026-03-05 18:00:00",
            }
        )
        cls.timesheet.name = "POISON-internal words"
        cls.project.description = "POISON-description"
        cls.policy.name = "POISON-policy"
        cls.order_line.order_id.note = "POISON-note"
        cls.acme.comment = "POISON-comment"
        other, _line = cls._create_project("POISON-project", cls.partner_a)
        cls._create_timesheet(date(2026, 3, 3), project=other, name="POISON-elsewhere")
        cls._create_timesheet(
            date(2026, 3, 4), employee=cls.bruno, name="POISON-colleague"
        )

    def _read_pdf(self, content):
        reader = PdfReader(io.BytesIO(content))
        return "".join(page.extract_text() for page in reader.pages) + str(
            reader.metadata
        )

    def _read_xlsx(self, content):
        book = openpyxl.load_workbook(io.BytesIO(content))
        cells = [cell.value for sheet in book for row in sheet for cell in row]
        return str(cells) + str(vars(book.properties))

    def test_nothing_private_is_within_the_customers_reach(self):
        self._send_report()
        self.report.message_post(body="POISON-chatter", subtype_xmlid="mail.mt_note")
        self._create_portal_user(self.chloe, "chloe_portal")
        found = {"mail": self.mail.body_html + self.mail.subject}

        def look(state):
            for name, path in (
                ("page", self.link),
                ("pdf", f"{self.link}&report_type=pdf"),
                ("xlsx", self.link.replace("?", "/xlsx?")),
                ("list", f"/my/cra?digest={self.approval._get_digest_token()}"),
            ):
                response = self.url_open(path)
                self.assertEqual(response.status_code, 200, path)
                read = {"pdf": self._read_pdf, "xlsx": self._read_xlsx}.get(name)
                text = read(response.content) if read else response.text
                found[f"{state} {name}"] = text + str(response.headers)

        look("sent")
        self._post_agreement(f"?approval={self.token}", reference="PO-1")
        self.env.ref(
            "sale_timesheet_cra.ir_cron_cra_decision_documents"
        ).method_direct_trigger()
        self.env.invalidate_all()
        look("agreed")
        mails = self.env["mail.mail"].search([("recipient_ids", "in", self.chloe.ids)])
        found["mails"] = str(mails.mapped("body_html")) + str(
            mails.attachment_ids.mapped("name")
        )
        for where, text in found.items():
            self.assertNotIn("POISON", text.upper(), where)
            self.assertNotIn("98761", text.replace(",", ""), where)
        self.assertIn("Built the launch pad", found["agreed pdf"])
        self.assertIn("Built the launch pad", found["agreed xlsx"])

    def test_no_mail_holds_anything_private(self):
        self._keep_codes()
        self.policy.identity = "code"
        self._send_report()
        approval = self.approval
        approval._send_code()
        approval.mail_state = "delivered"
        self.report.action_remind()
        self.report._recall("We will send it again.")
        mails = self.env["mail.mail"].search([("recipient_ids", "in", self.chloe.ids)])
        self.assertEqual(len(mails), 4)
        for mail in mails:
            text = f"{mail.subject} {mail.body_html} {mail.email_from} {mail.reply_to}"
            self.assertNotIn("POISON", text.upper(), mail.subject)
            self.assertFalse(mail.attachment_ids)

    def test_customers_read_nothing_private_by_rpc(self):
        self._send_report()
        portal = self._create_portal_user(self.chloe, "chloe_portal")
        for model in ("cra.report", "mail.message", "ir.attachment"):
            records = self.env[model].with_user(portal).search([])
            stored = [
                name
                for name, field in records._fields.items()
                if (field.store or name == "display_name")
                and records._has_field_access(field, "read")
            ]
            self.assertNotIn("POISON", str(records.read(stored)).upper(), model)
        self.assertEqual(
            self.env["cra.report"].with_user(portal).search([]).ids, self.report.ids
        )
        for model in ("cra.report.line", "cra.approval", "cra.policy", "hr.employee"):
            self.assertFalse(self.env[model].with_user(portal).has_access("read"))

    def test_the_file_names_hold_the_label_of_the_policy(self):
        self._send_report()
        label = self.report.sudo().line_ids.employee_label
        self.assertNotIn("POISON", label.upper())
        for path in (f"{self.link}&report_type=pdf", self.link.replace("?", "/xlsx?")):
            name = self.url_open(path).headers["Content-Disposition"]
            self.assertIn(label, name)

    def test_people_with_the_same_initials_are_told_apart(self):
        first, second, third = self.env["hr.employee"].create(
            [
                {"name": name, "company_id": self.company.id}
                for name in ("Zoe Zimmer", "Zack Zander", "Zita Zuber")
            ]
        )
        first.active = False
        for employee in (second, third):
            self._create_timesheet(date(2026, 5, 4), employee=employee)
        employees = second | third
        reports = self._generate(month=5, employee_ids=[Command.set(employees.ids)])
        labels = {
            report.sudo().employee_id: report.line_ids.employee_label
            for report in reports
        }
        self.assertEqual(labels, {second: "ZZ2", third: "ZZ3"})
