"""Spreading a balance over the periods that are left, in integers: the level payment, principal and interest a period.

The figures are fen; factors are rate times span as numerator and denominator, so that a fen is decided exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from lending.money import round_ratio
from lending.terms import Method, PaymentBasis, RoundingRule

_SCALE = 10**30
_ZERO = Fraction(0)


@dataclass(slots=True)
class OpenPeriods:
    """The periods still to fall due, and what bears interest in them.

    `accrued` is the first period's exact interest so far and `charged` the part of it charged already; `whole_period`
    is the rate of one whole period, for the closed annuity formula. `paying` marks the periods that take principal,
    `bearing` those that bear interest; the factor of one that does not is 0.
    """

    balance: int
    factors: list[tuple[int, int]]
    paying: list[bool]
    bearing: list[bool]
    whole_period: tuple[int, int]
    accrued: Fraction = _ZERO
    charged: int = 0

    def paying_count(self) -> int:
        """How many periods take principal."""
        return sum(self.paying)

    def last_paying(self) -> int:
        """The period that takes what is left of principal."""
        return len(self.paying) - 1 - self.paying[::-1].index(True)

    def tail(self, count: int, balance: int) -> "OpenPeriods":
        """The periods from `count` on, with the balance they begin with."""
        if count == 0:
            return self
        return OpenPeriods(balance, self.factors[count:], self.paying[count:], self.bearing[count:], self.whole_period)


def interest_of_first(periods: OpenPeriods, rule: RoundingRule) -> int:
    """Interest of the first period that is not charged yet: rounded once over the period, less what was charged."""
    numerator, denominator = periods.factors[0]
    exact = periods.accrued + Fraction(periods.balance * numerator, denominator)
    return round_ratio(exact.numerator, exact.denominator, rule.mode, rule.to_fen) - periods.charged


def level_payment(periods: OpenPeriods, basis: PaymentBasis, rule: RoundingRule) -> int:
    """The level payment in fen: balance divided by the annuity factor, rounded to its multiple.

    With the basis `schedule` the factor is that of the real dates, and the payment is moved once where the last
    installment would differ from it by more than half a cent a period and the move makes that difference smaller.
    """
    payment = _solved(periods, basis, rule)
    if basis is PaymentBasis.PERIOD:
        return payment
    count = periods.paying_count()
    difference = _last_difference(periods, payment, rule)
    if abs(difference) <= count // 2:
        return payment
    step = round_ratio(difference, count, rule.payment_mode)
    moved = round_ratio(payment + step, 1, rule.payment_mode, rule.payment_multiple_fen)
    return moved if abs(_last_difference(periods, moved, rule)) < abs(difference) else payment


def _solved(periods: OpenPeriods, basis: PaymentBasis, rule: RoundingRule) -> int:
    grown = periods.balance * _SCALE
    annuity = 0
    if basis is PaymentBasis.PERIOD:
        numerator, denominator = periods.whole_period
        for _ in range(periods.paying_count()):
            grown += grown * numerator // denominator
            annuity += annuity * numerator // denominator + _SCALE
        return round_ratio(grown, annuity, rule.payment_mode, rule.payment_multiple_fen)
    # The part of the first period's interest that has been paid ahead does not count against its payment.
    own = periods.accrued - periods.charged
    added = own.numerator * _SCALE // own.denominator
    for place, (numerator, denominator) in enumerate(periods.factors):
        if periods.paying[place]:
            grown += grown * numerator // denominator + added
            annuity += annuity * numerator // denominator + _SCALE
        added = 0
    return round_ratio(grown, annuity, rule.payment_mode, rule.payment_multiple_fen)


def _last_difference(periods: OpenPeriods, payment: int, rule: RoundingRule) -> int:
    principal, interest = amortize_level(periods, payment, rule)
    last = periods.last_paying()
    return principal[last] + interest[last] - payment


def amortize_level(periods: OpenPeriods, payment: int, rule: RoundingRule) -> tuple[list[int], list[int]]:
    """Principal and interest of each period: the payment less its interest, not below zero; the last takes the rest."""
    balance = periods.balance
    principal: list[int] = []
    interest: list[int] = []
    last = periods.last_paying()
    mode, unit = rule.mode, rule.to_fen
    for place, (numerator, denominator) in enumerate(periods.factors):
        if place == 0:
            due = interest_of_first(periods, rule)
        else:
            due = round_ratio(balance * numerator, denominator, mode, unit)
        if place == last:
            part = balance
        elif periods.paying[place]:
            part = min(max(payment - due, 0), balance)
        else:
            part = 0
        principal.append(part)
        interest.append(due)
        balance -= part
    return principal, interest


def equal_share(periods: OpenPeriods, rule: RoundingRule) -> int:
    """The equal part of principal a period. The multiple is one of payments, and with interest no payment is level."""
    return round_ratio(periods.balance, periods.paying_count(), rule.mode, rule.to_fen)


def spread_principal(periods: OpenPeriods, share: int) -> list[int]:
    """`share` in each period that takes principal while it lasts; the last takes the rest."""
    principal = []
    balance = periods.balance
    last = periods.last_paying()
    for place, pays in enumerate(periods.paying):
        part = balance if place == last else min(share, balance) if pays else 0
        principal.append(part)
        balance -= part
    return principal


def principal_at_end(periods: OpenPeriods) -> list[int]:
    """All principal in the last period that takes any."""
    principal = [0] * len(periods.paying)
    principal[periods.last_paying()] = periods.balance
    return principal


def interest_on(periods: OpenPeriods, principal: Sequence[int], rule: RoundingRule) -> list[int]:
    """Interest of each period on the balance that the given principal parts leave, rounded once a period."""
    balance = periods.balance
    interest = []
    for place, (numerator, denominator) in enumerate(periods.factors):
        if place == 0:
            due = interest_of_first(periods, rule)
        else:
            due = round_ratio(balance * numerator, denominator, rule.mode, rule.to_fen)
        interest.append(due)
        balance -= principal[place]
    return interest


def _whole_factor(periods: OpenPeriods) -> Fraction:
    return sum((Fraction(*factor) for factor in periods.factors), _ZERO)


def flat_interest(periods: OpenPeriods, base: Fraction, rule: RoundingRule) -> list[int]:
    """Interest on the amount first lent, rounded in total and per period; the last bearing period takes the rest."""
    if not any(periods.bearing):
        return [0] * len(periods.bearing)
    exact = periods.accrued + base * _whole_factor(periods)
    total = round_ratio(exact.numerator, exact.denominator, rule.mode, rule.to_fen)
    share = round_ratio(total, sum(periods.bearing), rule.mode, rule.to_fen)
    interest = []
    left = total - periods.charged
    last = len(periods.bearing) - 1 - periods.bearing[::-1].index(True)
    for place, bears in enumerate(periods.bearing):
        part = share - periods.charged if place == 0 else share
        due = left if place == last else min(max(part, 0), max(left, 0)) if bears else 0
        interest.append(due)
        left -= due
    return interest


def flat_share(periods: OpenPeriods, interest: Sequence[int], rule: RoundingRule) -> int:
    """The equal part of principal of a flat loan; the whole installment is rounded to the payment's multiple."""
    share = round_ratio(periods.balance, periods.paying_count(), rule.mode, rule.to_fen)
    if rule.payment_multiple_fen == rule.to_fen:
        return share
    regular = max(interest[:-1], default=interest[-1])
    installment = round_ratio(share + regular, 1, rule.payment_mode, rule.payment_multiple_fen)
    return max(installment - regular, 0)


