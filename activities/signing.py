"""Delivery of signing codes, and of the links by which co-signers authorise, from the outbox."""

import asyncio
from collections.abc import Mapping, Sequence

from books.authorisations import UnsentLink
from books.session import Books, UnitOfWork
from books.signatures import UnsentCode
from gateways.sms import SmsGateway
from models.outbox import OutboxRow
from services.authorisation_links import message as link_message
from services.paper_contents import signers
from services.signing import message


class SigningCodeSender:
    """Sends a code to the mobile of the party it is for, and forgets it."""

    def __init__(self, books: Books, gateway: SmsGateway) -> None:
        self.books = books
        self.gateway = gateway

    def look_up(self, work: UnitOfWork, rows: Sequence[OutboxRow]) -> Mapping[str, UnsentCode]:
        """The codes that can still be used and were not sent yet, by the rows' ids."""
        codes = work.signatures.unsent([str(row.payload["signing_code"]) for row in rows])
        found = {row.id: codes.get(str(row.payload["signing_code"])) for row in rows}
        return {row: code for row, code in found.items() if code is not None and work.now < code.expires_at}

    async def deliver(self, row: OutboxRow, found: UnsentCode | None) -> None:
        """Sends one code, unless it was sent or is too old to be used."""
        if found is None:
            return
        mobile = found.mobile
        if mobile is None:
            mobile = await asyncio.to_thread(self._stated_mobile, found)
        text = message(found.loan, found.digits, found.document_kind)
        await self.gateway.send(mobile, "signing_code", text, row.key)
        await asyncio.to_thread(self._forget, str(row.payload["signing_code"]))

    def _stated_mobile(self, code: UnsentCode) -> str:
        """The mobile of a party who is no customer: the one that the application states for him."""
        with self.books.read() as work:
            people = signers(work, work.loans.get(code.loan))
        return next(one.mobile for one in people if one.party.id == code.party_id)

    def _forget(self, code_id: str) -> None:
        with self.books.begin() as work:
            work.signatures.forget(code_id, work.now)


class AuthorisationLinkSender:
    """Sends a co-signer the link to his page, and forgets its secret."""

    def __init__(self, books: Books, gateway: SmsGateway, pages_url: str) -> None:
        self.books = books
        self.gateway = gateway
        self.pages_url = pages_url

    def look_up(self, work: UnitOfWork, rows: Sequence[OutboxRow]) -> Mapping[str, UnsentLink]:
        """The links that were not sent yet, by the rows' ids."""
        links = work.authorisations.unsent([str(row.payload["request"]) for row in rows])
        found = {row.id: links.get(str(row.payload["request"])) for row in rows}
        return {row: link for row, link in found.items() if link is not None}

    async def deliver(self, row: OutboxRow, found: UnsentLink | None) -> None:
        """Sends one link, unless it was sent."""
        if found is None:
            return
        mobile, text = await asyncio.to_thread(self._addressed, found)
        await self.gateway.send(mobile, "authorisation_link", text, row.key)
        await asyncio.to_thread(self._forget, str(row.payload["request"]))

    def _addressed(self, link: UnsentLink) -> tuple[str, str]:
        """The mobile that the application states for him, and the text with his link."""
        with self.books.read() as work:
            people = signers(work, work.loans.get(link.loan))
        person = next(one for one in people if one.party.id == link.party_id)
        text = link_message(link.loan, person.party.role, f"{self.pages_url}/authorise/{link.token}")
        return link.mobile or person.mobile, text

    def _forget(self, request_id: str) -> None:
        with self.books.begin() as work:
            work.authorisations.forget_link(request_id, work.now)
