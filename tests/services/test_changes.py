"""Changes to a running loan: each kind applied with its books, the way of a proposal, and what makes it stale."""

from datetime import date, timedelta
from typing import Any

import pytest

from lending.caps import CostAboveCap
from lending.money import yuan
from models.changes import ChangeKind, ChangeStatus
from models.ledger import RECOVERY_INCOME, SUSPENSE, UNALLOCATED
from models.loans import Stage
from models.messages import BooksOrder, StepKind
from models.staff import Role
from models.tasks import Outcome, TaskKind
from services import changes
from services.errors import (
    ChangeClosed,
    ChangePending,
    ChangeStale,
    InvalidChange,
    InvalidPrepayment,
    NotAllowed,
    TaskClosed,
    UnknownChange,
)
from services.periods import close_period
from services.repayments import prepayable
from services.status import schedule_of, status_of
from tests.services.limits import cap
from tests.services.month_ends import end_months
from tests.services.procedure import AGENT, FINANCE, MANAGER, RISK, Procedure
from tests.services.proposals import (
    change,
    check_the_books,
    decide,
    latest,
    propose,
    take_back,
)

INSTALLMENT = 103_943
FIRST_DUE = date(2026, 2, 5)
DEFERRAL: dict[str, Any] = {"periods": 2, "component": "principal"}


def overdue(procedure: Procedure, loan: str, days: int = 40) -> None:
    """Nothing was paid on the first due date."""
    procedure.day = FIRST_DUE
    procedure.advance(loan, StepKind.DUE)
    procedure.day = FIRST_DUE + timedelta(days=days)
    procedure.advance(loan, StepKind.OVERDUE)


def paid(procedure: Procedure, loan: str) -> str:
    """The first installment is paid; returns the key of its event."""
    procedure.day = FIRST_DUE
    procedure.collect(loan)
    procedure.advance(loan, StepKind.DUE)
    with procedure.books.read() as work:
        return work.loans.events(loan)[-1].key


def balance(procedure: Procedure, account: str, loan: str | None = None) -> int:
    with procedure.books.read() as work:
        return work.ledger.balance(account, loan=loan)


# -- each kind -------------------------------------------------------------------------------------------------------


