"""Probes and figures on the inner port, and what an answer says when something is broken."""

from datetime import timedelta
from functools import partial

import httpx
import pytest
from sqlalchemy import create_engine

from api.context import ApiContext
from api.health import create_inner_app
from books.session import Books
from console.serve import read_notice
from engine.client import connect
from engine.commands import LoanCommands
from settings import Settings
from tests.api.serving import NOWHERE, Caller
from tests.services.procedure import Procedure

AWAY = "postgresql+psycopg://nobody@127.0.0.1:9/nowhere"


def test_probes_and_figures_need_no_key_on_the_inner_port(refusing_api: Caller) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert httpx.get(f"{refusing_api.inner_url}{path}").status_code == 200


def test_the_outer_port_has_no_probes_and_the_inner_port_no_loans(refusing_api: Caller) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/healthz"):
        assert httpx.get(f"{refusing_api.url}{path}").status_code in (401, 404)
    assert httpx.get(f"{refusing_api.inner_url}/api/v1/loans").status_code == 404


def test_the_figures_count_answers_loans_and_tasks(api: Caller, procedure: Procedure) -> None:
    loan = procedure.graded()
    api.get(f"/loans/{loan}")
    api.get("/loans/L26999999")

    lines = httpx.get(f"{api.inner_url}/metrics").text.splitlines()

    assert 'loanwright_http_answers_total{method="GET",route="/loans/{loan}",status="200"} 1' in lines
    assert 'loanwright_http_answers_total{method="GET",route="/loans/{loan}",status="404"} 1' in lines
    assert 'loanwright_http_seconds_bucket{method="GET",route="/loans/{loan}",le="+Inf"} 2' in lines
    assert 'loanwright_loans{stage="approval"} 1' in lines
    assert 'loanwright_tasks_open{kind="approval"} 1' in lines
    assert "loanwright_books_up 1" in lines
    assert loan not in "\n".join(lines)


def test_the_figures_show_which_service_workers_have_given_up_on(api: Caller, books: Books) -> None:
    with books.begin() as work:
        for service, worker, is_open, age in (
            ("bureau", "one", True, 0),
            ("bureau", "two", True, 60),
            ("bureau", "dead", True, 700),
            ("identity", "one", False, 0),
        ):
            work.authorisations.note_state(service, worker, is_open, work.now - timedelta(seconds=age))
    lines = httpx.get(f"{api.inner_url}/metrics").text.splitlines()
    assert 'loanwright_circuit_open{service="bureau"} 2' in lines
    assert 'loanwright_circuit_open{service="identity"} 0' in lines


async def test_a_process_whose_intake_does_not_run_is_not_ready(books: Books) -> None:
    context = ApiContext(
        books, LoanCommands(await connect(NOWHERE, "default", lazy=True)), partial(read_notice, Settings())
    )
    transport = httpx.ASGITransport(create_inner_app(context))
    async with httpx.AsyncClient(transport=transport, base_url="http://inner") as inner:
        answer = await inner.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"ready": False, "books": True, "intake": False})


def test_while_the_books_are_away_everybody_is_told_to_come_again(
    api: Caller, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.get("/loans").status_code == 200
    monkeypatch.setattr(books, "engine", create_engine(AWAY))

    known, unknown = api.get("/loans"), api.get("/loans", "risk-qian")

    for answer in (known, unknown):
        assert (answer.status_code, answer.json()["code"]) == (503, "books_unavailable")
        assert answer.headers["Retry-After"] == "2"
    assert httpx.get(f"{api.inner_url}/readyz").json() == {"ready": False, "books": False, "intake": True}
    assert "loanwright_books_up 0" in httpx.get(f"{api.inner_url}/metrics").text


def test_what_nobody_foresaw_is_answered_without_details_and_logged_without_persons(
    api: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_given: object) -> None:
        raise RuntimeError("欧阳测试 110000199005170129")

    monkeypatch.setattr("api.loans.status_of", broken)
    answer = api.get("/loans/L26000001", headers={"X-Request-Id": "broken-1"})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "broken-1" in answer.json()["detail"]
    logged = capsys.readouterr().out
    assert "RuntimeError" in logged
    for text in (answer.text, logged):
        assert "欧阳" not in text
        assert "110000199005170129" not in text
