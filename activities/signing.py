"""Delivery of signing codes from the outbox."""

import asyncio
from collections.abc import Mapping, Sequence

from books.session import Books, UnitOfWork
from books.signatures import UnsentCode
from gateways.sms import SmsGateway
from models.outbox import OutboxRow
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
