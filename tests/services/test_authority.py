"""Who decides how much: bands of amounts by policy, and what follows where more than one person is asked for."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from lending.money import to_fen
from lending.terms import Terms
from models.changes import ChangeKind
from models.customers import Customer
from models.loans import Stage
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services import approval
from services.authority import (
    LOANS,
    Band,
    Standing,
    authority_over,
    change_band,
    change_expires_after,
    loan_band,
    loan_bands,
    standing_of,
)
from services.errors import (
    AboveAuthority,
    BeyondAuthority,
    DocumentsIncomplete,
    InvalidDecision,
    NotAllowed,
    OwnCase,
)
from services.facts import CORE_FACTS
from services.policy_names import facts_on_offer, shipped_by_core
from services.staff_changes import change_person
from tests.services.policies import OTHER_RISK, put_in_force, table_of
from tests.services.procedure import ADMIN, AGENT, MANAGER, RISK, Procedure
from tests.services.test_documents_reading import NOTHING, concluded, give, word

LARGE = "160000"
"""More than one person decides of a microloan."""


def standing(product: str = "micro", grade: str = "A", **further: Any) -> Standing:
    of_case: dict[str, Any] = {"outcome": "refer", "limit_fen": 10**9, "unanswered": False, "expired": ()}
    known = {
        "exposure_fen": 0,
        "screening_hit": False,
        "screening_known": True,
        "documents_complete": True,
        "documents_unread": False,
        "documents_doubtful": False,
    }
    known |= {name: value for name, value in further.items() if name not in of_case}
    of_case |= {name: value for name, value in further.items() if name in of_case}
    return Standing(product, grade, **of_case, known=known)


def graded(procedure: Procedure, amount: str) -> str:
    """A microloan of somebody who earns enough for it: grade A."""
    loan = procedure.apply(amount=amount, term="36", monthly_income="50000")
    procedure.verify(loan, bureau={"monthly_income_fen": 5_000_000})
    procedure.grade(loan)
    return loan


def band(procedure: Procedure, yuan: str, of: Standing | None = None) -> Band:
    with procedure.books.read() as work:
        return loan_band(work, of or standing(), to_fen(yuan), procedure.day)


@pytest.mark.parametrize(
    ("of", "yuan", "by", "people", "reason"),
    [
        (standing(), "20000", "manager", 1, "simple_case"),
        (standing(), "20000.01", "manager", 1, "within_manager"),
        (standing(), "100000.01", "risk", 1, "above_manager"),
        (standing(), "150000.01", "risk", 2, "large_amount"),
        (standing(grade="C"), "50000.01", "risk", 1, "above_manager"),
        (standing(grade="C"), "10000", "manager", 1, "within_manager"),
        (standing(grade="D"), "10000.01", "risk", 1, "low_grade"),
        (standing(grade="E"), "1", "risk", 1, "lowest_grade"),
        (standing("auto", "B"), "50000", "manager", 1, "simple_case"),
        (standing("auto", "C"), "100000.01", "risk", 1, "above_manager"),
        (standing("auto", "A"), "200000.01", "risk", 1, "above_manager"),
        (standing("auto", "A"), "300000.01", "risk", 2, "large_amount"),
        (standing("student", "B"), "20000", "manager", 1, "simple_case"),
        (standing("student", "A"), "25000", "manager", 1, "within_manager"),
        (standing("boat", "A"), "50000", "manager", 1, "within_manager"),
        (standing("boat", "A"), "50000.01", "risk", 1, "above_manager"),
        (standing(exposure_fen=50_000_000), "0.01", "risk", 2, "large_exposure"),
        (standing(outcome="refuse"), "1", "risk", 2, "refused_by_rules"),
        (standing(unanswered=True), "1", "risk", 1, "register_unanswered"),
        (standing(expired=("bureau",)), "1", "risk", 1, "register_unanswered"),
        (standing(screening_hit=True), "1", "risk", 1, "closer_look"),
        (standing(screening_known=False), "1", "risk", 1, "closer_look"),
        (standing(documents_doubtful=True), "1", "risk", 1, "documents_doubtful"),
        (standing(documents_complete=False), "1", "risk", 1, "documents_missing"),
        (standing(documents_complete=False, documents_unread=True), "1", "risk", 1, "documents_unread"),
        (standing(documents_unread=True), "1", "risk", 1, "documents_unread"),
        (standing("auto", documents_complete=False), "1", "risk", 1, "documents_missing"),
        (standing("student", documents_complete=False), "1", "risk", 1, "documents_missing"),
        (standing("boat", documents_complete=False), "1", "risk", 1, "documents_missing"),
        (standing("auto", documents_complete=False), "300000.01", "risk", 2, "large_amount"),
        (standing(documents_complete=False, exposure_fen=50_000_000), "0.01", "risk", 2, "large_exposure"),
    ],
)
def test_each_row_of_the_shipped_table_decides(
    procedure: Procedure, of: Standing, yuan: str, by: str, people: int, reason: str
) -> None:
    found = band(procedure, yuan, of)
    assert (found.decided_by, found.people, found.reasons) == (by, people, (reason,))
    assert found.is_simple is (reason == "simple_case")


def test_bands_follow_each_other_up_to_the_amount(procedure: Procedure) -> None:
    with procedure.books.read() as work:
        found = loan_bands(work, standing(exposure_fen=33_000_000), 18_000_000, procedure.day)
    assert [(one.up_to_fen, one.decided_by, one.people) for one in found] == [
        (10_000_000, "manager", 1),
        (15_000_000, "risk", 1),
        (18_000_000, "risk", 2),
    ]


@pytest.mark.parametrize(
    ("kind", "yuan", "by", "people"),
    [
        ("deferral", "500000", "risk", 1),
        ("restructuring", "500000.01", "risk", 2),
        ("rate_change", "500000.01", "risk", 2),
        ("waiver", "20000", "risk", 1),
        ("waiver", "200000", "risk", 2),
        ("fee", "20000", "risk", 1),
        ("write_off", "50000", "risk", 1),
        ("write_off", "50000.01", "risk", 2),
        ("correction", "9000000", "finance", 1),
    ],
)
def test_changes_of_running_loans_have_their_own_bands(
    procedure: Procedure, kind: str, yuan: str, by: str, people: int
) -> None:
    with procedure.books.read() as work:
        found = change_band(work, ChangeKind(kind), to_fen(yuan), procedure.day)
        assert (found.decided_by, found.people) == (by, people)
        assert change_expires_after(work, found) == 7


@pytest.mark.parametrize(("kind", "most"), [("waiver", "200000.00"), ("fee", "20000.00")])
def test_what_no_band_holds_is_beyond_everybodys_authority(procedure: Procedure, kind: str, most: str) -> None:
    with procedure.books.read() as work, pytest.raises(BeyondAuthority, match=f"more than {most}"):
        change_band(work, ChangeKind(kind), to_fen(most) + 1, procedure.day)


# -- at the decision ---------------------------------------------------------------------------------------------------


def rules(changes: dict[int, dict[str, str]]) -> dict[str, Any]:
    """The shipped authority over loans with cells of some rows changed; rows count from 1."""
    content: dict[str, Any] = {**shipped_by_core()[LOANS]}
    content["nodes"] = [{**node, "content": {**node.get("content", {})}} for node in content["nodes"]]
    table = table_of(content)
    table["rules"] = [{**row, **changes.get(n, {})} for n, row in enumerate(table["rules"], 1)]
    return content


def test_a_case_goes_to_who_may_decide_all_of_it_and_the_task_keeps_the_rule(procedure: Procedure) -> None:
    small, large = procedure.graded(), graded(procedure, "120000")
    for loan, role, row in ((small, Role.MANAGER, 17), (large, Role.RISK, 14)):
        task = procedure.task(loan, TaskKind.APPROVAL)
        assert (task.role, task.fired_row, task.people) == (role, row, 1)
        with procedure.books.read() as work:
            assert work.policies.get(task.policy_id or "").name == LOANS
    procedure.complete(small)
    procedure.decide(small, actor=MANAGER)
    with procedure.books.read() as work:
        (decision,) = work.tasks.decisions(small)
    assert (decision.policy_id, decision.fired_row, decision.people) == (task.policy_id, 17, 1)


@pytest.mark.parametrize("code", ["micro", "auto", "student"])
def test_without_its_documents_no_manager_approves_a_case_and_risk_does_with_a_reason(
    procedure: Procedure, code: str
) -> None:
    loan, other = procedure.graded(code), procedure.graded(code)
    assert procedure.task(loan, TaskKind.APPROVAL).role is Role.MANAGER
    with pytest.raises(DocumentsIncomplete, match="until then only risk may approve it"):
        procedure.decide(loan, actor=MANAGER)
    with procedure.books.read() as work:
        bands = authority_over(work, procedure.task(loan, TaskKind.APPROVAL))
        assert {(one.decided_by, one.reasons) for one in bands} == {(Role.RISK, ("documents_missing",))}
    procedure.decide(loan, actor=RISK, reason="the branch has seen the papers")
    with procedure.books.read() as work:
        (decision,) = work.tasks.decisions(loan)
        assert (decision.fired_row, (decision.facts or {})["documents_complete"]) == (10, False)
    assert (procedure.entries(loan)[-1].after or {})["authority_reasons"] == ["documents_missing"]
    procedure.complete(other)
    assert procedure.decide(other, actor=MANAGER).stage is Stage.ACCEPTANCE


def test_authority_goes_by_the_documents_of_today_and_not_of_the_day_of_grading(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)
    card = give(procedure, loan, kind="id_card")
    with pytest.raises(DocumentsIncomplete):
        procedure.decide(loan, actor=MANAGER)
    concluded(procedure, card, NOTHING)
    # In doubt now, which is for risk whether all are there or not.
    with pytest.raises(AboveAuthority):
        procedure.decide(loan, actor=MANAGER)
    word(procedure, loan, card)
    assert procedure.decide(loan, actor=MANAGER).stage is Stage.ACCEPTANCE


def test_risk_may_ask_for_every_fact_of_the_core_when_it_says_who_decides(procedure: Procedure) -> None:
    offered = facts_on_offer(LOANS)
    assert CORE_FACTS.items() <= offered.items()
    with procedure.books.read() as work:
        loan = work.loans.get(procedure.graded())
        facts = standing_of(work, loan, procedure.day).facts(1)
    assert CORE_FACTS.keys() <= facts.keys()


def test_the_version_of_the_day_counts_and_less_may_be_within_authority(procedure: Procedure) -> None:
    loan = procedure.graded()
    lowered = rules(
        {17: {"amount_fen": "<= 500000"}, 20: {"amount_fen": "<= 1000000"}, 21: {"amount_fen": "<= 1000000"}}
    )
    procedure.day += timedelta(days=1)
    procedure.ask_again(loan)
    procedure.complete(loan)
    with procedure.at() as work:
        put_in_force(work, LOANS, 2, lowered)
    with pytest.raises(AboveAuthority) as refused:
        procedure.decide(loan, actor=MANAGER)
    assert refused.value.fields == {"amount": "at most 10000.00 within your authority"}
    assert procedure.decide(loan, actor=MANAGER, amount_fen=1_000_000).stage is Stage.ACCEPTANCE
    assert procedure.messages(loan)[-1] == "offer_of_less"
    with procedure.books.read() as work:
        (message,) = [one for one in work.customers.contacts(loan) if one.template == "offer_of_less"]
    assert "10000.00元，低于您申请的12000.00元" in message.text


def test_a_manager_refuses_what_he_may_not_approve(procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        put_in_force(work, LOANS, 2, rules({row: {"amount_fen": "<= 1"} for row in (17, 20, 21)}))
    with pytest.raises(AboveAuthority):
        procedure.decide(loan, actor=MANAGER)
    assert procedure.decide(loan, Outcome.REFUSE, actor=MANAGER).stage is Stage.REFUSED


def test_whoever_looks_after_the_customer_does_not_decide_his_loan(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.own(loan, MANAGER.id)
    for outcome in Outcome:
        with pytest.raises(OwnCase, match="looks after the customer"):
            procedure.decide(loan, outcome, actor=MANAGER)
    assert procedure.decide(loan, actor=RISK).stage is Stage.ACCEPTANCE


# -- two people --------------------------------------------------------------------------------------------------------


@pytest.fixture
def large(procedure: Procedure) -> str:
    """A microloan that two people of risk decide."""
    loan = graded(procedure, LARGE)
    assert procedure.task(loan, TaskKind.APPROVAL).people == 2
    return loan


def test_a_large_loan_is_approved_by_two_people_each_on_record(procedure: Procedure, large: str) -> None:
    first = procedure.task(large, TaskKind.APPROVAL)
    progress = procedure.decide(large, actor=RISK, reason="first look")
    second = procedure.task(large, TaskKind.APPROVAL)
    assert (progress.stage, progress.task_id) == (Stage.APPROVAL, second.id)
    assert second.id != first.id
    assert procedure.loan(large).approved_fen is None
    assert "offer" not in procedure.messages(large)
    with pytest.raises(OwnCase, match="first approval"):
        procedure.decide(large, actor=RISK)
    assert procedure.decide(large, actor=OTHER_RISK, reason="second look").stage is Stage.ACCEPTANCE
    with procedure.books.read() as work:
        decisions = work.tasks.decisions(large)
        terms = work.loans.terms(large)
    assert [(one.decided_by, one.people) for one in decisions] == [(RISK.id, 2), (OTHER_RISK.id, 2)]
    assert second.confirms == decisions[0].id
    assert terms is not None
    assert terms.decision_id == decisions[1].id
    entries = [one for one in procedure.entries(large) if one.act == "approval_decided"]
    assert [(one.actor_id, (one.after or {})["policy"]) for one in entries] == [
        (RISK.id, f"{LOANS}/1"),
        (OTHER_RISK.id, f"{LOANS}/1"),
    ]


def test_the_lower_of_two_amounts_counts(procedure: Procedure, large: str) -> None:
    procedure.decide(large, actor=RISK, amount_fen=15_500_000)
    with pytest.raises(InvalidDecision) as refused:
        procedure.decide(large, actor=OTHER_RISK, amount_fen=15_500_001)
    assert refused.value.fields == {"amount": "above zero, at most 155000.00"}
    procedure.decide(large, actor=OTHER_RISK, amount_fen=15_200_000)
    assert procedure.loan(large).approved_fen == 15_200_000


def test_the_second_agrees_to_what_the_first_approved(procedure: Procedure, large: str) -> None:
    procedure.decide(large, actor=RISK, amount_fen=15_500_000)
    procedure.decide(large, actor=OTHER_RISK)
    with procedure.books.read() as work:
        terms = work.loans.terms(large)
    assert terms is not None
    assert Terms.parse(terms.body).principal_fen == procedure.loan(large).approved_fen == 15_500_000


@pytest.mark.parametrize(("outcome", "stage"), [(Outcome.REFUSE, Stage.REFUSED), (Outcome.RETURN, Stage.RETURNED)])
def test_the_second_may_refuse_or_send_back(procedure: Procedure, large: str, outcome: Outcome, stage: Stage) -> None:
    procedure.decide(large, actor=RISK)
    assert procedure.decide(large, outcome, actor=OTHER_RISK).stage is stage
    assert procedure.loan(large).approved_fen is None


def test_one_person_suffices_for_less_and_refuses_alone(procedure: Procedure, large: str) -> None:
    other = graded(procedure, LARGE)
    assert procedure.decide(large, actor=RISK, amount_fen=15_000_000).stage is Stage.ACCEPTANCE
    assert procedure.decide(other, Outcome.REFUSE, actor=RISK).stage is Stage.REFUSED


def test_after_a_return_two_people_are_asked_again(procedure: Procedure, large: str) -> None:
    procedure.decide(large, actor=RISK)
    procedure.decide(large, Outcome.RETURN, actor=OTHER_RISK)
    procedure.grade(large, round=2)
    assert procedure.task(large, TaskKind.APPROVAL).confirms is None
    procedure.decide(large, actor=RISK)
    assert procedure.loan(large).stage is Stage.APPROVAL


def test_the_database_takes_no_terms_on_the_first_of_two_approvals(procedure: Procedure, large: str) -> None:
    procedure.decide(large, actor=RISK)
    done = procedure.offered()
    with procedure.books.read() as work:
        (first,) = work.tasks.decisions(large)
        terms = work.loans.terms(done)
    assert terms is not None
    forged = terms.model_dump() | {"id": "one-eye", "loan": large, "decision_id": first.id}
    with pytest.raises(DBAPIError, match="approving decision"), procedure.at() as work:
        work.session.add(type(terms)(**forged))


def test_a_manager_sees_no_authority_over_what_two_of_risk_decide(procedure: Procedure, large: str) -> None:
    with pytest.raises(NotAllowed):
        procedure.decide(large, actor=MANAGER)
    task = procedure.task(large, TaskKind.APPROVAL)
    order = procedure.decision(large, actor=RISK).decision
    with procedure.books.read() as work:
        approval.check(work, RISK, task, order)
        customer = work.session.get(Customer, work.loans.get(large).customer_id)
    assert customer is not None
    procedure.own(large, AGENT.id)
    with procedure.at() as work:
        change_person(work, ADMIN, AGENT.id, "moves to risk", role=Role.RISK)
    with pytest.raises(OwnCase):
        procedure.decide(large, actor=Actor(AGENT.id, Role.RISK))
