"""Who may do what: ``security/RIGHTS.md``, walked for every role and method."""

import base64
from datetime import date
from pathlib import Path

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.service.model import call_kw, get_public_method
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .money_common import CraMoneyCommon

RIGHTS = Path(__file__).parents[1] / "security" / "RIGHTS.md"
OURS = "odoo.addons.sale_timesheet_cra."
OPERATIONS = {"read": "r", "write": "w", "create": "c", "unlink": "d"}
#: The ORM's own: what they let through is the first table.
CRUD = {"create", "write", "unlink", "copy_data"}
NO, YES = "·", "✓"
#: What a method is called with besides its records.
ARGUMENTS = {
    "action_show_period": {"step": 1},
    "message_post": {"body": "Hello"},
}


def read_tables():
    """Return the tables of the document: lists of rows, each row a dict by column."""
    tables, head = [], None
    for line in RIGHTS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            head = None
            continue
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if head is None:
            head = cells
            tables.append([])
        elif not set(line) <= set("|-: "):
            tables[-1].append(dict(zip(head, cells, strict=True)))
    return tables


@tagged("post_install", "-at_install")
class TestRights(CraMoneyCommon):
    """The document on rights is true, and complete.

    A new model or method gets a row of dots there; the failure then tells what is let
    through. Look at it before it is copied.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.company_id = cls.company
        cls.project.write(
            {"privacy_visibility": "followers", "user_id": cls.manager.id}
        )
        approver = "hr_timesheet.group_hr_timesheet_approver"
        administrator = "hr_timesheet.group_timesheet_manager"
        on_behalf = "sale_timesheet_cra.group_cra_agree_on_behalf"
        create = cls._create_user
        cls.roles = {
            "public": cls.env.ref("base.public_user"),
            "customer": new_test_user(
                cls.env, "rights_customer", "base.group_portal", partner_id=cls.chloe.id
            ),
            "employee": cls.outsider,
            "consultant": cls.consultant,
            "other consultant": create(
                "rights_colleague", "Carl", "hr_timesheet.group_hr_timesheet_user"
            ),
            "manager": cls.manager,
            "other manager": create("rights_elsewhere", "Else", approver),
            "on behalf": create("rights_agent", "Agnes", on_behalf),
            "administrator": create("rights_administrator", "Ada", administrator),
            "salesperson": create(
                "rights_sales", "Sally", "sales_team.group_sale_salesman_all_leads"
            ),
            "accountant": cls.accountant,
            "head accountant": create(
                "rights_head", "Hella", "account.group_account_manager"
            ),
            "auditor": create(
                "rights_auditor", "Aude", "account.group_account_readonly"
            ),
            "settings": create("rights_system", "Sys", "base.group_system"),
            "other company": cls._create_foreigner(),
        }
        for role in ("consultant", "manager", "on behalf"):
            cls.project.message_subscribe(cls.roles[role].partner_id.ids)
        cls.annex_template = cls.env["invoice.annex.template"].create(
            {
                "name": "Time",
                "company_id": cls.company.id,
                "section_ids": [Command.create({"title": "Time"})],
            }
        )
        cls.acme.annex_template_ids = cls.annex_template

    @classmethod
    def _create_foreigner(cls):
        """Return a user who may do everything, in another company."""
        company = cls.setup_other_company(name="Elsewhere")["company"]
        groups = (
            "hr_timesheet.group_timesheet_manager,account.group_account_manager,"
            "sales_team.group_sale_manager,project.group_project_manager,"
            "sale_timesheet_cra.group_cra_agree_on_behalf"
        )
        return new_test_user(
            cls.env,
            "rights_foreigner",
            groups,
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    def setUp(self):
        super().setUp()
        self._create_timesheet(date(2026, 3, 2))
        self._create_timesheet(date(2026, 4, 1))
        self._create_timesheet(date(2026, 5, 4))
        self.policy.internal_review = True
        review = self._generate(month=5)
        review.action_ask_confirmation()
        self.policy.internal_review = False
        sent = self._generate(month=4)
        mail = self._send(sent)
        cancelled = self._generate(month=3)
        cancelled.action_cancel()
        self._create_timesheet(date(2026, 6, 1))
        invoice = self._invoice(self.january_report)
        invoice.action_post()
        draft_invoice = self._invoice(self.february_report)
        runs = self.env["invoice.send.run"].with_user(self.accountant)
        run = runs._open(invoice | draft_invoice)
        draft = self._generate(month=6)
        self.records = {
            "the policy": self.policy,
            "draft": draft,
            "line of the draft": draft.line_ids,
            "in review": review,
            "sent": sent,
            "line of the sent one": sent.line_ids,
            "approval of the sent one": sent.sudo().approval_ids,
            "agreed": self.february_report,
            "invoiced": self.january_report,
            "cancelled": cancelled,
            "draft invoice": draft_invoice,
            "posted invoice": invoice,
            "annex": invoice.annex_ids,
            "annex template": self.annex_template,
            "annex section": self.annex_template.section_ids,
            "run": run,
            "row of the run": run.line_ids[0],
            "mail": mail,
            "project": self.project,
            "customer": self.acme,
            "order": self.order,
            "none": self.env["res.config.settings"],
        }
        for name, records in self.records.items():
            self.assertTrue(records or name == "none", name)
        self.env.flush_all()

    # === WHAT THERE IS === #

    def _get_own_models(self):
        """Return the names of the models that only this addon has."""
        data = self.env["ir.model.data"].search([("model", "=", "ir.model")])
        modules = {}
        for xmlid in data:
            modules.setdefault(xmlid.res_id, set()).add(xmlid.module)
        ids = [id_ for id_, names in modules.items() if names == {OURS.split(".")[2]}]
        models = self.env["ir.model"].browse(ids).mapped("model")
        return {name for name in models if not self.env[name]._abstract}

    def _get_public_methods(self):
        """Return (model, method) of all that this addon lets be called over RPC."""
        found = set()
        for model_name, model in self.env.registry.items():
            for cls in model.mro():
                if not cls.__module__.startswith(OURS):
                    continue
                for name, value in vars(cls).items():
                    if name.startswith("_") or not callable(value) or name in CRUD:
                        continue
                    try:
                        get_public_method(self.env[model_name], name)
                    except AccessError:
                        continue
                    found.add((model_name, name))
        return found

    # === WHAT IT IS TRIED ON === #

    def _get_subject(self, env, model, on):
        """Return the record of a row, as the user of ``env`` sees it.

        Dialogs are made by who uses them.
        """
        if on == "their own":
            return self._make_dialog(env, model)
        return env[model].browse(self.records[on].ids)

    def _make_dialog(self, env, model):
        sent, invoice = self.records["sent"], self.records["posted invoice"]
        values = {
            "cra.generate": {
                "company_id": self.company.id,
                "date_from": date(2026, 6, 1),
                "date_to": date(2026, 6, 30),
            },
            "cra.recall": {"report_id": sent.id, "note": "Wait"},
            "cra.send.back": {
                "report_id": self.records["in review"].id,
                "remark": "Wrong day",
            },
            "cra.agree.on.behalf": {
                "report_id": sent.id,
                "signed_by": "Chloe",
                "signed_on": date(2026, 4, 30),
                "paper": base64.b64encode(b"paper"),
            },
            "cra.change.approver": {"report_id": sent.id, "partner_id": self.acme.id},
            "sale.advance.payment.inv": {
                "sale_order_ids": [Command.set(self.order.ids)]
            },
            "account.move.reversal": {"journal_id": invoice.journal_id.id},
            "account.move.send.wizard": {"move_id": invoice.id},
        }
        if model == "cra.generate.line":
            return self._make_dialog(env, "cra.generate").line_ids[:1]
        context = {"active_model": "account.move", "active_ids": invoice.ids}
        return env[model].with_context(**context).create(values.get(model, {}))

    # === WALKING === #

    def _get_environment(self, user):
        return self.env(user=user.id, su=False, context={})

    def _may(self, operation):
        """Tell whether an operation is let through, and undo it.

        What is refused for its state or its input is let through as far as rights go.
        """
        savepoint = self.cr.savepoint()
        try:
            operation()
            self.env.flush_all()
        except AccessError:
            return False
        except UserError:
            return True
        finally:
            savepoint.rollback()
            savepoint.close(rollback=True)
            self.env.invalidate_all()
        return True

    def _compare(self, rows, key, allowed):
        """Compare rows of the document with what is let through.

        :param tuple key: names of the columns that tell the rows apart
        :param allowed: takes a row and a role's environment, returns the cell
        """
        wrong = []
        for row in rows:
            self.assertEqual(set(row) - set(key), set(self.roles))
            cells = {
                role: allowed(row, self._get_environment(user))
                for role, user in self.roles.items()
            }
            if differing := [role for role in cells if cells[role] != row[role]]:
                true = [f"`{row[name]}`" for name in key[:-1]] + [row[key[-1]]]
                true += cells.values()
                wrong.append(f"{', '.join(differing)}:\n| {' | '.join(true)} |")
        self.assertFalse(wrong, "RIGHTS.md should read:\n" + "\n".join(wrong))

    @mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
    def test_records(self):
        rows = read_tables()[0]

        def get_letters(row, env):
            model = env[row["Model"]]
            records = model
            if row["Record"] not in ("any", "their own"):
                records = model.browse(self.records[row["Record"]].ids)
            return (
                "".join(
                    letter
                    for operation, letter in OPERATIONS.items()
                    if records.has_access(operation)
                )
                or NO
            )

        self.assertEqual({row["Model"] for row in rows}, self._get_own_models())
        self._compare(rows, ("Model", "Record"), get_letters)

    @mute_logger("odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
    def test_methods(self):
        rows = read_tables()[1]

        def get_answer(row, env):
            model, method = row["Model"], row["Method"]

            def call():
                subject = self._get_subject(env, model, row["On"])
                if not subject and row["On"] != "none":
                    raise AccessError(row["On"])  # they see none to call it on
                arguments = ARGUMENTS.get(method, {})
                if method == "preview":
                    invoice = self.records["posted invoice"]
                    arguments = {"move_id": invoice.id, "changes": {}}
                call_kw(subject.browse(), method, [subject.ids], arguments)

            return YES if self._may(call) else NO

        named = {(row["Model"], row["Method"]) for row in rows}
        self.assertEqual(named, self._get_public_methods())
        self._compare(rows, ("Model", "Method", "On"), get_answer)

    # === FIELDS === #

    def test_what_customers_can_read_of_a_report(self):
        """Over RPC, beside the pages: what the document lists, and nothing else."""
        [listed] = [
            line.partition(":")[2]
            for line in RIGHTS.read_text(encoding="utf-8").splitlines()
            if line.startswith("Fields customers read")
        ]
        report = self._get_environment(self.roles["customer"])["cra.report"]
        own = report._get_guarded_fields() - {"access_token"}
        readable = {
            name
            for name in own
            if report._has_field_access(report._fields[name], "read")
        }
        self.assertEqual(readable, set(listed.replace("`", "").strip(" .").split(", ")))

    def test_consultants_reach_no_amounts(self):
        """Nothing on their reports leads to prices, orders or invoices."""
        env = self._get_environment(self.consultant)
        for name in ("cra.report", "cra.report.line", "cra.approval"):
            model = env[name]
            for field in model._fields.values():
                if not field._module or not field._module.startswith("sale_timesheet"):
                    continue
                if model._has_field_access(field, "read"):
                    self.assertNotEqual(field.type, "monetary", field)
                    self.assertNotIn(
                        field.comodel_name,
                        ("account.move", "sale.order", "sale.order.line"),
                        field,
                    )

    def test_nobody_writes_what_holds_time(self):
        """The hold follows from policy and agreement, never from a request."""
        timesheet = self._create_timesheet(date(2026, 3, 9))
        self.assertTrue(timesheet.cra_hold)
        line = self.january_report.sudo().line_ids[:1]
        invoice = self.records["posted invoice"]
        vals = {"project_id": self.project.id, "employee_id": self.alice.id}
        vals |= {"unit_amount": 1, "date": date(2026, 3, 9)}
        for role in ("consultant", "manager", "administrator"):
            timesheets = self._get_environment(self.roles[role])[timesheet._name]
            own = timesheets.browse(timesheet.id)
            for name, value in (
                ("cra_hold", False),
                ("cra_line_id", line.id),
                ("cra_credited_id", invoice.id),
            ):
                with self.assertRaises(AccessError), self.cr.savepoint():
                    own.write({name: value})
                if not value:
                    continue
                with self.assertRaises(AccessError), self.cr.savepoint():
                    timesheets.create({**vals, name: value})
                with self.assertRaises(AccessError), self.cr.savepoint():
                    timesheets.with_context(**{f"default_{name}": value}).create(vals)
            self.assertTrue(timesheets.create({**vals, "cra_hold": False}).cra_hold)
