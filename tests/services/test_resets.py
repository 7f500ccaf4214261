"""Floating rates: what the contract says, the day of the reset, and what the database takes for one."""

import json
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import Books
from models.messages import StepKind
from models.papers import PaperLanguage
from models.tasks import TaskKind
from services.status import status_of
from tests.services.limits import publish
from tests.services.papers import GUARANTOR, contract, squeezed
from tests.services.procedure import ADMIN, Procedure
from tests.services.proposals import check_the_books
from web.language import language
from web.story import story

NEW_YEAR = date(2027, 1, 1)


def a_year_on(procedure: Procedure, **changes: object) -> str:
    """80,000 at 3.00 % + 1.50 points over 36 months from 5 January 2026; eleven installments came in on their days."""
    loan = procedure.running("auto", **({"rate_type": "floating"} | changes))
    for month in range(2, 13):
        procedure.day = date(2026, month, 5)
        procedure.collect(loan)
        procedure.advance(loan, StepKind.DUE)
    return loan


def test_the_contract_holds_the_rate_of_its_day_and_the_margin_of_the_grade(procedure: Procedure) -> None:
    loan = procedure.running("auto", rate_type="floating")
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
        assert terms is not None
        assert terms.body["annual_rate_percent"] == "4.50"
        assert terms.body["floating"] == {"tenor": "one_year", "margin_percent": "1.50", "reset": "new_year"}


def test_the_contract_says_in_both_languages_what_the_rate_follows_and_when(procedure: Procedure) -> None:
    loan = procedure.offered("auto", rate_type="floating")
    chinese, english = (squeezed(contract(procedure, loan, one).content) for one in PaperLanguage)
    assert "放款日最近一次公布的一年期贷款市场报价利率（LPR）加1.5个百分点；每年1月1日按当日" in chinese
    assert "one-yearloanprimerate(LPR)lastpublishedbeforethepayoutplus1.5percentagepoints." in english
    assert "on1Januaryofeachyear" in english


def test_on_the_day_of_the_reset_the_loan_wakes_and_its_installments_follow_the_published_rate(
    procedure: Procedure,
) -> None:
    publish(procedure.books, "2026-06-22", "2.80")
    loan = a_year_on(procedure, **GUARANTOR)
    before = procedure.account(loan)
    progress = procedure.advance(loan)
    assert progress.next_day is not None
    assert (progress.next_day.date, progress.next_day.why, progress.next_day.collect) == (
        NEW_YEAR,
        StepKind.RESET,
        False,
    )

    procedure.day = NEW_YEAR
    progress = procedure.advance(loan, StepKind.RESET)
    after = procedure.account(loan)
    balance = before.principal_outstanding_fen
    # 27 of the 31 days up to 5 January at 4.5 %, four at 2.80 + 1.50.
    twelfth = Decimal(balance) / 12 / 100 / 31
    assert after.rows[11].interest == round(twelfth * (27 * Decimal("4.5") + 4 * Decimal("4.3")))
    # Solved anew over the 25 installments left, at 4.3 % / 12 a month.
    rate = Decimal("4.3") / 1200
    level = balance * rate / (1 - (1 + rate) ** -25)
    assert after.rows[12].total == round(level)
    assert after.rows[12].total < before.rows[12].total
    assert sum(row.principal for row in after.rows) == 8_000_000
    assert progress.next_day is not None
    assert progress.next_day.why is not StepKind.RESET
    assert procedure.loan(loan).next_due_fen == after.rows[11].total
    assert procedure.messages(loan)[-2:] == ["terms_changed", "others_terms_changed"]
    assert procedure.acts(loan).count("rate_reset") == 1
    with procedure.books.read() as work:
        told = [one.text for one in story(status_of(work, ADMIN, loan), {}, work.clock, language("zh"))]
    assert "按合同约定，自2027-01-01起年利率为4.30%" in told
    assert TaskKind.CHANGE not in procedure.open_tasks(loan)
    check_the_books(procedure)


