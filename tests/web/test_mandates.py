"""The mandate for a changed account on the borrower's page and at the agent's desk, with scripts and without."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from sqlmodel import col, select

from models.signatures import SigningCode
from models.tasks import TaskKind
from services import account_changes, mandate_papers
from tests.services.accounts import answer_change
from tests.services.procedure import MANAGER, RISK, Procedure
from tests.web.conftest import Come
from tests.web.serving import Visitor, hidden, words
from tests.web.test_at_work import CHROMIUM, watch

HTMX = {"HX-Request": "true"}
NEW = "6230000000000000011"


def changed(procedure: Procedure) -> str:
    """A running loan whose account two people have changed: its mandate waits for the borrower's signature."""
    loan = procedure.running()
    procedure.own(loan, "agent-lin")
    with procedure.at() as work:
        row, party = work.loans.get(loan), work.customers.borrower(loan)
        account_changes.propose(work, MANAGER, row, party.id, NEW, "a new card", consent="2026-01")
    with procedure.at() as work:
        answer_change(work, loan)
    task = procedure.task(loan, TaskKind.ACCOUNT_CHANGE)
    with procedure.at() as work:
        for signature in work.signatures.of_loan(loan):
            # The code for the contract was asked for long ago: another one may be sent at once.
            code = work.session.get_one(SigningCode, signature.signing_code_id)
            code.asked_at -= timedelta(days=30)
            work.session.add(code)
        account_changes.decide(work, RISK, work.tasks.get(task.id), confirmed=True, reason="called him back")
    return loan


class Waiting:
    """A mandate that waits, and who visits it: the borrower on his page, or `staff` at the desk."""

    def __init__(self, come: Come, procedure: Procedure, staff: str | None = None, language: str = "en") -> None:
        self.procedure = procedure
        self.loan = changed(procedure)
        with procedure.books.read() as work:
            paper = mandate_papers.waiting_paper(work, work.loans.get(self.loan))
            assert paper is not None
            self.sha256 = paper.sha256
        self.home = f"/loans/{self.loan}/accounts" if staff else f"/my/{self.loan}/mandate"
        self.visitor: Visitor = come(staff, language=language)
        if staff is None:
            self.visitor.sign_in_as_borrower(self.loan, "0001")

    def page(self) -> str:
        """The markup of the page on which it is signed."""
        return self.visitor.get(self.home).text

    def ask(self, **headers: str) -> tuple[int, str]:
        """Asks for a code; status and markup of the answer."""
        return self._post("codes", {}, headers)

    def enter(self, code: str, **headers: str) -> tuple[int, str]:
        """Enters a code; status and markup of the answer."""
        return self._post("signatures", {"code": code, "document_sha256": self.sha256}, headers)

    def newest(self) -> SigningCode:
        """The code that was sent last."""
        with self.procedure.books.read() as work:
            query = select(SigningCode).where(SigningCode.loan == self.loan).order_by(col(SigningCode.id).desc())
            found = work.session.exec(query).first()
        assert found is not None
        return found

    def wrong(self) -> str:
        """Six digits that are not those of the code."""
        return f"{(int(self.newest().code or '') + 1) % 1_000_000:06d}"

    def lapse(self, **values: object) -> None:
        """Makes the newest code one of another time, or one that was tried before."""
        with self.procedure.books.begin() as work:
            code = work.session.get_one(SigningCode, self.newest().id)
            for name, value in values.items():
                setattr(code, name, value)
            work.session.add(code)

    def _post(self, act: str, fields: dict[str, str], headers: dict[str, str]) -> tuple[int, str]:
        html = self.page()
        sent = self.visitor.client.post(
            f"/mandates/{self.loan}/{act}",
            data=fields | {"csrf": hidden(html, "csrf"), "party": hidden(html, "party")},
            headers=headers,
        )
        return sent.status_code, sent.text


@pytest.mark.parametrize(
    ("language", "waits", "read", "thanks"),
    [
        ("en", "A mandate waits for your signature", "Read and sign the mandate", "The mandate is signed"),
        ("zh", "有一份扣款授权书等待您签署", "阅读并签署授权书", "授权书已签署"),
    ],
)
def test_the_borrower_finds_reads_and_signs_his_mandate_without_scripts(
    come: Come, procedure: Procedure, language: str, waits: str, read: str, thanks: str
) -> None:
    desk = Waiting(come, procedure, language=language)
    loan_page = desk.visitor.get(f"/my/{desk.loan}").text
    assert waits in words(loan_page)
    assert read in words(loan_page)
    assert f'href="{desk.home}"' in loan_page
    # Until he signs, nothing is drawn on the due date: the page must not say so.
    assert "we draw" not in words(loan_page)
    assert "扣款¥1,039.43" not in words(loan_page)
    text = words(desk.page())
    assert "委托扣款授权书" in text
    assert NEW[-4:] in text
    assert NEW not in text

    status, html = desk.ask()
    assert (status, "199****0001" in html) == (200, True)
    status, html = desk.enter(desk.newest().code or "")
    assert (status, thanks in words(html)) == (200, True)
    assert waits not in words(html)
    with procedure.books.read() as work:
        assert [one.source for one in work.accounts.mandates(desk.loan)] == ["contract", "paper"]
    # Nothing waits any more: the address leads back to the loan.
    assert desk.visitor.get(desk.home).url.path == f"/my/{desk.loan}"


