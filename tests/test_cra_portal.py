import io
from datetime import date, timedelta

from lxml import html
from pypdf import PdfReader

from odoo.tests import tagged
from odoo.tools import SQL, hash_sign

from odoo.addons.portal.controllers.portal import CustomerPortal

from ..models.cra_approval_token import TOKEN_SCOPE
from .common import SIGNATURE
from .portal_common import CraPortalCommon


@tagged("post_install", "-at_install")
class TestCraPortal(CraPortalCommon):
    def setUp(self):
        super().setUp()
        self._send_report()

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

    def test_the_page_needs_as_many_queries_for_100_lines_as_for_10(self):
        counts = []
        for month, lines in ((4, 10), (5, 100)):
            for number in range(lines):
                self._create_timesheet(
                    date(2026, month, 1 + number % 28), hours=1, name=f"Work {number}"
                )
            link = self._get_link(self._send(self._generate(month=month)))
            rows = self._open(link).xpath("//table[contains(@class, 'lines')]/tbody/tr")
            self.assertEqual(len(rows), lines)
            counts.append(self._count_queries(lambda path=link: self._open(path)))
        self.assertEqual(*counts)

    # === OTHERS' PAGES === #

    def test_nothing_of_other_addons_portal_pages_is_replaced_by_accident(self):
        def get_subclasses(controller):
            for found in controller.__subclasses__():
                yield found
                yield from get_subclasses(found)

        ours, others = set(), set(vars(CustomerPortal))
        for controller in get_subclasses(CustomerPortal):
            is_ours = ".sale_timesheet_cra." in controller.__module__
            (ours if is_ours else others).update(vars(controller))
        shared = {name for name in ours & others if not name.startswith("__")}
        self.assertEqual(shared, {"_prepare_home_portal_values"})

    # === WHO MAY WHAT === #

    def test_every_bad_link_gets_the_same_page_to_the_last_byte(self):
        approval = self.approval
        env = approval.env
        expired = hash_sign(env, TOKEN_SCOPE, [approval.id, 1], timedelta(seconds=-1))
        draft_token = self._make_draft().sudo()._portal_ensure_token()
        bad_links = [
            self.page,
            "/my/cra/0",
            f"/my/cra/{self.report.id + 1000}?approval={self.token}",
            f"/my/cra/{self.report.id + 1}?access_token={draft_token}",
            f"{self.page}?approval=nonsense",
            f"{self.page}?approval=%C3%A9",
            f"{self.page}?approval={self.token[:-2]}",
            f"{self.page}?approval={expired}",
            f"{self.page}?approval={hash_sign(env, 'other', [approval.id, 1])}",
            f"{self.page}?approval={hash_sign(env, TOKEN_SCOPE, [approval.id, 2])}",
            f"{self.page}?access_token=nonsense",
            f"{self.page}?report_type=pdf",
            f"{self.page}/xlsx?approval=nonsense",
            f"{self.link}&version=7",
            "/my/cra?digest=nonsense",
        ]
        pages = set()
        for link in bad_links:
            response = self.url_open(link)
            self.assertEqual(response.status_code, 404, link)
            pages.add(response.content)
        for path in ("refuse", "code", "propose"):
            response = self._post_form(f"{self.page}/{path}", approval="nonsense")
            self.assertEqual(response.status_code, 404, path)
            pages.add(response.content)
        self.assertEqual(len(pages), 1)
        self.assertIn("To get a new link", pages.pop().decode())

    def _make_draft(self):
        self._create_timesheet(date(2026, 4, 2))
        return self._generate(month=4)

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
        self._create_portal_user(self.partner_a, "other_customer")
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
        self._create_portal_user(self.chloe, "chloe_portal")
        self._create_portal_user(self.carl, "carl_portal")
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

    # === NOTHING CHANGES BY LOOKING === #

    def _get_rows(self):
        """Return a digest of the rows of every table that holds any."""
        self.env.flush_all()
        tables = self.env.execute_query(
            SQL(
                "SELECT relname FROM pg_class WHERE relkind = 'r' "
                "AND relnamespace = 'public'::regnamespace ORDER BY relname"
            )
        )
        rows = {}
        for [table] in tables:
            if table == "res_device_log":  # core notes where people are logged in
                continue
            query = SQL(
                "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM %s t",
                SQL.identifier(table),
            )
            rows[table] = self.env.execute_query(query)[0][0]
        return rows

    def test_following_every_link_of_mail_and_page_changes_no_row(self):
        self.report.sudo()._portal_ensure_token()
        paths = {
            self.link,
            f"{self.page}?access_token={self.report.sudo().access_token}",
            f"{self.page}/approve?approval={self.token}",
            f"{self.page}/refuse?approval={self.token}&comment=No",
            f"{self.page}/code?approval={self.token}",
            f"{self.page}/propose?approval={self.token}&name=C&email=c@acme.example",
            "/my/cra/approve",
            "/my/cra/code",
            f"/my/cra?digest={self.approval._get_digest_token()}",
        }
        self._create_portal_user(self.chloe, "chloe_portal")
        for path in (self.link, f"/my/cra?digest={self.approval._get_digest_token()}"):
            hrefs = self._open(path).xpath("//*[@id='wrap']//a/@href")
            hrefs += html.fromstring(self.mail.body_html).xpath("//a/@href")
            links = {href.replace(self.base_url(), "") for href in hrefs}
            paths |= {link for link in links if link.startswith("/my/cra")}
        for part in ("/xlsx", "report_type=pdf", "digest="):
            self.assertTrue([path for path in paths if part in path], part)
        for login in (None, "chloe_portal", "cra_manager"):
            self.authenticate(login, login)
            more = {"/my/cra", "/my/cra?filterby=mine&groupby=project", "/my"}
            for path in more | paths if login else paths:
                self.url_open(path)  # makes the bundles of styles and scripts
            before = self._get_rows()
            for path in more | paths if login else paths:
                self.url_open(path)
                self.opener.head(self.base_url() + path)
            after = self._get_rows()
            changed = [table for table in before if before[table] != after[table]]
            self.assertFalse(changed, login)
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "sent")
        self.assertEqual(self.approval.state, "pending")
        self.assertFalse(self.approval.proposed_name)
