"""Queries on documents and register answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE, write
from models.documents import Document, DocumentReading
from models.loans import Loan
from models.tasks import Outcome
from models.verification import Verification

_STATES = (
    select(
        Document.kind,
        col(DocumentReading.done_at).is_not(None),
        func.coalesce(DocumentReading.doubtful, False),
        DocumentReading.outcome,
    )
    .join(DocumentReading, col(DocumentReading.document_id) == col(Document.id), isouter=True)
    .where(col(Document.loan) == bindparam("loan"), col(Document.language).is_(None))
)
_ANSWERS = (
    select(Verification)
    .where(col(Verification.loan) == bindparam("loan"))
    .order_by(col(Verification.round), col(Verification.id))
    .execution_options(**WRITTEN_AT_ONCE)
)
_ANSWER = _ANSWERS.where(
    col(Verification.check_name) == bindparam("check_name"),
    col(Verification.round) == bindparam("round"),
    col(Verification.miss) == 0,
)
_WITHOUT_CONTENT = defer(Document.sealed)  # type: ignore[arg-type]  # a column at class level


@dataclass(frozen=True)
class DocumentState:
    """A document that was handed in, and how far it was looked at."""

    kind: str
    is_read: bool
    doubtful: bool
    outcome: Outcome | None


class DocumentBook:
    """Papers and answers of a loan."""

    def __init__(self, session: Session) -> None:
        self.session = session
        # Kept for the length of the unit of work, which the session alone does not do.
        self._answers: dict[str, list[Verification]] = {}

    def of_loan(self, loan: str) -> list[Document]:
        """A loan's documents without their content, oldest first."""
        query = select(Document).where(Document.loan == loan).order_by(col(Document.id)).options(_WITHOUT_CONTENT)
        return list(self.session.exec(query.limit(200)))

    def get(self, document_id: str) -> Document | None:
        """A document with its content."""
        return self.session.get(Document, document_id)

    def states(self, loan: str) -> list[DocumentState]:
        """How each document that was handed in for a loan stands, without contents."""
        return [DocumentState(*row) for row in self.session.connection().execute(_STATES, {"loan": loan})]

    def handed_in(self, loan: str) -> int:
        """How many documents were handed in for a loan; papers that the lender issued do not count."""
        query = select(func.count()).where(Document.loan == loan, col(Document.language).is_(None))
        return self.session.exec(query).one()

    def same(self, loan: str, kind: str, sha256: str) -> Document | None:
        """The same content handed in before for the same loan and kind."""
        query = select(Document).where(Document.loan == loan, Document.kind == kind, Document.sha256 == sha256)
        return self.session.exec(query).first()

    def reading(self, document_id: str) -> DocumentReading | None:
        """What was read on a document; None for a paper, and for what was handed in before anything was read."""
        return self.session.get(DocumentReading, document_id)

    def readings(self, loan: str) -> list[DocumentReading]:
        """What was read on a loan's documents, without the pictures, oldest document first."""
        without_picture = defer(DocumentReading.picture)  # type: ignore[arg-type]  # a column at class level
        query = select(DocumentReading).where(DocumentReading.loan == loan).order_by(col(DocumentReading.document_id))
        return list(self.session.exec(query.limit(200).options(without_picture)))

    def is_reading_due(self, now: datetime) -> bool:
        """Whether a document waits to be read."""
        query = select(DocumentReading.document_id).where(
            col(DocumentReading.done_at).is_(None), DocumentReading.not_before <= now
        )
        return self.session.exec(query.limit(1)).first() is not None

    def claim_reading(self, now: datetime, lease: timedelta) -> DocumentReading | None:
        """The document that has waited longest; nobody else gets it before the lease is over."""
        query = (
            select(DocumentReading)
            .where(col(DocumentReading.done_at).is_(None), DocumentReading.not_before <= now)
            .order_by(col(DocumentReading.not_before), col(DocumentReading.document_id))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        reading = self.session.exec(query).first()
        if reading is not None:
            reading.not_before = now + lease
            reading.attempts += 1
            self.session.add(reading)
        return reading

    def of_others(self, sha256: str, customer_id: str) -> list[Document]:
        """The same file as other customers handed it in, without its content."""
        query = (
            select(Document)
            .join(Loan, col(Loan.number) == col(Document.loan))
            .where(Document.sha256 == sha256, col(Document.language).is_(None), Loan.customer_id != customer_id)
            .order_by(col(Document.id))
        )
        return list(self.session.exec(query.limit(50).options(_WITHOUT_CONTENT)))

    def alike(self, text_index: str | None, number_index: str | None, customer_id: str) -> list[Document]:
        """Documents of other customers with the same text or number of their own, without their content."""
        marks = [
            column == mark
            for column, mark in (
                (col(DocumentReading.text_index), text_index),
                (col(DocumentReading.number_index), number_index),
            )
            if mark is not None
        ]
        if not marks:
            return []
        query = (
            select(Document)
            .join(DocumentReading, col(DocumentReading.document_id) == col(Document.id))
            .join(Loan, col(Loan.number) == col(Document.loan))
            .where(or_(*marks), Loan.customer_id != customer_id)
            .order_by(col(Document.id))
        )
        return list(self.session.exec(query.limit(50).options(_WITHOUT_CONTENT)))

    def answer(self, loan: str, check: str, round_: int) -> Verification | None:
        """The answer of one register in one round of verification."""
        return self.session.exec(_ANSWER, params={"loan": loan, "check_name": check, "round": round_}).first()

    def answers(self, loan: str) -> list[Verification]:
        """All register answers about a loan and its tries without one, oldest round first."""
        if loan not in self._answers:
            self._answers[loan] = list(self.session.exec(_ANSWERS, params={"loan": loan}))
        return list(self._answers[loan])

    def add_answer(self, answer: Verification) -> None:
        """Keeps what a register said."""
        write(self.session, answer)
        self._answers.pop(answer.loan, None)
