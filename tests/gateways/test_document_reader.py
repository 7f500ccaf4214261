"""The reader of documents: text layers and pictures, in a process that is ended when it takes too long."""

import io
import os
import time
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from gateways.document_reader import TOOL, DocumentReader, ReaderMissing
from gateways.errors import OutsideUnavailable
from models.documents import Reading
from tests.modules.applications import id_number
from tests.services.document_files import A_PDF, id_card, income_proof, jpeg, png, scanned_pdf

NUMBER = id_number()


@pytest.fixture
def reader() -> DocumentReader:
    """The reader as it is."""
    return DocumentReader()


def lines_of(reading: Reading) -> list[str]:
    """The lines without spaces."""
    return ["".join(word.text for word in line) for line in reading.lines]


def test_a_photographed_letter_is_read_in_chinese(reader: DocumentReader) -> None:
    reading = reader.read(jpeg(income_proof("欧阳测试", NUMBER)), "image/jpeg")
    said = lines_of(reading)
    assert (reading.method, reading.pages, said[0]) == ("scan", 1, "收入证明")
    assert any("欧阳测试" in line and NUMBER in line for line in said)
    first = reading.lines[0][0]
    assert first.page == 1
    assert first.confidence > 60
    # It begins in the upper left of the page: 130 of 1,240 dots from the left, 150 of 1,754 from the top.
    assert abs(first.box[0] - 105) < 15
    assert abs(first.box[1] - 86) < 15


def test_a_card_is_read_beside_its_picture(reader: DocumentReader) -> None:
    reading = reader.read(png(id_card(NUMBER)), "image/png")
    assert any(line.endswith(NUMBER) for line in lines_of(reading))
    assert reading.picture is not None
    assert reading.picture.startswith(b"\xff\xd8\xff")
    assert reading.picture_size == (1011, 638)


def test_a_scanned_pdf_is_read_page_by_page(reader: DocumentReader) -> None:
    reading = reader.read(
        scanned_pdf(income_proof("欧阳测试", NUMBER), income_proof("王示例", NUMBER)), "application/pdf"
    )
    assert (reading.method, reading.pages) == ("scan", 2)
    assert {word.page for line in reading.lines for word in line} == {1, 2}


def test_the_picture_of_a_pdf_has_its_first_five_pages_below_each_other(reader: DocumentReader) -> None:
    wide, tall = Image.new("L", (1000, 500), 0), Image.new("L", (500, 1000), 255)
    reading = reader.read(scanned_pdf(wide, *[tall] * 5), "application/pdf")
    assert reading.page_sizes == ((1000, 500), *[(500, 1000)] * 4)
    assert reading.picture is not None
    shown = Image.open(io.BytesIO(reading.picture)).convert("L")
    assert shown.size == reading.picture_size == (1000, 4500)
    black, white = shown.crop((0, 0, 1000, 480)), shown.crop((0, 520, 500, 4500))
    assert black.point(lambda dot: 255 * (dot > 20)).getbbox() is None
    assert white.point(lambda dot: 255 * (dot < 235)).getbbox() is None


def with_text(more: bytes = b"", page: bytes = b"") -> bytes:
    """A PDF with a text layer and `more` on its page."""
    stream = b"BT /F 12 Tf 100 700 Td (proof of income of Wang, 10,000.00) Tj ET\n" + more
    whole = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>%s>>" % page
    return A_PDF.replace(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>", whole).replace(
        b"xref",
        b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n" % (len(stream), stream)
        + b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\nxref",
        1,
    )


