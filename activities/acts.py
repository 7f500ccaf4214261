"""How every act on the books is run: one unit of work, once per key, refusals told apart from troubles."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from books.session import Books, UnitOfWork, was_written_before
from lending.errors import LendingError
from models.messages import BooksOrder, Message
from models.outbox import Effect

Order = TypeVar("Order", bound=BooksOrder)
Result = TypeVar("Result", bound=Message)


def once(books: Books, order: Order, act: Callable[[UnitOfWork, Order], Result], result_type: type[Result]) -> Result:
    """Does an act, or returns the result it had the first time: a repeat after a crash changes nothing."""
    with refusals():
        try:
            return _once(books, order, act, result_type)
        except IntegrityError as error:
            # The same act ran at the same moment and was faster: its result is there now.
            if not was_written_before(error):
                raise
            return _once(books, order, act, result_type)


def _once(books: Books, order: Order, act: Callable[[UnitOfWork, Order], Result], result_type: type[Result]) -> Result:
    with books.begin() as work:
        done = work.outbox.effect(order.key)
        if done is not None:
            return result_type.model_validate(done.result)
        result = act(work, order)
        work.outbox.add_effect(
            Effect(key=order.key, loan=order.loan, n=order.n, result=result.model_dump(mode="json"), at=work.now)
        )
        return result


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
