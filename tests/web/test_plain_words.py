"""What a person who has never seen the pages needs to read on them to know what happened and what to do next."""

import re

import pytest

from books.behaviour import NOT_SCORED
from models.accounts import CardResult
from models.changes import ChangeKind
from models.loans import Stage
from models.tasks import Outcome, TaskKind
from services import accounts, audit
from tests.services.procedure import Procedure
from tests.services.proposals import OTHER_FINANCE, change, propose
from tests.web.conftest import Come
from tests.web.serving import words
from web.language import language
from web.matters import matter

DEFERRAL = {"periods": 2, "component": "principal"}


def main_of(html: str) -> str:
    """The part of a page below its head."""
    return html.split("<main", 1)[1].split("</main>", 1)[0]


def transferred(procedure: Procedure) -> tuple[str, str]:
    """A running loan with a booked transfer of 123.45, and the key of that money."""
    loan = procedure.running()
    procedure.deposit(loan, 12_345)
    procedure.advance(loan)
    with procedure.books.read() as work:
        return loan, work.loans.events(loan)[-1].key


def test_a_case_that_was_sent_back_says_where_to_hand_in_what_is_missing(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.RETURN, reason="the proof of income is missing")
    borrower = come()
    borrower.sign_in_as_borrower(loan, "0001")

    next_step = borrower.get(f"/my/{loan}").text.split('id="papers"')[0]
    assert f'href="/my/{loan}/documents"' in next_step
    first = come("manager-zhao").get(f"/loans/{loan}").text.split('id="transactions-title"')[0]
    task = procedure.task(loan, TaskKind.COMPLETION)
    for html in (first, come("manager-zhao").get(f"/tasks/{task.id}").text):
        assert re.search(rf'href="/loans/{loan}/documents">See and hand in documents', html)
    assert "See and hand in documents" not in come("auditor-wei").get(f"/loans/{loan}").text


@pytest.mark.parametrize(
    ("spoken", "in_the_list", "on_the_task"),
    [("en", "Borrower", "Proposed by the borrower on"), ("zh", "借款人", "借款人于2026年1月5日提出")],
)
def test_what_the_borrower_asked_for_is_proposed_by_the_borrower(
    come: Come, procedure: Procedure, spoken: str, in_the_list: str, on_the_task: str
) -> None:
    loan = procedure.running()
    borrower = procedure.borrower_of(loan)
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL, by=borrower)
    risk = come("risk-qian", language=spoken)

    listed = risk.get(f"/loans/{loan}").text
    asked = risk.get(f"/tasks/{procedure.task(loan, TaskKind.CHANGE).id}").text

    assert f"{in_the_list} agreed with the borrower" in words(listed)
    assert on_the_task in words(asked)
    assert borrower.id not in main_of(listed) + main_of(asked)


def test_a_reversal_goes_by_its_name_and_marks_the_money_that_it_took_back(come: Come, procedure: Procedure) -> None:
    loan, key = transferred(procedure)
    before = words(come("risk-qian").get(f"/loans/{loan}").text)
    assert "Transfer received ¥123.45 ¥123.45 Done" in before

    propose(procedure, loan, ChangeKind.CORRECTION, {"of": key})
    assert "Reversal of a payment, ¥123.45" in words(come("finance-zhou").get("/inbox").text)
    procedure.decide(loan, kind=TaskKind.CHANGE, actor=OTHER_FINANCE)
    text = words(come("risk-qian").get(f"/loans/{loan}").text)

    assert "Transfer received ¥123.45 ¥123.45 Reversed" in text
    assert "Reversal of a payment ¥123.45 Made" in text
    assert "Proposed: Reversal of a payment, ¥123.45" in text
    assert "Reversal of a payment Approved ¥123.45" in text
    assert "posted by hand" not in text


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("cash", "Posting of cash"),
        ("other_account", "Posting of money on another account"),
        ("set_off", "Posting of a set-off"),
        ("court", "Posting of money from the court"),
    ],
)
def test_money_that_came_another_way_says_which(come: Come, procedure: Procedure, channel: str, name: str) -> None:
    loan = procedure.running()
    propose(procedure, loan, ChangeKind.CORRECTION, {"amount": "100.00", "channel": channel})

    finance = come("finance-zhou")
    assert f"{name}, ¥100.00" in words(finance.get("/inbox").text)
    assert f"{name} ¥100.00 Waits for a decision" in words(finance.get(f"/loans/{loan}").text)


