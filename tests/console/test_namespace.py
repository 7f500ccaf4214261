"""The namespace is made with its retention, lengthened where it is shorter, and left alone where it is longer."""

import asyncio
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from console.connections import books_of, note_engine
from console.namespace import keep_namespace
from console.processes import NotReady, Tree
from settings import Settings
from tests.console.running import loanwright


def asked(address: str, name: str, days: int) -> Settings:
    return Settings(temporal_address=address, temporal_namespace=name, temporal_retention_days=days)


async def retention(address: str, name: str) -> timedelta:
    client = await Client.connect(address)
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=name))
    return found.config.workflow_execution_retention_ttl.ToTimedelta()


async def test_a_namespace_is_made_once_lengthened_and_never_shortened(temporal_server: str) -> None:
    name = f"house-{uuid.uuid4().hex}"

    assert "was made; it keeps ended runs for 30 days" in await keep_namespace(asked(temporal_server, name, 30))
    assert "is there and keeps ended runs for 30 days" in await keep_namespace(asked(temporal_server, name, 30))
    assert "for 60 days now, before for 30" in await keep_namespace(asked(temporal_server, name, 60))
    assert "is there and keeps ended runs for 60 days" in await keep_namespace(asked(temporal_server, name, 30))
    assert await retention(temporal_server, name) == timedelta(days=60)
    client = await Client.connect(temporal_server, namespace=name)
    assert (await client.count_workflows()).count == 0


async def test_a_name_that_cannot_be_is_refused_in_a_sentence(temporal_server: str) -> None:
    with pytest.raises(NotReady, match="cannot be set up"):
        await keep_namespace(asked(temporal_server, "n" * 2000, 30))


async def test_an_engine_that_is_away_is_named() -> None:
    with pytest.raises(NotReady, match=r"no Temporal server at 127\.0\.0\.1:9"):
        await keep_namespace(asked("127.0.0.1:9", "default", 30))


async def test_of_a_data_folder_it_is_the_engine_of_who_works_there(temporal_server: str, tmp_path: Path) -> None:
    given = asked(temporal_server, f"house-{uuid.uuid4().hex}", 30)
    note_engine(given.model_copy(update={"database_url": books_of(tmp_path)}), tmp_path)
    # As `up` holds a folder; where nobody works, the note is an old one.
    tree = Tree(tmp_path)
    unset = {"TEMPORAL_ADDRESS": ""}
    done = await asyncio.to_thread(loanwright, "namespace", "--data-dir", str(tmp_path), environment=unset)
    assert (done.code, f"the namespace {given.temporal_namespace} was made" in done.err) == (0, True), done.err
    assert tree.lock is not None
    tree.lock.close()
