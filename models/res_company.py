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
    annex_template_ids = fields.Many2many(
        comodel_name="invoice.annex.template",
        string="Invoice Annexes",
        groups="base.group_erp_manager,account.group_account_manager",
        help="Documents that explain invoices, where project and customer have none.",
    )

    invoice_mail_template_id = fields.Many2one(
        comodel_name="mail.template",
        domain=[("model", "=", "account.move")],
        help="Empty: Odoo's own template.",
    )
    invoice_cc_partner_ids = fields.Many2many(
        comodel_name="res.partner",
        relation="res_company_invoice_cc_rel",
        column1="company_id",
        column2="partner_id",
        string="Invoice Copies To",
        help="Contacts who get each invoice by mail besides its customer.",
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

    def _get_cra_today(self):
        """Return the day it is in this company."""
        now = pytz.utc.localize(fields.Datetime.now())
        return now.astimezone(self._get_cra_zone()).date()

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
