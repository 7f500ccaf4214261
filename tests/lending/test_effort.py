"""What a computation may cost: no request is dear, and what used to be counted in steps is computed at once."""

import time
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lending.apr import apr
from lending.duedates import Period, PeriodUnit, periods_between, shift
from lending.effort import Effort, TooMuchWork
from lending.events import Event, InvalidEvent, in_force
from lending.operations import run_case
from lending.timeline import Timeline
from tests.lending.builders import account, event, terms_of

MOST = 1_000_000
TERMS: dict[str, object] = {
    "principal": "9999999.00",
    "annual_rate_percent": "12",
    "method": "level_payment",
    "n_periods": 600,
    "disbursement_date": "2024-01-01",
    "first_due_date": "2024-02-01",
}
LATE: dict[str, object] = {"late": {"penalty_multiple": "1.5", "compound": True}}

periods = st.builds(Period, st.sampled_from(PeriodUnit), st.integers(1, 5))
some_days = st.dates(date(1990, 1, 1), date(2030, 12, 31))


def day(offset: int) -> str:
    return (date(2024, 1, 1) + timedelta(days=offset)).isoformat()


def ask(events: list[dict[str, object]], effort: Effort | None = None, **changed: object) -> Any:
    numbered = [{"id": f"e{place}"} | one for place, one in enumerate(events)]
    return run_case({"operation": "schedule", "terms": TERMS | changed, "events": numbered}, effort)


DEAR: dict[str, tuple[list[dict[str, object]], dict[str, object]]] = {
    "rates": ([{"type": "rate_change", "date": day(n), "annual_rate_percent": f"{n % 30}"} for n in range(2000)], {}),
    "looks at arrears": ([{"type": "as_of", "date": day(18_000 + n)} for n in range(2000)], LATE),
    "moves": (
        [{"type": "reschedule", "date": day(0), "from": day(31), "due": day(61 + n % 300)} for n in range(2000)],
        {"fees": [{"amount": "1"}] * 10},
    ),
    "fees": ([{"type": "as_of", "date": day(62_000)}], {"n_periods": 1200, "fees": [{"amount": "1"}] * 100}),
    "waivers": (
        [{"type": "waiver", "date": day(1), "amount": "0.01", "component": "principal"} for _ in range(2000)],
        {},
    ),
    "settlements": ([{"type": "settlement", "date": day(36_600)} for _ in range(2000)], {"n_periods": 1200}),
    "deferrals": ([{"type": "deferral", "date": day(1), "periods": 4} for _ in range(300)], {}),
}


@pytest.mark.parametrize("name", DEAR)
def test_what_costs_too_much_is_refused_before_it_is_done(name: str) -> None:
    events, changed = DEAR[name]
    began = time.process_time()
    result = ask(events, Effort(MOST), **changed)
    assert result["error"]["code"] == "too_much_work"
    # Measured at 0.6 s; without the limit it takes several seconds up to minutes.
    assert time.process_time() - began < 2.5


