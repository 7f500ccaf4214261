"""What may be stored as the words of a person."""

import re
from unicodedata import normalize

LONGEST_WORDS = 500
CONTROL = r"\x00-\x08\x0b-\x1f\x7f"
"""Control characters but tab and line feed: PostgreSQL stores no NUL, and the others do harm in terminals and logs."""
WORDS_PATTERN = f"^[^{CONTROL}]*$"

HIDDEN = "〔…〕"
"""What stands for a number that leads to a person."""

_FOUND = re.compile(f"[{CONTROL}]")
_NUMBERS = re.compile(
    r"(?<![0-9])(?:"
    # A resident ID number (GB 11643): a region, a birth date, three digits and a check character.
    r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]"
    # A mainland mobile, as people write it.
    r"|1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}"
    # A card of UnionPay (ISO/IEC 7812), of 16 to 19 digits.
    r"|62[0-9]{2}(?:[ -]?[0-9]{4}){3}[ -]?[0-9]{0,3}"
    r")(?![0-9A-Za-z])"
)


def storable(words: str) -> bool:
    """Whether the books take these words: not too long and without control characters."""
    return len(words) <= LONGEST_WORDS and _FOUND.search(words) is None


def without_control(words: str) -> str:
    """The words without the characters that are refused."""
    return _FOUND.sub("", words)


def leads_to_person(words: str) -> bool:
    """Whether an ID number, a mobile or a card stands in the words, in full-width signs too."""
    return _NUMBERS.search(normalize("NFKC", words)) is not None


def without_numbers(words: str) -> str:
    """The words with `HIDDEN` in place of what leads to a person."""
    return _NUMBERS.sub(HIDDEN, normalize("NFKC", words)) if leads_to_person(words) else words
