"""Nothing that is known of a person lies in clear in anything that the system writes: values are planted and sought."""

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import inspect, text

from models.loans import Stage
from models.staff import Actor
from services.applications import Receipt, read_submission, submit
from services.staff import demo_key
from simulators.records import Person
from tests.crash.house import FIRST_DAY, INTEGRATOR, SOUND, House, micro_application, standing

REASON = "planted-reason-of-a-person-7431"
OCCUPATION = "标记职业甲乙丙"
FILE_NAME = "标记文件名甲乙丙.png"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def spellings(value: str) -> Iterator[bytes]:
    """How a value may lie in a file: as it is, as JSON, in an address, as hexadecimal digits, inside of base64."""
    plain = value.encode()
    yield plain
    yield value.encode("unicode_escape")
    yield quote(value).encode()
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    for ahead in range(3):
        spelled = base64.b64encode(b"\0" * ahead + plain)
        # The first and the last signs depend on what stands beside the value.
        yield spelled[(0, 2, 3)[ahead] : -4]


def known_of(person: Person) -> set[str]:
    """What the house was told of a person; each value is long enough to stand nowhere by chance."""
    return {person.name, person.id_number, person.mobile, person.account, OCCUPATION, FILE_NAME}


def lies_in(content: bytes, values: set[str]) -> set[str]:
    """Which of the values can be read in a content."""
    return {value for value in values if any(spelled in content for spelled in spellings(value))}


def apply(house: House, person: Person) -> str:
    """An application with marks in its optional fields."""
    body = micro_application(person)
    body["form"]["occupation"] = OCCUPATION
    submission = read_submission(body, "planted", Actor(INTEGRATOR.actor_id, INTEGRATOR.role), FIRST_DAY)
    with house.books.begin() as work:
        (receipt,) = submit(work, [submission])
    assert isinstance(receipt, Receipt), receipt
    return receipt.loan


def call_about(house: House, person: Person, loan: str) -> None:
    """Looks, errors and refusals of the API and the pages, with the person's values wherever somebody may put them."""
    as_risk = {"Authorization": f"Bearer {demo_key('risk-qian')}"}
    as_integrator = {"Authorization": f"Bearer {demo_key('integrator-demo')}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{house.api_port}", timeout=20) as caller:
        upload = {"file": (FILE_NAME, PIXEL, "image/png")}
        handed_in = caller.post(
            f"/api/v1/loans/{loan}/documents", files=upload, data={"kind": "id_card"}, headers=as_integrator
        )
        assert handed_in.status_code < 500, handed_in.text
        assert caller.get(f"/api/v1/loans/{loan}", headers=as_risk).is_success
        wrong = micro_application(person)
        wrong["form"] |= {"mobile": person.mobile + "0", person.name: person.id_number}
        refused = caller.post(
            "/api/v1/applications", json=wrong, headers=as_integrator | {"Idempotency-Key": "planted-wrong"}
        )
        assert refused.status_code == 422
        for address in (f"/api/v1/loans?stage={quote(person.name)}", f"/loans/{person.id_number}", f"/{person.mobile}"):
            assert caller.get(address, headers=as_risk).status_code < 500
        caller.post("/sign-in/borrower", data={"loan": person.mobile, "digits": person.id_number})
        caller.get("/api/v1/loans", headers={"Authorization": f"Bearer {person.id_number}"})


async def live(house: House, person: Person) -> str:
    """A loan from its application to its settlement, with what people look at meanwhile."""
    house.temporal.start()
    house.outside.start()
    house.worker.start()
    house.api.start()
    await house.connect()
    loan = apply(house, person)
    await house.bring_to(loan, Stage.APPROVAL)
    call_about(house, person, loan)
    house.reason = REASON
    await house.bring_to(loan, Stage.SETTLED)
    assert house.messages(), "messages were sent to the borrower"
    return loan


async def test_files_of_books_and_engine_and_all_logs_hold_nothing_that_is_known_of_a_person(house: House) -> None:
    person = SOUND[3]
    loan = await live(house, person)
    house.clear_away()
    written = [path for path in house.folder.rglob("*") if path.is_file() and "outside" not in str(path.name)]
    ours = [path for path in written if "outside" not in path.relative_to(house.folder).parts]
    # What is searched is really where things are written: what is not personal is found in each of these.
    for name, sign in (("books.db", loan), ("temporal.db", loan), ("api.log", "integrator-demo")):
        assert any(lies_in(path.read_bytes(), {sign}) for path in ours if path.name.startswith(name)), name
    found = {path.name: lies_in(path.read_bytes(), known_of(person) | {REASON}) for path in ours}
    # A person's reason is kept with his decision and in the audit log, and nowhere else: not in the engine's histories.
    assert {name: values for name, values in found.items() if values} == {
        name: {REASON} for name in found if name.startswith("books.db") and found[name]
    }


async def test_a_dump_of_postgresql_holds_nothing_that_is_known_of_a_person(tmp_path: Path, postgres_url: str) -> None:
    person = SOUND[4]
    with standing(tmp_path, database_url=postgres_url) as house:
        loan = await live(house, person)
        with house.books.engine.connect() as connection:
            dump = "\n".join(
                str(line)
                for table in inspect(connection).get_table_names()
                for line in connection.execute(text(f'SELECT "{table}"::text FROM "{table}"')).scalars()
            ).encode()
    assert lies_in(dump, {loan}) == {loan}
    assert lies_in(dump, known_of(person)) == set()


@pytest.mark.parametrize("spelled", ["as it is", "json", "address", "hexadecimal", "base64"])
def test_the_search_finds_a_value_however_it_is_spelled(spelled: str) -> None:
    value = SOUND[0].name
    content = {
        "as it is": f"…{value}…".encode(),
        "json": f'{{"name":"{value.encode("unicode_escape").decode()}"}}'.encode(),
        "address": f"GET /{quote(value)} HTTP/1.1".encode(),
        "hexadecimal": f"\\x00{value.encode().hex()}".encode(),
        "base64": base64.b64encode(f"x{value} and more".encode()),
    }[spelled]
    assert lies_in(content, {value}) == {value}
