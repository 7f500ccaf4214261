"""A debit that the payer's bank takes back after it settled: as if it had never been paid, and told to everybody."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy.exc import DatabaseError

from models.accounts import DebitMandate, MandateSource, MandateStatus
from models.changes import ChangeKind
from models.ledger import BANK, SUSPENSE, UNALLOCATED
from models.loans import LoanEvent, Stage
from models.outbox import Topic
from models.payments import Payment, PaymentKind, PaymentStatus
from models.statements import Direction
from models.tasks import TaskKind
from services import mandates, reconciliation
from services.bank import record_movement
from services.periods import close_period
from services.reports import cash_by_month
from services.status import status_of
from tests.services.month_ends import end_months
from tests.services.procedure import AUDITOR, FINANCE, Procedure, movement
from tests.services.proposals import change, check_the_books
from tests.services.statements import line, statement

FIRST_DUE = date(2026, 2, 5)


def drawn(procedure: Procedure) -> tuple[str, Payment]:
    """A loan whose first installment was drawn and booked, and that debit."""
    loan = procedure.running()
    procedure.day = FIRST_DUE
    procedure.collect(loan)
    procedure.advance(loan)
    return loan, debit_of(procedure, loan)


def debit_of(procedure: Procedure, loan: str) -> Payment:
    return next(
        one
        for one in procedure.payments(loan)
        if one.kind in (PaymentKind.INSTALLMENT, PaymentKind.PREPAYMENT) and one.settled_fen
    )


def take_back(
    procedure: Procedure,
    debit: Payment,
    *,
    reference: str = "back-1",
    fen: int | None = None,
    reason: str | None = None,
) -> bool:
    """The bank tells that a debit was taken back on the day; whether the books know which one."""
    told = movement(
        reference,
        debit.settled_fen if fen is None else fen,
        procedure.day,
        direction="out",
        end_to_end_id=debit.key,
        is_recall=True,
    )
    with procedure.at() as work:
        return record_movement(work, replace(told, return_reason=reason)).matched


def outbox(procedure: Procedure, topic: Topic) -> list[str]:
    with procedure.at(procedure.day + timedelta(days=1)) as work:
        return [row.key for row in work.outbox.claim(work.now, 200, timedelta(seconds=1)) if row.topic is topic]


def test_a_debit_that_is_taken_back_counts_as_never_paid(procedure: Procedure) -> None:
    loan, debit = drawn(procedure)
    paid = procedure.account(loan)
    procedure.day = FIRST_DUE + timedelta(days=6)
    never = procedure.running()  # stands beside it, to see that nothing else is touched
    assert take_back(procedure, debit)
    assert "money:back-1" in outbox(procedure, Topic.SIGNAL_LOAN)
    assert procedure.loan(loan).dpd == 0

    progress = procedure.advance(loan)

    assert progress.next_day is not None
    assert progress.next_day.collect
    found, account = procedure.loan(loan), procedure.account(loan)
    assert (found.dpd, found.stage) == (6, Stage.REPAYMENT)
    assert paid.overdue_fen == 0 < account.overdue_fen
    assert account.penalty_outstanding_fen > 0
    by_key = {one.key: one for one in procedure.payments(loan)}
    assert by_key[debit.key].status is PaymentStatus.RETURNED
    assert by_key[f"{debit.key}:recall"].kind is PaymentKind.CHARGEBACK
    assert procedure.messages(loan)[-1] == "debit_returned"
    assert procedure.task(loan, TaskKind.OVERDUE).about.startswith("debit of ")
    with procedure.books.read() as work:
        money = [one for one in work.ledger.of_loan(loan) if one.entry == f"{debit.key}:recall"]
        assert {one.month: one.received for one in cash_by_month(work)}["2026-02"] == 0
    assert [(one.debit, one.credit, one.amount_fen, one.value_date) for one in money] == [
        (UNALLOCATED, BANK, debit.settled_fen, procedure.day)
    ]
    assert procedure.loan(never).dpd == 0
    check_the_books(procedure)


def test_a_debit_that_comes_back_for_want_of_a_mandate_does_not_end_one_that_was_signed_since(
    procedure: Procedure,
) -> None:
    loan, debit = drawn(procedure)
    procedure.day += timedelta(days=2)
    with procedure.at() as work:
        mandates.end_all(work, loan, "mandate_missing")
        (ended,) = work.accounts.mandates(loan)
        signed = DebitMandate(
            key=f"{loan}:mandate:2",
            loan=loan,
            party_id=ended.party_id,
            account_index=ended.account_index,
            source=MandateSource.PAPER,
            signed_on=procedure.day,
            document_sha256=ended.document_sha256,
            ordered_at=work.now,
        )
        work.session.add(signed)
        work.session.flush()
        mandates.activate(work, signed.id, "MD2")
    procedure.day += timedelta(days=1)
    assert take_back(procedure, debit, reason="mandate_missing")
    with procedure.books.read() as work:
        standing = [one.status for one in work.accounts.mandates(loan)]
    assert standing == [MandateStatus.ENDED, MandateStatus.ACTIVE]
    assert TaskKind.ACCOUNT not in procedure.open_tasks(loan)


def test_what_is_taken_back_in_a_closed_month_is_booked_in_the_open_one(procedure: Procedure) -> None:
    loan, debit = drawn(procedure)
    taken_on, procedure.day = date(2026, 2, 27), date(2026, 3, 5)
    procedure.advance(loan)
    end_months(procedure, date(2026, 3, 5))
    with procedure.at() as work:
        close_period(work, FINANCE, "2026-01")
        close_period(work, FINANCE, "2026-02")
    told = movement("late", debit.settled_fen, taken_on, direction="out", end_to_end_id=debit.key, is_recall=True)
    with procedure.at() as work:
        assert record_movement(work, told).matched
    procedure.advance(loan)

    with procedure.books.read() as work:
        (money,) = [one for one in work.ledger.of_loan(loan) if (one.debit, one.credit) == (UNALLOCATED, BANK)]
    assert (money.value_date, money.booking_date) == (taken_on, date(2026, 3, 1))
    assert procedure.loan(loan).dpd == 28
    check_the_books(procedure)


def test_it_is_taken_back_once_however_often_the_bank_says_so(procedure: Procedure) -> None:
    loan, debit = drawn(procedure)
    assert take_back(procedure, debit)
    assert take_back(procedure, debit)
    procedure.advance(loan)
    assert take_back(procedure, debit)

    assert not take_back(procedure, debit, reference="back-2")

    procedure.advance(loan)
    with procedure.books.read() as work:
        assert work.ledger.balance(SUSPENSE) == debit.settled_fen
        (task,) = work.tasks.page(FINANCE, kind=TaskKind.UNMATCHED_MONEY)
    assert "back-2" in task.about
    check_the_books(procedure)


def test_a_part_and_what_is_not_ours_go_to_suspense_with_a_task(procedure: Procedure) -> None:
    _, debit = drawn(procedure)
    assert not take_back(procedure, debit, fen=debit.settled_fen - 1)
    debit.key = "somebody-else"
    assert not take_back(procedure, debit, reference="back-2")

    with procedure.books.read() as work:
        abouts = sorted(task.about for task in work.tasks.page(FINANCE, kind=TaskKind.UNMATCHED_MONEY))
        assert work.ledger.balance(SUSPENSE) == 2 * debit.settled_fen - 1
    assert "a part was taken back" in abouts[0]
    assert "without a recall of ours" in abouts[1]


def test_a_debit_that_has_not_settled_or_was_reversed_by_hand_goes_to_suspense(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FIRST_DUE
    waiting = procedure.collection(loan)
    assert waiting is not None
    assert not take_back(procedure, waiting, fen=waiting.amount_fen)
    procedure.settle(waiting.key)
    procedure.advance(loan)
    debit = debit_of(procedure, loan)
    change(procedure, loan, ChangeKind.CORRECTION, {"of": debit.key})

    assert not take_back(procedure, debit, reference="back-2")

    with procedure.books.read() as work:
        abouts = [task.about for task in work.tasks.page(FINANCE, kind=TaskKind.UNMATCHED_MONEY)]
    assert any("is ordered" in about for about in abouts)
    assert any("had been reversed" in about for about in abouts)
    check_the_books(procedure)


def test_money_that_comes_and_goes_before_it_is_booked_leaves_nothing(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = FIRST_DUE
    procedure.collect(loan)
    assert take_back(procedure, debit_of(procedure, loan))

    procedure.advance(loan)

    assert procedure.account(loan).due_fen > 0
    with procedure.books.read() as work:
        assert [one.type for one in work.loans.events(loan)] == ["disbursement", "repayment", "reversal"]
    check_the_books(procedure)


def settled_by_prepayment(procedure: Procedure) -> tuple[str, Payment]:
    """A loan that a prepayment cleared, with its certificate."""
    loan = procedure.running()
    procedure.day = FIRST_DUE
    asked = procedure.prepayment(loan)
    procedure.settle(asked.payment_key or "")
    procedure.advance(loan)
    assert procedure.loan(loan).stage is Stage.SETTLED
    with procedure.at() as work:
        assert not status_of(work, AUDITOR, loan).certificate_void
    return loan, debit_of(procedure, loan)


def test_a_loan_that_the_debit_had_settled_is_repaid_again(procedure: Procedure) -> None:
    loan, debit = settled_by_prepayment(procedure)
    before = procedure.account(loan)
    procedure.day = date(2026, 2, 16)

    assert take_back(procedure, debit)

    found = procedure.loan(loan)
    assert before.settled_on == FIRST_DUE
    assert (found.stage, found.closed_on, found.dpd) == (Stage.REPAYMENT, None, 11)
    assert found.outstanding_fen > 1_200_000
    assert outbox(procedure, Topic.REOPEN_LOAN) == [f"reopen:{debit.key}:recall"]
    assert procedure.messages(loan)[-2:] == ["debit_returned", "reopened"]
    assert "loan_reopened" in procedure.acts(loan)
    assert procedure.open_tasks(loan) == [TaskKind.OVERDUE]
    with procedure.at() as work:
        assert status_of(work, AUDITOR, loan).certificate_void
    check_the_books(procedure)

    procedure.settle(procedure.prepayment(loan).payment_key or "")
    procedure.advance(loan)
    assert procedure.loan(loan).stage is Stage.SETTLED
    with procedure.at() as work:
        assert not status_of(work, AUDITOR, loan).certificate_void
    check_the_books(procedure)


def test_a_loan_is_in_repayment_between_its_two_ends_at_the_ends_of_months_too(procedure: Procedure) -> None:
    loan, debit = settled_by_prepayment(procedure)
    end_months(procedure, date(2026, 4, 1))
    procedure.day = date(2026, 4, 7)
    assert take_back(procedure, debit)
    procedure.advance(loan)
    procedure.day = date(2026, 6, 1)
    procedure.advance(loan)
    end_months(procedure)

    with procedure.books.read() as work:
        assert [one.month for one in work.periods.month_ends_of(loan)] == ["2026-01", "2026-02", "2026-04", "2026-05"]
    check_the_books(procedure)


def test_a_reason_that_stops_debits_ends_the_mandate(procedure: Procedure) -> None:
    loan, debit = drawn(procedure)
    told = movement("back-1", debit.settled_fen, FIRST_DUE, direction="out", end_to_end_id=debit.key, is_recall=True)
    with procedure.at() as work:
        record_movement(work, replace(told, return_reason="account_closed"))
    procedure.advance(loan)

    procedure.day = FIRST_DUE + timedelta(days=1)
    assert TaskKind.ACCOUNT in procedure.open_tasks(loan)
    with procedure.at() as work:
        assert not mandates.is_in_force(work, loan)


def test_a_statement_alone_is_enough_and_tells_why(procedure: Procedure) -> None:
    loan, debit = drawn(procedure)
    back = line(
        "back-1",
        -debit.settled_fen,
        FIRST_DUE,
        direction=Direction.OUT,
        end_to_end_id=debit.key,
        is_reversal=True,
        return_reason="MD06",
    )
    came = line(debit.bank_reference or "", debit.settled_fen, FIRST_DUE, end_to_end_id=debit.key)
    procedure.day = FIRST_DUE + timedelta(days=1)
    with procedure.at() as work:
        kept = reconciliation.take_in(work, statement(came, back, day=FIRST_DUE)).id
    with procedure.at() as work:
        left = reconciliation.book_known(work, kept)
    for n in left:
        with procedure.at() as work:
            reconciliation.book_line(work, kept, n)
    with procedure.at() as work:
        assert reconciliation.compare(work, kept).differences == 0
    procedure.advance(loan)

    chargeback = next(one for one in procedure.payments(loan) if one.kind is PaymentKind.CHARGEBACK)
    assert chargeback.reason_code == "MD06"
    assert procedure.task(loan, TaskKind.OVERDUE).about.endswith("by the bank, MD06")
    assert procedure.loan(loan).dpd == 1
    check_the_books(procedure)


def test_the_database_takes_no_reversal_that_neither_people_nor_the_bank_stand_behind(procedure: Procedure) -> None:
    loan, debit = drawn(procedure)
    key = f"{debit.key}:recall"

    def reverse() -> None:
        with procedure.at() as work:
            work.loans.add_event(
                LoanEvent(
                    key=key,
                    loan=loan,
                    position=work.loans.next_position(loan),
                    type="reversal",
                    date=procedure.day,
                    body={"id": key, "type": "reversal", "date": procedure.day.isoformat(), "of": debit.key},
                    recorded_at=work.now,
                )
            )

    with pytest.raises(DatabaseError, match="needs a decided proposal"):
        reverse()
    with procedure.at() as work:
        work.session.add(
            Payment(
                key=key,
                loan=loan,
                kind=PaymentKind.CHARGEBACK,
                amount_fen=debit.settled_fen,
                settled_fen=debit.settled_fen,
                status=PaymentStatus.SETTLED,
                bank_reference=debit.bank_reference,
                value_date=procedure.day,
                ordered_at=work.now,
            )
        )
    with pytest.raises(DatabaseError, match="needs a decided proposal"):
        reverse()
