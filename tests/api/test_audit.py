"""The audit log by API: for auditors, entry by entry with its seal."""

import csv
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from books.seals import POSTINGS
from books.session import Books
from services import audit
from tests.api.serving import Caller
from tests.services.audit_log import SOMEBODY, seal, write
from tests.services.procedure import Procedure

AUDITOR = "auditor-wei"


def at(instant: datetime) -> str:
    return quote(instant.isoformat())


def test_an_auditor_searches_the_log_and_sees_the_seal_of_each_entry(
    api: Caller, books: Books, procedure: Procedure
) -> None:
    loan = procedure.graded()
    last = seal(books)
    with books.begin() as work:
        audit.record(work, SOMEBODY, "approval_decided", loan=loan, reason="cannot be repaid", refused=True)

    page = api.get(f"/audit/entries?loan={loan}", AUDITOR).json()
    newest, *others = page["items"]
    assert page["next"] is None
    assert (newest["act"], newest["refused"], newest["seal"]) == ("approval_decided", True, None)
    assert (newest["actor_id"], newest["role"], newest["address"]) == ("risk-qian", "risk", "192.0.2.7")
    assert (newest["request_id"], newest["reason"]) == ("req-1", "cannot be repaid")
    assert {one["seal"] for one in others} <= set(range(1, last + 1))
    assert others[-1]["act"] == "application_submitted"

    def acts(query: str) -> list[str]:
        return [one["act"] for one in api.get(f"/audit/entries?{query}", AUDITOR).json()["items"]]

    assert acts(f"loan={loan}&refused=true") == ["approval_decided"]
    assert acts(f"loan={loan}&actor=risk-qian") == ["approval_decided"]
    assert acts(f"loan={loan}&role=integrator") == ["application_submitted"]
    assert acts(f"loan={loan}&act=case_graded") == ["case_graded"]
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    assert len(acts(f"loan={loan}&from={at(now - hour)}&to={at(now + hour)}")) == len(page["items"])
    assert acts(f"loan={loan}&from={at(now + hour)}") == acts(f"loan={loan}&to={at(now - hour)}") == []


def test_the_log_is_read_page_by_page_without_a_gap(api: Caller, books: Books) -> None:
    ids = write(books, 5)
    seen: list[str] = []
    query = ""
    while len(seen) < 5:
        page = api.get(f"/audit/entries?actor=risk-qian&limit=2{query}", AUDITOR).json()
        seen += [one["id"] for one in page["items"]]
        query = f"&after={page['next']}"
    assert seen == ids[::-1]


def test_one_entry_comes_with_its_place_in_the_chain(api: Caller, books: Books) -> None:
    ids = write(books, 3)
    assert api.get(f"/audit/entries/{ids[1]}", AUDITOR).json()["sealed_in"] is None
    no = seal(books)

    shown = api.get(f"/audit/entries/{ids[1]}", AUDITOR).json()
    seals = api.get("/audit/seals", AUDITOR).json()
    chain = api.get("/audit/chain", AUDITOR).json()
    assert shown["sealed_in"] == seals["items"][0] == chain["last_seal"]
    assert (shown["seal"], shown["position"], len(shown["leaf"])) == (no, shown["sealed_in"]["count"] - 2, 64)
    assert (chain["waiting"], chain["oldest_waiting"], chain["deposits"]) == (0, None, [])
    # The posting with which the books were opened.
    assert chain["waiting_postings"] == 1
    of_ledger = seal(books, of=POSTINGS)
    assert api.get("/audit/chain", AUDITOR).json()["waiting_postings"] == 0
    listed = api.get("/audit/seals", AUDITOR).json()["items"]
    assert [(one["no"], one["book"]) for one in listed[:2]] == [(of_ledger, "ledger"), (no, None)]
    unknown = api.get(f"/audit/entries/{'0' * 32}", AUDITOR)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_audit_entry")


def test_seals_are_listed_page_by_page(api: Caller, books: Books) -> None:
    write(books, 4)
    last = seal(books, most=2)
    first = api.get("/audit/seals?limit=1", AUDITOR).json()
    second = api.get(f"/audit/seals?limit=1&after={first['next']}", AUDITOR).json()
    assert [page["items"][0]["no"] for page in (first, second)] == [last, last - 1]
    assert first["items"][0]["previous"] == second["items"][0]["hash"]
    assert api.get(f"/audit/seals?after={first['next']}&limit=1", AUDITOR).json()["items"]


def test_a_file_of_the_log_is_written_down_as_taken_out(api: Caller, books: Books) -> None:
    with books.begin() as work:
        for reason in ("=1+1", '通过, "确认"'):
            audit.record(work, SOMEBODY, "approval_decided", loan="L26000077", after={"stage": "审批"}, reason=reason)
    no = seal(books)

    answer = api.get("/audit/entries.csv?loan=L26000077", AUDITOR)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    export, second, first = csv.DictReader(io.StringIO(answer.text))
    assert (export["act"], export["actor_id"], export["after"]) == ("audit_exported", AUDITOR, '{"loan": "L26000077"}')
    assert (first["reason"], second["reason"]) == ("'=1+1", '通过, "确认"')
    assert (first["after"], first["seal"], export["seal"]) == ('{"stage": "审批"}', str(no), "")


def test_nobody_but_auditors_reads_the_log_and_who_tries_stands_in_it(api: Caller, books: Books) -> None:
    (entry,) = write(books)
    for who in ("manager-zhao", "risk-qian", "finance-sun", "admin-gu", "integrator-demo"):
        for path in ("entries", "entries.csv", f"entries/{entry}", "seals", "chain"):
            answer = api.get(f"/audit/{path}", who)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), (who, path)
    with books.read() as work:
        refused = [one.actor_id for one in work.audit.page(limit=1000) if one.refused]
    assert set(refused) == {"manager-zhao", "risk-qian", "finance-sun", "admin-gu", "integrator-demo"}


def test_what_waits_to_be_sealed_shows_as_a_gauge(api: Caller, books: Books) -> None:
    seal(books)
    write(books, 3)
    lines = api.client.get(f"{api.inner_url}/metrics").text.splitlines()
    assert "loanwright_audit_unsealed 3" in lines
    assert "loanwright_ledger_unsealed 1" in lines
    assert any(line.startswith("loanwright_ledger_unsealed_oldest_seconds ") for line in lines)
    assert any(line.startswith("loanwright_audit_unsealed_oldest_seconds ") for line in lines)


@pytest.mark.parametrize("path", ["/audit/entries", "/audit/entries.csv"])
@pytest.mark.parametrize("asked", [{"from": "0001-01-01T00:00:00+08:00"}, {"to": "9999-12-31T23:00:00-08:00"}])
def test_an_instant_beyond_all_years_is_refused_at_its_field(
    refusing_api: Caller, path: str, asked: dict[str, str]
) -> None:
    answer = refusing_api.get(path, "auditor-wei", params=asked)

    assert answer.status_code == 422
    assert answer.json()["fields"].keys() == asked.keys()
