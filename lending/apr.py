"""What a loan costs a year: the actuarial APR of Regulation Z, XIRR, and the borrower's annualised cost."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from math import isfinite
from typing import ClassVar, NamedTuple

from pyxirr import InvalidPaymentsError
from pyxirr import xirr as _xirr

from lending.duedates import Period, PeriodUnit, periods_between, shift
from lending.effort import Effort
from lending.errors import LendingError
from lending.fields import MAX_AMOUNT_FEN, Fields
from lending.schedules import Schedule

_PLACES = Decimal("0.01")
_MOST = Decimal(1000)
_ZERO = Fraction(0)
_CLEAR = 0.4999
"""How far from a hundredth of a percent an estimate may lie and still be sure of its rounding."""
_MOST_ESTIMATED = 2000

STEPS_A_RATE = 1000
STEPS_A_STREAM = 500
"""What finding a rate costs at most, as `Effort` counts."""


class _Stream(NamedTuple):
    """`times` equal payments, one each unit period, the first after `whole` of them and the fraction `odd`."""

    amount: int
    times: int
    whole: int
    odd: Fraction


class InvalidAprInput(LendingError):
    """A field of the input is missing, malformed or gives no rate; `field` names it."""

    code: ClassVar[str] = "invalid_apr_input"
    http_status: ClassVar[int] = 422

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        super().__init__(f"{field}: {sentence}", fields={field: sentence})


_UNIT_PERIODS = {
    1: Period(PeriodUnit.YEAR),
    2: Period(PeriodUnit.MONTH, 6),
    4: Period(PeriodUnit.QUARTER),
    6: Period(PeriodUnit.MONTH, 2),
    12: Period(PeriodUnit.MONTH),
    13: Period(PeriodUnit.WEEK, 4),
    26: Period(PeriodUnit.WEEK, 2),
    52: Period(PeriodUnit.WEEK),
    365: Period(PeriodUnit.DAY),
}
_SEMIMONTHS_A_YEAR = 24
_DAYS_A_MONTH = 30
_DAYS_A_YEAR = 365


def apr(body: Mapping[str, object], effort: Effort | None = None) -> Decimal:
    """The annual percentage rate with two places, by the actuarial method (12 CFR 1026 Appendix J (b)).

    Each payment is discounted by (1 + f i)(1 + i)^t for its whole unit periods t and odd fraction f; i is the rate of
    a unit period. Refused: payments that do not bring the principal back, and more than `effort` is enough for.
    """
    effort = effort or Effort()
    fields = Fields(body, InvalidAprInput)
    principal = fields.fen("principal")
    disbursed = fields.day("disbursement_date")
    a_year = _fraction(fields, "unit_periods_per_year", None)
    unit = _UNIT_PERIODS.get(int(a_year)) if a_year.denominator == 1 else None
    entries = fields.sequence("payments")
    effort.spend(STEPS_A_RATE + STEPS_A_STREAM * len(entries))
    streams = [_stream(entry, place) for place, entry in enumerate(entries)]
    first = streams[0][2]
    if fields.has("first_payment_unit_periods") or fields.has("odd_days_fraction"):
        whole = fields.whole("first_payment_unit_periods", 0, 12000, 0)
        odd = _fraction(fields, "odd_days_fraction", Fraction(0))
    else:
        if first < disbursed:
            raise InvalidAprInput("payments[0].first", f"must not be before the disbursement date, {disbursed}")
        whole, odd = _regulation_periods(a_year, unit, disbursed, first)
    fields.finish()
    payments: list[_Stream] = []
    before = 0
    for place, (amount, count, start) in enumerate(streams):
        payments.append(_Stream(amount, count, whole + _offset(a_year, unit, first, start, before, place), odd))
        before += count
    return _yearly_percent(principal, payments, "payments", a_year)


def xirr(cashflows: Iterable[tuple[date, Decimal | int]]) -> Decimal | None:
    """The effective yearly internal rate of return of dated amounts (a fraction), or None where there is none."""
    dated = list(cashflows)
    try:
        rate = _xirr([day for day, _ in dated], [Decimal(amount) for _, amount in dated])
    except InvalidPaymentsError:
        return None
    return None if rate is None or not isfinite(rate) else Decimal(repr(rate))


def annualised_cost_percent(schedule: Schedule, disbursements: Sequence[tuple[date, int]]) -> Decimal:
    """The annualised comprehensive cost of a schedule with two places, every charge in; see `cost_by_irr`.

    `disbursements` are dates and fen. Interest borne by the state costs the borrower nothing.
    """
    return cost_by_irr(schedule.period, disbursements, [(row.due, row.total) for row in schedule.rows])


def cost_by_irr(
    unit: Period, disbursements: Sequence[tuple[date, int]], payments: Sequence[tuple[date, int]]
) -> Decimal:
    """What dated payments cost a year with two places: IRR of a unit period times unit periods a year.

    Whole periods count as such and odd days as their share, so that a plain loan without fees costs its contract rate
    (simple annualisation; PBOC announcement [2021] 3 asks for cost by IRR). A month that ends early because the next
    one is shorter is a whole one. Refused: payments below what was paid out.
    """
    start = min(day for day, _ in disbursements)
    flows = [*payments, *((day, -fen) for day, fen in disbursements if day > start)]
    amounts = [_Stream(fen, 1, *_contract_periods(unit, start, day)) for day, fen in flows if fen]
    years, units = unit.year_ratio()
    first = sum(fen for day, fen in disbursements if day == start)
    return _yearly_percent(first, amounts, "schedule", Fraction(units, years))


def _contract_periods(unit: Period, start: date, end: date) -> tuple[int, Fraction]:
    """Unit periods as a contract counts them: from the 31st to the 28th of February is a month."""
    if end <= start:
        return 0, _ZERO
    if unit.months:
        count, rest = divmod((end.year - start.year) * 12 + end.month - start.month, unit.months)
        if not rest and shift(start, unit, count, start.day) == end:
            return count, _ZERO
    return _unit_periods(unit, start, end)


def _stream(entry: object, place: int) -> tuple[int, int, date]:
    fields = Fields(entry, InvalidAprInput, f"payments[{place}].")
    stream = fields.fen("amount", MAX_AMOUNT_FEN), fields.whole("count", 1, 12000, 1), fields.day("first")
    fields.finish()
    return stream


def _fraction(fields: Fields, field: str, default: Fraction | None) -> Fraction:
    """A number from 0 to 366 written 12, 1.5 or 19/30."""
    if default is not None and not fields.has(field):
        return default
    value = fields.required(field)
    try:
        number = Fraction(value) if isinstance(value, str | int) and len(str(value)) <= 20 else None
    except (ValueError, ZeroDivisionError):
        number = None
    if number is None or not 0 <= number <= 366 or (default is None and not number):
        fields.refuse(field, "must be a number such as 12 or a fraction such as 19/30")
    return number


def _regulation_periods(a_year: Fraction, unit: Period | None, start: date, end: date) -> tuple[int, Fraction]:
    """Whole unit periods counted back from `end`, and the odd fraction of one (Appendix J (b)(5)(ii) to (vi)).

    Full months count thirty days each and the days left over as they are, against units of so many months of thirty
    days. A year's fraction is months over 12 or, if days are left over, days over 365. Weeks and days count as such.
    """
    if end <= start:
        return 0, _ZERO
    if unit is not None and not unit.months:
        return _unit_periods(unit, start, end)
    if unit is None and a_year != _SEMIMONTHS_A_YEAR:
        raise InvalidAprInput("first_payment_unit_periods", "is needed for a unit period of this length")
    month = Period(PeriodUnit.MONTH)
    months = periods_between(end, start, month, end.day)
    rest = (shift(end, month, -months, end.day) - start).days
    if a_year == 1:
        whole, beyond = divmod(months, 12)
        left = (shift(end, month, -12 * whole, end.day) - start).days
        return whole, Fraction(left, _DAYS_A_YEAR) if rest else Fraction(beyond, 12)
    length = _DAYS_A_MONTH * 12 / a_year
    whole, odd = divmod(_DAYS_A_MONTH * months + rest, length)
    return whole, odd / length


def _unit_periods(unit: Period, start: date, end: date) -> tuple[int, Fraction]:
    """Whole unit periods counted back from a later day, and the rest as a fraction of the period that it lies in."""
    count = periods_between(end, start, unit, end.day)
    reached, back = (shift(end, unit, -turns, end.day) for turns in (count, count + 1))
    return count, Fraction((reached - start).days, (reached - back).days)


def _offset(a_year: Fraction, unit: Period | None, first: date, start: date, before: int, place: int) -> int:
    """Unit periods from the first payment to a stream's first; by their order where the unit has no calendar."""
    if place == 0:
        return 0
    if unit is None and a_year != _SEMIMONTHS_A_YEAR:
        return before
    if start < first:
        raise InvalidAprInput(f"payments[{place}].first", "must not be before the first payment")
    if unit is None:
        whole, odd = _regulation_periods(a_year, unit, first, start)
        return whole + (odd > 0)
    count = periods_between(first, start, unit, first.day)
    return count + (shift(first, unit, count, first.day) < start)


