"""Facts of the core: what a person owes here in any role, how late he was, his age, and that this takes few queries."""

from datetime import date, timedelta
from typing import Any

import pytest

from models.loans import Stage
from models.tasks import Outcome
from services.facts import CORE_FACTS, facts_of
from services.loans import case_of
from services.policy_tables import PYTHON_TYPES
from services.products import catalogue
from tests.books.test_indexes import listening, scanned
from tests.modules.applications import id_number
from tests.services.procedure import BORN, MANAGER, Procedure

PERSON = id_number(sequence=901)


def facts(procedure: Procedure, loan: str, day: date | None = None) -> dict[str, Any]:
    with procedure.at() as work:
        found = work.loans.get(loan)
        on = day or procedure.day
        return facts_of(work, found, case_of(work, found, on), on)


@pytest.mark.parametrize("code", ["micro", "auto", "student"])
def test_every_core_fact_is_given_in_its_type_and_hides_no_fact_of_a_product(procedure: Procedure, code: str) -> None:
    loan = procedure.apply(code)
    procedure.verify(loan)
    found = facts(procedure, loan)
    assert {name: type(found[name]) for name in CORE_FACTS} == {
        name: PYTHON_TYPES[kind] for name, kind in CORE_FACTS.items()
    }
    with procedure.books.read() as work:
        given = catalogue().product(code).facts(case_of(work, work.loans.get(loan), procedure.day))
    assert not given.keys() & CORE_FACTS.keys()
    assert given.items() <= found.items()


def test_somebody_new_owes_nothing(procedure: Procedure) -> None:
    found = facts(procedure, procedure.apply(id_number=PERSON))
    owed = ("exposure_fen", "open_loans", "lent_this_year_fen", "worst_own_dpd")
    assert [found[name] for name in owed] == [0, 0, 0, 0]
    assert (found["screening_hit"], found["score_known"]) == (False, False)


def test_exposure_counts_what_is_out_and_what_is_approved_over_all_products(procedure: Procedure) -> None:
    running = procedure.running(id_number=PERSON)
    procedure.day += timedelta(days=31)
    procedure.collect(running)
    procedure.advance(running)
    left = procedure.account(running).principal_outstanding_fen
    assert 0 < left < 1_200_000
    approved = procedure.offered("auto", id_number=PERSON)
    procedure.apply(id_number=PERSON, amount="5000")
    asked = procedure.apply(id_number=PERSON, amount="7000")
    found = facts(procedure, asked)
    assert (found["exposure_fen"], found["open_loans"]) == (left + 8_000_000, 2)
    # A loan is not counted beside itself.
    assert facts(procedure, approved)["exposure_fen"] == left


def test_whoever_stands_for_another_owes_his_loan_too(procedure: Procedure) -> None:
    guarantor = {"guarantor_name": "周担保", "guarantor_id_number": PERSON, "guarantor_mobile": "19900000077"}
    guaranteed = procedure.running("auto", **guarantor)
    found = facts(procedure, procedure.apply(id_number=PERSON))
    assert (found["exposure_fen"], found["open_loans"]) == (8_000_000, 1)
    procedure.day += timedelta(days=60)
    procedure.advance(guaranteed)
    # That the other pays late is not his own arrears.
    assert facts(procedure, procedure.apply(id_number=PERSON, amount="9000"))["worst_own_dpd"] == 0


def test_refused_and_withdrawn_applications_are_no_debt(procedure: Procedure) -> None:
    procedure.decide(procedure.graded(id_number=PERSON), Outcome.REFUSE, actor=MANAGER)
    found = facts(procedure, procedure.apply(id_number=PERSON, amount="9000"))
    assert (found["exposure_fen"], found["open_loans"], found["lent_this_year_fen"]) == (0, 0, 0)


def test_the_worst_arrears_of_two_years_count_after_they_were_paid(procedure: Procedure) -> None:
    running = procedure.running(id_number=PERSON)
    due = procedure.account(running).rows[0].due
    procedure.day = due + timedelta(days=20)
    procedure.advance(running)
    later = procedure.apply(id_number=PERSON, amount="9000")
    assert facts(procedure, later)["worst_own_dpd"] == 20
    _pay(procedure, running)
    assert procedure.loan(running).dpd == 0
    assert facts(procedure, later)["worst_own_dpd"] == 20
    # All that is due later is paid with the last installment; in the end only what was late within two years counts.
    procedure.day = procedure.account(running).rows[-1].due
    procedure.advance(running)
    _pay(procedure, running)
    assert procedure.loan(running).stage is Stage.SETTLED
    assert facts(procedure, later)["worst_own_dpd"] > 300
    assert facts(procedure, later, procedure.day + timedelta(days=760))["worst_own_dpd"] == 0


def _pay(procedure: Procedure, loan: str) -> None:
    """All that is due comes in by transfer."""
    procedure.deposit(loan, procedure.account(loan).due_fen)
    procedure.advance(loan)


def test_a_year_counts_loans_of_the_same_product_and_earlier_applications(procedure: Procedure) -> None:
    student = id_number(BORN["student"], 902)
    procedure.running("student", id_number=student, amount="8000")
    earlier = procedure.apply("student", id_number=student, amount="3000")
    loan = procedure.apply("student", id_number=student, amount="4000")
    procedure.apply("student", id_number=student, amount="5000")
    assert facts(procedure, loan)["lent_this_year_fen"] == 1_100_000
    assert facts(procedure, earlier)["lent_this_year_fen"] == 800_000
    assert facts(procedure, loan, date(2026, 9, 1))["lent_this_year_fen"] == 0


def test_ages_are_those_of_the_day_and_of_the_last_installment(procedure: Procedure) -> None:
    born = procedure.day.replace(year=procedure.day.year - 40) + timedelta(days=1)
    found = facts(procedure, procedure.apply(id_number=id_number(born, 903), term=12))
    assert (found["age_years"], found["age_at_end_years"]) == (39, 40)


def test_facts_take_few_queries_and_each_finds_its_rows_by_an_index(procedure: Procedure) -> None:
    new = procedure.apply(id_number=id_number(sequence=904))
    asked = _asked(procedure, new)
    assert len(asked) <= 4, asked
    procedure.running(id_number=PERSON)
    known = procedure.apply(id_number=PERSON, amount="9000")
    of_known = _asked(procedure, known)
    assert len(of_known) <= len(asked) + 2, of_known
    assert [found for statement, values in of_known for found in scanned(procedure.books, statement, values)] == []


def _asked(procedure: Procedure, loan: str) -> list[tuple[str, Any]]:
    with procedure.books.read() as work:
        found = work.loans.get(loan)
        case = case_of(work, found, procedure.day)
        with listening(procedure.books) as asked:
            facts_of(work, found, case, procedure.day)
    return asked
