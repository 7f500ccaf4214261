"""Whose unmatched money may be: each reason found, ranked, and nothing made up."""

from datetime import timedelta

import pytest

from models.customers import PartyRole
from services.bank import BankMovement, record_movement
from services.matching import Match, Reason, likely_matches, name_likeness
from tests.services.procedure import Procedure


def matches(
    procedure: Procedure, fen: int = 77_777, *, name: str = "某某公司", account: str | None = None, text: str = ""
) -> tuple[Match, ...]:
    """What finance is shown for money that came in on the day."""
    told = BankMovement("b1", "in", fen, procedure.day, None, name, text, counterparty_account=account)
    with procedure.at() as work:
        return likely_matches(work, record_movement(work, told))


def borrower(procedure: Procedure, loan: str) -> tuple[str, str, str]:
    """Name, account and mobile of a loan's borrower."""
    with procedure.books.read() as work:
        party = work.customers.borrower(loan)
        customer = work.customers.get(party.customer_id or "")
    assert customer is not None
    return party.name, party.account or "", customer.mobile


def rename(procedure: Procedure, loan: str, name: str) -> None:
    with procedure.at() as work:
        party = work.customers.borrower(loan)
        party.name = name
        work.session.add(party)


def test_money_that_nothing_speaks_for_has_no_match(procedure: Procedure) -> None:
    procedure.running()
    assert matches(procedure) == ()


def test_the_payers_name_points_to_his_loan_and_not_to_another(procedure: Procedure) -> None:
    loan, other = procedure.running(), procedure.running()
    rename(procedure, loan, "欧阳小明")
    rename(procedure, other, "司马相如")
    assert matches(procedure, name="欧阳小明 先生") == (Match(loan, 50, (Reason.SAME_NAME,)),)


def test_a_name_that_is_the_beginning_of_the_payers_is_not_the_same(procedure: Procedure) -> None:
    longer, shorter = procedure.running(), procedure.running()
    rename(procedure, longer, "李明明")
    rename(procedure, shorter, "李明")
    found = matches(procedure, name="李明明", text="李明明还款")
    assert found == (Match(longer, 50, (Reason.SAME_NAME,)), Match(shorter, 30, (Reason.SIMILAR_NAME,)))


@pytest.mark.parametrize(
    ("written", "name", "likeness"),
    [
        ("张 三", "张三", 100),
        ("三张", "张三", 100),
        ("小明欧阳", "欧阳小明", 100),
        ("张三先生", "张三", 100),
        ("Ｓｍｉｔｈ，John", "john smith", 100),
        ("欧阳晓明", "欧阳小明", 75),
        ("*小明", "王小明", 90),
        ("王**", "王小明", 90),
        ("李*明", "王小明", 0),
        ("***", "王小明", 0),
        ("", "王小明", 0),
        ("李四", "张三", 0),
    ],
)
def test_names_are_alike_however_they_are_written(written: str, name: str, likeness: int) -> None:
    assert name_likeness(written, name) == name_likeness(name, written) == likeness


def test_a_mobile_in_the_text_points_to_its_owners_loans(procedure: Procedure) -> None:
    loan = procedure.running()
    mobile = borrower(procedure, loan)[2]
    assert Match(loan, 75, (Reason.MOBILE,)) in matches(procedure, text=f"电话{mobile}还款")


def test_the_account_of_a_party_and_one_that_paid_before_are_reasons(procedure: Procedure) -> None:
    loan, other = procedure.running(bank_card="6230000000000000011"), procedure.running()
    with procedure.at() as work:
        seen = BankMovement(
            "b0", "in", 1, procedure.day, None, "某某公司", f"还款 {other}", counterparty_account="6230000000000000011"
        )
        record_movement(work, seen)
    found = matches(procedure, account="6230000000000000011")
    assert found == (Match(loan, 75, (Reason.PARTYS_ACCOUNT,)), Match(other, 60, (Reason.ACCOUNT_SEEN,)))


def test_a_sum_that_is_due_or_clears_the_loan_is_a_reason(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.advance(loan)
    next_due = procedure.loan(loan).next_due_fen
    assert matches(procedure, next_due) == (Match(loan, 40, (Reason.NEXT_DUE,)),)
    procedure.day += timedelta(days=10)
    clears = procedure.account(loan).settlement_fen
    told = BankMovement("b2", "in", clears, procedure.day, None, None, None)
    with procedure.at() as work:
        assert likely_matches(work, record_movement(work, told)) == (Match(loan, 50, (Reason.SETTLES,)),)


def test_an_overdue_sum_is_a_reason(procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day += timedelta(days=40)
    procedure.advance(loan)
    overdue = procedure.loan(loan).overdue_fen
    (match,) = matches(procedure, overdue)
    assert (match.loan, match.reasons) == (loan, (Reason.OVERDUE,))


def test_more_reasons_come_first_and_no_score_is_certain(procedure: Procedure) -> None:
    loans = [procedure.running() for _ in range(3)]
    for loan in loans:
        procedure.advance(loan)
    rename(procedure, loans[1], "欧阳小明")
    rename(procedure, loans[0], "诸葛亮")
    rename(procedure, loans[2], "诸葛亮")
    due = procedure.loan(loans[1]).next_due_fen
    found = matches(procedure, due, name="欧阳小明", text=f"{loans[1]}和{loans[2]}")
    assert [match.loan for match in found] == [loans[1], loans[2], loans[0]]
    assert found[0].reasons == (Reason.LOAN_NUMBER, Reason.SAME_NAME, Reason.NEXT_DUE)
    assert 80 < found[0].score < 100


def test_only_running_loans_match_and_a_payee_is_no_payer(procedure: Procedure) -> None:
    offered, running = procedure.offered(), procedure.running("auto")
    with procedure.books.read() as work:
        payees = {party.name for party in work.customers.parties(running) if party.role is PartyRole.PAYEE}
        own = {party.name for party in work.customers.parties(running) if party.role is not PartyRole.PAYEE}
    (dealer,) = payees - own
    assert matches(procedure, name=dealer, text=f"{offered}") == ()
