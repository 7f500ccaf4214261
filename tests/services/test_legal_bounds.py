"""What the law closes stays closed: whichever row refused a case first, and whatever else was approved meanwhile."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.loans import Stage
from services import approval, second_looks
from services.errors import ClosedByLaw, InvalidDecision
from tests.services.policies import OTHER_RISK
from tests.services.procedure import RISK, Procedure


def look(procedure: Procedure, loan: str) -> None:
    with procedure.at() as work:
        second_looks.ask(work, procedure.borrower_of(loan), work.loans.get(loan), procedure.day)


def well_off(procedure: Procedure, amount: str, borrower: str | None = None) -> str:
    """A graded application of somebody who earns enough for every amount, of the borrower of another one if named."""
    same = {}
    if borrower is not None:
        with procedure.books.read() as work:
            same = {"id_number": work.loans.application(borrower).form["id_number"]}
    loan = procedure.apply(amount=amount, term="24", monthly_income="90000", **same)
    procedure.verify(loan, bureau={"monthly_income_fen": 9_000_000, "monthly_payment_fen": 0})
    assert procedure.grade(loan).stage is Stage.APPROVAL
    return loan


def test_a_refusal_of_the_lenders_own_does_not_hide_what_the_law_forbids(procedure: Procedure) -> None:
    loan = procedure.apply("auto")
    procedure.verify(loan, bureau={"blacklisted": True}, vehicle={"price_fen": 8_000_000})
    procedure.grade(loan)
    with procedure.books.read() as work:
        grading = work.policies.grading(loan)
    assert grading is not None
    assert (grading.reasons, grading.facts["ltv_bp"]) == (["blacklisted"], 10_000)
    look(procedure, loan)
    with pytest.raises(ClosedByLaw):
        procedure.decide(loan, actor=RISK, amount_fen=1_000_000)


def test_several_applications_at_once_do_not_exceed_what_one_person_may_owe(procedure: Procedure) -> None:
    first = well_off(procedure, "150000")
    second = well_off(procedure, "140000", first)
    procedure.decide(first, actor=RISK)
    with pytest.raises(InvalidDecision, match="at most 50000"):
        procedure.decide(second, actor=RISK)
    procedure.decide(second, actor=RISK, amount_fen=5_000_000)
    assert procedure.loan(second).approved_fen == 5_000_000


def test_who_owes_all_that_one_person_may_owe_gets_nothing_more(procedure: Procedure) -> None:
    first = well_off(procedure, "200000")
    second = well_off(procedure, "20000", first)
    procedure.decide(first, actor=RISK)
    procedure.decide(first, actor=OTHER_RISK)
    with pytest.raises(ClosedByLaw):
        procedure.decide(second, actor=RISK, amount_fen=100)


def test_two_decisions_at_once_see_each_other(procedure: Procedure) -> None:
    first = well_off(procedure, "150000")
    second = well_off(procedure, "140000", first)
    with ThreadPoolExecutor(1) as elsewhere:
        with procedure.at() as work:
            approval.decide(work, procedure.decision(first))
            other = elsewhere.submit(procedure.decide, second)
            # Long enough for the other to read what is owed, if nothing kept it waiting.
            time.sleep(0.5)
        with pytest.raises(InvalidDecision, match="at most 50000"):
            other.result()
    assert (procedure.loan(first).stage, procedure.loan(second).stage) == (Stage.ACCEPTANCE, Stage.APPROVAL)