def test_ordinary_long_loans_are_far_from_the_limit() -> None:
    monthly: list[dict[str, object]] = [
        {"type": "repayment", "date": day(31 * (n + 1)), "amount": "105000.00"} for n in range(360)
    ]
    assert "rows" in ask(monthly, Effort(MOST // 4), n_periods=360)
    repriced: list[dict[str, object]] = [
        {"type": "rate_change", "date": day(31 * n), "annual_rate_percent": f"{n % 5 + 3}"} for n in range(360)
    ]
    assert "rows" in ask(repriced, Effort(MOST), n_periods=360)
    assert "rows" in ask([{"type": "as_of", "date": day(9000)}], Effort(MOST // 4), n_periods=1200, **LATE)


def test_cases_share_an_effort_and_all_are_refused_once_it_is_used_up() -> None:
    effort = Effort(60_000)
    plain = {"operation": "schedule", "terms": TERMS | {"n_periods": 1200}}
    results: list[Any] = [run_case(plain, effort) for _ in range(5)]
    assert ["error" in result for result in results] == [False] * 4 + [True]
    small: Any = run_case({"operation": "schedule", "terms": TERMS | {"n_periods": 1}}, effort)
    assert small["error"]["code"] == "too_much_work"


def test_without_a_limit_nothing_is_too_much() -> None:
    Effort().spend(10**12)
    with pytest.raises(TooMuchWork):
        Effort(5).spend(6)


def test_many_deposits_cost_nothing_on_the_due_dates_that_ask_for_nothing() -> None:
    deposits = [event("repayment", "2024-01-02", f"d{n}", amount="1") for n in range(3000)]
    loan = terms_of(method="bullet", n_periods=1200)
    began = time.process_time()
    assert account(loan, deposits, "2100-01-01").credit_fen == 300_000
    assert time.process_time() - began < 2.5


def test_arrears_of_a_century_on_a_daily_loan_are_measured_at_once() -> None:
    loan = terms_of(n_periods=300, period={"unit": "day"}, first_due_date="2024-01-02", **LATE)
    began = time.process_time()
    assert account(loan, [], "2190-01-01").penalty_outstanding_fen > 0
    assert time.process_time() - began < 2.5


def test_a_first_period_of_a_century_is_measured_at_once() -> None:
    # 124 years of a daily rate, each part of it on the same grid.
    loan = terms_of(period={"unit": "day"}, disbursement_date="1900-01-01", first_due_date="2024-01-01")
    timeline = Timeline(loan)
    began = time.process_time()
    parts = [timeline.within(0, date(year, 1, 1), date(year + 1, 1, 1)) for year in range(1900, 2024)]
    assert time.process_time() - began < 1
    assert sum(parts, Fraction(0)) == Fraction((date(2024, 1, 1) - date(1900, 1, 1)).days, 365)


def test_streams_far_from_each_other_are_placed_at_once() -> None:
    payments = [{"amount": "10", "count": 1200, "first": f"{1978 + n % 200}-03-01"} for n in range(600)]
    body = {"principal": "5000", "disbursement_date": "1978-01-10", "unit_periods_per_year": 365}
    began = time.process_time()
    rate = apr(body | {"payments": [{"amount": "1", "first": "1978-02-01"}, *payments]})
    assert rate > 0
    assert time.process_time() - began < 2.5


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 500_000), st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=5),
    st.sampled_from(["0", "1/3", "19/30"]),
    st.sampled_from([1, 12, 52]),
)
def test_a_stream_costs_the_same_as_its_payments_one_by_one(
    parts: list[tuple[int, int, int]], odd: str, a_year: int
) -> None:
    unit = {1: Period(PeriodUnit.YEAR), 12: Period(PeriodUnit.MONTH), 52: Period(PeriodUnit.WEEK)}[a_year]
    start = date(2000, 1, 3)
    total = sum(fen * count for fen, count, _ in parts)
    streams = [(Decimal(fen).scaleb(-2), count, shift(start, unit, after, 3)) for fen, count, after in parts]
    streams.sort(key=lambda stream: stream[2])
    whole = [{"amount": str(amount), "count": count, "first": first.isoformat()} for amount, count, first in streams]
    single = [
        {"amount": str(amount), "first": shift(first, unit, turn, 3).isoformat()}
        for amount, count, first in streams
        for turn in range(count)
    ]
    body = {
        "principal": str(Decimal(max(total * 4 // 5, 1)).scaleb(-2)),
        "disbursement_date": start.isoformat(),
        "unit_periods_per_year": a_year,
        "first_payment_unit_periods": 1,
        "odd_days_fraction": odd,
    }
    by_date = sorted(single, key=lambda payment: payment["first"])
    assert apr(body | {"payments": whole}) == apr(body | {"payments": by_date})


@settings(max_examples=300, deadline=None)
@given(some_days, some_days, periods)
def test_whole_periods_are_as_many_as_one_can_step(start: date, end: date, period: Period) -> None:
    step = 1 if end >= start else -1
    count = 0
    while (shift(start, period, step * (count + 1), start.day) - end).days * step <= 0:
        count += 1
    assert periods_between(start, end, period, start.day) == count


def test_many_reversals_are_followed_at_once() -> None:
    fees = [event("fee", "2024-01-02", f"f{n}", amount="1") for n in range(2500)]
    undone = [event("reversal", "2024-01-02", f"r{n}", of=f"f{n}") for n in range(2500)]
    began = time.process_time()
    assert in_force([*fees, *undone], date(2024, 1, 2)) == []
    assert time.process_time() - began < 1


def longer(kind: str, periods: int, day: str) -> Event:
    if kind == "deferral":
        return event("deferral", day, periods=periods)
    return event("reschedule", day, from_=day, extra_periods=periods)


@pytest.mark.parametrize(("kind", "field"), [("deferral", "periods"), ("reschedule", "extra_periods")])
def test_no_loan_grows_beyond_twice_the_longest_terms_or_the_calendar(kind: str, field: str) -> None:
    daily = terms_of(period={"unit": "day"}, n_periods=1200)
    twice = longer(kind, 1200, "2024-01-02")
    assert len(account(daily, [twice], "2024-01-03").rows) == 2400
    with pytest.raises(InvalidEvent) as too_many:
        account(daily, [twice, longer(kind, 1, "2024-01-03")], "2024-01-03")
    decades = terms_of(period={"unit": "year", "every": 10})
    for periods in (12, 1200):
        with pytest.raises(InvalidEvent) as too_late:
            account(decades, [longer(kind, periods, "2024-01-02")], "2024-01-03")
        assert (too_many.value.field, too_late.value.field) == (field, field)


@settings(max_examples=100, deadline=None)
@given(some_days, st.integers(1, 400), st.integers(0, 400), st.integers(0, 900), periods)
def test_spans_of_an_odd_first_period_and_of_arrears_add_up(
    start: date, length: int, cut: int, late: int, period: Period
) -> None:
    assume(cut <= length)
    first = start + timedelta(days=length)
    loan = terms_of(
        period={"unit": period.unit.value, "every": period.every},
        n_periods=3,
        disbursement_date=start.isoformat(),
        first_due_date=first.isoformat(),
    )
    timeline, middle = Timeline(loan), start + timedelta(days=cut)
    whole = timeline.within(0, start, first)
    assert timeline.within(0, start, middle) + timeline.within(0, middle, first) == whole
    end = first + timedelta(days=late)
    between = first + timedelta(days=late // 2)
    assert timeline.after(first, first, between) + timeline.after(first, between, end) == timeline.after(
        first, first, end
    )
    assert timeline.after(first, first, timeline.dues[-1]) == 2 * Fraction(*period.year_ratio())
