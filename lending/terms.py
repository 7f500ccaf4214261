"""The terms of a loan: all that decides its schedule to the cent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar, Self

from lending.components import BORROWER_COMPONENTS, Component
from lending.daycount import DayCount
from lending.duedates import Period, PeriodUnit, anchor_of, due_dates, shift
from lending.errors import LendingError
from lending.fields import LAST_DATE, Fields
from lending.floating_clause import FloatingClause
from lending.money import Rounding, round_ratio, yuan
from lending.workdays import LONGEST_BREAK_DAYS, DayConvention, workday

MAX_PERIODS = 1200
MAX_ANNUAL_RATE_PERCENT = 1000
MAX_DAILY_RATE_PERCENT = 10


class InvalidTerms(LendingError):
    """A field of the terms is missing, malformed or at odds with another; `field` names it."""

    code: ClassVar[str] = "invalid_terms"
    http_status: ClassVar[int] = 422

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        super().__init__(f"{field}: {sentence}", fields={field: sentence})


class Method(StrEnum):
    """How principal and interest are spread over the installments."""

    LEVEL_PAYMENT = "level_payment"
    EQUAL_PRINCIPAL = "equal_principal"
    FLAT = "flat"
    INTEREST_ONLY = "interest_only"
    BULLET = "bullet"


class PaymentBasis(StrEnum):
    """Where the level payment comes from: the closed annuity formula, or the real dates."""

    PERIOD = "period"
    SCHEDULE = "schedule"


class AllocationBy(StrEnum):
    """What a payment clears first: all of the oldest installment, or one component of all installments."""

    INSTALLMENT = "installment"
    COMPONENT = "component"


@dataclass(frozen=True, slots=True)
class RoundingRule:
    """How figures are rounded: interest to `to_fen`, the level payment to `payment_multiple_fen`."""

    mode: Rounding = Rounding.HALF_EVEN
    to_fen: int = 1
    payment_mode: Rounding = Rounding.HALF_EVEN
    payment_multiple_fen: int = 1


TO_THE_FEN = RoundingRule()
MONTHLY = Period()


@dataclass(frozen=True, slots=True)
class Late:
    """What being late costs: a multiple of the contract rate or a rate of its own, in percent a year.

    Two ceilings: of the penalty rate, in percent a year, and of an installment's penalty, in percent of the principal
    that it was late with.
    """

    penalty_multiple: Decimal | None = None
    penalty_annual_rate_percent: Decimal | None = None
    grace_days: int = 0
    compound: bool = False
    max_annual_rate_percent: Decimal | None = None
    max_percent_of_overdue: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FeeTerm:
    """A fee agreed in the contract: due on a day, with installment `n`, or (neither given) with every installment."""

    amount_fen: int
    due: date | None = None
    n: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class PrepaymentFee:
    """What the contract asks for principal that is paid back before it is due: a percentage of it, until a day."""

    percent: Decimal
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one loan. Build them with `Terms.parse`, which checks every field.

    Exactly one of the two rates is given. `due_dates` is set where the contract lists them in full, and where they keep
    to working days: then they are those found when the terms were read, and holidays announced later move none.
    `floating` says how the rate follows the published one later; the schedule knows only the rate it is given.
    """

    principal_fen: int
    method: Method
    n_periods: int
    disbursement_date: date
    first_due_date: date
    annual_rate_percent: Decimal | None = None
    daily_rate_percent: Decimal | None = None
    period: Period = MONTHLY
    due_dates: tuple[date, ...] | None = None
    day_count: DayCount = DayCount.PERIOD
    payment_basis: PaymentBasis = PaymentBasis.PERIOD
    rounding: RoundingRule = TO_THE_FEN
    principal_grace_periods: int = 0
    interest_deferral_periods: int = 0
    interest_free_periods: int = 0
    allocation_order: tuple[Component, ...] = BORROWER_COMPONENTS
    allocation_by: AllocationBy = AllocationBy.INSTALLMENT
    business_days: DayConvention | None = None
    late: Late | None = None
    fees: tuple[FeeTerm, ...] = ()
    prepayment_fee: PrepaymentFee | None = None
    subsidised_until: date | None = None
    floating: FloatingClause | None = None

    @property
    def anchor_day(self) -> int:
        """The day of the month that due dates keep to."""
        return anchor_of(self.disbursement_date, self.first_due_date, self.period)

    @property
    def dues(self) -> tuple[date, ...]:
        """All due dates, listed or generated."""
        if self.due_dates is not None:
            return self.due_dates
        return tuple(due_dates(self.first_due_date, self.period, self.n_periods, self.anchor_day))

    @property
    def rate(self) -> Fraction:
        """The contract rate as a fraction, in the unit of the day count: a day for `daily_rate`, else a year."""
        if self.annual_rate_percent is not None:
            return self.rate_of_annual(self.annual_rate_percent)
        daily = Fraction(self.daily_rate_percent or 0) / 100
        return daily * _DAYS_A_YEAR.get(self.day_count, 1)

    def rate_of_annual(self, percent: Decimal) -> Fraction:
        """A rate in percent a year in the unit of the day count; a day is 1/365 of a year where rates are daily."""
        year = Fraction(percent) / 100
        return year / 365 if self.day_count is DayCount.DAILY_RATE else year

    def penalty_rate(self, contract_rate: Fraction) -> Fraction:
        """The rate on overdue amounts while the contract rate is the given one; 0 without a clause on lateness."""
        if self.late is None:
            return Fraction(0)
        if self.late.penalty_multiple is not None:
            rate = contract_rate * Fraction(self.late.penalty_multiple)
        else:
            rate = self.rate_of_annual(self.late.penalty_annual_rate_percent or Decimal(0))
        most = self.late.max_annual_rate_percent
        return rate if most is None else min(rate, self.rate_of_annual(most))

    @classmethod
    def parse(cls, mapping: Mapping[str, object]) -> Self:
        """Terms from the contract's JSON form, money and rates as text; a faulty or unknown field is refused."""
        fields = Fields(mapping, InvalidTerms)
        annual, daily, day_count = _rate(fields)
        period = _period(fields)
        disbursed = fields.day("disbursement_date")
        convention = fields.choice("business_days", DayConvention) if fields.has("business_days") else None
        listed, first_due, n_periods = _dates(fields, period, disbursed, convention)
        principal, rounding = fields.fen("principal"), _rounding(fields)
        terms = cls(
            principal_fen=principal,
            method=fields.choice("method", Method),
            n_periods=n_periods,
            disbursement_date=disbursed,
            first_due_date=first_due,
            annual_rate_percent=annual,
            daily_rate_percent=daily,
            period=period,
            due_dates=listed,
            day_count=day_count,
            payment_basis=_payment_basis(fields, day_count),
            rounding=rounding,
            principal_grace_periods=fields.whole("principal_grace_periods", 0, n_periods - 1, 0),
            interest_deferral_periods=fields.whole("interest_deferral_periods", 0, n_periods - 1, 0),
            interest_free_periods=fields.whole("interest_free_periods", 0, n_periods, 0),
            allocation_order=_allocation_order(fields),
            allocation_by=fields.choice("allocation_by", AllocationBy, AllocationBy.INSTALLMENT),
            business_days=convention,
            late=_late(fields),
            fees=_fees(fields, n_periods, principal, rounding),
            prepayment_fee=_prepayment_fee(fields),
            subsidised_until=fields.optional_day("subsidised_until"),
            floating=_floating(fields),
        )
        fields.finish()
        last_due = terms.dues[-1]
        for place, fee in enumerate(terms.fees):
            if fee.due is not None and not disbursed <= fee.due <= last_due:
                fields.refuse(f"fees[{place}].due", f"must lie from {disbursed} to the last due date, {last_due}")
        return terms

    def to_json(self) -> dict[str, object]:
        """The form that `parse` reads: `Terms.parse(terms.to_json()) == terms`."""
        body: dict[str, object] = {
            "principal": yuan(self.principal_fen),
            "method": self.method.value,
            "n_periods": self.n_periods,
            "period": {"unit": self.period.unit.value, "every": self.period.every},
            "disbursement_date": self.disbursement_date.isoformat(),
            "first_due_date": self.first_due_date.isoformat(),
            "day_count": self.day_count.value,
            "payment_basis": self.payment_basis.value,
            "rounding": {
                "mode": self.rounding.mode.value,
                "to": yuan(self.rounding.to_fen),
                "payment_mode": self.rounding.payment_mode.value,
                "payment_multiple_of": yuan(self.rounding.payment_multiple_fen),
            },
            "principal_grace_periods": self.principal_grace_periods,
            "interest_deferral_periods": self.interest_deferral_periods,
            "interest_free_periods": self.interest_free_periods,
            "allocation_order": [component.value for component in self.allocation_order],
            "allocation_by": self.allocation_by.value,
        }
        if self.business_days is not None:
            body["business_days"] = self.business_days.value
        if self.annual_rate_percent is not None:
            body["annual_rate_percent"] = format(self.annual_rate_percent, "f")
        if self.daily_rate_percent is not None:
            body["daily_rate_percent"] = format(self.daily_rate_percent, "f")
        if self.due_dates is not None:
            body["due_dates"] = [due.isoformat() for due in self.due_dates]
        if self.late is not None:
            body["late"] = _late_json(self.late)
        if self.fees:
            body["fees"] = [_fee_json(fee) for fee in self.fees]
        if self.prepayment_fee is not None:
            body["prepayment_fee"] = _prepayment_fee_json(self.prepayment_fee)
        if self.subsidised_until is not None:
            body["subsidised_until"] = self.subsidised_until.isoformat()
        if self.floating is not None:
            body["floating"] = self.floating.to_json()
        return body


