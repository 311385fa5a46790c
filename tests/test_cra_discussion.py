import contextlib

from odoo.tests import tagged
from odoo.tests.common import JsonRpcException
from odoo.tools import mute_logger

from .portal_common import CraPortalCommon


@tagged("post_install", "-at_install")
class TestCraDiscussion(CraPortalCommon):
    """Questions and answers below a report, with and without an account."""

    def setUp(self):
        super().setUp()
        self._send_report()
        self.thread = {"thread_model": "cra.report", "thread_id": self.report.id}

    def _get_keys(self):
        """Return the keys that the page hands to the chatter."""
        chatter = self._open(self.link).xpath("//*[@id='discussion']")[0]
        return {
            "token": chatter.get("data-token"),
            "hash": chatter.get("data-hash"),
            "pid": int(chatter.get("data-pid")),
        }

    def _write(self, text, **keys):
        """Post a message as the chatter does; return the one made, if any."""
        before = self.report.sudo().message_ids
        payload = {
            **self.thread,
            **keys,
            "post_data": {
                "body": text,
                "message_type": "comment",
                "subtype_xmlid": "mail.mt_comment",
            },
        }
        with contextlib.suppress(JsonRpcException):  # refused: nothing is made
            self.make_jsonrpc_request("/mail/message/post", payload)
        self.env.invalidate_all()
        return self.report.sudo().message_ids - before

    def _answer(self, text, subtype="mail.mt_comment"):
        return self.report.message_post(
            body=text, message_type="comment", subtype_xmlid=subtype
        )

    def _fetch(self, **keys):
        answer = self.make_jsonrpc_request(
            "/mail/chatter_fetch", {**self.thread, **keys}
        )
        return str(answer["data"])

    def test_an_approver_without_an_account_writes_in_their_own_name(self):
        message = self._write("Why twice?", **self._get_keys())
        self.assertEqual(message.author_id, self.chloe)
        self.assertIn("Why twice?", message.body)
        self.assertIn("Why twice?", self._fetch(**self._get_keys()))

    def test_the_responsible_is_told_and_the_approver_hears_the_answer(self):
        message = self._write("Why twice?", **self._get_keys())
        self.assertIn(self.manager.partner_id, message.notified_partner_ids)
        answer = self._answer("By mistake")
        self.assertIn(self.chloe, answer.notified_partner_ids)

    @mute_logger("odoo.http")  # refusals are logged
    def test_the_documents_token_neither_reads_nor_writes(self):
        token = self.report.sudo()._portal_ensure_token()
        self.assertFalse(self._write("In your name", token=token))
        keys = self._get_keys()
        for wrong in (
            {"token": token, "pid": self.chloe.id},
            {"token": keys["token"]},
            {"token": keys["token"], "pid": self.carl.id, "hash": keys["hash"]},
            {"pid": self.chloe.id, "hash": token},
        ):
            self.assertFalse(self._write("In your name", **wrong), wrong)
        self.assertFalse(self._write("In your name"))
        with self.assertRaises(JsonRpcException):
            self._fetch(token=token)

    def test_a_link_that_only_shows_has_the_messages_on_the_page(self):
        self._answer("An answer")
        token = self.report.sudo()._portal_ensure_token()
        page = self._open(f"{self.page}?access_token={token}")
        self.assertIn("An answer", page.text_content())
        self.assertFalse(page.xpath("//*[@id='discussion']"))

    def test_internal_notes_stay_inside(self):
        self._answer("Internal note", "mail.mt_note")
        self._answer("An answer")
        page = self.url_open(self.link).text
        fetched = self._fetch(**self._get_keys())
        for text in (page, fetched):
            self.assertIn("An answer", text)
            self.assertNotIn("Internal note", text)
            self.assertNotIn("Sent to", text)

    def test_a_revoked_link_writes_and_reads_no_more(self):
        keys = self._get_keys()
        self.approval._replace(self.carl)
        self.assertFalse(self._write("Still here", **keys))
        with self.assertRaises(JsonRpcException):
            self._fetch(**keys)

    def test_customers_with_an_account_write_in_their_own_name(self):
        self._create_portal_user(self.carl, "carl_portal")
        self.authenticate("carl_portal", "carl_portal")
        message = self._write("I am Carl")
        self.assertEqual(message.author_id, self.carl)
        self._create_portal_user(self.partner_a, "other_customer")
        self.authenticate("other_customer", "other_customer")
        self.assertFalse(self._write("I am nobody here"))

    def test_the_key_of_the_discussion_is_handed_out_to_nobody(self):
        for user in (self.manager, self.env.ref("base.user_admin")):
            report = self.report.with_user(user)
            self.assertNotIn("discussion_token", report.fields_get())
