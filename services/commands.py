"""What a command came to before: whoever sends the same one again gets the same answer."""

from typing import Any

from books.session import UnitOfWork
from models.keys import command_key
from models.messages import Command, CommandResult, PrepaymentOrder
from models.payments import Payment
from services.errors import IdempotencyConflict


def done_before(work: UnitOfWork, loan: str, command: Command) -> dict[str, Any] | None:
    """The result of a command that the books have already, None if they do not.

    Raises IdempotencyConflict if something else was asked for under the same id.
    """
    effect = work.outbox.effect(command_key(loan, command.command_id))
    if effect is None:
        return None
    if effect.request not in (None, command.digest):
        raise IdempotencyConflict
    return effect.result


def prepaid_before(work: UnitOfWork, loan: str, order: PrepaymentOrder) -> Payment | None:
    """The order to the bank that the same prepayment wrote before, whatever became of it; None if it wrote none."""
    before = done_before(work, loan, order)
    return None if before is None else work.payments.get(CommandResult.model_validate(before).payment_key or "")
