"""Floating rates of running loans: set anew on the contract's days, by the published rate, with nobody's decision."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from books.session import UnitOfWork
from lending.account import LoanAccount
from lending.floating import FloatingRate, rate_changes
from lending.terms import Terms
from models.loans import Loan, LoanEvent
from models.messages import NextDay, StepKind
from services import audit
from services.limits import limits_of


def book_resets(work: UnitOfWork, loan: Loan, day: date) -> bool:
    """Books the rate changes that the contract brings up to a day; whether there was a new one.

    The contract says when and by what the rate changes, so no proposal is needed; the database takes such an event only
    for a loan whose terms have the clause. A publication that is entered late still counts from its own day, but what
    was set before it was known stays until the next reset.
    """
    contract = _contract(work, loan)
    rate = FloatingRate.of(contract) if contract else None
    if contract is None or rate is None or not rate.reset_days(day):
        return False
    changes = rate_changes(rate, limits_of(work).rates, day, _set_before(work, loan, contract))
    for event in changes:
        key = f"{loan.number}:{event.id.replace('-', ':', 1)}"
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
    return bool(changes)


def _set_before(work: UnitOfWork, loan: Loan, contract: Terms) -> dict[date, Decimal]:
    """The rate of the contract, and what each booked reset set it to."""
    agreed = contract.annual_rate_percent
    found = {} if agreed is None else {contract.disbursement_date: agreed}
    for event in work.loans.events(loan.number):
        if ":reset:" in event.key:
            found[event.date] = Decimal(event.body["annual_rate_percent"])
    return found


def with_reset(work: UnitOfWork, loan: Loan, account: LoanAccount, day: date, step: NextDay) -> NextDay:
    """The next day that matters: the reset of a floating rate, if one comes before it."""
    contract = _contract(work, loan)
    rate = FloatingRate.of(contract) if contract else None
    if rate is None or account.written_off_on is not None:
        return step
    coming = next((reset for reset in rate.reset_days(step.date) if day < reset < step.date), None)
    return step if coming is None else NextDay(date=coming, why=StepKind.RESET)


def _contract(work: UnitOfWork, loan: Loan) -> Terms | None:
    """The terms of a loan with a floating rate."""
    terms = work.loans.terms(loan.number)
    # Most contracts are fixed, and looking is cheaper than reading all of their terms.
    return Terms.parse(terms.body) if terms and "floating" in terms.body else None
