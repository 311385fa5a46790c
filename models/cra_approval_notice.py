from odoo import api, fields, models


class CraApproval(models.Model):
    """What approvers are told afterwards: receipts, and reports that are withdrawn."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.approval"  # pylint: disable=consider-merging-classes-inherited

    noticed_together_ids = fields.Many2many(
        comodel_name="cra.approval",
        compute="_compute_noticed_together_ids",
        export_string_translation=False,
        help="All approvals that the last notice to the approver is about.",
    )

    @api.depends("notice_reference")
    def _compute_noticed_together_ids(self):
        references = [ref for ref in self.mapped("notice_reference") if ref]
        noticed = self.search([("notice_reference", "in", references)])
        groups = noticed.grouped("notice_reference")
        for approval in self:
            approval.noticed_together_ids = groups.get(
                approval.notice_reference, approval
            )

    # === RECEIPTS === #

    @api.model
    def _send_receipts(self, batch_size=200):
        """Mail the documents with the decisions to whoever was asked, once.

        :return: whether there is more to do
        """
        domain = [
            ("report_id.state", "in", ("approved", "refused")),
            ("report_id.signed_document_id", "!=", False),
            ("message_reference", "!=", False),
            ("notice_reference", "=", False),
        ]
        due = self.search(domain, limit=batch_size)
        reports = due.report_id.try_lock_for_update()
        (reports | due.report_id).invalidate_recordset()
        due.invalidate_recordset()
        due.filtered_domain(domain).filtered(
            lambda a: a.report_id in reports
        )._tell_decision()
        return len(due) == batch_size

    def _tell_decision(self):
        if not self:
            return
        template = self.env.ref("sale_timesheet_cra.mail_template_cra_receipt")
        self._queue_mails(
            lambda bundle: template,
            lambda approval: self.env._(
                "The document with the decision was sent to %s.",
                approval._get_address(),
            ),
            reference="notice_reference",
        )

    def _get_receipt_files(self):
        """Return the documents of a receipt as a mail takes them.

        They are not attached to messages: a message may stand in the chatter of one
        report and be about others, too.

        :return: list of (name, content, MIME type)
        """
        documents = self.report_id.signed_document_id
        return [(d.name, d.raw, d.mimetype) for d in documents.sorted("id")]

    # === WITHDRAWN === #

    def _tell_recall(self):
        """Tell approvers that reports are withdrawn."""
        template = self.env.ref("sale_timesheet_cra.mail_template_cra_recall")
        self._queue_mails(
            lambda bundle: template,
            lambda approval: self.env._(
                "%s was told that the report is withdrawn.", approval._get_address()
            ),
            reference="notice_reference",
        )

    # === WORDS OF THE MAILS === #

    def _get_notice_subject(self):
        """Return the subject of a notice, in the language of the context."""
        reports = self.noticed_together_ids.report_id
        if len(reports) > 1:
            return self.env._("Your activity reports: %s", len(reports))
        values = {
            "period": reports._get_period_label(),
            "project": reports.project_id.name,
        }
        if reports.state == "cancelled":
            return self.env._(
                "Withdrawn: activity report %(period)s – %(project)s", **values
            )
        if reports.state == "refused":
            return self.env._(
                "Refused: activity report %(period)s – %(project)s", **values
            )
        if reports.approval_kind == "tacit":
            return self.env._(
                "Agreed by silence: activity report %(period)s – %(project)s", **values
            )
        return self.env._("Agreed: activity report %(period)s – %(project)s", **values)