def test_a_deferral_puts_principal_off_and_amends_the_terms(procedure: Procedure, loan: str) -> None:
    before = procedure.account(loan)
    progress = change(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    after = procedure.account(loan)
    assert len(after.rows) == len(before.rows) + 2
    assert after.rows[0].principal == after.rows[1].principal == 0
    assert procedure.loan(loan).next_due_fen == after.rows[0].total < INSTALLMENT
    assert (progress.stage, progress.changes) == (Stage.REPAYMENT, ())
    assert progress.next_day is not None
    assert procedure.messages(loan)[-1] == "terms_changed"
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
        decision = work.tasks.decisions(loan)[-1]
    assert terms is not None
    assert (terms.version, terms.decision_id, terms.effective_from) == (2, decision.id, procedure.day)
    assert [one["type"] for one in terms.amendments or []] == ["deferral"]
    check_the_books(procedure)


def test_two_amendments_stand_in_the_terms_in_their_order(procedure: Procedure, loan: str) -> None:
    change(procedure, loan, ChangeKind.RATE_CHANGE, {"annual_rate_percent": "6"})
    change(procedure, loan, ChangeKind.RESTRUCTURING, {"extra_periods": 6})
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
    assert terms is not None
    assert [one["type"] for one in terms.amendments or []] == ["rate_change", "reschedule"]
    assert terms.version == 3
    check_the_books(procedure)


@pytest.mark.parametrize(
    "asked",
    [{"extra_periods": 6}, {"due": "2026-02-20"}, {"annual_rate_percent": "3"}, {"extra_periods": 3, "reage": True}],
    ids=["extension", "reschedule", "cheaper", "re-age"],
)
def test_a_restructuring_gives_another_schedule(procedure: Procedure, loan: str, asked: dict[str, Any]) -> None:
    before = [(row.due, row.total) for row in procedure.account(loan).rows]
    change(procedure, loan, ChangeKind.RESTRUCTURING, asked)
    assert [(row.due, row.total) for row in procedure.account(loan).rows] != before
    check_the_books(procedure)


def test_re_ageing_ends_the_arrears(procedure: Procedure, loan: str) -> None:
    overdue(procedure, loan)
    assert procedure.loan(loan).high_risk
    change(procedure, loan, ChangeKind.RESTRUCTURING, {"extra_periods": 6, "reage": True})
    found = procedure.loan(loan)
    assert (found.dpd, found.overdue_fen, found.high_risk) == (0, 0, False)
    assert TaskKind.OVERDUE not in procedure.open_tasks(loan)
    check_the_books(procedure)


def test_a_change_of_rate_makes_the_installments_smaller(procedure: Procedure, loan: str) -> None:
    change(procedure, loan, ChangeKind.RATE_CHANGE, {"annual_rate_percent": "3.00"})
    assert procedure.loan(loan).next_due_fen < INSTALLMENT
    check_the_books(procedure)


def test_a_waiver_takes_penalty_away_and_nothing_else(procedure: Procedure, loan: str) -> None:
    overdue(procedure, loan)
    before = procedure.account(loan)
    penalty = before.penalty_outstanding_fen
    assert penalty > 0
    change(procedure, loan, ChangeKind.WAIVER, {"amount": f"{penalty / 100:.2f}", "component": "penalty"})
    after = procedure.account(loan)
    assert (after.penalty_outstanding_fen, after.waived.penalty) == (0, penalty)
    assert after.principal_outstanding_fen == before.principal_outstanding_fen
    with procedure.books.read() as work:
        terms = work.loans.terms(loan)
    assert terms is not None
    assert terms.version == 1
    check_the_books(procedure)


def test_a_fee_falls_due_with_its_installment(procedure: Procedure, loan: str) -> None:
    change(procedure, loan, ChangeKind.FEE, {"amount": "50.00", "due": "2026-02-05"})
    assert procedure.loan(loan).next_due_fen == INSTALLMENT + 5_000
    procedure.day = FIRST_DUE
    assert procedure.collect(loan) == INSTALLMENT + 5_000
    procedure.advance(loan, StepKind.DUE)
    check_the_books(procedure)


def test_what_comes_in_after_a_write_off_is_a_recovery(procedure: Procedure, loan: str) -> None:
    overdue(procedure, loan)
    owed = procedure.account(loan).settlement_fen
    progress = change(procedure, loan, ChangeKind.WRITE_OFF)
    found = procedure.loan(loan)
    assert (found.stage, found.written_off_on, found.outstanding_fen) == (Stage.REPAYMENT, procedure.day, 0)
    assert progress.next_day is None
    assert procedure.account(loan).written_off.borrower_total == owed
    check_the_books(procedure)

    procedure.day += timedelta(days=100)
    procedure.deposit(loan, 30_000)
    assert procedure.advance(loan).stage is Stage.REPAYMENT
    assert balance(procedure, RECOVERY_INCOME, loan) == -30_000
    assert balance(procedure, UNALLOCATED, loan) == 0
    check_the_books(procedure)


def test_a_written_off_loan_that_is_recovered_in_full_is_closed(procedure: Procedure, loan: str) -> None:
    overdue(procedure, loan)
    change(procedure, loan, ChangeKind.WRITE_OFF)
    owed = procedure.account(loan).written_off.borrower_total
    procedure.deposit(loan, owed + 500)
    assert procedure.advance(loan).stage is Stage.SETTLED
    assert procedure.loan(loan).closed_on == procedure.day
    assert procedure.task(loan, TaskKind.UNMATCHED_MONEY).about == "the settled loan has 5.00 too much: refund it"
    check_the_books(procedure)


def test_a_written_off_loan_does_not_read_as_paid(procedure: Procedure, loan: str) -> None:
    overdue(procedure, loan)
    procedure.deposit(loan, 40_000)
    procedure.advance(loan)
    change(procedure, loan, ChangeKind.WRITE_OFF)
    owed = procedure.account(loan).written_off.borrower_total
    procedure.day += timedelta(days=1)
    procedure.deposit(loan, 30_000)
    procedure.advance(loan)
    with procedure.at() as work:
        shown = status_of(work, procedure.borrower_of(loan), loan)
        rows = schedule_of(work, RISK, loan)
        told = next(one for one in work.customers.contacts(loan) if one.template == "written_off")
        with pytest.raises(InvalidPrepayment, match="is written off"):
            prepayable(work, work.loans.get(loan), procedure.day, None)
    assert (shown.written_off_fen, shown.recovered_fen, shown.settlement_fen) == (owed, 30_000, 0)
    assert "prepay" not in shown.actions
    assert sum(row.written_off_fen for row in rows) == owed
    first = rows[0]
    assert (first.paid_fen, first.written_off_fen, first.paid_on) == (40_000, first.total_fen - 40_000, None)
    assert f"{yuan(owed)}元仍然存在" in told.text


def test_the_deciders_are_told_when_nobody_is_late_with_what_is_written_off(procedure: Procedure, loan: str) -> None:
    with procedure.at() as work:
        found, _ = changes.try_out(work, MANAGER, work.loans.get(loan), ChangeKind.WRITE_OFF, {}, procedure.day)
    assert found.warnings == ("not_past_due",)
    propose(procedure, loan, ChangeKind.WRITE_OFF)
    assert procedure.task(loan, TaskKind.CHANGE).about.endswith("; the loan is not past due")


def test_of_arrears_and_of_other_changes_no_such_warning_is_given(procedure: Procedure, loan: str) -> None:
    with procedure.at() as work:
        row = work.loans.get(loan)
        assert changes.try_out(work, MANAGER, row, ChangeKind.DEFERRAL, DEFERRAL, procedure.day)[0].warnings == ()
    overdue(procedure, loan)
    with procedure.at() as work:
        row = work.loans.get(loan)
        assert changes.try_out(work, MANAGER, row, ChangeKind.WRITE_OFF, {}, procedure.day)[0].warnings == ()


def test_nothing_is_drawn_or_changed_on_a_written_off_loan(procedure: Procedure, loan: str) -> None:
    overdue(procedure, loan)
    change(procedure, loan, ChangeKind.WRITE_OFF)
    procedure.day += timedelta(days=30)
    assert procedure.collection(loan) is None
    with pytest.raises(InvalidChange, match="written off"):
        propose(procedure, loan, ChangeKind.WAIVER, {"amount": "1.00", "component": "penalty"})


def test_a_reversed_repayment_is_due_again_and_its_money_is_finances_to_place(procedure: Procedure, loan: str) -> None:
    before = procedure.account(loan)
    procedure.deposit(loan, 50_000, reference="wrong-loan", booked_on=date(2026, 1, 20))
    procedure.advance(loan)
    procedure.day += timedelta(days=2)
    with procedure.books.read() as work:
        key = work.loans.events(loan)[-1].key
    change(procedure, loan, ChangeKind.CORRECTION, {"of": key})
    after = procedure.account(loan)
    assert (after.rows, after.credit_fen) == (before.rows, before.credit_fen)
    assert (balance(procedure, SUSPENSE), balance(procedure, UNALLOCATED, loan)) == (-50_000, 0)
    with procedure.books.read() as work:
        entry = work.payments.entry("wrong-loan")
        assert entry is not None
        assert (entry.loan, entry.matched) == (None, False)
        task = work.tasks.get(entry.task_id or "")
    assert (task.kind, task.role, task.loan) == (TaskKind.UNMATCHED_MONEY, Role.FINANCE, None)
    # However long ago the money came, nobody is late with what he is asked today.
    assert task.due_on == procedure.day
    check_the_books(procedure)


def test_all_after_a_reversed_repayment_is_computed_anew(procedure: Procedure, loan: str) -> None:
    first = paid(procedure, loan)
    procedure.day = date(2026, 3, 5)
    procedure.collect(loan)
    procedure.advance(loan, StepKind.DUE)
    change(procedure, loan, ChangeKind.CORRECTION, {"of": first})
    account = procedure.account(loan)
    # The second payment went to the older debt and its penalty first, and the second installment is due still.
    assert account.rows[0].penalty == account.rows[0].outstanding > 0
    assert account.rows[1].outstanding == INSTALLMENT
    assert procedure.loan(loan).dpd == 28
    check_the_books(procedure)


def test_money_that_came_another_way_counts_from_the_day_it_came(procedure: Procedure, loan: str) -> None:
    overdue(procedure, loan, 20)
    assert procedure.account(loan).penalty_outstanding_fen > 0
    asked = {"amount": "1039.43", "received_on": "2026-02-05", "channel": "cash", "reference": "R-1"}
    change(procedure, loan, ChangeKind.CORRECTION, asked)
    account = procedure.account(loan)
    assert (account.rows[0].outstanding, account.penalty_outstanding_fen) == (0, 0)
    assert account.rows[0].paid_on == date(2026, 2, 5)
    # Until whoever took the cash brings it to the bank, it is missing from suspense.
    assert balance(procedure, SUSPENSE) == 103_943
    check_the_books(procedure)


def test_money_is_dated_back_into_a_month_that_is_over(procedure: Procedure, loan: str) -> None:
    overdue(procedure, loan, 20)
    end_months(procedure, date(2026, 3, 1))
    procedure.day = date(2026, 3, 1)
    with procedure.at() as work:
        close_period(work, FINANCE, "2026-01")
        close_period(work, FINANCE, "2026-02")
    asked = {"amount": "1039.43", "received_on": "2026-02-05", "channel": "cash"}
    change(procedure, loan, ChangeKind.CORRECTION, asked)
    assert procedure.loan(loan).dpd == 0
    with procedure.books.read() as work:
        money = next(one for one in work.ledger.of_loan(loan) if one.about == "correction")
    assert (money.value_date, money.booking_date) == (date(2026, 2, 5), date(2026, 3, 1))
    check_the_books(procedure)


def test_a_posting_by_hand_is_reversed_like_any_other(procedure: Procedure, loan: str) -> None:
    change(procedure, loan, ChangeKind.CORRECTION, {"amount": "10.00", "channel": "set_off"})
    key = latest(procedure, loan).proposal.event_key
    change(procedure, loan, ChangeKind.CORRECTION, {"of": key})
    assert balance(procedure, SUSPENSE) == 0
    assert procedure.account(loan).credit_fen == 0
    check_the_books(procedure)


def test_a_recovery_that_was_a_mistake_is_reversed(procedure: Procedure, loan: str) -> None:
    overdue(procedure, loan)
    change(procedure, loan, ChangeKind.WRITE_OFF)
    procedure.day += timedelta(days=1)
    change(procedure, loan, ChangeKind.CORRECTION, {"amount": "10.00", "channel": "court"})
    assert balance(procedure, RECOVERY_INCOME) == -1_000
    change(procedure, loan, ChangeKind.CORRECTION, {"of": latest(procedure, loan).proposal.event_key})
    assert balance(procedure, RECOVERY_INCOME) == 0
    check_the_books(procedure)


# -- the way of a proposal -------------------------------------------------------------------------------------------


def test_a_proposal_changes_nothing_and_shows_both_sides(procedure: Procedure, loan: str) -> None:
    before = procedure.account(loan)
    result = propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    assert procedure.account(loan) == before
    found = latest(procedure, loan)
    assert (found.status, found.proposal.id) == (ChangeStatus.OPEN, result.proposal)
    shown = found.proposal.figures
    assert (shown["before"]["installments_left"], shown["after"]["installments_left"]) == (12, 14)
    assert shown["before"]["next_due_fen"] == INSTALLMENT
    task = procedure.task(loan, TaskKind.CHANGE)
    assert (task.role, task.due_on, task.about) == (
        Role.RISK,
        procedure.day + timedelta(days=7),
        "deferral of 12000.00 proposed",
    )


def test_a_refused_proposal_leaves_the_loan_as_it_was(procedure: Procedure, loan: str) -> None:
    before = procedure.account(loan)
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL, by=AGENT)
    progress = decide(procedure, loan, Outcome.REFUSE)
    assert (progress.stage, progress.changes) == (Stage.REPAYMENT, ())
    assert procedure.account(loan) == before
    assert latest(procedure, loan).status is ChangeStatus.REFUSED
    assert procedure.messages(loan)[-1] == "change_refused"


