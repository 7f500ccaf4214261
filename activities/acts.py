"""How every act on the books is run: one unit of work, once per key, refusals told apart from troubles."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from books.session import Books, UnitOfWork
from lending.errors import LendingError
from models.messages import BooksOrder, Message
from models.outbox import Effect

Order = TypeVar("Order", bound=BooksOrder)
Result = TypeVar("Result", bound=Message)


def once(books: Books, order: Order, act: Callable[[UnitOfWork, Order], Result], result_type: type[Result]) -> Result:
    """Does an act, or returns the result it had the first time: a repeat after a crash changes nothing."""
    with refusals():
        try:
            with books.begin() as work:
                result = act(work, order)
                work.outbox.add_effect(
                    Effect(
                        key=order.key, loan=order.loan, n=order.n, result=result.model_dump(mode="json"), at=work.now
                    )
                )
            return result
        except Exception:
            # A repeat fails: at the latest at the key of its effect, earlier if the act does not fit what it left
            # behind. To look only then spares all others the question.
            done = _effect(books, order.key)
            if done is None:
                raise
            return result_type.model_validate(done.result)


def _effect(books: Books, key: str) -> Effect | None:
    with books.read() as work:
        return work.outbox.effect(key)


@contextmanager
def refusals() -> Iterator[None]:
    """A refusal that no retry can cure ends the activity with its code and sentence; anything else is retried."""
    try:
        yield
    except SQLAlchemyError as trouble:
        # Its text may carry a row's values, so only its kind goes into histories and logs.
        raise ApplicationError(type(trouble).__name__, type="books_unavailable") from None
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
