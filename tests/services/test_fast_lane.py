"""The fast lane: a small loan of grade A with sound documents needs no person, and anything in doubt does."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from models.loans import Stage
from models.messages import DecideOnBooks, DecisionOrder, Progress
from models.outbox import OutboxRow, Topic
from models.staff import Role
from models.tasks import Decision, Outcome, TaskKind
from services import acceptance, approval, fast_lane, tasks
from services.authority import Standing
from services.documents import hand_in
from services.documents_reading import conclude
from services.errors import NotAllowed, TaskTaken
from services.policy_names import draft_problems
from services.policy_replay import _approved_again, replay_approvals
from services.products import Catalogue, _Installed, catalogue
from services.status import status_of
from tests.services.document_files import taken
from tests.services.policies import micro_rules, put_in_force, table_of
from tests.services.procedure import AGENT, MANAGER, RISK, Procedure
from tests.services.test_approval import with_fees
from tests.services.test_documents_comparing import read
from tests.services.test_documents_reading import NOTHING, good
from tests.services.test_scorecards import overdue_card

FACTS: dict[str, Any] = {
    "exposure_fen": 0,
    "worst_own_dpd": 0,
    "screening_known": True,
    "screening_hit": False,
    "documents_complete": True,
    "documents_unread": False,
    "documents_doubtful": False,
}


def standing(**changes: Any) -> Standing:
    of_case: dict[str, Any] = {
        "product": "micro",
        "grade": "A",
        "outcome": "refer",
        "limit_fen": 20_000_000,
        "unanswered": False,
        "expired": (),
    }
    known = FACTS | {name: value for name, value in changes.items() if name not in of_case}
    return Standing(**of_case | {name: one for name, one in changes.items() if name in of_case}, known=known)


@pytest.mark.parametrize(
    ("changes", "amount_fen", "is_approved"),
    [
        ({}, 2_000_000, True),
        ({}, 2_000_001, False),
        ({"exposure_fen": 3_000_000}, 1, True),
        ({"exposure_fen": 3_000_001}, 1, False),
        ({"grade": "B"}, 1, False),
        ({"limit_fen": 1_000_000}, 1_000_001, False),
        ({"worst_own_dpd": 1}, 1, False),
        ({"documents_complete": False}, 1, False),
        ({"documents_unread": True}, 1, False),
        ({"documents_doubtful": True}, 1, False),
        ({"unanswered": True}, 1, False),
        ({"screening_known": False}, 1, False),
        ({"screening_hit": True}, 1, False),
        ({"outcome": "refuse"}, 1, False),
        ({"product": "student"}, 1, False),
    ],
)
def test_only_the_best_and_smallest_without_any_doubt_is_approved(
    procedure: Procedure, changes: Mapping[str, Any], amount_fen: int, is_approved: bool
) -> None:
    with procedure.books.read() as work:
        found = fast_lane.answer(work, standing(**changes), amount_fen, procedure.day)
    assert (found is not None) is is_approved


def hand_in_all(procedure: Procedure, loan: str, *, doubtful: bool = False) -> str:
    """Both documents of a microloan, read; the id of the last."""
    with procedure.at() as work:
        kinds = ("id_card", "income_proof")
        ids = [
            hand_in(work, AGENT, work.loans.get(loan), kind, "x.png", taken(f"{loan} {kind}".encode(), "image/png")).id
            for kind in kinds
        ]
        form = work.loans.application(loan).form
    card = read(f"姓名 {form['name']}", f"公民身份号码 {form['id_number']}")
    readings = [good(procedure, loan), NOTHING if doubtful else card]
    with procedure.at() as work:
        for document, reading in zip(reversed(ids), readings, strict=True):
            conclude(work, document, reading)
    return ids[-1]


def graded_with_documents(procedure: Procedure) -> str:
    loan = procedure.apply()
    procedure.verify(loan)
    hand_in_all(procedure, loan)
    return loan


def test_a_case_with_sound_documents_is_decided_at_once_and_on_record(procedure: Procedure) -> None:
    loan = graded_with_documents(procedure)
    assert procedure.grade(loan).stage is Stage.ACCEPTANCE
    with procedure.books.read() as work:
        (decision,) = work.tasks.decisions(loan)
        task = work.tasks.get(decision.task_id)
        terms = work.loans.terms(loan)
        policy = work.policies.get(decision.policy_id or "")
        status = status_of(work, procedure.borrower_of(loan), loan)
    assert (decision.decided_by, decision.decided_as, decision.fired_row) == ("system", Role.SYSTEM, 9)
    assert (policy.name, policy.version) == ("fast_lane-micro", 1)
    assert (task.status, task.role, task.policy_id) == ("done", Role.SYSTEM, policy.id)
    assert terms is not None
    assert (terms.decision_id, terms.body["annual_rate_percent"]) == (decision.id, "7.2")
    assert status.decided_automatically
    assert procedure.messages(loan)[-1] == "offer_automatic"
    assert procedure.entries(loan)[-1].act == "approval_decided"
    assert (procedure.entries(loan)[-1].after or {})["policy"] == "fast_lane-micro/1"
    procedure.pay_out(loan)
    assert procedure.loan(loan).stage is Stage.REPAYMENT


def test_what_the_lane_decided_is_decided_again_by_the_facts_of_that_moment(procedure: Procedure) -> None:
    """Both at once and after a late document; rules that came later change nothing of it."""
    at_once = graded_with_documents(procedure)
    procedure.grade(at_once)
    late = procedure.graded()
    hand_in_all(procedure, late)
    (decision,) = look_again(procedure, late)
    carry_out(procedure, late, decision)
    with procedure.at() as work:
        put_in_force(work, "fast_lane-micro", 2, micro_rules({9: {"amount_fen": "<= 1"}}, "fast_lane-micro"))
    with procedure.books.read() as work:
        for loan in (at_once, late):
            (again,) = replay_approvals(work, RISK, loan)
            assert (again.agrees, again.label, again.row) == (True, "fast_lane-micro/1", 9)
            (kept,) = work.tasks.decisions(loan)
            assert (kept.facts or {})["documents_complete"]
            forged = Decision(**kept.model_dump() | {"facts": (kept.facts or {}) | {"documents_unread": True}})
            other = _approved_again(work, forged, kept.policy_id or "", forged.facts or {})
            assert (other.agrees, other.differing) == (False, ("outcome", "fired_row"))


def test_who_might_approve_is_asked_again_by_what_was_owed_then(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.complete(loan)
    procedure.decide(loan, actor=MANAGER)
    with procedure.books.read() as work:
        (again,) = replay_approvals(work, RISK, loan)
        (kept,) = work.tasks.decisions(loan)
        assert (again.agrees, again.label, again.row) == (True, "authority-loans/1", kept.fired_row)
        assert again.says["decided_by"] == "manager"
        facts = (kept.facts or {}) | {"exposure_fen": 60_000_000, "total_fen": 61_200_000}
        other = _approved_again(work, kept, kept.policy_id or "", facts)
        assert other.differing == ("people", "fired_row")
        with pytest.raises(NotAllowed):
            replay_approvals(work, MANAGER, loan)


def test_without_documents_a_person_decides(procedure: Procedure) -> None:
    loan = procedure.graded()
    assert procedure.task(loan, TaskKind.APPROVAL).role is Role.MANAGER
    procedure.decide(loan, actor=RISK)
    with procedure.books.read() as work:
        assert not status_of(work, procedure.borrower_of(loan), loan).decided_automatically


def test_what_cannot_be_offered_goes_to_a_person_with_the_reason(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = graded_with_documents(procedure)
    fee = {"amount": "1100", "due": procedure.day.isoformat()}
    product = replace(catalogue().product("micro"), terms=with_fees(fee))
    monkeypatch.setattr(_Installed, "catalogue", Catalogue((product,)))
    assert procedure.grade(loan).stage is Stage.APPROVAL
    assert procedure.task(loan, TaskKind.APPROVAL).about == "micro A, no automatic offer: cost_above_cap"


# -- documents that come after the application -------------------------------------------------------------------------


def look_again(procedure: Procedure, loan: str, why: str = "document") -> list[DecisionOrder]:
    """What the loan is told after a document was read."""
    with procedure.at() as work:
        fast_lane.look_again(work, work.loans.get(loan), why)
    with procedure.books.read() as work:
        query = select(OutboxRow).where(OutboxRow.topic == Topic.SIGNAL_LOAN, OutboxRow.loan == loan)  # type: ignore[arg-type]  # columns at class level
        rows = work.session.scalars(query).all()
    return [DecisionOrder.model_validate(row.payload["decision"]) for row in rows]


def carry_out(procedure: Procedure, loan: str, decision: DecisionOrder) -> Progress:
    return procedure.act(approval.decide, DecideOnBooks(**procedure.order(loan), decision=decision))


def test_the_last_document_takes_the_case_from_the_inbox(procedure: Procedure) -> None:
    loan = procedure.graded()
    task = procedure.task(loan, TaskKind.APPROVAL)
    assert look_again(procedure, loan) == []
    hand_in_all(procedure, loan)
    (decision,) = look_again(procedure, loan, "last")
    assert (decision.task_id, decision.waits) == (task.id, False)
    assert carry_out(procedure, loan, decision).stage is Stage.ACCEPTANCE
    with procedure.books.read() as work:
        (row,) = work.tasks.decisions(loan)
        assert work.tasks.get(task.id).status == "done"
    assert (row.task_id, row.decided_as) == (task.id, Role.SYSTEM)


def test_a_lane_that_asks_for_the_score_knows_that_of_the_grade_when_documents_come_later(procedure: Procedure) -> None:
    """The score is no fact of the day: the case keeps what it was graded with."""
    lane = micro_rules(name="fast_lane-micro")
    source = next(node["content"] for node in lane["nodes"] if node["type"] == "inputNode")
    schema = json.loads(source["schema"])
    for fact, kind in (("score", "integer"), ("score_known", "boolean")):
        schema["properties"][fact] = {"type": kind}
        table_of(lane)["inputs"].append({"id": fact, "name": fact, "field": fact})
    source["schema"] = json.dumps(schema)
    low = {"score": "< 560", "outcome": '"person"', "reasons": '["person_decides"]'}
    unknown = {"score_known": "false", "outcome": '"person"', "reasons": '["person_decides"]'}
    table_of(lane)["rules"][:0] = [{"_id": "low", **low}, {"_id": "unknown", **unknown}]
    assert draft_problems("fast_lane-micro", lane) == []
    with procedure.at() as work:
        put_in_force(work, "fast_lane-micro", 2, lane)
        put_in_force(work, "scorecard-micro", 1, overdue_card(40))
    low_loan = procedure.graded()
    with procedure.at() as work:
        put_in_force(work, "scorecard-micro", 2, overdue_card(90))
    high_loan = procedure.graded()
    for loan in (low_loan, high_loan):
        hand_in_all(procedure, loan)
    assert look_again(procedure, low_loan) == []
    (decision,) = look_again(procedure, high_loan)
    assert carry_out(procedure, high_loan, decision).stage is Stage.ACCEPTANCE


def test_a_lane_that_risk_publishes_for_another_product_decides_its_cases(procedure: Procedure) -> None:
    lane = micro_rules({9: {"amount_fen": "", "exposure_fen": ""}}, "fast_lane-micro")
    table_of(lane)["rules"] = [table_of(lane)["rules"][place] for place in (8, 9)]
    lane["reasons"] = {code: lane["reasons"][code] for code in ("grade_a_small_sum_no_doubts", "person_decides")}
    assert draft_problems("fast_lane-auto", lane) == []
    with procedure.at() as work:
        put_in_force(work, "fast_lane-auto", 1, lane)
    loan = procedure.graded("auto")
    assert procedure.loan(loan).stage is Stage.ACCEPTANCE
    with procedure.books.read() as work:
        assert status_of(work, procedure.borrower_of(loan), loan).decided_automatically


def test_a_document_in_doubt_leaves_it_there(procedure: Procedure) -> None:
    loan = procedure.graded()
    hand_in_all(procedure, loan, doubtful=True)
    assert look_again(procedure, loan) == []


def test_a_person_who_took_the_case_keeps_it(procedure: Procedure) -> None:
    loan = procedure.graded()
    hand_in_all(procedure, loan)
    (decision,) = look_again(procedure, loan)
    with procedure.at() as work:
        tasks.claim(work, MANAGER, work.tasks.open_of(loan, TaskKind.APPROVAL)[0])
    with pytest.raises(TaskTaken):
        carry_out(procedure, loan, decision)
    assert len(look_again(procedure, loan, "another")) == 1
    procedure.decide(loan, actor=MANAGER)


def test_a_case_that_a_person_sent_back_comes_back_to_people(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.RETURN, actor=MANAGER, reason="what is the shop's name")
    hand_in_all(procedure, loan)
    procedure.act(acceptance.complete, procedure.command(loan, AGENT))
    progress = procedure.grade(loan, round=2)
    assert progress.stage is Stage.APPROVAL
    assert procedure.task(loan, TaskKind.APPROVAL).role is Role.MANAGER


def test_what_came_up_meanwhile_leaves_the_case_to_a_person(procedure: Procedure) -> None:
    loan = procedure.graded()
    document = hand_in_all(procedure, loan)
    (decision,) = look_again(procedure, loan)
    with procedure.at() as work:
        row = work.documents.reading(document)
        assert row is not None
        row.doubtful = True
        work.session.add(row)
    with pytest.raises(NotAllowed):
        carry_out(procedure, loan, decision)
    assert procedure.loan(loan).stage is Stage.APPROVAL
