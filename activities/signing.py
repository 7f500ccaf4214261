"""Delivery of signing codes from the outbox."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from books.session import Books, UnitOfWork
from gateways.sms import SmsGateway
from models.documents import Document
from models.notices import Sms
from models.outbox import OutboxRow
from services.paper_contents import signers
from services.signing import message


class SigningCodeSender:
    """Sends a code to the mobile of the party it is for, and forgets it."""

    def __init__(self, books: Books, gateway: SmsGateway) -> None:
        self.books = books
        self.gateway = gateway

    def look_up(self, _work: UnitOfWork, _rows: Sequence[OutboxRow]) -> Mapping[str, Any]:
        """Nothing: a code is read when it is sent."""
        return {}

    async def deliver(self, row: OutboxRow, _found: Any) -> None:
        """Sends one code, unless it was sent or is too old to be used."""
        code_id = str(row.payload["signing_code"])
        sms = await asyncio.to_thread(self._message, code_id)
        if sms is not None:
            await self.gateway.send(sms.mobile, sms.template, sms.text, row.key)
            await asyncio.to_thread(self._forget, code_id)

    def _message(self, code_id: str) -> Sms | None:
        with self.books.read() as work:
            code = work.signatures.code(code_id)
            if code is None or code.code is None or work.now >= code.expires_at:
                return None
            people = signers(work, work.loans.get(code.loan))
            mobile = next(one.mobile for one in people if one.party.id == code.party_id)
            document = work.session.get_one(Document, code.document_id)
            return Sms(mobile, "signing_code", message(code.loan, code.code, document.kind))

    def _forget(self, code_id: str) -> None:
        with self.books.begin() as work:
            code = work.signatures.code(code_id)
            if code is not None:
                code.code = None
                code.sent_at = work.now
                work.session.add(code)
