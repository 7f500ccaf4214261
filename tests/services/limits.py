"""Rows of limits, put in force by two people of risk for a test."""

from datetime import date
from typing import Any

from books.session import Books
from models.limits import LimitKind, LimitOutcome
from models.staff import Actor, Role
from services.limit_changes import LimitState, decide_limit, propose_limit
from tests.modules.applications import DAY

FIRST, SECOND = Actor("risk-qian", Role.RISK), Actor("risk-shen", Role.RISK)
SOURCE = {"en": "made up for a test", "zh": "测试用"}


def enter(books: Books, kind: LimitKind, row: dict[str, Any]) -> LimitState:
    """A row proposed by one and put in force by the other, a published rate on its own day at the earliest."""
    day = max(DAY, date.fromisoformat(row.get("on", DAY.isoformat())))
    with books.begin(books.clock.opens_at(day)) as work:
        proposed = propose_limit(work, FIRST, kind, row, "it was published")
        return decide_limit(work, SECOND, proposed.id, LimitOutcome.APPROVE, "looked it up")


def publish(books: Books, day: str, percent: str) -> LimitState:
    """A made-up publication of the one-year rate."""
    return enter(books, LimitKind.PRIME_RATE, {"tenor": "one_year", "on": day, "percent": percent})


def cap(books: Books, percent: str) -> LimitState:
    """From now on no product costs more a year, whatever its licence."""
    for product in ("auto", "micro", "student"):
        row = {"since": "2020-01-01", "product": product, "percent": percent, "source": SOURCE}
        entered = enter(books, LimitKind.COST_CAP, row)
    return entered
