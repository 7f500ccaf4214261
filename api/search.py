"""Search by name or number, and showing a masked value in full. What is typed travels in bodies, never in addresses."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Asked, LoanNumber, Shown, Words
from lending.money import yuan
from models.customers import Customer
from models.keys import ID_PATTERN
from models.loans import Loan, Stage
from models.staff import Actor
from models.words import WORDS_PATTERN
from services.paper_words import masked_id_number, masked_mobile
from services.reveals import Revealed, reveal, shown_name
from services.search import MOST, search
from services.search_words import LONGEST_QUERY

router = APIRouter(tags=["search"])


class SearchBody(Asked):
    """A name or a part of it, pinyin, a whole mobile or ID number, or the last four of either."""

    query: Annotated[
        str, Field(min_length=1, max_length=LONGEST_QUERY, pattern=WORDS_PATTERN, examples=["王小", "wxm"])
    ]
    after: Annotated[str | None, Field(pattern=ID_PATTERN, description="`after` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 20


class FoundCustomer(BaseModel):
    """A customer, his numbers masked; his name too for who works neither with him nor with his money."""

    id: str
    name: str
    mobile: str
    id_number: str
    loans: list[str]


class CustomersView(BaseModel):
    """Who was found; `after` asks for those that follow, who may turn out to be nobody."""

    items: list[FoundCustomer]
    after: str | None


class FoundLoan(Shown):
    """A loan of somebody who was found."""

    loan: str
    customer: str
    name: str
    product: str
    stage: Stage
    amount: str
    applied_on: date
    dpd: int


class LoansView(BaseModel):
    """Loans of those who were found, newest first."""

    items: list[FoundLoan]
    after: str | None


class RevealBody(Asked):
    """What is to be shown in full, and why."""

    field: Revealed
    reason: Words


class RevealView(BaseModel):
    """The value in full."""

    loan: str
    field: Revealed
    value: str


@router.post("/customers/search", responses=refusals(403))
def search_customers(body: SearchBody, actor: Acting, look: Looking) -> CustomersView:
    """Customers of whom the caller may see a loan."""
    with look(recorded=True) as work:
        found = search(work, actor, body.query, body.after or "", body.limit)
        return CustomersView(
            items=[
                _customer(actor, one, [row.number for row in found.loans if row.customer_id == one.id])
                for one in found.customers
            ],
            after=found.after,
        )


@router.post("/loans/search", responses=refusals(403))
def search_loans(body: SearchBody, actor: Acting, look: Looking) -> LoansView:
    """Loans that the caller may see, by who borrows."""
    with look(recorded=True) as work:
        found = search(work, actor, body.query, body.after or "", body.limit)
        names = {one.id: shown_name(actor, one.name) for one in found.customers}
        return LoansView(items=[_loan(one, names[one.customer_id]) for one in found.loans], after=found.after)


@router.post("/loans/{loan}/reveals", responses=refusals(403, 404, 429))
def reveal_value(loan: LoanNumber, body: RevealBody, actor: Acting, context: Context) -> RevealView:
    """A masked value of the borrower in full, recorded with who asked and why."""
    with context.books.begin() as work:
        row = work.loans.seen_by(actor, loan)
        return RevealView(loan=loan, field=body.field, value=reveal(work, actor, row, body.field, body.reason))


def _customer(actor: Actor, one: Customer, loans: list[str]) -> FoundCustomer:
    return FoundCustomer(
        id=one.id,
        name=shown_name(actor, one.name),
        mobile=masked_mobile(one.mobile),
        id_number=masked_id_number(one.id_number),
        loans=loans,
    )


def _loan(one: Loan, name: str) -> FoundLoan:
    return FoundLoan(
        loan=one.number,
        customer=one.customer_id,
        name=name,
        product=one.product,
        stage=one.stage,
        amount=yuan(one.approved_fen or one.applied_fen),
        applied_on=one.applied_on,
        dpd=one.dpd,
    )
