"""The schedule that terms alone give, before anything has happened to the loan."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from lending.amortization import OpenPeriods, Plan, plan
from lending.duedates import Period
from lending.money import round_ratio
from lending.terms import FeeTerm, Method, Terms
from lending.timeline import Timeline


class Row(NamedTuple):
    """One installment, in fen. `total` is what the borrower pays; `subsidy` is interest that the state bears."""

    n: int
    due: date
    principal: int
    interest: int
    fee: int
    penalty: int
    total: int
    balance: int
    subsidy: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the rows, in fen."""

    principal: int
    interest: int
    fee: int
    penalty: int
    total: int
    subsidy: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The rows in order of their due dates, their sums, and the level payment or principal share (0 if none)."""

    rows: tuple[Row, ...]
    totals: Totals
    level_fen: int
    period: Period


def opening_periods(terms: Terms, timeline: Timeline, balance: int) -> OpenPeriods:
    """All periods of the terms, open, with the balance they begin with."""
    rate = terms.rate
    rate_numerator, rate_denominator = rate.as_integer_ratio()
    free, count = terms.interest_free_periods, len(timeline.dues)
    factors = [(0, 1)] * free
    for index in range(free, count):
        numerator, denominator = timeline.period_ratio(index, timeline.opens(index))
        factors.append((rate_numerator * numerator, rate_denominator * denominator))
    return OpenPeriods(
        balance=balance,
        factors=factors,
        paying=[index >= terms.principal_grace_periods for index in range(count)],
        bearing=[index >= free for index in range(count)],
        whole_period=whole_period_factor(terms, rate),
    )


def whole_period_factor(terms: Terms, rate: Fraction) -> tuple[int, int]:
    """The rate of one whole period: the yearly rate divided by the periods of a year."""
    numerator, denominator = terms.period.year_ratio()
    return rate.numerator * numerator, rate.denominator * denominator


def fee_row(fee: FeeTerm, dues: list[date]) -> int:
    """The index of the installment that a fee belongs to: its own number, else that whose period holds its day."""
    return fee.n - 1 if fee.n is not None else bisect_left(dues, fee.due or dues[0])


def planned_fees(terms: Terms, dues: list[date]) -> list[int]:
    """The fees of the terms, by installment."""
    fees = [0] * len(dues)
    for fee in terms.fees:
        if fee.due is None and fee.n is None:
            fees = [planned + fee.amount_fen for planned in fees]
        else:
            fees[fee_row(fee, dues)] += fee.amount_fen
    return fees


def state_interest(terms: Terms, timeline: Timeline, figures: Plan) -> list[int]:
    """What the state bears of each period's interest: all before the subsidy ends, its days' part where it ends."""
    end = terms.subsidised_until
    shares = [0] * len(timeline.dues)
    if end is None:
        return shares
    balance, exact = terms.principal_fen, Fraction(0)
    for index, due in enumerate(timeline.dues):
        opens = timeline.opens(index)
        if opens >= end and terms.method is not Method.BULLET:
            break
        if index >= terms.interest_free_periods and opens < end:
            base = terms.principal_fen if terms.method is Method.FLAT else balance
            exact += base * terms.rate * timeline.within(index, opens, min(end, due))
        rule, own = terms.rounding, figures.interest[index]
        rounded = round_ratio(exact.numerator, exact.denominator, rule.mode, rule.to_fen)
        shares[index] = own if due <= end else min(rounded, own)
        balance -= figures.principal[index]
        if terms.method is not Method.BULLET:
            exact = Fraction(0)
    return shares


def build_schedule(terms: Terms) -> Schedule:
    """The installments of a loan paid out in full on its disbursement date, in fen.

    Interest deferred falls due with the next payment after; interest up to `subsidised_until` is the state's.
    """
    timeline = Timeline(terms)
    periods = opening_periods(terms, timeline, terms.principal_fen)
    figures = plan(terms.method, terms.payment_basis, terms.rounding, periods, flat_base=Fraction(terms.principal_fen))
    fees = planned_fees(terms, timeline.dues)
    deferred = 0 if terms.method is Method.BULLET else terms.interest_deferral_periods
    state = state_interest(terms, timeline, figures)
    rows = []
    balance, carried = terms.principal_fen, 0
    for index, due in enumerate(timeline.dues):
        principal, subsidy = figures.principal[index], state[index]
        interest = figures.interest[index] - subsidy
        if terms.subsidised_until is not None and due <= terms.subsidised_until:
            pass
        elif index < deferred:
            interest, carried = 0, carried + interest
        else:
            interest, carried = interest + carried, 0
        balance -= principal
        fee = fees[index]
        rows.append(Row(index + 1, due, principal, interest, fee, 0, principal + interest + fee, balance, subsidy))
    totals = Totals(
        principal=terms.principal_fen,
        interest=sum(row.interest for row in rows),
        fee=sum(fees),
        penalty=0,
        total=sum(row.total for row in rows),
        subsidy=sum(row.subsidy for row in rows),
    )
    return Schedule(tuple(rows), totals, figures.level, terms.period)
