"""`python -m web.translations`: brings the catalogues up to the sentences that code and templates now have.

New sentences come in untranslated, sentences that nobody says any more are dropped. Nothing is compiled: the pages
read the catalogues themselves.
"""

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from web.language import CATALOGUES

ROOM = Path(__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "say": None, "marked": None, "ngettext": (1, 2)}


def sentences() -> Catalog:
    """All sentences that the pages can say."""
    catalogue = Catalog(project="Loanwright", charset="utf-8", fuzzy=False)
    options = {"templates/**.html": {"silent": "false", "trimmed": "true"}}
    for _name, _line, message, comments, context in extract_from_dir(
        ROOM, METHODS, options, KEYWORDS, strip_comment_tags=True
    ):
        catalogue.add(message, None, auto_comments=comments, context=context)
    return catalogue


def update() -> None:
    """Rewrites each catalogue with exactly the sentences there are now."""
    spoken = sentences()
    for file in sorted(CATALOGUES.glob("*/LC_MESSAGES/messages.po")):
        with file.open("rb") as text:
            catalogue = read_po(text, locale=file.parent.parent.name)
        catalogue.update(spoken, no_fuzzy_matching=True, update_header_comment=False)
        with file.open("wb") as text:
            write_po(text, catalogue, width=120, omit_header=True, ignore_obsolete=True, sort_output=True)


if __name__ == "__main__":
    update()
    sys.exit(0)
