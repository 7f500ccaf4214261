"""What a command came to before: whoever sends the same one again gets the same answer."""

from typing import Any

from books.session import UnitOfWork
from models.keys import command_key
from models.messages import Command
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
