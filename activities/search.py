"""Customers of before there was a search are made findable, once, while the lender works."""

import asyncio

import structlog

from books.session import Books
from services.search import make_findable

log = structlog.get_logger()

PAUSE_SECONDS = 0.05
AGAIN_SECONDS = 30.0


async def make_all_findable(books: Books) -> None:
    """Adds digests portion by portion until no customer lacks them; does nothing in books where none does."""
    after: str | None = ""
    while after is not None:
        try:
            after = await asyncio.to_thread(_portion, books, after)
        except Exception as error:  # noqa: BLE001 the books may be away for a while; the customers wait in them
            log.error("search_paused", error=type(error).__name__)
            await asyncio.sleep(AGAIN_SECONDS)
        await asyncio.sleep(PAUSE_SECONDS)


def _portion(books: Books, after: str) -> str | None:
    with books.read() as work:
        if not work.search.not_found_by_any(after, 1):
            return None
    with books.begin() as work:
        return make_findable(work, after)
