"""Activity reports under kill -9 and two people at once."""

import concurrent.futures
import re
from urllib.parse import urlsplit

import requests

from ..month_end import DECISION_LINK, draw
from ..web_client import WebClient

STATES = """
    SELECT report.state, aal.cra_hold, report.signed_document_id IS NOT NULL,
           (SELECT array_agg(state ORDER BY state) FROM cra_approval)
      FROM cra_report report
      JOIN cra_report_line line ON line.report_id = report.id
      JOIN account_analytic_line aal ON aal.id = line.timesheet_id
"""


def prepare(env):
    """One timesheet of one consultant, for a customer with two approvers."""
    customer = env["res.partner"].create({"name": "Acme", "is_company": True})
    approvers = env["res.partner"].create(
        [
            {"name": name, "parent_id": customer.id, "email": f"{name}@acme.example"}
            for name in ("chloe", "carl")
        ]
    )
    policy = env["cra.policy"].create({"name": "Monthly", "start_date": "2026-01-01"})
    policy.line_filter = "all"
    project = env["project.project"].create(
        {
            "name": "Apollo",
            "partner_id": approvers[0].id,
            "company_id": env.company.id,
            "cra_policy_id": policy.id,
            "cra_approver_ids": approvers.ids,
        }
    )
    env["account.analytic.line"].create(
        {
            "project_id": project.id,
            "employee_id": env["hr.employee"].create({"name": "Alice"}).id,
            "date": "2026-03-02",
            "unit_amount": 8,
            "name": "Work",
        }
    )
    env.company.email = "office@provider.example"


def generate(env):
    """Make the drafts of March (runs inside Odoo)."""
    month = {"date_from": "2026-03-01", "date_to": "2026-03-31"}
    env["cra.generate"].create(month).action_generate()
    env.cr.commit()


def send(env):
    """Send the draft, then let the queue send the mails (runs inside Odoo)."""
    env["cra.report"].search([("state", "=", "draft")]).action_send()
    env.cr.commit()
    env["mail.mail"].process_email_queue()


def send_mails(env):
    """Let the queue send the mails (runs inside Odoo)."""
    env["mail.mail"].process_email_queue()


def make_documents(env):
    """Run the cron that follows decisions (runs inside Odoo)."""
    env["cra.report"]._cron_make_decision_documents()
    env.cr.commit()


def _ask(playground):
    """Send the report, and return the approvers' links as read in their mails."""
    playground.call(generate)
    with playground.catcher() as catcher:
        playground.call(send)
        mails = catcher.wait_for(2)
    return [urlsplit(DECISION_LINK.search(mail.body()).group(1)) for mail in mails]


def _agree(server, link):
    """Return what the approver's browser gets, None if the server died."""
    try:
        return WebClient(server.url).rpc(
            f"{link.path}/approve?{link.query}", name="Chloe", signature=draw("Chloe")
        )
    except (requests.RequestException, ValueError):
        return None


def check_two_people_generate_at_once(playground):
    """Two people generate the same month at once: one draft is made."""
    calls = [playground.start(generate) for _person in range(2)]
    codes = [call.wait() for call in calls]
    assert 0 in codes, codes
    drafts = playground.query("SELECT count(*) FROM cra_report")
    assert drafts == [(1,)], drafts
    playground.call(generate)
    lines = playground.query(
        "SELECT count(*), count(DISTINCT timesheet_id) FROM cra_report_line"
    )
    assert lines == [(1, 1)], lines
    # The loser may have been told by the unique index; it left nothing behind.
    playground.logs = [log for log in playground.logs if not _lost_the_race(log)]


def _lost_the_race(log):
    return re.search(r"cra_report_working_uniq|could not serialize", log.read_text())


def check_killed_before_the_commit_of_sending(playground):
    """Killed while sending: the draft stays, and goes out once afterwards."""
    playground.call(generate)
    with playground.catcher() as catcher:
        playground.kill(send, at="cra.approval._send_requests:after:1")
        assert playground.query("SELECT state FROM cra_report") == [("draft",)]
        assert not catcher.mails()
        playground.call(send)
        playground.call(send_mails)
        recipients = sorted(mail.recipients[0] for mail in catcher.mails())
    assert recipients == ["carl@acme.example", "chloe@acme.example"], recipients


def check_killed_before_the_mails_leave(playground):
    """Killed between sending and the mails: they leave later, each once."""
    playground.call(generate)
    with playground.catcher() as catcher:
        playground.kill(send, at="mail.mail.process_email_queue:before:1")
        assert playground.query("SELECT state FROM cra_report") == [("sent",)]
        playground.call(send_mails)
        playground.call(send_mails)
        assert len(catcher.mails()) == 2


def check_server_killed_while_the_customer_agrees(playground):
    """Killed while a customer agrees: nothing is half decided, the link still works."""
    link, _other = _ask(playground)
    server = playground.server(kill_at="cra.report._decide:after:1")
    assert _agree(server, link) is None
    assert server.process.wait(30) == -9
    before = playground.query(STATES)
    assert before == [("sent", True, False, ["pending", "pending"])], before
    assert _agree(playground.server(), link)["force_refresh"]
    ((state, held, _document, approvals),) = playground.query(STATES)
    assert (state, held, approvals) == ("approved", False, ["approved", "void"])


def check_two_customers_answer_at_once(playground):
    """Two approvers agree at the same moment: one decision, one clear answer."""
    links = _ask(playground)
    server = playground.server()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answers = list(pool.map(_agree, [server] * 6, links * 3))
    assert sum("force_refresh" in answer for answer in answers) == 1, answers
    assert all("error" in a for a in answers if "force_refresh" not in a), answers
    ((state, held, _document, approvals),) = playground.query(STATES)
    assert (state, held, approvals) == ("approved", False, ["approved", "void"])


def check_killed_while_the_signed_document_is_made(playground):
    """Killed while the signed document is made: the next run makes it, once."""
    link, _other = _ask(playground)
    assert _agree(playground.server("--max-cron-threads", "0"), link)["force_refresh"]
    playground.kill(make_documents, at="cra.report._attach:after:1")
    assert playground.query(STATES)[0][2] is False
    playground.call(make_documents)
    playground.call(make_documents)
    files = playground.query(
        "SELECT count(*) FROM ir_attachment WHERE res_model = 'cra.report'"
    )
    assert files == [(2,)], files
    assert playground.query(STATES)[0][2] is True
