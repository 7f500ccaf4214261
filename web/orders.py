"""Commands to a loan from its pages: each is carried out once, however often its form comes in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from books.session import UnitOfWork
from models.keys import command_id
from models.loans import Loan
from models.messages import Command, CommandOrder, CommandResult, PrepaymentOrder
from models.payments import PaymentStatus
from models.staff import Actor
from services.audit import sender_of
from services.commands import done_before, prepaid_before
from web.context import WebContext
from web.visit import Visit

Order = TypeVar("Order", CommandOrder, PrepaymentOrder)


def heading(actor: Actor, number: str, act: str, given: str) -> dict[str, Any]:
    """What every command begins with: its sender, and an id of its own made of the one that a form gave."""
    return {"sender": sender_of(actor), "command_id": command_id(actor.id, f"{number}:{act}", given)}


async def carry_out(
    context: WebContext,
    visit: Visit,
    number: str,
    order: Order,
    send: Callable[[str, Order], Awaitable[CommandResult]],
    check: Callable[[UnitOfWork, Actor, Loan], None] | None = None,
) -> None:
    """Sends a command to a loan unless the books have it already, even when the loan has moved on since.

    `check` refuses what the books alone can tell to be in vain. Raises UnknownLoan for who may not see the loan.
    """

    def is_done() -> bool:
        with context.books.read() as work:
            loan = work.loans.seen_by(visit.person, number)
            done = _is_done(work, number, order)
            if not done and check is not None:
                check(work, visit.person, loan)
            return done

    if not await asyncio.to_thread(is_done):
        await send(number, order)


def _is_done(work: UnitOfWork, number: str, order: Command) -> bool:
    """Whether the books have the command and, of a prepayment, the money."""
    if not isinstance(order, PrepaymentOrder):
        return done_before(work, number, order) is not None
    payment = prepaid_before(work, number, order)
    return payment is not None and payment.status is PaymentStatus.SETTLED and payment.booked
