from datetime import date

from odoo import Command
from odoo.tests import tagged

from .common import SIGNATURE
from .portal_common import CraPortalCommon


@tagged("post_install", "-at_install")
class TestCraAnswer(CraPortalCommon):
    """What the customer tells beside yes and no, and who is told."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = cls._create_timesheet(date(2026, 3, 3), 4, name="Call")
        cls.report.action_refresh()

    def setUp(self):
        super().setUp()
        self._send_report()

    def _get_line(self, timesheet, report=None):
        lines = (report or self.report).sudo().line_ids
        return lines.filtered(lambda line: line.timesheet_id == timesheet)

    def _refuse_with_remark(self, remark="That was a holiday"):
        line = self._get_line(self.second)
        return self._post_refusal(
            self.token, "One day too many", **{f"remark_{line.id}": remark}
        )

    # === REMARKS === #

    def test_remarks_on_lines_reach_the_manager(self):
        self._refuse_with_remark()
        self.assertEqual(self.report.state, "refused")
        self.assertEqual(self._get_line(self.second).remark, "That was a holiday")
        self.assertFalse(self._get_line(self.timesheet).remark)
        self.assertIn("That was a holiday", self._read(self.link))
        line = self._get_line(self.second).with_user(self.manager)
        self.assertEqual(line.remark, "That was a holiday")

    def test_remarks_stand_on_the_document_of_the_decision(self):
        self._refuse_with_remark()
        html = self.env["ir.qweb"]._render(
            "sale_timesheet_cra.report_cra_document",
            self.report.sudo()._get_document_values(),
        )
        self.assertIn("That was a holiday", html)

    def test_remarks_follow_into_the_next_version(self):
        self._refuse_with_remark()
        working = self.report.sudo()._correct()
        line = self._get_line(self.second, working)
        self.assertEqual(line.previous_remark, "That was a holiday")
        self.assertFalse(line.remark)
        self.assertFalse(self._get_line(self.timesheet, working).previous_remark)

    def test_nobody_writes_on_other_reports_lines(self):
        self._create_timesheet(date(2026, 4, 2))
        other = self._generate(month=4)
        self._send(other)
        self._post_refusal(
            self.token, "No", **{f"remark_{other.sudo().line_ids.id}": "Mine now"}
        )
        self.assertFalse(other.sudo().line_ids.remark)

    def test_a_remark_that_is_too_long_loses_nothing_of_what_was_typed(self):
        response = self._refuse_with_remark("x" * 501)
        self.assertIn("at most 500 characters", response.text)
        self.assertIn("One day too many", response.text)
        self.assertIn("x" * 501, response.text)
        self.assertEqual(self.report.state, "sent")

    def test_agreeing_leaves_no_remark(self):
        line = self._get_line(self.second)
        self._post_agreement(f"?approval={self.token}", **{f"remark_{line.id}": "No"})
        self.assertEqual(self.report.state, "approved")
        self.assertFalse(line.remark)

    # === ORDER NUMBERS === #

    def test_the_first_order_number_stays(self):
        self.policy.approval_mode = "all"
        self.project.cra_approver_ids = [Command.set((self.chloe | self.carl).ids)]
        self._create_timesheet(date(2026, 4, 2))
        report = self._generate(month=4)
        self._send(report)
        first, last = report.sudo().approval_ids
        first._approve("Chloe", SIGNATURE, "PO-1")
        last._approve("Carl", SIGNATURE, "PO-2")
        self.assertEqual(report.state, "approved")
        self.assertEqual(report.customer_reference, "PO-1")

    # === TEXTS ARE TEXTS === #

    def test_what_customers_type_is_text_wherever_it_is_shown(self):
        evil = "<b>bold</b><script>alert(1)</script>"
        self._post_form(
            f"{self.page}/propose",
            approval=self.token,
            name=evil,
            email="x@acme.example.com",
        )
        line = self._get_line(self.second)
        self._post_refusal(self.token, evil, **{f"remark_{line.id}": evil})
        self.assertNotIn(evil, self.url_open(self.link).text)
        shown = self.report.activity_ids.mapped("note")
        shown += self.report.message_ids.mapped("body")
        self.assertIn("&lt;b&gt;bold", str(shown))
        self.assertNotIn("<b>bold", str(shown))

    # === SOMEBODY ELSE === #

    def _propose(self, name="Carl Cook", email="carl.cook@acme.example.com"):
        return self._post_form(
            f"{self.page}/propose", approval=self.token, name=name, email=email
        )

    def test_proposing_a_colleague_mails_nobody_and_asks_the_responsible(self):
        mails = self.env["mail.mail"].search([])
        partners = self.env["res.partner"].search_count([])
        response = self._propose()
        self.assertIn("Carl Cook", response.text)
        new_mails = self.env["mail.mail"].search([]) - mails
        self.assertNotIn("carl.cook", str(new_mails.mapped("email_to")))
        self.assertEqual(self.env["res.partner"].search_count([]), partners)
        activity = self.report.activity_ids
        self.assertEqual(activity.user_id, self.manager)
        self.assertIn("carl.cook@acme.example.com", activity.note)
        self.assertEqual(self.approval.state, "pending")
        self.assertIn("Refuse", self._read(self.link))

    def test_proposing_again_changes_the_one_activity(self):
        self._propose()
        self._propose("Dora Dale", "dora@acme.example.com")
        self.assertEqual(len(self.report.activity_ids), 1)
        self.assertIn("Dora Dale", self.report.activity_ids.note)

    def test_a_proposal_needs_a_name_and_one_address(self):
        for name, email in (("", "a@b.example"), ("Carl", "no address"), ("Carl", "")):
            response = self._propose(name, email)
            self.assertIn("Please enter the name and the email", response.text)
        self.assertFalse(self.report.activity_ids)
        self.assertFalse(self.approval.proposed_name)

    def test_nobody_is_proposed_once_the_report_is_decided(self):
        self._post_agreement(f"?approval={self.token}")
        self.assertIn("already decided", self._propose().text)

    # === VERSIONS === #

    def _send_second_version(self):
        self._refuse_with_remark()
        working = self.report.sudo()._correct()
        self.second.unit_amount = 2
        self._create_timesheet(date(2026, 3, 4), 1, name="Forgotten")
        working = working.with_user(self.manager)
        working.action_refresh()
        mail = self._send(working)
        return working, self._get_link(mail)

    def test_the_page_tells_what_changed_line_by_line(self):
        _report, link = self._send_second_version()
        page = self._open(link)
        rows = [
            [" ".join(cell.text_content().split()) for cell in row.xpath("./th|./td")]
            for row in page.xpath("//table[contains(@class, 'o_cra_differences')]//tr")
        ]
        self.assertEqual(
            rows,
            [
                ["Change", "Before", "Now"],
                ["Changed", "Tue, Mar 3 Call 4.00", "Tue, Mar 3 Call 2.00"],
                ["Added", "not there", "Wed, Mar 4 Forgotten 1.00"],
            ],
        )
        text = self._read(link)
        self.assertIn("Before: 12.00 · Now: 11.00 hours", text)
        self.assertIn("Your remark on the version before: That was a holiday", text)

    def test_older_versions_are_shown_and_not_answered(self):
        _report, link = self._send_second_version()
        older = self._read(f"{link}&version=1")
        self.assertIn("12.00 hours", older)
        self.assertIn("older version", older)
        self.assertNotIn("Refuse this", older)
        pdf = self.url_open(f"{link}&version=1&report_type=pdf")
        self.assertEqual(pdf.content, self.report.sudo().document_id.raw)
        self.assertIn("Replaced by a newer version", self._read(self.link))

    def test_a_first_version_tells_of_no_changes(self):
        page = self._open(self.link)
        self.assertFalse(page.xpath("//*[@id='cra_differences']"))
        self.assertFalse(page.xpath("//*[contains(@class, 'o_cra_versions')]"))
