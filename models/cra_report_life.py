from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .cra_digest import DIGEST_VERSION, digest
from .cra_report import CURRENT_STATES, TERMS, WORKING_STATES


class CraReport(models.Model):
    """How a report lives: sent, decided on, corrected."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    # === SENDING === #

    def _send(self):
        """Put drafts in force, all or nothing. Their approvers are yet to be asked.

        :raise UserError: names the report that cannot be sent and the way out
        """
        # sudo: numbers, approvals and documents are not written by users themselves
        reports = self.sudo()
        reports._lock()
        reports._check_sendable()
        reports._settle_terms()
        reports._keep_agreements()
        reports._attach_documents()
        reports._freeze()
        reports._create_approvals()
        reports._update_clock()
        return reports

    def _ask_approvers(self):
        """Mail the approvers of these reports who were not asked yet."""
        # sudo: users write neither approvals nor mails themselves
        waiting = self.sudo().approval_ids.filtered(lambda a: a.state == "waiting")
        waiting._send_requests()

    def _lock(self):
        """Keep others from deciding on these reports until the transaction ends.

        :raise LockError: somebody else is at one of them
        """
        try:
            self.lock_for_update()
        except LockError as error:
            raise LockError(
                self.env._(
                    "%s is being answered or changed by somebody else at this moment. "
                    "Please try again.",
                    ", ".join(self.mapped("display_name")),
                )
            ) from error
        self.invalidate_recordset()

    def _check_sendable(self):
        """Refuse to send reports that are not ready.

        :raise UserError: names the report and the way out
        """
        for report in self:
            if report.state not in WORKING_STATES:
                raise UserError(self.env._("%s is not a draft.", report.display_name))
        seen = {report: report._get_content() for report in self}
        self._refresh()
        for report in self:
            name = report.display_name
            if not report.line_ids:
                raise UserError(self.env._("%s has no time to report.", name))
            if report._get_content() != seen[report]:
                raise UserError(
                    self.env._(
                        "The timesheets of %s changed since it was made. "
                        "Refresh it and look at it once more.",
                        name,
                    )
                )
            approvers = report.project_id._get_cra_approvers(report.partner_id)
            if not approvers:
                raise UserError(
                    self.env._(
                        "%(report)s has nobody to be sent to: its approvers are "
                        "archived. Choose others on project %(project)s or on "
                        "customer %(customer)s.",
                        report=name,
                        project=report.project_id.name,
                        customer=report.partner_id.name,
                    )
                )
            for approver in approvers:
                report._check_can_be_asked(approver)

    def _check_can_be_asked(self, approver):
        """Refuse an approver whom no mail would reach, or who could not answer.

        :raise UserError: names the approver, the report and the way out
        """
        if not approver.email:
            raise UserError(
                self.env._(
                    "%(approver)s, who is to receive %(report)s, has no email "
                    "address. Enter one on the contact, or choose another approver.",
                    approver=approver.display_name,
                    report=self.display_name,
                )
            )
        # A draft has no terms of its own yet.
        terms = self if self.sent_on else self.policy_id
        if terms.approval_mode == "none" or terms.identity != "login":
            return
        if not any(user._is_portal() for user in approver.user_ids):
            raise UserError(
                self.env._(
                    "%(approver)s is to answer %(report)s with a portal account, and "
                    "has none. Grant portal access on the contact, or choose another "
                    "approver.",
                    approver=approver.display_name,
                    report=self.display_name,
                )
            )

    def _settle_terms(self):
        """Copy the policy's terms, and number the reports."""
        self._set_draft_terms()
        for report in self.filtered("previous_id"):
            report.name = report.previous_id.name
        first_versions = self.filtered(lambda report: not report.previous_id)
        for company, reports in first_versions.grouped("company_id").items():
            reports = reports.sorted("id")
            numbers = self._draw_numbers(company, reports.mapped("date_to"))
            for report, number in zip(reports, numbers, strict=True):
                report.name = number

    def _freeze(self):
        """Put the reports in force, in the place of the versions before them."""
        self.previous_id.write({"state": "superseded"})
        # Only one version is in force at any moment, for the database as well.
        self.previous_id.flush_recordset(["state"])
        self.previous_id.approval_ids._void()
        # The notes on who was asked tell it: one more for each state says nothing new.
        self._track_discard()
        for report in self:
            report.write(
                {
                    "state": "sent",
                    "sent_on": fields.Datetime.now(),
                    "digest": digest(*report._get_content()),
                    "digest_version": DIGEST_VERSION,
                }
            )
        self._take_over_timesheets()
        self._update_hold()

    def _create_approvals(self):
        """Return one approval per report and approver."""
        return self.env["cra.approval"].create(
            [
                {"report_id": report.id, "partner_id": approver.id}
                for report in self
                for approver in report.project_id._get_cra_approvers(report.partner_id)
            ]
        )

    @api.model
    def _draw_numbers(self, company, days):
        """Return the next numbers of a company, one for each of ``days``.

        Who sends at the same time waits here for the other's end: no number is lost.
        """
        sequences = self.env["ir.sequence"].with_company(company)
        sequence = sequences.search(
            [("code", "=", "cra.report"), ("company_id", "=", company.id)], limit=1
        )
        if not sequence:
            sequence = self.env.ref("sale_timesheet_cra.sequence_cra_report").copy(
                {"company_id": company.id, "number_next": 1}
            )
        if sequence.use_date_range or sequence.implementation != "no_gap":
            return [sequence.next_by_id(sequence_date=day) for day in days]
        sequence.flush_recordset(["number_next"])
        step = sequence.number_increment
        [(after,)] = self.env.execute_query(
            SQL(
                "UPDATE ir_sequence SET number_next = number_next + %s WHERE id = %s "
                "RETURNING number_next",
                len(days) * step,
                sequence.id,
            )
        )
        sequence.invalidate_recordset(["number_next"])
        first = after - len(days) * step
        return [
            sequence.get_next_char(first + position * step)
            for position in range(len(days))
        ]

    def _take_over_timesheets(self):
        """Link the timesheets to these versions instead of the previous ones."""
        lines = self.env["cra.report.line"]
        lines.flush_model()
        self.env["account.analytic.line"].flush_model(["cra_line_id"])
        self.env.execute_query(
            SQL(
                """
                UPDATE account_analytic_line aal SET cra_line_id = line.id
                  FROM cra_report_line line
                 WHERE line.timesheet_id = aal.id AND line.report_id IN %s
                   AND aal.cra_line_id IS DISTINCT FROM line.id
             RETURNING aal.id
                """,
                tuple(self.ids),
            )
        )
        self.env["account.analytic.line"].invalidate_model(["cra_line_id"])

    def _update_hold(self):
        """Hold or free the timesheets of these reports as their states say."""
        # sudo: the hold follows from the states, whoever reads the lines
        lines = self.env["cra.report.line"].sudo()
        lines.flush_model(["report_id", "timesheet_id"])
        query = lines._search([("report_id", "in", (self | self.previous_id).ids)])
        shown = query.subselect(SQL.identifier("timesheet_id"))
        self.env["account.analytic.line"]._cra_update_hold(Domain("id", "in", shown))

    def _get_content(self):
        """Return what the digest is made of: terms and lines, in plain values."""
        self.ensure_one()
        terms = {name: self[name] for name in TERMS}
        terms |= {
            "number": self.name or None,
            "version": self.version,
            "company": self.company_id.id,
            "customer": self.partner_id.id,
            "project": self.project_id.id,
            "employee": self.employee_id.id or None,
            "date_from": self.date_from,
            "date_to": self.date_to,
        }
        names = ("date", "employee_label", "project_label", "task_label", "description")
        lines = [
            {
                "timesheet": line.timesheet_id.id,
                "unit_amount": line.unit_amount,
                **{name: line[name] or "" for name in names},
            }
            for line in self._get_lines_in_order()
        ]
        return terms, lines

    def _get_lines_in_order(self):
        """Return the lines in the order in which they are shown and digested."""
        return self.line_ids.sorted(lambda line: (line.date, line.id))

    # === DECIDING === #

    def _decide(self, state, kind="customer"):
        """Record the decision: the last step of an approver's answer.

        :param str state: ``approved`` or ``refused``
        :param str kind: key of ``approval_kind``: how it was agreed to
        """
        self.write(
            {
                "state": state,
                "approval_kind": kind if state == "approved" else False,
                "decided_on": fields.Datetime.now(),
            }
        )
        self._update_hold()
        self.env.ref("sale_timesheet_cra.ir_cron_cra_decision_documents")._trigger()

    @api.private
    def activity_schedule(
        self, act_type_xmlid="", date_deadline=None, summary="", note="", **act_values
    ):
        # EXTENDS 'mail': the web client reads who made an activity. Customers are users
        # of one company only, and our people may be in another: then it fails.
        reports = self.with_user(SUPERUSER_ID) if self.env.user.share else self
        return super(CraReport, reports).activity_schedule(
            act_type_xmlid, date_deadline, summary, note, **act_values
        )

    # === CORRECTING === #

    def _correct(self):
        """Return the working versions that follow these reports, made if need be.

        :raise UserError: a report is not the version in force
        """
        self._lock()
        working = self.next_ids.filtered(lambda r: r.state in WORKING_STATES)
        to_correct = self - working.previous_id
        for report in to_correct:
            if report.state not in CURRENT_STATES:
                raise UserError(
                    self.env._(
                        "%s is not the version in force: only that one is corrected.",
                        report.display_name,
                    )
                )
        made = self.create(
            [
                vals
                for report in to_correct
                for vals in report.copy_data(
                    {"previous_id": report.id, "version": report.version + 1}
                )
            ]
        )
        made._refresh()
        for version in made:
            version._keep_descriptions()
        to_correct._update_hold()
        to_correct._message_log_batch(
            {
                version.previous_id.id: self.env._(
                    "Version %s is being made.", version.version
                )
                for version in made
            }
        )
        return working | made