_DAYS_A_YEAR = {
    DayCount.ACTUAL_365: 365,
    DayCount.ACTUAL_360: 360,
    DayCount.ACTUAL_364: 364,
    DayCount.THIRTY_360: 360,
}
"""What makes a rate a day one a year: the day count's own year, so that a day costs the day's rate."""


def _rate(fields: Fields) -> tuple[Decimal | None, Decimal | None, DayCount]:
    if fields.has("annual_rate_percent") == fields.has("daily_rate_percent"):
        fields.refuse("annual_rate_percent", "give exactly one of annual_rate_percent and daily_rate_percent")
    if fields.has("annual_rate_percent"):
        annual = fields.number("annual_rate_percent", MAX_ANNUAL_RATE_PERCENT)
        day_count = fields.choice("day_count", DayCount, DayCount.PERIOD)
        if day_count is DayCount.DAILY_RATE:
            fields.refuse("day_count", "daily_rate needs daily_rate_percent")
        return annual, None, day_count
    daily = fields.number("daily_rate_percent", MAX_DAILY_RATE_PERCENT)
    day_count = fields.choice("day_count", DayCount, DayCount.DAILY_RATE)
    if day_count is not DayCount.DAILY_RATE and day_count not in _DAYS_A_YEAR:
        fields.refuse("day_count", "a daily rate goes with daily_rate, 30/360 or actual over a fixed year")
    return None, daily, day_count


