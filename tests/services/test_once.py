"""An act on the books happens once per effect key, however often and however closely together it is asked for."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from temporalio.exceptions import ApplicationError

from activities.acts import once
from books.session import Books, UnitOfWork
from lending.errors import LendingError
from models.loans import Stage
from models.messages import BooksOrder, Progress
from models.outbox import Topic
from services.approval import decide
from services.errors import WrongStage
from tests.services.procedure import Procedure


def order_of(procedure: Procedure, loan: str = "L26000001", n: int = 1) -> BooksOrder:
    return BooksOrder(loan=loan, key=f"{loan}:act:{n}", n=n, day=procedure.day)


def numbered(work: UnitOfWork, _order: BooksOrder) -> Progress:
    """An act that comes out differently each time it is done."""
    return Progress(stage=Stage.APPROVAL, task_id=str(work.outbox.next_numbers("acts", 1)))


def test_a_repeated_act_gives_its_first_result(procedure: Procedure) -> None:
    answers = [once(procedure.books, order_of(procedure), numbered, Progress) for _ in range(3)]
    assert [answer.task_id for answer in answers] == ["1", "1", "1"]
    assert once(procedure.books, order_of(procedure, n=2), numbered, Progress).task_id == "2"
    with procedure.books.read() as work:
        assert work.outbox.last_effect("L26000001") == 2


def test_acts_asked_for_at_the_same_moment_are_done_once_and_all_get_the_result(procedure: Procedure) -> None:
    """On PostgreSQL both begin; the unique key lets one commit, and the other returns what that one did."""
    loan = procedure.graded()
    order = procedure.decision(loan)
    houses = [procedure.books, Books(procedure.books.url), Books(procedure.books.url)]
    start = Barrier(len(houses))

    def ask(books: Books) -> Progress:
        start.wait(timeout=10)
        return once(books, order, decide, Progress)

    with ThreadPoolExecutor(len(houses)) as pool:
        answers = list(pool.map(ask, houses))
    for other in houses[1:]:
        other.close()
    assert [answer.stage for answer in answers] == [Stage.ACCEPTANCE] * 3
    with procedure.books.read() as work:
        assert len(work.tasks.decisions(loan)) == 1
        assert len(work.customers.payees(loan)) == 1
        assert [entry.act for entry in work.audit.of_loan(loan)].count("approval_decided") == 1


def test_an_act_that_failed_left_nothing_and_can_be_asked_for_again(procedure: Procedure) -> None:
    def fails(work: UnitOfWork, order: BooksOrder) -> Progress:
        work.outbox.put(Topic.SMS, "half", {}, work.now)
        work.session.flush()
        raise ConnectionError(order.key)

    with pytest.raises(ConnectionError):
        once(procedure.books, order_of(procedure), fails, Progress)
    with procedure.books.read() as work:
        assert work.outbox.effect("L26000001:act:1") is None
        assert not work.outbox.has("half")
    assert once(procedure.books, order_of(procedure), numbered, Progress).task_id == "1"


def test_a_refusal_ends_the_act_for_good_with_its_code_sentence_and_fields(procedure: Procedure) -> None:
    def refuses(_work: UnitOfWork, order: BooksOrder) -> Progress:
        raise WrongStage(order.loan, "settled", "approval")

    with pytest.raises(ApplicationError) as refused:
        once(procedure.books, order_of(procedure), refuses, Progress)
    assert (refused.value.type, refused.value.non_retryable) == ("wrong_stage", True)
    assert "L26000001 is at settled" in refused.value.message
    with procedure.books.read() as work:
        assert work.outbox.effect("L26000001:act:1") is None


def test_a_refusal_that_time_cures_is_left_to_the_retries(procedure: Procedure) -> None:
    class Later(LendingError):
        retryable = True

    def refuses(_work: UnitOfWork, _order: BooksOrder) -> Progress:
        raise Later("ask again")

    with pytest.raises(Later):
        once(procedure.books, order_of(procedure), refuses, Progress)


def test_another_broken_rule_of_the_database_is_no_repetition(procedure: Procedure) -> None:
    def breaks(work: UnitOfWork, order: BooksOrder) -> Progress:
        work.session.connection().exec_driver_sql("INSERT INTO number_series (name, next) VALUES ('empty', NULL)")
        return numbered(work, order)

    with pytest.raises(ApplicationError) as failed:
        once(procedure.books, order_of(procedure), breaks, Progress)
    # Tried again, since it is no refusal; and its text, which may carry a row, is left out.
    assert (failed.value.type, failed.value.non_retryable) == ("books_unavailable", False)
    assert "number_series" not in str(failed.value)
