"""What registers answer about a co-signer decides: the grade, who may approve, whether he is sent a code to sign."""

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest

from models.customers import PartyRole
from models.grading import Grading
from models.loans import Stage
from models.staff import Role
from models.tasks import Outcome, TaskKind
from models.verification import Verdict
from services import acceptance, backtests, bulk_decisions, verification
from services.authority import loan_band, standing_of
from services.bulk_decisions import NotSimple
from services.co_signers import CoSignerNotConfirmed
from services.policy_names import shipped, shipped_by
from services.policy_publishing import draft, publish
from tests.modules.applications import CATALOGUE, DAY
from tests.services.papers import GUARANTOR, JOINT
from tests.services.policies import OTHER_RISK, put_in_force, table_of
from tests.services.procedure import INTEGRATOR, MANAGER, RISK, Procedure
from tests.services.test_signing import Desk

MISMATCH = {"result": "mismatch"}
CAR: dict[str, Any] = {"amount": "50000", "vehicle_price": "70000", "down_payment": "20000", **GUARANTOR}
"""So cheap that its loan is simple, with a guarantor nobody asked for."""
LENT_MUCH: dict[str, Any] = {"condition": "new_energy", "amount": "85000", "down_payment": "15000", **GUARANTOR}
"""A loan that the form takes with a guarantor only."""
PARENT: dict[str, Any] = {"household_size": 2, **JOINT}
ASKED = {"auto": CAR, "student": PARENT}
THE_OTHER = {"auto": "guarantor", "student": "joint_borrower"}


def graded(procedure: Procedure, code: str, form: Mapping[str, Any], **answers: Any) -> str:
    """A graded case of which every document is there, with these answers about its co-signer."""
    loan = procedure.apply(code, **form)
    procedure.verify(loan, **{f"{check}@{THE_OTHER[code]}": answer for check, answer in answers.items()})
    procedure.grade(loan)
    procedure.complete(loan)
    return loan


def grading_of(procedure: Procedure, loan: str) -> Grading:
    with procedure.books.read() as work:
        found = work.policies.grading(loan)
    assert found is not None
    return found


def answer_again(procedure: Procedure, loan: str, round_: int, check: str, answer: dict[str, Any]) -> None:
    """The register answers in another round."""
    with procedure.at() as work:
        verification.store_answer(work, loan, check, round_, Verdict.PASSED, f"ref-{round_}", answer)


# -- graded ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "form", "answers", "grade", "reason"),
    [
        ("auto", LENT_MUCH, {"identity": MISMATCH}, "E", "co_signer_mismatch"),
        ("auto", LENT_MUCH, {"identity": {"result": "not_found"}}, "E", "co_signer_mismatch"),
        ("auto", LENT_MUCH, {"bureau": {"blacklisted": True}}, "E", "co_signer_credit_record"),
        ("auto", LENT_MUCH, {"identity": MISMATCH, "bureau": {"blacklisted": True}}, "E", "co_signer_mismatch"),
        ("auto", LENT_MUCH, {"identity": None}, "A", "co_signer_unconfirmed"),
        ("student", PARENT, {"identity": MISMATCH}, "E", "co_signer_mismatch"),
        ("student", PARENT, {"identity": {"result": "not_found"}}, "E", "co_signer_mismatch"),
        ("student", PARENT, {"identity": None}, "B", "co_signer_unconfirmed"),
    ],
)
def test_what_registers_say_of_a_co_signer_leaves_the_case_to_risk(
    procedure: Procedure, code: str, form: dict[str, Any], answers: dict[str, Any], grade: str, reason: str
) -> None:
    loan = graded(procedure, code, form, **answers)
    grading = grading_of(procedure, loan)
    assert (grading.outcome, grading.grade, grading.reasons[0]) == ("refer", grade, reason)
    assert grading.limit_fen >= procedure.loan(loan).applied_fen
    assert procedure.task(loan, TaskKind.APPROVAL).role is Role.RISK
    with pytest.raises(NotSimple):
        in_bulk(procedure, loan)


@pytest.mark.parametrize(("code", "form"), [("auto", LENT_MUCH), ("auto", CAR), ("student", PARENT)])
def test_a_co_signer_who_is_who_the_form_says_changes_nothing(
    procedure: Procedure, code: str, form: dict[str, Any]
) -> None:
    grading = grading_of(procedure, graded(procedure, code, form))
    assert grading.grade == ("A" if code == "auto" else "B")
    assert not any(reason.startswith("co_signer") for reason in grading.reasons)
    assert grading.facts["unanswered"] is False


def in_bulk(procedure: Procedure, loan: str) -> None:
    """Would a manager pass it among others?"""
    order = procedure.decision(loan, actor=MANAGER).decision
    with procedure.at() as work:
        bulk_decisions.check(work, MANAGER, work.tasks.get(order.task_id), order)