def test_a_loan_has_one_proposal_at_a_time(procedure: Procedure, loan: str) -> None:
    first = propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    with pytest.raises(ChangePending):
        propose(procedure, loan, ChangeKind.WRITE_OFF)
    take_back(procedure, loan, first.proposal)
    assert latest(procedure, loan).status is ChangeStatus.WITHDRAWN
    propose(procedure, loan, ChangeKind.WRITE_OFF)


def test_only_its_proposer_takes_a_proposal_back(procedure: Procedure, loan: str) -> None:
    proposal = propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL).proposal
    with pytest.raises(NotAllowed, match="person who made it"):
        take_back(procedure, loan, proposal, by=RISK)
    take_back(procedure, loan, proposal)
    with pytest.raises(ChangeClosed):
        take_back(procedure, loan, proposal)
    with pytest.raises(UnknownChange):
        take_back(procedure, loan, "nothing")
    other = procedure.running()
    with pytest.raises(UnknownChange):
        take_back(procedure, other, proposal)


def test_a_proposal_expires_after_its_last_day_and_not_before(procedure: Procedure, loan: str) -> None:
    change_ = propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL).changes[0]
    task = procedure.task(loan, TaskKind.CHANGE).id
    procedure.day = change_.expires_on
    assert procedure.act(changes.expire, BooksOrder(**procedure.order(loan))).changes == (change_,)
    procedure.day += timedelta(days=1)
    assert procedure.act(changes.expire, BooksOrder(**procedure.order(loan))).changes == ()
    assert latest(procedure, loan).status is ChangeStatus.EXPIRED
    with pytest.raises(TaskClosed):
        procedure.decide(loan, task_id=task)
    assert procedure.act(changes.expire, BooksOrder(**procedure.order(loan))).changes == ()


