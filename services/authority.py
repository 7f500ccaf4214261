"""Who decides a change to a running loan: bands of amounts, as data with dates."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from lending.money import to_fen, yuan
from models.changes import ChangeKind
from models.staff import Role
from services.errors import BeyondAuthority

SHIPPED = Path(__file__).with_name("authority.json")


@dataclass(frozen=True)
class Band:
    """Up to an amount, however large where it is None, so many people of a role decide a kind of change."""

    kind: ChangeKind
    valid_from: date
    up_to_fen: int | None
    decided_by: Role
    people: int


@dataclass(frozen=True)
class Authority:
    """The table of bands, and for how many business days a proposal can be decided."""

    bands: tuple[Band, ...]
    expires_after_days: int

    @classmethod
    def parse(cls, table: Mapping[str, Any]) -> "Authority":
        """The table from its JSON form; amounts are yuan as text, null for no limit."""
        return cls(tuple(_band(row) for row in table["bands"]), int(table["expires_after_days"]))

    def band(self, kind: ChangeKind, amount_fen: int, day: date) -> Band:
        """The smallest band of a day that holds the amount; BeyondAuthority where nobody may decide so much.

        Of bands with several dates those of the latest date that has come are in force, all together.
        """
        begun = [band for band in self.bands if band.kind is kind and band.valid_from <= day]
        latest = max((band.valid_from for band in begun), default=None)
        in_force = [band for band in begun if band.valid_from == latest]
        fitting = [band for band in in_force if band.up_to_fen is None or amount_fen <= band.up_to_fen]
        if not fitting:
            raise BeyondAuthority(kind, _highest(in_force))
        return min(fitting, key=lambda band: (band.up_to_fen is None, band.up_to_fen or 0))


def _band(row: Mapping[str, Any]) -> Band:
    return Band(
        kind=ChangeKind(row["kind"]),
        valid_from=date.fromisoformat(row["valid_from"]),
        up_to_fen=None if row["up_to"] is None else to_fen(row["up_to"]),
        decided_by=Role(row["decided_by"]),
        people=int(row["people"]),
    )


def _highest(bands: Sequence[Band]) -> str:
    return yuan(max((band.up_to_fen or 0 for band in bands), default=0))


@cache
def authority() -> Authority:
    """The table that is shipped with the code."""
    return Authority.parse(json.loads(SHIPPED.read_text(encoding="utf-8")))
