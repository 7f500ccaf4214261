"""What the pages are given when they start."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from fastapi import Request

from books.session import Books, UnitOfWork
from engine.commands import LoanCommands
from engine.replaying import Replays
from models.identity_provider import IdentityProvider
from services.sign_in_tokens import LASTS

Result = TypeVar("Result")


@dataclass(frozen=True)
class ReceivingAccount:
    """The lender's account to which borrowers transfer money, as they enter it at their bank."""

    holder: str
    number: str
    clearing_code: str


@dataclass(frozen=True)
class WebContext:
    """The books, the commands to loans, and what an operator has set.

    `temporal_ui_url` is the address of Temporal's own pages, linked from each loan; None leaves the link out.
    `demo_sign_in` opens the sign-in without a password for made-up people. `provider` is where members of staff may
    sign in instead of here, and `pages_url` where these pages are reached from outside, to which it sends them back.
    `staff_tokens` is how long a person's token for the API is good. `replays` are those of the API in this process, for
    one loan is replayed at a time; without them the pages have their own.
    """

    books: Books
    commands: LoanCommands
    session_secret: str
    receiving: ReceivingAccount
    temporal_ui_url: str | None = None
    temporal_namespace: str = "default"
    demo_sign_in: bool = False
    provider: IdentityProvider | None = None
    pages_url: str = ""
    staff_tokens: timedelta = LASTS
    replays: Replays | None = None


async def in_books(request: Request, act: Callable[[UnitOfWork], Result]) -> Result:
    """What comes of an act on the books, committed at its end. Another thread waits for them."""
    context: WebContext = request.app.state.context

    def done() -> Result:
        with context.books.begin() as work:
            return act(work)

    return await asyncio.to_thread(done)
