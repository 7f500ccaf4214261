"""Documents as people hand them in, drawn for the tests: pictures of letters and cards, and PDFs."""

import hashlib
import io
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from services.documents_intake import PDF, PNG, Examined
from tests.modules.applications import CUSTOMER
from tools.machine import chinese_font

A_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\nxref\n0 4\n0000000000 65535 f \n"
    b"0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \ntrailer<</Size 4/Root 1 0 R>>\nstartxref\n165\n"
    b"%%EOF"
)
"""The smallest one: a single empty page."""


def taken(content: bytes, media_type: str = PDF) -> Examined:
    """A file that was looked at before, for tests to which that does not matter."""
    return Examined(content, media_type, hashlib.sha256(content).hexdigest())


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(chinese_font()), size)


def letter(*lines: str, size: int = 34) -> Image.Image:
    """A4 at 150 dots an inch with these lines."""
    page = Image.new("L", (1240, 1754), 255)
    pen = ImageDraw.Draw(page)
    for n, line in enumerate(lines):
        pen.text((130, 150 + n * size * 2), line, font=_font(size), fill=0)
    return page


def income_proof(name: str, number: str, income: str = "10,000.00") -> Image.Image:
    """An employer's letter."""
    return letter(
        "收入证明",
        f"兹证明 {name}，身份证号码 {number}，",
        "系我单位正式员工，现任软件工程师职务，",
        f"近一年内该员工平均月收入为人民币 {income} 元。",
        "特此证明。",
        "2026年1月3日",
    )


def id_card(number: str, name: str = str(CUSTOMER["name"])) -> Image.Image:
    """The front of a resident identity card, with a grey field for the face."""
    card = Image.new("RGB", (1011, 638), "#e8eef5")
    pen = ImageDraw.Draw(card)
    for top, text in (
        (70, f"姓名  {name}"),
        (140, "性别  男    民族  汉"),
        (210, "出生  1990年5月17日"),
        (280, "住址  云川市示例区远帆路12号"),
        (540, f"公民身份号码   {number}"),
    ):
        pen.text((70, top), text, font=_font(34), fill="black")
    pen.rectangle((720, 90, 930, 400), fill="#999999")
    return card


def png(picture: Image.Image) -> bytes:
    """The picture as a file."""
    return _saved(picture, PNG)


def jpeg(picture: Image.Image) -> bytes:
    """The same as a camera would save it."""
    return _saved(picture.convert("RGB"), "image/jpeg")


def scanned_pdf(*pages: Image.Image) -> bytes:
    """Pictures as the pages of a PDF without a text layer."""
    kept = io.BytesIO()
    first, *more = [page.convert("RGB") for page in pages]
    first.save(kept, "PDF", save_all=True, append_images=more)
    return kept.getvalue()


def _saved(picture: Image.Image, media_type: str) -> bytes:
    kept = io.BytesIO()
    picture.save(kept, media_type.rpartition("/")[2])
    return kept.getvalue()
