"""The way of an integrator, as the documentation shows it, against a served API with a worker and the outside world."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from books.session import Books
from models.outbox import NumberSeries
from services.staff import demo_key
from settings import Settings
from tests.api.serving import own_namespace, serving
from tests.books.migrated import seeded_file
from tests.docs.pages import ROOT, blocks, page, run
from tests.servers.shared import SharedServers

PAGE = page("integration.md")
FIRST_NUMBER = 711_001
"""The bank is shared with other tests, and an order's number must be new to it."""


def follow(books: Books, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Runs all blocks in order and gives what they left."""
    names: dict[str, Any] = {}
    with serving(books, settings, with_worker=True) as api:
        monkeypatch.setenv("LOANWRIGHT_URL", api.url)
        monkeypatch.setenv("LOANWRIGHT_KEY", demo_key("integrator-demo"))
        monkeypatch.setenv("LOANWRIGHT_APPROVER_KEY", demo_key("risk-qian"))
        monkeypatch.setenv("LOANWRIGHT_OUTSIDE_URL", settings.outside_url)
        try:
            for line, block in blocks(PAGE, "python"):
                run(PAGE, line, block, names)
        finally:
            for value in names.values():
                if isinstance(value, httpx.Client):
                    value.close()
    return names


def test_the_page_leads_an_integrator_from_application_to_settlement(
    servers: SharedServers,
    temporal_server: str,
    simulator_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(
        temporal_address=temporal_server,
        temporal_namespace=own_namespace(temporal_server),
        outside_url=simulator_server,
    )
    with seeded_file(servers, tmp_path) as books:
        with books.begin() as work:
            work.session.add(NumberSeries(name="loan", next=FIRST_NUMBER))
        names = follow(books, settings, monkeypatch)

    assert names["cleared"]["loan"] == names["loan"]
    assert names["application"] == json.loads((ROOT / "examples" / "application.json").read_text(encoding="utf-8"))
    assert len(blocks(PAGE, "python")) >= 12
