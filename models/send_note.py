"""The note of a sending run, put into the body of each of its mails."""

from lxml import etree, html
from markupsafe import Markup, escape

MARK = "o_invoice_send_note"


def insert_note(body, note):
    """Put a plain-text note where the template marks it, else at the top.

    The mark is any element with the class ``o_invoice_send_note``; what it holds is
    replaced. Without a note, the mark stays as the template's author wrote it.

    :param Markup body: rendered body of the mail
    :param str note: what the accountant typed; everything in it is text, never HTML
    :return: body with the note
    """
    note = (note or "").strip()
    if not note:
        return body
    safe_note = Markup("<br/>").join(escape(line) for line in note.splitlines())
    paragraph = html.fragment_fromstring(
        Markup('<p class="%s">%s</p>') % (MARK, safe_note)
    )
    root = html.fragment_fromstring(str(body or ""), create_parent="div")
    marked = root.find_class(MARK)
    if marked:
        place = marked[0]
        paragraph.tail = place.tail
        place.getparent().replace(place, paragraph)
    else:
        paragraph.tail, root.text = root.text, None
        root.insert(0, paragraph)
    inside = "".join(
        etree.tostring(child, encoding="unicode", method="html") for child in root
    )
    return escape(root.text or "") + Markup(inside)
