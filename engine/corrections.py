"""Changes and decisions on them: to the workflow of a running loan; of a settled one, whose run ended, to the books."""

import asyncio
from collections.abc import Callable

from books.session import Books, UnitOfWork
from engine.commands import LoanCommands
from engine.errors import LoanNotRunning
from models.loans import Stage
from models.messages import ChangeOrder, ChangeWithdrawal, CommandResult, DecisionOrder
from services import settled_loans


async def propose_change(books: Books, commands: LoanCommands, loan: str, change: ChangeOrder) -> CommandResult:
    """A change that somebody else decides; the result names the proposal."""

    def keep(work: UnitOfWork) -> CommandResult:
        made = settled_loans.propose(work, loan, change)
        return CommandResult(stage=Stage.SETTLED, sentence="the change is proposed", proposal=made.proposal)

    try:
        return await commands.propose_change(loan, change)
    except LoanNotRunning:
        return await asyncio.to_thread(_on_settled, books, loan, keep)


async def take_back_change(
    books: Books, commands: LoanCommands, loan: str, withdrawal: ChangeWithdrawal
) -> CommandResult:
    """A proposal is taken back."""

    def end(work: UnitOfWork) -> CommandResult:
        ended = settled_loans.take_back(work, loan, withdrawal)
        return CommandResult(stage=Stage.SETTLED, sentence="the proposal is withdrawn", proposal=ended.proposal)

    try:
        return await commands.take_back_change(loan, withdrawal)
    except LoanNotRunning:
        return await asyncio.to_thread(_on_settled, books, loan, end)


async def decide(books: Books, commands: LoanCommands, loan: str, decision: DecisionOrder) -> CommandResult:
    """A decision whose sender waits; one that undoes what settled a loan takes the loan up again."""

    def follow(work: UnitOfWork) -> CommandResult:
        progress = settled_loans.decide(work, loan, decision)
        return CommandResult(stage=progress.stage, sentence=f"the decision is recorded: {decision.outcome}")

    try:
        return await commands.decide(loan, decision)
    except LoanNotRunning:
        return await asyncio.to_thread(_on_settled, books, loan, follow)


def _on_settled(books: Books, loan: str, act: Callable[[UnitOfWork], CommandResult]) -> CommandResult:
    with books.begin() as work:
        if work.loans.get(loan).stage is not Stage.SETTLED:
            raise LoanNotRunning(loan)
        return act(work)
