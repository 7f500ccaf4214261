"""In which language a page speaks, and the catalogues of its sentences."""

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from fastapi import Request

COOKIE = "loanwright_language"
COOKIE_LASTS_SECONDS = 365 * 86_400
DEFAULT = "zh"
NAMES = {"zh": "中文", "en": "English"}
"""The languages of the pages, each by its own name."""

CATALOGUES = Path(__file__).parent / "locales"


def marked(sentence: str) -> str:
    """Marks a sentence for translation where it stands as data; whoever shows it translates it."""
    return sentence


@dataclass(frozen=True)
class Language:
    """One language of the pages."""

    code: str
    translations: NullTranslations

    @property
    def locale(self) -> Locale:
        """How Babel calls it."""
        return Locale.parse({"zh": "zh_Hans_CN", "en": "en_GB"}[self.code])

    @property
    def html(self) -> str:
        """How HTML calls it."""
        return {"zh": "zh-CN", "en": "en"}[self.code]

    def say(self, sentence: str, **values: object) -> str:
        """The sentence in this language, with its values."""
        text: str = self.translations.gettext(sentence)
        return text % values if values else text


@cache
def language(code: str) -> Language:
    """The language of this code. English is what the code is written in and has no catalogue.

    The catalogue is read from its source file, so that no compiled one can be older than it.
    """
    source = CATALOGUES / code / "LC_MESSAGES" / "messages.po"
    if code == "en" or not source.exists():
        return Language(code, NullTranslations())
    compiled = BytesIO()
    with source.open("rb") as text:
        write_mo(compiled, read_po(text, locale=code))
    compiled.seek(0)
    return Language(code, Translations(compiled))


def language_of(request: Request) -> Language:
    """The language that the visitor chose, else the one his browser prefers, else Chinese."""
    chosen = request.cookies.get(COOKIE)
    if chosen in NAMES:
        return language(chosen)
    for entry in request.headers.get("accept-language", "").split(","):
        code = entry.split(";")[0].strip().split("-")[0].lower()
        if code in NAMES:
            return language(code)
    return language(DEFAULT)
