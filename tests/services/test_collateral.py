"""What is asked of a vehicle before and after the payout, and that nothing is paid out without it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from models.collateral import ConditionKind
from models.loans import Stage
from models.messages import BooksOrder, CommandOrder
from models.outbox import OutboxRow, Topic
from models.papers import PaperKind
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services import absences, acceptance, disbursement, payout_screening, tasks
from services.collateral import ConditionsNotMet
from services.collateral_checks import elsewhere
from services.collateral_evidence import (
    EvidenceReviewed,
    InvalidEvidence,
    NothingAsked,
    OwnEvidence,
    UnknownEvidence,
)
from services.dealers import set_standing
from services.errors import InvalidDecision, NotAllowed, TaskClosed, WrongStage
from services.reopening import take_up
from services.status import status_of
from tests.services.papers import made, squeezed
from tests.services.procedure import AGENT, AUDITOR, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure
from tests.services.vehicles import conditions, confirmed, entered, paper, say, thing, used_car

DEPUTY = Actor("manager-feng", Role.MANAGER)
REGISTRATION, INSURANCE, RELEASE = ConditionKind.REGISTRATION, ConditionKind.INSURANCE, ConditionKind.RELEASE


def acceptances(procedure: Procedure) -> list[CommandOrder]:
    """The acceptances that wait to be sent to a loan."""
    with procedure.books.read() as work:
        rows = work.session.exec(select(OutboxRow).where(OutboxRow.topic == Topic.ACCEPTANCE))
        return [CommandOrder.model_validate(row.payload["command"]) for row in rows]


# -- before the payout -------------------------------------------------------------------------------------------------


def test_a_used_vehicle_is_mortgaged_and_insured_before_its_payout(procedure: Procedure) -> None:
    loan = used_car(procedure)
    assert procedure.open_tasks(loan) == [TaskKind.INSURANCE, TaskKind.REGISTRATION]
    task = procedure.task(loan, TaskKind.REGISTRATION)
    assert (task.role, task.due_on) == (AGENT.role, procedure.day + timedelta(days=10))
    with pytest.raises(ConditionsNotMet) as refused:
        procedure.accept(loan)
    assert refused.value.fields.keys() == {"registration", "insurance"}
    assert procedure.payments(loan) == []
    confirmed(procedure, loan, REGISTRATION)
    with pytest.raises(ConditionsNotMet, match="not insured"):
        procedure.accept(loan)
    confirmed(procedure, loan, INSURANCE)
    assert procedure.open_tasks(loan) == []
    assert procedure.accept(loan).stage is Stage.DISBURSEMENT


def test_nothing_is_asked_of_a_new_vehicle_before_its_payout(procedure: Procedure) -> None:
    loan = procedure.offered("auto")
    assert procedure.open_tasks(loan) == []
    procedure.pay_out(loan)
    assert procedure.open_tasks(loan) == [TaskKind.INSURANCE, TaskKind.REGISTRATION]
    asked = conditions(procedure, loan)
    due_on = procedure.day + timedelta(days=30)
    assert {one.due_on for one in asked.values()} == {due_on}
    assert procedure.task(loan, TaskKind.REGISTRATION).due_on == due_on
    confirmed(procedure, loan, REGISTRATION)
    assert thing(procedure, loan).registered_on == procedure.day
    assert procedure.open_tasks(loan) == [TaskKind.INSURANCE]


def test_loans_without_collateral_are_asked_for_nothing(procedure: Procedure) -> None:
    loan = procedure.running("micro")
    assert conditions(procedure, loan) == {}
    assert procedure.open_tasks(loan) == []


def test_an_edge_refuses_an_acceptance_before_the_engine_is_asked(procedure: Procedure) -> None:
    loan = used_car(procedure)
    procedure.sign(loan)
    with procedure.at() as work, pytest.raises(ConditionsNotMet):
        acceptance.check(work, INTEGRATOR, work.loans.get(loan))


def test_a_payout_that_is_tried_again_asks_again(procedure: Procedure) -> None:
    loan = used_car(procedure)
    confirmed(procedure, loan, REGISTRATION)
    confirmed(procedure, loan, INSURANCE, until=procedure.day + timedelta(days=3))
    (key,) = procedure.accept(loan).payouts
    procedure.decline(key)
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    procedure.day += timedelta(days=4)
    with pytest.raises(ConditionsNotMet, match="not insured"):
        procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM)
    assert procedure.loan(loan).stage is Stage.PAYOUT_FAILED


def test_a_dealer_that_the_lender_blocked_is_not_paid(procedure: Procedure) -> None:
    loan = procedure.offered("auto")
    with procedure.at() as work:
        dealer = work.loans.application(loan).form["dealer"]
        set_standing(work, RISK, dealer, blocked=True, reason="cars that do not exist")
    with pytest.raises(ConditionsNotMet, match="this dealer"):
        procedure.accept(loan)
    with procedure.at() as work:
        set_standing(work, RISK, dealer, blocked=False, reason="it was another of that name")
    assert procedure.accept(loan).stage is Stage.DISBURSEMENT


def test_a_dealer_that_is_blocked_while_his_money_waits_to_be_sent_is_not_paid(procedure: Procedure) -> None:
    loan = procedure.offered("auto")
    (key,) = procedure.accept(loan).payouts
    with procedure.at() as work:
        dealer = work.loans.application(loan).form["dealer"]
        set_standing(work, RISK, dealer, blocked=True, reason="cars that do not exist")
    with procedure.at() as work:
        assert payout_screening.look(work, key) == payout_screening.Look(is_held=True)
        payout_screening.hold(work, key)
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    assert procedure.task(loan, TaskKind.PAYOUT_PROBLEM).role is Role.RISK
    with pytest.raises(ConditionsNotMet, match="this dealer"):
        procedure.decide(loan, actor=RISK, kind=TaskKind.PAYOUT_PROBLEM)


def test_a_signed_offer_goes_on_when_its_dealer_is_no_longer_blocked(procedure: Procedure) -> None:
    loan, unsigned = procedure.offered("auto"), procedure.offered("auto")
    with procedure.at() as work:
        dealer = work.loans.application(loan).form["dealer"]
        set_standing(work, RISK, dealer, blocked=True, reason="cars that do not exist")
    procedure.sign(loan)
    assert acceptances(procedure) == []
    with procedure.at() as work:
        set_standing(work, RISK, "另一家汽车销售有限公司", blocked=True, reason="so")
        set_standing(work, RISK, "另一家汽车销售有限公司", blocked=False, reason="so")
    assert acceptances(procedure) == []
    with procedure.at() as work:
        row = set_standing(work, RISK, dealer, blocked=False, reason="it was another of that name")
    assert [command.command_id for command in acceptances(procedure)] == [f"acceptance-{row.id}"]
    assert procedure.loan(unsigned).stage is Stage.ACCEPTANCE


# -- the last of signature and condition accepts -----------------------------------------------------------------------


def test_the_last_condition_accepts_what_all_have_signed(procedure: Procedure) -> None:
    loan = used_car(procedure)
    procedure.sign(loan)
    confirmed(procedure, loan, REGISTRATION)
    assert acceptances(procedure) == []
    confirmed(procedure, loan, INSURANCE)
    (command,) = acceptances(procedure)
    assert (command.sender.actor_id, command.sender.role) == (INTEGRATOR.id, INTEGRATOR.role)


def test_conditions_that_are_met_before_the_last_signature_accept_nothing(procedure: Procedure) -> None:
    loan = used_car(procedure)
    confirmed(procedure, loan, REGISTRATION)
    confirmed(procedure, loan, INSURANCE)
    assert acceptances(procedure) == []
    assert procedure.accept(loan).stage is Stage.DISBURSEMENT


def test_an_offer_waits_once_as_long_again_for_its_conditions(procedure: Procedure) -> None:
    loan = used_car(procedure)
    procedure.sign(loan)
    procedure.day += timedelta(days=14)
    assert procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan))).stage is Stage.ACCEPTANCE
    assert procedure.acts(loan)[-1] == "offer_kept_open"
    assert procedure.loan(loan).offer_until == procedure.day + timedelta(days=14)
    procedure.day += timedelta(days=14)
    assert procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan))).stage is Stage.EXPIRED
    assert procedure.open_tasks(loan) == []


def test_an_offer_that_nobody_signed_expires_whatever_it_waits_for(procedure: Procedure) -> None:
    loan = used_car(procedure)
    procedure.day += timedelta(days=14)
    assert procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan))).stage is Stage.EXPIRED


def test_a_signed_offer_waits_for_whoever_sees_to_its_conditions(procedure: Procedure) -> None:
    loan = used_car(procedure)

    def waits_for() -> tuple[str, TaskKind | None]:
        with procedure.books.read() as work:
            found = status_of(work, RISK, loan).waits_for
        assert found is not None
        return found.who, found.task_kind

    assert waits_for() == ("borrower", None)
    procedure.sign(loan)
    assert waits_for() == ("agent", TaskKind.REGISTRATION)
    evidence = entered(procedure, loan, REGISTRATION)
    assert waits_for() == ("manager", TaskKind.EVIDENCE)
    say(procedure, loan, evidence.id)
    assert waits_for() == ("agent", TaskKind.INSURANCE)


# -- proofs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "wrong", "field"),
    [
        (REGISTRATION, {"number": " "}, "number"),
        (REGISTRATION, {"number": "1" * 41}, "number"),
        (REGISTRATION, {"issuer": ""}, "issuer"),
        (REGISTRATION, {"document_id": None}, "document"),
        (REGISTRATION, {"dated": "tomorrow"}, "dated"),
        (INSURANCE, {"dated": "tomorrow"}, "dated"),
        (INSURANCE, {"until": None}, "until"),
        (INSURANCE, {"until": "yesterday", "dated": "last year"}, "until"),
        (INSURANCE, {"until": "in ten years"}, "until"),
        (INSURANCE, {"insured_fen": 5_999_999}, "insured"),
        (INSURANCE, {"lender_first": False}, "lender_first"),
    ],
)
def test_what_proves_nothing_is_refused_by_field(
    procedure: Procedure, kind: ConditionKind, wrong: dict[str, Any], field: str
) -> None:
    loan = used_car(procedure)
    days = {"tomorrow": 1, "yesterday": -1, "last year": -365, "in ten years": 3_650}
    given: dict[str, Any] = {
        name: procedure.day + timedelta(days=days[value]) if value in days else value for name, value in wrong.items()
    }
    with pytest.raises(InvalidEvidence) as refused:
        entered(procedure, loan, kind, **given)
    assert refused.value.fields.keys() == {field}


def test_a_document_of_another_kind_or_loan_is_no_proof(procedure: Procedure) -> None:
    loan, other = used_car(procedure), used_car(procedure)
    for document in (paper(procedure, loan, "id_card"), paper(procedure, other, "vehicle_registration")):
        with pytest.raises(InvalidEvidence):
            entered(procedure, loan, REGISTRATION, document_id=document)


def test_the_borrower_enters_his_insurance_and_not_the_lenders_mortgage(procedure: Procedure) -> None:
    loan = used_car(procedure)
    borrower = procedure.borrower_of(loan)
    entered(procedure, loan, INSURANCE, actor=borrower)
    with pytest.raises(NotAllowed):
        entered(procedure, loan, REGISTRATION, actor=borrower)
    with pytest.raises(NotAllowed):
        entered(procedure, loan, REGISTRATION, actor=AUDITOR)


def test_the_same_proof_entered_again_is_the_first(procedure: Procedure) -> None:
    loan = used_car(procedure)
    first = entered(procedure, loan, REGISTRATION)
    assert entered(procedure, loan, REGISTRATION, document_id=first.document_id).id == first.id
    with pytest.raises(NothingAsked):
        entered(procedure, loan, REGISTRATION, number="2")
    assert procedure.acts(loan).count("evidence_entered") == 1


def test_whoever_enters_a_proof_does_not_confirm_it(procedure: Procedure) -> None:
    loan = used_car(procedure)
    evidence = entered(procedure, loan, REGISTRATION, actor=MANAGER)
    with pytest.raises(OwnEvidence):
        say(procedure, loan, evidence.id, actor=MANAGER)
    with pytest.raises(NotAllowed):
        say(procedure, loan, evidence.id, actor=AGENT)
    say(procedure, loan, evidence.id, actor=RISK)
    with pytest.raises(EvidenceReviewed):
        say(procedure, loan, evidence.id, actor=RISK)


def test_the_deputy_of_whoever_entered_a_proof_does_not_confirm_it_for_him(procedure: Procedure) -> None:
    loan = used_car(procedure)
    evidence = entered(procedure, loan, REGISTRATION, actor=MANAGER)
    with procedure.at() as work:
        tasks.claim(work, MANAGER, work.tasks.get(procedure.task(loan, TaskKind.EVIDENCE).id))
        absences.enter(work, MANAGER, MANAGER.id, DEPUTY.id, procedure.day, procedure.day, "ill")
    with pytest.raises(OwnEvidence):
        say(procedure, loan, evidence.id, actor=DEPUTY)
    say(procedure, loan, evidence.id, actor=RISK)


def test_a_proof_that_is_refused_leaves_its_condition_open(procedure: Procedure) -> None:
    loan = used_car(procedure)
    evidence = entered(procedure, loan, REGISTRATION)
    assert TaskKind.EVIDENCE in procedure.open_tasks(loan)
    say(procedure, loan, evidence.id, Outcome.REFUSE, reason="another vehicle stands on it")
    assert procedure.open_tasks(loan) == [TaskKind.INSURANCE, TaskKind.REGISTRATION]
    assert thing(procedure, loan).registered_on is None
    entered(procedure, loan, REGISTRATION)


def test_words_on_a_proof_are_checked(procedure: Procedure) -> None:
    loan = used_car(procedure)
    evidence = entered(procedure, loan, REGISTRATION)
    with pytest.raises(InvalidDecision):
        say(procedure, loan, evidence.id, Outcome.RETURN)
    with pytest.raises(InvalidDecision):
        say(procedure, loan, evidence.id, reason="  ")
    with pytest.raises(UnknownEvidence):
        say(procedure, used_car(procedure), evidence.id)


def test_tasks_about_collateral_end_with_what_is_done_about_it(procedure: Procedure) -> None:
    loan = used_car(procedure)
    task = procedure.task(loan, TaskKind.REGISTRATION)
    with procedure.at() as work, pytest.raises(NotAllowed):
        tasks.finish(work, AGENT, work.tasks.get(task.id), "done")


def test_numbers_of_certificates_are_in_no_log(procedure: Procedure) -> None:
    loan = used_car(procedure)
    confirmed(procedure, loan, REGISTRATION)
    assert "110000123456" not in str([(one.after, one.reason, one.subject) for one in procedure.entries(loan)])


# -- afterwards --------------------------------------------------------------------------------------------------------


def settled(procedure: Procedure, *, registered: bool = True) -> str:
    """A vehicle's loan that is paid back at once."""
    loan = procedure.running("auto")
    if registered:
        confirmed(procedure, loan, REGISTRATION)
    pay_back(procedure, loan)
    assert procedure.loan(loan).stage is Stage.SETTLED
    return loan


