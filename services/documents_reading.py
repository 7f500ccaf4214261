"""What becomes of a document that was read: kept, handed to a person where there is doubt, and decided by him."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from books.outbox import growing_pause
from books.session import UnitOfWork
from lending.errors import LendingError
from models.documents import Document, DocumentReading, Reading
from models.loans import CLOSED, Loan, Stage
from models.staff import Actor
from models.tasks import Outcome, TaskKind
from models.words import LONGEST_WORDS
from services import audit
from services.audit import SYSTEM
from services.authorisations import signing_parties
from services.collateral import go_on
from services.collateral_checks import INVOICE, elsewhere, keep_invoice
from services.document_lists import what_holds
from services.document_people import compared, may_read, person_of
from services.documents import UnknownDocument
from services.documents_comparing import Comparison
from services.documents_finding import Text
from services.documents_likeness import number_index, text_index
from services.documents_refused import ask_again, follow
from services.errors import InvalidDecision, NotAllowed, TaskClosed
from services.four_eyes import persons
from services.loans import case_of
from services.permissions import check_may_decide
from services.products import catalogue
from services.reveals import Part, open_document
from services.tasks import close, open_task, require_open

LEASE = timedelta(minutes=2)
"""How long a document may take; after that somebody else reads it."""
MOST_TRIES = 3
"""A document that took too long so often is one that cannot be read."""
LONGEST_PAUSE = timedelta(minutes=10)
ABOUT = "documents to look at"
NOT_COMPARED = ("picture_size", "page_sizes", "reused")
"""What is kept of a reading besides what was found; of older ones there are no sizes of pages."""


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
    if not may_read(work, document):
        # Who agreed may have taken his word back while the machine read: then nothing of it is kept.
        reading = Reading("none", 0, ())
    text = Text(reading)
    row.text_index, row.number_index = text_index(document.kind, text), number_index(document.kind, text)
    others = same_elsewhere(work, customer_id, document, row)
    # Held in one order, so that two readers of the same file never wait for each other.
    loans = {number: work.loans.get(number) for number in sorted({document.loan, *(one.loan for one in others)})}
    loan = loans[document.loan]
    is_held = loan.stage is Stage.ACCEPTANCE and bool(what_holds(work, loan))
    comparison = compared(work, loan, document, reading, case_of(work, loan, work.today))
    reused_on = _loans_with_it(work, loan, document, text) if document.kind == INVOICE else []
    row.done_at = work.now
    row.last_error = None
    row.method = reading.method
    row.lines = reading.as_json()
    row.duplicated = bool(others)
    sizes = {"picture_size": reading.picture_size, "page_sizes": reading.page_sizes}
    _note(row, document, comparison, {**sizes, "reused": bool(reused_on)})
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
    # It may be there instead of one that was not taken.
    work.session.flush()
    follow(work, loan)
    if row.doubtful:
        _ask_person(work, loan)
    elif is_held:
        go_on(work, loan, document_id)
    for other in others:
        _mark_duplicated(work, loans[other.loan], other)


def _loans_with_it(work: UnitOfWork, loan: Loan, document: Document, text: Text) -> list[str]:
    """Other running loans on which an invoice or its vehicle stands; what was read on it is kept the first time."""
    if any(one.document_id == document.id for one in work.collateral.invoices(loan.number)):
        return elsewhere(work, loan)
    return keep_invoice(work, loan, document.id, text.invoice())


def compare_again(work: UnitOfWork, loan: Loan) -> None:
    """Compares what was read before with what registers have answered since, by the dates of the day of the reading.

    What a person has decided on stays as he decided, and whoever agrees no more has nothing compared. A new difference
    is asked about; a doubt that an answer has cleared up is asked about no more.
    """
    waiting = work.documents.to_compare_again(loan.number)
    if not waiting:
        return
    case = case_of(work, loan, work.today)
    for document, row in waiting:
        if row.lines is None or row.found is None or row.done_at is None or not may_read(work, document):
            continue
        then = replace(case, day=work.clock.business_date(row.done_at))
        comparison = compared(work, loan, document, Reading.from_json(row.lines), then)
        before = (row.verdict, row.confidence, row.found["checks"])
        _note(row, document, comparison, {name: row.found[name] for name in NOT_COMPARED if name in row.found})
        if (row.verdict, row.confidence, row.found["checks"]) == before:
            continue
        work.session.add(row)
        after = {"kind": document.kind, "verdict": row.verdict, "confidence": row.confidence}
        audit.record(work, SYSTEM, "document_compared_again", loan=loan.number, subject=document.id, after=after)
    work.session.flush()
    if any(row.doubtful for _, row in waiting):
        _ask_person(work, loan)
    else:
        _close_task(work, loan)


def _note(row: DocumentReading, document: Document, comparison: Comparison, further: Mapping[str, Any]) -> None:
    """Writes what a comparison came to. A document of which nobody has said whose it is, a person has to look at."""
    row.verdict = comparison.verdict
    row.confidence = comparison.confidence
    row.found = {**comparison.as_json(), **further}
    row.doubtful = comparison.is_doubtful or row.duplicated or further["reused"] or document.party_id is None


def same_elsewhere(work: UnitOfWork, customer_id: str, document: Document, row: DocumentReading) -> list[Document]:
    """The same document as another person handed it in for another customer: the file, its text or its number."""
    owner = person_of(work, document)
    person = owner.id_number_index if owner else None
    same_file = work.documents.of_others(document.sha256, customer_id, person)
    alike = work.documents.alike(row.text_index, row.number_index, customer_id, person)
    return list({one.id: one for one in (*same_file, *alike)}.values())


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


def _close_task(work: UnitOfWork, loan: Loan) -> None:
    """Closes the task about a loan's documents, where none of them is in doubt any more."""
    tasks = work.tasks.open_of(loan.number, TaskKind.DOCUMENT)
    if tasks and not any(one.is_undecided for one in work.documents.states(loan.number)):
        close(work, tasks[0])


