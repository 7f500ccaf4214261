"""The borrower's own decisions: accept, complete, walk away; and what happens when he does nothing."""

from datetime import timedelta

import pytest

from models.loans import Stage
from models.messages import BooksOrder
from models.payments import PaymentStatus
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services import acceptance, disbursement, payments, tasks
from services.errors import NotAllowed, OfferOver, WrongStage
from tests.services.procedure import AUDITOR, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure


def test_acceptance_orders_the_payout_to_each_payee(procedure: Procedure) -> None:
    loan = procedure.offered("student")
    progress = procedure.accept(loan)
    orders = procedure.payments(loan)
    assert progress.stage is Stage.DISBURSEMENT
    assert progress.payouts == tuple(order.key for order in orders)
    assert [order.amount_fen for order in orders] == [600_000, 900_000]
    assert {order.status for order in orders} == {PaymentStatus.ORDERED}


def test_the_borrower_himself_accepts(procedure: Procedure) -> None:
    loan = procedure.offered()
    assert procedure.accept(loan, procedure.borrower_of(loan)).stage is Stage.DISBURSEMENT


@pytest.mark.parametrize(
    "actor",
    [RISK, FINANCE, AUDITOR, Actor("somebody", Role.BORROWER, customer_id="somebody")],
    ids=lambda actor: actor.role,
)
def test_nobody_else_accepts_for_the_borrower(procedure: Procedure, actor: Actor) -> None:
    loan = procedure.offered()
    with pytest.raises(NotAllowed):
        procedure.accept(loan, actor)
    assert procedure.loan(loan).stage is Stage.ACCEPTANCE
    assert procedure.payments(loan) == []


def test_an_offer_is_accepted_once(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.accept(loan)
    with pytest.raises(WrongStage):
        procedure.accept(loan)
    assert len(procedure.payments(loan)) == 1


def test_a_completed_case_is_verified_again(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.RETURN)
    assert (
        procedure.act(acceptance.complete, procedure.command(loan, INTEGRATOR, "payslip added")).stage
        is Stage.VERIFICATION
    )
    assert procedure.open_tasks(loan) == []
    assert procedure.entries(loan)[-1].reason == "payslip added"


def test_only_a_returned_case_can_be_completed(procedure: Procedure) -> None:
    loan = procedure.graded()
    with pytest.raises(WrongStage):
        procedure.act(acceptance.complete, procedure.command(loan, INTEGRATOR))


def test_a_withdrawn_case_leaves_no_open_task_and_tells_the_borrower(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.act(acceptance.withdraw, procedure.command(loan, MANAGER, "found a cheaper offer"))
    found = procedure.loan(loan)
    assert (found.stage, found.closed_on) == (Stage.WITHDRAWN, procedure.day)
    assert procedure.open_tasks(loan) == []
    assert procedure.messages(loan)[-1] == "withdrawn"
    assert procedure.entries(loan)[-1].reason == "found a cheaper offer"


@pytest.mark.parametrize("stage", [Stage.DISBURSEMENT, Stage.REPAYMENT])
def test_nobody_withdraws_once_money_is_on_its_way(procedure: Procedure, stage: Stage) -> None:
    loan = procedure.offered()
    keys = procedure.accept(loan).payouts
    if stage is Stage.REPAYMENT:
        procedure.settle(keys[0])
        procedure.book_payout(loan)
    with pytest.raises(WrongStage):
        procedure.act(acceptance.withdraw, procedure.command(loan, INTEGRATOR))


def test_after_a_failed_payout_nobody_withdraws_while_its_outcome_is_unknown(procedure: Procedure) -> None:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    with procedure.at() as work:
        payments.begin_sending(work, key)
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    with pytest.raises(WrongStage):
        procedure.act(acceptance.withdraw, procedure.command(loan, INTEGRATOR))
    procedure.decline(key)
    assert procedure.act(acceptance.withdraw, procedure.command(loan, INTEGRATOR)).stage is Stage.WITHDRAWN


def test_an_offer_that_nobody_accepts_expires(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.day += timedelta(days=14)
    assert procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan))).stage is Stage.EXPIRED
    assert procedure.loan(loan).closed_on == procedure.day
    assert procedure.messages(loan)[-1] == "offer_expired"


def test_after_its_last_day_an_offer_is_not_accepted_though_the_engine_was_away(procedure: Procedure) -> None:
    loan = procedure.offered()
    assert procedure.loan(loan).offer_until == procedure.day + timedelta(days=14)
    procedure.day += timedelta(days=15)
    with pytest.raises(OfferOver), procedure.at() as work:
        acceptance.check(work, INTEGRATOR, work.loans.get(loan))
    with pytest.raises(OfferOver):
        procedure.act(acceptance.accept, procedure.command(loan, INTEGRATOR))
    assert procedure.payments(loan) == []


def test_an_offer_that_all_signed_in_time_is_taken_however_late_that_is_heard(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.day += timedelta(days=14)
    procedure.sign(loan)
    procedure.day += timedelta(days=6)
    assert procedure.act(acceptance.accept, procedure.command(loan, INTEGRATOR)).stage is Stage.DISBURSEMENT


def test_an_offer_that_all_signed_on_its_last_day_waits_until_that_is_heard_but_not_for_ever(
    procedure: Procedure,
) -> None:
    """Between the last signature and the acceptance a process may die, or the engine be away over midnight."""
    loan = procedure.offered()
    procedure.day += timedelta(days=14)
    procedure.sign(loan)
    procedure.day += timedelta(days=1)
    assert procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan))).stage is Stage.ACCEPTANCE
    assert "offer_expired" not in procedure.messages(loan)
    assert procedure.act(acceptance.accept, procedure.command(loan, INTEGRATOR)).stage is Stage.DISBURSEMENT


def test_a_signed_offer_that_nobody_ever_accepts_expires_all_the_same(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    procedure.day += timedelta(days=28)
    assert procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan))).stage is Stage.EXPIRED


def test_an_accepted_offer_does_not_expire(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.accept(loan)
    assert procedure.act(acceptance.expire_offer, BooksOrder(**procedure.order(loan))).stage is Stage.DISBURSEMENT
    assert "offer_expired" not in procedure.acts(loan)


def test_a_case_that_nobody_completes_expires(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.RETURN)
    assert procedure.open_tasks(loan) == [TaskKind.COMPLETION]
    assert procedure.act(tasks.expire_completion, BooksOrder(**procedure.order(loan))).stage is Stage.EXPIRED
    assert procedure.open_tasks(loan) == []