def pay_back(procedure: Procedure, loan: str) -> None:
    """All that is owed, by prepayment."""
    key = procedure.prepayment(loan).payment_key
    assert key is not None
    procedure.settle(key)
    procedure.advance(loan)


def test_the_mortgage_is_released_once_the_loan_is_settled(procedure: Procedure) -> None:
    loan = settled(procedure)
    task = procedure.task(loan, TaskKind.RELEASE)
    assert (task.role, task.due_on) == (AGENT.role, procedure.day + timedelta(days=15))
    procedure.day += timedelta(days=2)
    entered(procedure, loan, RELEASE, actor=AGENT)
    assert thing(procedure, loan).released_on == procedure.day
    assert procedure.open_tasks(loan) == []
    assert procedure.messages(loan)[-1] == "mortgage_released"
    assert procedure.acts(loan)[-1] == "mortgage_released"
    with pytest.raises(NothingAsked):
        entered(procedure, loan, RELEASE, actor=AGENT)


def test_a_mortgage_that_was_never_registered_is_not_released(procedure: Procedure) -> None:
    loan = settled(procedure, registered=False)
    assert procedure.open_tasks(loan) == []
    assert {one.ended_on for one in conditions(procedure, loan).values()} == {procedure.day}


def test_a_registration_that_nobody_confirmed_is_released_too(procedure: Procedure) -> None:
    loan = procedure.running("auto")
    evidence = entered(procedure, loan, REGISTRATION)
    pay_back(procedure, loan)
    assert procedure.open_tasks(loan) == [TaskKind.RELEASE]
    with pytest.raises(TaskClosed):
        say(procedure, loan, evidence.id)


