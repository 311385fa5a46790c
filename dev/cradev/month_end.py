"""One month end, played through the addon's public methods and HTTP routes.

Nothing is written into tables: the people of the demo data log in, press the buttons
and open the links of the mails that the SMTP catcher caught.
"""

import base64
import io
import re
import time
from datetime import date, timedelta
from html import unescape
from urllib.parse import urlsplit

from PIL import Image, ImageDraw

from . import cache
from .web_client import WebClient, csrf_token

#: Mailboxes of approvers in the demo data -> what they do with their mail.
ANSWERS = {
    "nora@northwind.example.com": "agree",
    "lucia@sol.example.com": "agree",
    "pablo@sol.example.com": "agree",
    "rene@rhone.example.com": "agree or refuse",
}
#: Projects whose reports are sent; those of the others are left with something to mend.
STORY = ["Parcel tracking", "Driver portal", "Crédit en ligne", "Planta solar"]
#: Of the reports a customer answers, how many stay open.
LEFT_OPEN = 1
REFUSAL = "Two days were on our side: please check the 15th."
DECISION_LINK = re.compile(r'href="(http[^"]*/my/cra/(\d+)\?approval=[^"]+)"')
#: Who has several reports to answer gets one mail, with the link of their list.
LIST_LINK = re.compile(r'href="(http[^"]*/my/cra\?digest=[^"]+)"')
LISTED_LINK = re.compile(r'href="(/my/cra/\d+\?approval=[^"]+)"')


def play(odoo, database, server, catcher, page):
    """Play it once, on the first run of ``dev/demo``, and print what happened.

    :param cradev.odoo.Odoo odoo: to call functions inside Odoo (``odoo.call``)
    :param str database: the demo database, the addon and its demo data installed
    :param cradev.odoo.Server server: the running Odoo (``server.url``)
    :param cradev.smtp_catcher.Catcher catcher: the mails sent (``catcher.wait_for(n)``)
    :param cradev.mail_page.MailPage page: where they can be read (``page.url``)
    """
    people = {
        login: WebClient(server.url).login(database, login, login)
        for login in ("admin", "manager", "accountant")
    }
    cache.step("The administrator sets languages")
    speak(people["admin"])
    cache.step("The manager generates and sends last month's activity reports")
    asked = generate_and_send(people["manager"])
    leave_unfinished(people["manager"])
    mails = wait_for_requests(catcher, asked)
    cache.step("The customers open their mails and answer")
    answer(server.url, mails)
    cache.step("The accountant invoices what was agreed")
    invoices = invoice(people["accountant"])
    cache.step("A vendor bill is passed on to a customer")
    invoices += pass_on(people["admin"], buy(people["admin"]))
    cache.step("The accountant sends all invoices in one run")
    if invoices:
        send(people["accountant"], invoices)
    print_summary(people["accountant"], catcher)


def logins():
    """Return (who, login, password) of the people the demo has, to be printed.

    Those of the addon's demo data; the administrator is Odoo's own.
    """
    return [
        ("administrator", "admin", "admin"),
        ("project manager", "manager", "manager"),
        ("consultant (Alice Arnaud)", "alice", "alice"),
        ("accountant", "accountant", "accountant"),
        ("customer (Nora Lind, Northwind)", "customer", "customer"),
    ]


# === THE PROVIDER'S PEOPLE === #


def speak(admin):
    """Let the French and the Spanish customer be written to in their language."""
    for lang, domain in (("fr_FR", "rhone"), ("es_ES", "sol")):
        emails = [("email", "=like", f"%@{domain}.example.com")]
        partners = admin.call("res.partner", "search", emails)
        admin.call("res.partner", "write", partners, {"lang": lang})


def generate_and_send(manager):
    """Make last month's reports and send them; return how many people are asked."""
    reports = generate(manager, STORY)
    manager.call("cra.report", "action_send", reports)
    approvals = [("report_id", "in", reports)]
    found = manager.call("cra.approval", "search_read", approvals, ["partner_id"])
    return len({approval["partner_id"][0] for approval in found})


