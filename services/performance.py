"""Past cases to learn from: the facts that a loan was graded with, and how it went within twelve months."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from typing import Any

from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.behaviour import LATE_FROM_DPD, MONTHS_AHEAD, month_number
from lending.delinquency import days_past_due
from lending.duedates import Period, shift
from lending.events import Event
from lending.servicing import service
from lending.terms import Terms
from models.staff import Actor
from services.forms import age_on, birth_date
from services.permissions import Action, require

WINDOW_MONTHS = 12
DEFAULTED_ABOVE_DPD = 90
LATE_AT_A_MONTH_END = DEFAULTED_ABOVE_DPD - 31
"""Whoever is less late at the end of a month does not default before the end of the next."""
AGE_BANDS = ((25, "18-25"), (35, "26-35"), (45, "36-45"), (55, "46-55"), (200, "56+"))
"""The last age of each band, and its name."""


class LoanOutcome(StrEnum):
    """What became of an application within twelve months of its payout."""

    NOT_PAID_OUT = "not_paid_out"
    UNSEASONED = "unseasoned"
    """Paid out, but not watched for twelve months, be it that they are not over yet."""
    PERFORMED = "performed"
    DEFAULTED = "defaulted"


SEASONED = {LoanOutcome.PERFORMED: False, LoanOutcome.DEFAULTED: True}
"""The outcomes that are known, and whether they are defaults."""


@dataclass(frozen=True)
class PastCase:
    """A loan that was paid out, with the facts it was graded with.

    `defaulted` is None while the twelve months are not over, even where it has defaulted already: among loans that are
    too young only the bad ones would be known. `sex` and `age_band` are worked out from the ID number for figures of
    fairness and are kept nowhere.
    """

    applied_on: date
    facts: Mapping[str, Any]
    defaulted: bool | None
    simulated: bool
    sex: str
    age_band: str


def past_cases(work: UnitOfWork, actor: Actor, product: str) -> Iterator[PastCase]:
    """Every loan of a product that was graded and paid out; for people of risk.

    `outcomes` says when a loan has defaulted.
    """
    require(actor, Action.CHANGE_POLICIES)
    for rows in work.performance.paid_out(product):
        known = outcomes(work, rows)
        for row in rows:
            yield PastCase(
                applied_on=row.applied_on,
                facts=row.facts,
                defaulted=SEASONED.get(known[row.number]),
                simulated=bool(row.simulated),
                sex=sex_of(row.id_number),
                age_band=age_band(age_on(birth_date(row.id_number), row.applied_on)),
            )


def outcomes(work: UnitOfWork, rows: Iterable[Any]) -> dict[str, LoanOutcome]:
    """What became of applications, by loan number; `rows` have what the books know of each payout and its outcome.

    A loan has defaulted when it was more than 90 days past due, or written off, on a day of the twelve months after its
    payout (the days of the common definition: Basel Committee, International Convergence of Capital Measurement,
    paragraph 452), also if it was cured since. Before the twelve months are over nothing is known, even of a loan that
    has defaulted already: among loans that are too young only the bad ones would be. Where the books hold the account
    it is computed, otherwise they hold what became of it.
    """
    found: dict[str, LoanOutcome] = {}
    served: dict[str, _Window] = {}
    for row in rows:
        if row.disbursed_on is None:
            found[row.number] = LoanOutcome.NOT_PAID_OUT
            continue
        until = window_end(row.disbursed_on)
        if until > work.today:
            found[row.number] = LoanOutcome.UNSEASONED
        elif row.known is None:
            served[row.number] = _Window(row.disbursed_on, until)
        elif row.defaulted_on is not None and row.defaulted_on <= until:
            found[row.number] = LoanOutcome.DEFAULTED
        else:
            is_whole = row.observed_to >= until
            found[row.number] = LoanOutcome.PERFORMED if is_whole else LoanOutcome.UNSEASONED
    return found | (_computed(work, served) if served else {})


@dataclass(frozen=True)
class _Window:
    """The twelve months of a loan that is served here."""

    first: date
    last: date


def _computed(work: UnitOfWork, served: Mapping[str, _Window]) -> dict[str, LoanOutcome]:
    """The outcomes of loans that are served here, from their accounts at the end of their windows.

    An account costs half a millisecond, so it is left out where the month-ends that were posted say enough.
    """
    found = dict.fromkeys(_never_late(work, served), LoanOutcome.PERFORMED)
    others = [number for number in served if number not in found]
    terms, events = work.periods.terms(others), work.periods.events(others)
    for number in others:
        if number not in terms or number not in events:
            found[number] = LoanOutcome.UNSEASONED
            continue
        happened = [Event.parse(one.body) for one in events[number]]
        account = service(Terms.parse(terms[number].body), happened, served[number].last)
        found[number] = LoanOutcome.DEFAULTED if has_defaulted(account) else LoanOutcome.PERFORMED
    return found


def _never_late(work: UnitOfWork, served: Mapping[str, _Window]) -> Iterator[str]:
    """Loans of which every month-end of the window is posted and none could lead to a default before the next.

    Between two month-ends lie 31 days at most.
    """
    posted = work.performance.month_ends(list(served))
    closed = work.performance.closed_on(list(posted))
    for number, months in posted.items():
        window = served[number]
        ends = _months(window.first, min(window.last, closed.get(number, window.last)))
        if all(months.get(month, LATE_AT_A_MONTH_END) < LATE_AT_A_MONTH_END for month in ends):
            yield number


def _months(first: date, last: date) -> Iterator[str]:
    """The months that end from the first day on and before the last, as YYYY-MM."""
    year, month = first.year, first.month
    while (year, month) < (last.year, last.month):
        yield f"{year}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


@lru_cache(maxsize=4096)
def window_end(disbursed_on: date) -> date:
    """The last of the twelve months' days after a payout."""
    return shift(disbursed_on, Period(), WINDOW_MONTHS, disbursed_on.day)


