from odoo import fields, models
from odoo.tools import SQL

from .cra_period import period_label


class CraReminder(models.Model):
    """A consultant who was told that time of a period is missing.

    Says when it was last told, so that nobody is told twice a day, and what is missing
    in all: no project, no customer, no reason of absence.
    """

    _name = "cra.reminder"
    _description = "Reminder of Missing Time"
    _order = "date_from desc, id desc"

    company_id = fields.Many2one(
        comodel_name="res.company",
        required=True,
        index=True,
    )
    employee_id = fields.Many2one(
        comodel_name="hr.employee",
        string="Consultant",
        required=True,
        ondelete="cascade",
    )
    date_from = fields.Date(string="From", required=True)
    date_to = fields.Date(string="To", required=True)
    missing_hours = fields.Float()
    missing_days = fields.Float()
    reminded_on = fields.Date(required=True)
    activity_id = fields.Many2one(
        comodel_name="mail.activity",
        ondelete="set null",
        index="btree_not_null",
    )
    recipient_id = fields.Many2one(
        comodel_name="res.partner",
        compute="_compute_recipient_id",
    )

    _period_uniq = models.UniqueIndex(
        "(employee_id, company_id, date_from, date_to)",
        "This consultant is reminded of this period already.",
    )

    def _compute_recipient_id(self):
        for reminder in self:
            employee = reminder.employee_id
            reminder.recipient_id = (
                employee.user_id.partner_id or employee.work_contact_id
            )

    def _compute_display_name(self):
        for reminder in self:
            reminder.display_name = reminder._get_period_label()

    # === BUSINESS METHODS === #

    def _remind(self, company, missing):
        """Tell consultants which time is missing, once a day at most.

        :param company: ``res.company`` the time is reported for
        :param dict missing: (``hr.employee``, first day, last day) -> ``Missing``
        :return: the reminders that were sent now
        """
        missing = {
            key: found
            for key, found in missing.items()
            if key[0].user_id or key[0].work_contact_id.email
        }
        reminders = self._claim(company, missing)
        reminders._schedule_activities()
        template = self.env.ref("sale_timesheet_cra.mail_template_cra_reminder")
        template.send_mail_batch(reminders.filtered("recipient_id.email").ids)
        self.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()
        return reminders

    def _claim(self, company, missing):
        """Return the reminders due today, made if need be.

        The unique index decides between two who remind at once.
        """
        if not missing:
            return self.browse()
        today = fields.Date.context_today(self)
        rows = [
            SQL(
                "(%s, %s, %s, %s, %s, %s, %s, %s, %s, "
                "now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')",
                company.id,
                employee.id,
                first,
                last,
                found.hours,
                found.days,
                today,
                self.env.uid,
                self.env.uid,
            )
            for (employee, first, last), found in sorted(
                missing.items(), key=lambda item: (item[0][0].id, *item[0][1:])
            )
        ]
        self.flush_model()
        claimed = self.env.execute_query(
            SQL(
                """
                INSERT INTO cra_reminder AS reminder (
                    company_id, employee_id, date_from, date_to, missing_hours,
                    missing_days, reminded_on, create_uid, write_uid, create_date,
                    write_date)
                VALUES %s
                ON CONFLICT (employee_id, company_id, date_from, date_to) DO UPDATE
                   SET reminded_on = EXCLUDED.reminded_on,
                       missing_hours = EXCLUDED.missing_hours,
                       missing_days = EXCLUDED.missing_days,
                       write_uid = EXCLUDED.write_uid,
                       write_date = EXCLUDED.write_date
                 WHERE reminder.reminded_on < EXCLUDED.reminded_on
             RETURNING id
                """,
                SQL(", ").join(rows),
            )
        )
        self.invalidate_model()
        return self.browse(row[0] for row in claimed)

    def _schedule_activities(self):
        """Give each consultant who is a user one activity per period."""
        activity_type = self.env.ref("mail.mail_activity_data_todo")
        action = self.env.ref("hr_timesheet.act_hr_timesheet_line")
        vals_list, waiting = [], self.browse()
        for reminder in self:
            user = reminder.employee_id.user_id
            translated = reminder.with_context(lang=user.lang)
            values = {
                "summary": translated._get_summary(),
                "date_deadline": reminder.reminded_on,
            }
            if reminder.activity_id.active:
                reminder.activity_id.write(values)
            elif user:
                waiting |= reminder
                vals_list.append(
                    {
                        **values,
                        "activity_type_id": activity_type.id,
                        "user_id": user.id,
                        "automated": True,
                        "note": f'<a href="/odoo/action-{action.id}">{action.name}</a>',
                    }
                )
        activities = self.env["mail.activity"].create(vals_list)
        for reminder, activity in zip(waiting, activities, strict=True):
            reminder.activity_id = activity

    def _settle(self, candidates):
        """Close the activities of consultants whose time is complete by now.

        :param list candidates: ``Candidate`` whose missing time is known
        """
        complete = {
            (employee, candidate.date_from, candidate.date_to)
            for candidate in candidates
            for employee in candidate.employees
            if employee not in candidate.missing
        }
        if not complete:
            return
        employees = self.env["hr.employee"].union(*(key[0] for key in complete))
        waiting = self.search(
            [("employee_id", "in", employees.ids), ("activity_id", "!=", False)]
        )
        waiting.filtered(
            lambda r: (r.employee_id, r.date_from, r.date_to) in complete
        ).activity_id.unlink()

    def _get_summary(self):
        """Return what the consultant reads first."""
        self.ensure_one()
        return self.env._(
            "Complete your time of %(period)s: %(missing)s missing",
            period=self._get_period_label(),
            missing=self._get_missing_label(),
        )

    def _get_period_label(self):
        """Return the period as the consultant reads it."""
        self.ensure_one()
        return period_label(self.env, self.date_from, self.date_to)

    def _get_missing_label(self):
        """Return how much is missing, in the unit in which the company enters time."""
        self.ensure_one()
        if self.company_id._enters_days():
            return self.env._("%s days", f"{self.missing_days:g}")
        return self.env._("%s hours", f"{self.missing_hours:g}")