# -- under rules that do not ask ---------------------------------------------------------------------------------------


def without_co_signers(name: str) -> dict[str, Any]:
    """A shipped table as books of earlier versions have it: no row asks about a co-signer."""
    content = copy.deepcopy(dict(shipped()[name]))
    table = table_of(content)
    table["inputs"] = [one for one in table["inputs"] if not one["field"].startswith("co_signer")]
    table["rules"] = [row for row in table["rules"] if not any(fact.startswith("co_signer") for fact in row)]
    (node,) = (one for one in content["nodes"] if one["type"] == "inputNode")
    facts = json.loads(node["content"]["schema"])["properties"]
    known = {fact: kind for fact, kind in facts.items() if not fact.startswith("co_signer")}
    node["content"]["schema"] = json.dumps({"type": "object", "properties": known})
    return content


@pytest.fixture
def earlier_rules(procedure: Procedure) -> None:
    """The tables of earlier books in force, and a fast lane that takes every case."""
    lane = copy.deepcopy(dict(shipped_by(CATALOGUE.product("micro"))["fast_lane-micro"]))
    table_of(lane)["rules"] = [
        {"_id": "1", "grade": '"A"', "outcome": '"approve"', "reasons": '["grade_a_small_sum_no_doubts"]'},
        {"_id": "2", "outcome": '"person"', "reasons": '["person_decides"]'},
    ]
    with procedure.at() as work:
        for name in ("knockout-auto", "grading-auto", "pricing-auto"):
            put_in_force(work, name, 2, without_co_signers(name))
        put_in_force(work, "fast_lane-auto", 1, lane)


@pytest.mark.usefixtures("earlier_rules")
@pytest.mark.parametrize("identity", [MISMATCH, None])
def test_rules_that_do_not_ask_let_nobody_pass_without_a_look(
    procedure: Procedure, identity: dict[str, Any] | None
) -> None:
    loan = graded(procedure, "auto", CAR, identity=identity)
    assert (grading_of(procedure, loan).grade, procedure.loan(loan).stage) == ("A", Stage.APPROVAL)
    with procedure.books.read() as work:
        row = work.loans.get(loan)
        band = loan_band(work, standing_of(work, row, procedure.day), row.applied_fen, procedure.day)
    assert (band.decided_by, band.reasons, band.is_simple) == (Role.RISK, ("register_unanswered",), False)
    # A back-test of the authority asks with what was kept, and has to see the same.
    assert grading_of(procedure, loan).facts["unanswered"] is True
    with pytest.raises(NotSimple):
        in_bulk(procedure, loan)


@pytest.mark.usefixtures("earlier_rules")
def test_the_same_lane_takes_a_case_whose_co_signer_is_confirmed(procedure: Procedure) -> None:
    assert procedure.loan(graded(procedure, "auto", CAR)).stage is Stage.ACCEPTANCE


# -- approved ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["auto", "student"])
@pytest.mark.parametrize("identity", [MISMATCH, None])
def test_nobody_approves_with_a_co_signer_who_could_not_sign_and_the_case_can_be_asked_again(
    procedure: Procedure, code: str, identity: dict[str, Any] | None
) -> None:
    loan = graded(procedure, code, ASKED[code], identity=identity)
    called = THE_OTHER[code].replace("_", " ")
    with pytest.raises(CoSignerNotConfirmed, match=f"of the {called} of loan {loan}.*send the case back"):
        procedure.decide(loan, actor=RISK)
    assert procedure.loan(loan).stage is Stage.APPROVAL
    assert procedure.decide(loan, Outcome.RETURN, actor=RISK).stage is Stage.RETURNED
    procedure.act(acceptance.complete, procedure.command(loan, INTEGRATOR, "his mobile is corrected"))
    answer_again(procedure, loan, 2, f"identity@{THE_OTHER[code]}", {"result": "match"})
    assert procedure.grade(loan, round=2).stage is Stage.APPROVAL
    assert procedure.decide(loan, actor=RISK).stage is Stage.ACCEPTANCE


def test_a_guarantor_on_a_list_of_defaulters_is_for_risk_to_judge(procedure: Procedure) -> None:
    loan = graded(procedure, "auto", CAR, bureau={"blacklisted": True})
    assert procedure.decide(loan, actor=RISK, reason="he has paid by now").stage is Stage.ACCEPTANCE


