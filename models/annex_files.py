"""Files that become pages of an annex, and annexes that become pages of an invoice.

wkhtmltopdf prints a nearly empty page for each page to come, with the stamp above and
the footer below, so that numbers run through the whole document. The page of the file
is then drawn between them.
"""

import io
from typing import NamedTuple

from PIL import Image, ImageOps

from odoo.tools.pdf import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    OdooPdfFileReader,
    OdooPdfFileWriter,
    PdfFileReader,
    PdfFileWriter,
    generic,
)

FloatObject = generic.FloatObject
#: What Odoo lets Pillow read.
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/bmp", "image/x-ms-bmp")
MAX_BYTES = 10_000_000  # of a file, after images were scaled
MAX_PAGES = 50
MAX_PIXELS = 60_000_000  # of an image, before it is scaled
IMAGE_SIZE = (1240, 1754)  # pixels: A4 at 150 dots per inch
IMAGE_QUALITY = 80
#: Edges of a page that stay free for the stamp and the footer, in points.
SIDE, TOP, BOTTOM = 34, 76, 62
#: A page is turned when it then becomes this much larger.
TURN_GAIN = 1.15
HIDDEN = 2  # flag of annotations


class UnreadableFile(Exception):
    """A file cannot become pages.

    ``reason``: kind, encrypted, damaged, pages or size; ``detail``: a number, or none.
    """

    def __init__(self, reason, detail=None):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


class SourceFile(NamedTuple):
    """A file that is not an attachment, or not yet."""

    name: str
    raw: bytes
    mimetype: str


class AppendedFile(NamedTuple):
    """A file as pages, each with the same words above."""

    stamp: str
    reader: PdfFileReader

    @property
    def page_count(self):
        return len(self.reader.pages)


def is_printable(mimetype):
    """Tell whether files of a type can become pages."""
    return mimetype == "application/pdf" or mimetype in IMAGE_TYPES


def read_file(content, mimetype):
    """Return a reader of the pages of a file, images as pages.

    :param bytes content: the file
    :raise UnreadableFile: says why it cannot become pages
    """
    if not is_printable(mimetype):
        raise UnreadableFile("kind")
    try:
        if mimetype in IMAGE_TYPES:
            content = _convert_image(content)
        if len(content) > MAX_BYTES:
            raise UnreadableFile("size", round(len(content) / 1_000_000))
        return _read_pdf(content)
    except UnreadableFile:
        raise
    except Exception as error:
        # Damaged files raise whatever their damage leads to.
        raise UnreadableFile("damaged") from error


