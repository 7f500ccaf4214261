"""Field types that several routes share, and how figures of the books are spelled in JSON."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from lending.money import yuan
from models import keys
from models.staff import Actor
from models.words import LONGEST_WORDS, WORDS_PATTERN

LARGEST_NUMBER = 2**31 - 1
"""What both databases take as a number of a row."""
KEY_PATTERN = r"^[!-~]{1,60}$"
"""Idempotency keys: printable ASCII, short enough to be stored together with who sent them."""

LoanNumber = Annotated[str, Path(pattern=keys.LOAN_PATTERN, description="the loan's number", examples=["L26000001"])]
TaskId = Annotated[str, Path(pattern=keys.ID_PATTERN, description="the task's id")]
Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]

MoneyText = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$",
        description="yuan as text with at most two places; never a number",
        examples=["1234.50"],
    ),
]
"""A sum as it comes in."""

Words = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_WORDS,
        pattern=WORDS_PATTERN,
        description="a sentence for the record, without personal data",
    ),
]
"""Words of a person."""

OptionalKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="your own name for this command; sent again with the same key it is carried out once",
    ),
]


class Asked(BaseModel):
    """A body as it comes in; a field that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """A view with sums: decimal strings with two places, in `currency`."""

    currency: Literal["CNY"] = "CNY"


DAYS_SHOWN = timedelta(days=31)
_NAMED_OTHERWISE = {"next_due_fen": "next_due_amount"}
"""Sums whose name without its unit would hide another field."""


def in_yuan(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The same figures with every `…_fen` as a decimal string under its name without the unit."""
    spelled: dict[str, Any] = {}
    for name, value in figures.items():
        if name.endswith("_fen"):
            spelled[_NAMED_OTHERWISE.get(name, name.removesuffix("_fen"))] = None if value is None else yuan(value)
        else:
            spelled[name] = value
    return spelled


def all_in_yuan(figures: Any) -> Any:
    """The same for figures within figures, however deep."""
    if isinstance(figures, Mapping):
        return {name: all_in_yuan(value) for name, value in in_yuan(figures).items()}
    return [all_in_yuan(one) for one in figures] if isinstance(figures, list) else figures


def since_of(first: date | None, until: date) -> date:
    """The first day of a period that ends on a day: a month before it where none is asked for."""
    return first or max(until, date.min + DAYS_SHOWN) - DAYS_SHOWN


def command_id(actor: Actor, subject: str, key: str | None) -> str:
    """The id of a command: the same for the same person, subject and key, a new one without a key."""
    return keys.new_id() if key is None else keys.command_id(actor.id, subject, key)
