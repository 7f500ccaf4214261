"""What leaves the house after a commit: one message that nobody can read holds up no other."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from books.outbox import growing_pause
from books.session import Books, UnitOfWork
from engine.client import connect
from engine.commands import LoanCommands
from engine.dispatcher import LEASE, LONGEST_WAIT, Dispatcher
from models.outbox import OutboxRow, Topic
from tests.books.migrated import books as books
from tests.servers.serving import NOWHERE


class Letters:
    """Takes what it can read: the books say of each message what stands in it."""

    def __init__(self) -> None:
        self.delivered: list[str] = []

    def look_up(self, _work: UnitOfWork, rows: Sequence[OutboxRow]) -> Mapping[str, Any]:
        return {row.id: row.payload["words"] for row in rows}

    async def deliver(self, row: OutboxRow, found: Any) -> None:
        self.delivered.append(f"{row.key}: {found}")


async def dispatching(books: Books, letters: Letters) -> Dispatcher:
    commands = LoanCommands(await connect(NOWHERE, "default", lazy=True))
    return Dispatcher(books, commands, {Topic.SMS: letters}, per_second=1000)


def wrote(books: Books, keys: Iterable[str]) -> None:
    with books.begin() as work:
        for key in keys:
            work.outbox.put(Topic.SMS, key, {"words": f"of {key}"}, work.now)


def row_of(work: UnitOfWork, key: str) -> OutboxRow:
    return work.session.exec(select(OutboxRow).where(OutboxRow.key == key)).one()


def spoil(books: Books, key: str, column: str, value: str) -> None:
    with books.begin() as work:
        work.session.connection().execute(
            text(f"UPDATE outbox SET {column} = :value WHERE key = :key"), {"value": value, "key": key}
        )


@pytest.mark.parametrize(("column", "value"), [("topic", "of_tomorrow"), ("payload", "{}"), ("payload", "[7]")])
async def test_a_message_that_nobody_can_read_holds_up_no_other(books: Books, column: str, value: str) -> None:
    letters = Letters()
    dispatcher = await dispatching(books, letters)
    wrote(books, ["first", "spoiled", "last"])
    spoil(books, "spoiled", column, value)

    await dispatcher.drain()

    assert sorted(letters.delivered) == ["first: of first", "last: of last"]
    with books.read() as work:
        assert work.outbox.waiting() == 1


async def test_it_comes_back_by_itself_with_growing_pauses_and_says_why(books: Books) -> None:
    letters = Letters()
    dispatcher = await dispatching(books, letters)
    wrote(books, ["spoiled"])
    spoil(books, "spoiled", "payload", "{}")

    await dispatcher.drain()
    with books.read() as work:
        first = row_of(work, "spoiled")
    with books.begin() as work:
        work.outbox.later(first.id, work.now, "again")
    await dispatcher.drain()
    with books.read() as work:
        second = row_of(work, "spoiled")

    assert (first.attempts, first.last_error, second.attempts) == (1, "KeyError", 2)
    with books.read() as work:
        assert second.not_before - work.now <= growing_pause(2, LONGEST_WAIT) < LEASE


async def test_once_it_can_be_read_it_is_delivered(books: Books) -> None:
    letters = Letters()
    dispatcher = await dispatching(books, letters)
    wrote(books, ["spoiled"])
    spoil(books, "spoiled", "topic", "of_tomorrow")
    await dispatcher.drain()

    spoil(books, "spoiled", "topic", "sms")
    with books.begin() as work:
        found = work.session.exec(select(OutboxRow.id).where(OutboxRow.key == "spoiled")).one()
        work.outbox.later(found, work.now, "again")
    await dispatcher.drain()

    assert letters.delivered == ["spoiled: of spoiled"]
