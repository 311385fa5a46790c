from pathlib import Path

import axe_core_python

from odoo.tests import tagged

from .portal_common import CraPortalCommon

#: Runs axe once, and complains about everything that it finds wrong in our part of the
#: page: header and footer are core's.
CHECK = """
(async () => {
    const until = async (found) => {
        for (let turn = 0; !found(); turn++) {
            if (turn > 200) throw new Error("The page is not ready: " + found);
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
    };
    if (document.querySelector("#discussion")) {
        await until(() => document.querySelector("#chatterRoot")?.shadowRoot
            ?.querySelector(".o-mail-Thread"));
    }
    %(steps)s
    await new Promise((resolve) => setTimeout(resolve, 500)); // dialogs fade in
    const found = await axe.run({exclude: [["header"], ["footer"]]});
    if (found.passes.length < 10) throw new Error("axe looked at nothing");
    const problems = found.violations.map((rule) =>
        rule.id + ": " + rule.help + "\\n" +
        rule.nodes.map((node) => "  " + node.target + " " + node.html).join("\\n")
    );
    if (problems.length) throw new Error(problems.join("\\n"));
    console.log("test successful");
})();
"""
SIGN = """
await until(() => document.querySelector("button[name=cra_approve_open]:enabled"));
document.querySelector("button[name=cra_approve_open]").click();
await until(() => document.querySelector(".modal.show canvas"));
"""


@tagged("post_install", "-at_install")
class TestCraAccessibility(CraPortalCommon):
    """Every page in every state, looked at by axe on a phone."""

    browser_size = "390x844"

    def _check(self, path, steps="", login=None):
        script = Path(axe_core_python.__file__).with_name("axe.min.js").read_text()
        self.browser_js(path, script + CHECK % {"steps": steps}, login=login)

    def test_the_page_that_awaits_an_answer(self):
        self._send_report()
        self._check(self.link)

    def test_refusing_and_proposing(self):
        self._send_report()
        steps = (
            'document.querySelectorAll("details").forEach((el) => (el.open = true));'
        )
        self._check(self.link, steps)

    def test_agreeing(self):
        self._send_report()
        self._check(self.link, SIGN)

    def test_agreeing_with_a_drawn_signature(self):
        self._send_report()
        draw = """
            document.querySelector(".o_web_sign_draw_button").click();
            await until(() => document.querySelector(".modal .fa-trash"));
        """
        self._check(self.link, SIGN + draw)

    def test_the_pages_of_codes(self):
        self._keep_codes()
        self.policy.identity = "code"
        self._send_report()
        self._check(self.link)
        self._post_form(f"{self.page}/code", approval=self.token)
        self._check(self.link, SIGN)

    def test_the_page_that_asks_to_log_in(self):
        self.policy.identity = "login"
        self._create_portal_user(self.chloe, "chloe_portal")
        self._send_report()
        self._check(self.link)

    def test_receipts(self):
        self._send_report()
        self._post_agreement(f"?approval={self.token}")
        self._check(self.link)

    def test_a_second_version_with_its_differences(self):
        self._send_report()
        line = self.report.sudo().line_ids
        self._post_refusal(self.token, **{f"remark_{line.id}": "Too much"})
        self._check(self.link)
        working = self.report.sudo()._correct().with_user(self.manager)
        self.timesheet.unit_amount = 4
        working.action_refresh()
        link = self._get_link(self._send(working))
        self._check(
            link, "await until(() => document.querySelector('.o_cra_changed'));"
        )
        self._check(f"{link}&version=1")

    def test_the_list_and_one_signature_for_many(self):
        self._send_reports(3)[0].sudo().approval_ids._refuse("No")
        self._create_portal_user(self.chloe, "chloe_portal")
        self._check("/my/cra?groupby=period", login="chloe_portal")
        select = """
            await until(() => {
                document.querySelector("input[name=cra_select_all]").click();
                return document.querySelector("input[name=cra_report]:checked");
            });
        """
        self._check("/my/cra", select + SIGN, login="chloe_portal")

    def test_the_page_of_bad_links(self):
        self._check("/my/cra/0")


@tagged("post_install", "-at_install")
class TestCraAccessibilityDesktop(TestCraAccessibility):
    """The same on a desk, where tables have more columns."""

    allow_inherited_tests_method = True
    browser_size = "1366x768"
