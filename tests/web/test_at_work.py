"""The pages with everything behind them: workflow, worker, registers and bank; with a browser and without scripts."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from books.session import Books
from models.audit import AuditEntry
from models.keys import new_id
from services.applications import Receipt, read_submission, submit
from settings import Settings
from simulators.records import Person
from tests.api.serving import own_namespace
from tests.services.complete_documents import complete_documents
from tests.services.procedure import AGENT
from tests.services.signatures import all_sign, await_contract
from tests.simulators.running import Outside, running_outside
from tests.web.serving import Visitor, hidden, serving, words
from tests.workflows.people import application, earner

PATIENCE_SECONDS = 30
CHROMIUM = "/usr/bin/chromium"


@dataclass
class Lender:
    """A lender at work: the address of its pages, its books, and the world outside."""

    url: str
    books: Books
    outside: Outside

    def apply(self, person: Person) -> str:
        """An agent enters a microloan; the number of the loan."""
        body = {"product": "micro", "form": application("micro", person), "consent": "2026-01"}
        with self.books.begin() as work:
            (receipt,) = submit(work, [read_submission(body, new_id(), AGENT, work.today)])
        assert isinstance(receipt, Receipt)
        return receipt.loan

    def complete(self, loan: str) -> None:
        """Every document that the case needs is handed in, read and found right."""
        with self.books.begin() as work:
            complete_documents(work, loan)

    def code(self, loan: str) -> str:
        """The code that the borrower finds on his phone, as soon as it is there."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            messages = self.outside.answer("GET", f"/sms/messages?about={loan}")
            codes = [found[1] for one in messages if (found := re.search(r"验证码(\d{6})", one["text"]))]
            if codes:
                return str(codes[-1])
            assert time.monotonic() < give_up_at, "no code was sent"
            time.sleep(0.05)

    def sign(self, borrower: Visitor, loan: str) -> httpx.Response:
        """The borrower signs on his page, without scripts; what the page says with the last signature."""
        home = f"/my/{loan}"
        eventually(borrower, home, "Send a code to")
        party = hidden(borrower.get(home).text, "party")
        borrower.post(f"/signing/{loan}/codes", seen_at=home, party=party)
        digest = hidden(borrower.get(home).text, "document_sha256")
        fields = {"party": party, "document_sha256": digest, "code": self.code(loan)}
        return borrower.post(f"/signing/{loan}/signatures", seen_at=home, **fields)


@pytest.fixture
def lender(books: Books, temporal_server: str, tmp_path: Path) -> Iterator[Lender]:
    """Pages, worker and outside world, all this test's own."""
    with running_outside(tmp_path / "outside") as outside:
        settings = Settings(
            temporal_address=temporal_server,
            temporal_namespace=own_namespace(temporal_server),
            outside_url=outside.url,
        )
        with serving(books, settings, with_worker=True) as url:
            yield Lender(url, books, outside)


@pytest.fixture
def browser(lender: Lender) -> Iterator[Browser]:  # noqa: ARG001 Playwright holds the thread's event loop, so it comes last
    """Chromium as the machine has it."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


def eventually(visitor: Visitor, path: str, wanted: str) -> str:
    """The words of a page once they contain what is waited for."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while wanted not in (text := words(visitor.get(path).text)):
        assert time.monotonic() < give_up_at, f"{wanted!r} did not appear: {text}"
        time.sleep(0.2)
    return text


def task_of(visitor: Visitor, loan: str) -> str:
    """The address of the task that a loan waits for."""
    eventually(visitor, f"/loans/{loan}", "Open the task")
    found = re.search(r'href="(/tasks/[0-9a-f]{32})"', visitor.get(f"/loans/{loan}").text)
    assert found is not None
    return found.group(1)


def entries(lender: Lender, loan: str) -> list[AuditEntry]:
    """The loan's audit log."""
    with lender.books.read() as work:
        return work.audit.of_loan(loan)


