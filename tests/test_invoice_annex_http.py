import io
import zipfile

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .annex_common import AnnexCommon


@tagged("post_install", "-at_install")
class TestInvoiceAnnexHttp(AnnexCommon, HttpCase):
    def setUp(self):
        super().setUp()
        self.customer.annex_template_ids = self.template
        self.log(self.apollo, 2, "to be seen")
        self.move = self.invoice(self.apollo)

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

    def test_the_customers_page_lists_what_was_sent(self):
        self.template.format = "both"
        url = f"/my/invoices/{self.move.id}"
        token = self.move._portal_ensure_token()
        self.authenticate(None, None)
        page = self.url_open(f"{url}?access_token={token}").text
        self.assertNotIn("o_invoice_annexes", page, "not sent yet")
        self.send(self.move)
        annex = self.move.annex_ids
        page = self.url_open(f"{url}?access_token={token}").text
        for file in (annex.attachment_id, annex.xlsx_attachment_id):
            self.assertIn(file.name, page)
            link = f"{url}/annex/{file.id}?access_token={token}"
            self.assertIn(link, page)
            response = self.url_open(link)
            self.assertEqual(response.content, file.raw)
            self.assertEqual(response.headers["Content-Type"], file.mimetype)
            self.assertEqual(response.headers["Cache-Control"], "private, no-store")
        new_test_user(
            self.env, "annex_portal", "base.group_portal", partner_id=self.customer.id
        )
        self.authenticate("annex_portal", "annex_portal")
        response = self.url_open(f"{url}/annex/{annex.attachment_id.id}")
        self.assertEqual(response.content, annex.attachment_id.raw)

    @mute_logger("odoo.http")
    def test_a_token_opens_its_own_invoices_annexes_only(self):
        other = self.create_project("Other")
        self.log(other, 3)
        foreign = self.invoice(other)
        self.send(self.move | foreign)
        own_file = self.move.annex_ids.attachment_id
        foreign_file = foreign.annex_ids.attachment_id
        private = self.env["ir.attachment"].create({"name": "x", "raw": b"secret"})
        token = self.move._portal_ensure_token()
        self.authenticate(None, None)
        answers = set()
        for invoice, file, key in (
            (self.move, own_file, None),
            (self.move, own_file, ""),
            (self.move, own_file, "wrong"),
            (self.move, own_file, foreign._portal_ensure_token()),
            (self.move, foreign_file, token),
            (self.move, private, token),
            (self.move, self.move.invoice_pdf_report_id, token),
            (foreign, foreign_file, token),
            (self.env["account.move"].browse(2**31 - 1), own_file, token),
        ):
            url = f"/my/invoices/{invoice.id}/annex/{file.id}"
            query = "" if key is None else f"?access_token={key}"
            response = self.url_open(url + query)
            self.assertEqual(response.status_code, 404)
            answers.add(response.content)
        self.assertEqual(len(answers), 1, "nothing can be learned from the answer")
        self.move.button_draft()
        url = f"/my/invoices/{self.move.id}/annex/{own_file.id}?access_token={token}"
        self.assertEqual(self.url_open(url).status_code, 404, "it was taken back")
