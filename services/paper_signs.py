"""Which signs the fonts of the papers have: a name that no contract could show is refused when it comes in."""

import struct
from functools import cache
from pathlib import Path

FONTS = Path(__file__).parent / "paper_fonts"
"""Every font in it is used: the family of the papers first, any other for what that one lacks."""
FONT_FILES = (".ttf", ".otf")


@cache
def signs_of(fonts: Path = FONTS) -> frozenset[int]:
    """All code points that some font in the folder has; none where there is no font."""
    found: set[int] = set()
    for file in sorted(fonts.glob("*")) if fonts.is_dir() else ():
        if file.suffix.lower() in FONT_FILES:
            found |= _signs_in(file)
    return frozenset(found)


def can_be_shown(text: str, fonts: Path = FONTS) -> bool:
    """Whether papers can show every sign. Before the fonts are set up nobody knows, so nothing is refused for it."""
    signs = signs_of(fonts)
    return not signs or signs.issuperset(map(ord, text))


def _signs_in(file: Path) -> set[int]:
    """The code points of an OpenType font, by the tables of its `cmap` that reach beyond 16 bits (format 12)."""
    with file.open("rb") as font:
        (tables,) = struct.unpack(">4xH6x", font.read(12))
        places: dict[bytes, int] = {}
        for _ in range(tables):
            tag, place = struct.unpack(">4s4xL4x", font.read(16))
            places[tag] = place
        start = places[b"cmap"]
        font.seek(start)
        (encodings,) = struct.unpack(">2xH", font.read(4))
        found: set[int] = set()
        for offset in sorted({struct.unpack(">4xL", font.read(8))[0] for _ in range(encodings)}):
            font.seek(start + offset)
            kind, groups = struct.unpack(">H10xL", font.read(16))
            if kind == 12:
                for _ in range(groups):
                    first, last = struct.unpack(">LL4x", font.read(12))
                    found.update(range(first, last + 1))
    return found
