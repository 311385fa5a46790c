from datetime import datetime, time, timedelta

import pytz

from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    cra_policy_id = fields.Many2one(
        comodel_name="cra.policy",
        string="Activity Report Policy",
        check_company=True,
        ondelete="restrict",
        help="Applies to customers and projects that have none of their own.",
    )
    cra_start_date = fields.Date(
        string="Activity Reports Start on",
        help="Time before this day is never reported, sent, locked or held.",
    )
    cra_checked_on = fields.Datetime(
        readonly=True,
        copy=False,
        export_string_translation=False,
        help="When the reports that leave by themselves were last looked at.",
    )
    cra_retention_months = fields.Integer(
        string="Traces of Answers Kept for",
        help="Months after an answer to an activity report. Then the IP address and "
        "the browser of whoever answered are erased. Decision, signature, time, digest "
        "and Message-Id stay. 0: kept as long as the report.",
    )
    annex_template_ids = fields.Many2many(
        comodel_name="invoice.annex.template",
        string="Invoice Annexes",
        groups="base.group_erp_manager,account.group_account_manager",
        help="Documents that explain invoices, where project and customer have none.",
    )

    invoice_mail_template_id = fields.Many2one(
        comodel_name="mail.template",
        string="Invoice Mail",
        domain=[("model", "=", "account.move")],
        help="Empty: Odoo's own template.",
    )
    credit_note_mail_template_id = fields.Many2one(
        comodel_name="mail.template",
        string="Credit Note Mail",
        domain=[("model", "=", "account.move")],
        help="Empty: Odoo's own template.",
    )
    invoice_mail_server_id = fields.Many2one(
        comodel_name="ir.mail_server",
        string="Invoice Mailbox",
        domain=[("owner_user_id", "=", False)],
        help="Empty: the one of the mail template, else the one that fits the sender.",
    )
    invoice_document_kinds = fields.Many2many(
        comodel_name="invoice.document.kind",
        string="Documents With Invoices",
        help="Sent with each invoice besides its own documents and annexes.",
    )
    invoice_terms_file_ids = fields.Many2many(
        comodel_name="ir.attachment",
        relation="res_company_invoice_terms_rel",
        string="General Terms",
        help="Files for customers and projects that want the general terms with their "
        "invoices.",
    )
    invoice_cc_partner_ids = fields.Many2many(
        comodel_name="res.partner",
        relation="res_company_invoice_cc_rel",
        column1="company_id",
        column2="partner_id",
        string="Invoice Copies To",
        help="Contacts who get each invoice by mail besides its customer.",
    )

    _cra_retention_check = models.Constraint(
        "CHECK(cra_retention_months >= 0)",
        "Traces of answers are kept for a number of months, or 0 for as long as the "
        "report.",
    )

    def write(self, vals):
        result = super().write(vals)
        if {"cra_policy_id", "cra_start_date"} & vals.keys():
            self.env["account.analytic.line"]._cra_update_hold()
        return result

    # === BUSINESS METHODS === #

    def _get_cra_zone(self):
        """Return the time zone in which this company's reports leave."""
        self.ensure_one()
        name = self.resource_calendar_id.tz or self.partner_id.tz or self.env.user.tz
        return pytz.timezone(name or "UTC")

    def _get_cra_now(self):
        """Return the moment it is, on the clock of this company."""
        now = pytz.utc.localize(fields.Datetime.now())
        return now.astimezone(self._get_cra_zone())

    def _get_cra_today(self):
        """Return the day it is in this company."""
        return self._get_cra_now().date()

    def _enters_days(self):
        """Tell whether time is entered in days here, not in hours."""
        self.ensure_one()
        xmlids = self.env["ir.model.data"]
        day_id = xmlids._xmlid_to_res_id("uom.product_uom_day")  # cached
        return self.timesheet_encode_uom_id.id == day_id

    def _get_cra_working_days(self, first, last):
        """Return the working days of this company, public holidays left out.

        :param date first: first day looked at
        :param date last: last day looked at, included
        :return: set of dates
        """
        self.ensure_one()
        days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
        # sudo: everybody may know the company's days off
        calendar = self.sudo().resource_calendar_id
        if not calendar:
            return {day for day in days if day.weekday() < 5}
        zone = self._get_cra_zone()
        start, end = (
            zone.localize(datetime.combine(day, limit))
            for day, limit in ((first, time.min), (last, time.max))
        )
        unusual = calendar._get_unusual_days(start, end, self)
        return {day for day in days if not unusual.get(str(day))}
