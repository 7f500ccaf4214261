"""Reading terms, events and inputs field by field, so that each refusal names its field."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import NoReturn, TypeVar

from lending.errors import LendingError
from lending.money import InvalidAmount, to_fen

MAX_AMOUNT_FEN = 10**12
FIRST_DATE = date(1900, 1, 1)
LAST_DATE = date(2200, 12, 31)

_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,12})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Refusal = Callable[[str, str], LendingError]
E = TypeVar("E", bound=StrEnum)


def as_mapping(value: object) -> Mapping[str, object] | None:
    """The value if it is a mapping with text keys, else None."""
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return value
    return None


class Fields:
    """The fields of one mapping, each read once; `finish` refuses those nobody asked for.

    A field that is null counts as left out. `refusal(field, sentence)` builds the error; `path` is put before each
    field's name ("rounding.").
    """

    def __init__(self, mapping: object, refusal: Refusal, path: str = "") -> None:
        self._refusal = refusal
        self._path = path
        fields = as_mapping(mapping)
        if fields is None:
            raise refusal(path.rstrip(".") or "body", "must be an object with named fields")
        self._left = {field: value for field, value in fields.items() if value is not None}

    def refuse(self, field: str, sentence: str) -> NoReturn:
        """Raises the refusal of `field`."""
        raise self._refusal(self._path + field, sentence)

    def has(self, field: str) -> bool:
        """Whether the field is there, not null and not read yet."""
        return field in self._left

    def take(self, field: str) -> object:
        """The raw value; missing and null fields are None."""
        return self._left.pop(field, None)

    def required(self, field: str) -> object:
        """The raw value; a missing field is refused."""
        value = self.take(field)
        if value is None:
            self.refuse(field, "is missing")
        return value

    def text(self, field: str, longest: int = 200) -> str:
        """A text that is not empty."""
        value = self.required(field)
        if not isinstance(value, str) or not 0 < len(value) <= longest:
            self.refuse(field, f"must be a text of 1 to {longest} characters")
        return value

    def fen(self, field: str, most: int = MAX_AMOUNT_FEN) -> int:
        """A positive amount of money, in fen."""
        value = self.required(field)
        if not isinstance(value, str | Decimal | int):
            self.refuse(field, "must be an amount written as text, such as 1234.50")
        try:
            fen = to_fen(value)
        except InvalidAmount as error:
            self.refuse(field, str(error))
        if not 0 < fen <= most:
            self.refuse(field, "must be more than zero and at most ten billion yuan")
        return fen

    def number(self, field: str, most: int) -> Decimal:
        """A number from 0 to `most`, written as text."""
        value = self.required(field)
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if isinstance(value, Decimal):
            text = format(value, "f")
        if _NUMBER.fullmatch(text) is None:
            self.refuse(field, "must be a number written as text, such as 4.35, with at most twelve places")
        number = Decimal(text)
        if number > most:
            self.refuse(field, f"must be at most {most}")
        return number

    def optional_number(self, field: str, most: int) -> Decimal | None:
        """A number from 0 to `most`, or None where it is left out."""
        return self.number(field, most) if self.has(field) else None

    def whole(self, field: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number from `least` to `most`."""
        if default is not None and not self.has(field):
            return default
        value = self.required(field)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(field, f"must be a whole number from {least} to {most}")
        return value

    def flag(self, field: str) -> bool:
        """True or false; false where it is left out."""
        value = self.take(field)
        if value is not None and not isinstance(value, bool):
            self.refuse(field, "must be true or false")
        return bool(value)

    def day(self, field: str) -> date:
        """A date written YYYY-MM-DD."""
        return self._as_day(field, self.required(field))

    def optional_day(self, field: str) -> date | None:
        """A date, or None where it is left out."""
        return self.day(field) if self.has(field) else None

    def days(self, field: str) -> tuple[date, ...]:
        """A list of dates, each after the one before."""
        values = self.sequence(field)
        days = tuple(self._as_day(f"{field}[{place}]", value) for place, value in enumerate(values))
        for place, (earlier, later) in enumerate(pairwise(days), start=1):
            if later <= earlier:
                self.refuse(f"{field}[{place}]", "must be later than the date before it")
        return days

    def sequence(self, field: str) -> Sequence[object]:
        """A list that is not empty and not absurdly long."""
        value = self.required(field)
        if not isinstance(value, list | tuple) or not 0 < len(value) <= 5000:
            self.refuse(field, "must be a list that is not empty")
        return value

    def choice(self, field: str, choices: type[E], default: E | None = None) -> E:
        """One of an enumeration's values."""
        if default is not None and not self.has(field):
            return default
        return self.as_choice(field, self.required(field), choices)

    def as_choice(self, field: str, value: object, choices: type[E]) -> E:
        """`value` as a member of `choices`; the field is named in the refusal."""
        if not isinstance(value, str) or value not in list(choices):
            self.refuse(field, f"must be one of {', '.join(choices)}")
        return choices(value)

    def finish(self) -> None:
        """Refuses a field that nobody asked for."""
        for field in self._left:
            self.refuse(field, "is not a field of this kind")

    def _as_day(self, field: str, value: object) -> date:
        if isinstance(value, str) and _DATE.fullmatch(value):
            try:
                day = date.fromisoformat(value)
            except ValueError:
                self.refuse(field, "is not a day of the calendar")
        elif isinstance(value, date) and type(value) is date:
            day = value
        else:
            self.refuse(field, "must be a date written YYYY-MM-DD")
        if not FIRST_DATE <= day <= LAST_DATE:
            self.refuse(field, f"must lie from {FIRST_DATE} to {LAST_DATE}")
        return day
