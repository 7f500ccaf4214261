"""The reader of documents: text layers and pictures, in a process that is ended when it takes too long."""

import time
from pathlib import Path

import pytest

from gateways.document_reader import DocumentReader, ReaderMissing
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


def test_the_text_layer_of_a_pdf_is_taken_as_it_is(reader: DocumentReader) -> None:
    stream = b"BT /F 12 Tf 100 700 Td (proof of income of Wang, 10,000.00) Tj ET"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
    objects = A_PDF.replace(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>", page).replace(
        b"xref",
        b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n" % (len(stream), stream)
        + b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\nxref",
        1,
    )
    reading = reader.read(objects, "application/pdf")
    assert (reading.method, lines_of(reading)) == ("text", ["proof of income of Wang, 10,000.00"])
    (word,) = reading.lines[0]
    assert (word.confidence, reading.picture) == (100, None)
    assert abs(word.box[0] - 168) < 3


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


def test_a_machine_without_tesseract_says_how_to_get_it(
    reader: DocumentReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.require()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReaderMissing, match="make setup"):
        reader.require()
