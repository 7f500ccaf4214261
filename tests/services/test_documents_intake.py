"""What is taken in as a document: whole PDFs, PNGs and JPEGs of moderate size, and nothing that is more than that."""

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject, NumberObject, StreamObject

from services import documents_intake
from services.documents_intake import JPEG, LARGEST_BYTES, MOST_PAGES, PDF, PNG, examine
from services.errors import InvalidDocument
from tests.services.document_files import A_PDF, jpeg, letter, png, scanned_pdf

SOON_SECONDS = 20
"""A refusal takes a second or two; a busy machine may double that a few times."""


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """A small letter."""
    return letter("收入证明").resize((310, 438))


def chunk(kind: bytes, body: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, *parts: bytes) -> bytes:
    """A PNG that says of itself to have this size."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(parts) + chunk(b"IEND", b"")


def pdf_with(
    stream: StreamObject | None = None, *, pages: int = 1, password: str | None = None, owner: str = ""
) -> bytes:
    """A PDF with so many empty pages, a stream besides, and a password if asked for."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    if stream is not None:
        writer._add_object(stream)
    if password is not None:
        writer.encrypt(password, owner or None, algorithm="AES-256")
    kept = io.BytesIO()
    writer.write(kept)
    return kept.getvalue()


def bomb() -> bytes:
    """A stream of some kilobytes that unpacks to forty million bytes."""
    stream = DecodedStreamObject()
    stream.set_data(b" " * 40_000_000)
    return pdf_with(stream.flate_encode())


def large_picture_in_pdf() -> bytes:
    stream = DecodedStreamObject()
    stream.set_data(b"")
    for name, value in (("/Width", 20_000), ("/Height", 20_000)):
        stream[NameObject(name)] = NumberObject(value)
    stream[NameObject("/Subtype")] = NameObject("/Image")
    return pdf_with(stream)


def archive() -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as packed:
        packed.writestr("run.js", "alert(1)")
    return kept.getvalue()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("proof.pdf", PDF), ("", PDF), ("scan.PNG", PNG), ("photo.jpg", PNG), ("photo.JPEG", JPEG), ("photo", JPEG)],
)
def test_whole_files_of_the_three_types_are_taken(picture: Image.Image, name: str, media_type: str) -> None:
    content = {PDF: A_PDF, PNG: png(picture), JPEG: jpeg(picture)}[media_type]
    taken = examine(content, name)
    assert (taken.content, taken.media_type) == (content, media_type)


def test_a_file_of_the_largest_size_is_taken() -> None:
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0"))
    rest = LARGEST_BYTES - len(png_of(1, 1, pixels, chunk(b"teXt", b"")))
    largest = png_of(1, 1, pixels, chunk(b"teXt", bytes(rest)))
    assert len(examine(largest).content) == LARGEST_BYTES
    with pytest.raises(InvalidDocument, match="between 1 byte and 5 MiB"):
        examine(A_PDF.rjust(LARGEST_BYTES + 1))


def test_what_a_camera_writes_behind_its_picture_is_let_pass(picture: Image.Image) -> None:
    assert examine(jpeg(picture) + b"SEFH, a note of a telephone").media_type == JPEG


