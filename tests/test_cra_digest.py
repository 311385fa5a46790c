from datetime import date

from odoo.tests import BaseCase, tagged

from ..models.cra_digest import canonical, digest

TERMS = {
    "number": "CRA/0001",
    "version": 2,
    "company": 1,
    "customer": 7,
    "project": 3,
    "employee": None,
    "date_from": date(2026, 3, 1),
    "date_to": date(2026, 3, 31),
    "time_unit": "day",
    "approval_mode": "any",
    "identity": "link",
    "invoice_gate": "block",
    "employee_display": "name",
    "deadline_days": 10,
    "deadline_unit": "working",
    "on_deadline": "tacit",
    "tacit_clause": "Silence is agreement – after 10 days.",
    "reminder_before_days": 2,
    "reminder_every_days": 0,
}
LINES = [
    {
        "timesheet": 11,
        "date": date(2026, 3, 2),
        "employee_label": "Zoé Bauer",
        "project_label": "Apollo",
        "task_label": "",
        "description": "Drawings",
        "unit_amount": 7.1,
    },
    {
        "timesheet": False,
        "date": date(2026, 3, 3),
        "employee_label": "Zoé Bauer",
        "project_label": "Apollo",
        "task_label": "Tests",
        "description": "",
        "unit_amount": -0.5,
    },
]
#: Computed when the form was first released. If this fails, evidence in the field can
#: not be verified anymore: make a new version of the form instead.
FROZEN_V1 = "0d3543d6e59df010edfb4ff509fdb5b759ac82f6d84b34d19c15fb5921ca04d8"


@tagged("post_install", "-at_install")
class TestCraDigest(BaseCase):
    """Whatever later code does, what was sent under an older form is verified."""

    def test_the_first_form_never_changes(self):
        self.assertEqual(digest(TERMS, LINES, version=1), FROZEN_V1)

    def test_what_later_code_adds_is_not_in_it(self):
        terms = {**TERMS, "a_later_term": "x"}
        lines = [{**line, "a_later_value": "x"} for line in LINES]
        self.assertEqual(digest(terms, lines, version=1), FROZEN_V1)

    def test_everything_the_customer_saw_is_in_it(self):
        frozen = canonical(TERMS, LINES, version=1)
        for name in TERMS:
            changed = canonical({**TERMS, name: "other"}, LINES, version=1)
            self.assertNotEqual(changed, frozen, name)
        for name in LINES[0].keys() - {"timesheet"}:
            value = 1.0 if name == "unit_amount" else "other"
            lines = [{**LINES[0], name: value}, LINES[1]]
            self.assertNotEqual(canonical(TERMS, lines, version=1), frozen, name)
        self.assertNotEqual(canonical(TERMS, LINES[::-1], version=1), frozen)

    def test_an_unknown_form_is_an_error(self):
        with self.assertRaises(KeyError):
            digest(TERMS, LINES, version=99)
