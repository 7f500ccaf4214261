"""Rules as data: each from a day, until a day, for a product and a licence or for all."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Protocol, TypeVar

from lending.errors import LendingError


class NoRuleInForce(LendingError):
    """No rule of this kind covers the day, product and licence asked for."""

    code: ClassVar[str] = "no_rule_in_force"
    http_status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a rule holds: from `since` to `until`, both included; without product or licence for all of them."""

    since: date
    until: date | None = None
    product: str | None = None
    licence: str | None = None

    def covers(self, day: date, product: str | None, licence: str | None) -> bool:
        """Whether the rule holds there."""
        in_time = self.since <= day and (self.until is None or day <= self.until)
        return in_time and self.product in (None, product) and self.licence in (None, licence)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from, in both languages; `confirmed` is false where nobody has seen the text itself yet."""

    en: str = ""
    zh: str = ""
    confirmed: bool = True


UNNAMED = Source()
"""The source of a rule that names none."""


class Scoped(Protocol):
    """Anything that holds within a scope."""

    @property
    def scope(self) -> Scope:
        """Where it holds."""


R = TypeVar("R", bound=Scoped)


def rule_in_force(rules: Iterable[R], day: date, product: str | None = None, licence: str | None = None) -> R:
    """The rule that holds: one for the product before one for the licence before one for all, then the newest.

    Refused with `NoRuleInForce` where none holds: a rule that is missing must not pass for one that allows all.
    """
    standing = [rule for rule in rules if rule.scope.covers(day, product, licence)]
    if not standing:
        raise NoRuleInForce(f"no rule holds on {day} for product {product or 'any'} under licence {licence or 'any'}")
    return max(
        standing,
        key=lambda rule: (rule.scope.product is not None, rule.scope.licence is not None, rule.scope.since),
    )
