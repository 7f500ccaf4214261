"""The clause of a contract whose rate follows the published one: which rate, how far above it, and when it is reset."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from lending.fields import Fields

_MARGIN = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,6})?")


class Tenor(StrEnum):
    """The tenors that the loan prime rate is published for."""

    ONE_YEAR = "one_year"
    OVER_FIVE_YEARS = "over_five_years"


class Reset(StrEnum):
    """When the rate of a running loan follows the table: each 1 January, or each year on the day of the payout."""

    NEW_YEAR = "new_year"
    ANNIVERSARY = "anniversary"


@dataclass(frozen=True, slots=True)
class FloatingClause:
    """The published rate of a tenor plus a margin in percentage points, which may be negative."""

    tenor: Tenor
    margin_percent: Decimal
    reset: Reset

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """The clause from the contract's JSON form; a faulty or unknown field is refused by name."""
        margin = fields.text("margin_percent")
        if _MARGIN.fullmatch(margin) is None:
            fields.refuse("margin_percent", "must be a number written as text, such as 1.5 or -0.7")
        clause = cls(fields.choice("tenor", Tenor), Decimal(margin), fields.choice("reset", Reset))
        fields.finish()
        return clause

    def to_json(self) -> dict[str, object]:
        """The form that `read` reads."""
        return {
            "tenor": self.tenor.value,
            "margin_percent": format(self.margin_percent, "f"),
            "reset": self.reset.value,
        }
