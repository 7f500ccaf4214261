"""Calls made up from the API's own description, and what exists for them to be about."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from books.sign_in import secret_digest
from models.staff import Role, Staff
from services.staff import demo_key
from settings import Settings
from tests.api.serving import own_namespace, serving
from tests.books.migrated import seeded_file
from tests.servers.shared import SharedServers
from tests.services.people import add as add_staff
from tests.services.procedure import Procedure

BORROWER = "borrower-of-the-first-loan"
EVERYBODY = (
    "agent-lin",
    "manager-zhao",
    "risk-qian",
    "finance-sun",
    "auditor-wei",
    "admin-gu",
    "integrator-demo",
    BORROWER,
)
"""One person or machine of each role."""
WELL_FORMED = {"loan": re.compile(r"L[0-9]{8,12}"), "task_id": re.compile(r"[0-9a-f]{32}")}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
Case = schemathesis.Case[Any]

load_all_checks()


@dataclass
class Described:
    """The description as the server gives it, loans and tasks that exist, and how many calls were made."""

    schema: Any
    known: dict[str, list[str]]
    calls: int = 0

    def operations(self, mode: GenerationMode) -> list[Any]:
        """What can be called so: an operation without parameters and body cannot be called wrongly."""
        found = [result.ok() for result in self.schema.get_all_operations() if isinstance(result, Ok)]
        is_any = mode is GenerationMode.POSITIVE
        return [one for one in found if is_any or one.definition.raw.keys() & {"parameters", "requestBody"}]

    def probe(self, operation: Any, mode: GenerationMode, who: str, examples: int, seed: int = 0) -> None:
        """Calls an operation as somebody; fails on an answer that the description does not know, and on any 5xx."""
        headers = {"Authorization": f"Bearer {demo_key(who)}"}
        # What a description can say of a form is not all that makes an application good.
        ignored: list[Any] = [CHECKS.get_one("positive_data_acceptance")]

        @hypothesis.seed(seed)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def call(case: Case) -> None:
            if not all(map(_leaves_a_trace, (case.query or {}).values())):
                return
            self._aim(case)
            self.calls += 1
            case.call_and_validate(headers=headers, excluded_checks=ignored)

        call()

    def _aim(self, case: Case) -> None:
        """Turns a well-formed number, which would find nothing, into one that exists."""
        for name, pattern in WELL_FORMED.items():
            made_up = case.path_parameters.get(name)
            if isinstance(made_up, str) and pattern.fullmatch(made_up):
                case.path_parameters[name] = self.known[name][sum(map(ord, made_up)) % len(self.known[name])]


def _leaves_a_trace(value: object) -> bool:
    """Whether a value of the query is sent at all: a wrong one that vanishes on the way cannot be refused."""
    return value not in ([], {}, ())


@contextmanager
def described_api(servers: SharedServers, temporal_server: str, folder: Path) -> Iterator[Described]:
    """A served API with loans at several stages in its books; the engine is there and runs none of them."""
    with seeded_file(servers, folder) as books:
        procedure = Procedure(books)
        loans = [procedure.apply(), procedure.graded(), procedure.offered(), procedure.running("auto")]
        with books.begin() as work:
            tasks = [task.id for loan in loans for task in work.tasks.open_of(loan)]
            customer = work.loans.get(loans[0]).customer_id
            key = secret_digest(demo_key(BORROWER))
            add_staff(work, Staff(id=BORROWER, name="借款人", role=Role.BORROWER, customer_id=customer, key_hash=key))
        engine = Settings(temporal_address=temporal_server, temporal_namespace=own_namespace(temporal_server))
        with serving(books, engine) as api:
            headers = {"Authorization": f"Bearer {demo_key(EVERYBODY[0])}"}
            schema = schemathesis.openapi.from_url(f"{api.url}/api/v1/openapi.json", headers=headers, timeout=60)
            yield Described(schema, {"loan": loans, "task_id": tasks})