def test_a_loan_goes_from_inbox_to_settlement_without_scripts(lender: Lender) -> None:
    person = earner()
    loan = lender.apply(person)
    manager, borrower = Visitor(lender.url), Visitor(lender.url)
    manager.sign_in("manager-zhao")
    task = task_of(manager, loan)
    lender.complete(loan)

    decided = manager.post(
        f"{task}/decision", seen_at=task, outcome="approve", reason="income and record are in order", amount="5,000"
    )
    assert [step.status_code for step in decided.history] == [303]
    assert "Approved 赵明远（演示）" in words(decided.text)

    borrower.sign_in_as_borrower(loan, person.mobile[-4:])
    early = borrower.post(f"/my/{loan}/acceptance", seen_at=f"/my/{loan}")
    assert (early.status_code, "Not everybody has signed" in words(early.text)) == (409, True)
    accepted = lender.sign(borrower, loan)
    assert [step.status_code for step in accepted.history] == [303]
    assert "contract_accepted" in {entry.act for entry in entries(lender, loan)}
    eventually(borrower, f"/my/{loan}", "Pay everything back now")
    again = borrower.post(f"/my/{loan}/acceptance", seen_at=f"/my/{loan}")
    assert again.status_code == 409
    assert "The loan has moved on" in words(again.text)
    late = borrower.post(f"/my/{loan}/withdrawal", seen_at=f"/my/{loan}")
    assert late.status_code == 409

    part = borrower.post(f"/my/{loan}/prepayment", seen_at=f"/my/{loan}/quotes", amount="1000.00", effect="reduce_term")
    assert "Principal outstanding ¥4,000.00" in words(part.text)
    paid = borrower.post(f"/my/{loan}/prepayment", seen_at=f"/my/{loan}/prepayment")
    assert "Your loan is settled." in words(paid.text)
    moved = words(manager.get(f"/loans/{loan}").text)
    assert "Prepayment ¥1,000.00" in moved
    assert "Prepayment ¥4,000.00" in moved
    refused = [(entry.act, entry.role) for entry in entries(lender, loan) if entry.refused]
    assert refused == [("acceptance", "borrower"), ("acceptance", "borrower"), ("withdrawal", "borrower")]
    assert "Settlement certificate (PDF)" in eventually(borrower, f"/my/{loan}", "Settlement certificate (PDF)")
    for visitor in (manager, borrower):
        visitor.close()


def test_one_id_for_two_acts_is_two_commands(lender: Lender) -> None:
    person = earner()
    loan = lender.apply(person)
    manager, borrower = Visitor(lender.url), Visitor(lender.url)
    manager.sign_in("manager-zhao")
    task = task_of(manager, loan)
    lender.complete(loan)
    manager.post(f"{task}/decision", seen_at=task, outcome="approve", reason="in order", command_id="one")
    borrower.sign_in_as_borrower(loan, person.mobile[-4:])
    await_contract(lender.books, loan)
    all_sign(lender.books, loan, AGENT)

    for _ in range(2):
        accepted = borrower.post(f"/my/{loan}/acceptance", seen_at=f"/my/{loan}", command_id="one")
        assert "Thank you. The contract is accepted" in words(accepted.text)
    eventually(borrower, f"/my/{loan}", "Pay everything back now")
    # By now another run of the loan's workflow answers: only the books can know the form again.
    again = borrower.post(f"/my/{loan}/acceptance", seen_at=f"/my/{loan}", command_id="one")
    assert "Thank you. The contract is accepted" in words(again.text)
    for _ in range(2):
        paid = borrower.post(f"/my/{loan}/prepayment", seen_at=f"/my/{loan}", command_id="one")
        assert paid.status_code == 200
        assert "Your loan is settled." in words(paid.text)
    for visitor in (manager, borrower):
        visitor.close()


def test_a_case_sent_back_is_completed_by_its_agent_and_then_withdrawn(lender: Lender) -> None:
    person = earner()
    loan = lender.apply(person)
    manager, agent, borrower = Visitor(lender.url), Visitor(lender.url), Visitor(lender.url)
    manager.sign_in("manager-zhao")
    task = task_of(manager, loan)
    manager.post(f"{task}/decision", seen_at=task, outcome="return", reason="the salary slips are missing")

    agent.sign_in("agent-lin")
    completion = task_of(agent, loan)
    assert completion != task
    agent.post(f"{completion}/completion", seen_at=completion, reason="they are in now")
    eventually(agent, f"/loans/{loan}", "The case is graded and waits for a decision.")

    borrower.sign_in_as_borrower(loan, person.mobile[-4:])
    withdrawn = borrower.post(f"/my/{loan}/withdrawal", seen_at=f"/my/{loan}/withdrawal")
    assert "Your application is withdrawn." in words(withdrawn.text)
    for visitor in (manager, agent, borrower):
        visitor.close()


@dataclass(frozen=True)
class Said:
    """What the pages say in one language; the browser test finds everything by these words and by role."""

    locale: str
    inbox: str
    approval: str
    stage_bar: str
    waits: str
    choose: str
    approve: str
    reason: str
    decide: str
    approved: str
    number: str
    digits: str
    see: str
    offered: str
    send: str
    code: str
    sign: str
    repaying: str
    schedule: str
    prepay: str
    confirm: str
    settled: str


