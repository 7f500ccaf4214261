"""Texts of the bank as the books can keep them."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

CONTROLS = r"\x00-\x1f\x7f-\x9f"
LONGEST_TEXT = 500
"""For names and remittance texts; ISO 20022 allows 140 characters of each."""

LONGEST_REASON = 64
"""For the word that says why something was declined."""

_CONTROLS = re.compile(f"[{CONTROLS}]")


def fitted(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text with a space for each control character, and cut: no money is lost because of a text."""
    return _CONTROLS.sub(" ", text)[:longest]


def fitted_to(longest: int) -> AfterValidator:
    """Makes a field's text what `fitted` makes of it."""
    return AfterValidator(lambda text: fitted(text, longest))


Text = Annotated[str, fitted_to(LONGEST_TEXT)]
Reason = Annotated[str, fitted_to(LONGEST_REASON)]
Reference = Annotated[str, Field(min_length=1, max_length=64, pattern=f"^[^{CONTROLS}]+$")]
"""A name that others gave to what they did: refused, and not mended, if the books cannot keep it as it is."""
