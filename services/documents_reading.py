"""What becomes of a document that was read: kept, handed to a person where there is doubt, and decided by him."""

from datetime import timedelta

from books.outbox import growing_pause
from books.session import UnitOfWork
from lending.errors import LendingError
from models.documents import Document, DocumentReading, Reading
from models.loans import CLOSED, Loan
from models.staff import Actor
from models.tasks import Outcome, TaskKind
from models.words import LONGEST_WORDS
from services import audit
from services.audit import SYSTEM
from services.collateral_checks import INVOICE, keep_invoice
from services.documents import UnknownDocument
from services.documents_comparing import compare
from services.documents_finding import Text
from services.documents_likeness import number_index, text_index
from services.errors import InvalidDecision, NotAllowed, TaskClosed
from services.loans import case_of
from services.permissions import check_may_decide
from services.products import catalogue
from services.tasks import close, open_task, require_open

LEASE = timedelta(minutes=2)
"""How long a document may take; after that somebody else reads it."""
MOST_TRIES = 3
"""A document that took too long so often is one that cannot be read."""
LONGEST_PAUSE = timedelta(minutes=10)
ABOUT = "documents to look at"


class NothingDoubtful(LendingError):
    """No person is asked about the document."""

    code = "nothing_doubtful"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("this document is not in doubt, or was decided on before")


# -- reading -----------------------------------------------------------------------------------------------------------


def conclude(work: UnitOfWork, document_id: str, reading: Reading) -> None:
    """Compares what was read with form and registers and keeps it, once; opens a task where a person has to look.

    The same file, text or number from another customer is marked on both sides. Neither side is told whose the other
    one is. So is a vehicle's invoice that stands on another running loan, or whose vehicle does.
    """
    row, document = work.documents.reading(document_id), work.documents.get(document_id)
    if row is None or document is None or row.done_at is not None:
        return
    customer_id = work.loans.get(document.loan).customer_id
    text = Text(reading)
    row.text_index, row.number_index = text_index(document.kind, text), number_index(document.kind, text)
    same_file = work.documents.of_others(document.sha256, customer_id)
    alike = work.documents.alike(row.text_index, row.number_index, customer_id)
    others = list({one.id: one for one in (*same_file, *alike)}.values())
    # Held in one order, so that two readers of the same file never wait for each other.
    loans = {number: work.loans.get(number) for number in sorted({document.loan, *(one.loan for one in others)})}
    loan = loans[document.loan]
    case = case_of(work, loan, work.today)
    comparison = compare(document.kind, reading, case.form, case.answers, work.today)
    reused_on = keep_invoice(work, loan, document_id, text.invoice()) if document.kind == INVOICE else []
    row.done_at = work.now
    row.last_error = None
    row.verdict = comparison.verdict
    row.confidence = comparison.confidence
    row.method = reading.method
    row.found = comparison.as_json() | {"picture_size": reading.picture_size, "reused": bool(reused_on)}
    row.duplicated = bool(others)
    row.doubtful = comparison.is_doubtful or row.duplicated or bool(reused_on)
    if reading.picture is not None:
        row.keep_picture(reading.picture)
    work.session.add(row)
    audit.record(
        work,
        SYSTEM,
        "document_read",
        loan=loan.number,
        subject=document_id,
        after={
            "kind": document.kind,
            "verdict": row.verdict,
            "confidence": row.confidence,
            "method": row.method,
            "duplicated": row.duplicated,
        }
        | ({"reused": True} if reused_on else {}),
    )
    if row.doubtful:
        _ask_person(work, loan)
    for other in others:
        _mark_duplicated(work, loans[other.loan], other)


def _mark_duplicated(work: UnitOfWork, loan: Loan, document: Document) -> None:
    row = work.documents.reading(document.id)
    if row is None or row.duplicated:
        return
    row.duplicated = True
    work.session.add(row)
    audit.record(work, SYSTEM, "document_duplicated", loan=loan.number, subject=document.id)
    # One that waits to be read is asked about when it is.
    if row.done_at is not None and row.outcome is None:
        row.doubtful = True
        _ask_person(work, loan)


