"""Make many customers with timesheets and posted invoices (runs inside Odoo)."""

from datetime import date, timedelta

BATCH = 50
MONTH = date(2026, 10, 1)


def _batches(records, size=BATCH):
    for start in range(0, len(records), size):
        yield records[start : start + size]


def employees(env, count):
    """Create employees without users."""
    return env["hr.employee"].create(
        [{"name": f"Consultant {n:04}", "hourly_cost": 40.0} for n in range(count)]
    )


def customers(env, count, lang="en_US"):
    """Create companies with an address and a mailbox."""
    country = env.ref("base.us").id
    return env["res.partner"].create(
        [
            {
                "name": f"Customer {n:04}",
                "is_company": True,
                "email": f"billing{n:04}@customer.example.com",
                "street": f"{n + 1} Main Street",
                "city": "Springfield",
                "zip": "12345",
                "country_id": country,
                "lang": lang,
            }
            for n in range(count)
        ]
    )


def consulting(env):
    """Create the product whose delivered quantity is its timesheets."""
    return env["product.product"].create(
        {
            "name": "Consulting",
            "type": "service",
            "list_price": 100.0,
            "uom_id": env.ref("uom.product_uom_hour").id,
            "service_policy": "delivered_timesheet",
            "service_tracking": "task_in_project",
        }
    )


def orders(env, partners, product):
    """Create a confirmed order for each customer, with its project and task."""
    made = env["sale.order"].create(
        [
            {
                "partner_id": partner.id,
                "order_line": [
                    (0, 0, {"product_id": product.id, "product_uom_qty": 100})
                ],
            }
            for partner in partners
        ]
    )
    for batch in _batches(made):
        batch.action_confirm()
        env.cr.commit()
    return made


def timesheets(env, sale_orders, consultants, lines, month=MONTH):
    """Create ``lines`` timesheets in ``month`` for each order."""
    values = [
        {
            "name": f"Work item {number} of {order.name}: analysis, call and follow-up",
            "project_id": order.order_line.project_id.id,
            "task_id": order.order_line.task_id.id,
            "employee_id": consultants[(position * 7 + number) % len(consultants)].id,
            "date": month + timedelta(days=number % 27),
            "unit_amount": 1 + number % 4 * 0.5,
        }
        for position, order in enumerate(sale_orders)
        for number in range(lines)
    ]
    made = env["account.analytic.line"]
    for batch in _batches(values, 1000):
        made += env["account.analytic.line"].create(batch)
        env.cr.commit()
    return made


def invoices(env, sale_orders, day=MONTH + timedelta(days=30)):
    """Invoice what was delivered and post it, one invoice for each order."""
    made = env["account.move"]
    for batch in _batches(sale_orders):
        moves = batch._create_invoices()
        moves.invoice_date = day
        moves.action_post()
        made += moves
        env.cr.commit()
    return made


def invoiced_month(env, *, count, lines=30, consultants=20, month=MONTH):
    """Make ``count`` customers, each with a posted invoice of ``lines`` timesheets.

    :return: the invoices, in the customers' order
    """
    env = env(context={**env.context, "tracking_disable": True})  # for speed
    people = employees(env, consultants)
    sale_orders = orders(env, customers(env, count), consulting(env))
    timesheets(env, sale_orders, people, lines, month)
    made = invoices(env, sale_orders)
    short = [move.name for move in made if len(move.timesheet_ids) != lines]
    if short or len(made) != count:
        raise ValueError(f"{len(made)} invoices, without their timesheets: {short}")
    return made
