"""The texts by which people authorise the lender to look them up: versioned data in both languages.

A version that was published is never edited, since rows name its digest: a new wording is a new file.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

from models.verification import AuthorisationKind

FOLDER = Path(__file__).with_name("authorisation_texts")
LAST_DAYS: Mapping[str, date] = MappingProxyType({"2026-01": date(2026, 12, 31)})
"""Until when people may still agree to an older version. The first one has a single tick for both declarations, and the
law wants a word of its own for sensitive data (Personal Information Protection Law, article 29): systems that send it
have until the end of the year to send the next one. What was agreed to by then stays as it is."""


@dataclass(frozen=True)
class Declaration:
    """What a person declares, in both languages, and the registers and uses that it covers."""

    scope: tuple[str, ...]
    zh: str
    en: str


@dataclass(frozen=True)
class AuthorisationText:
    """One version of the text. `separate` says that the sensitive data have a tick of their own, which may be left out;
    the older form of it held both declarations in one.
    """

    version: str
    separate: bool
    declarations: Mapping[AuthorisationKind, Declaration]
    sha256: str

    @property
    def last_day(self) -> date | None:
        """Until when people may agree to it; None for one without an end."""
        return LAST_DAYS.get(self.version)


def _read(path: Path) -> AuthorisationText:
    content = json.loads(path.read_text(encoding="utf-8"))
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return AuthorisationText(
        version=content["version"],
        separate=content["separate"],
        declarations=MappingProxyType(
            {
                kind: Declaration(tuple(content[kind]["scope"]), content[kind]["zh"], content[kind]["en"])
                for kind in AuthorisationKind
            }
        ),
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
    )


TEXTS: Mapping[str, AuthorisationText] = MappingProxyType(
    {text.version: text for text in map(_read, sorted(FOLDER.glob("*.json")))}
)
"""Every version that somebody can have agreed to, the oldest first."""

CURRENT = TEXTS[max(TEXTS)]
"""The text that people are shown today."""


def text_on(version: object, day: date) -> AuthorisationText | None:
    """The version if people may agree to it on this business date, else None."""
    text = TEXTS.get(version) if isinstance(version, str) else None
    return None if text is None or (text.last_day is not None and day > text.last_day) else text


def versions_on(day: date) -> str:
    """The versions that people may agree to on this business date, for a sentence."""
    return ", ".join(version for version in TEXTS if text_on(version, day))
