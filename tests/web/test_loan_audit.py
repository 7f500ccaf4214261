"""The page of a loan's life for auditors: engine, books and bank side by side, a day of the past, replay, evidence."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from books.session import Books
from models.attesting import signing_key
from services.bundle_check import check
from tests.services.audit_log import seal, tamper
from tests.services.procedure import AGENT, Procedure
from tests.services.signatures import all_sign, await_contract
from tests.web import test_at_work
from tests.web.conftest import Come
from tests.web.serving import Visitor, words
from tests.web.test_at_work import Lender, eventually, task_of, watch
from tests.workflows.people import earner
from web import loan_audit

lender = test_at_work.lender
browser = test_at_work.browser


def paid_out_later(procedure: Procedure) -> str:
    """A loan whose acts lie days apart: acts of one instant are one unit of work."""
    loan = procedure.graded()
    procedure.day += timedelta(days=1)
    procedure.decide(loan)
    procedure.day += timedelta(days=1)
    procedure.pay_out(loan)
    return loan


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("The application was entered", "approved by", "Debit Loans to customers", "fit together", "No run of")),
        ("zh", ("提交贷款申请", "审批决定", "贷", "历史记录、账簿与银行一致。", "没有该贷款的运行记录")),
    ],
)
def test_books_audit_log_and_bank_stand_side_by_side(
    come: Come, books: Books, procedure: Procedure, language: str, said: tuple[str, ...]
) -> None:
    loan = paid_out_later(procedure)
    no = seal(books)
    auditor = come("auditor-wei", language=language)

    assert f'href="/audit/loans/{loan}"' in auditor.get(f"/loans/{loan}").text
    assert f'href="/audit/loans/{loan}"' in auditor.get(f"/audit?loan={loan}").text
    page = auditor.get(f"/audit/loans/{loan}")

    assert page.status_code == 200
    shown = words(page.text)
    for one in (*said[:1], *said[3:]):
        assert one in shown
    assert f"loan_paid_out {'seal' if language == 'en' else '封印'}" in shown
    assert str(no) in shown
    (entry,) = re.findall(r'href="(/audit/[0-9a-f]{32})"><code class="lw-reference">loan_paid_out', page.text)
    assert f'href="/audit/loans/{loan}"' in auditor.get(entry).text


@pytest.mark.parametrize("statement", ["UPDATE loan SET stage = 'x'", "UPDATE terms SET body = 'x'"])
def test_a_value_that_nobody_can_read_breaks_no_page(
    come: Come, books: Books, procedure: Procedure, statement: str
) -> None:
    loan = paid_out_later(procedure)
    auditors = {language: come("auditor-wei", language=language) for language in ("en", "zh")}
    tamper(books, statement)
    for language, said in (("en", "A row of the books cannot be read"), ("zh", "账簿中有一行无法读取")):
        page = auditors[language].get(f"/audit/loans/{loan}")
        assert page.status_code == 200
        assert said in words(page.text)


def test_what_does_not_fit_stands_on_top_with_its_kind_in_words(come: Come, books: Books, procedure: Procedure) -> None:
    loan = paid_out_later(procedure)
    seal(books)
    tamper(books, f"UPDATE audit_entry SET reason = 'another' WHERE act = 'loan_paid_out' AND loan = '{loan}'")
    with books.read() as work:
        work.session.expire_all()

    for language, said, badge in (
        ("en", "An audit entry was changed after it was sealed", "Not the sealed one"),
        ("zh", "有一条审计记录在封存后被改动", "与封存时不一致"),
    ):
        shown = words(come("auditor-wei", language=language).get(f"/audit/loans/{loan}").text)
        assert said in shown
        assert badge in shown
        assert shown.index(said) < shown.index("loan_paid_out")


def test_a_day_of_the_past_is_shown_as_the_books_had_it(come: Come, procedure: Procedure) -> None:
    other = procedure.running()
    loan = paid_out_later(procedure)
    auditor = come("auditor-wei")

    first = words(auditor.get(f"/audit/loans/{loan}?as_of=2026-01-05").text)
    assert "At the end of 5 Jan 2026" in first
    assert "Open task Approval" in first
    assert "Outstanding" not in first
    running = words(auditor.get(f"/audit/loans/{other}?as_of=2026-01-05").text)
    assert "Principal outstanding ¥12,000.00" in running
    assert "1001 Bank account -¥12,000.00" in running
    refused = auditor.get(f"/audit/loans/{loan}?as_of=2999-01-01")
    assert refused.status_code == 422
    assert 'aria-describedby="as_of-problem"' in refused.text
    assert "This day is not over yet." in words(refused.text)
    assert auditor.get(f"/audit/loans/{loan}?as_of=nonsense").status_code == 200


def test_a_long_life_is_read_in_pages(come: Come, procedure: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loan_audit, "PAGE", 2)
    loan = paid_out_later(procedure)
    auditor = come("auditor-wei")

    first = auditor.get(f"/audit/loans/{loan}?as_of=2026-01-05").text
    assert "1 to 2 of 3" in words(first)
    assert "Page before" not in first
    (address,) = re.findall(r'href="([^"]+)">Next page', first)
    second = auditor.get(address.replace("&amp;", "&")).text
    assert "3 to 3 of 3" in words(second)
    assert "At the end of 5 Jan 2026" in words(second)
    assert "Next page" not in second
    assert re.findall(r'id="line-(\d+)"', first + second) == ["1", "2", "3"]
    assert "Nothing happened after these lines" in auditor.get(f"/audit/loans/{loan}?after=50").text
    for bad in ("-1", "x", "99999999"):
        assert auditor.get(f"/audit/loans/{loan}?after={bad}").status_code == 404


def test_only_auditors_find_it(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    for who in ("manager-zhao", "risk-qian", "finance-sun", "admin-gu", "agent-lin"):
        visitor = come(who)
        page = visitor.get(f"/loans/{loan}")
        assert "/audit/loans/" not in page.text
        assert visitor.get(f"/audit/loans/{loan}").status_code == 403
        for act in ("replay", "bundle"):
            assert visitor.post(f"/audit/loans/{loan}/{act}", seen_at="/sessions").status_code == 403
    assert come("auditor-wei").get("/audit/loans/L99000001").status_code == 404


def test_what_needs_the_engine_is_refused_on_the_page_while_it_is_away(come: Come, procedure: Procedure) -> None:
    loan = procedure.graded()
    at = f"/audit/loans/{loan}"
    auditor = come("auditor-wei")

    assert "The engine does not answer." in words(auditor.get(at).text)
    nothing = auditor.post(f"{at}/replay", seen_at=at)
    assert (nothing.status_code, "no run yet" in words(nothing.text)) == (409, True)
    away = auditor.post(f"{at}/bundle", seen_at=at)
    assert (away.status_code, "did not answer in time" in words(away.text)) == (503, True)
    assert "The application was entered" in words(away.text)


@pytest.fixture
def at_work(lender: Lender) -> Iterator[tuple[Visitor, str]]:
    """An auditor, and a loan that was paid out by the workflow."""
    person = earner()
    loan = lender.apply(person)
    manager, borrower, auditor = (Visitor(lender.url) for _ in range(3))
    manager.sign_in("manager-zhao")
    task = task_of(manager, loan)
    lender.complete(loan)
    manager.post(f"{task}/decision", seen_at=task, outcome="approve", reason="income and record are in order")
    await_contract(lender.books, loan)
    all_sign(lender.books, loan, AGENT)
    borrower.sign_in_as_borrower(loan, person.mobile[-4:])
    borrower.post(f"/my/{loan}/acceptance", seen_at=f"/my/{loan}")
    auditor.sign_in("auditor-wei")
    eventually(auditor, f"/loans/{loan}", "being repaid")
    yield auditor, loan
    for visitor in (manager, borrower, auditor):
        visitor.close()


def test_an_auditor_replays_a_loan_and_takes_its_evidence_along(
    lender: Lender, at_work: tuple[Visitor, str], tmp_path: Path
) -> None:
    auditor, loan = at_work
    at = f"/audit/loans/{loan}"
    page = auditor.get(at)
    shown = words(page.text)
    # The documents of this test came in by no act.
    kinds = set(re.findall(r'<td class="lw-strong">([^<]+)</td><td class="lw-reference"><code>', page.text))
    assert kinds <= {"A document is not the one that was handed in"}
    assert "activity task scheduled" in shown
    assert "since event" in shown
    assert "Payout ¥" in shown

    replayed = auditor.post(f"{at}/replay", seen_at=at)
    assert replayed.url.path == at
    assert "Every run was executed again" in words(replayed.text)
    assert "The same commands" in words(replayed.text)
    taken = auditor.post(f"{at}/bundle", seen_at=at)
    assert taken.headers["content-type"] == "application/zip"
    assert taken.headers["content-disposition"] == f'attachment; filename="{loan}.zip"'
    file = tmp_path / "loan.zip"
    file.write_bytes(taken.content)
    report = check(file, signing_key().public)
    # The bundle says of them what the page says.
    assert {one.file for one in report.findings} <= {"documents.json"}
    assert report.loan == loan
    with lender.books.read() as work:
        acts = [one.act for one in work.audit.page(limit=1000) if one.actor_id == "auditor-wei"]
    assert {"loan_replayed", "loan_exported"} <= set(acts)


def test_the_page_fits_a_phone_and_breaks_no_rule_of_its_own(
    browser: Browser, lender: Lender, at_work: tuple[Visitor, str]
) -> None:
    _, loan = at_work
    problems: list[str] = []
    for locale, heading in (("en-GB", f"Life of loan {loan}"), ("zh-CN", f"贷款{loan}全程")):
        page = browser.new_context(
            locale=locale, base_url=lender.url, viewport={"width": 390, "height": 844}
        ).new_page()
        watch(page, problems)
        page.goto("/sign-in")
        page.locator('button[value="auditor-wei"]').click()
        page.goto(f"/audit/loans/{loan}?as_of=2026-01-05")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert problems == []
