"""The life of a loan for auditors, by API: with the engine away, and with it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from books.session import Books
from models.histories import ArchiveLook
from settings import Settings
from tests.api.serving import Caller, serving
from tests.books.migrated import seeded_file
from tests.servers.shared import SharedServers
from tests.servers.temporal import own_namespace
from tests.services.audit_log import tamper
from tests.services.procedure import Procedure
from tests.simulators.running import running_outside
from tests.workflows.people import application, earner


def paid_out_later(procedure: Procedure) -> str:
    """A loan whose acts lie days apart: acts of one instant are one unit of work."""
    loan = procedure.graded()
    procedure.day += timedelta(days=1)
    procedure.decide(loan)
    procedure.day += timedelta(days=1)
    procedure.pay_out(loan)
    return loan


def test_with_the_engine_away_an_auditor_sees_what_the_books_have(api: Caller, procedure: Procedure) -> None:
    loan = paid_out_later(procedure)
    told = api.get(f"/audit/loans/{loan}", "auditor-wei")
    assert told.status_code == 200, told.text
    body = told.json()
    assert (body["engine_answered"], body["runs"], body["differences"]) == (False, [], [])
    first, decided, last = body["lines"]
    assert first["text"] == {"en": "The application was entered", "zh": "提交贷款申请"}
    assert (decided["actor_id"], decided["approved_by"]) == ("risk-qian", "risk-qian")
    assert [(one["debit"], one["credit"]) for one in last["postings"]] == [("1101", "1001")]
    entry = next(one for one in last["entries"] if one["act"] == "loan_paid_out")
    assert (entry["seal"], entry["intact"]) == (None, None)
    assert body["total"] == 3


@pytest.mark.parametrize(
    ("table", "key", "column"), [("loan", "number", "stage"), ("terms", "id", "body"), ("loan_event", "key", "date")]
)
def test_a_value_that_nobody_can_read_is_named_and_the_rest_told(
    api: Caller, procedure: Procedure, table: str, key: str, column: str
) -> None:
    loan = paid_out_later(procedure)
    tamper(procedure.books, f"UPDATE {table} SET {column} = 'x'")
    told = api.get(f"/audit/loans/{loan}", "auditor-wei")
    assert told.status_code == 200, told.text
    body = told.json()
    with procedure.books.read() as work:
        rows = work.session.connection().exec_driver_sql(f"SELECT {key} FROM {table}").scalars().all()
    unreadable = [one["subject"] for one in body["differences"] if one["kind"] == "row_unreadable"]
    assert unreadable == [f"{table}/{row}" for row in sorted(rows)]
    assert body["total"] == 3


def test_lines_come_in_pages_and_a_day_of_the_past_is_told(api: Caller, procedure: Procedure) -> None:
    loan = paid_out_later(procedure)
    whole = api.get(f"/audit/loans/{loan}?limit=500", "auditor-wei").json()
    lines: list[Any] = []
    after: int | None = 0
    while after is not None:
        page = api.get(f"/audit/loans/{loan}?limit=2&after={after}", "auditor-wei").json()
        lines += page["lines"]
        after = page["next"]
    assert len(lines) == 3
    assert lines == whole["lines"]
    assert [line["n"] for line in lines] == list(range(1, whole["total"] + 1))
    day = api.get(f"/audit/loans/{loan}?as_of=2026-01-05", "auditor-wei").json()["as_of"]
    assert (day["stage"], day["terms_version"], day["outstanding"]) == ("application", None, None)
    assert [task["kind"] for task in day["open_tasks"]] == ["approval"]
    before = api.get(f"/audit/loans/{loan}?as_of=2020-01-01", "auditor-wei").json()["as_of"]
    assert (before["stage"], before["terms_version"], before["open_tasks"]) == (None, None, [])
    refused = api.get(f"/audit/loans/{loan}?as_of=2999-01-01", "auditor-wei")
    assert (refused.status_code, refused.json()["code"]) == (422, "day_to_come")
    for bad in ("after=-1", "limit=0", "limit=501", "as_of=yesterday", "as_of=2026-02-30"):
        assert api.get(f"/audit/loans/{loan}?{bad}", "auditor-wei").status_code == 422, bad


def test_only_auditors_see_and_replay_lives(api: Caller, procedure: Procedure) -> None:
    loan = procedure.apply()
    for who in ("risk-qian", "finance-sun", "agent-lin", "manager-zhao", "admin-gu", "integrator-demo"):
        assert api.get(f"/audit/loans/{loan}", who).status_code == 403, who
        assert api.post(f"/audit/loans/{loan}/replay", None, who).status_code == 403, who
    for number in ("L99000001", "L1", "../L26000001"):
        assert api.get(f"/audit/loans/{number}", "auditor-wei").status_code == 404
        assert api.post(f"/audit/loans/{number}/replay", None, "auditor-wei").status_code == 404
    nothing = api.post(f"/audit/loans/{loan}/replay", None, "auditor-wei")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_replay")


def test_the_figures_say_how_the_archive_stands(api: Caller, books: Books) -> None:
    def shown() -> dict[str, int]:
        lines = httpx.get(f"{api.inner_url}/metrics").text.splitlines()
        found = (line.partition(" ") for line in lines if line.startswith("loanwright_archive_"))
        return {name: int(value) for name, _, value in found}

    assert shown() == {}
    with books.begin() as work:
        closed = work.now - timedelta(hours=20)
        work.histories.note_look(
            ArchiveLook(looked_at=work.now, waiting=2, oldest_closed_at=closed, retention_seconds=86_400)
        )
    found = shown()
    assert found["loanwright_archive_waiting"] == 2
    assert found["loanwright_archive_oldest_seconds"] // 3600 == 20
    assert found["loanwright_archive_seconds_left"] // 3600 in (3, 4)
    assert found["loanwright_archive_looked_seconds"] < 60


@pytest.fixture
def at_work(
    servers: SharedServers, temporal_server: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    """The API with an engine, a worker and the outside world beside it."""
    with (
        running_outside(tmp_path_factory.mktemp("outside") / "bank") as outside,
        seeded_file(servers, tmp_path) as books,
    ):
        settings = Settings(
            temporal_address=temporal_server,
            temporal_namespace=own_namespace(temporal_server),
            outside_url=outside.url,
        )
        with serving(books, settings, with_worker=True) as caller:
            yield caller


def test_a_loan_at_work_is_told_with_its_events_and_replayed(at_work: Caller) -> None:
    answer = at_work.apply({"product": "micro", "consent": "2026-01", "form": application("micro", earner())}, "one")
    loan = answer.json()["loan"]

    def is_graded(body: Any) -> bool:
        return any(line["code"] == "local.grade_case" and line["events"] for line in body["lines"])

    told = at_work.eventually(f"/audit/loans/{loan}?limit=500", "auditor-wei", is_graded)
    assert told["engine_answered"]
    assert [(run["source"], run["status"]) for run in told["runs"]] == [("engine", None)]
    [version] = told["runs"][0]["code_versions"]
    [since] = told["runs"][0]["versions"]
    assert (since["version"], since["first_event"] > 1) == (version, True)
    assert since["at"] > told["runs"][0]["started_at"]
    asked = next(line for line in told["lines"] if line["code"] == "activity.ask_register")
    assert asked["events"][0]["type"] == "ACTIVITY_TASK_SCHEDULED"
    replayed = at_work.post(f"/audit/loans/{loan}/replay", None, "auditor-wei", timeout=120)
    assert replayed.status_code == 200, replayed.text
    body = replayed.json()
    assert (body["ok"], body["code_version"]) == (True, version)
    [verdict] = body["verdicts"]
    assert (verdict["outcome"], verdict["is_open"], verdict["replayed_by"]) == ("ok", True, "auditor-wei")
    again = at_work.get(f"/audit/loans/{loan}", "auditor-wei").json()
    assert again["runs"][0]["verdict"]["outcome"] == "ok"
