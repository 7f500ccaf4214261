"""The texts by which people authorise the lender to look them up: versioned data in both languages.

A version that was published is never edited, since rows name its digest: a new wording is a new file.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from models.verification import AuthorisationKind

FOLDER = Path(__file__).with_name("authorisation_texts")


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
