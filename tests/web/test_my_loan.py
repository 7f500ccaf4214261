"""The borrower's page. The engine is away here: commands that reach it are in test_at_work."""

from datetime import timedelta

import pytest

from models.changes import ChangeKind
from models.messages import StepKind
from models.tasks import Outcome
from services import mandates
from tests.services.procedure import Procedure
from tests.services.proposals import change
from tests.web.conftest import Come
from tests.web.serving import RECEIVING, Visitor, words


def borrower(come: Come, loan: str, language: str = "en") -> Visitor:
    """The borrower of a loan, signed in."""
    visitor = come(language=language)
    assert visitor.sign_in_as_borrower(loan, "0001").status_code == 200
    return visitor


def page(come: Come, loan: str, language: str = "en") -> str:
    """What the borrower's page says."""
    return words(borrower(come, loan, language).get(f"/my/{loan}").text)


def test_an_offer_stands_with_its_figures_and_a_button(come: Come, procedure: Procedure) -> None:
    text = page(come, procedure.offered())

    assert "Your application is approved. We offer you these terms:" in text
    assert "Rate 7.2% a year" in text
    assert "11 × ¥1,039.43, then ¥1,039.42" in text
    assert "To repay in all ¥12,473.15" in text
    assert "The contract is being made." in text
    assert "Withdraw the application" in text


def test_a_smaller_offer_says_that_it_is_smaller(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, amount_fen=800_000)

    assert "You asked for ¥12,000.00. We offer you ¥8,000.00 on these terms:" in page(come, loan)


def test_each_stage_says_what_happens_next(come: Come, procedure: Procedure) -> None:
    assert "We are checking your details" in page(come, procedure.apply())
    assert "decides by 7 Jan 2026" in page(come, procedure.graded())
    running = page(come, procedure.running())
    assert "On 5 Feb 2026 we draw ¥1,039.43 from your account ending in 0001." in running
    assert "Clears the loan today ¥12,000.00" in running


@pytest.mark.parametrize(
    ("language", "reason", "remedy"),
    [
        ("en", "The papers do not show the income", "Apply anew with papers that show your income"),
        ("zh", "收入证明不足或无法核实。", "请提供能证明收入的材料"),
    ],
)
def test_who_was_refused_by_a_person_reads_why_and_what_would_change_it(
    come: Come, procedure: Procedure, language: str, reason: str, remedy: str
) -> None:
    loan, plain = procedure.graded(), procedure.graded()
    procedure.decide(loan, Outcome.REFUSE, reason="the slips are of 2019", reason_codes=("income_not_shown",))
    procedure.decide(plain, Outcome.REFUSE, reason="the slips are of 2019")

    text = page(come, loan, language)
    assert text.index(reason) < text.index("the slips are of 2019") < text.index(remedy)
    # What integrators refuse as before is told in their words.
    told = page(come, plain, language)
    assert "the slips are of 2019" in told
    assert reason not in told


def test_a_case_sent_back_says_what_is_missing(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.RETURN, reason="please hand in the salary slips of the last three months")

    text = page(come, loan)

    assert "please hand in the salary slips of the last three months" in text
    assert "I have handed it in" in text


def test_a_refusal_by_a_person_gives_his_reason(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.REFUSE, reason="the stated income could not be proven")

    text = page(come, loan)

    assert "the stated income could not be proven" in text
    assert "Withdraw" not in text