def generate(manager, projects):
    """Make last month's reports of some projects from the preflight list."""
    last = date.today().replace(day=1) - timedelta(days=1)
    month = {"date_from": str(last.replace(day=1)), "date_to": str(last)}
    wizard = manager.call("cra.generate", "create", [month])
    wanted = [("wizard_id", "in", wizard), ("project_id.name", "in", projects)]
    rows = manager.call("cra.generate.line", "search", wanted)
    action = manager.call("cra.generate.line", "action_generate", rows)
    return manager.call("cra.report", "search", action["domain"])


def leave_unfinished(manager):
    """Leave the preflight with something to look at: reports that wait for their
    consultants, one that was cancelled, one whose time has changed."""
    reviewed = generate(manager, ["Data platform"])
    manager.call("cra.report", "action_ask_confirmation", reviewed)
    cancelled, changed, *_others = generate(manager, ["Plant support"])
    manager.call("cra.report", "action_cancel", [cancelled])
    [report] = manager.call("cra.report", "read", [changed], ["line_ids"])
    [line] = manager.call(
        "cra.report.line", "read", report["line_ids"][:1], ["timesheet_id"]
    )
    manager.call(
        "account.analytic.line", "write", line["timesheet_id"][:1], {"unit_amount": 3}
    )


def buy(admin):
    """Post a vendor bill with its receipt; return the order that it is passed on with.

    The administrator does: Odoo asks for sales rights, as the order grows by a line.
    """
    account, partner, product = (
        admin.call(model, "search", [("name", "=", name)])[0]
        for model, name in (
            ("account.analytic.account", "Parcel tracking"),
            ("res.partner", "Rail Lines"),
            ("product.product", "Travel"),
        )
    )
    day = str(date.today().replace(day=1) - timedelta(days=9))
    line = {
        "product_id": product,
        "name": "Train to Boston and back",
        "price_unit": 148.5,
        "tax_ids": [],
        "analytic_distribution": {str(account): 100},
    }
    bill = {
        "move_type": "in_invoice",
        "partner_id": partner,
        "invoice_date": day,
        "ref": f"RL-{day}",
        "invoice_line_ids": [(0, 0, line)],
    }
    move = admin.call("account.move", "create", [bill])
    receipt = {
        "name": "ticket.png",
        "datas": draw_ticket(day),
        "res_model": "account.move",
        "res_id": move[0],
    }
    admin.call("ir.attachment", "create", [receipt])
    admin.call("account.move", "action_post", move)
    expenses = [("is_expense", "=", True), ("product_id", "=", product)]
    [line] = admin.call("sale.order.line", "search_read", expenses, ["order_id"])
    return line["order_id"][0]


def pass_on(admin, order):
    """Invoice what is left of an order and post the invoice; return its ids."""
    values = {
        "advance_payment_method": "delivered",
        "sale_order_ids": [(6, 0, [order])],
    }
    wizard = admin.call("sale.advance.payment.inv", "create", [values])
    action = admin.call("sale.advance.payment.inv", "create_invoices", wizard)
    admin.call("account.move", "action_post", [action["res_id"]])
    return [action["res_id"]]


def draw_ticket(day):
    """Return a photo of a train ticket: PNG in base64."""
    image = Image.new("RGB", (900, 420), "#fdf6e3")
    pen = ImageDraw.Draw(image)
    pen.rectangle((20, 20, 880, 400), outline="#586e75", width=4)
    for row, text in enumerate(("RAIL LINES", "Boston - New York - Boston", day)):
        pen.text((60, 60 + 100 * row), text, "#073642", font_size=52)
    return encode(image)


def invoice(accountant):
    """Invoice all agreed reports and post the invoices; return their ids."""
    agreed = accountant.call("cra.report", "search", [("state", "=", "approved")])
    if not agreed:
        return []
    action = accountant.call("cra.report", "action_create_invoices", agreed)
    domain = action.get("domain") or [("id", "=", action["res_id"])]
    invoices = accountant.call("account.move", "search", domain)
    accountant.call("account.move", "action_post", invoices)
    return invoices


