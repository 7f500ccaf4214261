"""Texts of the bank as the books can keep them."""

import re

CONTROLS = r"\x00-\x1f\x7f-\x9f"
LONGEST_TEXT = 500
"""For names and remittance texts; ISO 20022 allows 140 characters of each."""

_CONTROLS = re.compile(f"[{CONTROLS}]")


def fitted(text: str, longest: int = LONGEST_TEXT) -> str:
    """The text with a space for each control character, and cut: no money is lost because of a text."""
    return _CONTROLS.sub(" ", text)[:longest]
