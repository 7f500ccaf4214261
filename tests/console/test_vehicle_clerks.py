"""The demonstration's people see to vehicles: nothing about them waits for a visitor."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from books.session import Books
from console.letters import vehicle_paper
from console.seed import seed
from gateways.document_reader import DocumentReader
from lending.calendar import BusinessClock
from models.collateral import ConditionKind
from models.tasks import TaskKind
from services.collateral import DOCUMENT_OF, missing_before_payout
from services.documents_comparing import compare
from services.documents_intake import PNG
from settings import Settings
from simulators.numbers import vin
from tests.books.migrated import migrated_file
from tests.console.test_demo import scripted
from tests.modules.applications import DAY
from tests.servers.shared import SharedServers
from tests.services.procedure import Procedure
from tests.services.vehicles import conditions, thing, used_car


@pytest.fixture
def house(servers: SharedServers, tmp_path: Path) -> Iterator[Procedure]:
    """Books whose days last an hour each."""
    settings = Settings(database_url=migrated_file(servers, tmp_path))
    books = Books(settings.database_url)
    books.set_clock(BusinessClock(3600, datetime.now(UTC), DAY))
    seed(books, settings)
    yield Procedure(books)
    books.close()


def test_what_is_asked_of_vehicles_is_entered_compared_and_released(house: Procedure) -> None:
    used, new = used_car(house), house.running("auto")
    with scripted(house.books) as (people, runner):
        for _ in range(2):
            runner.run(people._see_to_vehicles())
        with house.books.read() as work:
            assert missing_before_payout(work, work.loans.get(used), DAY) == ()
        assert {one.met_on for one in conditions(house, new).values()} == {DAY}
        assert house.open_tasks(used) == house.open_tasks(new) == []

        key = house.prepayment(new).payment_key
        assert key is not None
        house.settle(key)
        house.advance(new)
        assert house.open_tasks(new) == [TaskKind.RELEASE]
        runner.run(people._see_to_vehicles())
    assert thing(house, new).released_on == DAY


@pytest.mark.parametrize("kind", list(DOCUMENT_OF))
def test_their_papers_are_read_as_what_they_are(kind: ConditionKind) -> None:
    number = vin(5, "TESTA", 2024)
    reader = DocumentReader()
    try:
        read = reader.read(vehicle_paper(kind, "司马国强", number, date(2026, 3, 2)), PNG)
    finally:
        reader.stop()
    form = {"name": "司马国强", "id_number": "11010519491231002X", "vin": number}
    checks = compare(DOCUMENT_OF[kind], read, form, {}).checks
    assert {one.field: one.state.value for one in checks} == {"name": "agrees", "vin": "agrees"}
