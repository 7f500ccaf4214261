"""What law and supervisors allow a loan to be: cost caps and payouts to the borrower's own card, as rows with dates.

The rows stand in the books. Those of limits.json are starting data, which the seed brings in; `confirmed: false` marks
a source whose text nobody has checked: look it up before you rely on the row. A row that begins later replaces an
earlier one of the same product and licence; one put in force later corrects an earlier one of the same beginning.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from books.session import UnitOfWork
from lending.caps import CapRule, CostCap, cost_cap
from lending.dated import Scope, Source
from lending.entrusted import OwnCardRule, own_card_rule
from lending.floating import LoanPrimeRates, Published
from lending.floating_clause import Tenor
from lending.money import to_fen
from models.limits import LimitKind
from models.products import Product

SHIPPED = Path(__file__).with_name("limits.json")

Percent = Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,6})?$", description="as text", examples=["3.00"])]
Identity = tuple[LimitKind, str, str | None, str | None]
"""What two rows share of which the one put in force later holds."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PrimeRateRow(_Row):
    """A publication of the loan prime rate, in percent a year."""

    tenor: Tenor
    on: dt.date
    percent: Percent

    @property
    def identity(self) -> Identity:
        """The publication."""
        return LimitKind.PRIME_RATE, self.on.isoformat(), self.tenor.value, None


class NamedSource(_Row):
    """Where a rule comes from; `confirmed` is false where nobody has seen the text itself yet."""

    en: str = Field(min_length=1, max_length=300)
    zh: str = Field(min_length=1, max_length=300)
    confirmed: bool = True


class _ScopedRow(_Row):
    since: dt.date
    until: dt.date | None = None
    product: str | None = Field(default=None, max_length=32)
    licence: str | None = Field(default=None, max_length=32)
    source: NamedSource

    @property
    def scope(self) -> Scope:
        """Where it holds."""
        return Scope(self.since, self.until, self.product, self.licence)

    @property
    def named(self) -> Source:
        """Where it comes from."""
        return Source(**self.source.model_dump())

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError("until lies before since")
        return self


class CostCapRow(_ScopedRow):
    """The most that a loan may cost a year: a percentage, or a multiple of the one-year loan prime rate."""

    percent: Percent | None = None
    lpr_multiple: Percent | None = None

    @property
    def identity(self) -> Identity:
        """Where it begins."""
        return LimitKind.COST_CAP, self.since.isoformat(), self.product, self.licence

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.percent is None) is (self.lpr_multiple is None):
            raise ValueError("a cap has either percent or lpr_multiple")
        return self


class OwnCardRow(_ScopedRow):
    """The most, in yuan, that goes to the borrower's own card."""

    most: str = Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,2})?$")

    @property
    def identity(self) -> Identity:
        """Where it begins."""
        return LimitKind.OWN_CARD, self.since.isoformat(), self.product, self.licence


LimitRow = PrimeRateRow | CostCapRow | OwnCardRow
ROWS: dict[LimitKind, type[LimitRow]] = {
    LimitKind.PRIME_RATE: PrimeRateRow,
    LimitKind.COST_CAP: CostCapRow,
    LimitKind.OWN_CARD: OwnCardRow,
}


@dataclass(frozen=True)
class Limits:
    """The rows in force, and what they say of a product on a day."""

    caps: tuple[CapRule, ...]
    own_cards: tuple[OwnCardRule, ...]
    rates: LoanPrimeRates

    @classmethod
    def of(cls, rows: Iterable[LimitRow]) -> Self:
        """What rows say, in the order in which they were put in force."""
        standing = {row.identity: row for row in rows}.values()
        published = sorted((row for row in standing if isinstance(row, PrimeRateRow)), key=lambda row: row.on)
        return cls(
            caps=tuple(
                CapRule(row.scope, _number(row.percent), _number(row.lpr_multiple), row.named)
                for row in standing
                if isinstance(row, CostCapRow)
            ),
            own_cards=tuple(
                OwnCardRule(row.scope, to_fen(row.most), row.named) for row in standing if isinstance(row, OwnCardRow)
            ),
            rates={
                tenor: tuple(Published(row.on, Decimal(row.percent)) for row in published if row.tenor is tenor)
                for tenor in Tenor
            },
        )

    def cost_cap(self, product: Product, day: dt.date) -> CostCap:
        """The most that a loan of this product may cost a year if it is agreed on that day."""
        return cost_cap(self.caps, self.rates, day, product.code, product.licence)

    def own_card(self, product: Product, day: dt.date) -> OwnCardRule:
        """How much of a payout of this product may go to the borrower's own card."""
        return own_card_rule(self.own_cards, day, product.code, product.licence)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


class _Read:
    """What was read last: rows are only added, so the same version says the same, and asking for it costs little."""

    known: tuple[tuple[int, str | None], Limits] | None = None


def limits_of(work: UnitOfWork) -> Limits:
    """The limits in force now: what was put in force a moment ago, in whatever process, counts already."""
    version = work.limits.version()
    known = _Read.known
    if known is None or known[0] != version:
        rows = work.limits.in_force()
        if not rows:
            raise LookupError("no limits in the books; run the migrations and the seed")
        known = _Read.known = (version, Limits.of(ROWS[kind].model_validate(row) for kind, row in rows))
    return known[1]


def shipped_rows() -> Iterator[LimitRow]:
    """The rows of limits.json."""
    tables: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    for tenor, published in tables["loan_prime_rates"].items():
        yield from (PrimeRateRow(tenor=tenor, **one) for one in published)
    yield from (CostCapRow.model_validate(row) for row in tables["cost_caps"])
    yield from (OwnCardRow.model_validate(row) for row in tables["own_card"])