def test_a_registration_whose_paper_is_in_and_not_entered_is_released_too(procedure: Procedure) -> None:
    loan = procedure.running("auto")
    paper(procedure, loan, "vehicle_registration")
    pay_back(procedure, loan)
    assert procedure.open_tasks(loan) == [TaskKind.RELEASE]
    entered(procedure, loan, RELEASE, actor=AGENT)
    assert thing(procedure, loan).released_on == procedure.day


@pytest.mark.parametrize(
    ("actor", "dated", "error"), [(FINANCE, 0, NotAllowed), (AGENT, 1, InvalidEvidence), (AGENT, -1, InvalidEvidence)]
)
def test_a_release_has_its_person_and_its_day(
    procedure: Procedure, actor: Actor, dated: int, error: type[Exception]
) -> None:
    loan = settled(procedure)
    with pytest.raises(error):
        entered(procedure, loan, RELEASE, actor=actor, dated=procedure.day + timedelta(days=dated))


def withdrawn(procedure: Procedure, loan: str) -> Stage:
    return procedure.act(acceptance.withdraw, procedure.command(loan, INTEGRATOR)).stage


def expired(procedure: Procedure, loan: str) -> Stage:
    procedure.day += timedelta(days=14)
    return procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan))).stage


def given_up(procedure: Procedure, loan: str) -> Stage:
    confirmed(procedure, loan, INSURANCE)
    (key,) = procedure.accept(loan).payouts
    procedure.decline(key)
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    return procedure.decide(loan, Outcome.REFUSE, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM).stage