def _period(fields: Fields) -> Period:
    if not fields.has("period"):
        return MONTHLY
    inner = Fields(fields.take("period"), InvalidTerms, "period.")
    period = Period(inner.choice("unit", PeriodUnit), inner.whole("every", 1, 366, 1))
    inner.finish()
    return period


def _dates(
    fields: Fields, period: Period, disbursed: date, convention: DayConvention | None
) -> tuple[tuple[date, ...] | None, date, int]:
    first = fields.optional_day("first_due_date")
    if fields.has("due_dates"):
        listed = fields.days("due_dates")
        if len(listed) > MAX_PERIODS:
            fields.refuse("due_dates", f"must hold at most {MAX_PERIODS} dates")
        if fields.whole("n_periods", 1, MAX_PERIODS, len(listed)) != len(listed):
            fields.refuse("n_periods", f"is not the number of due_dates, {len(listed)}")
        if listed[0] <= disbursed:
            fields.refuse("due_dates[0]", "must be after the disbursement date")
        first = first or listed[0]
        # Where due dates keep to working days, the contract's own day may lie some days from the one that was found.
        if abs((listed[0] - first).days) > (0 if convention is None else LONGEST_BREAK_DAYS):
            fields.refuse("first_due_date", "is not the first of due_dates")
        if first <= disbursed:
            fields.refuse("first_due_date", "must be after the disbursement date")
        return listed, first, len(listed)
    n_periods = fields.whole("n_periods", 1, MAX_PERIODS)
    if period.is_too_long(n_periods):
        fields.refuse("n_periods", "together with period reaches beyond two hundred years")
    first = first or shift(disbursed, period, 1, disbursed.day)
    if first <= disbursed:
        fields.refuse("first_due_date", "must be after the disbursement date")
    if shift(first, period, n_periods - 1, first.day) > LAST_DATE:
        fields.refuse("n_periods", f"puts the last due date after {LAST_DATE}")
    if convention is None:
        return None, first, n_periods
    nominal = due_dates(first, period, n_periods, anchor_of(disbursed, first, period))
    worked = tuple(workday(due, convention).date for due in nominal)
    if any(later <= earlier for earlier, later in pairwise((disbursed, *worked))):
        fields.refuse("business_days", "puts two installments, or the first and the payout, on one day")
    return worked, first, n_periods


def _payment_basis(fields: Fields, day_count: DayCount) -> PaymentBasis:
    fallback = PaymentBasis.SCHEDULE if day_count is DayCount.DAILY_RATE else PaymentBasis.PERIOD
    basis = fields.choice("payment_basis", PaymentBasis, fallback)
    if day_count is DayCount.DAILY_RATE and basis is PaymentBasis.PERIOD:
        fields.refuse("payment_basis", "must be schedule where the rate is per day: a period has no rate of its own")
    return basis


