"""A simulator process for the gateways to call."""

from collections.abc import Iterator
from importlib import import_module

import pytest

from tests.simulators.running import Outside, running_outside


@pytest.fixture(scope="session", autouse=True)
def _loaded() -> None:
    """The classes of the bank's messages are loaded with the first gateway: here, before a test takes the time."""
    import_module("gateways.iso_link")


@pytest.fixture(scope="session")
def shared_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with running_outside(tmp_path_factory.mktemp("outside") / "bank") as outside:
        yield outside


@pytest.fixture
def outside(shared_outside: Outside) -> Iterator[Outside]:
    yield shared_outside
    shared_outside.call("DELETE", "/control/faults")
