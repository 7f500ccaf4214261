"""The pages of the audit log: search, one entry, the state of the chain; for auditors."""

import re
from typing import Any

from sqlalchemy import event

from books.session import Books
from services import audit
from services.audit_chain import waiting
from tests.services.audit_log import SOMEBODY, seal, write
from tests.services.procedure import AGENT, Procedure
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
    assert "The application was decided on Refused approval_decided" in words(page)
    assert "case_graded" not in page
    (address,) = {part.partition('"')[0] for part in page.split('href="') if re.match("/audit/[0-9a-f]{32}", part)}
    entry = words(visitor.get(address).text)
    assert "The application was decided on" in entry
    assert "192.0.2.7" in entry
    assert "no income" in entry
    assert "stage approval" in entry
    assert f"Number {no} " in entry
    assert "case_graded" in visitor.get(f"/audit?loan={loan}&act=case_graded").text
    chinese = come("auditor-wei", language="zh").get("/audit").text
    assert "审计日志" in chinese
    assert "审批决定" in chinese


def test_acts_and_refusals_are_told_in_chinese_beside_what_is_kept(come: Come, procedure: Procedure) -> None:
    loan = procedure.apply(actor=AGENT)
    assert come("agent-tang").get(f"/loans/{loan}").status_code == 404
    assert come("agent-lin").get("/policies").status_code == 403
    auditor = come("auditor-wei", language="zh")
    page = words(auditor.get("/audit").text)
    assert "登录 signed_in" in page
    assert "查看规则 已拒绝 policies" in page
    assert "您的岗位无此权限。 not_allowed:" in page
    english = words(come("auditor-wei").get("/audit").text)
    assert "Somebody signed in signed_in" in english
    assert "Your role may not do this. not_allowed" not in english


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
    assert visitor.get("/audit?actor=risk-qian&from=0001-01-01").text.count("approval_decided") == 50
    assert "No entry is like this" in visitor.get("/audit?actor=nobody&from=nonsense&to=9999-12-31&loan=x").text


def test_who_nobody_can_be_is_no_filter(come: Come, books: Books) -> None:
    write(books)
    visitor = come("auditor-wei")
    statements: list[Any] = []
    event.listen(books.engine, "before_cursor_execute", lambda *call: statements.append(call[3]))

    assert "approval_decided" in visitor.get("/audit?actor=%00").text
    assert r"\x00" not in repr(statements)


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