def _rounding(fields: Fields) -> RoundingRule:
    if not fields.has("rounding"):
        return TO_THE_FEN
    inner = Fields(fields.take("rounding"), InvalidTerms, "rounding.")
    mode = inner.choice("mode", Rounding, Rounding.HALF_EVEN)
    unit = inner.fen("to", 10**6) if inner.has("to") else 1
    payment_mode = inner.choice("payment_mode", Rounding, mode)
    multiple = inner.fen("payment_multiple_of", 10**8) if inner.has("payment_multiple_of") else unit
    inner.finish()
    return RoundingRule(mode, unit, payment_mode, multiple)


def _allocation_order(fields: Fields) -> tuple[Component, ...]:
    if not fields.has("allocation_order"):
        return BORROWER_COMPONENTS
    values = fields.sequence("allocation_order")
    order = tuple(fields.as_choice("allocation_order", value, Component) for value in values)
    if sorted(order) != sorted(BORROWER_COMPONENTS):
        fields.refuse("allocation_order", "must name penalty, fee, interest and principal once each")
    return order


def _late(fields: Fields) -> Late | None:
    if not fields.has("late"):
        return None
    inner = Fields(fields.take("late"), InvalidTerms, "late.")
    if inner.has("penalty_multiple") and inner.has("penalty_annual_rate_percent"):
        inner.refuse("penalty_multiple", "give a multiple or a rate, not both")
    multiple = inner.optional_number("penalty_multiple", 100)
    annual = inner.optional_number("penalty_annual_rate_percent", MAX_ANNUAL_RATE_PERCENT)
    late = Late(
        multiple,
        annual,
        inner.whole("grace_days", 0, 366, 0),
        inner.flag("compound"),
        inner.optional_number("max_annual_rate_percent", MAX_ANNUAL_RATE_PERCENT),
        inner.optional_number("max_percent_of_overdue", 1000),
    )
    inner.finish()
    return late


def _floating(fields: Fields) -> FloatingClause | None:
    value = fields.take("floating")
    return None if value is None else FloatingClause.read(Fields(value, InvalidTerms, "floating."))


def _fees(fields: Fields, n_periods: int, principal_fen: int, rule: RoundingRule) -> tuple[FeeTerm, ...]:
    value = fields.take("fees")
    if value is None or value == []:
        return ()
    if not isinstance(value, list | tuple) or len(value) > 100:
        fields.refuse("fees", "must be a list of at most a hundred fees")
    fees = []
    for place, entry in enumerate(value):
        inner = Fields(entry, InvalidTerms, f"fees[{place}].")
        fee = FeeTerm(
            amount_fen=_fee_amount(inner, principal_fen, rule),
            due=inner.optional_day("due"),
            n=inner.whole("n", 1, n_periods) if inner.has("n") else None,
            name=inner.text("name") if inner.has("name") else None,
        )
        if fee.due is not None and fee.n is not None:
            inner.refuse("due", "give a day or an installment's number, not both")
        inner.finish()
        fees.append(fee)
    return tuple(fees)


def _fee_amount(fields: Fields, principal_fen: int, rule: RoundingRule) -> int:
    """The fee's amount, or its percentage of the approved principal by the terms' rounding."""
    if not fields.has("percent"):
        return fields.fen("amount")
    if fields.has("amount"):
        fields.refuse("percent", "give an amount or a percentage of the principal, not both")
    share = Fraction(fields.number("percent", 100)) / 100 * principal_fen
    fen = round_ratio(share.numerator, share.denominator, rule.mode, rule.to_fen)
    if not fen:
        fields.refuse("percent", "comes to less than the smallest amount")
    return fen


def _prepayment_fee(fields: Fields) -> PrepaymentFee | None:
    if not fields.has("prepayment_fee"):
        return None
    inner = Fields(fields.take("prepayment_fee"), InvalidTerms, "prepayment_fee.")
    fee = PrepaymentFee(inner.number("percent", 100), inner.optional_day("until"))
    inner.finish()
    return fee


def _prepayment_fee_json(fee: PrepaymentFee) -> dict[str, object]:
    body: dict[str, object] = {"percent": format(fee.percent, "f")}
    return body if fee.until is None else body | {"until": fee.until.isoformat()}


def _late_json(late: Late) -> dict[str, object]:
    body: dict[str, object] = {"grace_days": late.grace_days, "compound": late.compound}
    if late.penalty_multiple is not None:
        body["penalty_multiple"] = format(late.penalty_multiple, "f")
    for field in ("penalty_annual_rate_percent", "max_annual_rate_percent", "max_percent_of_overdue"):
        number = getattr(late, field)
        if number is not None:
            body[field] = format(number, "f")
    return body


def _fee_json(fee: FeeTerm) -> dict[str, object]:
    body: dict[str, object] = {"amount": yuan(fee.amount_fen)}
    if fee.due is not None:
        body["due"] = fee.due.isoformat()
    if fee.n is not None:
        body["n"] = fee.n
    if fee.name is not None:
        body["name"] = fee.name
    return body
