"""Paying a loan out: nobody is paid before its people were screened once more."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.acts import refusals
from activities.bank import BankActs
from books.session import Books
from models.messages import CheckOrder, CheckOutcome, PaymentOrder, PaymentResult
from models.verification import ANSWERED
from services import payout_screening
from services.payout_screening import ListNotAsked, Look

AskRegister = Callable[[CheckOrder], Awaitable[CheckOutcome]]
"""Asks a register about somebody and keeps the answer."""


class PayoutActs:
    """Payouts to payees."""

    def __init__(self, books: Books, bank: BankActs, ask_register: AskRegister) -> None:
        self.books = books
        self.bank = bank
        self.ask_register = ask_register

    @activity.defn
    async def pay_out(self, order: PaymentOrder) -> PaymentResult:
        """Pays one payee, unless somebody of the loan is on a list by now: risk looks first, and the order is given up.

        While a list cannot be asked nothing is sent, and it is tried again.
        """
        with refusals():
            found = await asyncio.to_thread(self._look, order.key)
            for check in found.ask:
                if (await self.ask_register(check)).verdict not in ANSWERED:
                    raise ListNotAsked(order.loan)
            if found.ask:
                found = await asyncio.to_thread(self._look, order.key)
            held = await asyncio.to_thread(self._hold, order.key) if found.is_held else None
            return held or await self.bank.carry_out(order.key)

    def _look(self, key: str) -> Look:
        with self.books.read() as work:
            return payout_screening.look(work, key)

    def _hold(self, key: str) -> PaymentResult | None:
        with self.books.begin() as work:
            return payout_screening.hold(work, key)
