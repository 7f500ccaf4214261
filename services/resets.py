"""Floating rates of running loans: set anew on the contract's days, by the published rate, with nobody's decision."""

from dataclasses import replace
from datetime import date

from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.floating import FloatingRate, rate_changes
from lending.terms import Terms
from models.loans import Loan, LoanEvent
from models.messages import NextDay, StepKind
from services import audit
from services.limits import limits


def book_resets(work: UnitOfWork, loan: Loan, day: date) -> bool:
    """Books the rate changes that the contract brings up to a day; whether there was a new one.

    The contract says when and by what the rate changes, so no proposal is needed; the database takes such an event only
    for a loan whose terms have the clause. A publication that is entered late still counts from its own day.
    """
    rate = _floating(work, loan)
    if rate is None:
        return False
    changed = False
    for event in rate_changes(rate, limits().rates, day):
        key = f"{loan.number}:{event.id.replace('-', ':', 1)}"
        if work.loans.event(key) is not None:
            continue
        changed = True
        work.loans.add_event(
            LoanEvent(
                key=key,
                loan=loan.number,
                position=work.loans.next_position(loan.number),
                type=event.type,
                date=event.date,
                body=replace(event, id=key).to_json(),
                recorded_at=work.now,
            )
        )
        audit.record(
            work,
            audit.SYSTEM,
            "rate_reset",
            loan=loan.number,
            subject=key,
            after={
                "on": event.date.isoformat(),
                "annual_rate_percent": format(event.annual_rate_percent or 0, "f"),
                "margin_percent": format(rate.margin_percent, "f"),
                "tenor": rate.tenor,
            },
        )
    return changed


def with_reset(work: UnitOfWork, loan: Loan, account: LoanAccount, day: date, step: NextDay) -> NextDay:
    """The next day that matters: the reset of a floating rate, if one comes before it."""
    rate = _floating(work, loan)
    if rate is None or account.written_off_on is not None:
        return step
    coming = next((reset for reset in rate.reset_days(step.date) if day < reset < step.date), None)
    return step if coming is None else NextDay(date=coming, why=StepKind.RESET)


def _floating(work: UnitOfWork, loan: Loan) -> FloatingRate | None:
    terms = work.loans.terms(loan.number)
    # Most contracts are fixed, and looking is cheaper than reading all of their terms.
    if terms is None or "floating" not in terms.body:
        return None
    return FloatingRate.of(Terms.parse(terms.body))
