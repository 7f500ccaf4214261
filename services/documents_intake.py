"""Looks at a file before it is taken in: what it is by its content, whether it is whole, and what it may cost us.

No pixel is decoded and no page is laid out here. Pictures are judged by their headers and the chain of their parts; a
PDF is opened by a process of its own, which may not take more than a little time and memory.
"""

import hashlib
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePath

from PIL import Image

from services.errors import InvalidDocument

LARGEST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 25_000_000
"""A page at 400 dots an inch has 15 million, a telephone's camera takes 12 million."""
MOST_PAGES = 20
PATIENCE_SECONDS = 15.0
"""For a process that may use five seconds of a processor: on a busy machine it waits for its turn."""
PDF, PNG, JPEG = "application/pdf", "image/png", "image/jpeg"
SIGNATURES = ((b"%PDF-", PDF), (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG))
"""How the types that are taken begin; the sender's own word for the type is not believed."""
ENDINGS = {PDF: {"", ".pdf"}, PNG: {"", ".png", ".jpg", ".jpeg"}, JPEG: {"", ".png", ".jpg", ".jpeg", ".jfif"}}
"""What a file's name may end with. Many a telephone calls its PNG a JPEG, which is no sign of anything."""
LOOK_AT_PDF = Path(__file__).with_name("documents_pdf.py")
REFUSALS = {
    "encrypted": "has a password: save it without one",
    "pages": f"has more than {MOST_PAGES} pages",
    "pixels": "has a picture that is too large",
    "bomb": "unpacks to far more than its size",
    "broken": "cannot be opened: it is cut off or damaged",
}

Image.MAX_IMAGE_PIXELS = MOST_PIXELS


@dataclass(frozen=True)
class Examined:
    """A file that may be taken in, with the type that its content has."""

    content: bytes
    media_type: str
    sha256: str


def examine(content: bytes, filename: str = "") -> Examined:
    """The file if it is a whole PDF, PNG or JPEG of moderate size and nothing besides.

    To be called before a unit of work is opened: a PDF takes some tenths of a second. Raises InvalidDocument about the
    field `file`.
    """
    if not 0 < len(content) <= LARGEST_BYTES:
        raise InvalidDocument(
            f"a document has between 1 byte and {LARGEST_BYTES // 1024 // 1024} MiB",
            fields={"file": "empty or too large"},
        )
    media_type = next((name for start, name in SIGNATURES if content.startswith(start)), None)
    if media_type is None:
        raise InvalidDocument("a document is a PDF, PNG or JPEG file", fields={"file": "not a PDF, PNG or JPEG"})
    if PurePath(filename).suffix.lower() not in ENDINGS[media_type]:
        raise _refused(f"is named like another type of file than {media_type}, which it is")
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise _refused("is an archive as well")
    if media_type == PDF:
        _check_pdf(content)
    else:
        _check_picture(content, media_type)
    return Examined(content, media_type, hashlib.sha256(content).hexdigest())


def _refused(why: str) -> InvalidDocument:
    return InvalidDocument(f"the file {why}", fields={"file": why})


def _check_picture(content: bytes, media_type: str) -> None:
    if b"%PDF-" in content[:1024] or b"<script" in content.lower():
        raise _refused("is another type of file as well")
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
            width, height = picture.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refused(REFUSALS["pixels"]) from None
    except (OSError, ValueError, SyntaxError, struct.error):
        raise _refused(REFUSALS["broken"]) from None
    if width * height > MOST_PIXELS:
        raise _refused(REFUSALS["pixels"])
    if media_type == PNG:
        _check_png(content)
    else:
        _check_jpeg(content)


def _check_png(content: bytes) -> None:
    """Every part with its own check sum (PNG, section 5), up to the end and nothing behind it."""
    at = len(SIGNATURES[1][0])
    kind = b""
    while kind != b"IEND":
        head = content[at : at + 8]
        length = int.from_bytes(head[:4])
        kind = head[4:]
        body = content[at + 4 : at + 8 + length]
        check = content[at + 8 + length : at + 12 + length]
        if len(check) < 4 or zlib.crc32(body) != int.from_bytes(check):
            raise _refused(REFUSALS["broken"])
        at += 12 + length
    if at != len(content):
        raise _refused("has something behind its end")


def _check_jpeg(content: bytes) -> None:
    """From segment to segment to the pixels (T.81, annex B), and then their end.

    Cameras put notes of their own behind it, which is let pass: what is an archive as well was refused before.
    """
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != b"\xda":
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    # Within the pixels 0xFF is never followed by 0xD9.
    if content[at : at + 2] != b"\xff\xda" or content.find(b"\xff\xd9", at) < 0:
        raise _refused(REFUSALS["broken"])


def _check_pdf(content: bytes) -> None:
    if b"%%EOF" not in content[-1024:]:
        raise _refused("is cut off, or has something behind its end")
    command = [sys.executable, "-I", str(LOOK_AT_PDF), str(MOST_PAGES), str(MOST_PIXELS)]
    try:
        looked = subprocess.run(command, input=content, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _refused(REFUSALS["bomb"]) from None
    if looked.returncode > 0:
        raise RuntimeError("the program that looks at a PDF failed by itself")
    # Below zero: its own limits ended it.
    refusal = json.loads(looked.stdout)["refused"] if looked.returncode == 0 else "bomb"
    if refusal is not None:
        raise _refused(REFUSALS[refusal])
