"""What the borrower, or who speaks for him, tells a loan: accept, complete, withdraw."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from api.context import Acting, ApiContext, Context
from api.problems import refusals
from api.shapes import Asked, LoanNumber, OptionalKey, Words, command_id
from books.session import UnitOfWork
from models.loans import WITHDRAWABLE, Loan, Stage
from models.messages import CommandOrder, CommandResult, Progress
from models.staff import Actor
from services import acceptance
from services.audit import sender_of
from services.commands import done_before
from services.loans import require_stage
from services.permissions import check_may_speak_for

router = APIRouter(tags=["commands"], responses=refusals(403, 404, 409, 429))

Check = Callable[[UnitOfWork, Actor, Loan], None]
"""Refuses a command that cannot be."""


class CommandBody(Asked):
    """What may go with a command."""

    reason: Words | None = None


class CommandAnswer(BaseModel):
    """What a command came to; `payment` is the key of the order to the bank, where there is one."""

    loan: str | None
    stage: Stage | None
    sentence: str
    payment: str | None = None


def answer_to(loan: str, result: CommandResult) -> CommandAnswer:
    """The workflow's result as the caller sees it."""
    return CommandAnswer(loan=loan, stage=result.stage, sentence=result.sentence, payment=result.payment_key)


@router.post("/loans/{loan}/acceptance")
async def accept_offer(
    loan: LoanNumber, actor: Acting, context: Context, key: OptionalKey = None, body: CommandBody | None = None
) -> CommandAnswer:
    """The borrower accepts the contract that all have signed; the payout follows."""
    order = _order(actor, loan, "acceptance", key, body)
    return await _tell(context, actor, loan, order, context.commands.accept, acceptance.check)


@router.post("/loans/{loan}/completion")
async def complete_case(
    loan: LoanNumber, actor: Acting, context: Context, key: OptionalKey = None, body: CommandBody | None = None
) -> CommandAnswer:
    """What was missing in a returned case is there; it is verified again."""
    order = _order(actor, loan, "completion", key, body)
    return await _tell(context, actor, loan, order, context.commands.complete, _at("completion", Stage.RETURNED))


@router.post("/loans/{loan}/withdrawal")
async def withdraw_loan(
    loan: LoanNumber, actor: Acting, context: Context, key: OptionalKey = None, body: CommandBody | None = None
) -> CommandAnswer:
    """The borrower walks away, as long as no money is out or on its way."""
    order = _order(actor, loan, "withdrawal", key, body)
    return await _tell(context, actor, loan, order, context.commands.withdraw, _at("withdrawal", *WITHDRAWABLE))


def _order(actor: Actor, loan: str, act: str, key: str | None, body: CommandBody | None) -> CommandOrder:
    return CommandOrder(
        sender=sender_of(actor),
        command_id=command_id(actor, f"{loan}:{act}", key),
        reason=(body.reason if body else None) or "",
    )


async def _tell(
    context: ApiContext,
    actor: Actor,
    loan: str,
    order: CommandOrder,
    send: Callable[[str, CommandOrder], Awaitable[CommandResult]],
    check: Check,
) -> CommandAnswer:
    before = await run_in_threadpool(_check, context, actor, loan, order, check)
    return before or answer_to(loan, await send(loan, order))


def _at(act: str, *stages: Stage) -> Check:
    """The check of an act that fits these stages."""

    def check(_work: UnitOfWork, _actor: Actor, loan: Loan) -> None:
        require_stage(loan, act, *stages)

    return check


def _check(context: ApiContext, actor: Actor, number: str, order: CommandOrder, check: Check) -> CommandAnswer | None:
    """The answer that the same command had before, or None when it may be sent.

    Refuses what cannot be before the engine is asked, so that a refusal costs it nothing. The workflow checks again.
    """
    with context.books.read() as work:
        loan = work.loans.seen_by(actor, number)
        check_may_speak_for(actor, loan)
        before = done_before(work, number, order)
        if before is None:
            check(work, actor, loan)
            return None
    stage = Progress.model_validate(before).stage
    return CommandAnswer(loan=number, stage=stage, sentence=f"the loan is now at {stage}")
