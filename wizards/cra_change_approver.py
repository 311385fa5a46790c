from odoo import api, fields, models

from ..models.cra_approval import OPEN_STATES


class CraChangeApprover(models.TransientModel):
    """Ask somebody else instead of an approver of a report that was sent."""

    _name = "cra.change.approver"
    _description = "Change the Approver of an Activity Report"

    report_id = fields.Many2one(
        comodel_name="cra.report",
        string="Activity Report",
        required=True,
        readonly=True,
        ondelete="cascade",
    )
    approval_id = fields.Many2one(
        comodel_name="cra.approval",
        string="Instead of",
        required=True,
        compute="_compute_approval_id",
        store=True,
        precompute=True,
        readonly=False,
        ondelete="cascade",
        domain="[('report_id', '=', report_id), "
        "('state', 'in', ('waiting', 'pending'))]",
    )
    proposal = fields.Char(compute="_compute_proposal")
    proposed_name = fields.Char(related="approval_id.proposed_name")
    proposed_email = fields.Char(related="approval_id.proposed_email")
    customer_id = fields.Many2one(related="report_id.partner_id")
    partner_id = fields.Many2one(
        comodel_name="res.partner",
        string="New Approver",
        compute="_compute_partner_id",
        store=True,
        readonly=False,
        required=True,
        ondelete="cascade",
    )

    # === COMPUTE METHODS === #

    @api.depends("report_id")
    def _compute_approval_id(self):
        for wizard in self:
            open_approvals = wizard.report_id.approval_ids.filtered(
                lambda a: a.state in OPEN_STATES
            )
            proposed = open_approvals.filtered("proposed_email")
            wizard.approval_id = (proposed or open_approvals)[:1]

    @api.depends("approval_id")
    def _compute_proposal(self):
        for wizard in self:
            wizard.proposal = wizard.proposed_email and self.env._(
                "%(approver)s proposes %(name)s, %(email)s.",
                approver=wizard.approval_id.partner_id.name,
                name=wizard.proposed_name,
                email=wizard.proposed_email,
            )

    @api.depends("approval_id")
    def _compute_partner_id(self):
        for wizard in self:
            email = wizard.proposed_email
            wizard.partner_id = email and self.env["res.partner"].search(
                [
                    ("email_normalized", "=", email),
                    ("commercial_partner_id", "=", wizard.customer_id.id),
                ],
                limit=1,
            )

    # === ACTION METHODS === #

    def action_change(self):
        """Ask the new approver.

        :raise UserError: names what is in the way
        """
        self.ensure_one()
        # Of the approval's own report: over RPC, the dialog may name another one.
        self.approval_id.report_id.check_access("write")
        # sudo: users do not write approvals themselves
        self.approval_id.sudo()._replace(self.partner_id.sudo())
        return {"type": "ir.actions.act_window_close"}