def test_the_text_layer_of_a_pdf_is_taken_as_it_is(reader: DocumentReader) -> None:
    reading = reader.read(with_text(), "application/pdf")
    assert (reading.method, lines_of(reading)) == ("text", ["proof of income of Wang, 10,000.00"])
    (word,) = reading.lines[0]
    assert word.confidence == 100
    assert abs(word.box[0] - 168) < 3


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_with_a_text_layer_is_drawn_as_people_see_it_and_each_piece_stands_where_it_says(
    reader: DocumentReader, degrees: int
) -> None:
    reading = reader.read(with_text(page=b"/Rotate %d" % degrees), "application/pdf")
    assert reading.picture is not None
    shown = Image.open(io.BytesIO(reading.picture)).convert("L")
    assert (max(shown.size), shown.size) == (1100, reading.picture_size)
    inked = ImageOps.invert(shown).point(lambda dot: 255 * (dot > 128)).getbbox()
    assert inked is not None
    left, top, width, height = reading.lines[0][0].box
    # The length of a piece is a guess; where it begins is not.
    box = (left, top, left + width, top + height)
    ends = [round(1000 * dot / shown.size[n % 2]) for n, dot in enumerate(inked)]
    begin = {0: (0, 1), 90: (1, 2), 180: (2, 3), 270: (3, 0)}[degrees]
    assert all(abs(box[n] - ends[n]) <= 10 for n in begin), (box, ends)


def test_the_picture_shows_what_covers_a_text_layer(reader: DocumentReader) -> None:
    reading = reader.read(with_text(b"0 g 0 0 595 842 re f"), "application/pdf")
    assert (reading.method, lines_of(reading)) == ("text", ["proof of income of Wang, 10,000.00"])
    assert reading.picture is not None
    shown = Image.open(io.BytesIO(reading.picture)).convert("L")
    assert shown.point(lambda dot: 255 * (dot > 60)).getbbox() is None


def test_a_page_that_can_be_read_and_not_be_drawn_keeps_its_words(tmp_path: Path) -> None:
    tool = tmp_path / "without_drawing.py"
    broken = "DRAW_PAGE = b'#panic()'\n\n\ndef main("
    tool.write_text(TOOL.read_text(encoding="utf-8").replace("def main(", broken), encoding="utf-8")
    reading = DocumentReader(tool=tool).read(with_text(), "application/pdf")
    assert (reading.method, len(reading.lines), reading.picture) == ("text", 1, None)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(A_PDF, "application/pdf"), (b"%PDF-1.7 nonsense", "application/pdf"), (b"", "image/png")],
)
def test_a_file_that_says_nothing_gives_nothing(reader: DocumentReader, content: bytes, media_type: str) -> None:
    reading = reader.read(content, media_type)
    assert (reading.method, reading.lines) == ("none", ())


def test_a_reader_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    tool = tmp_path / "slow.py"
    mark = tmp_path / "still-there"
    tool.write_text(
        f"import subprocess, time\nsubprocess.Popen(['sh', '-c', 'sleep 2; touch {mark}'])\ntime.sleep(60)\n"
    )
    began = time.monotonic()
    with pytest.raises(OutsideUnavailable) as late:
        DocumentReader(patience_seconds=1, tool=tool).read(b"x", "image/png")
    assert late.value.retryable
    assert time.monotonic() - began < 20
    time.sleep(2.5)
    assert not mark.exists()


def test_a_reader_that_wants_too_much_memory_gives_nothing(tmp_path: Path) -> None:
    tool = tmp_path / "greedy.py"
    tool.write_text("import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))\nx = bytearray(2**30)\n")
    assert DocumentReader(tool=tool).read(b"x", "image/png").method == "none"


def test_a_stopped_reader_reads_no_more(reader: DocumentReader) -> None:
    reader.stop()
    with pytest.raises(OutsideUnavailable, match="stopped"):
        reader.read(png(id_card(NUMBER)), "image/png")


def test_a_tesseract_that_does_not_answer_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = tmp_path / "tesseract"
    hangs.write_text("#!/bin/sh\nexec sleep 30\n")
    hangs.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    began = time.monotonic()
    with pytest.raises(ReaderMissing):
        DocumentReader(patience_seconds=0.5).require()
    assert time.monotonic() - began < 10


def test_a_machine_without_tesseract_says_how_to_get_it(
    reader: DocumentReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.require()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReaderMissing, match="make setup"):
        reader.require()
