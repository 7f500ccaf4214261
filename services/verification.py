"""Asking outside registers: only after a recorded authorisation, and what they answered."""

from dataclasses import dataclass
from typing import Any

from books.session import UnitOfWork
from models.verification import Verdict, Verification
from services.errors import NotAuthorised


@dataclass(frozen=True)
class Question:
    """What a register is asked about."""

    name: str
    id_number: str
    mobile: str
    vin: str | None
    dealer: str | None


def question(work: UnitOfWork, loan: str) -> Question:
    """The borrower's data for a register; NotAuthorised without his consent."""
    form = work.documents.form_with_consent(loan)
    if form is None:
        raise NotAuthorised(loan)
    return Question(form["name"], form["id_number"], form["mobile"], form.get("vin"), form.get("dealer"))


def store_answer(
    work: UnitOfWork,
    loan: str,
    check: str,
    round_: int,
    verdict: Verdict,
    reference: str | None,
    answer: dict[str, Any],
) -> None:
    """Keeps a register's answer; the loan is then under verification. A second answer in a round breaks its key."""
    work.documents.add_answer(
        Verification(
            loan=loan,
            check_name=check,
            round=round_,
            verdict=verdict,
            reference=reference,
            answer=answer,
            answered_at=work.now,
        )
    )
    work.loans.begin_verification(loan, work.now)