def _yearly_percent(principal: int, payments: Sequence[_Stream], field: str, a_year: Fraction) -> Decimal:
    """The rate of a unit period at which the payments are worth the principal, a year, in percent with two places.

    A quick estimate decides where it is clear to which side the third place rounds; else the exact search does.
    """
    if sum(stream.amount * stream.times for stream in payments) < principal or principal <= 0:
        raise InvalidAprInput(field, "do not bring back what was paid out")
    if not any(stream.whole or stream.odd or stream.times > 1 for stream in payments):
        raise InvalidAprInput(field, "all fall on the day of the payout; a rate needs time to pass")
    estimate = _estimate(principal, payments)
    if estimate is not None:
        hundredths = estimate * float(a_year) * 10_000
        whole = round(hundredths)
        if abs(hundredths - whole) < _CLEAR:
            return Decimal(whole).scaleb(-2)
    return _percent(_solve(principal, payments, field) * _decimal(a_year))


def _estimate(principal: int, payments: Sequence[_Stream]) -> float | None:
    """The rate to some ten digits by Newton's method, or None where that is not sure. It never is a sum of money.

    What the payments are worth falls with the rate, ever more slowly, where all are positive: from below, the steps
    come nearer and never go beyond.
    """
    if sum(stream.times for stream in payments) > _MOST_ESTIMATED or any(stream.amount < 0 for stream in payments):
        return None
    single = [
        (float(amount), whole + turn, float(odd)) for amount, times, whole, odd in payments for turn in range(times)
    ]
    total = sum(amount for amount, _, _ in single)
    waiting = sum(amount * (whole + odd) for amount, whole, odd in single)
    # All of it paid at the average time would be worth less: a rate not far below the one sought.
    try:
        rate = (total / principal) ** (total / waiting) - 1
    except (OverflowError, ZeroDivisionError):
        return None
    for _ in range(60):
        discount, worth, slope = 1 / (1 + rate), -float(principal), 0.0
        for amount, whole, odd in single:
            part = amount * discount**whole
            late = whole * discount
            if odd:
                share = 1 / (1 + odd * rate)
                part *= share
                late += odd * share
            worth += part
            slope += part * late
        if not slope:
            return None
        step = worth / slope
        rate += step
        if abs(step) < 1e-13:
            return rate if 0 <= rate < 1 else None
    return None


