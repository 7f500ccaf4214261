"""Turns the contents of a paper into a PDF/A file, always the same one for the same contents."""

import json
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

from services.paper_signs import FONTS
from services.papers import NotPrintable

ROOM = Path(__file__).parent
TEMPLATES = ROOM / "paper_templates"
FAMILY = "Noto Sans SC"
ARCHIVED: Final = "a-2b"
"""PDF/A-2b, for keeping for decades: every font inside, and no sign that a font cannot show."""


class PaperFontMissing(RuntimeError):
    """The font of the papers is not on this machine: an error of its set-up."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"the font {FAMILY} is not in {folder.name}; run `make setup`, which brings it from npm")


class Typesetter:
    """Sets papers one at a time; whoever calls from many threads waits in line.

    The compiler lets other Python threads run meanwhile, and keeps what it has read of fonts and templates.
    """

    def __init__(self, fonts: Path = FONTS) -> None:
        """Raises PaperFontMissing where the font is not in the folder."""
        found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(fonts)])
        if FAMILY not in found.families():
            raise PaperFontMissing(fonts)
        self._compiler = typst.Compiler(root=str(TEMPLATES), font_paths=[str(fonts)], ignore_system_fonts=True)
        self._one_at_a_time = threading.Lock()

    def pdf(self, contents: Mapping[str, Any]) -> bytes:
        """The paper as PDF/A. Contents reach the template as data, so markup in a name is only text.

        Raises NotPrintable for a sign that the font does not have.
        """
        with self._one_at_a_time:
            try:
                made = self._compiler.compile(**_asked(contents), format="pdf", pdf_standards=[ARCHIVED])
            except typst.TypstError as error:
                if "could not be displayed" in str(error):
                    raise NotPrintable(contents["kind"], FAMILY) from None
                raise
        if not isinstance(made, bytes):
            raise TypeError("a PDF is one file")
        return made

    def pictures(self, contents: Mapping[str, Any], pixels_per_inch: int = 96) -> list[bytes]:
        """The pages as PNG, for looking at."""
        with self._one_at_a_time:
            made = self._compiler.compile(**_asked(contents), format="png", ppi=pixels_per_inch)
        return [made] if isinstance(made, bytes) else list(made or ())


@cache
def typesetter(fonts: Path = FONTS) -> Typesetter:
    """The one of this process for a folder of fonts."""
    return Typesetter(fonts)


def _asked(contents: Mapping[str, Any]) -> dict[str, Any]:
    spelled = json.dumps(contents, ensure_ascii=False, sort_keys=True)
    return {"input": str(TEMPLATES / f"{contents['kind']}.typ"), "sys_inputs": {"contents": spelled}}
