from datetime import date

from odoo.tests import tagged

from .portal_common import CraPortalCommon


@tagged("post_install", "-at_install")
class TestCraMonthTour(CraPortalCommon):
    """The page of the month, in a browser."""

    def test_the_manager_follows_what_blocks_the_month(self):
        self._send_report()
        # Answered by whoever opens the link: the public user.
        public = self.env.ref("base.public_user")
        self.approval.with_user(public).sudo()._refuse("No")
        # Managers of this company cannot read the public user, who is in another.
        self.assertFalse(self.report.activity_ids.sudo().create_uid.share)
        march = (date(2026, 3, 1), date(2026, 3, 31))
        generate = self.env.registry["cra.generate"]
        self.patch(generate, "_default_month", lambda model: march)
        self.manager.lang = "en_US"
        self.start_tour(
            f"/odoo/activity-month?cids={self.company.id}",
            "cra_manager_follows_a_block",
            login=self.manager.login,
            timeout=120,
        )