def bullet_interest(periods: OpenPeriods, principal: Sequence[int], rule: RoundingRule) -> list[int]:
    """Interest of the whole stretch, on what is left in each period, due at its end and so rounded once."""
    exact, balance = periods.accrued, periods.balance
    for (numerator, denominator), part in zip(periods.factors, principal, strict=True):
        exact += Fraction(balance * numerator, denominator)
        balance -= part
    total = round_ratio(exact.numerator, exact.denominator, rule.mode, rule.to_fen) - periods.charged
    interest = [0] * len(periods.factors)
    interest[periods.last_paying() if any(periods.paying) else -1] = total
    return interest


@dataclass(frozen=True, slots=True)
class Plan:
    """Principal and interest of each open period, and the figure that is kept level (payment or principal share)."""

    principal: list[int]
    interest: list[int]
    level: int


def plan(
    method: Method,
    basis: PaymentBasis,
    rule: RoundingRule,
    periods: OpenPeriods,
    *,
    flat_base: Fraction,
    level: int | None = None,
) -> Plan:
    """The open periods' figures, solved anew; with `level` the payment or share stays."""
    if method is Method.LEVEL_PAYMENT:
        payment = level_payment(periods, basis, rule) if level is None else level
        return Plan(*amortize_level(periods, payment, rule), payment)
    if method is Method.EQUAL_PRINCIPAL:
        share = equal_share(periods, rule) if level is None else level
        parts = spread_principal(periods, share)
        return Plan(parts, interest_on(periods, parts, rule), share)
    if method is Method.FLAT:
        interest = flat_interest(periods, flat_base, rule)
        share = flat_share(periods, interest, rule) if level is None else level
        return Plan(spread_principal(periods, share), interest, share)
    parts = principal_at_end(periods)
    return Plan(parts, interest_of(method, rule, periods, parts, flat_base), 0)


def interest_of(
    method: Method, rule: RoundingRule, periods: OpenPeriods, principal: Sequence[int], flat_base: Fraction
) -> list[int]:
    """Interest of each open period once its principal is decided."""
    if method is Method.FLAT:
        return flat_interest(periods, flat_base, rule)
    if method is Method.BULLET:
        return bullet_interest(periods, principal, rule)
    return interest_on(periods, principal, rule)
