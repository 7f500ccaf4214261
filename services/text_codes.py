"""Codes that go to a mobile by text message: whoever types one in reads the messages of that mobile."""

import secrets
from datetime import timedelta

CODE_DIGITS = 6
VALID_FOR = timedelta(minutes=5)
MOST_TRIES = 5
HIDDEN = "*" * CODE_DIGITS
"""Stands for a code where its message is shown to others."""


def new_digits() -> str:
    """The digits of a new code."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def with_code(text: str, digits: str, **further: str) -> str:
    """A message with a code and the minutes for which that is good."""
    return text.format(code=digits, minutes=VALID_FOR // timedelta(minutes=1), **further)
