"""How every act on the books is run: one unit of work, once per key, refusals told apart from troubles."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import structlog
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from books.session import Books, UnitOfWork, was_written_before
from lending.errors import LendingError
from models.messages import BooksOrder, Message
from models.outbox import Effect, Topic
from services.errors import IdempotencyConflict
from services.faults import kind_and_place

log = structlog.get_logger()

CONFIRM_AFTER = timedelta(seconds=15)
"""How long a loan has to go on from a command before somebody asks whether it knows of it."""

Order = TypeVar("Order", bound=BooksOrder)
Result = TypeVar("Result", bound=Message)


def once(books: Books, order: Order, act: Callable[[UnitOfWork, Order], Result], result_type: type[Result]) -> Result:
    """Does an act, or returns the result it had the first time: a repeat after a crash changes nothing.

    What neither a refusal nor books that are away explains is a fault that no retry cures: it ends the act, and the
    loan asks for help.
    """
    with refusals():
        try:
            return _do(books, order, act)
        except Exception as error:
            # A repeat fails: at the latest at the key of its effect, earlier if the act does not fit what it left
            # behind. To look only then spares all others the question.
            done = _effect(books, order.key)
            if done is None:
                if isinstance(error, IntegrityError) and was_written_before(error):
                    # Somebody else wrote the same row at this moment; a second look finds it.
                    return _do(books, order, act)
                raise _fault(order, act.__name__, error) from None
            if (done.act or act.__name__, done.request) == (act.__name__, _digest(order)):
                return result_type.model_validate(done.result)
            if isinstance(error, LendingError):
                raise
            raise IdempotencyConflict from None


def _do(books: Books, order: Order, act: Callable[[UnitOfWork, Order], Result]) -> Result:
    with books.begin() as work:
        result = act(work, order)
        work.outbox.add_effect(
            key=order.key,
            loan=order.loan,
            n=order.n,
            act=act.__name__,
            request=_digest(order),
            result=result.model_dump(mode="json"),
            at=work.now,
        )
        if order.asked is not None:
            # The answer may be lost with the engine, and the sender may not ask again.
            confirmed = {"effect": order.key}
            work.outbox.put(
                Topic.CONFIRM_COMMAND, f"confirm:{order.key}", confirmed, work.now + CONFIRM_AFTER, order.loan
            )
    return result


def _digest(order: BooksOrder) -> str | None:
    return order.asked.digest if order.asked is not None else None


def _effect(books: Books, key: str) -> Effect | None:
    with books.read() as work:
        return work.outbox.effect(key)


def _fault(order: BooksOrder, act: str, error: Exception) -> Exception:
    """The error to go on with: a fault in the act itself becomes one that is not tried again."""
    if isinstance(error, LendingError | SQLAlchemyError | OSError):
        return error
    kind, frames = kind_and_place(error)
    log.error("act_failed", act=act, loan=order.loan, error=kind, frames=frames)
    return ApplicationError(f"{act}: {kind}", type="act_failed", non_retryable=True)


@contextmanager
def refusals() -> Iterator[None]:
    """A refusal that no retry can cure ends the activity with its code and sentence; anything else is retried."""
    try:
        yield
    except (OperationalError, InterfaceError, NoFreeConnection) as trouble:
        # Its text may carry a row's values, so only its kind goes into histories and logs.
        raise ApplicationError(type(trouble).__name__, type="books_unavailable") from None
    except SQLAlchemyError as fault:
        # The books are there and do not take this: the next try would give them the same.
        raise ApplicationError(type(fault).__name__, type="books_refused", non_retryable=True) from None
    except LendingError as refusal:
        if getattr(refusal, "retryable", False):
            raise
        raise ApplicationError(
            str(refusal),
            refusal.fields,
            type=refusal.code,
            non_retryable=True,
            # A refusal is an answer, not trouble: no stack trace in the log.
            category=ApplicationErrorCategory.BENIGN,
        ) from refusal
