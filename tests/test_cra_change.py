from datetime import date

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import SIGNATURE, CraCommon


@tagged("post_install", "-at_install")
class TestCraChange(CraCommon):
    """What may still change once a report was sent: who is asked."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._create_timesheet(date(2026, 3, 2))
        cls.report = cls._generate()
        cls.carl = cls.chloe.copy({"name": "Carl", "email": "carl@acme.example.com"})

    def _get_approval(self, partner):
        return self.report.sudo().approval_ids.filtered(
            lambda a: a.partner_id == partner and a.state != "void"
        )

    def _ask_carl_instead(self):
        return self._get_approval(self.chloe)._replace(self.carl)

    # === CHANGE APPROVER === #

    def test_the_new_approver_is_mailed_and_the_old_link_is_dead(self):
        token = self._get_token(self._send(self.report))
        approvals = self.env["cra.approval"]
        self.assertTrue(approvals._from_token(self.report.id, token))
        approval = self._ask_carl_instead()
        with self.assertRaises(AccessError):
            approvals._from_token(self.report.id, token)
        self.assertEqual(approval.state, "pending")
        mails = self._get_request_mails(self.report)
        to_carl = mails.filtered(lambda mail: mail.recipient_ids == self.carl)
        found = approvals._from_token(self.report.id, self._get_token(to_carl))
        self.assertEqual(found, approval)
        found._approve("Carl", SIGNATURE)
        self.assertEqual(self.report.state, "approved")

    def test_somebody_who_is_asked_already_is_not_mailed_twice(self):
        self.project.cra_approver_ids = [Command.set((self.chloe | self.carl).ids)]
        self._send(self.report)
        before = self._get_approval(self.carl)
        self.assertEqual(self._ask_carl_instead(), before)
        to_carl = self._get_request_mails(self.report).filtered(
            lambda mail: mail.recipient_ids == self.carl
        )
        self.assertEqual(len(to_carl), 1)

    def test_nobody_is_asked_instead_of_somebody_who_answered(self):
        self._send(self.report)
        approval = self._get_approval(self.chloe)
        self._agree(self.report)
        with self.assertRaisesRegex(UserError, "anymore"):
            approval._replace(self.carl)

    def test_the_new_approver_needs_an_address_and_may_not_have_answered(self):
        self.policy.approval_mode = "all"
        paul = self.chloe.copy({"name": "Paul", "email": False})
        self.project.cra_approver_ids = [Command.set((self.chloe | self.carl).ids)]
        self._send(self.report)
        self._get_approval(self.carl)._approve("Carl", SIGNATURE)
        for partner, reason in (
            (paul, "no email address"),
            (self.carl, "already answered"),
            (self.chloe, "Choose who"),
            (self.chloe.browse(), "Choose who"),
        ):
            with self.assertRaisesRegex(UserError, reason):
                self._get_approval(self.chloe)._replace(partner)

    # === SEVERAL REPORTS IN ONE LINK === #

    def test_a_link_to_several_reports_opens_exactly_these_until_it_is_revoked(self):
        self._create_timesheet(date(2026, 4, 2))
        second = self._generate(month=4)
        reports = self.report | second
        self._send(reports)
        approvals = reports.sudo().approval_ids
        token = approvals._get_digest_token()
        found = self.env["cra.approval"]._from_digest_token(token)
        self.assertEqual(found, approvals)
        self._ask_carl_instead()
        found = self.env["cra.approval"]._from_digest_token(token)
        self.assertEqual(found.report_id, second)
        second.sudo().approval_ids._replace(self.carl)
        for bad in (token, token[:-2], "nonsense", "", None):
            with self.assertRaises(AccessError):
                self.env["cra.approval"]._from_digest_token(bad)
        single = self._get_approval(self.carl)._get_token()
        with self.assertRaises(AccessError):
            self.env["cra.approval"]._from_digest_token(single)

    def test_links_of_several_people_are_never_put_into_one(self):
        self.project.cra_approver_ids = [Command.set((self.chloe | self.carl).ids)]
        self._send(self.report)
        with self.assertRaises(ValueError):
            self.report.sudo().approval_ids._get_digest_token()
