"""Activity reports under kill -9 and two people at once."""

import concurrent.futures
import sys
import time
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


def _wizard(env):
    month = {"date_from": "2026-03-01", "date_to": "2026-03-31"}
    return env["cra.generate"].create(month)


def generate(env, at=0):
    """Make the drafts of March and return which open (runs inside Odoo).

    :param float at: moment to press the button; the list is open before that, so that
        what somebody else makes meanwhile is out of sight
    """
    wizard = _wizard(env)
    assert wizard.line_ids.state == "incomplete" or not at, wizard.line_ids.state
    time.sleep(max(0, at - time.time()))
    action = wizard.action_generate()
    env.cr.commit()
    return action["domain"][0][2]


def delete_drafts(env):
    """Delete what was made (runs inside Odoo)."""
    env["cra.report"].search([]).unlink()
    env.cr.commit()


def hire(env, count):
    """Let more consultants work for the project (runs inside Odoo)."""
    first = env["account.analytic.line"].search([("project_id.name", "=", "Apollo")])
    for number in range(count):
        employee = env["hr.employee"].create({"name": f"Consultant {number}"})
        first.copy({"employee_id": employee.id})
    env.cr.commit()


def ask_for_many(env):
    """Ask for so many drafts that the cron makes them (runs inside Odoo)."""
    wizard = _wizard(env)
    wizard._start_in_background(len(wizard._collect_makeable()))
    env.cr.commit()


def make_many(env):
    """Do what the cron does, two reports at a time (runs inside Odoo)."""
    module = sys.modules["odoo.addons.sale_timesheet_cra.wizards"]
    module.cra_generate_background.BATCH_SIZE = 2
    env["cra.generate"]._cron_generate()
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


def ask_all(env):
    """Let all approvers have to agree (runs inside Odoo)."""
    env["cra.policy"].search([]).approval_mode = "all"
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
    """Two people generate the same month at once: both get the one draft."""
    for _attempt in range(2):
        at = time.time() + 10
        calls = [playground.start(generate, at=at) for _person in range(2)]
        codes = [call.wait() for call in calls]
        assert codes == [0, 0], codes
        ids = {tuple(call.result()) for call in calls}
        drafts = playground.query("SELECT array_agg(id) FROM cra_report")
        assert ids == {tuple(ids_) for (ids_,) in drafts}, (ids, drafts)
        lines = playground.query(
            "SELECT count(*), count(DISTINCT timesheet_id) FROM cra_report_line"
        )
        assert lines == [(1, 1)], lines
        playground.call(delete_drafts)


def check_killed_while_many_are_made(playground):
    """Killed in the background: what was made stays, the rest follows, each once."""
    playground.call(hire, count=5)
    playground.call(ask_for_many)
    playground.kill(make_many, at="cra.generate._make_drafts:after:3")
    made = playground.query("SELECT count(*) FROM cra_report")
    assert made == [(4,)], made
    progress = "SELECT run_state, done_count, total_count FROM cra_generate"
    assert playground.query(progress) == [("running", 4, 6)]
    playground.call(make_many)
    assert playground.query(progress) == [("done", 6, 6)]
    lines = playground.query(
        "SELECT count(*), count(DISTINCT timesheet_id), count(DISTINCT report_id) "
        "FROM cra_report_line"
    )
    assert lines == [(6, 6, 6)], lines


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


def check_two_who_both_have_to_agree_at_once(playground):
    """Two approvers who both have to agree do so at the same moment: both count."""
    playground.call(ask_all)
    links = _ask(playground)
    server = playground.server()
    for link in links:  # both find the server warm, and meet
        WebClient(server.url).get(f"{link.path}?{link.query}")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answers = list(pool.map(_agree, [server] * 2, links))
    assert all("force_refresh" in answer for answer in answers), answers
    ((state, held, _document, approvals),) = playground.query(STATES)
    assert (state, held, approvals) == ("approved", False, ["approved"] * 2)


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
