"""What the API is built from, handed to it by the process that serves it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from api.intake import Intake
from api.metrics import Metrics
from api.problems import record_unopened
from api.sign_in import SignIn
from books.session import Books, UnitOfWork
from engine.commands import LoanCommands
from engine.histories import Histories
from engine.replaying import Replays
from models.staff import Actor
from services.bank import BankMovement, LateDecline
from services.sign_in_tokens import LASTS

Result = TypeVar("Result")
NoticeReader = Callable[[bytes, Mapping[str, str]], BankMovement | LateDecline]
"""Reads a call-back of the bank from body and headers; raises a LendingError (401) unless the bank signed it.

It is handed in because who may be believed is a gateway's knowledge, which this room does not import.
"""


@dataclass
class ApiContext:
    """Books, commands and the reader of bank notices; from them one intake, one sign-in and one set of figures.

    `demo_keys` lets in who shows an open key of a demonstration; `webhooks_inside` lets events be sent to addresses
    inside the house and without encryption; `staff_tokens` is how long a person's token is good.
    """

    books: Books
    commands: LoanCommands
    read_notice: NoticeReader
    demo_keys: bool = False
    webhooks_inside: bool = False
    staff_tokens: timedelta = LASTS
    intake: Intake = field(init=False)
    sign_in: SignIn = field(init=False)
    metrics: Metrics = field(init=False)
    replays: Replays = field(init=False)

    def __post_init__(self) -> None:
        self.intake = Intake(self.books)
        self.sign_in = SignIn(self.books, demo_keys=self.demo_keys)
        self.metrics = Metrics()
        self.replays = Replays(self.books, Histories(self.commands.client))

    async def in_books(self, act: Callable[[UnitOfWork], Result]) -> Result:
        """What comes of an act on the books, committed at its end. Another thread waits for them."""

        def done() -> Result:
            with self.books.begin() as work:
                return act(work)

        return await asyncio.to_thread(done)


async def _context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context
    return context


async def _actor(request: Request) -> Actor:
    actor: Actor = request.state.actor
    return actor


class Look:
    """How the books are looked at for one answer."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._books = request.app.state.context.books

    @contextmanager
    def __call__(self, *, recorded: bool = False, of_one_moment: bool = False) -> Iterator[UnitOfWork]:
        """A unit of work for what is answered: a value that cannot be opened stands as such in its place, and is noted.
        One that is `recorded` writes down who looked, and nothing else; one `of_one_moment` looks as `Books.read` says.
        """
        books = self._books
        with books.begin() if recorded else books.read(of_one_moment=of_one_moment) as work, work.showing():
            yield work
        for error in work.unopened:
            record_unopened(books, self._request, error)


async def _look(request: Request) -> Look:
    return Look(request)


Context = Annotated[ApiContext, Depends(_context)]
"""The context of the app that answers."""
Acting = Annotated[Actor, Depends(_actor)]
"""Who asks, as the edge identified him."""
Looking = Annotated[Look, Depends(_look)]
"""What only shows something looks at the books with it, so that one damaged value refuses nobody the others."""
