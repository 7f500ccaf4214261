"""How fast a whole book of loans is computed on one core: settlement figures, annual costs, explanations."""

import random
import time
from datetime import date, timedelta

from bench.figures import Findings
from lending.apr import annualised_cost_percent
from lending.events import Event, EventType, PrepaymentEffect
from lending.explain import explain
from lending.schedules import Schedule, build_schedule
from lending.servicing import replayed
from lending.statement import settlement_of
from lending.terms import Terms

NAME = "portfolio"
LOANS = 10_000
EXPLAINED = 500
MOST_SECONDS_SETTLEMENT = 10
MOST_SECONDS_COST = 2
TODAY = date(2026, 6, 17)
SEED = 1
"""The book is drawn by chance, and is the same in every run."""


def measure() -> Findings:
    """Settlement figures and annual costs of ten thousand loans: paid on time, late, in arrears, prepaid, deferred."""
    findings = Findings(NAME)
    chance = random.Random(SEED)
    book = [_loan(chance) for _ in range(LOANS)]
    began = time.perf_counter()
    figures = [settlement_of(replayed(terms, events, TODAY), TODAY) for terms, events, _ in book]
    settlement = time.perf_counter() - began
    began = time.perf_counter()
    costs = [
        annualised_cost_percent(schedule, [(terms.disbursement_date, terms.principal_fen)])
        for terms, _, schedule in book
    ]
    cost = time.perf_counter() - began
    began = time.perf_counter()
    for terms, events, _ in book[:EXPLAINED]:
        explain(terms, events, TODAY, 1)
    explained = (time.perf_counter() - began) / EXPLAINED
    events_a_loan = sum(len(events) for _, events, _ in book) / LOANS
    note = f"{events_a_loan:.1f} events a loan"
    findings.add(f"settlement figures of {LOANS:,} loans", settlement, "s", at_most=MOST_SECONDS_SETTLEMENT, note=note)
    findings.add(f"annual costs of {LOANS:,} loans", cost, "s", at_most=MOST_SECONDS_COST)
    findings.add("an explanation of an installment", explained * 1000, "ms")
    findings.details = {"owed_fen": sum(figures), "settled": figures.count(0), "dearest_percent": str(max(costs))}
    return findings


def _loan(chance: random.Random) -> tuple[Terms, list[Event], Schedule]:
    """A loan paid out within the last two years, with what has happened to it since."""
    start = TODAY - timedelta(days=chance.randint(5, 700))
    terms = Terms.parse(
        {
            "principal": f"{chance.randint(30, 3000)}00.00",
            "annual_rate_percent": f"{chance.randint(40, 240) / 10}",
            "method": chance.choices(["level_payment", "equal_principal", "interest_only", "flat"], [6, 2, 1, 1])[0],
            "n_periods": chance.choice([6, 12, 24, 36, 60]),
            "disbursement_date": start.isoformat(),
            "day_count": chance.choice(["period", "actual/365", "actual/360"]),
            "late": {"penalty_multiple": "1.5", "grace_days": 3},
            "fees": chance.choice([[], [], [{"percent": "1", "n": 1}]]),
        }
    )
    schedule = build_schedule(terms)
    due = [row for row in schedule.rows if row.due <= TODAY]
    # One in six is in arrears with its last installments; of the others one payment in ten comes late.
    unpaid = chance.randint(1, 4) if chance.random() < 1 / 6 else 0
    events = [Event("out", EventType.DISBURSEMENT, start, terms.principal_fen)]
    for row in due[: len(due) - unpaid]:
        day = row.due + timedelta(days=chance.randint(1, 20) if chance.random() < 0.1 else 0)
        events.append(Event(f"paid-{row.n}", EventType.REPAYMENT, day, row.total))
    paid_to = TODAY - timedelta(days=chance.randint(1, 60))
    if chance.random() < 0.1 and paid_to > start:
        effect = chance.choice(list(PrepaymentEffect))
        events.append(Event("ahead", EventType.PREPAYMENT, paid_to, terms.principal_fen // 10, effect=effect))
    return terms, [event for event in events if event.date <= TODAY], schedule
