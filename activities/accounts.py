"""Delivery from the outbox of what is asked about accounts, and of the mandates to debit them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError

from activities.circuits import CircuitNotes
from books.accounts import CardQuestion
from books.session import Books, UnitOfWork, was_written_before
from gateways.bank import BankGateway
from gateways.bank_messages import MandateRequest
from gateways.cards import CardRegister
from gateways.errors import OutsideError, OutsideRefused
from models.outbox import OutboxRow
from services import accounts, mandates
from services.mandates import Registration


class CardCheckSender:
    """Has the borrower's card checked. A service that is away is asked again, until a person has to see to it."""

    def __init__(self, books: Books, cards: CardRegister) -> None:
        self.books = books
        self.cards = cards
        self.circuits = CircuitNotes(books)

    def look_up(self, work: UnitOfWork, rows: Sequence[OutboxRow]) -> Mapping[str, CardQuestion]:
        """The questions; none about somebody who has not agreed to be looked up."""
        known = work.accounts.questions({str(row.payload["party"]) for row in rows})
        found = {}
        for row in rows:
            question = known.get(str(row.payload["party"]))
            if question is not None and "change" in row.payload:
                change = work.accounts.change(str(row.payload["change"]))
                question = replace(question, account=change.account) if change else None
            if question is not None:
                found[row.id] = question
        return found

    async def deliver(self, row: OutboxRow, found: CardQuestion | None) -> None:
        """Asks once and keeps the answer; without one the message comes back later."""
        if found is None:
            await asyncio.to_thread(self._give_up, row)
            return
        try:
            answer = await self.cards.check(found.name, found.id_number, found.mobile, found.account)
        except OutsideError as error:
            if error.retryable and row.attempts < accounts.CHECK_TRIES:
                raise
            await asyncio.to_thread(self._give_up, row)
            return
        finally:
            await self.circuits.note(self.cards.breaker)
        await asyncio.to_thread(self._keep, row, found, answer.result, answer.reference)

    def _keep(self, row: OutboxRow, question: CardQuestion, *answer: Any) -> None:
        try:
            with self.books.begin() as work:
                accounts.keep_answer(work, row.key, question, *answer)
        except IntegrityError as error:
            # Asked twice, because the first answer came after its lease: the first one is kept.
            if not was_written_before(error):
                raise

    def _give_up(self, row: OutboxRow) -> None:
        with self.books.begin() as work:
            accounts.give_up(work, row.loan or "", of_change="change" in row.payload)


class MandateSender:
    """Enters signed mandates at the bank, once each: the key is the mandate's own."""

    def __init__(self, books: Books, bank: BankGateway) -> None:
        self.books = books
        self.bank = bank

    def look_up(self, _work: UnitOfWork, _rows: Sequence[OutboxRow]) -> Mapping[str, Any]:
        """Nothing: a mandate is read when it is sent."""
        return {}

    async def deliver(self, row: OutboxRow, _found: Any) -> None:
        """Enters one mandate. A bank that is away is asked again without end, and a person hears of it meanwhile."""
        mandate_id = str(row.payload["mandate"])
        try:
            await self.enter(mandate_id)
        except OutsideError:
            if row.attempts == accounts.CHECK_TRIES:
                await asyncio.to_thread(self._is_late, mandate_id)
            raise

    async def enter(self, mandate_id: str) -> None:
        """Tells the bank of a mandate, unless it has answered on it; raises OutsideError if it gives no answer now."""
        told = await asyncio.to_thread(self._registration, mandate_id)
        if told is None:
            return
        request = MandateRequest(told.key, told.account, told.name, told.signed_on, told.document_sha256)
        try:
            mandate = await self.bank.register_mandate(request)
        except OutsideRefused as refusal:
            if not refusal.outcome_known:
                raise
            await asyncio.to_thread(self._refused, mandate_id, refusal.outside_code or "refused_by_bank")
            return
        await asyncio.to_thread(self._active, mandate_id, mandate.mandate_id)

    def _registration(self, mandate_id: str) -> Registration | None:
        with self.books.read() as work:
            return mandates.registration(work, mandate_id)

    def _active(self, mandate_id: str, bank_id: str) -> None:
        with self.books.begin() as work:
            mandates.activate(work, mandate_id, bank_id)

    def _refused(self, mandate_id: str, reason_code: str) -> None:
        with self.books.begin() as work:
            mandates.refuse(work, mandate_id, reason_code)

    def _is_late(self, mandate_id: str) -> None:
        with self.books.begin() as work:
            mandates.report_late(work, mandate_id)
