"""What the law closes stays closed: whichever row refused a case first, and whatever else was approved meanwhile."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from models.grading import Grading
from models.keys import new_id
from models.loans import Stage
from models.tasks import Outcome
from services import acceptance, approval, second_looks
from services.errors import ClosedByLaw, FactsForLawMissing, InvalidDecision
from tests.modules.applications import id_number
from tests.services.policies import MICRO_KNOCKOUTS, OTHER_RISK, micro_rules, put_in_force
from tests.services.procedure import INTEGRATOR, MANAGER, RISK, Procedure


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
    same: dict[str, Any] = {"id_number": id_number(date(1961, 6, 1), 900), "monthly_income": "90000"}
    first = procedure.apply(amount="200000", term="12", **same)
    second = procedure.apply(amount="20000", term="24", **same)
    for loan in (first, second):
        procedure.verify(loan, bureau={"monthly_income_fen": 9_000_000, "monthly_payment_fen": 0})
        procedure.grade(loan)
    with procedure.books.read() as work:
        grading = work.policies.grading(second)
    assert grading is not None
    assert (grading.reasons, grading.facts["exposure_fen"]) == (["too_old_at_end"], 0)
    procedure.decide(first, actor=RISK)
    procedure.decide(first, actor=OTHER_RISK)
    assert procedure.loan(first).stage is Stage.ACCEPTANCE
    look(procedure, second)
    with pytest.raises(ClosedByLaw):
        procedure.decide(second, actor=RISK, amount_fen=100_000)


@pytest.mark.parametrize("identity", [None, {"result": "mismatch"}])
@pytest.mark.parametrize(
    ("code", "answers", "reason"),
    [
        ("auto", {"vehicle": {"price_fen": 8_000_000}}, "ltv_above_cap"),
        ("student", {"enrolment": {"enrolled": False}}, "not_full_time_student"),
    ],
)
def test_nobody_can_approve_what_the_law_closes_while_the_identity_is_not_sure(
    procedure: Procedure, code: str, answers: dict[str, dict[str, Any]], reason: str, identity: dict[str, Any] | None
) -> None:
    loan = procedure.apply(code)
    procedure.verify(loan, identity=identity, **answers)
    assert procedure.grade(loan).stage is Stage.REFUSED
    with procedure.books.read() as work:
        grading = work.policies.grading(loan)
    assert grading is not None
    assert grading.reasons == [reason]
    look(procedure, loan)
    with pytest.raises(ClosedByLaw):
        procedure.decide(loan, actor=RISK, amount_fen=1_000_000)


@pytest.mark.parametrize("identity", [None, {"result": "mismatch"}])
def test_what_one_person_may_owe_holds_for_a_number_whose_owner_is_not_sure(
    procedure: Procedure, identity: dict[str, Any] | None
) -> None:
    first = well_off(procedure, "200000")
    with procedure.books.read() as work:
        person = work.loans.application(first).form["id_number"]
    second = procedure.apply(amount="20000", id_number=person)
    procedure.verify(second, identity=identity)
    procedure.decide(first, actor=RISK)
    procedure.decide(first, actor=OTHER_RISK)
    assert procedure.grade(second).stage is Stage.APPROVAL
    with pytest.raises(InvalidDecision, match=r"at most 0\.00"):
        procedure.decide(second, actor=RISK, amount_fen=100_000)


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
        procedure.decide(second, actor=RISK, amount_fen=100_000)


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


def test_a_case_that_lacks_what_the_rules_ask_is_approved_by_nobody_and_graded_anew(procedure: Procedure) -> None:
    """Nobody can tell whether the law closes it."""
    loan = procedure.graded()
    procedure.complete(loan)
    content = micro_rules({}, MICRO_KNOCKOUTS)
    (node,) = (one for one in content["nodes"] if one["type"] == "inputNode")
    schema = json.loads(node["content"]["schema"])
    schema["properties"]["shoes"] = {"type": "integer"}
    node["content"]["schema"] = json.dumps(schema)
    with procedure.at() as work:
        asked = put_in_force(work, MICRO_KNOCKOUTS, 2, content)
        first = work.policies.grading(loan)
        assert first is not None
        steps = [{**step, "policy": asked.id} if step["kind"] == "knockout" else step for step in first.steps]
        work.write(Grading(**first.model_dump() | {"id": new_id(), "round": 2, "steps": steps}))
    for actor in (MANAGER, RISK):
        with pytest.raises(FactsForLawMissing, match=r"the rules ask for \(shoes\).*send the case back"):
            procedure.decide(loan, actor=actor)
    assert procedure.loan(loan).stage is Stage.APPROVAL
    assert procedure.decide(loan, Outcome.RETURN, actor=RISK).stage is Stage.RETURNED
    with procedure.at() as work:
        put_in_force(work, MICRO_KNOCKOUTS, 3, micro_rules({}, MICRO_KNOCKOUTS))
    procedure.act(acceptance.complete, procedure.command(loan, INTEGRATOR, "looked at again"))
    procedure.grade(loan, round=3)
    assert procedure.decide(loan, actor=MANAGER).stage is Stage.ACCEPTANCE