@pytest.mark.parametrize("staff", [None, "agent-lin"])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_refused_code_is_told_at_its_field(
    come: Come, procedure: Procedure, staff: str | None, headers: dict[str, str]
) -> None:
    desk = Waiting(come, procedure, staff)
    desk.ask()
    at_field = 'aria-invalid="true" aria-describedby="code-'
    for code, status, sentence in (
        ("12345", 422, "A code has six digits."),
        (desk.wrong(), 409, "That is not the code that was sent."),
    ):
        answered, html = desk.enter(code, **headers)
        assert (answered, at_field in html, sentence in words(html)) == (status, True, True)
        assert html.count("<h1") == (0 if headers else 1)
    desk.lapse(tries=5)
    answered, html = desk.enter(desk.wrong(), **headers)
    assert (answered, at_field in html, "entered wrongly too often" in words(html)) == (409, True, True)
    desk.lapse(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    answered, html = desk.enter(desk.newest().code or "", **headers)
    assert (answered, "This code is not good any more." in words(html)) == (409, True)
    # There is no field any more: the sentence belongs to the button that sends a new code.
    assert 'name="code"' not in html
    assert 'class="btn btn-primary" aria-describedby="code-' in html
    answered, html = desk.ask(**headers)
    assert (answered, "A code was sent a moment ago." in words(html)) == (429, True)


def test_another_borrower_and_who_only_looks_on_sign_no_mandate(come: Come, procedure: Procedure) -> None:
    desk = Waiting(come, procedure)
    desk.ask()
    stranger = Waiting(come, procedure)
    fields = {"code": desk.newest().code or "", "document_sha256": desk.sha256}
    assert stranger.visitor.get(f"/my/{desk.loan}/mandate").status_code == 404
    for act in ("codes", "signatures"):
        sent = stranger.visitor.post(f"/mandates/{desk.loan}/{act}", seen_at=stranger.home, **fields)
        assert sent.status_code == 404
    for who, reads_it in (("finance-sun", True), ("auditor-wei", False)):
        looking_on = come(who)
        page = looking_on.get(f"/loans/{desk.loan}/accounts").text
        # Its text names the borrower.
        assert ("委托扣款授权书" in page) is reads_it
        assert "/mandates/" not in page
        assert looking_on.post(f"/mandates/{desk.loan}/signatures", seen_at="/", **fields).status_code == 403
    with procedure.books.read() as work:
        assert len(work.accounts.mandates(desk.loan)) == 1


def test_without_a_mandate_that_waits_nothing_is_signed(come: Come, procedure: Procedure) -> None:
    loan = procedure.running()
    visitor = come()
    visitor.sign_in_as_borrower(loan, "0001")
    assert "A mandate waits" not in words(visitor.get(f"/my/{loan}").text)
    for act in ("codes", "signatures"):
        answer = visitor.post(f"/mandates/{loan}/{act}", seen_at=f"/my/{loan}", code="123456")
        assert (answer.status_code, "No mandate waits for a signature." in words(answer.text)) == (409, True)


@pytest.fixture
def browser(pages: str) -> Iterator[Browser]:  # noqa: ARG001 Playwright holds the thread's event loop, so it comes last
    """Chromium as the machine has it."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


def test_by_keyboard_alone_a_wrong_code_is_mended_and_the_mandate_signed(
    browser: Browser, pages: str, come: Come, procedure: Procedure
) -> None:
    desk = Waiting(come, procedure)
    problems: list[str] = []
    page = browser.new_context(locale="en-GB", base_url=pages, viewport={"width": 390, "height": 844}).new_page()
    watch(page, problems)
    page.goto("/sign-in")
    page.get_by_label("Loan number").fill(desk.loan)
    page.get_by_label("Last four digits of the mobile number").fill("0001")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Read and sign the mandate").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign the mandate to debit")
    page.get_by_role("button", name="Send a code to").press("Enter")
    field = page.get_by_label("Code from the message to")
    expect(field).to_be_focused()
    page.keyboard.type(desk.wrong())
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(re.compile("That is not the code that was sent."))
    page.keyboard.type(desk.newest().code or "")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="The mandate is signed")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert [problem for problem in problems if "status of 409" not in problem] == []
    page.context.close()
