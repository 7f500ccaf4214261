"""A person's look at what the rules refused."""

from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel

from api.context import Acting, Context
from api.problems import refusals
from api.shapes import Asked, LoanNumber, Words
from models.loans import Stage
from services import second_looks

router = APIRouter(tags=["commands"])


class SecondLookBody(Asked):
    """Why the borrower asks, in his own words; they are shown to who looks at the case."""

    words: Words | None = None


class SecondLookView(BaseModel):
    """The loan waits for people again."""

    loan: str
    stage: Stage
    asked_on: date


@router.post("/loans/{loan}/second-look", responses=refusals(403, 404, 409))
def ask_for_a_person(
    loan: LoanNumber, actor: Acting, context: Context, body: SecondLookBody | None = None
) -> SecondLookView:
    """Has people look at an application that the rules refused by themselves, once for each refusal.

    Asked by the borrower or who speaks for him, for as long as the status of the loan lists `ask_for_a_person` among
    its actions.
    """
    words = (body.words if body else None) or ""
    with context.books.begin() as work:
        row = work.loans.seen_by(actor, loan)
        look = second_looks.ask(work, actor, row, work.today, words)
        return SecondLookView(loan=loan, stage=work.loans.get(loan).stage, asked_on=look.asked_on)
