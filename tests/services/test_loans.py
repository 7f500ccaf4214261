"""Taking a loan up from the books, at whatever stage they have it."""

from datetime import timedelta

import pytest

from activities.acts import once
from models.loans import Stage
from models.messages import BooksOrder, LoanOrder, NextDay, Progress, StepKind
from models.tasks import Outcome, TaskKind
from services import acceptance, disbursement
from services.errors import WrongStage
from services.loans import account_of, case_of, order_for, order_from_books, require_stage
from services.products import catalogue
from tests.services.procedure import FINANCE, INTEGRATOR, Procedure


def order_of(procedure: Procedure, loan: str) -> LoanOrder:
    with procedure.books.read() as work:
        return order_from_books(work, work.loans.get(loan))


def test_a_fresh_loan_starts_as_its_outbox_row_says(procedure: Procedure) -> None:
    loan = procedure.apply("auto")
    assert order_of(procedure, loan) == order_for(loan, catalogue().product("auto"), procedure.books.clock)


def test_effects_count_on_from_the_last_one(procedure: Procedure) -> None:
    loan = procedure.apply()
    order = BooksOrder(**procedure.order(loan) | {"key": f"{loan}:x:41", "n": 41})
    once(procedure.books, order, lambda _work, _order: Progress(stage=Stage.APPLICATION), Progress)
    assert order_of(procedure, loan).seq == 42


def test_a_loan_in_approval_waits_for_its_task(procedure: Procedure) -> None:
    loan = procedure.graded()
    order = order_of(procedure, loan)
    assert (order.stage, order.task_id) == (Stage.APPROVAL, procedure.task(loan, TaskKind.APPROVAL).id)


def test_a_returned_loan_waits_for_its_completion(procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.RETURN)
    order = order_of(procedure, loan)
    assert (order.stage, order.task_id) == (Stage.RETURNED, procedure.task(loan, TaskKind.COMPLETION).id)


def test_a_loan_that_pays_out_knows_its_orders(procedure: Procedure) -> None:
    loan = procedure.offered("student")
    keys = procedure.accept(loan).payouts
    procedure.settle(keys[0])
    order = order_of(procedure, loan)
    assert (order.stage, order.payouts) == (Stage.DISBURSEMENT, keys)


def test_a_failed_payout_waits_for_finance_and_a_new_try_carries_the_newest_order_of_each_payee(
    procedure: Procedure,
) -> None:
    loan = procedure.offered("student")
    keys = procedure.accept(loan).payouts
    procedure.decline(keys[0])
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))
    order = order_of(procedure, loan)
    assert (order.stage, order.task_id) == (Stage.PAYOUT_FAILED, procedure.task(loan, TaskKind.PAYOUT_PROBLEM).id)
    again = procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM).payouts
    assert set(order_of(procedure, loan).payouts) == set(again)
    assert not set(again) & set(keys)


def test_a_case_under_verification_asks_the_registers_in_a_new_round(procedure: Procedure) -> None:
    loan = procedure.graded()
    assert order_of(procedure, loan).round == 1
    procedure.decide(loan, Outcome.RETURN)
    procedure.act(acceptance.complete, procedure.command(loan, INTEGRATOR))
    assert order_of(procedure, loan).round == 2


def test_money_that_waits_to_be_booked_wakes_the_loan(procedure: Procedure) -> None:
    loan = procedure.running()
    assert not order_of(procedure, loan).money_came_in
    procedure.deposit(loan, 100)
    assert order_of(procedure, loan).money_came_in


def test_a_running_loan_goes_on_from_the_day_that_its_books_stand_at(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day += timedelta(days=40)
    procedure.advance(loan, StepKind.OVERDUE)
    assert order_of(procedure, loan).next_day == NextDay(date=procedure.day, why=StepKind.DUE)


@pytest.mark.parametrize("bring", [Procedure.offered, Procedure.running], ids=["acceptance", "repayment"])
def test_an_order_survives_the_journey_through_the_engine(procedure: Procedure, bring: object) -> None:
    assert callable(bring)
    order = order_of(procedure, bring(procedure))
    assert LoanOrder.model_validate_json(order.model_dump_json()) == order
    # What a workflow carries stays small and holds nothing personal.
    assert len(order.model_dump_json()) < 4096
    assert "欧阳" not in order.model_dump_json()


def test_an_act_at_another_stage_is_refused_by_name(procedure: Procedure) -> None:
    loan = procedure.loan(procedure.apply())
    require_stage(loan, "anything", Stage.APPLICATION, Stage.APPROVAL)
    with pytest.raises(WrongStage, match="is at application; prepayment is not possible there"):
        require_stage(loan, "prepayment", Stage.REPAYMENT)


def test_a_case_leaves_out_registers_that_could_not_be_asked(procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan, bureau=None)
    with procedure.books.read() as work:
        case = case_of(work, work.loans.get(loan), procedure.day)
        assert set(case.answers) == {"identity", "enrolment", "screening"}
        assert (case.amount_fen, case.term, case.annual_rate_percent) == (1_200_000, 12, "0")


def test_before_the_payout_there_is_no_account(procedure: Procedure) -> None:
    loan = procedure.offered()
    with procedure.books.read() as work:
        assert account_of(work, loan, procedure.day) is None
