"""An engine that is away, or goes away while it is asked: one refusal, whatever was asked."""

from collections.abc import Awaitable, Callable

import pytest

from books.session import Books
from engine.client import connect
from engine.commands import LoanCommands
from engine.errors import EngineUnavailable
from engine.histories import Histories
from engine.stories import find_runs
from models.keys import workflow_id
from models.messages import MoneyNotice
from tests.books.migrated import books as books
from tests.servers.serving import NOWHERE

LOAN = "L26000001"

ASKED: dict[str, Callable[[LoanCommands], Awaitable[object]]] = {
    "state": lambda commands: commands.state(LOAN),
    "money": lambda commands: commands.signal_money(LOAN, MoneyNotice(reference="a")),
    "look again": lambda commands: commands.look_again(LOAN),
    "runs": lambda commands: Histories(commands.client).runs_of(LOAN),
    "history": lambda commands: Histories(commands.client).fetch(workflow_id(LOAN), "a-run"),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_whatever_is_asked_of_an_engine_that_is_away_is_refused_alike(asked: str) -> None:
    commands = LoanCommands(await connect(NOWHERE, "default", lazy=True))
    with pytest.raises(EngineUnavailable, match=LOAN):
        await ASKED[asked](commands)


class GoesAway(Histories):
    """Still names the newest run."""

    async def runs_of(self, loan: str) -> list[str]:
        return [f"a run of {loan}"]


async def test_an_engine_that_goes_away_before_it_gives_a_history_out_is_told_of(books: Books) -> None:
    found = await find_runs(books, GoesAway(await connect(NOWHERE, "default", lazy=True)), LOAN)

    assert (found.runs, found.engine_answered) == ([], False)
