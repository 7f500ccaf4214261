"""The bank against the books, and the flow of funds of a day and of a loan; for finance, risk and auditors."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.context import Acting, Looking
from api.problems import refusals
from api.shapes import LoanNumber, Shown, in_yuan, since_of
from lending.money import yuan
from models.payments import PaymentKind, ToldBy
from models.reconciliation import DifferenceKind
from services.funds import DayFunds, LoanMovement, day_funds, loan_funds, reconciliations

router = APIRouter(tags=["funds"])


class DifferenceView(BaseModel):
    """Where bank and books differ; money that left is below zero. `task` is the task of finance about it."""

    kind: DifferenceKind
    subject: str = Field(description="bank reference, key of our order, or version of the statement")
    loan: str | None
    bank: str | None = Field(description="what the bank has")
    books: str | None = Field(description="what the books have; for a balance, that of the statement beside it")
    bank_date: date | None
    books_date: date | None
    task_id: str
    found_at: datetime


class ReconciliationLine(Shown):
    """A business date; without a statement its figures are null."""

    business_date: date
    version: int | None = Field(description="above 1: the bank corrected its statement")
    opening: str | None
    closing: str | None
    lines: int | None
    matched: int | None
    booked: int | None = Field(description="lines that no notice told of, booked from the statement")
    differences: int


class ReconciliationsView(BaseModel):
    """The days of a period that have a statement or a difference, the newest first."""

    items: list[ReconciliationLine]


class FlowView(BaseModel):
    """What moved in one direction as one kind; without a kind it is money that nobody claims or ordered."""

    direction: str
    kind: PaymentKind | None
    count: int
    amount: str


class DayView(ReconciliationLine):
    """The flow of funds of a business date: opening, in and out by kind, closing, and every difference."""

    flows: list[FlowView]
    found: list[DifferenceView]


class FundsPosting(BaseModel):
    """One amount moved in the ledger."""

    id: str
    entry: str
    debit: str
    credit: str
    amount: str
    value_date: date
    booked_at: datetime


class MovementView(BaseModel):
    """Money of a loan that moved at the bank, with its references and postings."""

    kind: PaymentKind
    order: str = Field(description="key of the order, the end-to-end id at the bank")
    bank_reference: str | None
    direction: str | None = Field(description="null until a notice or a statement told of it")
    amount: str
    booked_on: date | None = Field(description="the bank's date")
    value_date: date = Field(description="from which the books count it")
    told_by: ToldBy | None
    postings: list[FundsPosting]


class LoanFundsView(Shown):
    """The flow of funds of a loan, oldest first."""

    loan: str
    items: list[MovementView]


@router.get("/reconciliations", responses=refusals(403))
def list_reconciliations(
    actor: Acting,
    look: Looking,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to", description="today if left out")] = None,
) -> ReconciliationsView:
    """What came of each day's comparison with the bank; of the last month if no `from` is given."""
    with look() as work:
        until = last or work.today
        found = reconciliations(work, actor, since_of(first, until), until)
        return ReconciliationsView(items=[ReconciliationLine.model_validate(_line(one)) for one in found])


@router.get("/reconciliations/{day}", responses=refusals(403, 404))
def show_reconciliation(day: date, actor: Acting, look: Looking) -> DayView:
    """The flow of funds of a day; before its statement came, by what notices told of."""
    with look() as work:
        found = day_funds(work, actor, day)
        parts = {
            "flows": [in_yuan(asdict(one)) for one in found.flows],
            "found": [in_yuan(one.model_dump()) for one in found.differences],
        }
        return DayView.model_validate(_line(found) | parts)


@router.get("/loans/{loan}/funds", responses=refusals(403, 404))
def list_funds_of_loan(loan: LoanNumber, actor: Acting, look: Looking) -> LoanFundsView:
    """Each movement of a loan at the bank with its order and its postings."""
    with look() as work:
        return LoanFundsView(loan=loan, items=[_movement(one) for one in loan_funds(work, actor, loan)])


def _line(found: DayFunds) -> dict[str, object]:
    statement, outcome = found.statement, found.outcome
    return {
        "business_date": found.day,
        "version": statement.version if statement else None,
        "opening": yuan(statement.opening_fen) if statement else None,
        "closing": yuan(statement.closing_fen) if statement else None,
        "lines": statement.line_count if statement else None,
        "matched": outcome.matched if outcome else None,
        "booked": outcome.booked if outcome else None,
        "differences": len(found.differences),
    }


def _movement(one: LoanMovement) -> MovementView:
    payment, entry = one.payment, one.entry
    return MovementView(
        kind=payment.kind,
        order=payment.key,
        bank_reference=payment.bank_reference,
        direction=entry.direction if entry else None,
        amount=yuan(payment.settled_fen),
        booked_on=entry.booked_on if entry else payment.moved_on,
        value_date=payment.value_date,
        told_by=entry.told_by if entry else None,
        postings=[FundsPosting.model_validate(in_yuan(posting.model_dump())) for posting in one.postings],
    )
