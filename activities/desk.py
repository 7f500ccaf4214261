"""How work that waits in a table of its own is done: one piece after the other, for as long as there is any."""

import asyncio
from collections.abc import Callable

import structlog

log = structlog.get_logger()


async def one_after_the_other(do_one: Callable[[], bool], poll_seconds: float, paused: str) -> None:
    """Works until cancelled; one piece at a time, so that it never takes more than one core.

    `do_one` says whether it found anything to do. An error of it is logged as `paused`, and it is tried again.
    """
    while True:
        try:
            done = await asyncio.to_thread(do_one)
        except Exception as error:  # noqa: BLE001 the books may be away for a while; the work waits in them
            log.error(paused, error=type(error).__name__)
            done = False
        if not done:
            await asyncio.sleep(poll_seconds)
