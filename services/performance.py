"""Past cases to learn from: the facts that a loan was graded with, and how it went within twelve months."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Row

from books.policies import DEFAULTED_ABOVE_DPD
from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.behaviour import LATE_FROM_DPD, MONTHS_AHEAD, month_number
from lending.delinquency import days_past_due
from lending.duedates import Period, shift
from models.staff import Actor
from services.forms import age_on, birth_date
from services.loans import account_of
from services.permissions import check_may_change_policies

WINDOW_MONTHS = 12
AGE_BANDS = ((25, "18-25"), (35, "26-35"), (45, "36-45"), (55, "46-55"), (200, "56+"))
"""The last age of each band, and its name."""


@dataclass(frozen=True)
class PastCase:
    """A loan that was paid out, with the facts it was graded with.

    `defaulted` is None while the twelve months are not over, even where it has defaulted already: among loans that are
    too young only the bad ones would be known. `sex` and `age_band` are worked out from the ID
    number for figures of fairness and are kept nowhere.
    """

    applied_on: date
    facts: Mapping[str, Any]
    defaulted: bool | None
    simulated: bool
    sex: str
    age_band: str


def past_cases(work: UnitOfWork, actor: Actor, product: str) -> Iterator[PastCase]:
    """Every loan of a product that was graded and paid out; for people of risk.

    A loan has defaulted when it was more than 90 days past due, or written off, on a day of the twelve months after its
    payout (the days of the common definition: Basel Committee, International Convergence of Capital Measurement,
    paragraph 452). Where the books hold its account that is computed, otherwise they hold what became of it.
    """
    check_may_change_policies(actor)
    for row in work.performance.paid_out(product):
        until = shift(row.disbursed_on, Period(), WINDOW_MONTHS, row.disbursed_on.day)
        defaulted = _outcome(work, row, until) if until <= work.today else None
        yield PastCase(
            applied_on=row.applied_on,
            facts=row.facts,
            defaulted=defaulted,
            simulated=bool(row.simulated),
            sex=sex_of(row.id_number),
            age_band=age_band(age_on(birth_date(row.id_number), row.applied_on)),
        )


def _outcome(work: UnitOfWork, row: Row[Any], until: date) -> bool | None:
    """Whether a loan defaulted up to a day that is over; None where it was not watched until then."""
    if row.known is None:
        account = account_of(work, row.number, until)
        return None if account is None else has_defaulted(account)
    if row.defaulted_on is not None and row.defaulted_on <= until:
        return True
    return False if row.observed_to >= until else None


def past_behaviour(work: UnitOfWork, actor: Actor) -> Iterator[PastCase]:
    """Every month in which a loan was scored for its behaviour and at whose end it was not late; for people of risk.

    It has defaulted when it is in collection (`LATE_FROM_DPD`) in one of the months that a warning looks ahead.
    `defaulted` is None while these are not over, whatever came by then. A loan that ended meanwhile had no such month.
    """
    check_may_change_policies(actor)
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
