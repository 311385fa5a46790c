import base64
import contextlib
import io
import logging

from PIL import Image

from odoo.tests import tagged
from odoo.tests.common import JsonRpcException
from odoo.tools import mute_logger

from ..controllers import tries
from ..controllers.portal_access import TRIES
from ..models.cra_secret import SECRET
from .common import SIGNATURE
from .portal_common import CraPortalCommon


@tagged("post_install", "-at_install")
class TestCraHostile(CraPortalCommon):
    """What browsers post that no page of ours would, and people who look around."""

    def setUp(self):
        super().setUp()
        self._send_report()
        self.addCleanup(TRIES.__init__)

    def _assert_undecided(self):
        self.env.invalidate_all()
        self.assertEqual(self.report.state, "sent")
        self.assertEqual(self.approval.state, "pending")
        self.assertFalse(self.approval.signature)

    # === WHAT IS POSTED === #

    def _encode(self, image, kind="PNG"):
        stream = io.BytesIO()
        image.save(stream, kind)
        return base64.b64encode(stream.getvalue()).decode()

    def test_signatures_are_drawings_of_a_sensible_size(self):
        drawing = b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>"
        for wrong in (
            "no image",
            "data:image/png;base64," + SIGNATURE,
            base64.b64encode(drawing).decode(),
            self._encode(Image.new("RGB", (30, 10)), "GIF"),
            self._encode(Image.new("1", (9000, 9000))),  # small to send, huge to open
            SIGNATURE + "A" * 3_000_000,
            ["iVBORw0KGgo"],
            {"a": 1},
            7,
        ):
            answer = self._post_agreement(f"?approval={self.token}", signature=wrong)
            self.assertIn("error", answer, str(wrong)[:40])
            self._assert_undecided()

    def test_names_and_numbers_are_short_texts(self):
        query = f"?approval={self.token}"
        for values in (
            {"name": "N" * 10_000},
            {"name": " \0 \n"},
            {"name": {"$ne": 1}, "signature": None},
            {"name": "Chloe", "reference": "R" * 10_000},
        ):
            self.assertIn("error", self._post_agreement(query, **values))
            self._assert_undecided()
        answer = self._post_agreement(query, "Chloe\0 \x1bClient", reference="PO\0-1")
        self.assertNotIn("error", answer)
        self.assertEqual(self.approval.signed_by, "Chloe Client")
        self.assertEqual(self.report.customer_reference, "PO-1")

    def test_reasons_and_remarks_are_texts(self):
        line = self.report.sudo().line_ids
        response = self._post_refusal(self.token, comment="C" * 10_000)
        self.assertIn("at most 4000 characters", response.text)
        self._assert_undecided()
        remarks = {"remark_": "a", "remark_x": "b", f"remark_{'9' * 5000}": "c"}
        self._post_refusal(
            self.token,
            comment="Not\0 ours",
            **remarks,
            **{f"remark_{line.id}": "Half\0 of it"},
        )
        self.assertEqual(self.report.state, "refused")
        self.assertEqual(self.approval.comment, "Not ours")
        self.assertEqual(line.remark, "Half of it")

    def test_the_same_answer_twice_is_one_answer(self):
        query = f"?approval={self.token}"
        self._post_agreement(query, reference="PO-1")
        decided_on = self.approval.decided_on
        answer = self._post_agreement(query, "Somebody Else", reference="PO-2")
        self.assertIn("already decided", answer["error"])
        response = self._post_refusal(self.token)
        self.assertIn("already decided", response.text)
        self.assertEqual(self.approval.signed_by, "Chloe Client")
        self.assertEqual(self.approval.decided_on, decided_on)
        self.assertEqual(self.report.customer_reference, "PO-1")

    # === WHAT IS ASKED FOR === #

    def test_strange_addresses_are_answered_like_any_bad_link(self):
        pages = {self.url_open("/my/cra/0").content}
        for path in (
            "/my/cra/99999999999999999999",
            f"{self.page}?access_token=%C3%A9",
            f"{self.page}?access_token=%00",
            f"{self.page}?approval=%00",
            f"{self.page}?approval=" + "A" * 5000,
            f"{self.link}&version=%00",
            "/my/cra?digest=%C3%A9%00",
        ):
            response = self.url_open(path)
            self.assertEqual(response.status_code, 404, path)
            pages.add(response.content)
        self.assertEqual(len(pages), 1)

    def test_strange_searches_find_nothing_and_break_nothing(self):
        self._create_portal_user(self.chloe, "chloe_portal")
        self.authenticate("chloe_portal", "chloe_portal")
        for query in (
            "search=%00",
            "search=%25_%5C'%22",
            "search=" + "x" * 2000,
            "search_in=password&search=a",
            "sortby=id);--",
            "filterby[]=1",
        ):
            self._open(f"/my/cra?{query}")
        for page in ("0", "99999999999999999999"):
            self._open(f"/my/cra/page/{page}")

    def test_tries_are_limited_for_one_address_and_one_report(self):
        other = self._send_reports(1)
        other_link = self._get_link(self._get_request_mails(other))
        self.patch(tries, "MOST", 5)
        for number in range(5):
            self.assertEqual(self.url_open(self.link).status_code, 200)
            bad = self.url_open(f"{self.page}?approval={self.token[:-4]}{number}aaa")
            self.assertEqual(bad.status_code, 404)
        self.assertEqual(self.url_open(self.link).content, bad.content)
        self.assertIn("error", self._post_agreement(f"?approval={self.token}"))
        self._assert_undecided()
        self.assertEqual(self.url_open(other_link).status_code, 200)
        self.patch(tries, "SECONDS", 0)
        self.assertEqual(self.url_open(self.link).status_code, 200)

    # === WHAT OTHERS CAN READ === #

    def _read_all(self, user):
        """Return all texts that somebody may read by RPC, by model."""
        env = self.env(user=user)
        found = {}
        for name, model in env.items():
            if model._abstract or not model._auto or not model.has_access("read"):
                continue
            names = [
                field.name
                for field in model._fields.values()
                if field.store
                and field.type in ("char", "text", "html", "json")
                and model._has_field_access(field, "read")
            ]
            found[name] = str(model.search([], limit=500, order="id desc").read(names))
        return found

    def test_nobody_else_reads_a_usable_link_anywhere(self):
        self.report.sudo().message_post(
            body="Here you are", subtype_xmlid="mail.mt_comment", message_type="comment"
        )
        self._post_form(
            f"{self.page}/propose",
            approval=self.token,
            name=f"https://example.com{self.link}"[:120],
            email="paul@acme.example.com",
        )
        self._post_agreement(f"?approval={self.token}")
        carl = self._create_portal_user(self.carl, "carl_portal")
        people = carl | self.manager | self.accountant | self.consultant | self.env.user
        for user in people:
            texts = self._read_all(user)
            self.assertIn(self.report.name, texts["cra.report"])
            for name, text in texts.items():
                self.assertNotIn(self.token, text, f"{user.name}: {name}")
                self.assertFalse(SECRET.search(text), f"{user.name}: {name}")
        self.authenticate("carl_portal", "carl_portal")
        for path in (self.page, "/my/cra", f"{self.page}/xlsx", "/my"):
            self.assertNotIn(self.token[:40], self.url_open(path).text, path)
        messages = self.make_jsonrpc_request(
            "/mail/chatter_fetch",
            {"thread_model": "cra.report", "thread_id": self.report.id},
        )
        self.assertIn("Here you are", str(messages))
        self.assertNotIn("approval=", str(messages))

    def test_the_servers_log_holds_no_link(self):
        digest = self.approval._get_digest_token()
        server = logging.getLogger("werkzeug")
        for link in (self.link, f"/my/cra?digest={digest}"):
            line = ('127.0.0.1 - - "%s" %s %s', (f"GET {link} HTTP/1.1", "200", "-"))
            record = server.makeRecord("werkzeug", logging.INFO, "", 0, *line, None)
            self.assertTrue(server.filter(record))
            written = record.getMessage()
            self.assertIn("GET /my/cra", written)
            self.assertFalse(SECRET.search(written), written)

    def test_customers_write_in_nobody_elses_name(self):
        carl = self._create_portal_user(self.carl, "carl_portal")
        message = self.report.with_user(carl).message_post(
            body="All is well",
            author_id=self.manager.partner_id.id,
            email_from=self.manager.email,
            message_type="comment",
            subtype_xmlid="mail.mt_comment",
        )
        self.assertEqual(message.author_id, self.carl)
        self.assertNotIn("cra_manager", message.email_from)

    @mute_logger("odoo.http")
    def test_customers_call_nothing_that_changes_a_report(self):
        self._create_portal_user(self.chloe, "chloe_portal")
        self.authenticate("chloe_portal", "chloe_portal")
        methods = [
            name
            for name in dir(type(self.report))
            if name.startswith("action_") and callable(getattr(type(self.report), name))
        ]
        self.assertIn("action_recall", methods)
        before = self.report.sudo().read()[0]
        for name in methods:
            with contextlib.suppress(JsonRpcException):
                self.make_jsonrpc_request(
                    f"/web/dataset/call_kw/cra.report/{name}",
                    {
                        "model": "cra.report",
                        "method": name,
                        "args": [self.report.ids],
                        "kwargs": {},
                    },
                )
        self.env.invalidate_all()
        after = self.report.sudo().read()[0]
        changed = {name for name in before if before[name] != after[name]}
        # The preview makes the token that shows, as core's does.
        self.assertLessEqual(changed, {"access_token", "write_date", "write_uid"})
