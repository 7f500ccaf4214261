"""The list of loans and the page of a loan."""

import re

from models.loans import Stage
from models.tasks import Outcome
from tests.services.procedure import RISK, Procedure
from tests.web.conftest import Come
from tests.web.serving import words
from web.loans import PAGE


def test_loans_are_filtered_by_stage_and_product(come: Come, procedure: Procedure) -> None:
    waiting, running, car = procedure.graded(), procedure.running(), procedure.graded("auto")
    visitor = come("risk-qian")

    def found(query: str) -> set[str]:
        return set(re.findall(r"/loans/(L\d+)", visitor.get(f"/loans{query}").text))

    assert found("") == {waiting, running, car}
    assert found("?stage=repayment") == {running}
    assert found("?product=auto") == {car}
    assert found("?stage=approval&product=micro") == {waiting}
    assert found("?stage=nonsense&product=nonsense") == {waiting, running, car}
    assert found("?overdue=yes") == set()


def test_pages_of_loans_follow_each_other_without_gap(come: Come, procedure: Procedure) -> None:
    loans = {procedure.apply() for _ in range(PAGE + 2)}
    visitor = come("risk-qian")

    first = visitor.get("/loans?product=micro")
    following = re.search(r'href="(/loans\?[^"]+)">Next page', first.text)
    assert following is not None
    second = visitor.get(following.group(1).replace("&amp;", "&"))

    seen = [re.findall(r"/loans/(L\d+)", page.text) for page in (first, second)]
    assert [len(page) for page in seen] == [PAGE, 2]
    assert set(seen[0] + seen[1]) == loans


def test_the_page_of_a_running_loan_shows_figures_schedule_payments_and_story(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()

    text = words(come("risk-qian").get(f"/loans/{loan}").text)

    assert "Principal outstanding ¥12,000.00" in text
    assert "Next due 5 Feb 2026, ¥1,039.43" in text
    assert "1 2026-02-05 ¥1,039.43 To come ¥1,039.43 ¥967.43 ¥72.00 ¥11,032.57" in text
    assert "Payout ¥12,000.00 ¥12,000.00 Done" in text
    for sentence in (
        "Applied for ¥12,000.00 over 12 months",
        "Graded A by the rules",
        "Approved ¥12,000.00",
        "Paid out ¥12,000.00",
    ):
        assert sentence in text
    assert "None" not in text
    # In the list of decisions, and in the story with what was waived: no document had been handed in.
    assert "钱若水（演示） Approval Approved ¥12,000.00 income and record are in order" in text
    waived = "although a document was missing or not read income and record are in order"
    assert f"钱若水（演示） Approved ¥12,000.00 {waived}" in text
    assert "已放款12000.00元" in text


def test_the_workflow_of_a_loan_can_be_looked_at(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()

    html = come("risk-qian").get(f"/loans/{loan}").text

    assert f'href="http://temporal.example/namespaces/lender/workflows/loan%2F{loan}"' in html


def test_the_stage_bar_is_sent_again_only_when_the_loan_moved(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    visitor = come("risk-qian")
    html = visitor.get(f"/loans/{loan}").text
    address = re.search(r'hx-get="(/loans/[^"]+/stage\?seen=[^"]+)"', html)
    assert address is not None
    assert 'aria-current="step"' in html

    assert visitor.get(address.group(1)).status_code == 204
    procedure.decide(loan, actor=RISK)
    moved = visitor.get(address.group(1))
    assert moved.headers["hx-trigger-after-settle"] == "loan-moved"
    assert "Contract: The offer waits for the borrower's yes." in words(moved.text)
    assert 'id="announced" hx-swap-oob="innerHTML"' in moved.text
    assert 'id="announced" hx-swap-oob' not in html


def test_the_page_of_a_closed_loan_asks_no_more(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    procedure.decide(loan, Outcome.REFUSE)

    html = come("risk-qian").get(f"/loans/{loan}").text

    assert "every 2s" not in html
    assert "The application was refused." in html
    assert procedure.loan(loan).stage is Stage.REFUSED


def test_a_student_loan_shows_what_the_state_pays(come: Come, procedure: Procedure) -> None:
    loan = procedure.running("student")

    text = words(come("risk-qian").get(f"/loans/{loan}").text)

    assert "Paid by the state" in text
    assert "云川大学 •••• 0002 ¥6,000.00" in text


def test_an_installment_that_the_state_pays_is_not_called_paid_before_its_day(come: Come, procedure: Procedure) -> None:
    text = words(come("risk-qian").get(f"/loans/{procedure.offered('student')}").text)

    assert "2026-02-05 ¥0.00 To come" in text
    assert "¥0.00 Paid" not in text