@pytest.mark.parametrize(
    ("end", "stage"), [(withdrawn, Stage.WITHDRAWN), (expired, Stage.EXPIRED), (given_up, Stage.REFUSED)]
)
def test_a_mortgage_is_released_as_well_when_its_loan_comes_to_nothing(
    procedure: Procedure, end: Callable[[Procedure, str], Stage], stage: Stage
) -> None:
    loan = used_car(procedure)
    confirmed(procedure, loan, REGISTRATION)
    other = used_car(procedure, vin=thing(procedure, loan).identifier)
    assert end(procedure, loan) is stage
    assert procedure.open_tasks(loan) == [TaskKind.RELEASE]
    assert elsewhere_of(procedure, other) == [loan]
    entered(procedure, loan, RELEASE, actor=AGENT)
    assert procedure.open_tasks(loan) == []
    assert elsewhere_of(procedure, other) == []


def elsewhere_of(procedure: Procedure, loan: str) -> list[str]:
    with procedure.books.read() as work:
        return elsewhere(work, work.loans.get(loan))


def test_what_came_to_nothing_without_a_mortgage_leaves_nobody_a_task(procedure: Procedure) -> None:
    loan = used_car(procedure)
    entered(procedure, loan, INSURANCE)
    withdrawn(procedure, loan)
    assert procedure.open_tasks(loan) == []


