"""Money out: every payee once, posted when the bank says so, and called back when one payee's bank declines."""

from datetime import timedelta

import pytest

from lending.terms import Terms
from models.ledger import BANK, LOAN_PRINCIPAL
from models.loans import Stage
from models.messages import BooksOrder, StepKind
from models.payments import PaymentStatus
from models.tasks import TaskKind
from services import disbursement, payments
from services.reports import funds
from tests.services.procedure import FINANCE, Procedure


def fail(procedure: Procedure, loan: str) -> None:
    procedure.act(disbursement.record_payout_failure, BooksOrder(**procedure.order(loan)))


def retry(procedure: Procedure, loan: str) -> tuple[str, ...]:
    return procedure.decide(loan, actor=FINANCE, kind=TaskKind.PAYOUT_PROBLEM).payouts


def call_back(procedure: Procedure, key: str, status: PaymentStatus = PaymentStatus.SETTLED) -> None:
    with procedure.at() as work:
        payments.order_recall(work, key, procedure.day)
    with procedure.at() as work:
        payments.record_recall(work, key, status, f"bank-{key}-recall", None)


def test_the_payout_is_posted_and_opens_the_account(procedure: Procedure) -> None:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    procedure.settle(key)
    progress = procedure.book_payout(loan)
    found = procedure.loan(loan)
    assert (progress.stage, found.stage, found.disbursed_on) == (Stage.REPAYMENT, Stage.REPAYMENT, procedure.day)
    assert progress.next_day is not None
    assert (progress.next_day.date, progress.next_day.why) == (procedure.day + timedelta(days=28), StepKind.REMINDER)
    assert (found.outstanding_fen, found.next_due_fen, found.booked_to) == (1_200_000, 103_943, procedure.day)
    with procedure.books.read() as work:
        assert [(p.debit, p.credit, p.amount_fen) for p in work.ledger.of_loan(loan)] == [
            (LOAN_PRINCIPAL, BANK, 1_200_000)
        ]
        assert [(event.type, event.date) for event in work.loans.events(loan)] == [("disbursement", procedure.day)]
    assert procedure.messages(loan)[-1] == "paid_out"


def test_all_payees_together_are_one_disbursement(procedure: Procedure) -> None:
    loan = procedure.running("student")
    with procedure.books.read() as work:
        (event,) = work.loans.events(loan)
        assert event.body["amount"] == "15000.00"
        assert work.ledger.moved(loan) == {(LOAN_PRINCIPAL, BANK): 1_500_000}


def test_interest_runs_from_the_day_the_money_is_out(procedure: Procedure) -> None:
    """The same decision dates anew: amount and price are those that were approved."""
    loan = procedure.offered()
    offered_on = procedure.day
    procedure.day += timedelta(days=10)
    (key,) = procedure.accept(loan).payouts
    procedure.settle(key)
    procedure.book_payout(loan)
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
        (decision,) = work.tasks.decisions(loan)
        assert terms is not None
        assert (terms.version, terms.decision_id, terms.effective_from) == (2, decision.id, procedure.day)
    body = Terms.parse(terms.body)
    assert (body.disbursement_date, body.principal_fen) == (procedure.day, 1_200_000)
    assert procedure.account(loan).rows[0].due == procedure.day + timedelta(days=31)
    assert offered_on < procedure.day


def test_a_payout_on_the_day_of_the_offer_keeps_the_terms(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
        assert terms is not None
        assert terms.version == 1


def test_asking_for_the_orders_again_gives_the_same_keys(procedure: Procedure) -> None:
    loan = procedure.offered("student")
    keys = procedure.accept(loan).payouts
    procedure.settle(keys[0])
    with procedure.at() as work:
        payments.begin_sending(work, keys[1])
    with procedure.at() as work:
        again = disbursement.order_payouts(work, work.loans.get(loan), procedure.day)
    assert again == keys
    assert len(procedure.payments(loan)) == 2


def test_a_declined_payee_leaves_a_task_for_finance_and_no_money_out(procedure: Procedure) -> None:
    loan = procedure.offered("student")
    school, card = procedure.accept(loan).payouts
    procedure.settle(school)
    procedure.decline(card, "account_closed")
    call_back(procedure, school)
    fail(procedure, loan)
    task = procedure.task(loan, TaskKind.PAYOUT_PROBLEM)
    assert (task.role, task.about) == (FINANCE.role, "payout failed: account_closed")
    assert procedure.loan(loan).stage is Stage.PAYOUT_FAILED
    with procedure.books.read() as work:
        assert not disbursement.money_is_out(work, loan)
        assert work.ledger.balance(LOAN_PRINCIPAL, loan=loan) == 0
        summary = funds(work)
    assert (summary.paid_out, summary.returned, summary.balances) == (600_000, 600_000, True)


def test_after_a_call_back_every_payee_is_paid_under_a_new_key(procedure: Procedure) -> None:
    loan = procedure.offered("student")
    first = procedure.accept(loan).payouts
    procedure.settle(first[0])
    procedure.decline(first[1])
    call_back(procedure, first[0])
    fail(procedure, loan)
    second = retry(procedure, loan)
    assert len(second) == 2
    assert not set(first) & set(second)
    for key in second:
        procedure.settle(key)
    procedure.book_payout(loan)
    with procedure.books.read() as work:
        assert work.ledger.balance(LOAN_PRINCIPAL, loan=loan) == 1_500_000
        assert funds(work).balances


def test_money_that_could_not_be_called_back_is_not_paid_again(procedure: Procedure) -> None:
    loan = procedure.offered("student")
    school, card = procedure.accept(loan).payouts
    procedure.settle(school)
    procedure.decline(card)
    call_back(procedure, school, PaymentStatus.DECLINED)
    fail(procedure, loan)
    with procedure.books.read() as work:
        assert disbursement.money_is_out(work, loan)
    keys = retry(procedure, loan)
    assert keys[0] == school
    assert keys[1] != card


def test_what_was_never_sent_is_marked_and_ordered_anew(procedure: Procedure) -> None:
    loan = procedure.offered("student")
    school, card = procedure.accept(loan).payouts
    procedure.decline(school, "unknown_account")
    fail(procedure, loan)
    statuses = {payment.key: (payment.status, payment.reason_code) for payment in procedure.payments(loan)}
    assert statuses[card] == (PaymentStatus.DECLINED, "not_sent")
    assert not {school, card} & set(retry(procedure, loan))


def test_an_unknown_outcome_is_named_and_keeps_its_key(procedure: Procedure) -> None:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    with procedure.at() as work:
        payments.begin_sending(work, key)
    fail(procedure, loan)
    assert procedure.task(loan, TaskKind.PAYOUT_PROBLEM).about == "payout failed: outcome_unknown"
    with procedure.books.read() as work:
        assert disbursement.money_is_out(work, loan)
    assert retry(procedure, loan) == (key,)


@pytest.mark.parametrize("code", ["micro", "auto", "student"])
def test_after_the_payout_ledger_and_account_agree(procedure: Procedure, code: str) -> None:
    loan = procedure.running(code)
    with procedure.books.read() as work:
        assert work.ledger.balance(LOAN_PRINCIPAL, loan=loan) == procedure.account(loan).principal_outstanding_fen
