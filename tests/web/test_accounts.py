"""The page of a loan's accounts: another one that two people agree on, and its mandate signed at the desk."""

from datetime import UTC, datetime, timedelta

from books.session import Books
from models.tasks import TaskKind
from services import mandate_papers
from tests.services.accounts import answer_change, check_account
from tests.services.procedure import INTEGRATOR, Procedure
from tests.web.conftest import Come
from tests.web.serving import words

NEW = "6230000000000000011"


def test_the_approver_sees_whether_the_account_is_the_borrowers(come: Come, procedure: Procedure) -> None:
    applied = procedure.apply()
    assert "Not answered yet" in words(come("manager-zhao").get(f"/loans/{applied}").text)
    with procedure.at() as work:
        check_account(work, applied)
    assert "Belongs to him" in words(come("manager-zhao").get(f"/loans/{applied}").text)


def test_two_people_change_an_account_and_the_borrower_signs_its_mandate(
    come: Come, books: Books, procedure: Procedure
) -> None:
    loan = procedure.running()
    page = f"/loans/{loan}/accounts"
    with books.read() as work:
        borrower = work.customers.borrower(loan)
    first, second = come("manager-zhao"), come("risk-qian")
    asked = {"party": borrower.id, "account": "6230 0000 0000 0000 011", "reason": "a new card", "consent": "2026-01"}
    answer = first.post(f"{page}/proposal", seen_at=page, **asked)
    assert (answer.url.path, "proposes the account •••• 0011" in words(answer.text)) == (page, True)
    assert NEW not in answer.text
    task = procedure.task(loan, TaskKind.ACCOUNT_CHANGE).id
    assert "See the accounts" in words(second.get(f"/tasks/{task}").text)

    verdict = {"verdict": "confirm", "reason": "called him back"}
    early = second.post(f"/tasks/{task}/account-verdict", seen_at=page, **verdict)
    assert (early.status_code, "not checked yet" in words(early.text)) == (409, True)
    with books.begin() as work:
        answer_change(work, loan)
    own = first.post(f"/tasks/{task}/account-verdict", seen_at=page, **verdict)
    assert own.status_code == 403
    changed = words(second.post(f"/tasks/{task}/account-verdict", seen_at=page, **verdict).text)
    for said in ("•••• 0011", "Confirmed", "A mandate waits", "委托扣款授权书", "another account took its place"):
        assert said in changed

    with books.begin(datetime.now(UTC) + timedelta(minutes=2)) as work:
        code = mandate_papers.request_code(work, INTEGRATOR, work.loans.get(loan)).code
        paper = mandate_papers.waiting_paper(work, work.loans.get(loan))
    assert paper is not None
    signed = {"code": code or "", "document_sha256": paper.sha256}
    answer = first.post(f"/mandates/{loan}/signatures", seen_at=page, **signed)
    assert "On its way to the bank" in words(answer.text)


def test_a_page_without_a_right_to_propose_has_no_form(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    text = words(come("auditor-wei").get(f"/loans/{loan}/accounts").text)
    assert "In force" in text
    assert "New account" not in text
