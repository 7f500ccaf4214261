"""Queries on signing codes and signatures."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, update
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE
from models.customers import Customer, Party
from models.documents import Document
from models.signatures import Signature, SigningCode

_OF_PARTY = (
    select(SigningCode)
    .where(col(SigningCode.party_id) == bindparam("party"))
    .order_by(col(SigningCode.asked_at).desc(), col(SigningCode.id).desc())
    .with_for_update()
)
_NEWEST = _OF_PARTY.limit(1)
_SINCE = _OF_PARTY.where(col(SigningCode.asked_at) > bindparam("since"))
_GOOD = (
    select(SigningCode)
    .where(
        col(SigningCode.document_id) == bindparam("document"),
        col(SigningCode.expires_at) > bindparam("now"),
        col(SigningCode.used_at).is_(None),
    )
    .order_by(col(SigningCode.id))
)
_UNSENT = (
    select(SigningCode, Document.kind, Customer)
    .join(Document, col(Document.id) == col(SigningCode.document_id))
    .join(Party, col(Party.id) == col(SigningCode.party_id))
    .join(Customer, col(Customer.id) == col(Party.customer_id), isouter=True)
    .where(col(SigningCode.id).in_(bindparam("ids", expanding=True)), col(SigningCode.code).is_not(None))
)
_FORGET = (
    update(SigningCode)
    .where(col(SigningCode.id) == bindparam("code_id"), col(SigningCode.code).is_not(None))
    .values(code=None, sent_at=bindparam("now"))
)
_OF_DOCUMENT = (
    select(Signature)
    .where(col(Signature.document_id) == bindparam("document"))
    .order_by(col(Signature.id))
    .execution_options(**WRITTEN_AT_ONCE)
)


@dataclass(frozen=True, slots=True)
class UnsentCode:
    """A code on its way: the kind of document that it signs, and the mobile of a party who is a customer."""

    loan: str
    party_id: str
    document_kind: str
    expires_at: datetime
    digits: str = field(repr=False)
    mobile: str | None = field(repr=False)


class SignatureBook:
    """Who signed what, and the codes sent for it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def newest_code(self, party_id: str) -> SigningCode | None:
        """The code that was asked for last for a party, kept from other writers: no two tries count as one."""
        return self.session.exec(_NEWEST, params={"party": party_id}).first()

    def codes_since(self, party_id: str, instant: datetime) -> list[SigningCode]:
        """The codes asked for a party since an instant, newest first, kept from other writers."""
        return list(self.session.exec(_SINCE, params={"party": party_id, "since": instant}))

    def good_codes(self, document_id: str, now: datetime) -> list[SigningCode]:
        """The codes that were sent for a document and still sign it, oldest first."""
        return list(self.session.exec(_GOOD, params={"document": document_id, "now": now}))

    def unsent(self, code_ids: Iterable[str]) -> dict[str, UnsentCode]:
        """Those of these codes that are not forgotten yet, by id."""
        found = self.session.exec(_UNSENT, params={"ids": list(code_ids)})
        return {
            code.id: UnsentCode(
                code.loan, code.party_id, kind, code.expires_at, code.code or "", customer.mobile if customer else None
            )
            for code, kind, customer in found
        }

    def forget(self, code_id: str, now: datetime) -> None:
        """Takes the digits of a code that was sent out of the books."""
        self.session.connection().execute(_FORGET, {"code_id": code_id, "now": now})

    def of_document(self, document_id: str) -> list[Signature]:
        """The signatures under a document, oldest first."""
        return list(self.session.exec(_OF_DOCUMENT, params={"document": document_id}))

    def of_loan(self, loan: str) -> list[Signature]:
        """All signatures of a loan, oldest first."""
        return list(self.session.exec(select(Signature).where(Signature.loan == loan).order_by(col(Signature.id))))
