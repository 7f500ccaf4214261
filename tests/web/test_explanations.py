"""How the figures of a loan came to be, on the staff's and the borrower's page, with scripts and without."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from models.changes import ChangeKind
from models.customers import PartyRole
from models.messages import StepKind
from models.tasks import TaskKind
from tests.services.limits import cap
from tests.services.procedure import Procedure
from tests.services.proposals import propose
from tests.services.test_others_told import answering
from tests.web.conftest import Come
from tests.web.serving import words
from tests.web.test_at_work import CHROMIUM


@pytest.fixture
def browser(pages: str) -> Iterator[Browser]:  # noqa: ARG001 Playwright holds the thread's event loop, so it comes last
    """Chromium as the machine has it."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


def late(procedure: Procedure) -> str:
    """A microloan of which a part of the first installment was paid."""
    loan = procedure.running()
    procedure.day = date(2026, 2, 5)
    procedure.collect(loan, fen=50_000)
    procedure.advance(loan, StepKind.DUE)
    procedure.day = date(2026, 2, 20)
    procedure.advance(loan, StepKind.OVERDUE)
    return loan


def test_an_installment_is_explained_on_a_page_of_its_own_without_scripts(come: Come, procedure: Procedure) -> None:
    loan = late(procedure)
    visitor = come("risk-qian")
    html = visitor.get(f"/loans/{loan}").text
    assert f'href="/loans/{loan}/schedule/1"' in html

    text = words(visitor.get(f"/loans/{loan}/schedule/1").text)

    assert "How installment 1 came to be" in text
    assert "Interest ¥72.00 Interest 72.00: 2026-01-05 to 2026-02-05: 12,000.00 × 7.2% × 1/12 = 72.000000" in text
    assert "Principal ¥967.43 Principal 967.43: the level payment 1,039.43 less interest 72.00" in text
    assert "Penalty interest ¥" in text
    assert "72.00 of interest was paid on 2026-02-05 by the repayment of 500.00 of 2026-02-05." in text
    assert visitor.get(f"/loans/{loan}/schedule/13").status_code == 404
    row = visitor.get(f"/loans/{loan}/schedule/1", headers={"HX-Request": "true"}).text
    assert row.lstrip().startswith('<tr id="explained-1"')


def test_what_clears_a_loan_is_explained(come: Come, procedure: Procedure) -> None:
    loan = late(procedure)
    visitor = come("risk-qian")
    assert f'href="/loans/{loan}/settlement"' in visitor.get(f"/loans/{loan}").text

    text = words(visitor.get(f"/loans/{loan}/settlement").text)

    assert "Principal not repaid yet: 11,572.00." in text
    assert "Interest of this period up to the day" in text
    assert visitor.get(f"/loans/{procedure.graded()}/settlement").status_code == 409


@pytest.mark.parametrize(
    ("language", "name", "said"),
    [
        ("en", "How installment 2 came to be", "Principal 973.23: the level payment 1,039.43 less interest 66.20"),
        ("zh", "第2期金额的由来", "本金973.23元：每期还款额1,039.43元减去利息66.20元"),
    ],
)
def test_a_borrower_opens_and_closes_a_row_by_keyboard(
    come: Come, procedure: Procedure, pages: str, browser: Browser, language: str, name: str, said: str
) -> None:
    loan = late(procedure)
    visitor = come(language=language)
    assert visitor.sign_in_as_borrower(loan, "0001").status_code == 200
    context = browser.new_context(locale=language)
    context.add_cookies(
        [{"name": one.name, "value": one.value or "", "url": pages} for one in visitor.client.cookies.jar]
    )
    page = context.new_page()
    page.goto(f"{pages}/my/{loan}")

    link = page.get_by_role("link", name=name)
    link.focus()
    page.keyboard.press("Enter")
    opened = page.get_by_text(said)
    expect(opened).to_be_visible()
    assert page.url == f"{pages}/my/{loan}"
    page.locator("#explained-2 summary").focus()
    page.keyboard.press("Enter")
    expect(opened).to_be_hidden()
    context.close()


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Annualised comprehensive cost 7.2% at most 24.0% since 20 Aug 2020 guidance of the supervisors"),
        ("zh", "综合年化成本 7.2% 上限24.0%，自2020年8月20日起 小额贷款公司监管指导"),
    ],
)
def test_who_decides_sees_the_yearly_cost_beside_what_is_allowed(
    come: Come, procedure: Procedure, language: str, said: str
) -> None:
    loan = procedure.graded()
    task = procedure.task(loan, TaskKind.APPROVAL)

    text = words(come("risk-qian", language=language).get(f"/tasks/{task.id}").text)

    assert said in text
    assert "24.0%" not in words(borrower_page(come, procedure.offered(), language))


def borrower_page(come: Come, loan: str, language: str) -> str:
    """The borrower's page, on which no rule of the house stands."""
    visitor = come(language=language)
    assert visitor.sign_in_as_borrower(loan, "0001").status_code == 200
    return visitor.get(f"/my/{loan}").text


def test_an_approval_above_the_cap_is_refused_on_the_page_and_noted(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    task = procedure.task(loan, TaskKind.APPROVAL)
    cap(procedure.books, "7")

    visitor = come("risk-qian")
    at = f"/tasks/{task.id}"
    answer = visitor.post(f"{at}/decision", seen_at=at, outcome="approve", reason="in order", command_id="c1")

    assert answer.status_code == 409
    assert "The loan would cost more a year than the rule in force allows." in words(answer.text)
    with procedure.books.read() as work:
        (noted,) = [entry for entry in work.audit.page() if entry.refused]
    assert (noted.subject, "7.20 % a year" in (noted.reason or "")) == (task.id, True)


def test_a_proposal_shows_the_yearly_cost_before_and_after(come: Come, procedure: Procedure) -> None:
    loan = late(procedure)
    at = f"/loans/{loan}/changes/rate_change"

    page = come("manager-zhao").post(at, seen_at=at, annual_rate_percent="9.6", reason="agreed", act="preview")

    assert "Annualised comprehensive cost 7.2%" in words(page.text)
    assert "guarantors" not in words(page.text)


def test_where_somebody_guarantees_the_loan_the_form_asks_for_his_consent(
    come: Come, procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = answering(procedure, monkeypatch, PartyRole.GUARANTOR)
    visitor = come("manager-zhao")
    at = f"/loans/{loan}/changes/deferral"
    assert "The guarantors agreed in writing on" in words(visitor.get(at).text)

    page = visitor.post(
        at, seen_at=at, periods="1", component="principal", guarantors_agreed_on="2026-03-01", reason="r", act="preview"
    )
    assert "A day up to today." in words(page.text)

    propose(procedure, loan, ChangeKind.DEFERRAL, {"periods": 1, "component": "principal"})
    task = procedure.task(loan, TaskKind.CHANGE)
    seen = words(come("risk-qian").get(f"/tasks/{task.id}").text)
    assert "nobody recorded that they agreed (Civil Code article 695)" in seen
    assert "The guarantors have not agreed" in seen


def test_what_others_were_told_stands_on_the_staffs_page_only(
    come: Come, procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan = answering(procedure, monkeypatch, PartyRole.GUARANTOR)
    procedure.day = date(2026, 2, 9)
    procedure.advance(loan, StepKind.OVERDUE)

    assert "您作为保证人的借款" in come("risk-qian").get(f"/loans/{loan}").text
    own = borrower_page(come, loan, "zh")
    assert "您作为保证人的借款" not in own
    assert "已逾期4天" in own
