from datetime import date

from odoo.tests import tagged

from .common import CraCommon


@tagged("post_install", "-at_install")
class TestCraVolume(CraCommon):
    """Many reports take as many queries as a few."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        employees = cls.env["hr.employee"].create(
            [
                {"name": f"Consultant {number}", "company_id": cls.company.id}
                for number in range(111)
            ]
        )
        timesheets = cls.env["account.analytic.line"].create(
            [
                {
                    "project_id": cls.project.id,
                    "employee_id": employee.id,
                    "date": date(2026, 3, 2),
                    "unit_amount": 8,
                    "name": "Internal words",
                }
                for employee in employees
            ]
        )
        cls.drafts = cls._generate()
        assert len(cls.drafts) == len(timesheets)

    def _count_queries(self, function):
        self.env.cr.flush()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        function()
        self.env.cr.flush()
        return self.cr.sql_log_count - before

    def test_sending_ten_and_a_hundred_take_the_same_queries(self):
        first, ten, hundred = self.drafts[:1], self.drafts[1:11], self.drafts[11:]
        self._send(first)  # what is looked up once only
        counts = [
            self._count_queries(lambda drafts=drafts: self._send(drafts))
            for drafts in (ten, hundred)
        ]
        self.assertEqual(counts[0], counts[1])
        self.assertEqual(set(self.drafts.mapped("state")), {"sent"})
        names = self.drafts.sorted("id").mapped("name")
        self.assertEqual(len(set(names)), 111)
        references = self.drafts.sudo().approval_ids.mapped("message_reference")
        self.assertEqual(len(set(references)), 3, "one mail for all sent at once")

    def test_asking_many_approvers_takes_the_same_queries(self):
        approvers = self.env["res.partner"].create(
            [
                {"name": f"Approver {number}", "email": f"{number}@acme.example.com"}
                for number in range(16)
            ]
        )
        counts = []
        for draft, people in zip(
            self.drafts, (approvers[:1], approvers[:5], approvers), strict=False
        ):
            self.project.cra_approver_ids = people
            counts.append(self._count_queries(lambda draft=draft: self._send(draft)))
        self.assertEqual(counts[1], counts[2])
