"""The outside world of this test process, and offices for each test."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from engine.converter import DATA_CONVERTER
from tests.servers.temporal import own_namespace as new_namespace
from tests.simulators.running import Outside, running_outside
from tests.workflows.gate import Gate
from tests.workflows.harness import Office, RealEngine, SkippingEngine, make_template, open_office


class OpenOffice(Protocol):
    """Opens a lender: `async with office() as lender:`; `through` is how it reaches the outside, if not directly."""

    def __call__(self, *, through: str | None = None) -> AbstractAsyncContextManager[Office]: ...


OpenOfficeWithDays = Callable[[float], AbstractAsyncContextManager[Office]]


@pytest.fixture(scope="session")
def books_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Books before the first application."""
    return make_template(tmp_path_factory.mktemp("lenders") / "template.db")


@pytest.fixture(scope="session")
def session_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with running_outside(tmp_path_factory.mktemp("outside") / "bank") as outside:
        yield outside


@pytest.fixture
def outside(session_outside: Outside) -> Iterator[Outside]:
    """The bank and the registers of this process alone, so that a planned fault meets the call it is meant for."""
    yield session_outside
    session_outside.call("DELETE", "/control/faults")


@pytest.fixture
def gate(outside: Outside) -> Iterator[Gate]:
    """A gate on the way to the outside world."""
    with Gate(outside.url) as gate:
        yield gate


@pytest.fixture
def office(time_skipping_server: WorkflowEnvironment, books_template: Path, outside: Outside) -> OpenOffice:
    """Opens a lender on the time-skipping server."""

    def opened(*, through: str | None = None) -> AbstractAsyncContextManager[Office]:
        return open_office(SkippingEngine(time_skipping_server), books_template, outside, through=through)

    return opened


@pytest.fixture(scope="session")
def own_namespace(temporal_server: str) -> str:
    """A namespace of the development server for this test process: its task queues are nobody else's."""
    return new_namespace(temporal_server)


@pytest.fixture
def office_in_real_time(
    temporal_server: str, own_namespace: str, books_template: Path, outside: Outside
) -> OpenOfficeWithDays:
    """Opens a lender on the development server, with business days of so many seconds."""

    @asynccontextmanager
    async def opened(day_seconds: float) -> AsyncIterator[Office]:
        client = await Client.connect(temporal_server, namespace=own_namespace, data_converter=DATA_CONVERTER)
        async with open_office(RealEngine(client), books_template, outside, day_seconds=day_seconds) as office:
            yield office

    return opened
