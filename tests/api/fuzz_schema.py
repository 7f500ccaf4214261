"""Ten thousand generated calls over all roles, the same every time: `make fuzz`."""

from collections.abc import Iterator

import pytest
from schemathesis import GenerationMode

from tests.api.described import EVERYBODY, MODES, Described, described_api
from tests.servers.shared import SharedServers

CALLS = 10_000
SHARE = -(-CALLS // (len(EVERYBODY) * len(MODES)))
EXAMPLES = 4


@pytest.fixture(scope="module")
def described(
    servers: SharedServers, temporal_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Described]:
    with described_api(servers, temporal_server, tmp_path_factory.mktemp("described")) as found:
        yield found


@pytest.mark.parametrize("mode", MODES, ids=["as described", "otherwise"])
@pytest.mark.parametrize("who", EVERYBODY)
def test_ten_thousand_answers_are_as_described(described: Described, who: str, mode: GenerationMode) -> None:
    """Each role makes its share of the calls, in both ways."""
    before, seed = described.calls, 0
    while described.calls - before < SHARE:
        seed += 1
        for operation in described.operations(mode):
            described.probe(operation, mode, who, EXAMPLES, seed)
