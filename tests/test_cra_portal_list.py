from datetime import date

from odoo import Command
from odoo.tests import tagged

from .common import SIGNATURE
from .portal_common import CraPortalCommon


@tagged("post_install", "-at_install")
class TestCraPortalList(CraPortalCommon):
    """The list of a customer's reports, and one signature for many."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portal = cls._create_portal_user(cls.chloe, "chloe_portal")

    def _log_in(self, login="chloe_portal"):
        self.authenticate(login, login)

    def _list(self, path="/my/cra"):
        """Return the ids of the reports in a list, in order."""
        links = self._open(path).xpath("//a[starts-with(@id, 'cra_title_')]/@id")
        return [int(link.removeprefix("cra_title_")) for link in links]

    def _get_digest(self, reports):
        approvals = reports.sudo().approval_ids
        return f"/my/cra?digest={approvals._get_digest_token()}"

    # === THE LIST === #

    def test_without_an_account_or_a_link_one_is_asked_to_log_in(self):
        response = self.url_open("/my/cra", allow_redirects=False)
        self.assertEqual(response.status_code, 303)
        self.assertIn("/web/login?redirect=/my/cra", response.headers["Location"])

    def test_customers_see_what_was_sent_to_their_company(self):
        sent = self._send_reports(3)
        other, _line = self._create_project("Zeus", self.partner_a)
        other.cra_policy_id = self.policy
        self.partner_a.email = "a@other.example.com"
        self._create_timesheet(date(2026, 3, 2), project=other)
        self._send(self._generate(project_ids=[Command.set(other.ids)]))
        self._log_in()
        self.assertEqual(set(self._list()), set(sent.ids))  # not the draft of Alice
        self._create_portal_user(self.carl, "carl_portal")
        self._log_in("carl_portal")
        self.assertEqual(set(self._list()), set(sent.ids))
        self._create_portal_user(self.partner_a, "other_customer")
        self._log_in("other_customer")
        self.assertFalse(set(self._list()) & set(sent.ids))
        self.assertEqual(len(self._list()), 1)

    def test_filters_searches_and_groups(self):
        reports = self._send_reports(3)
        first, second, third = reports.sorted("id")
        first.sudo().approval_ids._approve("Chloe", SIGNATURE, "PO-4711")
        second.sudo().approval_ids._refuse("No")
        self._log_in()
        for query, found in (
            ("filterby=mine", third),
            ("filterby=approved", first),
            ("filterby=refused", second),
            ("filterby=sent", third),
            ("filterby=nonsense&sortby=nonsense&groupby=nonsense", reports),
            (f"search={second.name}", second),
            (f"search={second.name}&search_in=project", first.browse()),
            ("search=PO-4711&search_in=reference", first),
            ("search=Consultant 02&search_in=consultant", third),
            ("search=apollo&search_in=project", reports),
            ("search=internal&search_in=work", reports),
            ("search=nothing like it", first.browse()),
        ):
            self.assertEqual(set(self._list(f"/my/cra?{query}")), set(found.ids), query)
        for query, order in (
            ("sortby=name", reports.sorted("name", reverse=True)),
            ("sortby=oldest", reports.sorted("id")),
        ):
            self.assertEqual(self._list(f"/my/cra?{query}"), order.ids, query)
        for grouping, groups in (
            ("consultant", ["Consultant 00", "Consultant 01", "Consultant 02"]),
            ("project", ["Apollo"]),
            ("period", ["March 2026"]),
            ("state", ["Agreed", "Refused", "Sent"]),
        ):
            heads = self._open(f"/my/cra?groupby={grouping}").xpath(
                "//th[@scope='rowgroup']/text()"
            )
            self.assertEqual(heads, groups, grouping)

    def test_the_labels_of_the_policy_hold_in_the_list(self):
        self.policy.employee_display = "initials"
        self._send_reports(2)
        self._log_in()
        for query in ("", "?groupby=consultant"):
            self.assertNotIn("Consultant 0", self._read(f"/my/cra{query}"))

    def test_the_home_page_counts_what_awaits_an_answer(self):
        self._send_reports(3)[0].sudo().approval_ids._approve("Chloe", SIGNATURE)
        self._log_in()
        counters = self._post_json(
            "/my/counters", counters=["cra_count", "cra_to_decide_count"]
        )
        self.assertEqual(counters, {"cra_count": 3, "cra_to_decide_count": 2})

    def test_replaced_versions_are_shown_when_asked_for(self):
        report = self._send_reports(1)
        working = report.sudo()._correct()
        self._send(working.with_user(self.manager))
        self._log_in()
        self.assertEqual(self._list(), working.ids)
        self.assertEqual(len(self._list("/my/cra?filterby=versions")), 2)

    # === ONE SIGNATURE FOR MANY === #

    def _agree_to(self, reports, path="/my/cra/approve", **more):
        return self._post_json(
            path,
            report_ids=reports.ids,
            name="Chloe Client",
            signature=SIGNATURE,
            **more,
        )

    def test_all_selected_are_agreed_by_one_signature(self):
        reports = self._send_reports(4)
        left, chosen = reports[0], reports[1:]
        self._log_in()
        answer = self._agree_to(chosen, reference="PO-1")
        self.assertEqual(set(answer["agreed"]), set(chosen.mapped("display_name")))
        self.assertFalse(answer["skipped"])
        self.assertEqual(set(chosen.mapped("state")), {"approved"})
        self.assertEqual(set(chosen.mapped("customer_reference")), {"PO-1"})
        self.assertEqual(left.state, "sent")
        for approval in chosen.sudo().approval_ids:
            self.assertEqual(approval.digest, approval.report_id.digest)
            self.assertTrue(approval.signature)
            self.assertEqual(approval.ip_address, "127.0.0.1")
        self.assertFalse(any(chosen.sudo().line_ids.timesheet_id.mapped("cra_hold")))
        self.assertTrue(all(left.sudo().line_ids.timesheet_id.mapped("cra_hold")))

    def test_what_was_decided_meanwhile_is_told_and_skipped(self):
        reports = self._send_reports(3)
        decided = reports[1]
        digest = self._get_digest(reports)
        decided.sudo().approval_ids._refuse("Too late")
        self.env.flush_all()
        answer = self._agree_to(reports, digest.replace("/my/cra", "/my/cra/approve"))
        self.assertEqual(answer["skipped"], [decided.display_name])
        self.assertEqual(len(answer["agreed"]), 2)
        self.assertEqual(decided.state, "refused")

    def test_nobody_agrees_to_what_others_are_asked(self):
        reports = self._send_reports(2)
        self._create_portal_user(self.carl, "carl_portal")
        for login in ("carl_portal", "cra_manager", None):
            self.authenticate(login, login)
            self.assertIn("error", self._agree_to(reports), login)
        self.assertEqual(set(reports.mapped("state")), {"sent"})

    def test_bad_input_is_answered_in_words(self):
        reports = self._send_reports(1)
        self._log_in()
        for wrong in ([], None, "all", [{}], [[1]], [True]):
            answer = self._post_json(
                "/my/cra/approve", report_ids=wrong, name="C", signature=SIGNATURE
            )
            self.assertIn("error", answer, wrong)
        for name, signature in (("", SIGNATURE), ("Chloe", ""), ("Chloe", "no image")):
            answer = self._post_json(
                "/my/cra/approve",
                report_ids=reports.ids,
                name=name,
                signature=signature,
            )
            self.assertIn("error", answer)
        self.assertEqual(reports.state, "sent")

    # === THE LINK OF A DIGEST === #

    def test_a_digest_opens_exactly_its_reports_without_an_account(self):
        reports = self._send_reports(4)
        digest = self._get_digest(reports[:3])
        self.assertEqual(set(self._list(digest)), set(reports[:3].ids))
        boxes = self._open(digest).xpath("//input[@name='cra_report']")
        self.assertEqual(len(boxes), 3)
        link = self._open(digest).xpath("//a[starts-with(@id, 'cra_title_')]/@href")[0]
        self.assertIn("cra_approve_open", self.url_open(link).text)
        path = digest.replace("/my/cra", "/my/cra/approve")
        answer = self._agree_to(reports, path)
        self.assertEqual(len(answer["agreed"]), 3)
        self.assertEqual(reports[3].state, "sent")

    def test_a_digest_asks_for_one_code_for_all(self):
        self._keep_codes()
        self.policy.identity = "code"
        reports = self._send_reports(3)
        digest = self._get_digest(reports)
        path = digest.replace("/my/cra", "/my/cra/approve")
        self.assertFalse(self._open(digest).xpath("//input[@name='cra_report']"))
        self.assertIn("error", self._agree_to(reports, path))
        self._post_form("/my/cra/code", digest=digest.partition("digest=")[2])
        self.assertEqual(
            len(self._open(digest).xpath("//input[@name='cra_report']")), 3
        )
        code = self._read_code()
        self.assertEqual(len(self._agree_to(reports, path, code=code)["agreed"]), 3)
        self.assertIn("error", self._agree_to(reports, path, code=code))

    def test_reports_that_take_a_login_are_left_to_the_account(self):
        self.policy.identity = "login"
        reports = self._send_reports(2)
        digest = self._get_digest(reports)
        self.assertIn("log in as Chloe Client", self._read(digest))
        path = digest.replace("/my/cra", "/my/cra/approve")
        self.assertIn("error", self._agree_to(reports, path))
        self._log_in()
        self.assertEqual(len(self._agree_to(reports, path)["agreed"]), 2)

    # === QUERIES === #

    def test_the_list_needs_as_many_queries_for_100_reports_as_for_10(self):
        paths = [
            "/my/cra",
            "/my/cra?groupby=consultant&search=Consultant",
            "/my/cra?filterby=mine",
            "/my",
        ]
        self._log_in()
        counts = []
        for count in (10, 90):
            self._send_reports(count)
            for path in paths:
                self._list(path)  # warms caches up
            counts.append(
                [self._count_queries(lambda p=p: self._list(p)) for p in paths]
            )
        self.assertEqual(len(self._list()), 80)
        self.assertEqual(len(self._list("/my/cra/page/2")), 20)
        self.assertEqual(*counts)

    def test_agreeing_needs_as_many_queries_for_60_reports_as_for_10(self):
        self._log_in()
        counts = []
        for count in (2, 10, 60):  # the first warms caches up
            reports = self._send_reports(count)
            counts.append(self._count_queries(lambda r=reports: self._agree_to(r)))
            self.assertEqual(set(reports.mapped("state")), {"approved"})
        self.assertEqual(counts[1], counts[2])
