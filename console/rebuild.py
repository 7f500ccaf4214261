"""Books against engine: what differs, and starting what the engine lost."""

from contextlib import suppress
from dataclasses import dataclass

from books.session import Books
from engine.commands import LoanCommands
from engine.errors import LoanNotRunning
from models.loans import CLOSED, Loan, Stage
from models.messages import LoanOrder
from services.loans import order_from_books

NOT_YET_VERIFYING = {Stage.APPLICATION, Stage.VERIFICATION, Stage.GRADING}


@dataclass(frozen=True)
class StageDifference:
    """A loan whose stage differs: `engine` is None if no workflow of it runs."""

    loan: str
    books: Stage
    engine: Stage | None


async def compare_stages(books: Books, commands: LoanCommands) -> list[StageDifference]:
    """Every running loan of the books beside the engine. Stages up to grading count as one: the books follow later."""
    differences = []
    for loan in _running(books):
        try:
            engine: Stage | None = (await commands.state(loan.number)).stage
        except LoanNotRunning:
            engine = None
        if engine != loan.stage and not {engine, loan.stage} <= NOT_YET_VERIFYING:
            differences.append(StageDifference(loan.number, loan.stage, engine))
    return differences + await _closed_but_running(books, commands)


async def _closed_but_running(books: Books, commands: LoanCommands) -> list[StageDifference]:
    """Loans that are closed in the books while their workflow still runs."""
    differences = []
    async for number in commands.running():
        with books.read() as work:
            stage = work.loans.get(number).stage
        if stage in CLOSED:
            with suppress(LoanNotRunning):
                engine = (await commands.state(number)).stage
                if engine not in CLOSED:
                    differences.append(StageDifference(number, stage, engine))
    return differences


async def rebuild(books: Books, commands: LoanCommands) -> list[str]:
    """Starts the workflow of every loan that runs in the books and not in the engine; returns their numbers.

    A workflow that runs but stands elsewhere than the books is told to look again; it is returned as well.
    """
    started = []
    for loan in _running(books):
        with books.read() as work:
            order: LoanOrder = order_from_books(work, work.loans.get(loan.number))
        if await commands.start(order, again=True):
            started.append(loan.number)
    for one in await compare_stages(books, commands):
        if one.engine is not None and one.loan not in started:
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
