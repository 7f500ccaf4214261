"""Queries on documents and register answers."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, func, or_
from sqlalchemy import select as select_columns
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE, write
from models.customers import Party, PartyRole
from models.documents import Document, DocumentReading, ReadingVerdict
from models.loans import Loan
from models.tasks import Outcome
from models.verification import Verification

_STATES = (
    select_columns(
        col(Document.kind),
        col(Document.party_id),
        col(Party.role),
        col(Document.uploaded_at),
        col(DocumentReading.done_at).is_not(None),
        func.coalesce(DocumentReading.doubtful, False),
        col(DocumentReading.outcome),
        col(DocumentReading.decided_at),
        col(DocumentReading.verdict),
    )
    .join(DocumentReading, col(DocumentReading.document_id) == col(Document.id), isouter=True)
    .join(Party, col(Party.id) == col(Document.party_id), isouter=True)
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
_WITHOUT_PICTURE = defer(DocumentReading.picture)  # type: ignore[arg-type]  # a column at class level
_UNREAD = tuple(
    defer(column)  # type: ignore[arg-type]  # columns at class level
    for column in (DocumentReading.found, DocumentReading.lines, DocumentReading.picture, DocumentReading.reason)
)
"""What was read before is not asked for by whoever reads anew; so what is damaged of it holds up no other document."""
_WITHOUT_LINES = defer(DocumentReading.lines)  # type: ignore[arg-type]  # a column at class level


@dataclass(frozen=True)
class DocumentState:
    """A document that was handed in, whose it is, and how far it was looked at."""

    kind: str
    party_id: str | None
    role: PartyRole | None
    uploaded_at: datetime
    is_read: bool
    doubtful: bool
    outcome: Outcome | None
    decided_at: datetime | None
    verdict: ReadingVerdict | None

    @property
    def counts(self) -> bool:
        """Whether it counts as a document of its kind: nobody refused it, and it is not the side that names nobody."""
        return self.outcome is not Outcome.REFUSE and self.verdict is not ReadingVerdict.OTHER_SIDE

    @property
    def is_undecided(self) -> bool:
        """Whether it is in doubt and nobody has decided on it."""
        return self.doubtful and self.outcome is None

    @property
    def is_sound(self) -> bool:
        """Whether it was read and is not in doubt, or a person took it."""
        return self.is_read and (not self.doubtful or self.outcome is Outcome.APPROVE)


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

    def reading_under_way(self, document_id: str) -> DocumentReading | None:
        """The same, without what was read on it before."""
        query = select(DocumentReading).where(DocumentReading.document_id == document_id).options(*_UNREAD)
        return self.session.exec(query).first()

    def readings(self, loan: str) -> list[DocumentReading]:
        """What was read on a loan's documents, without words and pictures, oldest document first."""
        query = select(DocumentReading).where(DocumentReading.loan == loan).order_by(col(DocumentReading.document_id))
        return list(self.session.exec(query.limit(200).options(_WITHOUT_PICTURE, _WITHOUT_LINES)))

    def to_compare_again(self, loan: str) -> list[tuple[Document, DocumentReading]]:
        """The documents that were read and that no person has decided on, with the words on them, oldest first."""
        query = (
            select(Document, DocumentReading)
            .join(DocumentReading, col(DocumentReading.document_id) == col(Document.id))
            .where(
                DocumentReading.loan == loan,
                col(DocumentReading.done_at).is_not(None),
                col(DocumentReading.outcome).is_(None),
                col(DocumentReading.lines).is_not(None),
            )
            .order_by(col(Document.id))
        )
        return list(self.session.exec(query.options(_WITHOUT_CONTENT, _WITHOUT_PICTURE)))

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
            .options(*_UNREAD)
            .with_for_update(skip_locked=True)
        )
        reading = self.session.exec(query).first()
        if reading is not None:
            reading.not_before = now + lease
            reading.attempts += 1
            self.session.add(reading)
        return reading

    def of_others(self, sha256: str, customer_id: str, person: str | None = None) -> list[Document]:
        """The same file as other customers handed it in, without its content.

        `person` is the digest of the ID number of whoever's document it is: his own elsewhere is no other's.
        """
        query = (
            select(Document)
            .join(Loan, col(Loan.number) == col(Document.loan))
            .join(Party, col(Party.id) == col(Document.party_id), isouter=True)
            .where(Document.sha256 == sha256, col(Document.language).is_(None), *_of_another(customer_id, person))
            .order_by(col(Document.id))
        )
        return list(self.session.exec(query.limit(50).options(_WITHOUT_CONTENT)))

    def alike(
        self, text_index: str | None, number_index: str | None, customer_id: str, person: str | None = None
    ) -> list[Document]:
        """Documents of other customers with the same text or number of their own, without their content; see above."""
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
            .join(Party, col(Party.id) == col(Document.party_id), isouter=True)
            .where(or_(*marks), *_of_another(customer_id, person))
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


def _of_another(customer_id: str, person: str | None) -> list[ColumnElement[bool]]:
    another: list[ColumnElement[bool]] = [col(Loan.customer_id) != customer_id]
    if person is not None:
        another.append(or_(col(Party.id_number_index).is_(None), col(Party.id_number_index) != person))
    return another
