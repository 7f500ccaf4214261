"""Proofs of the sealed books on the pages: asked for with a button, told in words, marked where they are too old."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from books.session import Books
from models.proving import AuditVerdict
from services.audit import SYSTEM
from services.audit_findings import FindingKind
from services.proving import FINDINGS_KEPT, keep, prove
from tests.services.audit_log import seal, tamper, write
from tests.web import test_at_work
from tests.web.conftest import Come
from tests.web.serving import words
from tests.web.test_at_work import Lender, watch
from web import labels
from web.language import language

lender = test_at_work.lender
browser = test_at_work.browser
AT = "/audit/verifications"


def proved(books: Books, run: str, ended_at: datetime | None = None, began_at: datetime | None = None) -> AuditVerdict:
    found = prove(books)
    found = replace(found, began_at=began_at or found.began_at)
    with books.begin(ended_at) as work:
        return keep(work, SYSTEM, found, run_id=run, code_version="0+test", day=date(2026, 1, 5))


@pytest.mark.parametrize(
    ("spoken", "said"),
    [
        ("en", ("Audit log and ledger are as they were sealed", "An audit entry was changed", "1 difference", "Whole")),
        ("zh", ("审计日志与账簿均与封存时一致", "日志条目被改动", "1处不符", "完整")),
    ],
)
def test_each_proof_is_told_in_words(come: Come, books: Books, spoken: str, said: tuple[str, ...]) -> None:
    fits, changed_words, counted, whole_words = said
    (changed,) = write(books)
    seal(books)
    whole = proved(books, "run-1")
    auditor = come("auditor-wei", language=spoken)
    assert fits in words(auditor.get(f"{AT}/{whole.id}").text)

    tamper(books, f"UPDATE audit_entry SET reason = 'x' WHERE id = '{changed}'")
    differs = proved(books, "run-2")
    page = auditor.get(f"{AT}/{differs.id}")
    assert changed_words in words(page.text)
    assert f'href="/audit/{changed}"' in page.text
    assert f'href="/tasks/{differs.task_id}"' in page.text
    assert f'href="/audit/{differs.entry_id}"' in page.text
    listed = words(auditor.get(AT).text)
    assert counted in listed
    assert whole_words in listed
    chain = auditor.get("/audit").text.split('id="chain-title"')[1]
    assert f'href="{AT}/{differs.id}"' in chain
    assert counted in words(chain)
    assert auditor.get(f"{AT}/{'f' * 32}").status_code == 404


@pytest.mark.parametrize("spoken", ["en", "zh"])
def test_every_kind_of_finding_has_words(spoken: str) -> None:
    told = {kind: labels.label(kind, "finding", language(spoken)) for kind in FindingKind}
    assert len(set(told.values())) == len(FindingKind)
    assert all(text != kind.value for kind, text in told.items())


def test_what_was_not_proved_for_long_is_marked(come: Come, books: Books) -> None:
    auditor = come("auditor-wei")
    marks = ("More than two days ago", "has not been proved for more than two days")
    assert [mark in words(auditor.get(at).text) for mark, at in zip(marks, ("/audit", AT), strict=True)] == [False] * 2
    write(books)
    seal(books, at=datetime.now(UTC) - timedelta(days=2, minutes=1))
    assert "Proved not yet More than two days ago" in words(auditor.get("/audit").text)
    assert "has not been proved for more than two days" in words(auditor.get(AT).text)
    proved(books, "old", datetime.now(UTC) - timedelta(days=2), began_at=datetime.now(UTC) - timedelta(days=2, hours=1))
    assert [mark in words(auditor.get(at).text) for mark, at in zip(marks, ("/audit", AT), strict=True)] == [True] * 2
    proved(books, "new")
    assert [mark in words(auditor.get(at).text) for mark, at in zip(marks, ("/audit", AT), strict=True)] == [False] * 2


def test_many_differences_are_counted_where_not_all_are_listed(come: Come, books: Books) -> None:
    write(books, FINDINGS_KEPT + 3)
    seal(books)
    tamper(books, "UPDATE audit_entry SET reason = 'x' WHERE act = 'approval_decided'")
    verdict = proved(books, "run-1")
    page = come("auditor-wei").get(f"{AT}/{verdict.id}")
    assert page.text.count("An audit entry was changed") == FINDINGS_KEPT
    assert "3 more are not listed" in words(page.text)


def test_a_long_list_is_read_in_pages(come: Come, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.proving.PAGE", 2)
    made = [proved(books, f"run-{n}").id for n in range(3)]
    auditor = come("auditor-wei")
    first = auditor.get(AT).text
    (address,) = re.findall(r'href="([^"]+)">Next page', first)
    second = auditor.get(address).text
    shown = [re.findall(rf'href="{AT}/([0-9a-f]{{32}})"', page) for page in (first, second)]
    assert shown == [made[:0:-1], made[:1]]
    assert "Next page" not in second


def test_what_is_refused_is_told_on_the_page(come: Come, books: Books) -> None:
    auditor = come("auditor-wei")
    away = auditor.post(AT, seen_at=AT)
    assert (away.status_code, "did not answer in time" in words(away.text)) == (503, True)
    proved(books, "run-1")
    soon = auditor.post(AT, seen_at="/audit")
    assert (soon.status_code, "proved a moment ago" in words(soon.text)) == (429, True)
    assert auditor.client.post(AT).status_code == 403


def test_only_auditors_find_them(come: Come, books: Books) -> None:
    verdict = proved(books, "run-1")
    for who in ("agent-lin", "manager-zhao", "risk-qian", "finance-sun", "admin-gu"):
        visitor = come(who)
        assert [visitor.get(at).status_code for at in (AT, f"{AT}/{verdict.id}")] == [403, 403]
        assert visitor.post(AT, seen_at="/sessions").status_code == 403


@pytest.mark.parametrize(
    ("spoken", "said"),
    [
        ("en", "Audit log or ledger are not as they were sealed (differences: 1, proof "),
        ("zh", "审计日志或账簿与封存时不一致（1处不符，验证编号"),
    ],
)
def test_an_administrator_reads_what_to_do(come: Come, books: Books, spoken: str, said: str) -> None:
    (changed,) = write(books)
    seal(books)
    tamper(books, f"UPDATE audit_entry SET reason = 'x' WHERE id = '{changed}'")
    verdict = proved(books, "run-1")
    page = words(come("admin-gu", language=spoken).get(f"/tasks/{verdict.task_id}").text)
    assert f"{said}{verdict.id}" in page


def test_an_auditor_proves_the_log_in_a_browser(browser: Browser, lender: Lender) -> None:
    write(lender.books)
    seal(lender.books)
    problems: list[str] = []
    said = {
        "en-GB": ("Prove now", "The proof has begun.", "Whole", "Proof of ", "What was proved"),
        "zh-CN": ("立即验证", "验证已开始", "完整", "的验证", "验证范围"),
    }
    for locale, (button, begun, whole, proof, proved_words) in said.items():
        page = browser.new_context(
            locale=locale, base_url=lender.url, viewport={"width": 390, "height": 844}
        ).new_page()
        watch(page, problems)
        page.goto("/sign-in")
        page.locator('button[value="auditor-wei"]').click()
        page.goto("/audit")
        if locale == "en-GB":
            # From here on another one may be asked for only after a pause.
            page.get_by_role("button", name=button).click()
            expect(page.get_by_text(begun)).to_be_visible()
        expect(page.get_by_role("button", name=button)).to_be_visible()
        page.goto(AT)
        for _ in range(100):
            if page.get_by_text(whole, exact=True).count():
                break
            page.wait_for_timeout(100)
            page.reload()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.locator("table a").first.click()
        expect(page.get_by_role("heading", name=proof)).to_be_visible()
        expect(page.get_by_role("heading", name=proved_words)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.goto("/audit")
        expect(page.locator('section[aria-labelledby="chain-title"]').get_by_text(whole, exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert problems == []
    with lender.books.read() as work:
        assert [one.asked_by for one in work.proving.newest(None, 50)] == ["auditor-wei"]
