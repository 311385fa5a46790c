"""One month end, played through the addon's public methods and HTTP routes.

Nothing is written into tables: the people of the demo data log in, press the buttons
and open the links of the mails that the SMTP catcher caught.
"""

import base64
import io
import re
import time
from collections import Counter
from datetime import date, timedelta
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
#: Of the reports a customer answers, how many stay open.
LEFT_OPEN = 1
REFUSAL = "Two days were on our side: please check the 15th."
DECISION_LINK = re.compile(r'href="(http[^"]*/my/cra/(\d+)\?approval=[^"]+)"')


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
    cache.step("The administrator sets languages and templates")
    speak(people["admin"])
    cache.step("The manager generates and sends last month's activity reports")
    asked = generate_and_send(people["manager"])
    mails = wait_for_requests(catcher, asked)
    cache.step("The customers open their mails and answer")
    answer(server.url, mails)
    cache.step("The accountant invoices what was agreed, and sends it in one run")
    invoices = invoice(people["accountant"])
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
        ("accountant", "accountant", "accountant"),
        ("customer (Nora Lind, Northwind)", "customer", "customer"),
    ]


# === THE PROVIDER'S PEOPLE === #


def speak(admin):
    """Let the French and the Spanish customer be written to in their language."""
    templates = admin.call("invoice.annex.template", "search", [])
    for lang, domain, title in (
        ("fr_FR", "rhone", "Temps passé"),
        ("es_ES", "sol", "Tiempo dedicado"),
    ):
        values, context = {"name": title}, {"lang": lang}
        admin.call(
            "invoice.annex.template", "write", templates, values, context=context
        )
        emails = [("email", "=like", f"%@{domain}.example.com")]
        partners = admin.call("res.partner", "search", emails)
        admin.call("res.partner", "write", partners, {"lang": lang})


def generate_and_send(manager):
    """Make last month's reports and send them; return how many mails that asks for."""
    last = date.today().replace(day=1) - timedelta(days=1)
    month = {"date_from": str(last.replace(day=1)), "date_to": str(last)}
    wizard = manager.call("cra.generate", "create", [month])
    action = manager.call("cra.generate", "action_generate", wizard)
    reports = manager.call("cra.report", "search", action["domain"])
    manager.call("cra.report", "action_send", reports)
    approvals = [("report_id", "in", reports)]
    return manager.call("cra.approval", "search_count", approvals)


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
        mails = [m for m in catcher.mails() if DECISION_LINK.search(m.body())]
        if len(mails) >= count:
            return mails
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(mails)} of {count} requests came by mail.")
        time.sleep(0.2)


def answer(url, mails):
    """Answer the requests in the mails as their readers do."""
    asked = Counter()
    for mail in mails:
        found = DECISION_LINK.search(mail.body())
        (recipient,) = mail.recipients
        if not found or recipient not in ANSWERS:
            continue
        asked[recipient] += 1
        link = urlsplit(found.group(1))
        browser = WebClient(url)
        text = browser.get(f"{link.path}?{link.query}")
        if ANSWERS[recipient] == "agree or refuse" and asked[recipient] > 1:
            browser.submit(
                f"{link.path}/refuse",
                csrf_token=csrf_token(text),
                approval=link.query.partition("=")[2],
                comment=REFUSAL,
            )
        elif recipient.startswith("nora@") and asked[recipient] <= LEFT_OPEN:
            continue
        else:
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
