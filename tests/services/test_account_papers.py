"""Statements, receipts and certificates: what happened to a loan, to the fen, and only what did."""

from datetime import date, timedelta

import pytest

from models.changes import ChangeKind
from models.loans import Stage
from models.papers import PaperLanguage
from services.errors import WrongStage
from services.paper_words import sum_in_digits, sum_in_words
from services.papers import InvalidPaper, order_certificate, order_receipt, order_statement
from tests.modules.applications import CUSTOMER, DAY
from tests.services.papers import lines_of, made, squeezed
from tests.services.procedure import AGENT, INTEGRATOR, Procedure
from tests.services.proposals import change

ZH, EN = PaperLanguage.CHINESE, PaperLanguage.ENGLISH


def statement(procedure: Procedure, loan: str, first: date, last: date, language: PaperLanguage = ZH) -> bytes:
    with procedure.at() as work:
        order = order_statement(work, INTEGRATOR, work.loans.get(loan), first, last, language)
    return made(procedure, order).content


def settled(procedure: Procedure) -> str:
    """A loan that the borrower prepaid in full in its first month."""
    loan = procedure.running()
    procedure.day += timedelta(days=10)
    payment = procedure.prepayment(loan)
    procedure.settle(payment.payment_key or "")
    procedure.advance(loan)
    assert procedure.loan(loan).stage is Stage.SETTLED
    return loan


def test_a_statement_tells_every_movement_and_its_balances_add_up(procedure: Procedure) -> None:
    loan = procedure.running()
    for n in range(3):
        procedure.day = procedure.account(loan).rows[n].due + timedelta(days=8 if n == 1 else 0)
        procedure.collect(loan)
        procedure.advance(loan)
    account = procedure.account(loan)
    # A payment on the first day belongs to the period.
    first = account.allocations[1].date
    assert account.charged.penalty > 0
    pdf = statement(procedure, loan, first, procedure.day)
    lines = lines_of(pdf)
    late, last = account.allocations[1:]
    for share, amount in ((late, late.total), (last, last.total)):
        sums = [amount, share.principal, share.interest]
        kept = " ".join([share.date.isoformat(), "还款", *map(sum_in_digits, sums)])
        assert any(line.startswith(kept) for line in lines), kept
    assert any(sum_in_digits(late.penalty) in line for line in lines)
    opening = account.disbursed_fen - account.allocations[0].principal
    closing = opening - late.principal - last.principal
    assert closing == account.principal_outstanding_fen
    shown = squeezed(pdf)
    assert f"期初本金余额¥{sum_in_digits(opening)}" in shown
    assert f"期末本金余额¥{sum_in_digits(closing)}" in shown
    assert DAY.isoformat() not in shown
    assert CUSTOMER["mobile"] not in shown
    english = squeezed(statement(procedure, loan, first, procedure.day, EN))
    assert f"Principalafter¥{sum_in_digits(closing)}" in english


def test_money_kept_for_the_next_due_date_shows_when_it_came_and_when_it_was_used(procedure: Procedure) -> None:
    loan = procedure.running()
    due = procedure.account(loan).rows[0].due
    procedure.day += timedelta(days=5)
    procedure.deposit(loan, 5000)
    procedure.advance(loan)
    came = procedure.day
    procedure.day = due
    procedure.collect(loan)
    procedure.advance(loan)
    lines = lines_of(statement(procedure, loan, DAY, due))
    assert f"{came} 还款 50.00 50.00" in lines
    (used,) = [line for line in lines if "使用待分配款" in line]
    assert used.startswith(due.isoformat())
    assert used.endswith("-50.00")


