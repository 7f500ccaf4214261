"""What law and supervisors allow a loan to be: cost caps and payouts to the borrower's own card, as data with dates.

The shipped rows are starting data. `confirmed: false` marks a source whose text nobody has checked: look it up before
you rely on the row. A row that begins later replaces an earlier one of the same product and licence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from lending.caps import CapRule, CostCap, cost_cap
from lending.dated import Scope, Source
from lending.entrusted import OwnCardRule, own_card_rule
from lending.floating import LoanPrimeRates, Published, Tenor
from lending.money import to_fen
from models.products import Product

SHIPPED = Path(__file__).with_name("limits.json")


@dataclass(frozen=True)
class Limits:
    """The tables, and what they say of a product on a day."""

    caps: tuple[CapRule, ...]
    own_cards: tuple[OwnCardRule, ...]
    rates: LoanPrimeRates

    @classmethod
    def parse(cls, tables: Mapping[str, Any]) -> "Limits":
        """The tables from their JSON form; amounts are yuan and rates percent, both as text."""
        return cls(
            caps=tuple(_cap(row) for row in tables["cost_caps"]),
            own_cards=tuple(
                OwnCardRule(_scope(row), to_fen(row["most"]), Source(**row["source"])) for row in tables["own_card"]
            ),
            rates={
                Tenor(tenor): tuple(Published(date.fromisoformat(one["on"]), Decimal(one["percent"])) for one in rows)
                for tenor, rows in tables["loan_prime_rates"].items()
            },
        )

    def cost_cap(self, product: Product, day: date) -> CostCap:
        """The most that a loan of this product may cost a year if it is agreed on that day."""
        return cost_cap(self.caps, self.rates, day, product.code, product.licence)

    def own_card(self, product: Product, day: date) -> OwnCardRule:
        """How much of a payout of this product may go to the borrower's own card."""
        return own_card_rule(self.own_cards, day, product.code, product.licence)


def _cap(row: Mapping[str, Any]) -> CapRule:
    percent, multiple = (Decimal(row[name]) if name in row else None for name in ("percent", "lpr_multiple"))
    if (percent is None) is (multiple is None):
        raise ValueError(f"a cap has either percent or lpr_multiple: {row}")
    return CapRule(_scope(row), percent, multiple, Source(**row["source"]))


def _scope(row: Mapping[str, Any]) -> Scope:
    until = row.get("until")
    return Scope(
        date.fromisoformat(row["since"]),
        date.fromisoformat(until) if until else None,
        row.get("product"),
        row.get("licence"),
    )


@cache
def limits() -> Limits:
    """The tables that are shipped with the code."""
    return Limits.parse(json.loads(SHIPPED.read_text(encoding="utf-8")))
