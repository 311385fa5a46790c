from odoo import fields, models
from odoo.exceptions import AccessError, UserError

GROUP = "sale_timesheet_cra.group_cra_agree_on_behalf"


class CraReport(models.Model):
    """Agreement that the customer gave elsewhere, on a signed paper."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    paper_document_id = fields.Many2one(
        comodel_name="ir.attachment",
        string="Signed Paper",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
        groups="base.group_user",
    )
    paper_signed_by = fields.Char(
        string="Paper Signed by", readonly=True, copy=False, groups="base.group_user"
    )
    paper_signed_on = fields.Date(
        string="Paper Signed on", readonly=True, copy=False, groups="base.group_user"
    )
    paper_user_id = fields.Many2one(
        comodel_name="res.users",
        string="Recorded by",
        readonly=True,
        copy=False,
        ondelete="restrict",
        groups="base.group_user",
    )

    # === ACTION METHODS === #

    def action_agree_on_behalf(self):
        """Ask for the paper on which the customer has agreed."""
        self.ensure_one()
        self._check_may_agree_on_behalf()
        return self._get_dialog_action(
            "cra.agree.on.behalf", self.env._("Agree on Behalf of the Customer")
        )

    # === BUSINESS METHODS === #

    def _check_may_agree_on_behalf(self):
        """Refuse whoever may not, and reports that wait for no answer.

        :raise AccessError: the user is not in the group, or may not send the report
        :raise UserError: names the report
        """
        if not self.env.user.has_group(GROUP):
            raise AccessError(
                self.env._(
                    "You may not agree on behalf of customers. Ask an administrator "
                    "for the right to."
                )
            )
        self.check_access("write")
        report = self.sudo()
        if report.state != "sent" or report.approval_mode == "none":
            raise UserError(
                self.env._(
                    "%s does not wait for the customer's agreement.",
                    report.display_name,
                )
            )

    def _agree_on_behalf(self, signed_by, signed_on, content, file_name):
        """Record the agreement on a paper; the customer's links decide no more.

        :param str signed_by: who has signed for the customer
        :param date signed_on: day on the paper
        :param bytes content: the scanned paper
        :param str file_name: its name
        :raise AccessError: the user may not
        :raise UserError: something is missing, or the report was decided meanwhile
        """
        self.ensure_one()
        self._check_may_agree_on_behalf()
        signed_by = (signed_by or "").strip()
        if not signed_by or not signed_on or not content:
            raise UserError(
                self.env._(
                    "Enter who has signed and when, and attach the signed paper: it is "
                    "the evidence for %s.",
                    self.display_name,
                )
            )
        if signed_on > self.company_id._get_cra_today():
            raise UserError(
                self.env._(
                    "The paper on %s is signed in the future.", self.display_name
                )
            )
        report = self.sudo()  # sudo: users write neither decisions nor evidence
        report._lock()
        self._check_may_agree_on_behalf()
        paper = report.env["ir.attachment"].create(
            {
                "name": file_name or self.env._("Signed paper"),
                "raw": content,
                "res_model": report._name,
                "res_id": report.id,
            }
        )
        report.write(
            {
                "paper_document_id": paper.id,
                "paper_signed_by": signed_by,
                "paper_signed_on": signed_on,
                "paper_user_id": self.env.user.id,
            }
        )
        report.approval_ids._void()
        report._decide("approved", kind="internal")
        report._message_log(
            body=self.env._(
                "Agreed on behalf of the customer, on the paper attached, signed by "
                "%(name)s.",
                name=signed_by,
            )
        )
