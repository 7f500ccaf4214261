"""What the fonts of the papers can show, read from the fonts themselves."""

import struct
from pathlib import Path

from services.paper_signs import can_be_shown, signs_of


def font_with(file: Path, first: int, last: int) -> None:
    """A font that says which signs it has and nothing more; beside these a table of 16 bits, as real ones carry."""
    short = struct.pack(">HHH", 4, 32, 0) + bytes(26)
    long = struct.pack(">HHLLL", 12, 0, 28, 0, 1) + struct.pack(">LLL", first, last, 1)
    head = struct.pack(">HH", 0, 2) + struct.pack(">HHL", 0, 3, 20) + struct.pack(">HHL", 3, 10, 20 + len(short))
    cmap = head + short + long
    tables = struct.pack(">4sLLL", b"cmap", 0, 44, len(cmap)) + struct.pack(">4sLLL", b"name", 0, 44, 0)
    file.write_bytes(struct.pack(">LHHHH", 0x10000, 2, 0, 0, 0) + tables + cmap)


def test_the_papers_font_has_what_names_need_and_not_all_that_there_is() -> None:
    assert len(signs_of()) > 30_000
    assert can_be_shown("欧阳䶮·买买提 O'Brien")
    assert not can_be_shown("𠮷田")


def test_each_further_font_in_the_folder_adds_what_it_has(tmp_path: Path) -> None:
    font_with(tmp_path / "one.ttf", 0x4E00, 0x4E0F)
    assert can_be_shown("一丁", tmp_path)
    assert not can_be_shown("一𠮷", tmp_path)
    more = tmp_path / "more"
    more.mkdir()
    font_with(more / "one.ttf", 0x4E00, 0x4E0F)
    font_with(more / "two.OTF", 0x20BB0, 0x20BBF)
    (more / "README.txt").write_text("no font")
    assert can_be_shown("一𠮷", more)


def test_before_the_fonts_are_set_up_nothing_is_refused(tmp_path: Path) -> None:
    assert can_be_shown("𠮷", tmp_path)
    assert can_be_shown("𠮷", tmp_path / "nowhere")
