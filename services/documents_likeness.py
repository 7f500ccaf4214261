"""Marks by which a document is known again when another customer hands it in: its text, and a number that is its own.

Only what cannot be the same by chance counts. Two honest letters of one employer differ in the name and the number of
the person; of numbers only those count that are one in the world: an account, or a school's number of a letter.
"""

import re

from books.customers import blind_index
from services.documents_comparing import ANY_KIND, KINDS
from services.documents_finding import Text

FEWEST_SIGNS = 40
"""Less text, such as the back of an identity card, is honestly the same on two documents."""

_LETTER_NUMBER = re.compile(r"(?:通知书编号|录取编号|考生号|编号)[:为]?(?:NO[.:]?)?([0-9A-Z-]{6,30})")
_ACCOUNT_NUMBER = re.compile(r"(?:账号|卡号|账户)[:为]?([0-9]{16,19})(?![0-9])")


def text_index(kind: str, text: Text) -> str | None:
    """The digest of all that stands on a document, None where that says too little: another side, or a few words."""
    known = KINDS.get(kind, ANY_KIND)
    if len(text.whole) < FEWEST_SIGNS or (known.signs and not known.is_named_on(text)):
        return None
    return blind_index(f"text|{kind}|{text.whole}")


def number_index(kind: str, text: Text) -> str | None:
    """The digest of the number that is a document's own: a statement's account, or a school's number of a letter."""
    if kind == "bank_statement":
        account = _ACCOUNT_NUMBER.search(text.whole)
        return blind_index(f"account|{account[1]}") if account else None
    if kind == "admission_letter":
        number, schools = _LETTER_NUMBER.search(text.whole), text.schools()
        return blind_index(f"letter|{schools[0].value}|{number[1]}") if number and schools else None
    return None
