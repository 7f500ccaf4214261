"""Money in: what is drawn on which day, the account brought up to a date, and who is told what."""

from datetime import date, timedelta

import pytest

from lending.events import PrepaymentEffect
from lending.money import yuan
from models.ledger import BANK, SUBSIDY_RECEIVABLE, UNALLOCATED
from models.loans import Stage
from models.messages import NextDay, StepKind
from models.payments import PaymentKind, PaymentStatus
from models.staff import Role
from models.tasks import TaskKind
from services.errors import InvalidPrepayment, NotAllowed, WrongStage
from services.payments import begin_sending, record_outcome
from services.repayments import DebitUnderWay
from tests.services.procedure import AUDITOR, FINANCE, Procedure

INSTALLMENT = 103_943
FIRST_DUE = date(2026, 2, 5)


@pytest.fixture
def loan(procedure: Procedure) -> str:
    """A microloan of 12,000 yuan in twelve installments, paid out on 5 January 2026."""
    return procedure.running()


def late(procedure: Procedure, loan: str, *days: int) -> None:
    """Lives through the days past the first due date, nothing being paid."""
    for past in days:
        procedure.day = FIRST_DUE + timedelta(days=past)
        procedure.advance(loan, StepKind.DUE if past == 0 else StepKind.OVERDUE)


# -- what is drawn ---------------------------------------------------------------------------------------------------


