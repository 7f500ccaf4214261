"""The pages of funds, and unmatched money in the inbox: proposed by one, confirmed by another."""

from models.payments import PaymentKind
from services import reconciliation
from services.bank import BankMovement, record_movement
from tests.services.procedure import Procedure
from tests.services.statements import DAY, line, paid_out, statement
from tests.web.conftest import Come
from tests.web.serving import words

FIRST, SECOND = "finance-sun", "finance-zhou"


def unmatched(procedure: Procedure, text: str = "还款") -> str:
    """The address of a task about money that came in."""
    told = BankMovement(
        "b1", "in", 5_000, procedure.day, None, "王先生", text, counterparty_account="6230000000000000077"
    )
    with procedure.at() as work:
        return f"/tasks/{record_movement(work, told).task_id}"


def reconciled(procedure: Procedure) -> str:
    loan, key = paid_out(procedure)
    with procedure.at() as work:
        whole = statement(line(f"bank-{key}", -1_200_000, end_to_end_id=key), line("b2", 300), opening=5_000_000)
        kept = reconciliation.take_in(work, whole).id
        for n in reconciliation.book_known(work, kept):
            reconciliation.book_line(work, kept, n)
        reconciliation.compare(work, kept)
    return loan


def test_a_day_of_funds_shows_balances_kinds_and_differences(come: Come, procedure: Procedure) -> None:
    reconciled(procedure)

    text = words(come(FIRST).get(f"/funds?on={DAY}").text)

    for said in ("¥50,000.00", "¥38,003.00", "Payout", "Unmatched", "No notice told of it", "b2"):
        assert said in text
    assert "当日无资金往来" in come("auditor-wei", language="zh").get("/funds?on=2026-01-09").text


def test_a_loan_shows_its_funds_with_references_and_postings(come: Come, procedure: Procedure) -> None:
    loan = reconciled(procedure)

    text = words(come("risk-qian").get(f"/loans/{loan}/funds").text)

    for said in ("by the statement", f"{loan}:disbursement:1", "Debit Loan principal, credit Bank account: ¥12,000.00"):
        assert said in text


def test_only_finance_risk_and_auditors_find_the_funds(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()

    for who in ("agent-lin", "manager-zhao", "admin-gu"):
        visitor = come(who)
        assert 'href="/funds"' not in visitor.get("/").text
        for path in ("/funds", f"/loans/{loan}/funds"):
            assert visitor.get(path).status_code == 403
    assert 'href="/funds"' in come(FIRST).get("/").text


def test_a_day_that_is_none_shows_yesterday(come: Come) -> None:
    visitor = come(FIRST)
    for day in ("", "2026-02-31", "0001-01-01", "nonsense"):
        assert visitor.get(f"/funds?on={day}").status_code == 200


def test_money_is_proposed_by_one_and_confirmed_by_another(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    task = unmatched(procedure, f"{loan} L99999999 {procedure.running()}")
    first, second = come(FIRST), come(SECOND)

    page = words(first.get(task).text)
    assert "the text names it" in page
    assert "•••• 0077" in page
    proposed = first.post(f"{task}/proposal", seen_at=task, kind="to_loan", loan=loan, reason="the payer called")
    assert "Another person of finance confirms it." in words(proposed.text)
    own = first.post(f"{task}/verdict", seen_at=task, verdict="confirm", reason="sure")
    assert own.status_code == 403
    assert "another person must confirm it" in words(own.text)
    assert "This task is done." in words(
        second.post(f"{task}/verdict", seen_at=task, verdict="confirm", reason="ok").text
    )
    assert [one.kind for one in procedure.payments(loan)].count(PaymentKind.REALLOCATION) == 1


def test_a_proposal_can_be_refused_and_money_proposed_to_be_sent_back(come: Come, procedure: Procedure) -> None:
    task = unmatched(procedure)
    first, second = come(FIRST), come(SECOND, language="zh")

    first.post(f"{task}/proposal", seen_at=task, kind="refund", reason="nobody knows it")
    assert "退回付款人" in second.get(task).text
    second.post(f"{task}/verdict", seen_at=task, verdict="refuse", reason="wait")

    assert "您提议如何处理？" in second.get(task).text


def test_a_proposal_that_cannot_be_read_is_refused(come: Come, procedure: Procedure) -> None:
    task = unmatched(procedure)
    visitor = come(FIRST)

    for fields in (
        {"kind": "gift", "reason": "why"},
        {"kind": "to_loan", "loan": "../x", "reason": "why"},
        {"kind": "to_loan", "reason": "why"},
        {"kind": "refund", "reason": " "},
    ):
        assert visitor.post(f"{task}/proposal", seen_at=task, **fields).status_code == 422
    assert visitor.post(f"{task}/verdict", seen_at=task, verdict="perhaps", reason="why").status_code == 422
