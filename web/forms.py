"""Forms of a few fields: what they ask for, what was entered, and what is wrong with it, field by field."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Self

from lending.errors import LendingError
from lending.money import yuan
from models.keys import new_id
from models.words import storable
from services.errors import InvalidDecision
from web import labels
from web.decision import read_amount
from web.language import Language

LONGEST_LINE = 300


class Entry(StrEnum):
    """How a field is entered."""

    MONEY = "money"
    WHOLE = "whole"
    PERCENT = "percent"
    DAY = "day"
    CHOICE = "choice"
    FLAG = "flag"
    TEXT = "text"
    LINE = "line"


@dataclass(frozen=True)
class FormField:
    """One field of a form. A choice names the group of labels that its spellings belong to."""

    name: str
    entry: Entry
    label: str
    hint: str = ""
    optional: bool = False
    choices: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class EnteredForm:
    """What a person entered. `problems` has a sentence for each wrong field, `refused` one for the whole."""

    sentences: ClassVar[Mapping[str, str]] = {}
    """What a person reads at a field that was refused."""

    fields: tuple[FormField, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    given_id: str = field(default_factory=new_id)
    problems: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None

    @property
    def names(self) -> set[str]:
        """The fields that have a place on the page."""
        return {one.name for one in self.fields}

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.values.get(name, "")

    def problem(self, name: str) -> str | None:
        """What is wrong with a field."""
        return self.problems.get(name)

    def filled(self, values: Mapping[str, str]) -> Self:
        """The form as it came in. Its command's name is kept: sent twice, it is one command."""
        return replace(self, values=values, given_id=values.get("command_id") or new_id())

    def with_problems(self, error: LendingError, language: Language) -> Self:
        """The form with what was wrong about it, at the fields where possible."""
        known = self.sentences
        problems = {name: language.say(known[name]) for name in error.fields if name in self.names}
        if problems:
            return replace(self, problems=problems, refused=None)
        # A field that the form does not have, such as the day of the change itself.
        elsewhere = next((known[name] for name in error.fields if name in known), None)
        refused = language.say(elsewhere) if elsewhere else labels.refusal(error, language)
        return replace(self, problems={}, refused=refused)

    def entered(self) -> tuple[dict[str, Any], list[str]]:
        """The values of the fields that are filled in, and the names of those that cannot be read or are missing."""
        asked, wrong = {}, []
        for one in self.fields:
            try:
                value = _read(one, self.value(one.name).strip())
            except (InvalidDecision, ValueError):
                wrong.append(one.name)
                continue
            if value is not None:
                asked[one.name] = value
            elif not one.optional:
                wrong.append(one.name)
        return asked, wrong


def _read(one: FormField, text: str) -> Any:
    """The value of a field, None where it is empty; whether it can be is the mathematics' to say."""
    if not text:
        return None
    match one.entry:
        case Entry.MONEY:
            amount = read_amount(text)
            return None if amount is None else yuan(amount)
        case Entry.WHOLE:
            return int(text)
        case Entry.PERCENT:
            return text.removesuffix("%").strip()
        case Entry.FLAG:
            return True
        case Entry.TEXT if len(text) > 64 or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(text)
        case Entry.LINE if len(text) > LONGEST_LINE or not storable(text):
            raise ValueError(text)
        case _:
            return text
