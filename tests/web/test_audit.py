"""The pages of the audit log: search, one entry, the state of the chain; for auditors."""

from books.session import Books
from services import audit
from services.audit_chain import waiting
from tests.services.audit_log import SOMEBODY, seal, write
from tests.services.procedure import Procedure
from tests.web.conftest import Come
from tests.web.serving import words


def test_an_auditor_finds_an_entry_and_its_seal(come: Come, books: Books, procedure: Procedure) -> None:
    loan = procedure.graded()
    with books.begin() as work:
        audit.record(
            work,
            SOMEBODY,
            "approval_decided",
            loan=loan,
            before={"stage": "approval"},
            reason="no income",
            refused=True,
        )
    no = seal(books)
    visitor = come("auditor-wei")

    assert 'href="/audit"' in visitor.get("/").text
    page = visitor.get(f"/audit?loan={loan}&outcome=refused").text
    assert "approval_decided Refused" in words(page)
    assert "case_graded" not in page
    (address,) = {part.partition('"')[0] for part in page.split('href="') if part.startswith("/audit/")}
    entry = words(visitor.get(address).text)
    assert "192.0.2.7" in entry
    assert "no income" in entry
    assert "stage approval" in entry
    assert f"Number {no} " in entry
    assert "case_graded" in visitor.get(f"/audit?loan={loan}&act=case_graded").text
    assert "审计日志" in come("auditor-wei", language="zh").get("/audit").text


def test_entries_that_wait_are_told_and_a_long_log_is_read_in_pages(come: Come, books: Books) -> None:
    seal(books)
    write(books, 60)
    visitor = come("auditor-wei")
    with books.read() as work:
        count = waiting(work).count

    first = visitor.get("/audit?actor=risk-qian").text
    assert count >= 60
    assert f"Entries not sealed yet {count} · the oldest of " in words(first)
    assert "Not sealed yet" in words(first)
    (address,) = {part.partition('"')[0] for part in first.split('href="') if "after=" in part.partition('"')[0]}
    second = visitor.get(address.replace("&amp;", "&")).text
    assert second.count("approval_decided") == 10
    assert "Next page" not in second
    assert "No entry is like this" in visitor.get("/audit?actor=nobody&from=nonsense&to=9999-12-31&loan=x").text


def test_the_file_is_the_whole_search_and_is_written_down(come: Come, books: Books) -> None:
    write(books, 60)
    answer = come("auditor-wei").get("/audit.csv?actor=risk-qian")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(answer.text.splitlines()) == 61
    with books.read() as work:
        newest = work.audit.page(limit=1000)[-1]
    assert (newest.act, newest.actor_id, newest.after) == ("audit_exported", "auditor-wei", {"actor_id": "risk-qian"})


def test_other_lists_that_are_taken_out_are_written_down_as_well(come: Come, books: Books) -> None:
    assert come("auditor-wei").get("/warnings.csv?month=2026-01").status_code == 200
    with books.read() as work:
        newest = work.audit.page(limit=1000)[-1]
    assert (newest.act, newest.actor_id) == ("warnings_exported", "auditor-wei")
    assert (newest.after or {})["month"] == "2026-01"


def test_only_auditors_find_the_log(come: Come, books: Books) -> None:
    (entry,) = write(books)
    for who in ("manager-zhao", "risk-qian", "finance-sun", "admin-gu"):
        visitor = come(who)
        assert 'href="/audit"' not in visitor.get("/").text
        for path in ("/audit", "/audit.csv", f"/audit/{entry}"):
            assert visitor.get(path).status_code == 403
    assert come("auditor-wei").get(f"/audit/{'0' * 32}").status_code == 404
