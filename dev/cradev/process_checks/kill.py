"""The kill points themselves: a process that dies leaves what was committed."""

import json
import urllib.request


def prepare(env):
    env["res.partner"].create({"name": "Process check"})


def rename(env):
    """Write twice with a commit between (runs inside Odoo)."""
    partner = env["res.partner"].search([("name", "=like", "Process check%")])
    partner.write({"name": "Process check, first"})
    env.cr.commit()
    partner.write({"name": "Process check, second"})
    env.cr.commit()
    return partner.name


def _name(playground):
    query = "SELECT name FROM res_partner WHERE name LIKE 'Process check%%'"
    return playground.query(query)[0][0]


def check_killed_after_a_write(playground):
    """Killed after a write: the write is gone, the commit before it stays."""
    playground.kill(rename, at="res.partner.write:after:2")
    assert _name(playground) == "Process check, first"
    assert playground.call(rename) == "Process check, second"


def check_killed_before_a_commit(playground):
    """Killed before a commit: nothing of the transaction stays."""
    playground.kill(rename, at="odoo.sql_db.Cursor.commit:before:1")
    assert _name(playground) == "Process check"


def _log_in(server):
    """Return the id of the user who logged in over HTTP, None if nobody could."""
    credentials = {"db": server.database, "login": "admin", "password": "admin"}
    request = urllib.request.Request(
        f"{server.url}/web/session/authenticate",
        json.dumps({"params": credentials}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["result"]["uid"]
    except OSError:
        return None


def check_killed_server(playground):
    """Killed while it answers: the next server finds everything in order."""
    server = playground.server(kill_at="res.users.authenticate:after:1")
    assert _log_in(server) is None
    assert server.process.wait(30) == -9
    assert _log_in(playground.server())
