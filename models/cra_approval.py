from odoo import api, fields, models
from odoo.exceptions import UserError

OPEN_STATES = ("waiting", "pending")


class CraApproval(models.Model):
    """What one approver is asked, and what they answered, with the evidence."""

    _name = "cra.approval"
    _description = "Activity Report Approval"
    _order = "id"

    report_id = fields.Many2one(
        comodel_name="cra.report",
        required=True,
        index=True,
        readonly=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(related="report_id.company_id")
    partner_id = fields.Many2one(
        comodel_name="res.partner",
        string="Approver",
        required=True,
        index=True,
        readonly=True,
        ondelete="restrict",
    )
    state = fields.Selection(
        selection=[
            ("waiting", "To Be Asked"),
            ("pending", "Asked"),
            ("approved", "Agreed"),
            ("refused", "Refused"),
            ("void", "Void"),
        ],
        required=True,
        default="waiting",
        readonly=True,
    )
    token_serial = fields.Integer(
        default=1,
        required=True,
        readonly=True,
        help="A higher serial makes every link sent so far invalid.",
    )
    decided_on = fields.Datetime(readonly=True)
    signed_by = fields.Char(readonly=True)
    signature = fields.Image(max_width=1024, max_height=1024, readonly=True)
    comment = fields.Text(string="Reason", readonly=True)
    digest = fields.Char(
        readonly=True, help="Digest of the content that was in front of the approver."
    )
    digest_version = fields.Integer(readonly=True)
    ip_address = fields.Char(string="IP Address", readonly=True)
    user_agent = fields.Char(readonly=True)
    # Of open ones only: two contacts who both answered may be merged into one.
    _approver_uniq = models.UniqueIndex(
        "(report_id, partner_id) WHERE state IN ('waiting', 'pending')",
        "This person is already an approver of the report.",
    )

    # === COMPUTE METHODS === #

    @api.depends("partner_id", "report_id")
    def _compute_display_name(self):
        for approval in self:
            approval.display_name = self.env._(
                "%(approver)s on %(report)s",
                approver=approval.partner_id.display_name,
                report=approval.report_id.display_name,
            )

    # === CRUD METHODS === #

    def write(self, vals):
        for approval in self:
            if approval.decided_on and not approval._may_change_decided(vals):
                raise UserError(
                    self.env._(
                        "%s was decided: it stays as it is.", approval.display_name
                    )
                )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_sent(self):
        if self.report_id.filtered("sent_on"):
            raise UserError(self.env._("Approvals of a report that was sent stay."))

    def _void(self):
        """Make the links of approvals that are not decided yet useless."""
        self.filtered(lambda a: a.state in OPEN_STATES).write({"state": "void"})
