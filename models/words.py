"""What may be stored as the words of a person."""

import re

LONGEST_WORDS = 500
CONTROL = r"\x00-\x08\x0b-\x1f\x7f"
"""Control characters but tab and line feed: PostgreSQL stores no NUL, and the others do harm in terminals and logs."""
WORDS_PATTERN = f"^[^{CONTROL}]*$"

_FOUND = re.compile(f"[{CONTROL}]")


def storable(words: str) -> bool:
    """Whether the books take these words: not too long and without control characters."""
    return len(words) <= LONGEST_WORDS and _FOUND.search(words) is None


def without_control(words: str) -> str:
    """The words without the characters that are refused."""
    return _FOUND.sub("", words)
