import operator

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .cra_digest import DIGEST_VERSION, digest
from .cra_report import CURRENT_STATES, TERMS, WORKING_STATES


class CraReport(models.Model):
    """How a report lives: sent, decided on, corrected."""

    # One subject per file: the model is too long for one.
    _inherit = "cra.report"  # pylint: disable=consider-merging-classes-inherited

    # === SENDING === #

    def _send(self):
        """Freeze drafts and ask their approvers, all or nothing.

        :raise UserError: names the report that cannot be sent and the way out
        """
        # sudo: numbers, approvals and documents are not written by users themselves
        reports = self.sudo()
        reports._lock()
        reports._check_sendable()
        reports._settle_terms()
        reports._attach_documents()
        reports._freeze()
        reports._create_approvals()._send_requests()
        return reports

    def _lock(self):
        """Keep others from deciding on these reports until the transaction ends."""
        self.lock_for_update()
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
            for approver in approvers:
                if not approver.email:
                    raise UserError(
                        self.env._(
                            "%(approver)s, who is to receive %(report)s, has no email "
                            "address. Enter one on the contact, or choose another "
                            "approver.",
                            approver=approver.display_name,
                            report=name,
                        )
                    )

    def _settle_terms(self):
        """Copy the policy's terms, and number the reports."""
        for report in self.sorted("id"):
            name = report.previous_id.name or report._next_number()
            report.write({**report._prepare_terms(), "name": name})

    def _freeze(self):
        """Put the reports in force, in the place of the versions before them."""
        self.previous_id.write({"state": "superseded"})
        self.previous_id.approval_ids._void()
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

    def _next_number(self):
        """Return the next number of the report's company."""
        sequences = self.env["ir.sequence"].with_company(self.company_id)
        if not sequences.search_count(
            [("code", "=", "cra.report"), ("company_id", "=", self.company_id.id)]
        ):
            self.env.ref("sale_timesheet_cra.sequence_cra_report").copy(
                {"company_id": self.company_id.id, "number_next": 1}
            )
        return sequences.next_by_code("cra.report", sequence_date=self.date_to)

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
        timesheets = (self | self.previous_id).line_ids.timesheet_id
        timesheets._cra_update_hold_of_lines()

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
            for line in self.line_ids.sorted(lambda line: (line.date, line.id))
        ]
        return terms, lines

    # === DECIDING === #

    def _decide(self, state):
        """Record the customer's decision: the last step of an approver's answer.

        :param str state: ``approved`` or ``refused``
        """
        self.write(
            {
                "state": state,
                "approval_kind": "customer" if state == "approved" else False,
                "decided_on": fields.Datetime.now(),
            }
        )
        self._update_hold()
        self.env.ref("sale_timesheet_cra.ir_cron_cra_decision_documents")._trigger()

    # === CORRECTING === #

    def _correct(self):
        """Return the working version that follows this report, made if need be.

        :raise UserError: the report is not the version in force
        """
        self.ensure_one()
        self._lock()
        working = self.next_ids.filtered(lambda r: r.state in WORKING_STATES)
        if working:
            return working
        if self.state not in CURRENT_STATES:
            raise UserError(
                self.env._(
                    "%s is not the version in force: only that one is corrected.",
                    self.display_name,
                )
            )
        vals = self.copy_data({"previous_id": self.id, "version": self.version + 1})
        working = self.create(vals)
        working._refresh()
        self._update_hold()
        self.message_post(body=self.env._("Version %s is being made.", working.version))
        return working

    def _differs_from_previous(self):
        """Tell whether the time differs from what the version before shows."""
        self.ensure_one()
        self._refresh()
        _terms, lines = self._get_content()
        _terms, previous_lines = self.previous_id._get_content()
        key = operator.itemgetter("timesheet")
        shown = [
            [{**line, "description": ""} for line in sorted(version, key=key)]
            for version in (lines, previous_lines)
        ]
        return shown[0] != shown[1]