def test_a_refusal_by_the_rules_gives_theirs_in_the_borrowers_language(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply()
    procedure.verify(loan, bureau={"blacklisted": True})
    procedure.grade(loan)

    assert "The person is on the credit bureau's list of defaulters." in page(come, loan)
    assert "征信显示为失信人员。" in page(come, loan, "zh")


def test_an_overdue_borrower_is_told_what_is_due(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.day += timedelta(days=36)
    procedure.advance(loan, StepKind.OVERDUE)

    text = page(come, loan)

    assert "is overdue." in text
    assert "5 days past due" in text


def test_a_borrower_without_a_mandate_is_told_where_to_transfer_what_is_due(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        mandates.end_all(work, loan, "account_closed")

    text = page(come, loan)

    assert "we draw" not in text
    assert "On 5 Feb 2026 ¥1,039.43 is due. Nothing can be drawn from your account at present." in text
    assert f"Account {RECEIVING.number}" in text
    assert f"Text of the transfer {loan}" in text


def test_a_borrower_is_told_what_his_credit_pays_and_what_is_drawn(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    procedure.deposit(loan, 40_000)
    procedure.advance(loan)
    text = page(come, loan)
    assert "On 5 Feb 2026 we draw ¥639.43" in text
    assert "Credit, used on the next due day ¥400.00" in text

    procedure.deposit(loan, 63_943)
    procedure.advance(loan)
    text = page(come, loan)
    assert "What falls due on 5 Feb 2026 is covered by your credit. Nothing is drawn" in text
    assert "we draw" not in text


def test_a_written_off_loan_says_what_is_still_owed_and_where_to(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    change(procedure, loan, ChangeKind.WRITE_OFF)
    procedure.day += timedelta(days=1)
    procedure.deposit(loan, 30_000)
    procedure.advance(loan)

    text = page(come, loan)

    assert "On 5 Jan 2026 we wrote off ¥12,000.00, which you still owe; ¥300.00 of it has come in since." in text
    assert f"Text of the transfer {loan}" in text
    assert "Written off ¥0.00" in text
    assert "Paid" not in text.replace("Paid out on", "")
    assert "Recovered since ¥300.00" in words(come("manager-zhao").get(f"/loans/{loan}").text)


def test_nothing_of_the_staff_is_on_the_borrowers_page(come: Come, procedure: Procedure) -> None:
    text = page(come, procedure.offered())

    assert "钱若水" not in text
    assert "Inbox" not in text


def test_prepayment_is_confirmed_with_the_figure_of_the_day(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()

    text = words(borrower(come, loan).get(f"/my/{loan}/prepayment").text)

    assert "¥12,000.00" in text
    assert "Pay it back now" in text


def test_a_prepayment_of_a_loan_that_is_not_running_is_refused(come: Come, procedure: Procedure) -> None:
    loan = procedure.offered()

    answer = borrower(come, loan).get(f"/my/{loan}/prepayment")

    assert answer.status_code == 422
    assert "This prepayment cannot be taken" in words(answer.text)


@pytest.mark.parametrize("act", ["acceptance", "completion", "withdrawal", "prepayment"])
def test_a_command_without_the_engine_is_answered_on_the_page(come: Come, procedure: Procedure, act: str) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    visitor = borrower(come, loan)

    answer = visitor.post(f"/my/{loan}/{act}", seen_at=f"/my/{loan}")

    assert answer.status_code == 503
    assert "The system did not answer in time." in words(answer.text)
    fragment = visitor.client.post(
        f"/my/{loan}/{act}", data={"csrf": visitor.token(f"/my/{loan}")}, headers={"HX-Request": "true"}
    )
    assert fragment.status_code == 503
    assert fragment.text.startswith('<div class="alert')


def test_a_borrower_finds_his_other_loans(come: Come, procedure: Procedure) -> None:
    first = procedure.graded()
    with procedure.books.read() as work:
        id_number = work.loans.application(first).form["id_number"]
    second = procedure.graded(id_number=id_number, amount="3000")
    visitor = borrower(come, first)

    assert second in visitor.get(f"/my/{first}").text
    assert visitor.get(f"/my/{second}").status_code == 200


def test_nobody_can_put_words_into_the_pages_mouth(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    visitor = borrower(come, loan)

    assert "Thank you" in visitor.get(f"/my/{loan}?said=acceptance").text
    assert "hello" not in visitor.get(f"/my/{loan}?said=hello").text.split("</main>")[0].split("<main")[1]
