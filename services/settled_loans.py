"""Corrections of settled loans: their workflow has ended, so what people say to them goes straight to the books."""

from collections.abc import Callable
from typing import Any, TypeVar

from books.session import UnitOfWork
from models.keys import command_key
from models.loans import Stage
from models.messages import (
    BooksOrder,
    ChangeOrder,
    ChangeProgress,
    ChangeWithdrawal,
    Command,
    DecideOnBooks,
    DecisionOrder,
    Message,
    Progress,
    ProposeOnBooks,
    TakeBackOnBooks,
)
from services import approval, changes
from services.commands import done_before
from services.loans import require_stage

Order = TypeVar("Order", bound=BooksOrder)
Result = TypeVar("Result", bound=Message)


def propose(work: UnitOfWork, loan: str, change: ChangeOrder) -> ChangeProgress:
    """Keeps a proposal to reverse money of a settled loan; see `services.changes.propose`."""
    order = ProposeOnBooks(**_order(work, loan, change), change=change)
    return _once(work, order, change, changes.propose, ChangeProgress)


def take_back(work: UnitOfWork, loan: str, withdrawal: ChangeWithdrawal) -> ChangeProgress:
    """Ends such a proposal at the wish of the person who made it."""
    order = TakeBackOnBooks(**_order(work, loan, withdrawal), withdrawal=withdrawal)
    return _once(work, order, withdrawal, changes.take_back, ChangeProgress)


def decide(work: UnitOfWork, loan: str, decision: DecisionOrder) -> Progress:
    """A decision on such a proposal. The one that is enough takes the loan up again: it is in repayment then."""
    order = DecideOnBooks(**_order(work, loan, decision), decision=decision)
    return _once(work, order, decision, approval.decide, Progress)


def _order(work: UnitOfWork, loan: str, command: Command) -> dict[str, Any]:
    return {
        "loan": loan,
        "key": command_key(loan, command.command_id),
        "n": work.outbox.last_effect(loan) + 1,
        "day": work.today,
    }


def _once(
    work: UnitOfWork,
    order: Order,
    command: Command,
    act: Callable[[UnitOfWork, Order], Result],
    result_type: type[Result],
) -> Result:
    """Does an act, or returns the result it had the first time. Refused (WrongStage) unless the loan is settled.

    The loan is held until the unit of work ends: nobody else takes it up meanwhile.
    """
    held = work.loans.get(order.loan)
    before = done_before(work, order.loan, command)
    if before is not None:
        return result_type.model_validate(before)
    require_stage(held, act.__name__, Stage.SETTLED)
    result = act(work, order)
    work.outbox.add_effect(
        key=order.key,
        loan=order.loan,
        n=order.n,
        act=act.__name__,
        request=command.digest,
        result=result.model_dump(mode="json"),
        at=work.now,
    )
    return result
