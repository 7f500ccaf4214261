"""The intake: many at once, none lost, none doubled, and one bad one harms nobody else."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import event

from api.intake import Intake, IntakeClosed, IntakeFull
from books.session import Books
from lending.errors import LendingError
from services.applications import Receipt, Submission
from services.errors import IdempotencyConflict
from tests.api.serving import Caller, serving
from tests.modules.applications import application, id_number
from tests.services.procedure import Procedure


@pytest.fixture
def intake(books: Books) -> Iterator[Intake]:
    """A running intake."""
    started = Intake(books)
    started.start()
    yield started
    started.stop()


def results(offered: list["Future[Receipt | LendingError]"]) -> list[Receipt | LendingError]:
    """The answers, once all are there."""
    _, waiting = wait(offered, timeout=60)
    assert not waiting
    return [one.result() for one in offered]


def loans(books: Books) -> list[str]:
    """The numbers of all loans."""
    with books.read() as work:
        return work.loans.all_numbers(limit=10_000)


def malformed(submission: Submission) -> Submission:
    """One that passed the form's checks and yet cannot be written."""
    return replace(submission, form={name: value for name, value in submission.form.items() if name != "bank_card"})


def test_many_at_once_are_written_in_few_transactions(intake: Intake, books: Books, procedure: Procedure) -> None:
    commits: list[None] = []
    event.listen(books.engine, "commit", lambda _connection: commits.append(None))
    with books.begin() as work:
        # Holds the writer until all stand in line.
        work.outbox.next_numbers("loan", 1)
        offered = [intake.offer(procedure.submission()) for _ in range(250)]

    receipts = results(offered)

    assert sorted(one.loan for one in receipts if isinstance(one, Receipt)) == loans(books)
    assert len(set(loans(books))) == 250
    assert len(commits) <= 5


def test_one_that_cannot_be_written_takes_no_other_down(intake: Intake, books: Books, procedure: Procedure) -> None:
    good = [procedure.submission() for _ in range(3)]
    bad = malformed(procedure.submission())
    with books.begin() as work:
        work.outbox.next_numbers("loan", 1)
        offered = [intake.offer(one) for one in (good[0], bad, *good[1:])]

    wait(offered, timeout=60)

    assert isinstance(offered[1].exception(), KeyError)
    accepted = results([offered[0], *offered[2:]])
    assert [type(one) for one in accepted] == [Receipt] * 3
    assert len(loans(books)) == 3
    assert isinstance(results([intake.offer(procedure.submission())])[0], Receipt)


def test_the_same_key_within_one_batch_counts_once(intake: Intake, books: Books, procedure: Procedure) -> None:
    first = procedure.submission(key="one")
    another = procedure.submission(key="one")
    with books.begin() as work:
        work.outbox.next_numbers("loan", 1)
        offered = [intake.offer(one) for one in (first, first, another)]

    one, same, conflict = results(offered)

    assert isinstance(one, Receipt)
    assert isinstance(same, Receipt)
    assert (same.loan, same.repeated) == (one.loan, True)
    assert isinstance(conflict, IdempotencyConflict)
    assert loans(books) == [one.loan]


def test_two_processes_with_the_same_new_customer_and_key_double_nothing(books: Books, procedure: Procedure) -> None:
    submissions = [procedure.submission() for _ in range(100)]
    intakes = [Intake(books), Intake(Books(books.url))]
    for one in intakes:
        one.start()

    answers = [results([one.offer(submission) for submission in submissions for one in intakes])]
    for one in intakes:
        one.stop()
    intakes[1]._books.close()

    numbers = [answer.loan for answer in answers[0] if isinstance(answer, Receipt)]
    assert len(numbers) == 200
    assert sorted(set(numbers)) == loans(books)
    assert len(loans(books)) == 100


def test_what_waits_is_written_before_the_intake_stops(books: Books, procedure: Procedure) -> None:
    intake = Intake(books)
    intake.start()
    offered = [intake.offer(procedure.submission()) for _ in range(50)]

    intake.stop()

    assert all(one.done() for one in offered)
    assert len(loans(books)) == 50
    with pytest.raises(IntakeClosed):
        intake.offer(procedure.submission())


def test_a_line_that_is_too_long_takes_no_more(books: Books, procedure: Procedure) -> None:
    intake = Intake(books, batch=1, capacity=2)
    intake.start()
    with books.begin() as work:
        work.outbox.next_numbers("loan", 1)
        writing = [intake.offer(procedure.submission())]
        while intake.waiting:
            time.sleep(0.01)
        waiting = [intake.offer(procedure.submission()) for _ in range(2)]
        one_more = procedure.submission()
        with pytest.raises(IntakeFull):
            intake.offer(one_more)

    assert [type(one) for one in results(writing + waiting)] == [Receipt] * 3
    intake.stop()


def test_a_caller_who_came_to_a_full_line_is_told_when_to_come_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.context.Intake", partial(Intake, capacity=0))
    body = {"product": "micro", "form": application("micro"), "consent": "2026-01"}
    with serving(books) as api:
        answer = api.apply(body, "first")

    assert (answer.status_code, answer.json()["code"]) == (503, "intake_full")
    assert answer.headers["Retry-After"] == "2"


def test_two_hundred_callers_at_the_same_moment_are_all_accepted(api: Caller, books: Books) -> None:
    def apply(n: int) -> int:
        form = application("micro", id_number=id_number(sequence=n))
        return api.apply({"product": "micro", "form": form, "consent": "2026-01"}, f"key-{n}").status_code

    with ThreadPoolExecutor(50) as callers:
        statuses = list(callers.map(apply, range(200)))

    assert statuses == [202] * 200
    assert len(loans(books)) == 200
