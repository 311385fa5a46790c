"""Odoo as people use it: the calls of the web client, and the customer's requests."""

import itertools
import re

import requests


class WebError(Exception):
    """Odoo answered a call with an error; the text is what the user would read."""


class WebClient:
    """One person's browser.

    :param str url: address of the Odoo server
    """

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()
        self.numbers = itertools.count(1)

    def rpc(self, path, **params):
        """Post a JSON-RPC request and return its result.

        :raise WebError: Odoo answers with an error
        """
        answer = self.session.post(
            f"{self.url}{path}",
            json={"jsonrpc": "2.0", "id": next(self.numbers), "params": params},
            timeout=600,
        ).json()
        if "error" in answer:
            data = answer["error"].get("data", {})
            raise WebError(data.get("message") or answer["error"]["message"])
        return answer.get("result")

    def login(self, database, login, password):
        """Log in, and return this client."""
        session = self.rpc(
            "/web/session/authenticate", db=database, login=login, password=password
        )
        self.context = session["user_context"]
        return self

    def call(self, model, method, *args, **kwargs):
        """Call a public method as the web client does."""
        kwargs["context"] = {**self.context, **kwargs.get("context", {})}
        path = f"/web/dataset/call_kw/{model}/{method}"
        return self.rpc(path, model=model, method=method, args=args, kwargs=kwargs)

    def get(self, path):
        """Open a page and return its text."""
        response = self.session.get(f"{self.url}{path}", timeout=60)
        response.raise_for_status()
        return response.text

    def submit(self, path, **values):
        """Post a form of the page at hand, with its CSRF token."""
        response = self.session.post(f"{self.url}{path}", data=values, timeout=60)
        response.raise_for_status()
        return response.text


def csrf_token(page):
    """Return the CSRF token of a page's form."""
    return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page).group(1)
