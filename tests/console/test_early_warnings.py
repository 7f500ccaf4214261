"""`loanwright warnings`: months scored from the command, the list, and how good it was."""

from datetime import timedelta

import pytest
from typer.testing import CliRunner

from books.session import Books
from console.early_warnings import MonthScored, app, score_months
from lending.errors import LendingError
from tests.services.procedure import Procedure
from tests.services.test_behaviour import MARCH, misses


def run(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None:
        raise result.exception
    return result.output


def test_months_that_are_over_are_scored_and_told(books: Books) -> None:
    procedure = Procedure(books)
    loan = procedure.running()
    misses(procedure, loan, 0, 1)
    assert run("run").strip() == "every month that is over is scored"
    assert list(score_months(books, MARCH - timedelta(days=2))) == [
        MonthScored("2026-01", 1, 0, complete=True),
        MonthScored("2026-02", 0, 0, complete=False),
    ]
    assert list(score_months(books, MARCH)) == [MonthScored("2026-02", 1, 1, complete=True)]

    listed = run("list", "--actor", "risk-qian")
    assert loan in listed
    assert "serious" in listed
    assert "nobody is warned of in 2026-01" in run("list", "--actor", "risk-qian", "--month", "2026-01")
    assert "of 0 warnings that are old enough" in run("check", "--actor", "risk-qian")
    assert "too few" in run("check", "--actor", "manager-zhao")


@pytest.mark.usefixtures("books")
def test_before_the_first_month_and_for_others_there_is_no_list() -> None:
    assert "no month is scored yet" in run("list", "--actor", "risk-qian")
    for who in ("finance-sun", "nobody"):
        with pytest.raises(LendingError):
            run("list", "--actor", who)
