"""Documents that a person did not take: the borrower is asked for them again, and his agent sees to it."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from books.documents import DocumentState
from books.session import UnitOfWork
from models.customers import PartyRole
from models.documents import Document
from models.loans import Loan
from models.staff import Role
from models.tasks import TaskKind
from services.document_lists import NAMES_EN, NAMES_ZH, asked_again
from services.document_people import person_of
from services.notices import ANSWER_TOO, send_sms
from services.tasks import LONGEST_ABOUT, close, open_task

AGAIN_DAYS = 3
"""So long the agent has to get a document anew: an offer waits for it, and not for ever."""


def ask_again(work: UnitOfWork, loan: Loan, document: Document) -> None:
    """Tells the borrower that a document was not taken, and has his agent get it anew; unless another one is there."""
    wanted = asked_again(work, loan)
    if not any((one.kind, one.party_id) == (document.kind, document.party_id) for one in wanted):
        return
    due_on = work.today + timedelta(days=AGAIN_DAYS)
    open_task(work, loan, TaskKind.DOCUMENT_AGAIN, Role.AGENT, due_on, _about(wanted))
    _follow(work, loan, wanted)
    owner = person_of(work, document)
    others = ANSWER_TOO.get(owner.role) if owner is not None else None
    send_sms(
        work,
        loan,
        "document_refused",
        f"{loan.number}:document-refused:{document.id}",
        whose=others or "您",
        document=NAMES_ZH.get(document.kind, document.kind),
        whose_en=f"The {owner.role.replace('_', ' ')}'s" if owner is not None and others else "Your",
        document_en=NAMES_EN.get(document.kind, document.kind),
    )


def follow(work: UnitOfWork, loan: Loan) -> None:
    """Brings the agent's task up to what is still asked for; with the last document it is done."""
    if work.tasks.open_of(loan.number, TaskKind.DOCUMENT_AGAIN):
        _follow(work, loan, asked_again(work, loan))


def _follow(work: UnitOfWork, loan: Loan, wanted: Sequence[DocumentState]) -> None:
    for task in work.tasks.open_of(loan.number, TaskKind.DOCUMENT_AGAIN):
        if wanted:
            task.about = _about(wanted)[:LONGEST_ABOUT]
            work.session.add(task)
        else:
            close(work, task)


def _about(wanted: Iterable[DocumentState]) -> str:
    notes = (f"hand in again: {one.kind} of the {one.role or PartyRole.BORROWER}" for one in wanted)
    return "; ".join(dict.fromkeys(notes))