def past_behaviour(work: UnitOfWork, actor: Actor) -> Iterator[PastCase]:
    """Every month in which a loan was scored for its behaviour and at whose end it was not late; for people of risk.

    It has defaulted when it is in collection (`LATE_FROM_DPD`) in one of the months that a warning looks ahead.
    `defaulted` is None while these are not over, whatever came by then. A loan that ended meanwhile had no such month.
    """
    require(actor, Action.CHANGE_POLICIES)
    newest = work.behaviour.last_month()
    if newest is None:
        return
    last = month_number(newest)
    for _, rows in groupby(work.performance.behaviour(), key=lambda row: row.loan):
        months = list(rows)
        late = {month_number(row.month) for row in months if row.worst_dpd >= LATE_FROM_DPD}
        for row in months:
            month = month_number(row.month)
            if row.facts["dpd"] >= LATE_FROM_DPD:
                continue
            ahead = range(month + 1, month + MONTHS_AHEAD + 1)
            yield PastCase(
                applied_on=row.as_of,
                facts=row.facts,
                defaulted=not late.isdisjoint(ahead) if ahead[-1] <= last else None,
                simulated=False,
                sex=sex_of(row.id_number),
                age_band=age_band(age_on(birth_date(row.id_number), row.as_of)),
            )


def has_defaulted(account: LoanAccount) -> bool:
    """Whether a loan was ever more than 90 days past due, or written off, up to the day of its account.

    An installment was as late as the days from its due date to the day it was paid in full.
    """
    if account.written_off_on is not None:
        return True
    late = (
        days_past_due(row.due, row.paid_on or account.as_of) for row in account.rows if row.paid_on or row.outstanding
    )
    return max(late, default=0) > DEFAULTED_ABOVE_DPD


def sex_of(id_number: str) -> str:
    """The sex that a resident ID number states (GB 11643: the 17th digit is odd for men)."""
    return "male" if int(id_number[16]) % 2 else "female"


def age_band(age: int) -> str:
    """The band that an age falls into."""
    return next(name for last, name in AGE_BANDS if age <= last)
