import json
import re
from datetime import date
from unittest.mock import patch

from lxml import html

from odoo import Command
from odoo.http import Request
from odoo.sql_db import Cursor
from odoo.tests import new_test_user

from .common import SIGNATURE, CraHttpCommon


class CraPortalCommon(CraHttpCommon):
    """One report of Alice's, and what browsers send about it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2), name="Secret remark")
        cls.report = cls._generate()
        cls.report.line_ids.description = "Built the launch pad"
        cls.page = f"/my/cra/{cls.report.id}"
        cls.carl = cls.chloe.copy({"name": "Carl", "email": "carl@acme.example.com"})

    @property
    def approval(self):
        """What is asked of the one approver, in sudo."""
        return self.report.sudo().approval_ids

    def _send_report(self):
        """Send the report, and keep what the approver's mail holds."""
        self.mail = self._send(self.report)
        self.link = self._get_link(self.mail)
        self.token = self._get_token(self.mail)

    @classmethod
    def _create_portal_user(cls, partner, login):
        return new_test_user(
            cls.env,
            login=login,
            name=partner.name,
            groups="base.group_portal",
            partner_id=partner.id,
            password=login,
        )

    # === REQUESTS === #

    def _open(self, path, status=200):
        """Return the page at ``path`` as a tree, to be asked by XPath."""
        response = self.url_open(path)
        self.assertEqual(response.status_code, status, path)
        return html.fromstring(response.content)

    def _read(self, path):
        """Return the text of a page, its blanks as one each."""
        return " ".join(self._open(path).text_content().split())

    def _post_json(self, path, **params):
        response = self.url_open(
            path,
            data=json.dumps({"params": params}),
            headers={"Content-Type": "application/json"},
        )
        self.env.invalidate_all()
        answer = response.json()
        self.assertNotIn("error", answer)
        return answer["result"]

    def _post_agreement(self, query, name="Chloe Client", signature=SIGNATURE, **more):
        return self._post_json(
            f"{self.page}/approve{query}", name=name, signature=signature, **more
        )

    def _post_form(self, path, **data):
        """Post a form as the page has it, and return the response."""
        data = {name: value for name, value in data.items() if value is not None}
        data["csrf_token"] = self._get_csrf_token()
        response = self.url_open(path, data=data)
        self.env.invalidate_all()
        return response

    def _post_refusal(self, approval=None, comment="No", **more):
        return self._post_form(
            f"{self.page}/refuse", approval=approval, comment=comment, **more
        )

    def _get_csrf_token(self):
        if not self.session:
            self.authenticate(None, None)
        self.opener.get(f"{self.base_url()}/web/login")
        return Request.csrf_token(self)

    # === QUERIES === #

    def _count_queries(self, function):
        """Return how many queries the server needs to answer."""
        counted = []
        execute = Cursor.execute

        def count(cursor, query, *args, **kwargs):
            counted.append(query)
            return execute(cursor, query, *args, **kwargs)

        self.env.flush_all()
        self.env.invalidate_all()
        with patch.object(Cursor, "execute", count):
            function()
        return len(counted)

    # === CODES === #

    def _keep_codes(self):
        """Let mails with codes stay in the queue, to be read there."""
        mails = self.env.registry["mail.mail"]
        self.patch(mails, "send_after_commit", lambda mails: None)

    def _read_code(self):
        """Return the digits of the last mail with a code."""
        mail = self.env["mail.mail"].search(
            [("body_html", "ilike", "letter-spacing")], order="id desc", limit=1
        )
        return re.search(r">\s*(\d{6})\s*<", mail.body_html).group(1)

    # === SEVERAL REPORTS === #

    def _send_reports(self, count):
        """Return ``count`` reports sent, each of a consultant of its own."""
        employees = self.env["hr.employee"].create(
            [
                {"name": f"Consultant {number:02}", "company_id": self.company.id}
                for number in range(count)
            ]
        )
        for employee in employees:
            self._create_timesheet(date(2026, 3, 2), employee=employee)
        reports = self._generate(employee_ids=[Command.set(employees.ids)])
        self._send(reports)
        return reports