def _convert_image(content):
    """Return an image as PDF, no larger than a page of paper needs."""
    with Image.open(io.BytesIO(content)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise UnreadableFile("size", round(len(content) / 1_000_000))
        stream = io.BytesIO()
        _scale(image).save(stream, "PDF", quality=IMAGE_QUALITY, resolution=150)
    return stream.getvalue()


def _scale(image):
    frame = ImageOps.exif_transpose(image)
    width, height = IMAGE_SIZE
    if frame.width > frame.height:
        width, height = height, width
    frame.thumbnail((width, height))
    if frame.mode == "P" or "A" in frame.mode:
        frame = frame.convert("RGBA")
        paper = Image.new("RGB", frame.size, "white")
        paper.paste(frame, mask=frame.getchannel("A"))
        return paper
    return frame.convert("RGB")


def _read_pdf(content):
    reader = PdfFileReader(io.BytesIO(content), strict=False)
    # Many files are protected against changes only: they open without a password.
    if reader.is_encrypted and not reader.decrypt(""):
        raise UnreadableFile("encrypted")
    count = len(reader.pages)
    if count > MAX_PAGES:
        raise UnreadableFile("pages", count)
    if not count:
        raise UnreadableFile("damaged")
    for page in reader.pages:
        # Read all that is drawn now: a damaged page must not stop the annex later.
        _get_content(page)
        _get_box(page)
    return reader


def fill_pages(content, files):
    """Draw files on the last pages of a document, printed for them.

    :param bytes content: the PDF
    :param list[AppendedFile] files: in the order of the pages
    :rtype: bytes
    """
    sources = [page for file in files for page in file.reader.pages]
    if not sources:
        return content
    writer = PdfFileWriter()
    reader = PdfFileReader(io.BytesIO(content), strict=False)
    for page in reader.pages:
        writer.addPage(page)
    first = len(writer.pages) - len(sources)
    for number, source in enumerate(sources, start=first):
        _draw(writer, writer.pages[number], source)
    for file in files:
        writer.add_outline_item(title=file.stamp, page_number=first)
        first += file.page_count
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def append_to_invoice(invoice, annexes):
    """Append annexes to an invoice, which keeps its outline, labels and files.

    :param bytes invoice: the PDF
    :param list annexes: pairs of a title and a PDF
    :rtype: bytes
    """
    writer = OdooPdfFileWriter()
    writer.cloneReaderDocumentRoot(OdooPdfFileReader(io.BytesIO(invoice), strict=False))
    for title, content in annexes:
        number = len(writer.pages)
        for page in PdfFileReader(io.BytesIO(content), strict=False).pages:
            writer.addPage(page)
        writer.add_outline_item(title=title, page_number=number)
    stream = io.BytesIO()
    writer.write(stream)
    return _unmark(stream.getvalue())


def _unmark(content):
    """Keep core from taking the file for PDF/A, which it then would not make of it.

    Its test is the length of the second line, which pypdf always gives. A carriage
    return ends a line just as well.
    """
    head, second, rest = content.split(b"\n", 2)
    if len(second) == 5 and second.startswith(b"%"):
        return b"\n".join((head, second)) + b"\r" + rest
    return content


# === DRAWING === #


def _get_content(page):
    content = page.get_contents()
    return content.get_data() if content is not None else b""


def _get_box(page):
    box = page.cropbox
    left, bottom, right, top = map(float, (box.left, box.bottom, box.right, box.top))
    if right - left < 1 or top - bottom < 1:
        raise UnreadableFile("damaged")
    return left, bottom, right, top


def _multiply(first, then):
    """Return the matrix of two transformations, one after the other."""
    a, b, c, d, e, f = first
    k, m, n, o, p, q = then
    return (
        a * k + b * n,
        a * m + b * o,
        c * k + d * n,
        c * m + d * o,
        e * k + f * n + p,
        e * m + f * o + q,
    )


def get_placement(box, rotation, paper):
    """Say how to draw a page on paper.

    :param box: left, bottom, right and top of the page
    :param int rotation: degrees clockwise that the page is shown turned by
    :param paper: width and height, in points
    :return: pair of a matrix and whether the paper has to be turned
    """
    left, bottom, right, top = box
    width, height = right - left, top - bottom
    # Into a frame that begins at 0, upright as it is to be read.
    upright = _multiply(
        (1, 0, 0, 1, -left, -bottom),
        {
            0: (1, 0, 0, 1, 0, 0),
            90: (0, -1, 1, 0, 0, width),
            180: (-1, 0, 0, -1, width, height),
            270: (0, 1, -1, 0, height, 0),
        }[rotation % 360],
    )
    if rotation % 180:
        width, height = height, width
    room = paper[0] - 2 * SIDE, paper[1] - TOP - BOTTOM
    scale = min(room[0] / width, room[1] / height)
    turned = min(room[0] / height, room[1] / width)
    turn = min(turned, 1.0) > min(scale, 1.0) * TURN_GAIN
    if turn:
        upright = _multiply(upright, (0, 1, -1, 0, height, 0))
        width, height, scale = height, width, turned
    scale = min(scale, 1.0)
    x = SIDE + (room[0] - width * scale) / 2
    y = BOTTOM + room[1] - height * scale
    return _multiply(upright, (scale, 0, 0, scale, x, y)), turn


def _draw(writer, page, source):
    """Draw a page of another file on a page of this one, beneath what is there."""
    box = _get_box(source)
    paper = float(page.mediabox.width), float(page.mediabox.height)
    matrix, turn = get_placement(box, source.get("/Rotate", 0) or 0, paper)
    form = _make_form(writer, _get_content(source), box, source.get("/Resources"))
    _draw_annotations(writer, form, source)
    if hasattr(form, "flate_encode"):
        form = form.flate_encode()
    name = NameObject("/AnnexFile")
    resources = DictionaryObject(page["/Resources"])
    drawn = DictionaryObject(resources.get("/XObject", {}))
    drawn[name] = writer._add_object(form)
    resources[NameObject("/XObject")] = drawn
    page[NameObject("/Resources")] = resources
    ours = DecodedStreamObject()
    ours.set_data(_get_drawing(matrix, name))
    old = page["/Contents"]
    own = [page.raw_get("/Contents")] if not isinstance(old, list) else old
    # First: what wkhtmltopdf draws leaves its own scale behind.
    page[NameObject("/Contents")] = ArrayObject([writer._add_object(ours), *own])
    if turn:
        page[NameObject("/Rotate")] = NumberObject(90)


def _get_drawing(matrix, name):
    numbers = " ".join(f"{number:.5f}" for number in matrix)
    return f"\nq {numbers} cm {name} Do Q\n".encode()


def _make_form(writer, data, box, resources):
    form = DecodedStreamObject()
    form.set_data(data)
    form.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Form"),
            NameObject("/BBox"): ArrayObject(map(FloatObject, box)),
        }
    )
    adopted = _adopt(writer, resources) if resources else DictionaryObject()
    form[NameObject("/Resources")] = DictionaryObject(adopted)
    return form


