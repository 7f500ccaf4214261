"""How fast schedules and quotes are computed, without any server."""

import gc
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from bench.figures import Findings, median, percentile
from lending.apr import apr
from lending.events import Event, EventType
from lending.money import yuan
from lending.prepayment import quote_prepayment
from lending.schedules import build_schedule
from lending.servicing import service
from lending.terms import Terms

NAME = "quotes"
MOST_MILLISECONDS_SCHEDULE = 3
MOST_MILLISECONDS_QUOTE = 5
MEASURE_SECONDS = 3.0
MOST_CALLS = 2000
START = date(2026, 1, 5)


def measure() -> Findings:
    """A quote of 360 rows against its target, and how many schedules a core computes in a second."""
    findings = Findings(NAME)
    long = _terms(360)
    young: list[Event] = [_payout(long)]
    old = [*young, *_payments(long, 120)]
    quoted = old[-1].date + timedelta(days=10)
    cases: list[tuple[str, Callable[[], object], float | None]] = [
        ("schedule of 360 rows", partial(build_schedule, long), MOST_MILLISECONDS_SCHEDULE),
        (
            "prepayment quote, 360 rows, new loan",
            partial(quote_prepayment, long, young, date(2026, 1, 20), 500_000),
            MOST_MILLISECONDS_QUOTE,
        ),
        ("prepayment quote, 360 rows, 120 paid", partial(quote_prepayment, long, old, quoted, 500_000), None),
        ("settlement quote, 360 rows, 120 paid", partial(quote_prepayment, long, old, quoted, None), None),
        ("account after 120 of 360 payments", partial(service, long, old, quoted), None),
    ]
    for name, call, bound in cases:
        milliseconds = _measure(call)
        findings.add(f"{name}, median", median(milliseconds), "ms", at_most=bound)
        findings.add(f"{name}, p99", percentile(milliseconds, 99), "ms", at_most=bound)
        findings.details[name] = {"calls": len(milliseconds), "max_ms": max(milliseconds)}
    for rows in (12, 36, 360):
        findings.add(
            f"schedules of {rows} rows on one core",
            1000 / median(_measure(partial(build_schedule, _terms(rows)))),
            "/s",
        )
    findings.add(
        "annual rates of 36 rows on one core", 1000 / median(_measure(partial(apr, _apr_input(_terms(36))))), "/s"
    )
    return findings


def _measure(call: Callable[[], object]) -> list[float]:
    """The duration of each call in milliseconds; the first ones warm up and do not count."""
    for _ in range(5):
        call()
    gc.collect()
    milliseconds: list[float] = []
    end = time.perf_counter() + MEASURE_SECONDS
    while len(milliseconds) < MOST_CALLS and time.perf_counter() < end:
        began = time.perf_counter_ns()
        call()
        milliseconds.append((time.perf_counter_ns() - began) / 1e6)
    return milliseconds


def _terms(rows: int) -> Terms:
    return Terms.parse(
        {
            "principal": "1000000.00",
            "annual_rate_percent": "4.9",
            "method": "level_payment",
            "n_periods": rows,
            "disbursement_date": START.isoformat(),
            "first_due_date": "2026-02-05",
            "day_count": "period",
            "late": {"penalty_multiple": "1.5"},
        }
    )


def _payout(terms: Terms) -> Event:
    return Event("paid_out", EventType.DISBURSEMENT, START, terms.principal_fen)


def _payments(terms: Terms, paid: int) -> list[Event]:
    rows = build_schedule(terms).rows[:paid]
    return [Event(f"paid-{row.n}", EventType.REPAYMENT, row.due, row.total) for row in rows]


def _apr_input(terms: Terms) -> dict[str, object]:
    rows = build_schedule(terms).rows
    return {
        "principal": yuan(terms.principal_fen),
        "disbursement_date": START.isoformat(),
        "payments": [{"amount": yuan(row.total), "count": 1, "first": row.due.isoformat()} for row in rows],
        "unit_periods_per_year": 12,
    }