def _ask_person(work: UnitOfWork, loan: Loan) -> None:
    if loan.stage in CLOSED:
        return
    product = catalogue().product(loan.product)
    due_on = work.today + timedelta(days=product.approval_days)
    open_task(work, loan, TaskKind.DOCUMENT, product.approver_role, due_on, ABOUT)


def put_off(work: UnitOfWork, document_id: str, error: str) -> None:
    """Notes why a document could not be read; it is tried again after a growing pause."""
    row = work.documents.reading(document_id)
    if row is None or row.done_at is not None:
        return
    row.not_before = work.now + growing_pause(row.attempts, LONGEST_PAUSE)
    row.last_error = error[:64]
    work.session.add(row)


# -- deciding ----------------------------------------------------------------------------------------------------------


def decide(
    work: UnitOfWork, actor: Actor, loan: Loan, document_id: str, outcome: Outcome, reason: str
) -> DocumentReading:
    """A person's word on a doubtful document: taken (`approve`) or not (`refuse`), with his reason.

    The loan goes on as it would have. With the last decision the task of the loan's documents is done. Raises
    UnknownDocument, NothingDoubtful, NotAllowed for a role that may not decide it or whoever handed it in,
    InvalidDecision without a reason, TaskClosed once the loan is closed.
    """
    # Held until the commit: of two decisions at once one is the first.
    work.loans.get(loan.number)
    document, row = work.documents.get(document_id), work.documents.reading(document_id)
    if document is None or row is None or document.loan != loan.number:
        raise UnknownDocument(loan.number)
    work.session.refresh(row)
    if not row.doubtful or row.outcome is not None:
        raise NothingDoubtful
    tasks = work.tasks.open_of(loan.number, TaskKind.DOCUMENT)
    if not tasks:
        raise TaskClosed(document_id)
    require_open(work, tasks[0])
    check_may_decide(actor, tasks[0])
    if actor.id == document.uploaded_by:
        raise NotAllowed("whoever handed a document in does not decide on it")
    if outcome not in (Outcome.APPROVE, Outcome.REFUSE):
        raise InvalidDecision("a document is taken or not", fields={"outcome": "must be approve or refuse"})
    if not 0 < len(reason.strip()) <= LONGEST_WORDS:
        raise InvalidDecision("a decision needs a reason", fields={"reason": f"1 to {LONGEST_WORDS} characters"})
    row.outcome = outcome
    row.reason = reason.strip()
    row.decided_by = actor.id
    row.decided_at = work.now
    work.session.add(row)
    audit.record(
        work,
        actor,
        "document_decided",
        loan=loan.number,
        subject=document_id,
        after={"kind": document.kind, "outcome": outcome},
        reason=row.reason,
    )
    if not any(one.doubtful and one.outcome is None for one in work.documents.readings(loan.number)):
        close(work, tasks[0])
    return row


def show_picture(work: UnitOfWork, actor: Actor, loan: Loan, document_id: str) -> bytes:
    """The first page of a document that was read, as JPEG; that it was looked at goes into the audit log.

    Raises UnknownDocument for one that is not of this loan, and where there is no picture.
    """
    row = work.documents.reading(document_id)
    picture = row.show_picture() if row is not None and row.loan == loan.number else None
    if picture is None:
        raise UnknownDocument(loan.number)
    audit.record(work, actor, "document_viewed", loan=loan.number, subject=document_id, after={"part": "first page"})
    return picture


def note_fields_seen(work: UnitOfWork, actor: Actor, document: Document) -> None:
    """Records that somebody saw what was read on a document."""
    after = {"kind": document.kind, "part": "fields"}
    audit.record(work, actor, "document_viewed", loan=document.loan, subject=document.id, after=after)


def documents_doubtful(readings: list[DocumentReading]) -> int:
    """How many of a loan's documents nobody may rely on: in doubt and undecided, or refused by a person.

    A policy may take this as a fact of the case.
    """
    return sum(one.doubtful and one.outcome is not Outcome.APPROVE for one in readings)
