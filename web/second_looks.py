"""Asking for a person's look at a refusal by the rules, and what those who look at it see."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from models.loans import Loan
from models.second_looks import SecondLook
from models.tasks import Decision, Task
from services import second_looks
from services.authority import Band, authority_over, reason_sentences
from services.policies import reason_text
from web import labels, pages
from web.addresses import Number
from web.context import in_books
from web.language import Language
from web.session import posted
from web.visit import BorrowerVisit, StaffVisit, Visit

router = APIRouter()


@router.post("/my/{number}/second-look", name="my_second_look")
async def ask_for_oneself(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """The borrower asks."""
    await _ask(request, visit, number)
    return pages.go(request, f"/my/{number}?said=second-look")


@router.post("/loans/{number}/second-look", name="second_look")
async def ask_for_borrower(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Who speaks for the borrower asks."""
    await _ask(request, visit, number)
    return pages.go(request, f"/loans/{number}")


async def _ask(request: Request, visit: Visit, number: str) -> None:
    fields = await posted(request, visit.session)

    def change(work: UnitOfWork) -> None:
        loan = work.loans.seen_by(visit.person, number)
        second_looks.ask(work, visit.person, loan, work.today, fields.get("words", "").replace("\r\n", "\n"))

    await in_books(request, change)


@dataclass(frozen=True)
class BandRow:
    """Who may approve a case up to an amount, in words, and why."""

    up_to_fen: int
    who: str
    people: int
    why: tuple[str, ...]


@dataclass(frozen=True)
class Before:
    """What came before a task: the first person's approval with its amount, and a refusal that is looked at anew."""

    first: Decision | None
    first_fen: int
    look: SecondLook | None


def authority_rows(work: UnitOfWork, task: Task, language: Language) -> list[BandRow]:
    """Who may approve how much of the case of an open task."""
    return [_row(work, band, language) for band in authority_over(work, task)]


def _row(work: UnitOfWork, band: Band, language: Language) -> BandRow:
    told = {"reasons": reason_sentences(work, band)}
    who = labels.label(band.decided_by, "role", language) if band.decided_by else language.say("nobody")
    why = tuple(reason_text(code, language.code, told) for code in band.reasons)
    return BandRow(band.up_to_fen or 0, who, band.people, why)


def before_of(work: UnitOfWork, task: Task, loan: Loan | None) -> Before | None:
    """What came before an approval; None where nothing did."""
    if loan is None:
        return None
    known = work.tasks.decisions(loan.number) if task.confirms else []
    first = next((one for one in known if one.id == task.confirms), None)
    grading = work.policies.grading(loan.number)
    look = work.tasks.second_look(loan.number) if grading is not None and grading.outcome == "refuse" else None
    if first is None and look is None:
        return None
    return Before(first, (first.amount_fen or loan.applied_fen) if first else 0, look)
