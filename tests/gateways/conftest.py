"""A simulator process for the gateways to call."""

from collections.abc import Iterator

import pytest

from tests.simulators.running import Outside, running_outside


@pytest.fixture(scope="session")
def shared_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with running_outside(tmp_path_factory.mktemp("outside") / "bank") as outside:
        yield outside


@pytest.fixture
def outside(shared_outside: Outside) -> Iterator[Outside]:
    yield shared_outside
    shared_outside.call("DELETE", "/control/faults")
