"""What a task is about, in the visitor's language. The books keep it as a note in English."""

import re
from collections.abc import Callable

from lending.money import to_fen
from web import formats, labels
from web.language import Language, marked

MATTERS = (
    (r"(?P<days>\d+) days past due, (?P<amount>[\d.]+) due", marked("%(days)s days past due, %(amount)s due")),
    (
        r"the settled loan has (?P<amount>[\d.]+) too much: refund it",
        marked("The settled loan has %(amount)s too much: refund it"),
    ),
    (r"(?P<change>[a-z_]+) of (?P<amount>[\d.]+) proposed", marked("%(change)s, %(amount)s")),
    (r"payout failed: (?P<reasons>.+)", marked("The payout failed: %(reasons)s")),
    (r"bank reference (?P<reference>\S+): (?P<why>.+)", marked("Bank reference %(reference)s: %(why)s")),
    (
        r"statement of (?P<day>\S+): (?P<difference>\w+), (?P<subject>.+)",
        marked("Statement of %(day)s: %(difference)s (%(subject)s)"),
    ),
    (r"\w+_without_outcome", marked("The loan went on without an answer from outside. Look into it.")),
    (r"\w+_refused", marked("A step of the loan was refused. Look into it.")),
)
"""How the notes of the procedure read, with their values, and what a person reads instead."""


def matter(about: str, language: Language) -> str:
    """The note in this language; one that we do not know stands for itself."""
    return " ".join(_said(part, language) for part in about.split("; "))


def _said(note: str, language: Language) -> str:
    values: dict[str, Callable[[str], str]] = {
        "amount": lambda text: formats.money(to_fen(text), language),
        "difference": lambda text: labels.label(text, "difference", language),
        "change": lambda text: labels.label(text, "change", language),
        "reasons": lambda text: ", ".join(labels.label(code, "bank_reason", language) for code in text.split(", ")),
    }
    for pattern, sentence in MATTERS:
        found = re.fullmatch(pattern, note)
        if found is not None:
            said = {name: values.get(name, str)(text) for name, text in found.groupdict().items()}
            return language.say(sentence, **said)
    return note
