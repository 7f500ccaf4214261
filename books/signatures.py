"""Queries on signing codes and signatures."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from models.signatures import Signature, SigningCode


class SignatureBook:
    """Who signed what, and the codes sent for it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def code(self, code_id: str) -> SigningCode | None:
        """A code by its id, kept from other writers until the unit of work ends."""
        query = select(SigningCode).where(SigningCode.id == code_id).with_for_update()
        return self.session.exec(query).first()

    def newest_code(self, party_id: str) -> SigningCode | None:
        """The code that was asked for last for a party, kept from other writers: no two tries count as one."""
        query = select(SigningCode).where(SigningCode.party_id == party_id)
        newest = query.order_by(col(SigningCode.asked_at).desc(), col(SigningCode.id).desc()).limit(1)
        return self.session.exec(newest.with_for_update()).first()

    def codes_since(self, party_id: str, instant: datetime) -> int:
        """How many codes were asked for a party since an instant."""
        query = select(func.count()).where(SigningCode.party_id == party_id, SigningCode.asked_at > instant)
        return self.session.exec(query).one()

    def good_codes(self, document_id: str, now: datetime) -> list[SigningCode]:
        """The codes that were sent for a document and still sign it, oldest first."""
        query = select(SigningCode).where(
            SigningCode.document_id == document_id, SigningCode.expires_at > now, col(SigningCode.used_at).is_(None)
        )
        return list(self.session.exec(query.order_by(col(SigningCode.id))))

    def of_document(self, document_id: str) -> list[Signature]:
        """The signatures under a document, oldest first."""
        query = select(Signature).where(Signature.document_id == document_id).order_by(col(Signature.id))
        return list(self.session.exec(query))

    def of_loan(self, loan: str) -> list[Signature]:
        """All signatures of a loan, oldest first."""
        return list(self.session.exec(select(Signature).where(Signature.loan == loan).order_by(col(Signature.id))))
