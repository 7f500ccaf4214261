"""Houses for the tests that kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.house import House, standing


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house with long business days: no deadline passes while something is dead."""
    with standing(tmp_path) as found:
        yield found


@pytest.fixture
def busy_house(house: House) -> House:
    """The same with Temporal, the outside world and a worker at work."""
    house.temporal.start()
    house.outside.start()
    house.worker.start()
    return house