def send(accountant, invoices):
    """Open the sending run on the invoices, start it, and wait for its end."""
    action = accountant.call("account.move", "action_send_and_print", invoices)
    accountant.call("invoice.send.run", "action_send", [action["res_id"]])
    deadline = time.monotonic() + 300
    domain = [
        ("run_id", "=", action["res_id"]),
        ("state", "in", ("queued", "sending")),
    ]
    while accountant.call("invoice.send.line", "search_count", domain):
        if time.monotonic() > deadline:
            raise SystemExit("The sending run did not come to its end in five minutes.")
        time.sleep(1)


# === THE CUSTOMERS === #


def wait_for_requests(catcher, count, timeout=120):
    """Return the mails that ask for an answer, once ``count`` of them came.

    Odoo's own demo data mails about its own stories meanwhile.
    """
    deadline = time.monotonic() + timeout
    while True:
        mails = [
            mail
            for mail in catcher.mails()
            if DECISION_LINK.search(mail.body()) or LIST_LINK.search(mail.body())
        ]
        if len(mails) >= count:
            return mails
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(mails)} of {count} requests came by mail.")
        time.sleep(0.2)


def answer(url, mails):
    """Answer the requests in the mails as their readers do."""
    for mail in mails:
        (recipient,) = mail.recipients
        if recipient not in ANSWERS:
            continue
        browser = WebClient(url)
        for number, link in enumerate(get_links(browser, mail), start=1):
            answer_one(browser, recipient, number, link)


def get_links(browser, mail):
    """Return the links of the reports that a mail asks about, as ``urlsplit`` does."""
    found = DECISION_LINK.search(mail.body())
    if found:
        return [urlsplit(found.group(1))]
    link = urlsplit(unescape(LIST_LINK.search(mail.body()).group(1)))
    page = browser.get(f"{link.path}?{link.query}")
    return [urlsplit(unescape(href)) for href in sorted(set(LISTED_LINK.findall(page)))]


def answer_one(browser, recipient, number, link):
    """Answer one report.

    :param int number: which of the recipient's reports it is, from 1 on
    :param link: where to answer
    """
    text = browser.get(f"{link.path}?{link.query}")
    if ANSWERS[recipient] == "agree or refuse" and number > 1:
        browser.submit(
            f"{link.path}/refuse",
            csrf_token=csrf_token(text),
            approval=link.query.partition("=")[2],
            comment=REFUSAL,
        )
        return
    if recipient.startswith("nora@") and number <= LEFT_OPEN:
        return
    name = recipient.partition("@")[0].title()
    result = browser.rpc(
        f"{link.path}/approve?{link.query}", name=name, signature=draw(name)
    )
    if "error" in result:
        raise SystemExit(f"{recipient} could not agree: {result['error']}")


def draw(name):
    """Return a signature as the browser posts it: PNG in base64."""
    image = Image.new("RGB", (420, 130), "white")
    pen = ImageDraw.Draw(image)
    points = [(30 + 24 * n, 60 + (-1) ** n * (ord(c) % 40)) for n, c in enumerate(name)]
    pen.line([*points, (390, 80)], "navy", 4, joint="curve")
    return encode(image)


def encode(image):
    """Return an image as Odoo takes it: PNG in base64."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


# === WHAT HAPPENED === #


def print_summary(accountant, catcher):
    """Print what is in the database and at the catcher now."""
    print("\nWhat happened (read back from the database and the SMTP catcher)")
    for title, model, field in (
        ("activity reports", "cra.report", "state"),
        ("invoices", "account.move", "state"),
        ("annexes", "invoice.annex", "state"),
        ("lines of the sending run", "invoice.send.line", "state"),
    ):
        domain = []
        if model == "account.move":
            reports = accountant.call("cra.report", "search_read", [], ["invoice_ids"])
            ids = {move for report in reports for move in report["invoice_ids"]}
            domain = [("id", "in", list(ids))]
        groups = accountant.call(
            model,
            "formatted_read_group",
            domain,
            groupby=[field],
            aggregates=["__count"],
        )
        counts = ", ".join(f"{g['__count']} {g[field]}" for g in groups)
        print(f"  {title:26} {counts or 'none'}")
    mails = catcher.mails()
    with_pdf = sum(
        any(kind == "application/pdf" for _name, kind, _data in mail.attachments())
        for mail in mails
    )
    print(
        f"  {'mails at the catcher':26} {len(mails)}, {with_pdf} with a PDF", flush=True
    )