def put_off(work: UnitOfWork, document_id: str, error: str) -> None:
    """Notes why a document could not be read; it is tried again after a growing pause."""
    row = work.documents.reading_under_way(document_id)
    if row is None or row.done_at is not None:
        return
    row.not_before = work.now + growing_pause(row.attempts, LONGEST_PAUSE)
    row.last_error = error[:64]
    work.session.add(row)


# -- deciding ----------------------------------------------------------------------------------------------------------


def decide(
    work: UnitOfWork,
    actor: Actor,
    loan: Loan,
    document_id: str,
    outcome: Outcome,
    reason: str,
    party_id: str | None = None,
) -> DocumentReading:
    """A person's word on a doubtful document: taken (`approve`) or not (`refuse`), with his reason.

    Who takes one of which nobody has said whose it is, says so by `party_id`. One that is not taken is asked for again:
    the borrower and his agent are told. With the last decision the task of the
    loan's documents is done, and an offer that waited for it is accepted. Raises UnknownDocument, NothingDoubtful,
    NotAllowed for a role that may not decide it or whoever handed it in, InvalidDecision without a reason or person,
    TaskClosed once the loan is closed.
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
    if document.uploaded_by in persons(work, actor, tasks[0]):
        raise NotAllowed("whoever handed a document in does not decide on it, nor does his deputy for him")
    if outcome not in (Outcome.APPROVE, Outcome.REFUSE):
        raise InvalidDecision("a document is taken or not", fields={"outcome": "must be approve or refuse"})
    if not 0 < len(reason.strip()) <= LONGEST_WORDS:
        raise InvalidDecision("a decision needs a reason", fields={"reason": f"1 to {LONGEST_WORDS} characters"})
    before = {"party": document.party_id, "doubtful": row.doubtful}
    said = {}
    if document.party_id is None and outcome is Outcome.APPROVE:
        document.party_id = _named(work, loan, party_id)
        work.session.add(document)
        said = {"party": document.party_id}
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
        before=before,
        after={"kind": document.kind, "outcome": outcome, **said},
        reason=row.reason,
    )
    work.session.flush()
    _close_task(work, loan)
    if outcome is Outcome.REFUSE:
        ask_again(work, loan, document)
    else:
        follow(work, loan)
    go_on(work, loan, f"decided-{document_id}")
    return row


def _named(work: UnitOfWork, loan: Loan, party_id: str | None) -> str:
    if party_id is None or party_id not in {party.id for party, _ in signing_parties(work, loan.number)}:
        raise InvalidDecision("say whose document it is", fields={"party": "must be a person of this loan"})
    return party_id


def show_picture(work: UnitOfWork, actor: Actor, loan: Loan, document_id: str) -> bytes:
    """The first pages of a document that was read, as JPEG; that it was looked at goes into the audit log.

    Raises UnknownDocument for one that is not of this loan, and where there is no picture; and as `open_document` does.
    """
    row = work.documents.reading(document_id)
    picture = row.show_picture() if row is not None and row.loan == loan.number else None
    if picture is None:
        raise UnknownDocument(loan.number)
    open_document(work, actor, loan.number, document_id, Part.PAGES)
    return picture


def note_fields_seen(work: UnitOfWork, actor: Actor, document: Document, *, in_full: bool) -> None:
    """Records that somebody saw what was read on a document, numbers `in_full` or masked; as `open_document` does."""
    part = Part.FIELDS_IN_FULL if in_full else Part.FIELDS
    open_document(work, actor, document.loan, document.id, part, kind=document.kind)


def documents_doubtful(readings: list[DocumentReading]) -> int:
    """How many of a loan's documents nobody may rely on: in doubt and undecided, or refused by a person.

    A policy may take this as a fact of the case.
    """
    return sum(one.doubtful and one.outcome is not Outcome.APPROVE for one in readings)