def test_nothing_is_drawn_before_it_is_due(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE - timedelta(days=1)
    assert procedure.collection(loan) is None
    procedure.day = FIRST_DUE
    payment = procedure.collection(loan)
    assert payment is not None
    assert (payment.amount_fen, payment.kind, payment.installment) == (INSTALLMENT, PaymentKind.INSTALLMENT, 1)


def test_the_sum_is_fixed_at_the_first_asking(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE
    first = procedure.collection(loan, key="k")
    procedure.deposit(loan, 50_000)
    again = procedure.collection(loan, key="k")
    assert first is not None
    assert again is not None
    assert again.amount_fen == first.amount_fen == INSTALLMENT


def test_money_that_is_in_but_not_booked_yet_is_not_drawn_again(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE
    procedure.deposit(loan, 100_000)
    payment = procedure.collection(loan)
    assert payment is not None
    assert payment.amount_fen == INSTALLMENT - 100_000
    procedure.settle(payment.key)
    assert procedure.collection(loan) is None


def test_arrears_are_drawn_with_penalty_and_the_next_installment(procedure: Procedure, loan: str) -> None:
    procedure.day = date(2026, 3, 5)
    payment = procedure.collection(loan)
    assert payment is not None
    assert payment.amount_fen == procedure.account(loan).due_fen > 2 * INSTALLMENT


def test_the_state_pays_the_interest_of_a_student_and_the_student_nothing(procedure: Procedure) -> None:
    loan = procedure.running("student")
    procedure.day = FIRST_DUE
    assert procedure.collection(loan) is None
    payment = procedure.collection(loan, subsidy=True)
    assert payment is not None
    assert (payment.kind, payment.party_id) == (PaymentKind.SUBSIDY, None)
    assert payment.amount_fen == procedure.account(loan).subsidy_outstanding_fen > 0
    procedure.settle(payment.key)
    assert procedure.collection(loan, subsidy=True) is None
    procedure.advance(loan, StepKind.DUE)
    with procedure.books.read() as work:
        assert work.ledger.balance(SUBSIDY_RECEIVABLE, loan=loan) == 0


def test_a_borrowers_transfer_does_not_lessen_what_the_state_owes(procedure: Procedure) -> None:
    loan = procedure.running("student")
    procedure.day = FIRST_DUE
    procedure.deposit(loan, 100)
    payment = procedure.collection(loan, subsidy=True)
    assert payment is not None
    assert payment.amount_fen == procedure.account(loan).subsidy_outstanding_fen


def test_no_more_is_announced_than_will_be_drawn(procedure: Procedure, loan: str) -> None:
    procedure.deposit(loan, 40_000)
    procedure.advance(loan)
    assert procedure.loan(loan).next_due_fen == INSTALLMENT - 40_000
    procedure.day = FIRST_DUE - timedelta(days=3)
    procedure.advance(loan, StepKind.REMINDER)
    with procedure.books.read() as work:
        reminder = next(one for one in work.customers.contacts(loan) if one.template == "reminder")
    assert yuan(INSTALLMENT - 40_000) in reminder.text
    procedure.day = FIRST_DUE
    assert procedure.collect(loan) == INSTALLMENT - 40_000


def test_an_installment_that_credit_covers_is_announced_as_such_and_not_drawn(procedure: Procedure, loan: str) -> None:
    procedure.deposit(loan, INSTALLMENT + 5_000)
    procedure.advance(loan)
    found = procedure.loan(loan)
    assert (found.next_due, found.next_due_fen) == (FIRST_DUE, 0)
    procedure.day = FIRST_DUE - timedelta(days=3)
    procedure.advance(loan, StepKind.REMINDER)
    assert procedure.messages(loan)[-1] == "reminder_covered"
    procedure.day = FIRST_DUE
    assert procedure.collection(loan) is None
    procedure.advance(loan, StepKind.DUE)
    assert procedure.loan(loan).next_due_fen == INSTALLMENT - 5_000


# -- the account day by day ------------------------------------------------------------------------------------------


def test_a_paid_installment_moves_the_account_on(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE
    assert procedure.collect(loan) == INSTALLMENT
    progress = procedure.advance(loan, StepKind.DUE)
    found = procedure.loan(loan)
    assert (found.dpd, found.overdue_fen, found.next_due, found.next_due_fen) == (0, 0, date(2026, 3, 5), INSTALLMENT)
    assert found.outstanding_fen == 1_200_000 - (INSTALLMENT - 7_200)
    assert progress.next_day == NextDay(date=date(2026, 3, 2), why=StepKind.REMINDER, n=2)


def test_the_next_day_says_what_to_draw(procedure: Procedure, loan: str) -> None:
    procedure.day = date(2026, 2, 2)
    progress = procedure.advance(loan, StepKind.REMINDER)
    assert progress.next_day == NextDay(date=FIRST_DUE, why=StepKind.DUE, n=1, collect=True)
    assert procedure.loan(loan).next_date == FIRST_DUE


def test_the_reminder_names_date_and_sum_and_is_sent_once(procedure: Procedure, loan: str) -> None:
    procedure.day = date(2026, 2, 2)
    procedure.advance(loan, StepKind.REMINDER)
    procedure.advance(loan)
    assert procedure.messages(loan).count("reminder") == 1
    with procedure.books.read() as work:
        text = work.customers.contacts(loan)[0].text
    assert "2026-02-05" in text
    assert "1039.43" in text


def test_an_overdue_borrower_is_told_and_from_the_fourth_day_somebody_calls(procedure: Procedure, loan: str) -> None:
    late(procedure, loan, 0, 1)
    assert procedure.messages(loan)[-1] == "overdue"
    assert procedure.open_tasks(loan) == []
    late(procedure, loan, 4, 8)
    task = procedure.task(loan, TaskKind.OVERDUE)
    assert (task.role, task.due_on) == (Role.AGENT, FIRST_DUE + timedelta(days=6))
    # Whenever he reads it, it is true.
    assert task.about == "past due since 2026-02-05"
    assert procedure.messages(loan).count("overdue") == 3
    assert procedure.loan(loan).dpd == 8


def test_money_that_wakes_the_account_sends_no_second_warning(procedure: Procedure, loan: str) -> None:
    late(procedure, loan, 0, 4)
    procedure.deposit(loan, 10)
    procedure.advance(loan)
    assert procedure.messages(loan).count("overdue") == 1


def test_a_borrower_who_catches_up_gets_no_more_calls(procedure: Procedure, loan: str) -> None:
    late(procedure, loan, 0, 4)
    assert procedure.open_tasks(loan) == [TaskKind.OVERDUE]
    procedure.collect(loan)
    procedure.advance(loan)
    assert procedure.open_tasks(loan) == []
    assert (procedure.loan(loan).dpd, procedure.loan(loan).overdue_fen) == (0, 0)


def test_a_loan_is_at_high_risk_from_the_thirty_first_day(procedure: Procedure, loan: str) -> None:
    late(procedure, loan, 0, 30)
    assert not procedure.loan(loan).high_risk
    late(procedure, loan, 31)
    assert procedure.loan(loan).high_risk
    procedure.collect(loan)
    procedure.advance(loan)
    assert not procedure.loan(loan).high_risk


def test_a_partial_payment_leaves_the_rest_overdue(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE
    procedure.collect(loan, fen=40_000)
    late(procedure, loan, 1)
    found = procedure.loan(loan)
    assert found.dpd == 1
    assert found.overdue_fen == INSTALLMENT - 40_000 + procedure.account(loan).penalty_outstanding_fen


def test_the_books_never_go_back(procedure: Procedure, loan: str) -> None:
    late(procedure, loan, 0, 8)
    ahead = procedure.loan(loan)
    procedure.day = FIRST_DUE + timedelta(days=4)
    procedure.deposit(loan, 20_000)
    procedure.advance(loan, StepKind.OVERDUE)
    found = procedure.loan(loan)
    assert (found.booked_to, found.dpd) == (ahead.booked_to, ahead.dpd)
    assert found.outstanding_fen < ahead.outstanding_fen
    with procedure.books.read() as work:
        assert [posting.value_date for posting in work.ledger.of_loan(loan) if posting.debit == BANK] == [procedure.day]


def test_money_of_a_later_day_skips_no_planned_day_and_is_not_drawn_again(procedure: Procedure, loan: str) -> None:
    """The engine was away for two due dates; a transfer of today must not make the second one go by undrawn."""
    today = date(2026, 3, 10)
    procedure.deposit(loan, 50_000, booked_on=today)
    procedure.day = FIRST_DUE
    assert procedure.collect(loan) == INSTALLMENT - 50_000
    procedure.advance(loan, StepKind.DUE)
    planned = [StepKind.DUE]
    while (step := procedure.advance(loan).next_day) is not None and step.date <= today:
        procedure.day = step.date
        planned.append(step.why)
        if step.collect:
            procedure.collect(loan)
        procedure.advance(loan, step.why)
    assert planned[:2] == [StepKind.DUE, StepKind.OVERDUE]
    procedure.day = today
    procedure.advance(loan)
    draws = [payment for payment in procedure.payments(loan) if payment.kind is PaymentKind.INSTALLMENT]
    account = procedure.account(loan)
    assert date(2026, 3, 5) in {payment.value_date for payment in draws}
    assert sum(payment.settled_fen for payment in draws) + 50_000 <= 2 * INSTALLMENT + account.charged.penalty
    assert all(payment.booked for payment in procedure.payments(loan))


def test_a_transfer_that_the_bank_dates_before_the_payout_counts_from_the_payout(
    procedure: Procedure, loan: str
) -> None:
    procedure.deposit(loan, 5_000, booked_on=procedure.day - timedelta(days=1))
    procedure.advance(loan)
    assert procedure.account(loan).credit_fen == 5_000


def test_too_much_money_stays_as_credit_and_pays_the_next_installment(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE
    procedure.deposit(loan, INSTALLMENT + 70_000)
    procedure.advance(loan, StepKind.DUE)
    assert procedure.account(loan).credit_fen == 70_000
    with procedure.books.read() as work:
        assert work.ledger.balance(UNALLOCATED, loan=loan) == -70_000
    procedure.day = date(2026, 3, 5)
    payment = procedure.collection(loan, n=2)
    assert payment is not None
    assert payment.amount_fen == INSTALLMENT - 70_000


def test_a_loan_paid_to_the_end_is_settled(procedure: Procedure, loan: str) -> None:
    for _ in range(12):
        due = procedure.loan(loan).next_due
        assert due is not None
        procedure.day = due
        procedure.collect(loan)
        progress = procedure.advance(loan, StepKind.DUE)
    found = procedure.loan(loan)
    assert (progress.stage, progress.next_day, found.stage) == (Stage.SETTLED, None, Stage.SETTLED)
    assert (found.closed_on, found.outstanding_fen, found.next_due, found.next_date) == (
        date(2027, 1, 5),
        0,
        None,
        None,
    )
    assert procedure.messages(loan)[-1] == "settled"
    assert procedure.open_tasks(loan) == []


def test_money_left_over_at_the_end_is_refunded_by_finance(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE
    procedure.prepayment(loan)
    payment = procedure.payments(loan)[-1]
    procedure.settle(payment.key)
    procedure.deposit(loan, 777)
    procedure.advance(loan)
    task = procedure.task(loan, TaskKind.UNMATCHED_MONEY)
    assert procedure.loan(loan).stage is Stage.SETTLED
    assert (task.role, "7.77" in task.about) == (Role.FINANCE, True)


def test_a_settled_loan_is_not_advanced_again(procedure: Procedure, loan: str) -> None:
    procedure.prepayment(loan)
    procedure.settle(procedure.payments(loan)[-1].key)
    procedure.advance(loan)
    acts = procedure.acts(loan)
    assert procedure.advance(loan).stage is Stage.SETTLED
    assert procedure.acts(loan) == acts


# -- prepayment ------------------------------------------------------------------------------------------------------


def test_all_of_a_loan_can_be_prepaid_with_interest_to_the_day(procedure: Procedure, loan: str) -> None:
    procedure.day = date(2026, 1, 20)
    asked = procedure.prepayment(loan)
    payment = procedure.payments(loan)[-1]
    assert asked.payment_key == payment.key
    assert payment.amount_fen == procedure.account(loan).settlement_fen > 1_200_000
    procedure.settle(payment.key)
    assert procedure.advance(loan).stage is Stage.SETTLED


@pytest.mark.parametrize("effect", list(PrepaymentEffect))
def test_a_part_can_be_prepaid_with_each_effect(procedure: Procedure, loan: str, effect: PrepaymentEffect) -> None:
    procedure.day = date(2026, 1, 20)
    procedure.prepayment(loan, 300_000, effect=effect)
    procedure.settle(procedure.payments(loan)[-1].key)
    procedure.advance(loan)
    assert procedure.loan(loan).outstanding_fen < 910_000


def test_an_effect_that_nobody_knows_is_refused_before_any_money_moves(procedure: Procedure, loan: str) -> None:
    """Booked, it would be an event that the account cannot read: the loan could never be advanced again."""
    with pytest.raises(InvalidPrepayment) as refused:
        procedure.prepayment(loan, 100_000, effect="reduce_everything")
    assert list(refused.value.fields) == ["effect"]


@pytest.mark.parametrize("fen", [0, -1, 99_999_999])
def test_a_prepayment_is_above_zero_and_at_most_what_clears_the_loan(procedure: Procedure, loan: str, fen: int) -> None:
    with pytest.raises(InvalidPrepayment) as refused:
        procedure.prepayment(loan, fen)
    assert list(refused.value.fields) == ["amount"]


def test_one_prepayment_at_a_time(procedure: Procedure, loan: str) -> None:
    procedure.prepayment(loan, 100_000)
    with pytest.raises(InvalidPrepayment):
        procedure.prepayment(loan, 100_000)
    procedure.decline(procedure.payments(loan)[-1].key)
    procedure.prepayment(loan, 100_000)


def test_nothing_is_prepaid_while_a_debit_has_no_outcome(procedure: Procedure, loan: str) -> None:
    """What clears the loan would be drawn on top of the installment that the bank may still bring in."""
    procedure.day = FIRST_DUE
    drawn = procedure.collection(loan)
    assert drawn is not None
    with procedure.at() as work:
        begin_sending(work, drawn.key)
        record_outcome(work, drawn.key, PaymentStatus.PENDING, 0, None, None)
    with pytest.raises(DebitUnderWay):
        procedure.prepayment(loan)
    procedure.settle(drawn.key)
    procedure.advance(loan)
    procedure.prepayment(loan)


def test_the_borrower_prepays_and_neither_finance_nor_an_auditor_for_him(procedure: Procedure, loan: str) -> None:
    for actor in (FINANCE, AUDITOR):
        with pytest.raises(NotAllowed):
            procedure.prepayment(loan, 100_000, actor=actor)
    procedure.prepayment(loan, 100_000, actor=procedure.borrower_of(loan))


def test_only_a_running_loan_is_prepaid(procedure: Procedure) -> None:
    with pytest.raises(WrongStage):
        procedure.prepayment(procedure.offered(), 100_000)


def test_a_declined_draw_books_nothing(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE
    payment = procedure.collection(loan)
    assert payment is not None
    procedure.decline(payment.key)
    late(procedure, loan, 0)
    with procedure.books.read() as work:
        assert [event.type for event in work.loans.events(loan)] == ["disbursement"]
    (_, declined) = procedure.payments(loan)
    assert (declined.status, declined.booked) == (PaymentStatus.DECLINED, False)


def test_money_of_a_later_day_is_booked_with_the_settlement_and_refunded(procedure: Procedure, loan: str) -> None:
    procedure.prepayment(loan)
    procedure.settle(procedure.payments(loan)[-1].key)
    procedure.deposit(loan, 500, booked_on=procedure.day + timedelta(days=2))
    assert procedure.advance(loan).stage is Stage.SETTLED
    assert procedure.open_tasks(loan) == [TaskKind.UNMATCHED_MONEY]
    assert all(payment.booked for payment in procedure.payments(loan))
