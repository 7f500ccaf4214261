"""What a case is decided by is what is true on that day: an invoice, a list, a register's answer, another loan."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import select

from models.loans import Stage
from models.messages import DecideOnBooks, DecisionOrder, Sender, VerificationOrder
from models.outbox import OutboxRow, Topic
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services import approval, audit, bulk_decisions, fast_lane, grading, verification
from services.authority import standing_of
from services.bulk_decisions import NotSimple
from services.errors import AboveAuthority, AnswersExpired, ClosedByLaw, InvalidDecision, NotAllowed, WrongStage
from services.facts import facts_by_now
from services.verification import NothingToAsk, answers_past, checks_view
from tests.modules.applications import id_number
from tests.services.procedure import AGENT, BORN, MANAGER, RISK, Procedure
from tests.services.test_collateral_checks import DEALER, invoiced
from tests.services.test_documents_reading import word
from tests.services.test_fast_lane import hand_in_all
from tests.services.test_screening import PERSON, listed


def in_bulk(procedure: Procedure, loan: str) -> None:
    """Would a manager pass it among others?"""
    order = procedure.decision(loan, actor=MANAGER).decision
    with procedure.at() as work:
        bulk_decisions.check(work, MANAGER, work.tasks.get(order.task_id), order)


def ready(procedure: Procedure, code: str = "micro", **form: Any) -> str:
    """A case that a manager could approve."""
    loan = procedure.graded(code, **form)
    procedure.complete(loan)
    return loan


CHEAP = {"amount": "50000", "vehicle_price": "70000", "down_payment": "20000"}
"""A car so cheap that its loan is simple."""


# -- documents ---------------------------------------------------------------------------------------------------------


def invoice_taken(procedure: Procedure, loan: str, price: str) -> None:
    """The invoice comes after the grade, differs, and a person takes it."""
    word(procedure, loan, invoiced(procedure, loan, price=price).document_id, Outcome.APPROVE, MANAGER, "it is genuine")
    procedure.complete(loan)


def test_an_invoice_after_the_grade_closes_what_the_law_forbids_and_leaves_what_it_allows(procedure: Procedure) -> None:
    loan = procedure.graded("auto", amount="80000", down_payment="20000", actor=AGENT)
    invoice_taken(procedure, loan, "85,000.00")
    for actor in (MANAGER, RISK):
        with pytest.raises(ClosedByLaw):
            procedure.decide(loan, actor=actor)
    with pytest.raises(ClosedByLaw):
        procedure.decide(loan, actor=MANAGER, amount_fen=6_800_100)
    assert procedure.decide(loan, actor=MANAGER, amount_fen=6_800_000).stage is Stage.ACCEPTANCE
    with procedure.books.read() as work:
        (decision,) = work.tasks.decisions(loan)
    assert (decision.facts or {})["ltv_bp"] == 8_000


def test_nobody_approves_among_others_what_the_invoice_made_too_much(procedure: Procedure) -> None:
    loan = procedure.graded("auto", **CHEAP, actor=AGENT)
    invoice_taken(procedure, loan, "50,000.00")
    with pytest.raises(ClosedByLaw):
        in_bulk(procedure, loan)


# -- lists -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "form", "entry"),
    [("micro", {"id_number": PERSON}, {"id_number": PERSON, "name": "欧阳测试"}), ("auto", CHEAP, {"name": DEALER})],
)
def test_who_is_put_on_a_list_after_the_grade_is_for_risk(
    procedure: Procedure, code: str, form: dict[str, Any], entry: dict[str, Any]
) -> None:
    loan = ready(procedure, code, **form)
    in_bulk(procedure, loan)
    listed(procedure, **entry)
    with pytest.raises(NotSimple, match="a person must look"):
        in_bulk(procedure, loan)
    with pytest.raises(AboveAuthority):
        procedure.decide(loan, actor=MANAGER)
    assert procedure.decide(loan, actor=RISK).stage is Stage.ACCEPTANCE
    with procedure.books.read() as work:
        (decision,) = work.tasks.decisions(loan)
    facts = decision.facts or {}
    assert (facts["screening_hit"], facts["screening_findings"][0]["source"]) == (True, "own_list")
    assert (procedure.entries(loan)[-1].after or {})["authority_reasons"] == ["closer_look"]


def test_who_is_no_longer_on_a_list_is_not_found_on_it(procedure: Procedure) -> None:
    listed(procedure, id_number=PERSON, name="欧阳测试", valid_until=procedure.day)
    loan = procedure.graded(id_number=PERSON)
    procedure.day += timedelta(days=1)
    with procedure.books.read() as work:
        facts = facts_by_now(work, work.loans.get(loan), procedure.day)
    assert facts["screening_hit"] is False
    assert "screening_findings" not in facts


# -- answers past their days -------------------------------------------------------------------------------------------


def past(procedure: Procedure, loan: str) -> tuple[str, ...]:
    with procedure.books.read() as work:
        return answers_past(work, work.loans.get(loan), procedure.day)


@pytest.mark.parametrize(
    ("days", "expired"),
    [
        (0, set()),
        (1, {"screening"}),
        (29, {"screening"}),
        (30, {"screening", "bureau", "enrolment"}),
        (365, {"screening", "bureau", "enrolment", "identity"}),
    ],
)
def test_an_answer_counts_for_the_days_of_its_register(procedure: Procedure, days: int, expired: set[str]) -> None:
    loan = procedure.graded()
    procedure.day += timedelta(days=days)
    assert set(past(procedure, loan)) == expired
    with procedure.books.read() as work:
        assert standing_of(work, work.loans.get(loan), procedure.day).facts(1)["unanswered"] is bool(expired)
    with procedure.at() as work:
        shown = {one.name for one in checks_view(work, loan, "micro") if one.is_past}
    assert shown == expired


def test_by_answers_past_their_days_risk_decides_and_nobody_among_others(procedure: Procedure) -> None:
    loan = ready(procedure)
    procedure.day += timedelta(days=400)
    with pytest.raises(NotSimple, match=r"identity, .*past their days"):
        in_bulk(procedure, loan)
    with pytest.raises(AnswersExpired, match=r"screening.*asked again: until then only risk"):
        procedure.decide(loan, actor=MANAGER)
    assert procedure.decide(loan, actor=RISK).stage is Stage.ACCEPTANCE
    after = procedure.entries(loan)[-1].after or {}
    assert after["authority_reasons"] == ["register_unanswered"]
    assert set(after["answers_expired"]) == {"identity", "bureau", "enrolment", "screening"}


def asked(procedure: Procedure, loan: str, actor: Actor = MANAGER) -> tuple[str, ...]:
    with procedure.at() as work:
        return verification.ask_again(work, actor, work.loans.get(loan))


def sent_back(procedure: Procedure, loan: str, topic: Topic = Topic.VERIFY_AGAIN) -> list[OutboxRow]:
    with procedure.books.read() as work:
        return list(work.session.exec(select(OutboxRow).where(OutboxRow.loan == loan, OutboxRow.topic == topic)))


def test_who_may_decide_has_the_registers_asked_again_and_decides_by_their_answers(procedure: Procedure) -> None:
    loan = procedure.graded()
    first = procedure.task(loan, TaskKind.APPROVAL)
    with pytest.raises(NothingToAsk):
        asked(procedure, loan)
    procedure.day += timedelta(days=1)
    with pytest.raises(NotAllowed):
        asked(procedure, loan, AGENT)
    assert asked(procedure, loan) == asked(procedure, loan) == ("screening",)
    assert len(sent_back(procedure, loan)) == 1
    with procedure.books.read() as work:
        assert verification.is_being_asked(work, first)
    assert procedure.acts(loan)[-1] == "registers_asked_again"
    assert procedure.ask_again(loan).stage is Stage.APPROVAL
    assert procedure.task(loan, TaskKind.APPROVAL).id != first.id
    assert past(procedure, loan) == ()
    procedure.complete(loan)
    in_bulk(procedure, loan)
    assert procedure.decide(loan, actor=MANAGER).stage is Stage.ACCEPTANCE
    with pytest.raises(WrongStage):
        asked(procedure, loan)


def test_a_case_graded_by_fresh_answers_may_come_to_another_end(procedure: Procedure) -> None:
    loan = ready(procedure)
    procedure.day += timedelta(days=30)
    assert procedure.ask_again(loan, bureau={"blacklisted": True}).stage is Stage.REFUSED


def test_the_fast_lane_has_old_answers_asked_again_before_it_decides(procedure: Procedure) -> None:
    loan = procedure.graded()
    first = procedure.task(loan, TaskKind.APPROVAL)
    procedure.day += timedelta(days=2)
    procedure.complete(loan)
    with procedure.at() as work:
        fast_lane.look_again(work, work.loans.get(loan), "documents")
    assert len(sent_back(procedure, loan)) == 1
    assert sent_back(procedure, loan, Topic.SIGNAL_LOAN) == []
    order = DecisionOrder(
        task_id=first.id,
        outcome=Outcome.APPROVE,
        reason="fast lane",
        sender=Sender(actor_id=audit.SYSTEM.id, role=Role.SYSTEM),
        command_id="by-the-lane",
        waits=False,
    )
    with pytest.raises(NotAllowed, match="a person decides it"):
        procedure.act(approval.decide, DecideOnBooks(**procedure.order(loan), decision=order))
    assert procedure.ask_again(loan).stage is Stage.ACCEPTANCE
    with procedure.books.read() as work:
        (decision,) = work.tasks.decisions(loan)
    assert decision.decided_as is Role.SYSTEM


def test_no_register_is_asked_again_for_what_the_fast_lane_would_not_approve(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.day += timedelta(days=2)
    document = hand_in_all(procedure, loan, doubtful=True)
    with procedure.at() as work:
        fast_lane.look_again(work, work.loans.get(loan), document)
    assert sent_back(procedure, loan) == []


# -- other loans -------------------------------------------------------------------------------------------------------


def student(procedure: Procedure, amount: str, **further: Any) -> str:
    fields: dict[str, Any] = {"tuition": "20000", "term": 60} | further
    return procedure.apply("student", id_number=id_number(BORN["student"], 902), amount=amount, **fields)


def test_what_is_approved_and_not_paid_counts_in_the_year_in_which_it_would_be(procedure: Procedure) -> None:
    procedure.day = date(2026, 8, 25)
    first = student(procedure, "20000")
    procedure.verify(first)
    procedure.grade(first)
    procedure.decide(first)
    procedure.day = date(2026, 9, 2)
    second = student(procedure, "19000")
    procedure.verify(second)
    assert procedure.grade(second).stage is Stage.REFUSED
    with procedure.books.read() as work:
        found = work.policies.grading(second)
        assert found is not None
        assert (found.facts["lent_this_year_fen"], found.reasons) == (2_000_000, ["year_is_used"])


def test_of_two_of_one_year_the_one_that_is_decided_last_gets_what_is_left(procedure: Procedure) -> None:
    first, second = student(procedure, "15000"), student(procedure, "14000")
    for loan in (first, second):
        procedure.verify(loan)
        procedure.grade(loan)
    # The first was graded as if it were alone, and is decided last.
    procedure.decide(second, amount_fen=500_000)
    other = student(procedure, "12000")
    with procedure.books.read() as work:
        facts = facts_by_now(work, work.loans.get(first), procedure.day)
    assert (facts["lent_this_year_fen"], facts["hardship_fen"]) == (500_000, 1_500_000)
    procedure.decide(first)
    procedure.verify(other)
    assert procedure.grade(other).stage is Stage.REFUSED


def test_two_of_one_person_are_not_decided_by_the_fast_lane_at_once(procedure: Procedure) -> None:
    def waiting(amount: str) -> VerificationOrder:
        person = id_number(date(1988, 1, 1), 77)
        loan = procedure.apply(amount=amount, term="12", monthly_income="10000", id_number=person)
        procedure.verify(loan)
        procedure.complete(loan)
        return VerificationOrder(**procedure.order(loan))

    first, *both = [waiting(amount) for amount in ("19800", "19900", "20000")]
    assert procedure.act(grading.grade, first).stage is Stage.ACCEPTANCE
    with ThreadPoolExecutor(1) as elsewhere:
        with procedure.at() as work:
            assert grading.grade(work, both[0]).stage is Stage.ACCEPTANCE
            other = elsewhere.submit(procedure.act, grading.grade, both[1])
            # Long enough for the other to read what is owed, if nothing kept it waiting.
            time.sleep(0.5)
        assert other.result().stage is Stage.APPROVAL


# -- how little --------------------------------------------------------------------------------------------------------


def test_no_counter_offer_is_below_what_the_product_lends(procedure: Procedure) -> None:
    loan = ready(procedure)
    for actor in (MANAGER, RISK):
        with pytest.raises(InvalidDecision, match=r"lends 1000\.00 at least") as refused:
            procedure.decide(loan, actor=actor, amount_fen=99_999)
        assert refused.value.fields == {"amount": "at least 1000.00"}
    assert procedure.decide(loan, actor=MANAGER, amount_fen=100_000).stage is Stage.ACCEPTANCE
