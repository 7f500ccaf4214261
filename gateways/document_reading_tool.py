"""A program of its own: reads a document from its standard input and writes what it read as JSON.

Files that strangers sent are decoded here and nowhere else, within a limit of memory and processor time that the
program sets itself before it begins. It is called with the type of the file: `application/pdf`, `image/png` …
"""

import base64
import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import typst
from PIL import Image, ImageOps
from pypdf import PageObject, PdfReader, PdfWriter

MEMORY_BYTES = 1536 * 1024 * 1024
CPU_SECONDS = 50
MOST_PAGES_SEEN = 5
"""So many pages are read as pictures, and shown as such."""
MOST_LINES = 2_000
FEWEST_SIGNS = 12
"""A page whose text layer has fewer signs is a picture with a stamp of its scanner."""
LONGEST_SIDE = 2_400
"""Letters of ten points are forty dots high then, which is what the recogniser was trained on; more costs only time."""
SHORTEST_SIDE = 1_000
PREVIEW_SIDE = 1_100
MOST_PIXELS = 25_000_000
# Chinese alone: it knows digits and Latin letters as well, takes half the time of both together, and does not take a
# sum in Chinese words for an English one.
DOTS_AS_POINTS = 72.0
DRAW_PAGE = f"""
#set page(width: auto, height: auto, margin: 0pt)
#let page-of = image.with(sys.inputs.page, format: "pdf")
#context {{
  let size = measure(page-of())
  if size.width > size.height {{ page-of(width: {PREVIEW_SIDE}pt) }} else {{ page-of(height: {PREVIEW_SIDE}pt) }}
}}
""".encode()
"""A document that is nothing but one page of another one, its longer side as long as a picture of ours."""
RECOGNISE = ("tesseract", "stdin", "stdout", "-l", "chi_sim", "--psm", "3", "tsv")

Piece = tuple[str, int, tuple[int, int, int, int], int]
"""Text, page, box in thousandths of the page, confidence in percent."""
Box = tuple[float, float, float, float]
"""Left, top, width and height in parts of the page."""

Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def read(content: bytes, media_type: str) -> dict[str, Any]:
    """The lines of a document; with `method` "none" where nothing could be read on it."""
    if media_type != "application/pdf":
        picture = _upright(Image.open(io.BytesIO(content), formats=("PNG", "JPEG")))
        return _answer("scan", 1, list(_scanned_lines(picture, 1))[:MOST_LINES], [picture])
    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted:
        reader.decrypt("")
    pages = len(reader.pages)
    lines = [line for n, page in enumerate(reader.pages, 1) for line in _text_lines(page, n)][:MOST_LINES]
    if sum(len(piece[0]) for line in lines for piece in line) >= FEWEST_SIGNS:
        return _answer("text", pages, lines, [_drawn(page) for page in reader.pages[:MOST_PAGES_SEEN]])
    pictures = [_largest(page) for page in reader.pages[:MOST_PAGES_SEEN]]
    upright = [None if one is None else _upright(one) for one in pictures]
    scanned = [line for n, one in enumerate(upright, 1) if one is not None for line in _scanned_lines(one, n)]
    seen = [one or _drawn(page) for one, page in zip(upright, reader.pages, strict=False)]
    return _answer("scan", pages, scanned[:MOST_LINES], seen)


def _answer(method: str, pages: int, lines: list[list[Piece]], seen: list[Image.Image | None]) -> dict[str, Any]:
    """What was read, and one picture with the pages that were seen below each other; of size 0 without a picture."""
    answer: dict[str, Any] = {"method": method if lines else "none", "pages": pages, "lines": lines}
    shown = [None if one is None else _small(one) for one in seen]
    sizes = [(0, 0) if one is None else one.size for one in shown]
    if any(height for _, height in sizes):
        sheet, top = Image.new("RGB", (max(size[0] for size in sizes), sum(size[1] for size in sizes)), "white"), 0
        for one, (_, height) in zip(shown, sizes, strict=True):
            if one is not None:
                sheet.paste(one, (0, top))
            top += height
        kept = io.BytesIO()
        # Drawn anew: nothing of the file itself, no note of its camera, reaches a page of ours.
        sheet.save(kept, "JPEG", quality=70)
        answer |= {"picture": base64.b64encode(kept.getvalue()).decode(), "size": sheet.size, "page_sizes": sizes}
    return answer


def _small(page: Image.Image) -> Image.Image:
    small = page.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return small.convert("RGB")


