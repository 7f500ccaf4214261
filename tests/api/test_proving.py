"""Proofs of the sealed books by API: asked for by auditors, read with what each found."""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from books.session import Books
from models.proving import AuditVerdict
from services.audit import SYSTEM
from services.proving import keep, prove
from settings import Settings
from tests.api.serving import Caller, own_namespace, serving
from tests.books.migrated import seeded_file
from tests.servers.shared import SharedServers
from tests.services.audit_log import seal, tamper, write

AUDITOR = "auditor-wei"
AT = "/audit/verifications"


def proved(books: Books, run: str, ended_at: datetime | None = None) -> AuditVerdict:
    found = prove(books)
    with books.begin(ended_at) as work:
        return keep(work, SYSTEM, found, run_id=run, code_version="0+test", day=date(2026, 1, 5))


def test_proofs_are_read_page_by_page_each_with_what_it_found(api: Caller, books: Books) -> None:
    (_, changed, _) = write(books, 3)
    seal(books)
    whole = proved(books, "run-1")
    tamper(books, f"UPDATE audit_entry SET reason = 'x' WHERE id = '{changed}'")
    differs = proved(books, "run-2")

    first = api.get(f"{AT}?limit=1", AUDITOR).json()
    second = api.get(f"{AT}?limit=1&after={first['next']}", AUDITOR).json()
    assert [page["items"][0]["id"] for page in (first, second)] == [differs.id, whole.id]
    assert api.get(f"{AT}?after={second['next']}", AUDITOR).json() == {"items": [], "next": None}
    line = second["items"][0]
    assert (line["whole"], line["differences"], line["asked_by"], line["run"]) == (True, 0, "system", "run-1")
    assert (line["entries"], line["seals"], line["head_seal"]) == (whole.entries, 1, 1)

    shown = api.get(f"{AT}/{differs.id}", AUDITOR).json()
    assert first["items"][0].items() <= shown.items()
    (finding,) = shown["findings"]
    assert (finding["kind"], finding["entry"], finding["seal"]) == ("entry_changed", changed, 1)
    assert (shown["whole"], shown["task"]) == (False, differs.task_id)
    assert api.get(f"/audit/entries/{shown['entry']}", AUDITOR).json()["after"]["differences"] == 1
    assert api.get(f"/tasks/{shown['task']}", AUDITOR).json()["role"] == "admin"
    unknown = api.get(f"{AT}/{'f' * 32}", AUDITOR)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_verification")


def test_who_asks_is_told_when_nobody_answers_and_when_it_is_too_soon(api: Caller, books: Books) -> None:
    away = api.post(AT, who=AUDITOR)
    assert (away.status_code, away.json()["code"]) == (503, "engine_silent")
    proved(books, "run-1", datetime.now(UTC) - timedelta(minutes=4))
    soon = api.post(AT, who=AUDITOR)
    assert (soon.status_code, soon.json()["code"]) == (429, "proved_just_now")
    assert 30 <= int(soon.headers["Retry-After"]) <= 60
    with books.read() as work:
        (refused,) = [one for one in work.audit.page(limit=1000) if one.refused]
    assert (refused.actor_id, refused.act) == (AUDITOR, "prove_audit_log")


def test_nobody_but_auditors_asks_or_reads(api: Caller, books: Books) -> None:
    verdict = proved(books, "run-1")
    for who in ("agent-lin", "manager-zhao", "risk-qian", "finance-sun", "admin-gu", "integrator-demo"):
        for answer in (api.post(AT, who=who), api.get(AT, who), api.get(f"{AT}/{verdict.id}", who)):
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), who


def test_the_newest_proof_and_its_age_show_as_gauges(api: Caller, books: Books) -> None:
    def gauges() -> dict[str, int]:
        lines = api.client.get(f"{api.inner_url}/metrics").text.splitlines()
        found = dict(line.split(" ") for line in lines if line.startswith("loanwright_audit_"))
        return {name.removeprefix("loanwright_audit_"): int(value) for name, value in found.items()}

    assert not {"differences", "proved_age_seconds"} & gauges().keys()
    (entry,) = write(books)
    seal(books, at=datetime.now(UTC) - timedelta(hours=50))
    # Nothing has been proved, and something could have been.
    assert 50 * 3_600 <= gauges()["proved_age_seconds"] < 51 * 3_600
    assert "differences" not in gauges()
    tamper(books, f"UPDATE audit_entry SET reason = 'x' WHERE id = '{entry}'")
    differs = proved(books, "run-1")
    assert gauges()["differences"] == differs.differences > 0
    assert gauges()["proved_age_seconds"] < 60


def test_an_auditor_asks_and_finds_the_verdict(servers: SharedServers, temporal_server: str, tmp_path: Path) -> None:
    settings = Settings(temporal_address=temporal_server, temporal_namespace=own_namespace(temporal_server), demo=True)
    with seeded_file(servers, tmp_path) as books, serving(books, settings, with_worker=True) as api:
        write(books)
        seal(books)
        asked = api.post(AT, who=AUDITOR)
        assert asked.status_code == 202
        page = api.eventually(AT, AUDITOR, lambda body: body["items"] != [])
        (line,) = page["items"]
        assert (line["run"], line["asked_by"], line["whole"]) == (asked.json()["run"], AUDITOR, True)
        give_up_at = time.monotonic() + 10
        # The engine lists a run a moment longer than it lasts.
        while (again := api.post(AT, who=AUDITOR)).status_code != 429:
            assert time.monotonic() < give_up_at, again.text
        entries = api.get("/audit/entries?act=audit_verified", AUDITOR).json()["items"]
        assert [(one["actor_id"], one["role"], one["subject"]) for one in entries] == [(AUDITOR, "auditor", line["id"])]