def test_a_reset_is_booked_once_and_a_publication_entered_late_counts_from_its_day(procedure: Procedure) -> None:
    loan = a_year_on(procedure)
    procedure.day = NEW_YEAR
    procedure.advance(loan, StepKind.RESET)
    assert procedure.acts(loan).count("rate_reset") == 0
    publish(procedure.books, "2026-12-21", "3.10")
    for day in (date(2027, 1, 2), date(2027, 1, 3)):
        procedure.day = day
        procedure.advance(loan)
    with procedure.books.read() as work:
        (reset,) = [one for one in work.loans.events(loan) if one.type == "rate_change"]
    assert (reset.key, reset.date) == (f"{loan}:reset:2027-01-01", NEW_YEAR)
    assert reset.body["annual_rate_percent"] == "4.60"


def test_a_fixed_rate_knows_no_reset(procedure: Procedure) -> None:
    publish(procedure.books, "2026-06-22", "2.80")
    loan = a_year_on(procedure, rate_type="fixed")
    procedure.day = date(2027, 1, 2)
    progress = procedure.advance(loan)
    assert progress.next_day is not None
    assert progress.next_day.why is StepKind.DUE
    assert procedure.acts(loan).count("rate_reset") == 0


def test_a_rate_agreed_before_its_publication_was_entered_follows_at_the_next_reset(procedure: Procedure) -> None:
    """Published in the morning, entered the day after: in between money went out at the earlier rate."""
    loan = a_year_on(procedure)
    publish(procedure.books, "2026-01-05", "2.90")
    procedure.day = NEW_YEAR
    procedure.advance(loan, StepKind.RESET)
    assert resets(procedure, loan) == [(NEW_YEAR, "4.40")]


def test_a_corrected_publication_leaves_booked_resets_and_is_followed_by_the_next(procedure: Procedure) -> None:
    publish(procedure.books, "2026-06-22", "2.08")
    loan = a_year_on(procedure)
    procedure.day = NEW_YEAR
    procedure.advance(loan, StepKind.RESET)
    publish(procedure.books, "2026-06-22", "2.80")
    procedure.day = date(2027, 1, 4)
    procedure.advance(loan)
    assert resets(procedure, loan) == [(NEW_YEAR, "3.58")]
    procedure.day = date(2028, 1, 1)
    procedure.advance(loan, StepKind.RESET)
    assert resets(procedure, loan) == [(NEW_YEAR, "3.58"), (date(2028, 1, 1), "4.30")]


def resets(procedure: Procedure, loan: str) -> list[tuple[date, str]]:
    """Day and new rate of each reset that is booked."""
    with procedure.books.read() as work:
        events = [one for one in work.loans.events(loan) if one.type == "rate_change"]
    return [(one.date, one.body["annual_rate_percent"]) for one in events]


def write_reset(books: Books, loan: str, key: str, day: str = "2027-01-01", told: str | None = None) -> None:
    """Writes a reset past every rule of the program."""
    body = {"id": key, "type": "rate_change", "date": told or day, "annual_rate_percent": "0.01"}
    with books.begin() as work:
        work.session.connection().execute(
            text(
                "INSERT INTO loan_event (key, loan, position, type, date, body, recorded_at)"
                " VALUES (:key, :loan, 99, 'rate_change', :day, :body, '2027-01-01 00:00:00')"
            ),
            {"key": key, "loan": loan, "day": day, "body": json.dumps(body)},
        )


def test_the_database_takes_a_reset_from_a_contract_that_agrees_on_it_only(procedure: Procedure) -> None:
    fixed, floating = procedure.running("auto"), procedure.running("auto", rate_type="floating")
    write = procedure.books
    with pytest.raises(DBAPIError, match="floating rate"):
        write_reset(write, fixed, f"{fixed}:reset:2027-01-01")
    with pytest.raises(DBAPIError, match="floating rate"):
        write_reset(write, fixed, f"{floating}:reset:2027-01-01")
    with pytest.raises(DBAPIError, match="floating rate"):
        write_reset(write, floating, f"{floating}:reset:2027-01-01", day="2026-02-01")
    with pytest.raises(DBAPIError, match="floating rate"):
        write_reset(write, floating, f"{floating}:reset:2027-01-01", told="2026-02-01")
    with pytest.raises(DBAPIError, match="decided proposal"):
        write_reset(write, floating, f"{floating}:change:2027-01-01")
    write_reset(write, floating, f"{floating}:reset:2027-01-01")
