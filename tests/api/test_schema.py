"""The API keeps to its own description, whatever is sent to it: generated requests against a real server."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from services.staff import demo_key
from settings import Settings
from tests.api.serving import own_namespace, serving
from tests.books.migrated import seeded_file
from tests.servers.shared import SharedServers
from tests.services.procedure import Procedure

HEADERS = {"Authorization": f"Bearer {demo_key('manager-zhao')}"}
WELL_FORMED = {"loan": re.compile(r"L[0-9]{8,12}"), "task_id": re.compile(r"[0-9a-f]{32}")}
LEAST_OPERATIONS = 22
Case = schemathesis.Case[Any]
bounded = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

load_all_checks()


class Described:
    """The description as the server gives it, and loans and tasks that exist."""

    def __init__(self, url: str, known: dict[str, list[str]]) -> None:
        self.schema = schemathesis.openapi.from_url(url, headers=HEADERS)
        self.known = known

    def aim(self, case: Case) -> None:
        """Turns a well-formed number, which would find nothing, into one that exists."""
        for name, pattern in WELL_FORMED.items():
            made_up = case.path_parameters.get(name)
            if isinstance(made_up, str) and pattern.fullmatch(made_up):
                case.path_parameters[name] = self.known[name][sum(map(ord, made_up)) % len(self.known[name])]


@pytest.fixture(scope="module")
def described(
    servers: SharedServers, temporal_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Described]:
    """A served API with loans at several stages in its books; the engine is there and runs none of them."""
    with seeded_file(servers, tmp_path_factory.mktemp("described")) as books:
        procedure = Procedure(books)
        loans = [procedure.apply(), procedure.graded(), procedure.offered(), procedure.running("auto")]
        with books.read() as work:
            tasks = [task.id for loan in loans for task in work.tasks.open_of(loan)]
        engine = Settings(temporal_address=temporal_server, temporal_namespace=own_namespace(temporal_server))
        with serving(books, engine) as api:
            yield Described(f"{api.url}/api/v1/openapi.json", {"loan": loans, "task_id": tasks})


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "otherwise"])
def test_every_answer_is_as_described(described: Described, mode: GenerationMode) -> None:
    operations = [result.ok() for result in described.schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) >= LEAST_OPERATIONS
    for operation in operations:
        if mode is GenerationMode.POSITIVE or operation.definition.raw.keys() & {"parameters", "requestBody"}:
            _probe(described, operation, mode)


def _probe(described: Described, operation: Any, mode: GenerationMode) -> None:
    # What a description can say of a form is not all that makes an application good.
    ignored: list[Any] = [CHECKS.get_one("positive_data_acceptance")]

    @bounded
    @given(case=operation.as_strategy(generation_mode=mode))
    def probe(case: Case) -> None:
        described.aim(case)
        case.call_and_validate(headers=HEADERS, excluded_checks=ignored)

    probe()
