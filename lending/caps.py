"""The most that a loan may cost: dated rules a product and licence, and the refusal of what lies above."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar

from lending.dated import UNNAMED, Scope, Source, rule_in_force
from lending.errors import LendingError
from lending.floating import LoanPrimeRates, published_rate
from lending.floating_clause import Tenor


@dataclass(frozen=True, slots=True)
class CapRule:
    """A ceiling: a fixed percentage a year, else a multiple of the one-year loan prime rate on the contract's day."""

    scope: Scope
    percent: Decimal | None = None
    lpr_multiple: Decimal | None = None
    source: Source = UNNAMED


@dataclass(frozen=True, slots=True)
class CostCap:
    """The ceiling of a day in percent a year, with the rule's first day and where the rule comes from."""

    percent: Decimal
    since: date
    source: Source = UNNAMED


class CostAboveCap(LendingError):
    """The annualised comprehensive cost of a loan is more than the rule in force allows."""

    code: ClassVar[str] = "cost_above_cap"
    http_status: ClassVar[int] = 409

    def __init__(self, cost_percent: Decimal, cap: CostCap) -> None:
        self.cost_percent, self.cap = cost_percent, cap
        rule = f"the rule of {cap.since}" + (f", {cap.source.en}" if cap.source.en else "")
        super().__init__(
            f"the loan would cost {cost_percent} % a year, all charges in; at most {cap.percent} % are allowed ({rule})"
        )


def cost_cap(
    rules: Iterable[CapRule], rates: LoanPrimeRates, on: date, product: str | None = None, licence: str | None = None
) -> CostCap:
    """The ceiling for a contract of that day, by the rule in force (see `rule_in_force`)."""
    rule = rule_in_force(rules, on, product, licence)
    percent = rule.percent
    if percent is None:
        percent = (rule.lpr_multiple or Decimal(0)) * published_rate(rates, Tenor.ONE_YEAR, on)
    return CostCap(percent, rule.scope.since, rule.source)


def require_cost_below(cost_percent: Decimal, cap: CostCap) -> None:
    """Refuses a cost above the ceiling with `CostAboveCap`; the ceiling itself is allowed."""
    if cost_percent > cap.percent:
        raise CostAboveCap(cost_percent, cap)
