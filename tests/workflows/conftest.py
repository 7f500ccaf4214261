"""The outside world of this test process, and offices for each test."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.simulators.running import Outside, running_outside
from tests.workflows.harness import Office, SkippingEngine, make_template, open_office

OpenOffice = Callable[[], AbstractAsyncContextManager[Office]]


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
def office(time_skipping_server: WorkflowEnvironment, books_template: Path, outside: Outside) -> OpenOffice:
    """Opens a lender on the time-skipping server: `async with office() as lender:`."""
    return lambda: open_office(SkippingEngine(time_skipping_server), books_template, outside)