def test_a_statement_needs_a_period_within_the_life_of_the_loan(procedure: Procedure) -> None:
    loan, offered = procedure.running(), procedure.offered()
    for first, last, field in (
        (DAY + timedelta(days=1), DAY, "to"),
        (DAY, DAY + timedelta(days=1), "to"),
        (DAY - timedelta(days=9), DAY - timedelta(days=1), "to"),
        (DAY - timedelta(days=4000), DAY, "from"),
    ):
        with procedure.at() as work, pytest.raises(InvalidPaper) as refused:
            order_statement(work, AGENT, work.loans.get(loan), first, last, ZH)
        assert list(refused.value.fields) == [field]
    with procedure.at() as work, pytest.raises(WrongStage):
        order_statement(work, AGENT, work.loans.get(offered), DAY, DAY, ZH)


def test_a_statement_asked_for_again_after_more_money_came_is_another_one(procedure: Procedure) -> None:
    loan = procedure.running()

    def ask() -> str:
        with procedure.at() as work:
            return order_statement(work, AGENT, work.loans.get(loan), DAY, DAY, ZH).id

    first = ask()
    assert ask() == first
    procedure.deposit(loan, 100)
    procedure.advance(loan)
    assert ask() != first


def test_a_receipt_tells_the_sum_and_where_it_went(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = procedure.account(loan).rows[0].due + timedelta(days=8)
    procedure.collect(loan)
    procedure.advance(loan)
    with procedure.books.read() as work:
        paid = work.loans.events(loan)[-1]
    (share,) = procedure.account(loan).allocations
    with procedure.at() as work:
        order = order_receipt(work, AGENT, work.loans.get(loan), paid.key, ZH)
    document = made(procedure, order)
    sums = [share.principal, share.interest, 0, share.penalty, 0, share.total]
    assert " ".join(["1", *map(sum_in_digits, sums)]) in lines_of(document.content)
    shown = squeezed(document.content)
    assert f"¥{sum_in_digits(share.total)}" in shown
    assert sum_in_words(share.total) in shown
    assert share.penalty > 0


def test_a_receipt_is_for_a_booked_payment_of_this_loans_borrower(procedure: Procedure) -> None:
    loan, other = procedure.running(), procedure.running()
    procedure.deposit(other, 100, reference="of-another")
    procedure.advance(other)
    with procedure.books.read() as work:
        theirs = work.loans.events(other)[-1].key
    for key in ("", "nothing", f"{loan}:paid_out", theirs):
        with procedure.at() as work, pytest.raises(InvalidPaper) as refused:
            order_receipt(work, AGENT, work.loans.get(loan), key, ZH)
        assert list(refused.value.fields) == ["payment"]


def test_a_payment_that_was_taken_back_has_no_receipt(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day = procedure.account(loan).rows[0].due
    procedure.collect(loan)
    procedure.advance(loan)
    with procedure.books.read() as work:
        paid = work.loans.events(loan)[-1]
    change(procedure, loan, ChangeKind.CORRECTION, {"of": paid.key})
    with procedure.at() as work, pytest.raises(InvalidPaper, match="taken back"):
        order_receipt(work, AGENT, work.loans.get(loan), paid.key, ZH)
    (line,) = [one for one in lines_of(statement(procedure, loan, DAY, procedure.day)) if "已冲正" in one]
    assert line.startswith(paid.date.isoformat())


def test_a_certificate_is_for_a_settled_loan_only(procedure: Procedure) -> None:
    running = procedure.running()
    with procedure.at() as work, pytest.raises(WrongStage, match="is at repayment"):
        order_certificate(work, AGENT, work.loans.get(running))
    loan = settled(procedure)
    with procedure.at() as work:
        order = order_certificate(work, AGENT, work.loans.get(loan))
        english = order_certificate(work, AGENT, work.loans.get(loan), EN)
    account = procedure.account(loan)
    paid = sum_in_digits(sum(one.total for one in account.allocations))
    day = procedure.day
    shown = squeezed(made(procedure, order).content)
    assert f"已于{day.year}年{day.month}月{day.day}日全部结清，累计还款¥{paid}" in shown
    assert "均无余欠" in shown
    assert CUSTOMER["name"] in shown
    assert f"with¥{paid}repaidinall" in squeezed(made(procedure, english).content)