def _solve(principal: int, payments: Sequence[_Stream], field: str) -> Decimal:
    """The same rate exactly, by bisection."""
    odds = {stream.odd: _decimal(stream.odd) for stream in payments}

    marks = {stream.whole for stream in payments} | {stream.whole + stream.times for stream in payments}

    def worth(rate: Decimal) -> Decimal:
        """Discounts each stream at once: `times` payments from `whole` on are the difference of two perpetuities."""
        growth = 1 + rate
        discount = {mark: growth**-mark for mark in marks}
        later = {odd: growth / rate / (1 + decimal * rate) for odd, decimal in odds.items()}
        return sum(
            (
                amount * (discount[whole] - discount[whole + times]) * later[odd]
                for amount, times, whole, odd in payments
            ),
            Decimal(0),
        )

    with localcontext() as context:
        # The two perpetuities differ by little where the rate is small: twenty places are for that alone.
        context.prec = 48
        low, high = Decimal(0), Decimal(1)
        while worth(high) > principal:
            if high > _MOST:
                raise InvalidAprInput(field, "give no rate that a loan can have")
            low, high = high, high * 4
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if worth(middle) > principal else (low, middle)
        return (low + high) / 2


def _decimal(number: Fraction) -> Decimal:
    return Decimal(number.numerator) / Decimal(number.denominator)


def _percent(rate: Decimal) -> Decimal:
    return (rate * 100).quantize(_PLACES, ROUND_HALF_UP)
