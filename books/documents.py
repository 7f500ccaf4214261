"""Queries on documents, consents and register answers."""

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from models.documents import Document
from models.verification import Authorisation, Verification


class DocumentBook:
    """Papers and answers of a loan."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def of_loan(self, loan: str) -> list[Document]:
        """A loan's documents without their content, oldest first."""
        without_content = defer(Document.content)  # type: ignore[arg-type]  # a column at class level
        query = select(Document).where(Document.loan == loan).order_by(col(Document.id)).options(without_content)
        return list(self.session.exec(query.limit(200)))

    def same(self, loan: str, kind: str, sha256: str) -> Document | None:
        """The same content handed in before for the same loan and kind."""
        query = select(Document).where(Document.loan == loan, Document.kind == kind, Document.sha256 == sha256)
        return self.session.exec(query).first()

    def authorised(self, loan: str) -> Authorisation | None:
        """The borrower's consent to be looked up."""
        return self.session.exec(select(Authorisation).where(Authorisation.loan == loan)).first()

    def answer(self, loan: str, check: str, round_: int) -> Verification | None:
        """The answer of one register in one round of verification."""
        query = select(Verification).where(
            Verification.loan == loan, Verification.check_name == check, Verification.round == round_
        )
        return self.session.exec(query).first()

    def answers(self, loan: str) -> list[Verification]:
        """All register answers about a loan, oldest round first."""
        query = select(Verification).where(Verification.loan == loan).order_by(col(Verification.round))
        return list(self.session.exec(query))
