"""Books against engine: what differs, and starting what the engine lost."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from books.errors import UnknownLoan
from books.session import Books
from engine.commands import LoanCommands
from engine.errors import LoanNotRunning
from models.loans import CLOSED, Loan, Stage
from models.messages import LoanOrder
from services.loans import order_from_books

MOMENT_SECONDS = 2.0
NOT_YET_VERIFYING = {Stage.APPLICATION, Stage.VERIFICATION, Stage.GRADING}


@dataclass(frozen=True)
class StageDifference:
    """A loan whose stage differs: `engine` is None if no workflow of it runs, `books` if they do not know it."""

    loan: str
    books: Stage | None
    engine: Stage | None


async def compare_stages(books: Books, commands: LoanCommands) -> list[StageDifference]:
    """Every loan that runs in the books or in the engine, where the two differ.

    Stages up to grading count as one: the books follow later. An act is in the books a moment before the engine has its
    answer, so that only what still differs after a while is a difference.
    """
    first = await _differences(books, commands)
    if not first:
        return []
    await asyncio.sleep(MOMENT_SECONDS)
    return [one for one in await _differences(books, commands) if one in first]


async def _differences(books: Books, commands: LoanCommands) -> list[StageDifference]:
    differences = []
    for loan in _running(books):
        try:
            engine: Stage | None = (await commands.state(loan.number)).stage
        except LoanNotRunning:
            engine = None
        if engine != loan.stage and not {engine, loan.stage} <= NOT_YET_VERIFYING:
            differences.append(StageDifference(loan.number, loan.stage, engine))
    return differences + await _only_in_the_engine(books, commands)


async def _only_in_the_engine(books: Books, commands: LoanCommands) -> list[StageDifference]:
    """Loans whose workflow runs while they are closed in the books, or not there at all."""
    differences = []
    async for number in commands.running():
        stage = _stage_in(books, number)
        if stage is None or stage in CLOSED:
            with suppress(LoanNotRunning):
                engine = (await commands.state(number)).stage
                if engine not in CLOSED:
                    differences.append(StageDifference(number, stage, engine))
    return differences


def _stage_in(books: Books, number: str) -> Stage | None:
    with books.read() as work, suppress(UnknownLoan):
        return work.loans.get(number).stage
    return None


async def rebuild(books: Books, commands: LoanCommands) -> list[str]:
    """Starts the workflow of every loan that runs in the books and not in the engine; returns their numbers.

    A workflow that runs but stands elsewhere than the books is told to look again; it is returned as well.
    """
    started = []
    for loan in _running(books):
        with books.read() as work:
            # Read again: the list is long, and a loan may have closed since it was made.
            now = work.loans.get(loan.number)
            order: LoanOrder | None = None if now.stage in CLOSED else order_from_books(work, now)
        if order is not None and await commands.start(order, again=True):
            started.append(loan.number)
    for one in await compare_stages(books, commands):
        if one.engine is not None and one.books is not None and one.loan not in started:
            await commands.look_again(one.loan)
            started.append(one.loan)
    return started


def _running(books: Books) -> list[Loan]:
    loans: list[Loan] = []
    while True:
        with books.read() as work:
            page = work.loans.running(after=loans[-1].number if loans else "")
        if not page:
            return loans
        loans += page