def test_a_pdf_that_is_only_protected_against_changes_is_taken() -> None:
    assert examine(pdf_with(password="", owner="only the bank may change it")).media_type == PDF


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty or too large"),
        (b"GIF89a", "not a PDF, PNG or JPEG"),
        (b"MZ a program", "not a PDF, PNG or JPEG"),
        (b" " + A_PDF, "not a PDF, PNG or JPEG"),
        (b"<html>" + A_PDF, "not a PDF, PNG or JPEG"),
    ],
    ids=["empty", "another type of picture", "a program", "not at its start", "a page of the web"],
)
def test_what_is_no_document_is_refused_at_the_field(content: bytes, why: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        examine(content)
    assert refused.value.fields == {"file": why}


@pytest.mark.parametrize("name", ["card.exe", "card.pdf", "card.html"])
def test_a_picture_that_is_named_like_something_else_is_refused(picture: Image.Image, name: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        examine(png(picture), name)
    assert refused.value.fields == {"file": "is named like another type of file than image/png, which it is"}


@pytest.mark.parametrize("make", [png, jpeg])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_picture_that_is_cut_off_is_refused(
    picture: Image.Image, make: Callable[[Image.Image], bytes], share: float
) -> None:
    content = make(picture)
    with pytest.raises(InvalidDocument, match="cut off or damaged"):
        examine(content[: int(len(content) * share)].ljust(8))


def test_a_png_with_a_changed_byte_is_refused(picture: Image.Image) -> None:
    content = bytearray(png(picture))
    content[len(content) // 2] ^= 1
    with pytest.raises(InvalidDocument, match="cut off or damaged"):
        examine(bytes(content))


# A warning of the library, which is all that a server has of it, stops nothing by itself.
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [5_001, 12_000, 60_000])
def test_a_picture_bomb_is_refused_by_its_header(side: int) -> None:
    began = time.monotonic()
    with pytest.raises(InvalidDocument, match="a picture that is too large"):
        examine(png_of(side, side, chunk(b"IDAT", zlib.compress(b"\0" * 1000))))
    assert time.monotonic() - began < 1


def test_files_that_are_two_things_at_once_are_refused(picture: Image.Image) -> None:
    for content in (png(picture) + archive(), jpeg(picture) + archive(), A_PDF + archive()):
        with pytest.raises(InvalidDocument, match="an archive as well"):
            examine(content)
    notes = chunk(b"teXt", b"%PDF-1.7"), chunk(b"teXt", b"<SCRIPT src=x>")
    for note in notes:
        with pytest.raises(InvalidDocument, match="another type of file as well"):
            examine(png_of(1, 1, note, chunk(b"IDAT", zlib.compress(b"\0\0"))))
    with pytest.raises(InvalidDocument, match="something behind its end"):
        examine(png(picture) + b"and more")
    with pytest.raises(InvalidDocument, match="something behind its end"):
        examine(A_PDF + b"x" * 2_000)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: pdf_with(password="a secret"), "has a password: save it without one"),
        (lambda: pdf_with(pages=MOST_PAGES + 1), f"has more than {MOST_PAGES} pages"),
        (bomb, "unpacks to far more than its size"),
        (large_picture_in_pdf, "has a picture that is too large"),
        (lambda: b"%PDF-1.7 not really %%EOF", "cannot be opened: it is cut off or damaged"),
        (lambda: A_PDF.replace(b"/Kids[3 0 R]/Count 1", b"/Kids[2 0 R]/Count 1"), "cannot be opened"),
    ],
    ids=["with a password", "too many pages", "a bomb", "a huge picture", "nonsense", "a tree that bites its tail"],
)
def test_a_pdf_that_cannot_be_read_or_costs_too_much_is_refused_soon(make: Callable[[], bytes], why: str) -> None:
    content = make()
    began = time.monotonic()
    with pytest.raises(InvalidDocument) as refused:
        examine(content)
    assert refused.value.fields["file"].startswith(why)
    assert time.monotonic() - began < SOON_SECONDS


def test_a_pdf_of_as_many_pages_as_may_be_is_taken(picture: Image.Image) -> None:
    assert examine(scanned_pdf(*[picture] * MOST_PAGES)).media_type == PDF


def test_a_pdf_on_which_the_program_hangs_or_dies_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_intake, "PATIENCE_SECONDS", 0.5)
    for n, ending in enumerate(("while True: pass", "import os; os.kill(os.getpid(), 9)")):
        program = tmp_path / f"{n}.py"
        program.write_text(ending)
        monkeypatch.setattr(documents_intake, "LOOK_AT_PDF", program)
        with pytest.raises(InvalidDocument, match="unpacks to far more"):
            examine(A_PDF)
