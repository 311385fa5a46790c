"""The secret part of approvers' links, to be taken out of whatever is kept.

We store no link, but others bring them back: answers quote the mail they answer,
failure reports hold the mail that came back, servers note the addresses they serve.
"""

import re

from markupsafe import Markup

#: As it is, and as mail gateways write it when they put an address into another one.
SECRET = re.compile(
    r"(?:\?|&(?:amp;)?|%(?:25)*(?:3F|26)|-3F|-26)"
    r"(?:approval|digest)"
    r"(?:=|%(?:25)*3D|-3D)"
    r"[\w%.-]{8,}",
    re.IGNORECASE,
)


def hide_secrets(text):
    """Return a text whose links open reports by their reader's own rights only.

    :param text: str, or Markup, which stays one
    """
    cleaned = SECRET.sub("", text)
    return Markup(cleaned) if isinstance(text, Markup) else cleaned
