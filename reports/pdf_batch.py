"""Split the PDF of many documents, and prove to whom each page belongs.

One call of wkhtmltopdf prints many documents. Each page ends with the footer
``[title]``, ``[sitepage] / [sitepages]``: the document's own name, and the page within
that document. Both are read back from the pages. A page that does not say what it must
stops the split: nothing is guessed from positions.

Only the end of a page is read, where the footer is drawn. Extracting the text of whole
pages takes ten times as long as printing them.
"""

import io
import math
import re
from collections.abc import Callable
from typing import NamedTuple

from odoo.tools.pdf import PdfFileReader, PdfFileWriter

#: Documents for which starting wkhtmltopdf a second time does not pay, and those after
#: which it does not pay to let one call print on.
SMALL_BATCH, LARGE_BATCH = 8, 40
NAME_LENGTH = 90
# Scripts that read back as they were written: one direction, one sign per character.
# Brackets are left out: wkhtmltopdf replaces "[page]" in a title too.
READABLE_NAME = re.compile(
    r"[\x20-\x5a\x5c\x5e-\x7e\xa1-\xac\xae-\u02ff\u0370-\u058f\u2010-\u2027\u20ac]+"
)
TAIL_BYTES = 12_000
TEXT_BLOCK = re.compile(
    rb"BT\s+/(\w+) [\d.]+ Tf [^\n]*Tm\s+(-?[\d.]+) (-?[\d.]+) Td\s(.*?)\sET", re.DOTALL
)
SHOWN_GLYPHS = re.compile(rb"<([0-9A-Fa-f]+)>\s*Tj")
RANGES = re.compile(rb"beginbfrange(.*?)endbfrange", re.DOTALL)
RANGE = re.compile(
    rb"<([0-9A-F]+)>\s*<([0-9A-F]+)>\s*(?:<([0-9A-F]+)>|\[([^\]]*)\])", re.IGNORECASE
)
CHARACTERS = re.compile(rb"beginbfchar(.*?)endbfchar", re.DOTALL)
HEXADECIMAL = re.compile(rb"<([0-9A-Fa-f]+)>")


class LeanDocument(NamedTuple):
    """One document to print.

    ``name`` is its own number or title, printed on each page and read back from there.
    ``render`` returns the page's content as ``Markup``, in the reader's language. It is
    called when the document's turn comes, while others are being printed.
    """

    name: str
    render: Callable[[], str]


class BatchMismatch(Exception):
    """The pages do not say what they must: the batch may not be split."""


class Footer(NamedTuple):
    name: str
    position: str


def footer_name(name):
    """Return a document's name as the footer shows it: one line that fits."""
    name = " ".join(name.split())
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def plan_batches(names, processes):
    """Say which documents to print together, as lists of indexes.

    :param list[str] names: the documents' names
    :param int processes: batches that can be printed at the same time

    Within a batch each name occurs once, so that it identifies its pages. A name that
    does not read back for certain (right to left, rare scripts) is printed alone.
    """
    share = math.ceil(len(names) / processes)
    size = max(SMALL_BATCH, min(share, LARGE_BATCH))
    alone, layers, seen = [], {}, {}
    for index, name in enumerate(map(footer_name, names)):
        if not READABLE_NAME.fullmatch(name):
            alone.append([index])
            continue
        layer = seen[name] = seen.get(name, -1) + 1
        layers.setdefault(layer, []).append(index)
    together = [
        indexes[start : start + size]
        for indexes in layers.values()
        for start in range(0, len(indexes), size)
    ]
    return together + alone


def split_batch(content, names):
    """Return one PDF per name.

    :param bytes content: PDF of all documents in the order of the names
    :param list[str] names: the documents' names, each once
    :return: list of bytes
    :raise BatchMismatch: a page is not the expected one, is missing or is too many
    """
    reader = PdfFileReader(io.BytesIO(content), strict=False)
    footers = read_footers(reader)
    documents, start = [], 0
    for name in names:
        count = _count_pages(footers, start, footer_name(name))
        documents.append(_write_pages(reader, start, start + count, name))
        start += count
    if start != len(footers):
        raise BatchMismatch(f"{len(footers) - start} pages belong to nobody")
    return documents


def is_complete(content):
    """Whether a document printed alone has all the pages its footers announce.

    Footers that cannot be read prove nothing and are passed over.
    """
    footers = read_footers(PdfFileReader(io.BytesIO(content), strict=False))
    total = len(footers)
    return bool(total) and all(
        not re.fullmatch(r"\d+ / \d+", footer.position)
        or footer.position == f"{number} / {total}"
        for number, footer in enumerate(footers, start=1)
    )


def read_footers(reader):
    """Return the name and the position that each page shows."""
    fonts = {}
    return [_read_footer(page, fonts) for page in reader.pages]


def _count_pages(footers, start, name):
    """Check that a whole document starts here, and return its number of pages."""
    position = footers[start].position if start < len(footers) else ""
    match = re.fullmatch(r"1 / (\d+)", position)
    count = int(match[1]) if match else 0
    expected = [Footer(name, f"{page + 1} / {count}") for page in range(count)]
    if not count or footers[start : start + count] != expected:
        raise BatchMismatch(f"page {start + 1} does not belong to {name!r}")
    return count


def _write_pages(reader, start, stop, name):
    writer = PdfFileWriter()
    for number in range(start, stop):
        writer.addPage(reader.pages[number])
    writer.addMetadata({"/Title": name})
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def _read_footer(page, fonts):
    """Read the page's last line of text: the name from the left edge, the position."""
    tail = page["/Contents"].get_object().get_data()[-TAIL_BYTES:]
    blocks = TEXT_BLOCK.findall(tail)
    if not blocks:
        return Footer("", "")
    _font, _x, line, _glyphs = blocks[-1]
    texts = []
    for font, x, y, glyphs in reversed(blocks):
        if y != line:
            break
        texts.append(_read_text(page, font, glyphs, fonts))
        if len(texts) > 1 and float(x) == 0:
            break  # the footer's left edge: what stands before is content
    position, *name = texts
    return Footer("".join(reversed(name)), position)


def _read_text(page, font_name, glyphs, fonts):
    font = page["/Resources"]["/Font"].raw_get(f"/{font_name.decode()}")
    key = getattr(font, "idnum", id(font))
    if key not in fonts:
        fonts[key] = _read_characters(font.get_object())
    characters = fonts[key]
    return "".join(
        characters.get(int(code[at : at + 4], 16), "\ufffd")
        for code in SHOWN_GLYPHS.findall(glyphs)
        for at in range(0, len(code), 4)
    )


def _read_characters(font):
    """Return what each glyph of a font stands for (its ``ToUnicode`` map)."""
    if "/ToUnicode" not in font:
        return {}
    source = font["/ToUnicode"].get_object().get_data()
    characters = {}
    for block in CHARACTERS.findall(source):
        codes = HEXADECIMAL.findall(block)
        characters.update(
            (int(code, 16), _decode(text))
            for code, text in zip(codes[::2], codes[1::2], strict=True)
        )
    for block in RANGES.findall(source):
        for first, last, base, texts in RANGE.findall(block):
            codes = range(int(first, 16), int(last, 16) + 1)
            if base:
                shown = (chr(int(base, 16) + code - codes[0]) for code in codes)
            else:
                shown = map(_decode, HEXADECIMAL.findall(texts))
            characters.update(zip(codes, shown, strict=False))
    return characters


def _decode(hexadecimal):
    return bytes.fromhex(hexadecimal.decode()).decode("utf-16-be", "replace")
