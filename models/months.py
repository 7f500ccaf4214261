"""A calendar month, written YYYY-MM."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, order=True)
class Month:
    """A month by its first day; `str` gives YYYY-MM."""

    first: date

    @classmethod
    def of(cls, day: date) -> Self:
        """The month of a day."""
        return cls(day.replace(day=1))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The month that YYYY-MM names; ValueError for anything else."""
        if _MONTH.fullmatch(text) is None:
            raise ValueError("a month is written YYYY-MM")
        return cls(date.fromisoformat(f"{text}-01"))

    @property
    def next(self) -> Self:
        """The month after."""
        return self.of(self.first + timedelta(days=31))

    @property
    def before(self) -> Self:
        """The month before."""
        return self.of(self.first - timedelta(days=1))

    @property
    def last(self) -> date:
        """The last day."""
        return self.next.first - timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"