def _adopt(writer, value):
    """Return an object of another file for use in this one."""
    return value.clone(writer) if hasattr(value, "clone") else value


def _draw_annotations(writer, form, source):
    """Draw what was written or signed on top of a page: it is part of what one sees."""
    for position, reference in enumerate(source.get("/Annots") or ()):
        annotation = reference.get_object()
        look = _get_look(annotation)
        if look is None:
            continue
        name = NameObject(f"/AnnexNote{position}")
        matrix = _get_annotation_matrix(annotation, look)
        resources = form["/Resources"]
        drawn = DictionaryObject(resources.get("/XObject", {}))
        drawn[name] = writer._add_object(_adopt(writer, look))
        resources[NameObject("/XObject")] = drawn
        form.set_data(form.get_data() + _get_drawing(matrix, name))


def _get_look(annotation):
    """Return the drawing of an annotation as it is on paper, or nothing."""
    if annotation.get("/Subtype") in ("/Link", "/Popup"):
        return None
    if int(annotation.get("/F", 0)) & HIDDEN or "/AP" not in annotation:
        return None
    look = annotation["/AP"].get("/N")
    if look is not None and "/BBox" not in look:
        look = look.get(annotation.get("/AS"))  # one of several states
    return look if look is not None and "/BBox" in look else None


def _get_annotation_matrix(annotation, look):
    """Return the matrix that fits a drawing into the rectangle of its annotation."""
    left, bottom, right, top = map(float, annotation["/Rect"])
    own = tuple(map(float, look.get("/Matrix", (1, 0, 0, 1, 0, 0))))
    x1, y1, x2, y2 = map(float, look["/BBox"])
    corners = [
        _multiply((1, 0, 0, 1, x, y), own)[4:] for x in (x1, x2) for y in (y1, y2)
    ]
    xs, ys = zip(*corners, strict=True)
    wide, high = max(xs) - min(xs) or 1, max(ys) - min(ys) or 1
    across, up = abs(right - left) / wide, abs(top - bottom) / high
    return (
        across,
        0,
        0,
        up,
        min(left, right) - min(xs) * across,
        min(bottom, top) - min(ys) * up,
    )
