"""Delivery of sign-in codes from the outbox."""

import asyncio
from collections.abc import Mapping, Sequence

from books.session import Books, UnitOfWork
from books.sign_in import UnsentSignInCode
from gateways.sms import SmsGateway
from models.outbox import OutboxRow
from services.sign_in_codes import message


class SignInCodeSender:
    """Sends a code to the mobile that it is for, and forgets it."""

    def __init__(self, books: Books, gateway: SmsGateway) -> None:
        self.books = books
        self.gateway = gateway

    def look_up(self, work: UnitOfWork, rows: Sequence[OutboxRow]) -> Mapping[str, UnsentSignInCode]:
        """The codes for customers that can still be used and were not sent yet, by the rows' ids."""
        codes = work.sign_in.unsent_codes([str(row.payload["sign_in_code"]) for row in rows])
        found = {row.id: codes.get(str(row.payload["sign_in_code"])) for row in rows}
        return {row: code for row, code in found.items() if code is not None and work.now < code.expires_at}

    async def deliver(self, row: OutboxRow, found: UnsentSignInCode | None) -> None:
        """Sends one code, unless it was sent, is too old to be used, or is for a number that nobody has."""
        if found is None:
            return
        await self.gateway.send(found.mobile, "sign_in_code", message(found.digits), row.key)
        await asyncio.to_thread(self._forget, str(row.payload["sign_in_code"]))

    def _forget(self, code_id: str) -> None:
        with self.books.begin() as work:
            work.sign_in.forget_code(code_id, work.now)
