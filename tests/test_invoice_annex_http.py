import io
import zipfile

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .annex_common import AnnexCommon, get_text


@tagged("post_install", "-at_install")
class TestInvoiceAnnexHttp(AnnexCommon, HttpCase):
    def setUp(self):
        super().setUp()
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2, "to be seen")
        self.move = self.invoice(self.apollo)

    def test_the_preview_opens_in_the_accountants_browser(self):
        self.authenticate("annex_accountant", "annex_accountant")
        accountant = self.users["accountant"]
        url = self.move.with_user(accountant).action_preview_annexes()["url"]
        response = self.url_open(url)
        self.assertEqual(response.headers["Content-Type"], "application/pdf")
        self.assertIn("to be seen", get_text(response.content))
        self.assertEqual(self.move.annex_ids.state, "draft")

    @mute_logger("odoo.http")
    def test_the_preview_is_for_accountants_only(self):
        url = self.move.action_preview_annexes()["url"]
        new_test_user(
            self.env, "annex_portal", "base.group_portal", partner_id=self.customer.id
        )
        for login in ("annex_project_manager", "annex_portal", None):
            self.authenticate(login, login)
            response = self.url_open(url)
            self.assertNotEqual(response.headers["Content-Type"], "application/pdf")
            self.assertNotIn(b"%PDF", response.content)

    def test_the_document_opens_as_it_was_sent(self):
        self.send(self.move)
        annex = self.move.annex_ids
        self.authenticate("annex_accountant", "annex_accountant")
        response = self.url_open(annex.action_open()["url"])
        self.assertEqual(response.content, annex.attachment_id.raw)

    def test_the_customers_download_holds_it(self):
        self.send(self.move)
        annex = self.move.annex_ids
        self.authenticate(None, None)
        url = f"/my/invoices/{self.move.id}?report_type=pdf&download=true"
        token = self.move._portal_ensure_token()
        response = self.url_open(f"{url}&access_token={token}")
        with zipfile.ZipFile(io.BytesIO(response.content)) as files:
            self.assertEqual(files.read(annex.name), annex.attachment_id.raw)
