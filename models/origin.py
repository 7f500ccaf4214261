"""On whose behalf the books are written to just now: the step of a workflow, or a request or command from somewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """The activity under way: its workflow, the run, its id within the run, and the last event before it was asked for.

    Run and activity id name the event that scheduled it, or the marker that a local one left.
    """

    workflow_id: str
    run_id: str
    activity_id: str
    event_id: int | None = None


@dataclass(frozen=True)
class Whence:
    """From where a request or command came: an address, and by what it is found again in logs."""

    address: str | None = None
    request_id: str | None = None


NOWHERE = Whence()
_UNDER_WAY: ContextVar[Origin | None] = ContextVar("origin", default=None)
_WHENCE: ContextVar[Whence] = ContextVar("whence", default=NOWHERE)


def origin() -> Origin | None:
    """The step under way; None outside of workflows."""
    return _UNDER_WAY.get()


@contextmanager
def acting_for(step: Origin | None) -> Iterator[None]:
    """What is written while the block lasts comes from this step."""
    token = _UNDER_WAY.set(step)
    try:
        yield
    finally:
        _UNDER_WAY.reset(token)


def whence() -> Whence:
    """From where the request or command under way came; nowhere for what the system does by itself."""
    return _WHENCE.get()


@contextmanager
def coming_from(where: Whence) -> Iterator[None]:
    """What is written while the block lasts came from there, also in threads that the block starts."""
    token = _WHENCE.set(where)
    try:
        yield
    finally:
        _WHENCE.reset(token)