def test_a_proposal_lapses_when_the_loan_is_settled(procedure: Procedure, loan: str) -> None:
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    procedure.settle(procedure.prepayment(loan).payment_key or "")
    procedure.advance(loan)
    assert procedure.loan(loan).stage is Stage.SETTLED
    assert latest(procedure, loan).status is ChangeStatus.LAPSED


# -- what is not true any more ---------------------------------------------------------------------------------------


def test_money_that_came_in_makes_a_proposal_stale(procedure: Procedure, loan: str) -> None:
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    procedure.deposit(loan, 100)
    with pytest.raises(ChangeStale, match="money came in"):
        decide(procedure, loan)
    procedure.advance(loan)
    with pytest.raises(ChangeStale, match="money came in"):
        decide(procedure, loan)
    decide(procedure, loan, Outcome.REFUSE)


def test_an_installment_that_fell_due_makes_a_proposal_stale(procedure: Procedure, loan: str) -> None:
    procedure.day = FIRST_DUE - timedelta(days=1)
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)
    procedure.day = FIRST_DUE
    procedure.advance(loan, StepKind.DUE)
    with pytest.raises(ChangeStale, match="fell due"):
        decide(procedure, loan)


def test_a_proposal_is_decided_on_its_last_day_and_not_later(procedure: Procedure, loan: str) -> None:
    change_ = propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL).changes[0]
    procedure.day = change_.expires_on + timedelta(days=1)
    with pytest.raises(ChangeClosed):
        decide(procedure, loan)
    procedure.day = change_.expires_on
    decide(procedure, loan)


