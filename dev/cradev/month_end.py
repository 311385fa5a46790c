"""One month end, played through the addon's public methods and HTTP routes."""


def play(odoo, database, server, catcher, page):
    """Play it once, on the first run of ``dev/demo``, and print what happened.

    :param cradev.odoo.Odoo odoo: to call functions inside Odoo (``odoo.call``)
    :param str database: the demo database, the addon and its demo data installed
    :param cradev.odoo.Server server: the running Odoo (``server.url``)
    :param cradev.smtp_catcher.Catcher catcher: the mails sent (``catcher.wait_for(n)``)
    :param cradev.mail_page.MailPage page: where they can be read (``page.url``)
    """


def logins():
    """Return (who, login, password) of the people the demo has, to be printed.

    The passwords are those of Odoo's own demo data.
    """
    return [
        ("administrator", "admin", "admin"),
        ("project manager and accountant", "demo", "demo"),
        ("customer", "portal", "portal"),
    ]
