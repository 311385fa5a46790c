import io
import json
from datetime import date

from pypdf import PdfReader

from odoo.tests import new_test_user, tagged
from odoo.tools import hash_sign

from ..models.cra_approval import TOKEN_SCOPE
from .common import SIGNATURE, CraHttpCommon


@tagged("post_install", "-at_install")
class TestCraPortal(CraHttpCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.timesheet = cls._create_timesheet(date(2026, 3, 2), name="Secret remark")
        cls.report = cls._generate()
        cls.report.line_ids.description = "Built the launch pad"

    def setUp(self):
        super().setUp()
        self.mail = self._send(self.report)
        self.link = self._get_link(self.mail)
        self.token = self._get_token(self.mail)
        self.page = f"/my/cra/{self.report.id}"

    def _post_agreement(self, query, name="Chloe Client", signature=SIGNATURE):
        payload = {"params": {"name": name, "signature": signature}}
        response = self.url_open(
            f"{self.page}/approve{query}",
            data=json.dumps(payload),
            headers={"Content-Type": "application/json"},
        )
        return response.json().get("result")

    def _post_refusal(self, approval=None, comment="No"):
        data = {"comment": comment, "csrf_token": self._get_csrf_token()}
        if approval:
            data["approval"] = approval
        return self.url_open(f"{self.page}/refuse", data=data)

    def _get_csrf_token(self):
        if not self.session:
            self.authenticate(None, None)
        self.opener.get(f"{self.base_url()}/web/login")
        from odoo.http import Request

        return Request.csrf_token(self)

    def _get_snapshot(self):
        """Return everything a request might change."""
        self.env.invalidate_all()
        report = self.report.sudo()
        return (
            report.read(["state", "write_date", "access_token", "decided_on"]),
            report.approval_ids.read(),
            report.line_ids.read(),
            self.timesheet.read(["cra_hold", "write_date"]),
            len(report.message_ids),
        )

    # === THE LINK === #

    def test_the_link_of_the_mail_shows_the_report_without_an_account(self):
        response = self.url_open(self.link)
        self.assertEqual(response.status_code, 200)
        self.assertIn("Built the launch pad", response.text)
        self.assertIn("8.00 hours", response.text)
        self.assertNotIn("Secret remark", response.text)
        self.assertIn("cra_approve_open", response.text)

    def test_agreeing_is_recorded_with_its_evidence(self):
        answer = self._post_agreement(f"?approval={self.token}")
        self.assertTrue(answer["force_refresh"])
        self.env.invalidate_all()
        approval = self.report.sudo().approval_ids
        self.assertEqual(self.report.state, "approved")
        self.assertEqual(self.report.approval_kind, "customer")
        self.assertEqual(approval.signed_by, "Chloe Client")
        self.assertTrue(approval.signature)
        self.assertEqual(approval.digest, self.report.digest)
        self.assertEqual(approval.ip_address, "127.0.0.1")
        self.assertFalse(self.timesheet.cra_hold)
        page = self.url_open(answer["redirect_url"]).text
        self.assertIn("cra_receipt", page)
        self.assertNotIn("cra_approve_open", page)

    def test_agreeing_needs_name_and_signature(self):
        for name, signature in (("", SIGNATURE), ("Chloe", ""), ("Chloe", "no image")):
            answer = self._post_agreement(f"?approval={self.token}", name, signature)
            self.assertIn("error", answer)
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "sent")
        self.assertEqual(self.report.sudo().approval_ids.state, "pending")

    def test_a_report_is_decided_once(self):
        self._post_agreement(f"?approval={self.token}")
        before = self._get_snapshot()
        self.assertIn("error", self._post_agreement(f"?approval={self.token}"))
        self.assertEqual(self._get_snapshot(), before)

    def test_refusing_needs_a_reason_and_tells_the_responsible(self):
        self._post_refusal(self.token, comment="  ")
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "sent")
        self._post_refusal(self.token, comment="Two hours too many")
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "refused")
        self.assertEqual(self.report.sudo().approval_ids.comment, "Two hours too many")
        self.assertTrue(self.timesheet.cra_hold)
        self.assertEqual(self.report.activity_ids.user_id, self.manager)

    def test_the_signed_document_follows_in_the_background(self):
        self._post_agreement(f"?approval={self.token}")
        self.assertFalse(self.report.signed_document_id)
        cron = self.env.ref("sale_timesheet_cra.ir_cron_cra_decision_documents")
        cron.method_direct_trigger()
        self.env.invalidate_all()
        content = self.report.sudo().signed_document_id.raw
        text = "".join(p.extract_text() for p in PdfReader(io.BytesIO(content)).pages)
        self.assertIn("Chloe Client", text)
        self.assertIn(self.report.digest, text)
        response = self.url_open(f"{self.link}&report_type=pdf")
        self.assertEqual(response.content, content)

    # === WHO MAY WHAT === #

    def test_every_bad_link_gets_the_same_page(self):
        approval = self.report.sudo().approval_ids
        env = approval.env
        bad_links = [
            self.page,
            "/my/cra/0",
            f"/my/cra/{self.report.id + 1000}?approval={self.token}",
            f"{self.page}?approval=nonsense",
            f"{self.page}?approval={self.token[:-2]}",
            f"{self.page}?approval={hash_sign(env, 'other', [approval.id, 1])}",
            f"{self.page}?approval={hash_sign(env, TOKEN_SCOPE, [approval.id, 2])}",
            f"{self.page}?access_token=nonsense",
        ]
        pages = set()
        for link in bad_links:
            response = self.url_open(link)
            self.assertEqual(response.status_code, 404, link)
            body = response.text.partition('id="wrapwrap"')[2]
            pages.add(body.replace(link, "").replace(link.replace("&", "&amp;"), ""))
        self.assertEqual(len(pages), 1)
        self.assertIn("To get a new link", pages.pop())

    def test_a_raised_serial_revokes_the_link(self):
        self.report.sudo().approval_ids.token_serial += 1
        self.assertEqual(self.url_open(self.link).status_code, 404)
        self.assertIn("error", self._post_agreement(f"?approval={self.token}"))
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "sent")

    def test_the_documents_own_token_shows_but_never_decides(self):
        token = self.report._portal_ensure_token()
        page = self.url_open(f"{self.page}?access_token={token}")
        self.assertIn("Built the launch pad", page.text)
        self.assertNotIn("cra_approve_open", page.text)
        before = self._get_snapshot()
        for query in (f"?access_token={token}", f"?approval={token}", ""):
            self.assertIn("error", self._post_agreement(query))
        self._post_refusal(token)
        self._post_refusal()
        self.assertEqual(self._get_snapshot(), before)

    def test_strangers_with_an_account_see_and_decide_nothing(self):
        other = self.partner_a
        new_test_user(
            self.env,
            login="other_customer",
            groups="base.group_portal",
            partner_id=other.id,
            password="other_customer",
        )
        before = self._get_snapshot()
        for login in ("other_customer", "cra_outsider"):
            self.authenticate(login, login)
            response = self.url_open(self.page)
            self.assertEqual(response.status_code, 404, login)
            self.assertIn("error", self._post_agreement(""))
            self.assertEqual(self._post_refusal().status_code, 404)
        self.authenticate("other_customer", "other_customer")
        self.assertNotIn(self.report.name, self.url_open("/my/cra").text)
        self.assertEqual(self._get_snapshot(), before)

    def test_colleagues_of_the_approver_read_but_do_not_decide(self):
        colleague = self.chloe.copy({"name": "Carl", "email": "carl@acme.example.com"})
        for partner, login in (
            (self.chloe, "chloe_portal"),
            (colleague, "carl_portal"),
        ):
            new_test_user(
                self.env,
                login=login,
                groups="base.group_portal",
                partner_id=partner.id,
                password=login,
            )
        self.authenticate("carl_portal", "carl_portal")
        page = self.url_open(self.page)
        self.assertIn("Built the launch pad", page.text)
        self.assertNotIn("cra_approve_open", page.text)
        self.assertIn("error", self._post_agreement(""))
        self.authenticate("chloe_portal", "chloe_portal")
        self.assertIn(self.report.name, self.url_open("/my/cra").text)
        self.assertTrue(self._post_agreement("")["force_refresh"])
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "approved")

    def test_internal_users_preview_but_never_decide_for_the_customer(self):
        self.authenticate("cra_manager", "cra_manager")
        page = self.url_open(self.page)
        self.assertIn("Built the launch pad", page.text)
        self.assertNotIn("cra_approve_open", page.text)
        self.assertIn("error", self._post_agreement(""))

    def test_get_and_head_change_nothing(self):
        self.report._portal_ensure_token()
        paths = [
            self.link,
            f"{self.link}&report_type=pdf",
            f"{self.page}?access_token={self.report.access_token}",
            f"{self.page}/approve?approval={self.token}",
            f"{self.page}/refuse?approval={self.token}&comment=No",
            "/my/cra",
            "/my",
        ]
        before = self._get_snapshot()
        for login in (None, "cra_manager"):
            self.authenticate(login, login)
            for path in paths:
                self.url_open(path)
                self.opener.head(self.base_url() + path)
        self.assertEqual(self._get_snapshot(), before)

    def test_drafts_and_withdrawn_reports_are_nobodys_outside(self):
        self._create_timesheet(date(2026, 4, 2))
        draft = self._generate(month=4)
        token = draft.sudo()._portal_ensure_token()
        response = self.url_open(f"/my/cra/{draft.id}?access_token={token}")
        self.assertEqual(response.status_code, 404)

    # === WHERE THE LINK IS NOT === #

    def test_no_usable_link_is_where_internal_users_can_read(self):
        self.authenticate(None, None)
        self._post_agreement(f"?approval={self.token}")
        self.env.invalidate_all()
        manager = self.env(user=self.manager)
        report = manager["cra.report"].browse(self.report.id)
        readable = [
            report.read(),
            report.approval_ids.read(),
            report.line_ids.read(),
            report.message_ids.read(),
            report.message_ids.notification_ids.read(
                ["res_partner_id", "failure_reason"]
            ),
            report.activity_ids.read(),
        ]
        self.assertNotIn(self.token, str(readable))
        self.assertNotIn("approval=", str(readable))
        self.assertFalse(manager["mail.mail"].has_access("read"))