# -- the cost of a year ----------------------------------------------------------------------------------------------


def test_a_change_that_costs_more_than_the_cap_is_not_proposed(procedure: Procedure, loan: str) -> None:
    dear: dict[ChangeKind, dict[str, Any]] = {
        ChangeKind.RATE_CHANGE: {"annual_rate_percent": "26"},
        ChangeKind.FEE: {"amount": "1200.00"},
        ChangeKind.RESTRUCTURING: {"annual_rate_percent": "27", "extra_periods": 2},
    }
    for kind, asked in dear.items():
        with pytest.raises(CostAboveCap, match="at most 24 %"):
            propose(procedure, loan, kind, asked)
    assert "change_proposed" not in procedure.acts(loan)


def test_a_preview_shows_what_the_loan_costs_before_and_after(procedure: Procedure, loan: str) -> None:
    change(procedure, loan, ChangeKind.FEE, {"amount": "100.00"})
    figures = latest(procedure, loan).proposal.figures
    assert figures["before"]["cost_percent"] == "7.20"
    assert 8 < float(figures["after"]["cost_percent"]) < 10
    with procedure.at() as work:
        assert str(status_of(work, RISK, loan).cost_percent) == figures["after"]["cost_percent"]


def test_a_cap_that_came_since_the_proposal_forbids_to_approve_it(procedure: Procedure, loan: str) -> None:
    propose(procedure, loan, ChangeKind.FEE, {"amount": "100.00"})
    cap(procedure.books, "8")
    with pytest.raises(CostAboveCap):
        decide(procedure, loan)
    decide(procedure, loan, Outcome.REFUSE)
    assert latest(procedure, loan).status is ChangeStatus.REFUSED


def test_a_loan_from_before_the_cap_may_still_be_eased(procedure: Procedure, loan: str) -> None:
    cap(procedure.books, "5")
    change(procedure, loan, ChangeKind.RESTRUCTURING, {"extra_periods": 6})
    change(procedure, loan, ChangeKind.RATE_CHANGE, {"annual_rate_percent": "6"})
    with pytest.raises(CostAboveCap):
        propose(procedure, loan, ChangeKind.RATE_CHANGE, {"annual_rate_percent": "6.5"})
