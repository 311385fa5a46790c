import secrets
from datetime import timedelta

import babel.dates

from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.tools import SQL, babel_locale_parse, consteq, get_lang
from odoo.tools.misc import hmac

CODE_SCOPE = "sale_timesheet_cra.approver.code"
CODE_MINUTES = 10
CODE_TRIES = 5
#: Minutes to wait for the next code, by how many were mailed and not used: whoever
#: guesses gets some five tries a day at a million codes.
WAITS = (1, 1, 5, 15, 60, 240, 1440)
#: Least minutes to wait after too many wrong codes.
LOCK_MINUTES = 15
#: After so many days without a code, the waits start over.
FORGET_DAYS = 7


class CraApproverCode(models.Model):
    """The six digits last mailed to an approver, who shows to read that mail.

    One row per person: tries and waits are counted for all they are asked, so that
    nobody gets tries back by another link. The digits are stored hashed. The row is
    locked while it is looked at: requests at the same time are counted one by one.
    """

    _name = "cra.approver.code"
    _description = "Code of an Approver"

    partner_id = fields.Many2one(
        comodel_name="res.partner",
        required=True,
        ondelete="cascade",
    )
    code_hash = fields.Char(help="Empty when the code was used or tried too often.")
    expires_on = fields.Datetime()
    tries_left = fields.Integer()
    unused_count = fields.Integer(help="Codes mailed since the last one that was used.")
    next_on = fields.Datetime(help="From when another code may be asked for.")

    _partner_uniq = models.UniqueIndex("(partner_id)")

    @api.model
    def _issue(self, partner):
        """Return new digits for a person; those mailed before are good no more.

        :raise UserError: it is too soon; tells from when
        """
        self.env.execute_query(
            SQL(
                "INSERT INTO cra_approver_code (partner_id) VALUES (%s) "
                "ON CONFLICT (partner_id) DO NOTHING RETURNING id",
                partner.id,
            )
        )
        row = self.search([("partner_id", "=", partner.id)])
        row._lock()
        now = fields.Datetime.now()
        if row.next_on and now < row.next_on:
            raise UserError(
                self.env._(
                    "A code was mailed to you already. You can ask for another one "
                    "%(soon)s.",
                    soon=row._format_wait(),
                )
            )
        known = row.next_on and now - row.next_on < timedelta(days=FORGET_DAYS)
        unused = row.unused_count + 1 if known else 1
        code = f"{secrets.randbelow(10**6):06d}"
        row.write(
            {
                "code_hash": row._hash(code),
                "expires_on": now + timedelta(minutes=CODE_MINUTES),
                "tries_left": CODE_TRIES,
                "unused_count": unused,
                "next_on": now + row._get_wait(unused),
            }
        )
        return code

    @api.model
    def _find_problem(self, partner, code):
        """Tell what is wrong with the digits somebody typed, ``""`` if nothing is.

        A wrong code uses up a try: that must not be rolled back.

        :param partner: ``res.partner`` the code was mailed to
        :param str code: as typed; blanks do not count
        :raise UserError: another request is at it; no try is used up
        """
        code = "".join(str(code or "").split())
        if not code:
            return self.env._("Please enter the code from the mail.")
        row = self.search([("partner_id", "=", partner.id)])
        row._lock()
        if not row.code_hash or row.expires_on < fields.Datetime.now():
            return self.env._("This code is good no more. Please ask for a new one.")
        if consteq(row.code_hash, row._hash(code)):
            return ""
        row.tries_left -= 1
        if row.tries_left > 0:
            return self.env._("This is not the code. Tries left: %s.", row.tries_left)
        wait = max(row._get_wait(row.unused_count), timedelta(minutes=LOCK_MINUTES))
        row.write({"code_hash": False, "next_on": fields.Datetime.now() + wait})
        return self.env._(
            "This is not the code, and it was the last try. You can ask for a new code "
            "%(soon)s.",
            soon=row._format_wait(),
        )

    @api.model
    def _use_up(self, partner):
        """Forget the code a person has answered with: it was good once."""
        row = self.search([("partner_id", "=", partner.id)])
        row.write({"code_hash": False, "unused_count": 0, "next_on": False})

    @api.model
    def _get_live(self, partner):
        """Return the row of a code that can be typed now, empty if there is none."""
        return self.search(
            [
                ("partner_id", "=", partner.id),
                ("code_hash", "!=", False),
                ("expires_on", ">", fields.Datetime.now()),
            ]
        )

    def _lock(self):
        """Keep requests at the same time from sharing a try.

        :raise UserError: another one is at it
        """
        try:
            self.lock_for_update()
        except LockError as error:
            raise UserError(
                self.env._("Another code is being looked at. Please try again.")
            ) from error
        self.invalidate_recordset()

    def _hash(self, code):
        return hmac(self.sudo().env, CODE_SCOPE, (self.partner_id.id, code))

    @staticmethod
    def _get_wait(unused):
        return timedelta(minutes=WAITS[min(unused, len(WAITS)) - 1])

    def _format_wait(self):
        """Return how long to wait for the next code, as in “in 15 minutes”."""
        wait = self.next_on - fields.Datetime.now()
        locale = babel_locale_parse(get_lang(self.env).code)
        return babel.dates.format_timedelta(wait, add_direction=True, locale=locale)

    @api.autovacuum
    def _gc_codes(self):
        limit = fields.Datetime.now() - timedelta(days=FORGET_DAYS)
        self.search(["|", ("next_on", "=", False), ("next_on", "<", limit)]).unlink()
