"""Several cases approved at once: each is checked, sent to its loan and answered on its own."""

import asyncio
from dataclasses import dataclass

import structlog

from books.session import Books
from engine import corrections
from engine.commands import LoanCommands
from engine.errors import DecisionUnknown
from lending.errors import LendingError
from models.keys import command_id
from models.loans import Stage
from models.messages import DecisionOrder, Sender
from models.staff import Actor
from models.tasks import Outcome
from services import bulk_decisions

log = structlog.get_logger()

AT_A_TIME = 5
"""So many loans are waited for at once: one list must not take the engine from everybody else."""


@dataclass(frozen=True)
class Decided:
    """What became of one of the tasks: its loan with the stage that it came to, or why it was refused."""

    task_id: str
    loan: str | None = None
    stage: Stage | None = None
    refusal: LendingError | None = None


async def approve_all(
    books: Books, commands: LoanCommands, actor: Actor, sender: Sender, tasks: list[str], reason: str, key: str
) -> list[Decided]:
    """Approves each of these cases with its whole amount, in the order given; one that is refused stops no other.

    `key` names the list: sent again it decides nothing twice. Refused as a whole: an empty list, and one too long.
    """
    bulk_decisions.check_number(tasks)
    turns = asyncio.Semaphore(AT_A_TIME)

    async def approve(task_id: str) -> Decided:
        order = DecisionOrder(
            task_id=task_id,
            outcome=Outcome.APPROVE,
            reason=reason,
            sender=sender,
            command_id=command_id(actor.id, f"{task_id}:decision", key),
        )
        async with turns:
            return await _approve(books, commands, actor, order)

    return list(await asyncio.gather(*(approve(task_id) for task_id in dict.fromkeys(tasks))))


async def _approve(books: Books, commands: LoanCommands, actor: Actor, order: DecisionOrder) -> Decided:
    try:
        loan, stage = await asyncio.to_thread(_check, books, actor, order)
        if stage is None:
            stage = (await corrections.decide(books, commands, loan, order)).stage
    except LendingError as refusal:
        await asyncio.to_thread(_note, books, actor, order.task_id, refusal)
        return Decided(order.task_id, refusal=refusal)
    except Exception as error:  # noqa: BLE001 one that breaks must not hide what became of the others
        log.error("bulk_decision_broke", task=order.task_id, error=type(error).__name__)
        return Decided(order.task_id, refusal=DecisionUnknown())
    return Decided(order.task_id, loan, stage)


def _check(books: Books, actor: Actor, order: DecisionOrder) -> tuple[str, Stage | None]:
    """The loan, and its stage where it was decided so before."""
    with books.read() as work:
        task = work.tasks.seen_by(actor, order.task_id)
        if task.loan is not None and bulk_decisions.was_taken(work, actor, order):
            return task.loan, work.loans.get(task.loan).stage
        bulk_decisions.check(work, actor, task, order)
        return task.loan or "", None


def _note(books: Books, actor: Actor, task_id: str, refusal: LendingError) -> None:
    with books.begin() as work:
        bulk_decisions.note_refusal(work, actor, task_id, refusal)
