"""A simulator process for the gateways to call."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.simulators.running import Outside, Receiver, running_outside


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


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Who takes what a bank sends."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(params=["iso20022", "direct"])
def noticing_bank(request: pytest.FixtureRequest, tmp_path: Path, receiver: Receiver) -> Iterator[Outside]:
    """A bank of this test alone, of either protocol, that tells the receiver of money."""
    environment = {"LOANWRIGHT_BANK_PROTOCOL": str(request.param)}
    with running_outside(tmp_path / "bank", receiver.url, environment) as outside:
        yield outside
