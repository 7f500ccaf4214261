"""The statement against the books: every line matched or told, nothing told twice, nothing kept of a wrong one."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from models.ledger import BANK, SUSPENSE
from models.outbox import Topic
from models.payments import PaymentKind, PaymentStatus, ToldBy
from models.reconciliation import BankDifference, DifferenceKind, MatchedBy, Reconciliation
from models.sealing import SealBroken
from models.statements import Statement
from models.tasks import TaskKind
from services import payments, reconciliation
from services.bank import record_movement
from services.differences import MOST_TASKS_A_KIND
from services.errors import StatementRejected
from services.reports import funds
from tests.services.damage import damage_one
from tests.services.procedure import FINANCE, Procedure, movement
from tests.services.statements import ACCOUNT, DAY, line, paid_out, statement

K = DifferenceKind


def reconcile(procedure: Procedure, told: Statement) -> Reconciliation:
    """Everything that the activities do with a statement, on the next day."""
    day = told.business_date
    reconciliation.check_statement(told, ACCOUNT, day)
    with procedure.at(day + timedelta(days=1)) as work:
        kept = reconciliation.take_in(work, told).id
        unknown = reconciliation.book_known(work, kept)
    for n in unknown:
        with procedure.at(day + timedelta(days=1)) as work:
            reconciliation.book_line(work, kept, n)
    with procedure.at(day + timedelta(days=1)) as work:
        return reconciliation.compare(work, kept)


def differences(procedure: Procedure) -> list[BankDifference]:
    with procedure.books.read() as work:
        return work.reconciliation.differences(date.min, date.max)


def told(procedure: Procedure) -> list[tuple[DifferenceKind, str]]:
    return [(one.kind, one.subject) for one in differences(procedure)]


def tasks(procedure: Procedure) -> list[str]:
    with procedure.books.read() as work:
        found = work.tasks.page(FINANCE, limit=200)
        return sorted(task.about for task in found)


def matched_by(procedure: Procedure, day: date = DAY) -> list[MatchedBy]:
    with procedure.books.read() as work:
        newest = work.reconciliation.newest_of(day)
        assert newest is not None
        return [one.matched_by for one in work.reconciliation.lines(newest.id)]


def notice(procedure: Procedure, reference: str, fen: int, **more: Any) -> None:
    with procedure.at() as work:
        direction = "in" if fen > 0 else "out"
        record_movement(work, movement(reference, abs(fen), more.pop("day", DAY), direction=direction, **more))


def test_what_notices_told_of_matches_and_leaves_nothing_to_do(procedure: Procedure) -> None:
    loan, key = paid_out(procedure)
    notice(procedure, f"bank-{key}", -1_200_000, end_to_end_id=key)
    procedure.deposit(loan, 5_000, reference="b2")
    done = reconcile(procedure, statement(line(f"bank-{key}", -1_200_000, end_to_end_id=key), line("b2", 5_000)))
    assert (done.matched, done.booked, done.differences) == (2, 0, 0)
    assert matched_by(procedure) == [MatchedBy.END_TO_END_ID, MatchedBy.REFERENCE]
    assert told(procedure) == []
    assert tasks(procedure) == []


def test_the_same_statement_again_changes_nothing(procedure: Procedure) -> None:
    loan = procedure.running()
    whole = statement(line("b1", 5_000, remittance=f"还款 {loan}"), line("b2", 300))
    first = reconcile(procedure, whole)
    before = (told(procedure), tasks(procedure), len(procedure.payments(loan)))
    again = reconcile(procedure, replace(whole, statement_id="sent-again"))
    assert again.statement_id == first.statement_id
    assert (told(procedure), tasks(procedure), len(procedure.payments(loan))) == before


def test_an_order_that_settled_without_a_notice_is_no_difference(procedure: Procedure) -> None:
    loan, key = paid_out(procedure)
    done = reconcile(procedure, statement(line(f"bank-{key}", -1_200_000, end_to_end_id=key)))
    assert (done.booked, told(procedure)) == (1, [])
    with procedure.books.read() as work:
        entry = work.payments.entry(f"bank-{key}")
    assert entry is not None
    assert (entry.matched, entry.loan, entry.told_by) == (True, loan, ToldBy.STATEMENT)


def test_an_order_whose_outcome_nobody_knew_is_confirmed_by_its_line(procedure: Procedure) -> None:
    loan = procedure.offered()
    (key,) = procedure.accept(loan).payouts
    with procedure.at() as work:
        payments.begin_sending(work, key)
    reconcile(procedure, statement(line("b1", -1_200_000, end_to_end_id=key)))
    (order,) = procedure.payments(loan)
    assert (order.status, order.bank_reference, order.moved_on) == (PaymentStatus.SETTLED, "b1", DAY)
    assert told(procedure) == []


def test_money_that_no_notice_brought_is_booked_as_by_a_notice_and_told(procedure: Procedure) -> None:
    loan = procedure.running()
    reconcile(procedure, statement(line("b1", 5_000, remittance=f"还款 {loan}"), line("b2", 300)))
    with procedure.at() as work:
        rows = work.outbox.claim(work.now + timedelta(days=9), 50, timedelta(0))
        assert [row.payload for row in rows if row.topic is Topic.SIGNAL_LOAN] == [{"reference": "b1"}]
        assert -work.ledger.balance(SUSPENSE) == 300
    deposit = procedure.payments(loan)[-1]
    assert (deposit.kind, deposit.value_date) == (PaymentKind.DEPOSIT, DAY)
    assert told(procedure) == [(K.MISSING_IN_BOOKS, "b1"), (K.MISSING_IN_BOOKS, "b2")]
    # The money in suspense has a task already, and gets no second one.
    assert tasks(procedure) == [
        "bank reference b2: no running loan is named",
        "statement of 2026-01-05: missing_in_books, b1",
    ]


def test_what_only_the_books_have_is_missing_at_the_bank(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 5_000, reference="b1")
    with procedure.at() as work:
        order = work.payments.held(procedure.payments(loan)[0].key)
        assert order is not None
        order.moved_on = DAY
    reconcile(procedure, statement())
    assert told(procedure) == [(K.MISSING_AT_BANK, "b1"), (K.MISSING_AT_BANK, order.key)]
    assert [(one.loan, one.bank_fen, one.books_fen) for one in differences(procedure)] == [
        (loan, None, 5_000),
        (loan, None, 1_200_000),
    ]
    assert len(tasks(procedure)) == 2


@pytest.mark.parametrize(
    ("fen", "day", "kind"),
    [(4_999, DAY, K.AMOUNT_DIFFERS), (-5_000, DAY, K.AMOUNT_DIFFERS), (5_000, DAY - timedelta(days=1), K.DATE_DIFFERS)],
)
def test_a_line_that_the_notice_told_otherwise_is_told(
    procedure: Procedure, fen: int, day: date, kind: DifferenceKind
) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 5_000, reference="b1")
    reconcile(procedure, statement(line("b1", fen, day), day=day))
    if day != DAY:
        reconcile(procedure, statement(day=DAY, opening=1_000_000 + fen))
    assert told(procedure) == [(kind, "b1")]
    (one,) = differences(procedure)
    assert (one.bank_fen, one.books_fen, one.bank_date, one.books_date) == (fen, 5_000, day, DAY)


def test_a_debit_that_the_bank_booked_twice_is_told_and_kept_in_suspense(procedure: Procedure) -> None:
    loan, key = paid_out(procedure)
    notice(procedure, f"bank-{key}", -1_200_000, end_to_end_id=key)
    both = [line(ref, -1_200_000, end_to_end_id=key) for ref in (f"bank-{key}", "b2")]
    reconcile(procedure, statement(*both, opening=9_000_000))
    assert told(procedure) == [(K.TWICE, "b2")]
    with procedure.books.read() as work:
        assert work.ledger.balance(SUSPENSE) == 1_200_000
        assert funds(work).balances
    assert len(tasks(procedure)) == 1
    assert differences(procedure)[0].loan == loan


def test_a_booking_that_two_days_show_is_told_on_the_second(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 5_000, reference="b1")
    next_day = DAY + timedelta(days=1)
    reconcile(procedure, statement(line("b1", 5_000)))
    reconcile(procedure, statement(line("b1", 5_000, next_day), day=next_day, opening=1_005_000))
    assert told(procedure) == [(K.TWICE, "b1")]
    assert len(procedure.payments(loan)) == 2


def test_a_line_that_stands_twice_on_a_statement_is_told_and_booked_once(procedure: Procedure) -> None:
    loan = procedure.running()
    notice(procedure, "n1", 5_000, end_to_end_id="payer-1")
    twice = [line("s1", 5_000, end_to_end_id="payer-1"), line("s1", 5_000)]
    unheard = [line("s2", 70, remittance=loan), line("s2", 70, remittance=loan)]
    reconcile(procedure, statement(*twice, *unheard))
    assert sorted(told(procedure)) == [(K.MISSING_IN_BOOKS, "s2"), (K.TWICE, "s1"), (K.TWICE, "s2")]
    reconcile(
        procedure, statement(line("s1", 5_000, DAY + timedelta(days=1)), day=DAY + timedelta(days=1), opening=1_010_140)
    )
    assert told(procedure)[-1] == (K.TWICE, "s1")
    assert [one.settled_fen for one in procedure.payments(loan)][1:] == [70]


def test_a_reversal_that_nobody_asked_for_is_told_and_pays_no_installment(procedure: Procedure) -> None:
    """A payout that came back names the loan in its text; to book it as a repayment would be wrong."""
    loan, key = paid_out(procedure)
    notice(procedure, f"bank-{key}", -1_200_000, end_to_end_id=key)
    back = line("b2", 1_200_000, end_to_end_id=key, is_reversal=True, remittance=loan)
    reconcile(procedure, statement(line(f"bank-{key}", -1_200_000, end_to_end_id=key), back))
    assert told(procedure) == [(K.REVERSED, "b2")]
    assert [one.kind for one in procedure.payments(loan)] == [PaymentKind.DISBURSEMENT]
    with procedure.books.read() as work:
        assert -work.ledger.balance(SUSPENSE) == 1_200_000


def test_our_own_recall_is_no_difference(procedure: Procedure) -> None:
    loan, key = paid_out(procedure)
    with procedure.at() as work:
        payments.order_recall(work, key, procedure.day)
    back = line("b2", 1_200_000, end_to_end_id=key, is_reversal=True)
    reconcile(procedure, statement(line(f"bank-{key}", -1_200_000, end_to_end_id=key), back))
    assert told(procedure) == []
    assert [one.status for one in procedure.payments(loan)] == [PaymentStatus.RETURNED, PaymentStatus.SETTLED]


def test_balances_that_do_not_go_on_are_told(procedure: Procedure) -> None:
    procedure.running()
    next_day = DAY + timedelta(days=1)
    reconcile(procedure, statement(day=next_day, opening=1_000_001))
    reconcile(procedure, statement(opening=999_999))
    assert told(procedure) == [(K.CLOSING_BREAKS, "version 1")]
    reconcile(procedure, statement(day=next_day + timedelta(days=1), opening=7))
    assert told(procedure)[-1] == (K.OPENING_BREAKS, "version 1")


def test_a_corrected_statement_is_a_difference_and_books_what_it_adds(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 5_000, reference="b1")
    reconcile(procedure, statement(line("b1", 5_000)))
    reconcile(procedure, statement(line("b1", 5_000), line("b2", 100)))
    assert told(procedure) == [(K.MISSING_IN_BOOKS, "b2"), (K.STATEMENT_CORRECTED, "version 2")]
    with procedure.books.read() as work:
        assert [one.version for one in work.reconciliation.versions(DAY)] == [1, 2]


def test_a_movement_under_another_reference_is_found_by_its_id_or_by_amount_and_date(procedure: Procedure) -> None:
    procedure.running()
    notice(procedure, "n1", 5_000, end_to_end_id="payer-1")
    notice(procedure, "n2", 700)
    reconcile(procedure, statement(line("s1", 5_000, end_to_end_id="payer-1"), line("s2", 700)))
    assert matched_by(procedure) == [MatchedBy.END_TO_END_ID, MatchedBy.AMOUNT_AND_DATE]
    assert told(procedure) == []


def test_two_movements_of_one_amount_are_not_guessed_at(procedure: Procedure) -> None:
    procedure.running()
    notice(procedure, "n1", 700)
    notice(procedure, "n2", 700)
    reconcile(procedure, statement(line("s1", 700)))
    assert told(procedure) == [(K.MISSING_AT_BANK, "n1"), (K.MISSING_AT_BANK, "n2"), (K.MISSING_IN_BOOKS, "s1")]


def test_many_differences_of_a_kind_share_one_task(procedure: Procedure) -> None:
    loan = procedure.running()
    count = MOST_TASKS_A_KIND + 1
    for n in range(count):
        procedure.deposit(loan, 100 + n, reference=f"b{n}")
    reconcile(procedure, statement())
    assert len(told(procedure)) == count
    assert tasks(procedure) == [f"statement of 2026-01-05: missing_at_bank, {count} times"]


WRONG: list[tuple[Statement, str]] = [
    (statement(account="6200000000000000999"), "account"),
    (statement(currency="USD"), "currency"),
    (statement(business_date=DAY + timedelta(days=1)), "business_date"),
    (statement(line("a", 5), replace(line("b", 5), amount_fen=0)), "line 2"),
    (statement(replace(line("b", 5), amount_fen=-5)), "line 1"),
    (statement(line("", 5)), "line 1"),
    (statement(line("x" * 65, 5)), "line 1"),
    (statement(line("a", 5, end_to_end_id="x" * 97)), "line 1"),
    (statement(line("a", 5, DAY - timedelta(days=1))), "line 1"),
    (statement(line("a", 5), closing_fen=1_000_004), "closing"),
]


@pytest.mark.parametrize(("whole", "field"), WRONG, ids=[f"{n} {field}" for n, (_, field) in enumerate(WRONG)])
def test_a_wrong_statement_is_refused_by_line_and_nothing_of_it_kept(whole: Statement, field: str) -> None:
    with pytest.raises(StatementRejected) as refusal:
        reconciliation.check_statement(whole, ACCOUNT, DAY)
    assert list(refusal.value.fields) == [field]
    assert field in str(refusal.value)


def test_days_are_due_from_the_first_application_on_and_missed_ones_are_caught_up(procedure: Procedure) -> None:
    def due(last: date) -> tuple[date, ...]:
        with procedure.books.read() as work:
            return reconciliation.days_due(work, last).days

    assert due(DAY + timedelta(days=3)) == ()
    procedure.running()
    days = [DAY + timedelta(days=n) for n in range(4)]
    assert due(days[3]) == tuple(days)
    reconcile(procedure, statement(day=days[1]))
    reconcile(procedure, statement(day=days[0]))
    assert due(days[3]) == (days[2], days[3])
    assert len(due(DAY + timedelta(days=300))) == reconciliation.DAYS_A_RUN
    notice(procedure, "late", 700, day=days[1])
    assert due(days[3]) == tuple(days[1:])


def test_a_notice_after_the_reconciliation_is_told_when_the_day_is_looked_at_again(procedure: Procedure) -> None:
    procedure.running()
    reconcile(procedure, statement())
    notice(procedure, "late", 700)
    reconcile(procedure, statement())
    assert told(procedure) == [(K.MISSING_AT_BANK, "late")]


def test_a_missing_or_refused_statement_is_told_once(procedure: Procedure) -> None:
    for _ in range(2):
        with procedure.at() as work:
            reconciliation.note_missing_statement(work, DAY)
            reconciliation.note_refused_statement(work, DAY, "the lines do not add up")
    assert sorted(told(procedure)) == [(K.STATEMENT_GAP, "2026-01-05"), (K.STATEMENT_REFUSED, "2026-01-05")]
    with procedure.books.read() as work:
        assert len(work.tasks.page(FINANCE, kind=TaskKind.TROUBLE)) == 2
        (refused,) = [one for one in work.audit.page() if one.act == "statement_refused"]
    assert refused.reason == "the lines do not add up"


INSERT_ONLY = {
    "bank_statement": "version = 9",
    "statement_line": "amount_fen = 1",
    "reconciliation": "matched = 9",
    "bank_difference": "bank_fen = 1",
}


def test_what_the_bank_sent_and_what_was_found_can_be_neither_changed_nor_removed(procedure: Procedure) -> None:
    procedure.running()
    reconcile(procedure, statement(line("b1", 5_000)))
    for table, change in INSERT_ONLY.items():
        for attempt in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="insert-only"), procedure.books.engine.begin() as connection:
                connection.execute(text(attempt))


def test_the_ledgers_bank_account_moves_as_the_statement_does(procedure: Procedure) -> None:
    loan, _ = paid_out(procedure)
    with procedure.books.read() as work:
        before = work.ledger.balance(BANK)
    reconcile(
        procedure,
        statement(line("b1", 5_000, remittance=loan), line("b2", 300), line("b3", -40), opening=before),
    )
    procedure.day += timedelta(days=1)
    procedure.advance(loan)
    with procedure.books.read() as work:
        assert work.ledger.balance(BANK) - before == 5_000 + 300 - 40


def test_a_line_whose_payer_cannot_be_opened_is_told_and_holds_up_no_other(procedure: Procedure) -> None:
    sent = statement(line("OK1", 100_00), line("BAD1", 200_00))
    with procedure.at(DAY + timedelta(days=1)) as work:
        kept = reconciliation.take_in(work, sent).id
    damage_one(procedure.books, "statement_line", "counterparty", "BAD1", "reference")
    with procedure.at(DAY + timedelta(days=1)) as work:
        assert reconciliation.book_known(work, kept) == [1, 2]
    with procedure.at(DAY + timedelta(days=1)) as work:
        reconciliation.book_line(work, kept, 1)
    with pytest.raises(SealBroken), procedure.at(DAY + timedelta(days=1)) as work:
        reconciliation.book_line(work, kept, 2)
    with procedure.at(DAY + timedelta(days=1)) as work:
        reconciliation.compare(work, kept)
    assert (K.MISSING_IN_BOOKS, "BAD1") in told(procedure)