def test_a_running_loan_is_not_released(procedure: Procedure) -> None:
    loan = procedure.running("auto")
    confirmed(procedure, loan, REGISTRATION)
    with pytest.raises(NothingAsked):
        entered(procedure, loan, RELEASE)


def test_nothing_is_proved_before_the_offer(procedure: Procedure) -> None:
    loan = procedure.graded("auto")
    with pytest.raises(WrongStage):
        entered(procedure, loan, REGISTRATION)


def test_a_loan_that_is_taken_up_again_keeps_its_mortgage(procedure: Procedure) -> None:
    loan = settled(procedure)
    reopened(procedure, loan)
    assert TaskKind.RELEASE not in procedure.open_tasks(loan)
    assert TaskKind.INSURANCE in procedure.open_tasks(loan)
    release = conditions(procedure, loan)[RELEASE]
    assert (release.met_on, release.ended_on) == (None, procedure.day)
    # Nothing was taken back in truth, so its account settles it again.
    procedure.advance(loan)
    assert procedure.open_tasks(loan) == [TaskKind.RELEASE]


def test_a_proof_that_waited_at_the_settlement_can_be_confirmed_once_the_loan_runs_again(procedure: Procedure) -> None:
    loan = procedure.running("auto")
    evidence = entered(procedure, loan, REGISTRATION)
    pay_back(procedure, loan)
    reopened(procedure, loan)
    assert TaskKind.EVIDENCE in procedure.open_tasks(loan)
    say(procedure, loan, evidence.id)
    assert thing(procedure, loan).registered_on == procedure.day


def test_risk_hears_of_a_loan_that_runs_again_without_its_mortgage(procedure: Procedure) -> None:
    loan = settled(procedure)
    entered(procedure, loan, RELEASE)
    reopened(procedure, loan)
    task = procedure.task(loan, TaskKind.TROUBLE)
    assert (task.role, task.about) == (RISK.role, "the loan runs again, and its mortgage is released")


def reopened(procedure: Procedure, loan: str) -> None:
    """The bank takes the money back that settled the loan."""
    with procedure.at() as work:
        take_up(work, work.loans.get(loan), "chargeback")


def certificate(procedure: Procedure, loan: str) -> str:
    """What the settlement certificate says that the settlement asked for."""
    with procedure.books.read() as work:
        (order,) = (one for one in work.papers.of_loan(loan) if one.kind is PaperKind.CERTIFICATE)
    return squeezed(made(procedure, order).content)


def test_the_certificate_names_the_day_by_which_the_mortgage_is_released(procedure: Procedure) -> None:
    assert "车辆抵押登记由本公司于2026年1月20日前办理解除" in certificate(procedure, settled(procedure))
    assert "抵押" not in certificate(procedure, settled(procedure, registered=False))
