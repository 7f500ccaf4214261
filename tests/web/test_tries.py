"""How often the borrowers' door may be tried, and by whom."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words
from web import tries
from web.errors import TooManyTries
from web.tries import FREE_TRIES_OF_LOAN, LONGEST_WAIT_SECONDS, TRIES_OF_ADDRESS, TRIES_OF_PAIR, WITHIN_SECONDS, Tries

DIGITS, WRONG = "0001", "9999"
LOAN = "L26000001"
HOME = "127.0.0.2"
"""Where the borrower lives."""


def test_the_four_digits_cannot_be_guessed(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    visitor = come()
    for _ in range(TRIES_OF_PAIR):
        assert visitor.sign_in_as_borrower(loan, WRONG).status_code == 422

    answer = visitor.sign_in_as_borrower(loan, DIGITS)

    assert answer.status_code == 429
    assert "Too many wrong tries. Wait a quarter of an hour." in words(answer.text)


def test_who_guesses_does_not_lock_the_borrower_out(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    guesser = come()
    for _ in range(TRIES_OF_PAIR):
        guesser.sign_in_as_borrower(loan, WRONG)
    assert guesser.sign_in_as_borrower(loan, WRONG).status_code == 429

    assert come(address=HOME).sign_in_as_borrower(loan, DIGITS).status_code == 200


def test_tries_at_the_same_time_are_no_more_than_one_after_the_other(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    visitor = come()
    token = visitor.token()

    def guess(digits: int) -> int:
        fields = {"csrf": token, "loan": loan, "digits": str(digits)}
        return visitor.client.post("/sign-in/borrower", data=fields).status_code

    with ThreadPoolExecutor(24) as guessers:
        answers = list(guessers.map(guess, range(9000, 9024)))

    assert sorted(answers) == [422] * TRIES_OF_PAIR + [429] * (24 - TRIES_OF_PAIR)


def test_an_unknown_loan_is_locked_like_any_other(come: Come) -> None:
    visitor = come()

    answers = [visitor.sign_in_as_borrower("L26999999", WRONG).status_code for _ in range(TRIES_OF_PAIR + 1)]

    assert answers == [422] * TRIES_OF_PAIR + [429]


def test_who_comes_in_often_is_not_counted(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    visitor = come()

    for _ in range(TRIES_OF_PAIR + 1):
        assert visitor.sign_in_as_borrower(loan, DIGITS).status_code == 200


def test_a_loan_that_many_try_answers_later_but_lets_its_borrower_in(
    come: Come, procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = procedure.graded()
    monkeypatch.setattr(tries, "FREE_TRIES_OF_LOAN", 0)

    began = time.monotonic()
    answer = come(address=HOME).sign_in_as_borrower(loan, DIGITS)

    assert answer.status_code == 200
    assert time.monotonic() - began >= 1


def test_wrong_tries_from_everywhere_slow_a_loan_down_and_never_lock_it() -> None:
    counted = Tries()

    waits = [counted.take(LOAN, f"10.0.0.{n}").wait_seconds for n in range(FREE_TRIES_OF_LOAN + 20)]

    assert waits[:FREE_TRIES_OF_LOAN] == [0] * FREE_TRIES_OF_LOAN
    assert waits[FREE_TRIES_OF_LOAN : FREE_TRIES_OF_LOAN + 3] == [1, 2, 3]
    assert waits[-1] == LONGEST_WAIT_SECONDS
    assert counted.take("L26000002", "10.0.0.1").wait_seconds == 0


def test_an_address_that_tries_one_loan_after_another_is_locked_for_all() -> None:
    counted = Tries()
    for n in range(TRIES_OF_ADDRESS):
        counted.take(f"L2600{n:04}", "10.0.0.1")

    with pytest.raises(TooManyTries):
        counted.take(LOAN, "10.0.0.1")
    counted.take(LOAN, "10.0.0.2")


def test_tries_are_forgotten_after_a_quarter_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Tries()
    for _ in range(TRIES_OF_PAIR):
        counted.take(LOAN, "10.0.0.1")
    later = time.monotonic() + WITHIN_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)

    assert counted.take(LOAN, "10.0.0.1").wait_seconds == 0


def test_a_try_is_given_back_once() -> None:
    counted = Tries()
    right = counted.take(LOAN, "10.0.0.1")
    for _ in range(TRIES_OF_PAIR - 1):
        counted.take(LOAN, "10.0.0.1")

    counted.give_back(right)
    counted.give_back(right)
    counted.take(LOAN, "10.0.0.1")

    with pytest.raises(TooManyTries):
        counted.take(LOAN, "10.0.0.1")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        (None, None, True),
    ],
)
def test_a_subscribers_addresses_are_counted_as_one(first: str | None, second: str | None, same: bool) -> None:
    counted = Tries()
    for _ in range(TRIES_OF_PAIR):
        counted.take(LOAN, first)

    if same:
        with pytest.raises(TooManyTries):
            counted.take(LOAN, second)
    else:
        counted.take(LOAN, second)