# -- signed ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [(Verdict.FAILED, MISMATCH), (Verdict.FAILED, {"result": "match"}), (Verdict.UNAVAILABLE, {})],
)
def test_no_code_goes_to_a_co_signer_whom_no_register_has_confirmed(
    procedure: Procedure, verdict: Verdict, answer: dict[str, Any]
) -> None:
    """Of an offer from before approvals asked for it."""
    desk = Desk(procedure, "student", **JOINT)
    with procedure.at() as work:
        verification.store_answer(work, desk.loan, "identity@joint_borrower", 2, verdict, "r", answer)
    with pytest.raises(CoSignerNotConfirmed) as refused:
        desk.ask(PartyRole.JOINT_BORROWER)
    assert JOINT["joint_borrower_name"] not in str(refused.value)
    assert JOINT["joint_borrower_mobile"] not in str(refused.value)
    desk.sign(desk.ask())
    assert desk.missing() == [PartyRole.JOINT_BORROWER]
    answer_again(procedure, desk.loan, 3, "identity@joint_borrower", {"result": "match"})
    desk.sign(desk.ask(PartyRole.JOINT_BORROWER), PartyRole.JOINT_BORROWER)
    assert desk.done()


def test_the_borrowers_own_match_does_not_stand_for_his_co_signer(procedure: Procedure) -> None:
    desk = Desk(procedure, "student", **JOINT)
    answer_again(procedure, desk.loan, 2, "identity@joint_borrower", MISMATCH)
    answer_again(procedure, desk.loan, 2, "identity", {"result": "match"})
    with pytest.raises(CoSignerNotConfirmed):
        desk.ask(PartyRole.JOINT_BORROWER)


# -- asked by rules of risk's own --------------------------------------------------------------------------------------


def asking(name: str, fact: str, kind: str, cell: str) -> dict[str, Any]:
    """A shipped knock-out whose first row refuses by one more fact."""
    content = copy.deepcopy(dict(shipped()[name]))
    (node,) = (one for one in content["nodes"] if one["type"] == "inputNode")
    schema = json.loads(node["content"]["schema"])
    schema["properties"][fact] = {"type": kind}
    node["content"]["schema"] = json.dumps(schema)
    table = table_of(content)
    if fact not in [one["field"] for one in table["inputs"]]:
        table["inputs"].append({"id": fact, "name": fact, "field": fact})
    row = {"_id": "own", fact: cell, "outcome": '"refuse"', "reasons": '["own_rule"]'}
    table["rules"].insert(0, row)
    content["reasons"]["own_rule"] = content["remedies"]["own_rule"] = {"en": "Ask us.", "zh": "请咨询我们。"}
    return content


@pytest.mark.parametrize(
    ("code", "form", "fact", "kind", "cell"),
    [
        ("auto", CAR, "co_signer_matches", "boolean", "true"),
        ("auto", CAR, "co_signer_blacklisted", "boolean", "false"),
        ("auto", CAR, "mileage_km", "integer", "<= 10"),
        ("auto", CAR, "vehicle_age_months", "integer", "< 1"),
        ("auto", CAR, "value_fen", "integer", ">= 1000000"),
        ("student", PARENT, "co_signer_matches", "boolean", "true"),
        ("student", PARENT, "living_costs_known", "boolean", "true"),
        ("micro", {}, "day", "integer", ">= 20260101"),
    ],
)
def test_risk_may_ask_what_the_product_knows_try_it_on_the_past_and_put_it_in_force(
    procedure: Procedure, code: str, form: dict[str, Any], fact: str, kind: str, cell: str
) -> None:
    past = procedure.graded(code, **form)
    name = f"knockout-{code}"
    with procedure.at() as work:
        policy = draft(work, OTHER_RISK, name, asking(name, fact, kind, cell), "a rule of our own")
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
        backtests.store(work, OTHER_RISK, found)
    assert [one[0] for one in found.changed] == [past]
    with procedure.at() as work:
        publish(work, RISK, work.policies.version(name, 2), procedure.day, "agreed")
    loan = procedure.graded(code, **form)
    assert (procedure.loan(loan).stage, grading_of(procedure, loan).reasons) == (Stage.REFUSED, ["own_rule"])


def test_cases_from_before_co_signers_were_known_are_left_out_of_such_a_trial_and_of_no_other(
    procedure: Procedure,
) -> None:
    loan = procedure.graded("auto", **CAR)
    first = grading_of(procedure, loan)
    known = {fact: value for fact, value in first.facts.items() if not fact.startswith("co_signer")}
    with procedure.at() as work:
        work.write(Grading(**first.model_dump() | {"id": "old", "round": 2, "facts": known, "steps": []}))
        for name in ("knockout-auto", "grading-auto", "pricing-auto"):
            put_in_force(work, name, 2, without_co_signers(name))
        same = draft(work, OTHER_RISK, "knockout-auto", without_co_signers("knockout-auto"), "as it is")
        new = draft(work, OTHER_RISK, "grading-auto", dict(shipped()["grading-auto"]), "as it ships")
        trials = [backtests.run(work, OTHER_RISK, one, DAY, DAY) for one in (same, new)]
    assert [(one.cases, one.ungraded) for one in trials] == [(1, 0), (0, 1)]
    assert set(trials[1].unanswered) == {"co_signer_known", "co_signer_matches", "co_signer_blacklisted"}