def _drawn(seen: PageObject) -> Image.Image | None:
    """A page as it looks to people, whatever its text layer says; None for one that cannot be drawn.

    It is drawn by the compiler of the lender's own papers, which reads it from memory: no copy comes to lie in a file.
    """
    try:
        alone = PdfWriter()
        alone.add_page(seen)
        page = os.memfd_create("page")
        with os.fdopen(page, "wb", closefd=False) as kept:
            alone.write(kept)
        drawer = typst.Compiler(root="/proc/self/fd", ignore_system_fonts=True, sys_inputs={"page": f"/{page}"})
        drawn = drawer.compile(DRAW_PAGE, format="png", ppi=DOTS_AS_POINTS)
        return Image.open(io.BytesIO(drawn), formats=("PNG",)) if isinstance(drawn, bytes) else None
    except BaseException:  # noqa: BLE001 a panic of the drawer is none of Python's exceptions; what was read still counts
        return None


def _text_lines(page: PageObject, number: int) -> Iterator[list[Piece]]:
    """The text layer, with about where each piece stands."""
    box = page.cropbox
    width, height = max(float(box.width), 1.0), max(float(box.height), 1.0)
    line: list[Piece] = []
    lines: list[list[Piece]] = []

    def visit(text: str, cm: list[float], tm: list[float], _font: object, size: float) -> None:
        left = tm[4] * cm[0] + tm[5] * cm[2] + cm[4] - float(box.left)
        bottom = tm[4] * cm[1] + tm[5] * cm[3] + cm[5] - float(box.bottom)
        high = abs(size * tm[3] * cm[3]) or 10.0
        for n, part in enumerate(text.split("\n")):
            if n and line:
                lines.append(line.copy())
                line.clear()
            if part.strip():
                place = (left / width, 1 - (bottom + high) / height, len(part) * high / width, high / height)
                line.append((part.strip(), number, _thousandths(_turned(place, page.rotation)), 100))

    page.extract_text(visitor_text=visit)
    if line:
        lines.append(line)
    yield from lines


def _turned(place: Box, degrees: int) -> Box:
    """Where a piece stands on a page that is shown turned clockwise."""
    left, top, width, height = place
    for _ in range(degrees % 360 // 90):
        left, top, width, height = 1 - top - height, left, height, width
    return left, top, width, height


def _thousandths(place: Box) -> tuple[int, int, int, int]:
    left, top, width, height = (min(max(round(one * 1000), 0), 1000) for one in place)
    return left, top, width, height


def _largest(page: PageObject) -> Image.Image | None:
    """The largest picture of a page, which on a scanned one is the page."""
    found = [one.image for one in page.images if one.image is not None]
    return max(found, key=lambda one: one.width * one.height, default=None)


def _upright(picture: Image.Image) -> Image.Image:
    """As its camera held it, in a size that can be read."""
    if picture.width * picture.height > MOST_PIXELS:
        raise ValueError("too large")
    turned = ImageOps.exif_transpose(picture)
    if turned.mode in ("RGBA", "LA", "P", "PA"):
        # On white: what is see-through would otherwise turn black.
        seen = turned.convert("RGBA")
        ground = Image.new("RGBA", seen.size, "white")
        ground.alpha_composite(seen)
        turned = ground
    turned = turned.convert("RGB")
    longest = max(turned.size)
    if longest > LONGEST_SIDE:
        turned.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    elif longest < SHORTEST_SIDE:
        turned = turned.resize((turned.width * 2, turned.height * 2))
    return turned


def _scanned_lines(picture: Image.Image, number: int) -> Iterator[list[Piece]]:
    """What tesseract reads, line by line."""
    sent = io.BytesIO()
    picture.convert("L").save(sent, "PPM")
    # One thread: more of them cost more than they bring on one page, and another reader has the second core.
    environment = {"PATH": os.environ.get("PATH", ""), "OMP_THREAD_LIMIT": "1"}
    told = subprocess.run(RECOGNISE, input=sent.getvalue(), capture_output=True, env=environment, check=True)
    lines: dict[tuple[str, ...], list[Piece]] = {}
    for row in told.stdout.decode(errors="replace").splitlines()[1:]:
        columns = row.split("\t")
        if len(columns) != 12 or columns[0] != "5" or not columns[11].strip():
            continue
        left, top, width, height = (int(one) for one in columns[6:10])
        place = (left / picture.width, top / picture.height, width / picture.width, height / picture.height)
        piece = (columns[11].strip(), number, _thousandths(place), round(float(columns[10])))
        lines.setdefault(tuple(columns[2:5]), []).append(piece)
    yield from lines.values()


def main() -> None:
    """Reads standard input; whatever the file makes the libraries say, it is a document that cannot be read."""
    # Whoever waits for a page goes first.
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        answer = read(sys.stdin.buffer.read(), sys.argv[1])
    except Exception:  # noqa: BLE001 see above; what it was cannot be told without showing parts of the document
        answer = _answer("none", 0, [], [])
    sys.stdout.write(json.dumps(answer, ensure_ascii=True))


if __name__ == "__main__":
    main()
