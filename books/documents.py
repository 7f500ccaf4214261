"""Queries on documents, consents and register answers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, func
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE
from models.documents import Document
from models.loans import Application
from models.verification import Authorisation, Verification

_FORM_WITH_CONSENT = (
    select(Application.form)
    .join(Authorisation, col(Authorisation.loan) == col(Application.loan))
    .where(col(Application.loan) == bindparam("loan"))
    .execution_options(**WRITTEN_AT_ONCE)
)
_ANSWERS = (
    select(Verification)
    .where(col(Verification.loan) == bindparam("loan"))
    .order_by(col(Verification.round))
    .execution_options(**WRITTEN_AT_ONCE)
)
_ANSWER = _ANSWERS.where(
    col(Verification.check_name) == bindparam("check_name"), col(Verification.round) == bindparam("round")
)


class DocumentBook:
    """Papers and answers of a loan."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def of_loan(self, loan: str) -> list[Document]:
        """A loan's documents without their content, oldest first."""
        without_content = defer(Document.content)  # type: ignore[arg-type]  # a column at class level
        query = select(Document).where(Document.loan == loan).order_by(col(Document.id)).options(without_content)
        return list(self.session.exec(query.limit(200)))

    def get(self, document_id: str) -> Document | None:
        """A document with its content."""
        return self.session.get(Document, document_id)

    def handed_in(self, loan: str) -> int:
        """How many documents were handed in for a loan; papers that the lender issued do not count."""
        query = select(func.count()).where(Document.loan == loan, col(Document.language).is_(None))
        return self.session.exec(query).one()

    def same(self, loan: str, kind: str, sha256: str) -> Document | None:
        """The same content handed in before for the same loan and kind."""
        query = select(Document).where(Document.loan == loan, Document.kind == kind, Document.sha256 == sha256)
        return self.session.exec(query).first()

    def form_with_consent(self, loan: str) -> Mapping[str, Any] | None:
        """The application form of a borrower who agreed to be looked up, None without his consent."""
        return self.session.exec(_FORM_WITH_CONSENT, params={"loan": loan}).first()

    def answer(self, loan: str, check: str, round_: int) -> Verification | None:
        """The answer of one register in one round of verification."""
        return self.session.exec(_ANSWER, params={"loan": loan, "check_name": check, "round": round_}).first()

    def answers(self, loan: str) -> list[Verification]:
        """All register answers about a loan, oldest round first."""
        return list(self.session.exec(_ANSWERS, params={"loan": loan}))
