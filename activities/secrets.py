"""Delivery from the outbox of what one person alone may read: codes to sign or to sign in with, links of co-signers."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from books.authorisations import UnsentLink
from books.session import Books, UnitOfWork
from books.sign_in import UnsentSignInCode
from books.signatures import UnsentCode
from gateways.sms import SmsGateway
from models.customers import Party
from models.outbox import OutboxRow
from services import authorisation_links, sign_in_codes, signing
from services.paper_contents import signers

Secret = TypeVar("Secret")


class SecretSender(ABC, Generic[Secret]):
    """Sends a secret to the mobile that it is for, and takes it out of the books."""

    named: ClassVar[str]
    """What messages of the outbox call the secret that they are about."""
    template: ClassVar[str]

    def __init__(self, books: Books, gateway: SmsGateway) -> None:
        self.books = books
        self.gateway = gateway

    def look_up(self, work: UnitOfWork, rows: Sequence[OutboxRow]) -> Mapping[str, Secret]:
        """The secrets that were not sent yet and are still of use, by the rows' ids."""
        unsent = self._unsent(work, [self._id_in(row) for row in rows])
        return {row.id: unsent[self._id_in(row)] for row in rows if self._id_in(row) in unsent}

    async def deliver(self, row: OutboxRow, found: Secret | None) -> None:
        """Sends one, unless it was sent or is of no use any more."""
        if found is None:
            return
        mobile, text = await asyncio.to_thread(self._addressed, found)
        await self.gateway.send(mobile, self.template, text, row.key)
        await asyncio.to_thread(self._forget, self._id_in(row))

    def _id_in(self, row: OutboxRow) -> str:
        return str(row.payload[self.named])

    def _addressed(self, secret: Secret) -> tuple[str, str]:
        with self.books.read() as work:
            return self._message(work, secret)

    def _forget(self, secret_id: str) -> None:
        with self.books.begin() as work:
            self._take_out(work, secret_id)

    @abstractmethod
    def _unsent(self, work: UnitOfWork, ids: Sequence[str]) -> Mapping[str, Secret]:
        """Those of these that were not sent yet and are still of use, by id."""

    @abstractmethod
    def _message(self, work: UnitOfWork, secret: Secret) -> tuple[str, str]:
        """The mobile that it goes to, and the text."""

    @abstractmethod
    def _take_out(self, work: UnitOfWork, secret_id: str) -> None:
        """Takes one that was sent out of the books."""


class SigningCodeSender(SecretSender[UnsentCode]):
    """Codes with which parties sign."""

    named = template = "signing_code"

    def _unsent(self, work: UnitOfWork, ids: Sequence[str]) -> Mapping[str, UnsentCode]:
        unsent = work.signatures.unsent(ids)
        return {code_id: code for code_id, code in unsent.items() if work.now < code.expires_at}

    def _message(self, work: UnitOfWork, secret: UnsentCode) -> tuple[str, str]:
        text = signing.message(secret.loan, secret.digits, secret.document_kind)
        return secret.mobile or _stated(work, secret.loan, secret.party_id)[1], text

    def _take_out(self, work: UnitOfWork, secret_id: str) -> None:
        work.signatures.forget(secret_id, work.now)


class SignInCodeSender(SecretSender[UnsentSignInCode]):
    """Codes with which borrowers sign in; none for a number that nobody has."""

    named = template = "sign_in_code"

    def _unsent(self, work: UnitOfWork, ids: Sequence[str]) -> Mapping[str, UnsentSignInCode]:
        unsent = work.sign_in.unsent_codes(ids)
        return {code_id: code for code_id, code in unsent.items() if work.now < code.expires_at}

    def _message(self, work: UnitOfWork, secret: UnsentSignInCode) -> tuple[str, str]:  # noqa: ARG002 as the others
        return secret.mobile, sign_in_codes.message(secret.digits)

    def _take_out(self, work: UnitOfWork, secret_id: str) -> None:
        work.sign_in.forget_code(secret_id, work.now)


class AuthorisationLinkSender(SecretSender[UnsentLink]):
    """Links to the pages on which co-signers authorise."""

    named = "request"
    template = authorisation_links.LINK_TEMPLATE

    def __init__(self, books: Books, gateway: SmsGateway, pages_url: str) -> None:
        super().__init__(books, gateway)
        self.pages_url = pages_url

    def _unsent(self, work: UnitOfWork, ids: Sequence[str]) -> Mapping[str, UnsentLink]:
        return work.authorisations.unsent(ids)

    def _message(self, work: UnitOfWork, secret: UnsentLink) -> tuple[str, str]:
        party, mobile = _stated(work, secret.loan, secret.party_id)
        link = f"{self.pages_url}/authorise/{secret.token}"
        return secret.mobile or mobile, authorisation_links.message(secret.loan, party.role, link)

    def _take_out(self, work: UnitOfWork, secret_id: str) -> None:
        work.authorisations.forget_link(secret_id, work.now)


def _stated(work: UnitOfWork, loan: str, party_id: str) -> tuple[Party, str]:
    """A party of a loan, with the mobile that the application states for him: he may be no customer."""
    person = next(one for one in signers(work, work.loans.get(loan)) if one.party.id == party_id)
    return person.party, person.mobile
