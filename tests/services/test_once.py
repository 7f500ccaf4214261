"""An act on the books happens once per effect key, however often and however closely together it is asked for."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from temporalio.exceptions import ApplicationError

from activities.acts import once
from books.session import Books, UnitOfWork
from lending.errors import LendingError
from models.loans import Stage
from models.messages import BooksOrder, CommandOnBooks, CommandResult, Progress
from models.outbox import Topic
from services.acceptance import accept
from services.approval import decide
from services.errors import WrongStage
from tests.services.procedure import INTEGRATOR, Procedure


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
    # No retry would cure it; and its text, which may carry a row, is left out.
    assert (failed.value.type, failed.value.non_retryable) == ("books_refused", True)
    assert "number_series" not in str(failed.value)


def test_books_that_are_away_are_waited_for(procedure: Procedure, tmp_path: Path) -> None:
    away = Books(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(ApplicationError) as failed:
        once(away, order_of(procedure), numbered, Progress)
    away.close()
    assert (failed.value.type, failed.value.non_retryable) == ("books_unavailable", False)


def test_a_row_that_somebody_else_wrote_at_this_moment_is_found_at_the_second_look(procedure: Procedure) -> None:
    looks: list[None] = []

    def finds(work: UnitOfWork, order: BooksOrder) -> Progress:
        looks.append(None)
        if len(looks) == 1:
            for _ in range(2):
                work.outbox.put(Topic.SMS, "the same", {}, work.now)
        return numbered(work, order)

    assert once(procedure.books, order_of(procedure), finds, Progress).stage is Stage.APPROVAL
    assert len(looks) == 2


def test_a_fault_in_an_act_ends_it_without_retries_and_without_its_words(
    procedure: Procedure, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tried again for ever, it would hold the loan fast with nobody knowing."""

    def faulty(_work: UnitOfWork, _order: BooksOrder) -> Progress:
        raise ValueError("欧阳测试 110000199005170129")

    with pytest.raises(ApplicationError) as failed:
        once(procedure.books, order_of(procedure), faulty, Progress)
    assert (failed.value.type, failed.value.non_retryable) == ("act_failed", True)
    said = str(failed.value) + capsys.readouterr().out
    assert "faulty" in said
    assert "110000199005170129" not in said


def test_a_command_id_used_for_another_act_is_refused(procedure: Procedure) -> None:
    """The other act's result would not even be of the same kind."""
    loan = procedure.graded()
    procedure.decide(loan)
    procedure.sign(loan)
    accepting = procedure.command(loan, INTEGRATOR)
    once(procedure.books, accepting, accept, Progress)

    def other(_work: UnitOfWork, _order: CommandOnBooks) -> CommandResult:
        return CommandResult(stage=Stage.REPAYMENT, sentence="x")

    with pytest.raises(ApplicationError) as refused:
        once(procedure.books, accepting, other, CommandResult)
    assert (refused.value.type, refused.value.non_retryable) == ("idempotency_conflict", True)


def test_the_same_command_gets_its_first_answer_and_another_wish_under_its_id_is_refused(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan)
    procedure.sign(loan)
    first = procedure.command(loan, INTEGRATOR)
    answer = once(procedure.books, first, accept, Progress)
    again = first.model_copy(update={"day": first.day + timedelta(days=1)})
    assert once(procedure.books, again, accept, Progress) == answer
    wish = first.command.model_copy(update={"reason": "something else"})
    with pytest.raises(ApplicationError) as refused:
        once(procedure.books, first.model_copy(update={"command": wish}), accept, Progress)
    assert refused.value.type == "wrong_stage"
