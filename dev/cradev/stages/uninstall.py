"""Uninstall the addon from a database with its demo data and look at what remains.

What an addon brings is found, not listed: the structure and the technical records of
a database that never had it (the template) are compared with one that had it. What may
remain is listed, with the reason, in ``dev/lists/uninstall_remains.txt``.
"""

import fnmatch

from .. import lists, odoo_log, postgres
from ..odoo import MODULE

TITLE = "Uninstallation"
REMAINS = "uninstall_remains.txt"

#: What to compare: kind -> query of one column, in words that say what it is.
QUERIES = {
    "table": """
        SELECT relname FROM pg_class
         WHERE relkind IN ('r', 'v', 'm', 'S', 'p')
           AND relnamespace = 'public'::regnamespace""",
    "column": """
        SELECT attrelid::regclass || '.' || attname || ' ' ||
               format_type(atttypid, atttypmod) ||
               CASE WHEN attnotnull THEN ' not null' ELSE '' END
          FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
         WHERE attnum > 0 AND NOT attisdropped AND relkind = 'r'
           AND relnamespace = 'public'::regnamespace""",
    "index": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraint": """
        SELECT conrelid::regclass || '.' || conname FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace""",
    "function": """
        SELECT oid::regprocedure::text FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace""",
    "trigger": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    "model": "SELECT model FROM ir_model",
    "field": "SELECT model || '.' || name FROM ir_model_fields",
    "selection": """
        SELECT f.model || '.' || f.name || '=' || s.value
          FROM ir_model_fields_selection s JOIN ir_model_fields f ON f.id = field_id""",
    "relation": "SELECT name FROM ir_model_relation",
    # Odoo notes the foreign keys of core's tables once more while it drops the fields;
    # the keys themselves are compared as constraints.
    "model constraint": "SELECT name FROM ir_model_constraint WHERE type != 'f'",
    "external id": """
        SELECT module || '.' || name FROM ir_model_data
         WHERE model != 'ir.module.module'""",
    "access right": "SELECT name FROM ir_model_access",
    "rule": "SELECT coalesce(name, '') || ' #' || model_id FROM ir_rule",
    "group": "SELECT name->>'en_US' FROM res_groups",
    "view": "SELECT name || coalesce(' ' || key, '') FROM ir_ui_view",
    "menu": "SELECT name->>'en_US' FROM ir_ui_menu",
    "action": "SELECT type || ' ' || (name->>'en_US') FROM ir_actions",
    "cron": "SELECT cron_name FROM ir_cron",
    "parameter": "SELECT key FROM ir_config_parameter",
    "default": """
        SELECT f.model || '.' || f.name
          FROM ir_default d JOIN ir_model_fields f ON f.id = d.field_id""",
    "sequence": "SELECT coalesce(code, '') || ' ' || name FROM ir_sequence",
    "asset": "SELECT path FROM ir_asset",
    "mail template": "SELECT name->>'en_US' FROM mail_template",
    "mail subtype": "SELECT name->>'en_US' FROM mail_message_subtype",
    "activity type": "SELECT name->>'en_US' FROM mail_activity_type",
    "paper format": "SELECT name FROM report_paperformat",
    "saved filter": "SELECT name FROM ir_filters",
    "file of a gone model": """
        SELECT DISTINCT res_model FROM ir_attachment
         WHERE res_model IS NOT NULL
           AND res_model NOT IN (SELECT model FROM ir_model)""",
    "message of a gone model": """
        SELECT DISTINCT model FROM mail_message
         WHERE model IS NOT NULL AND model NOT IN (SELECT model FROM ir_model)""",
    "activity of a gone model": """
        SELECT DISTINCT res_model FROM mail_activity
         WHERE res_model NOT IN (SELECT model FROM ir_model)""",
    "follower of a gone model": """
        SELECT DISTINCT res_model FROM mail_followers
         WHERE res_model NOT IN (SELECT model FROM ir_model)""",
}


def uninstall(env):
    """Uninstall the addon (runs inside Odoo)."""
    module = env["ir.module.module"].search([("name", "=", MODULE)])
    module.button_immediate_uninstall()


def work(env):
    """Write timesheets, invoice them and post the invoice (runs inside Odoo)."""
    timesheets = env["account.analytic.line"].search([("project_id", "!=", False)])
    free = timesheets.filtered(lambda line: not line.timesheet_invoice_id)
    free[:5].write({"name": "Written after the uninstallation"})
    free[:1].copy().unlink()
    product = env["product.product"].create(
        {
            "name": "Hours after the uninstallation",
            "type": "service",
            "service_policy": "delivered_timesheet",
            "service_tracking": "task_in_project",
            "list_price": 100.0,
        }
    )
    partner = env["res.partner"].create({"name": "Customer after the uninstallation"})
    order = env["sale.order"].create(
        {
            "partner_id": partner.id,
            "order_line": [(0, 0, {"product_id": product.id})],
        }
    )
    order.action_confirm()
    employee = env["hr.employee"].create({"name": "Employee after the uninstallation"})
    env["account.analytic.line"].create(
        {
            "name": "Work",
            "unit_amount": 2.0,
            "employee_id": employee.id,
            "project_id": order.order_line.project_id.id,
            "task_id": order.order_line.task_id.id,
        }
    )
    invoice = order._create_invoices()
    invoice.action_post()
    env.cr.commit()
    return {
        "timesheets": len(timesheets),
        "state": invoice.state,
        "quantity": invoice.invoice_line_ids.quantity,
    }


def snapshot(database):
    """Return {kind: {name: how often}} of a database."""
    found = {}
    with postgres.connect(database) as cursor:
        for kind, query in QUERIES.items():
            cursor.execute(f"SELECT name, count(*) FROM ({query}) q(name) GROUP BY 1")
            found[kind] = dict(cursor.fetchall())
    return found


def more(before, after):
    """Return (kind, name) of what ``after`` has more of than ``before``."""
    return [
        (kind, str(name))
        for kind, names in after.items()
        for name, count in sorted(names.items(), key=str)
        if count > before[kind].get(name, 0)
    ]


def invoice_files(database):
    """Return the files of invoices as (id, invoice, name, checksum, stored file)."""
    with postgres.connect(database) as cursor:
        cursor.execute(
            "SELECT id, res_id, name, checksum, store_fname FROM ir_attachment "
            "WHERE res_model = 'account.move' AND res_field IS NULL ORDER BY id"
        )
        return cursor.fetchall()


def check_remains(report, never, installed, after):
    """Count one check per kind of thing that the addon brought."""
    patterns = lists.read(REMAINS)
    used = set()
    brought = more(never, installed)
    remains = more(never, after)
    for kind in QUERIES:
        unexpected = []
        for found_kind, name in remains:
            entry = f"{kind}: {name}"
            fits = [text for text in patterns if fnmatch.fnmatchcase(entry, text)]
            used.update(fits if found_kind == kind else [])
            if found_kind == kind and not fits:
                unexpected.append(f"{entry} remains")
        lost = [
            f"{kind}: {name} is lost" for k, name in more(after, never) if k == kind
        ]
        count = sum(found_kind == kind for found_kind, _name in brought)
        report.that(f"{kind}: {count} brought, none remains", unexpected + lost)
    stale = [text for text in patterns if text not in used]
    report.that(f"{REMAINS} lists only what remains", stale)


def run(workbench, report):
    odoo = workbench.odoo
    source = workbench.installed("demo")
    if not source:
        report.failed("uninstall", "The addon could not be installed.")
        return
    database = workbench.scratch("uninstalled", of=source)
    never = snapshot(odoo.template(demo=True))
    installed = snapshot(database)
    report.that(
        "the comparison sees the addon",
        "" if more(never, installed) else "It finds nothing that the addon brought.",
    )
    files = invoice_files(database)
    log = odoo.work / f"{database}_uninstall.log"
    odoo.call(database, uninstall, log=log)
    report.passed("uninstall")
    complaints = odoo_log.complaints(log.read_text(errors="replace"))
    report.that("log of the uninstallation", complaints)
    check_remains(report, never, installed, snapshot(database))
    lost = set(files) - set(invoice_files(database))
    report.that(
        f"{len(files)} documents of invoices stay", [str(name) for name in sorted(lost)]
    )
    log = odoo.work / f"{database}_business.log"
    said = odoo.call(database, work, log=log)
    problem = "" if said["timesheets"] else "There is no timesheet to write."
    report.that("timesheets are written as before", problem)
    posted = said["state"] == "posted" and said["quantity"] == 2
    report.that(
        "an invoice is made of timesheets and posted", "" if posted else str(said)
    )
    complaints = odoo_log.complaints(log.read_text(errors="replace"))
    report.that("log of the work after it", complaints)
