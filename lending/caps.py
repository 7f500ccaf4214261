"""The most that a loan may cost: dated rules a product and licence, and the refusal of what lies above."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar

from lending.dated import Scope, rule_in_force
from lending.errors import LendingError
from lending.floating import LoanPrimeRates, Tenor, published_rate


class CostAboveCap(LendingError):
    """The annualised comprehensive cost of a loan is more than the rule in force allows."""

    code: ClassVar[str] = "cost_above_cap"
    http_status: ClassVar[int] = 409

    def __init__(self, cost_percent: Decimal, cap_percent: Decimal) -> None:
        self.cost_percent, self.cap_percent = cost_percent, cap_percent
        sentence = f"costs {cost_percent} % a year, all charges in; at most {cap_percent} % are allowed"
        super().__init__(f"the loan {sentence}", fields={"annual_rate_percent": sentence})


@dataclass(frozen=True, slots=True)
class CapRule:
    """A ceiling: a fixed percentage a year, else a multiple of the one-year loan prime rate on the contract's day."""

    scope: Scope
    percent: Decimal | None = None
    lpr_multiple: Decimal | None = None


SHIPPED_CAPS = (
    CapRule(Scope(date(2020, 8, 20)), lpr_multiple=Decimal(4)),
    CapRule(Scope(date(2020, 8, 20), licence="consumer_finance"), percent=Decimal(24)),
    CapRule(Scope(date(2020, 8, 20), date(2027, 12, 31), licence="microloan"), percent=Decimal(24)),
)
"""Rules to begin with: four times the rate (Supreme People's Court on private lending, articles 25 and 28), 24 percent
where supervisors hold licensed lenders to it. A lender replaces them by its own."""


def cost_cap(
    rules: Iterable[CapRule], rates: LoanPrimeRates, on: date, product: str | None = None, licence: str | None = None
) -> Decimal:
    """The ceiling for a contract of that day in percent a year, by the rule in force (see `rule_in_force`)."""
    rule = rule_in_force(rules, on, product, licence)
    if rule.percent is not None:
        return rule.percent
    return (rule.lpr_multiple or Decimal(0)) * published_rate(rates, Tenor.ONE_YEAR, on)


def require_cost_below(cost_percent: Decimal, cap_percent: Decimal) -> None:
    """Refuses a cost above the ceiling with `CostAboveCap`; the ceiling itself is allowed."""
    if cost_percent > cap_percent:
        raise CostAboveCap(cost_percent, cap_percent)
