"""Proposing changes on the pages, and what the person who decides reads; the engine is away but for the last test."""

import re

import pytest

from models.changes import ChangeKind
from models.loans import Stage
from models.payments import PaymentKind
from models.tasks import TaskKind
from tests.services.procedure import RISK, Procedure
from tests.services.proposals import change, propose
from tests.web.conftest import Come
from tests.web.serving import Visitor, words
from tests.web.test_at_work import Lender, eventually, task_of
from tests.web.test_at_work import lender as lender
from tests.workflows.people import earner
from web.proposals import FIELDS

DEFERRAL = {"periods": "2", "component": "principal", "reason": "out of work until April"}


def ask(visitor: Visitor, loan: str, name: str, **fields: str) -> tuple[int, str]:
    """Status and words of the answer to a form."""
    page = f"/loans/{loan}/changes/{name}"
    answer = visitor.post(page, seen_at=page, **fields)
    return answer.status_code, words(answer.text)


def test_a_manager_sees_what_a_deferral_comes_to_before_proposing_it(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    manager = come("manager-zhao")
    assert "Deferral" in words(manager.get(f"/loans/{loan}").text)

    status, text = ask(manager, loan, "deferral", act="preview", **DEFERRAL)

    assert status == 200
    assert "Installments left 12 14" in text
    assert "Next installment ¥1,039.43 ¥72.00" in text
    assert "1 person has to agree" in text
    assert "Schedule after the change" in text
    assert "Propose it" in text
    assert procedure.open_tasks(loan) == []


def test_each_role_finds_the_forms_of_its_own_changes(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    for staff, seen, unseen in (
        ("manager-zhao", "/changes/write_off", "/changes/correction"),
        ("finance-sun", "/changes/correction", "/changes/write_off"),
        ("finance-sun", "/changes/reversal", "/changes/waiver"),
    ):
        html = come(staff).get(f"/loans/{loan}").text
        assert f"/loans/{loan}{seen}" in html
        assert f"/loans/{loan}{unseen}" not in html
    for staff in ("auditor-wei", "admin-gu"):
        assert "/changes/" not in come(staff).get(f"/loans/{loan}").text


@pytest.mark.parametrize("name", [*FIELDS, "reversal"])
def test_every_form_can_be_opened_in_both_languages(come: Come, procedure: Procedure, name: str) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 10_000)
    procedure.advance(loan)
    staff = "finance-sun" if name in ("correction", "reversal") else "manager-zhao"
    for language, heading in (("en", "Propose:"), ("zh", "申请：")):
        html = come(staff, language=language).get(f"/loans/{loan}/changes/{name}").text
        assert heading in words(html)


def test_what_is_wrong_is_said_at_the_field_and_what_was_entered_stays(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    manager = come("manager-zhao")
    status, text = ask(manager, loan, "deferral", act="preview", periods="two", component="", reason="")
    assert status == 422
    for sentence in ("A whole number of installments, 1 or more.", "Choose one of these.", "Write a sentence"):
        assert sentence in text
    page = f"/loans/{loan}/changes/waiver"
    fields = {"act": "propose", "amount": "5", "component": "penalty", "reason": "kept words"}
    answer = manager.post(page, seen_at=page, **fields)
    assert answer.status_code == 422
    assert "At most ¥0.00 can be let off." in words(answer.text)
    assert "kept words" in answer.text


def test_finance_cannot_post_a_form_that_changes_terms(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    status, text = ask(come("finance-sun"), loan, "deferral", act="propose", **DEFERRAL)
    assert status == 403
    assert "Your role may not do this." in text
    assert "propose_change" in procedure.acts(loan)


def test_a_form_that_nobody_has_is_no_page(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    assert come("manager-zhao").get(f"/loans/{loan}/changes/gift").status_code == 404


def test_the_decider_reads_both_sides_beside_the_decision(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    propose(procedure, loan, ChangeKind.DEFERRAL, {"periods": 2, "component": "principal"})
    task = procedure.task(loan, TaskKind.CHANGE)
    risk = come("risk-qian")

    assert "Deferral, ¥12,000.00" in words(risk.get("/inbox").text)
    html = risk.get(f"/tasks/{task.id}").text

    assert "Installments left 12 14" in words(html)
    assert "agreed with the borrower" in words(html)
    assert 'value="approve"' in html
    assert 'value="return"' not in html


def test_the_decider_is_told_when_a_proposal_is_not_true_any_more(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    propose(procedure, loan, ChangeKind.DEFERRAL, {"periods": 2, "component": "principal"})
    procedure.deposit(loan, 10_000)
    procedure.advance(loan)
    task = procedure.task(loan, TaskKind.CHANGE)

    text = words(come("risk-qian").get(f"/tasks/{task.id}").text)

    assert "The loan has moved on since this was proposed" in text
    assert "Schedule after the change" not in text


def test_the_proposer_finds_no_decision_but_may_take_it_back(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    propose(procedure, loan, ChangeKind.DEFERRAL, {"periods": 2, "component": "principal"}, by=RISK)
    task = procedure.task(loan, TaskKind.CHANGE)
    risk = come("risk-qian")
    assert "another person must decide it" in words(risk.get(f"/tasks/{task.id}").text)
    html = risk.get(f"/loans/{loan}").text
    assert "Take it back" in html
    assert "/changes/waiver" not in html
    assert "Take it back" not in come("manager-zhao").get(f"/loans/{loan}").text


def test_who_writes_off_what_is_not_due_is_told_so_and_so_is_who_decides(come: Come, procedure: Procedure) -> None:
    loan, warning = procedure.running(), "Nobody is late with this loan: what is written off is not even due."
    status, text = ask(come("manager-zhao"), loan, "write_off", act="preview", reason="nothing to be had")
    assert (status, warning in text) == (200, True)
    propose(procedure, loan, ChangeKind.WRITE_OFF)
    decider = words(come("risk-qian").get(f"/tasks/{procedure.task(loan, TaskKind.CHANGE).id}").text)
    assert warning in decider
    assert "Write-off, ¥12,000.00 Nobody is late with this loan" in decider


def test_the_story_and_the_list_tell_of_a_change(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    change(procedure, loan, ChangeKind.WRITE_OFF)
    text = words(come("manager-zhao").get(f"/loans/{loan}").text)
    assert "Proposed: Write-off, ¥12,000.00" in text
    assert "Agreed to the change" in text
    assert "Write-off ¥12,000.00 Made" in text


def test_a_correction_offers_the_payments_that_are_not_reversed(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 12_345)
    procedure.advance(loan)
    finance = come("finance-sun")
    assert "2026-01-05 · 123.45" in finance.get(f"/loans/{loan}/changes/reversal").text
    with procedure.books.read() as work:
        key = work.loans.events(loan)[-1].key
    status, text = ask(finance, loan, "reversal", act="preview", of=key, reason="it belongs to another loan")
    assert status == 200
    assert "Reversal of a payment" in text


def test_a_borrower_asks_for_a_deferral_of_his_own_loan_and_sees_that_it_waits(
    come: Come, procedure: Procedure
) -> None:
    loan = procedure.running()
    borrower = come()
    borrower.sign_in_as_borrower(loan, mobile_of(procedure, loan)[-4:])
    assert f'href="/my/{loan}/deferral"' in borrower.get(f"/my/{loan}").text
    page = f"/my/{loan}/deferral"

    answer = borrower.post(page, seen_at=page, act="preview", periods="2", component="principal")

    assert "Installments left 12 14" in words(answer.text)
    assert "have to agree" not in words(answer.text)
    assert "textarea" not in answer.text
    propose(procedure, loan, ChangeKind.DEFERRAL, {"periods": 2}, by=procedure.borrower_of(loan))
    html = borrower.get(f"/my/{loan}").text
    assert "You asked for a deferral. We decide by 12 Jan 2026." in words(html)
    assert f'href="/my/{loan}/deferral"' not in html


def test_a_borrower_sees_nothing_of_what_is_proposed_behind_him(come: Come, procedure: Procedure) -> None:
    loan, other = procedure.running(), procedure.running()
    borrower = come()
    borrower.sign_in_as_borrower(loan, mobile_of(procedure, loan)[-4:])
    propose(procedure, loan, ChangeKind.WRITE_OFF)
    text = words(borrower.get(f"/my/{loan}").text)
    assert "Write-off" not in text
    assert "You asked for a deferral" not in text
    page = f"/my/{loan}/deferral"
    assert borrower.post(f"/my/{other}/deferral", seen_at=page, act="preview", **DEFERRAL).status_code == 404


def mobile_of(procedure: Procedure, loan: str) -> str:
    """The borrower's mobile, as the form has it."""
    with procedure.books.read() as work:
        return str(work.loans.application(loan).form["mobile"])


def test_a_deferral_is_proposed_and_decided_with_everything_behind_the_pages(lender: Lender) -> None:
    person = earner()
    loan = lender.apply(person)
    manager, risk, borrower = (Visitor(lender.url) for _ in range(3))
    manager.sign_in("manager-zhao")
    risk.sign_in("risk-qian")
    task = task_of(manager, loan)
    lender.complete(loan)
    reason = "income and record are in order"
    manager.post(f"{task}/decision", seen_at=task, outcome="approve", reason=reason)
    borrower.sign_in_as_borrower(loan, person.mobile[-4:])
    lender.sign(borrower, loan)
    eventually(borrower, f"/my/{loan}", "Ask for a deferral")

    page = f"/loans/{loan}/changes/deferral"
    proposed = manager.post(page, seen_at=page, act="propose", **DEFERRAL)
    assert [step.status_code for step in proposed.history] == [303]
    assert "Waits for a decision" in words(proposed.text)
    found = re.search(r'href="(/tasks/[0-9a-f]{32})"', risk.get("/inbox").text)
    assert found is not None
    decided = risk.post(f"{found.group(1)}/decision", seen_at=found.group(1), outcome="approve", reason="agreed")
    assert "Approved" in words(decided.text)
    text = words(manager.get(f"/loans/{loan}").text)
    assert "Deferral ¥6,000.00 Made" in text
    assert "Agreed to the change" in text

    page = f"/my/{loan}/deferral"
    asked = borrower.post(page, seen_at=page, act="propose", **DEFERRAL)
    assert "Thank you. We look at your wish" in words(asked.text)
    assert "asked for by the borrower" in words(manager.get(f"/loans/{loan}").text)
    assert words(manager.get(f"/loans/{loan}").text).count(DEFERRAL["reason"]) == 2
    for visitor in (manager, risk, borrower):
        visitor.close()


def test_of_a_settled_loan_finance_finds_the_reversal_of_its_money_and_nothing_else(
    come: Come, procedure: Procedure
) -> None:
    loan = procedure.running()
    procedure.settle(procedure.prepayment(loan).payment_key or "")
    procedure.advance(loan)
    assert procedure.loan(loan).stage is Stage.SETTLED
    finance = come("finance-sun")

    html = finance.get(f"/loans/{loan}").text
    assert f"/loans/{loan}/changes/reversal" in html
    assert f"/loans/{loan}/changes/correction" not in html
    assert "/changes/" not in come("manager-zhao").get(f"/loans/{loan}").text
    (key,) = [one.key for one in procedure.payments(loan) if one.kind is PaymentKind.PREPAYMENT]
    status, text = ask(finance, loan, "reversal", act="preview", of=key, reason="another payer's money")
    assert (status, "Propose it" in text) == (200, True)