def test_a_decision_says_what_it_was_about_and_how_much(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    change(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)

    text = words(come("risk-qian").get(f"/loans/{loan}").text)

    assert "Approval Approved ¥12,000.00 income and record are in order" in text
    assert "Deferral Approved ¥12,000.00" in text


def test_the_story_tells_of_signatures_account_and_mandate(come: Come, procedure: Procedure) -> None:
    text = words(come("risk-qian").get(f"/loans/{procedure.running()}").text)

    assert "The contract was signed: Borrower" in text
    assert "The borrower's account was checked: Belongs to him" in text
    assert "The bank is told of the mandate to debit" in text
    assert "The mandate to debit is in force" in text


def test_the_story_tells_that_a_behaviour_could_not_be_scored(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.books.begin() as work:
        audit.record(work, audit.SYSTEM, NOT_SCORED, loan=loan)

    assert "The borrower's behaviour could not be scored" in words(come("risk-qian").get(f"/loans/{loan}").text)


def test_who_may_see_funds_finds_those_of_a_loan_on_its_page(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()

    for staff, sees in (("finance-sun", True), ("auditor-wei", True), ("manager-zhao", False)):
        assert (f'href="/loans/{loan}/funds"' in come(staff).get(f"/loans/{loan}").text) is sees


def test_a_waiver_of_too_much_says_how_much_there_is(come: Come, procedure: Procedure) -> None:
    page = f"/loans/{procedure.running()}/changes/waiver"
    asked = {"act": "preview", "amount": "99999", "component": "principal", "reason": "agreed"}

    for spoken, said in (("en", "At most ¥12,000.00 can be let off."), ("zh", "最多可减免¥12,000.00。")):
        answer = come("manager-zhao", language=spoken).post(page, seen_at=page, **asked)
        assert (answer.status_code, said in words(answer.text)) == (422, True)


def test_the_reason_of_a_decision_is_said_to_be_needed(come: Come, procedure: Procedure) -> None:
    task = procedure.task(procedure.graded(), TaskKind.APPROVAL)

    assert "Always needed. The borrower reads it" in words(come("manager-zhao").get(f"/tasks/{task.id}").text)


@pytest.mark.parametrize(
    ("code", "english", "chinese"),
    [
        ("account_blocked", "the account is blocked", "账户被冻结"),
        ("bank_zz9", "a reason of the bank's own (bank_zz9)", "银行自定原因（bank_zz9）"),
    ],
)
def test_a_reason_of_the_bank_is_no_raw_code(code: str, english: str, chinese: str) -> None:
    assert matter(f"payout failed: {code}", language("en")) == f"The payout failed: {english}"
    assert matter(f"payout failed: {code}", language("zh")) == f"放款失败：{chinese}"


def test_the_sign_in_promises_only_what_the_pages_offer(come: Come) -> None:
    text = words(come().get("/sign-in").text)

    assert "Completes cases, hands in documents" in text
    assert "Reads loans, tasks and rules" in text
    for absent in ("Enters applications", "people and products"):
        assert absent not in text


def test_the_task_of_a_bad_account_says_what_can_be_done_now(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    with procedure.at() as work:
        accounts.ask_person(work, loan, f"the account was checked: {CardResult.CLOSED}")
    at = f"/tasks/{procedure.task(loan, TaskKind.ACCOUNT).id}"
    manager = come("manager-zhao")

    assert "it can be proposed as soon as the loan is approved" in words(manager.get(at).text)
    procedure.decide(loan)
    assert "or propose another one that the borrower names" in words(manager.get(at).text)


def test_a_task_after_the_approval_names_the_approved_sum(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, amount_fen=800_000)
    procedure.pay_out(loan)
    propose(procedure, loan, ChangeKind.DEFERRAL, DEFERRAL)

    html = come("risk-qian").get(f"/tasks/{procedure.task(loan, TaskKind.CHANGE).id}").text

    assert "¥8,000.00" in words(html.split("</h1>")[1].split("</p>")[0])


def test_a_case_that_the_rules_refuse_has_no_limit_and_no_rate(come: Come, procedure: Procedure) -> None:
    refused = procedure.apply()
    procedure.verify(refused, bureau={"blacklisted": True})
    procedure.grade(refused)
    assert procedure.loan(refused).stage is Stage.REFUSED
    risk = come("risk-qian")

    for loan, shows in ((refused, False), (procedure.graded(), True)):
        grade = words(risk.get(f"/loans/{loan}").text.split('id="grade-title"')[1].split("</section>")[0])
        assert ("Limit" in grade, "Rate" in grade) == (shows, shows)


def test_money_that_was_reversed_and_booked_anew_is_posted_to_suspense_once(come: Come, procedure: Procedure) -> None:
    loan, key = transferred(procedure)
    change(procedure, loan, ChangeKind.CORRECTION, {"of": key})
    with procedure.books.read() as work:
        payment = work.payments.get(key)
        assert payment is not None
        entry = work.payments.entry(payment.bank_reference or "")
        assert entry is not None
        at = f"/tasks/{entry.task_id}"
    come("finance-sun").post(f"{at}/proposal", seen_at=at, kind="to_loan", loan=loan, reason="it is his after all")
    come("finance-zhou").post(f"{at}/verdict", seen_at=at, verdict="confirm", reason="seen")
    procedure.advance(loan)

    text = words(come("finance-sun").get(f"/loans/{loan}/funds").text)

    assert "Unmatched money, booked" in text
    assert text.count("credit Suspense: ¥123.45") == 1
    assert text.count("Debit Suspense") == 1
