"""The API keeps to its own description, whatever is sent to it: generated requests against a real server.

`make fuzz` sends ten thousand.
"""

from collections.abc import Iterator

import pytest
from schemathesis import GenerationMode

from tests.api.described import EVERYBODY, MODES, Described, described_api
from tests.servers.shared import SharedServers

LEAST_OPERATIONS = 22
MANAGER = "manager-zhao"
OTHERS = [who for who in EVERYBODY if who != MANAGER]


@pytest.fixture(scope="module")
def described(
    servers: SharedServers, temporal_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Described]:
    with described_api(servers, temporal_server, tmp_path_factory.mktemp("described")) as found:
        yield found


@pytest.mark.parametrize("mode", MODES, ids=["as described", "otherwise"])
def test_every_answer_is_as_described(described: Described, mode: GenerationMode) -> None:
    operations = described.operations(mode)
    assert len(operations) >= LEAST_OPERATIONS
    for operation in operations:
        described.probe(operation, mode, MANAGER, examples=8)


@pytest.mark.parametrize("who", OTHERS)
def test_every_other_role_gets_an_answer_that_is_described(described: Described, who: str) -> None:
    for operation in described.operations(GenerationMode.POSITIVE):
        described.probe(operation, GenerationMode.POSITIVE, who, examples=1)