ENGLISH = Said(
    locale="en-GB",
    inbox="Inbox",
    approval="Approval",
    stage_bar="Stage of the loan",
    waits="The case is graded and waits for a decision.",
    choose="Choose one of these.",
    approve="Approve",
    reason="Reason",
    decide="Decide",
    approved="Approved",
    number="Loan number",
    digits="Last four digits of the mobile number",
    see="See my loan",
    offered="The offer waits for the borrower's yes.",
    send="Send a code to",
    code="Code from the message to",
    sign="Sign",
    repaying="The money is paid out and the loan is being repaid.",
    schedule="Repayment schedule",
    prepay="Pay everything back now",
    confirm="Pay it back now",
    settled="The loan is settled. Nothing is owed any more.",
)
CHINESE = Said(
    locale="zh-CN",
    inbox="待办",
    approval="审批",
    stage_bar="贷款进度",
    waits="已完成评级，等待审批。",
    choose="请选择一项。",
    approve="同意",
    reason="理由",
    decide="提交决定",
    approved="已同意",
    number="贷款编号",
    digits="手机号后四位",
    see="查看我的贷款",
    offered="等待借款人确认合同。",
    send="发送验证码至",
    code="的验证码",
    sign="签署",
    repaying="已放款，正在还款。",
    schedule="还款计划",
    prepay="提前结清",
    confirm="立即结清",
    settled="贷款已结清，无任何欠款。",
)


@pytest.mark.parametrize("said", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_a_manager_and_a_borrower_take_a_loan_through_in_the_browser(
    lender: Lender, browser: Browser, said: Said
) -> None:
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    problems: list[str] = []
    person = earner()

    def open_browser() -> Page:
        page = browser.new_context(locale=said.locale, base_url=lender.url).new_page()
        watch(page, problems)
        page.goto("/sign-in")
        return page

    manager = open_browser()
    manager.get_by_role("button", name=re.compile("赵明远")).click()
    manager.get_by_role("link", name=said.inbox, exact=True).click()
    # Entered while the inbox is open: the list brings it by itself.
    loan = lender.apply(person)
    row = manager.get_by_role("row").filter(has_text=loan)
    expect(row).to_be_visible()
    lender.complete(loan)
    row.get_by_role("link", name=said.approval).focus()
    row.get_by_role("link", name=said.approval).press("Enter")

    watcher = manager.context.new_page()
    watch(watcher, problems)
    watcher.goto(f"/loans/{loan}")
    bar = watcher.get_by_role("region", name=said.stage_bar)
    expect(bar).to_contain_text(said.waits)

    manager.get_by_role("button", name=said.decide).click()
    expect(manager.get_by_text(said.choose)).to_be_visible()
    expect(manager.get_by_role("radio", name=said.approve)).to_be_focused()
    manager.get_by_role("radio", name=said.approve).press("Space")
    manager.get_by_role("textbox", name=said.reason).fill("income and record are in order / 收入稳定")
    manager.get_by_role("button", name=said.decide).click()
    expect(manager.get_by_role("status").filter(has_text=said.approved)).to_be_focused()
    # Nobody takes a task that is decided.
    expect(manager.locator("form[action$='/claim']")).to_have_count(0)
    expect(bar).to_contain_text(said.offered)
    expect(watcher.get_by_role("status").filter(has_text=said.offered)).to_have_count(1)

    borrower = open_browser()
    borrower.get_by_label(said.number).fill(loan)
    borrower.get_by_label(said.digits).fill(person.mobile[-4:])
    borrower.get_by_role("button", name=said.see).click()
    borrower.get_by_role("button", name=said.send).press("Enter")
    expect(borrower.get_by_label(said.code)).to_be_focused()
    borrower.get_by_label(said.code).fill(lender.code(loan))
    borrower.get_by_role("button", name=said.sign, exact=True).press("Enter")
    mine = borrower.get_by_role("region", name=said.stage_bar)
    expect(mine).to_contain_text(said.repaying)
    expect(bar).to_contain_text(said.repaying)
    for page in (borrower, watcher):
        expect(page.get_by_role("table", name=said.schedule).get_by_role("row")).to_have_count(7)

    borrower.get_by_role("link", name=said.prepay).click()
    borrower.get_by_role("button", name=said.confirm).click()
    expect(mine).to_contain_text(said.settled)
    expect(bar).to_contain_text(said.settled)

    assert [problem for problem in problems if "status of 422" not in problem] == []
    for page in (manager, borrower):
        page.context.close()


def watch(page: Page, problems: list[str]) -> None:
    """Notes every error that the browser reports; a refused form is one to Chromium, and the test refuses one."""
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
