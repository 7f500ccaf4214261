"""Nothing that is known of a person lies in clear in anything that the system writes: values are planted and sought."""

import asyncio
import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import inspect, text
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from engine.codec import opened_history
from engine.converter import DATA_CONVERTER
from models.keys import workflow_id
from models.loans import Stage
from models.messages import CommandOrder
from models.staff import Actor
from services.applications import Receipt, read_submission, submit
from services.staff import demo_key
from simulators.records import Person
from tests.crash.house import FIRST_DAY, INTEGRATOR, SOUND, House, eventually, micro_application, standing
from tests.histories.storing import readable
from tests.modules.applications import FORMS
from tests.services.document_files import id_card
from tests.web.serving import Visitor

REASON = "planted-reason-of-a-person-7431"
OCCUPATION = "标记职业甲乙丙"
NOTE = "planted-note-of-a-person-7431"
FILE_NAME, PDF_NAME = "标记文件名甲乙丙.png", "标记文件名丁戊己.pdf"
DEALER = "标记汽车销售甲乙丙有限公司"
IN_A_PICTURE, IN_A_PDF = "planted-in-a-picture-7431", "planted-in-a-document-7431"
IN_A_FAULT = "planted-in-a-fault-7431"
SIGNS_BESIDE = SOUND[7]
"""The guarantor of the second loan."""


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
    of_guarantor = {SIGNS_BESIDE.name, SIGNS_BESIDE.id_number, SIGNS_BESIDE.mobile}
    entered = {OCCUPATION, FILE_NAME, PDF_NAME, IN_A_PICTURE, IN_A_PDF, DEALER}
    return {person.name, person.id_number, person.mobile, person.account} | of_guarantor | entered


def picture(person: Person) -> bytes:
    """An identity card as a PNG, with a mark that can be read in the file itself."""
    marks = PngInfo()
    marks.add_text("Comment", IN_A_PICTURE)
    kept = io.BytesIO()
    id_card(person.id_number, person.name).save(kept, "PNG", pnginfo=marks)
    return kept.getvalue()


def document() -> bytes:
    """A PDF of one page, whose text can be read in the file itself."""
    text = f"BT /F1 12 Tf 72 720 Td ({IN_A_PDF}) Tj ET".encode()
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>"
    parts = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page,
        b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    made, places = b"%PDF-1.4\n", []
    for n, part in enumerate(parts, 1):
        places.append(len(made))
        made += b"%d 0 obj%sendobj\n" % (n, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(made)
    return made + b"xref\n0 6\n0000000000 65535 f \n" + table + end


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


def apply_beside(house: House, person: Person) -> str:
    """An application for a car, with a guarantor, and a dealer to whom the money goes."""
    of_guarantor = {
        "guarantor_name": SIGNS_BESIDE.name,
        "guarantor_id_number": SIGNS_BESIDE.id_number,
        "guarantor_mobile": SIGNS_BESIDE.mobile,
    }
    body = micro_application(person)
    body["product"] = "auto"
    body["form"] = {name: body["form"][name] for name in ("name", "id_number", "mobile", "bank_card")}
    body["form"] |= FORMS["auto"] | of_guarantor | {"dealer": DEALER}
    submission = read_submission(body, "planted-beside", Actor(INTEGRATOR.actor_id, INTEGRATOR.role), FIRST_DAY)
    with house.books.begin() as work:
        (receipt,) = submit(work, [submission])
    assert isinstance(receipt, Receipt), receipt
    return receipt.loan


def call_about(house: House, person: Person, loan: str) -> list[httpx.Response]:
    """Looks, errors and refusals of the API and the pages, with the person's values wherever somebody may put them; the
    answers to whom nothing of it is to be shown.
    """
    answers: list[httpx.Response] = []
    as_risk = {"Authorization": f"Bearer {demo_key('risk-qian')}"}
    as_integrator = {"Authorization": f"Bearer {demo_key('integrator-demo')}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{house.api_port}", timeout=20) as caller:
        for kind, name, content in (("id_card", FILE_NAME, picture(person)), ("income_proof", PDF_NAME, document())):
            handed_in = caller.post(
                f"/api/v1/loans/{loan}/documents",
                files={"file": (name, content, "application/octet-stream")},
                data={"kind": kind},
                headers=as_integrator,
            )
            assert handed_in.status_code == 201, handed_in.text
            answers.append(handed_in)
        assert caller.get(f"/api/v1/loans/{loan}", headers=as_risk).is_success
        wrong = micro_application(person)
        wrong["form"] |= {"mobile": person.mobile + "0", person.name: person.id_number}
        refused = caller.post(
            "/api/v1/applications", json=wrong, headers=as_integrator | {"Idempotency-Key": "planted-wrong"}
        )
        assert refused.status_code == 422
        answers.append(refused)
        for address in (f"/api/v1/loans?stage={quote(person.name)}", f"/loans/{person.id_number}", f"/{person.mobile}"):
            answers.append(caller.get(address, headers=as_risk))
        answers += [
            caller.post("/sign-in/borrower", data={"loan": person.mobile, "digits": person.id_number}),
            caller.get("/api/v1/loans", headers={"Authorization": f"Bearer {person.id_number}"}),
            caller.get(f"/api/v1/loans/{loan}", headers={"Authorization": f"Bearer {demo_key('agent-tang')}"}),
            caller.post(
                "/api/v1/loans/search",
                json={"query": person.name},
                headers={"Authorization": f"Bearer {demo_key('agent-tang')}"},
            ),
            caller.post(f"/api/v1/loans/{loan}/documents", content=person.name.encode() * 10**6, headers=as_integrator),
            caller.get(f"http://127.0.0.1:{house.inner_port}/metrics"),
        ]
    assert not [one for one in answers if one.status_code >= 500]
    assert {one.status_code for one in answers} >= {200, 401, 403, 404, 413, 422}
    return answers


async def live(house: House, person: Person) -> str:
    """A loan from its application to its settlement, with what people look at meanwhile."""
    house.temporal.start()
    house.outside.start()
    house.worker.start()
    house.api.start()
    await house.connect()
    loan, noted = apply(house, person), house.apply(SOUND[9])
    apply_beside(house, SOUND[8])
    await house.bring_to(loan, Stage.APPROVAL)
    await house.bring_to(noted, Stage.APPROVAL)
    # Documents that do not agree with a case hold it up: they are handed in to the one that is withdrawn.
    answers = await asyncio.to_thread(call_about, house, person, noted)
    # An address that somebody typed stands in his own page, which leads back there.
    told = {
        str(one.url): lies_in(one.content, known_of(person)) - lies_in(one.url.raw_path, known_of(person))
        for one in answers
    }
    assert {address: values for address, values in told.items() if values} == {}
    order = CommandOrder(sender=INTEGRATOR, command_id="planted-note", reason=NOTE)
    await house.commands.withdraw(noted, order)
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
    found = {path.name: lies_in(path.read_bytes(), known_of(person) | {REASON, NOTE}) for path in ours}
    # What a person wrote is kept with his act and in the audit log, and nowhere else: not in the engine's histories.
    assert {name for name, values in found.items() if values} <= {"books.db", "books.db-wal"}
    assert set().union(*found.values()) == {REASON, NOTE}


async def failed_activity(house: House, loan: str, kind: str) -> ApplicationError | None:
    """How an activity of a loan that is tried again failed last, as the engine tells it, if by a fault of this kind."""
    workflow = workflow_id(loan)
    try:
        described = await house.client.get_workflow_handle(workflow).describe()
    except RPCError:
        # Not begun yet.
        return None
    for activity in described.raw_description.pending_activities:
        if activity.HasField("last_failure"):
            context = WorkflowSerializationContext(house.settings.temporal_namespace, workflow)
            failure = await DATA_CONVERTER.with_context(context).decode_failure(activity.last_failure)
            if isinstance(failure, ApplicationError) and failure.type == kind:
                return failure
    return None


async def test_faults_that_quote_what_they_stumbled_over_quote_it_in_no_log_answer_or_history(house: House) -> None:
    house.temporal.start()
    house.worker.start()
    house.api.start()
    await house.connect()
    loan = house.apply(SOUND[5])
    # Before: his first page lists all loans.
    visitor = await asyncio.to_thread(Visitor(f"http://127.0.0.1:{house.api_port}").sign_in, "risk-qian")
    # Nobody outside answers, and the registers are asked again and again.
    await eventually(lambda: failed_activity(house, loan, "OutsideUnavailable"), "a register was asked")
    with house.books.engine.begin() as connection:
        # Whoever reads this row fails with a ValueError whose sentence holds the value.
        spoilt = text("UPDATE loan SET stage = :value WHERE number = :loan")
        assert connection.execute(spoilt, {"value": IN_A_FAULT, "loan": loan}).rowcount == 1

    def look() -> list[httpx.Response]:
        found = [visitor.get(f"/loans/{loan}"), visitor.get(f"/loans/{loan}", headers={"HX-Request": "true"})]
        key = {"Authorization": f"Bearer {demo_key('risk-qian')}"}
        found.append(visitor.get(f"/api/v1/loans/{loan}", headers=key))
        visitor.close()
        return found

    answers = await asyncio.to_thread(look)
    house.outside.start()
    failure = await eventually(lambda: failed_activity(house, loan, "ValueError"), "an activity read it")
    history = await house.client.get_workflow_handle(workflow_id(loan)).fetch_history()
    house.clear_away()

    assert [one.status_code for one in answers] == [500, 500, 500]
    log = (house.folder / "api.log").read_text()
    for one, event in zip(answers, ("page_failed", "page_failed", "request_failed"), strict=True):
        assert IN_A_FAULT not in one.text
        (line,) = (line for line in log.splitlines() if one.headers["x-request-id"] in line and event in line)
        assert json.loads(line)["error"] == "ValueError"
        assert any("models/columns.py" in frame for frame in json.loads(line)["frames"])
    # The engine, too, is told the kind alone; tried again and again, nobody reads more of it.
    assert (str(failure), failure.__cause__) == ("ValueError: ValueError", None)
    assert IN_A_FAULT not in readable(opened_history(history))
    assert "activity_failed" in (house.folder / "worker.log").read_text()
    written = {path for path in house.folder.rglob("*") if path.is_file() and not path.name.startswith("books.db")}
    assert {path.name for path in written} >= {"api.log", "worker.log", "temporal.db"}
    assert {path.name for path in written if lies_in(path.read_bytes(), {IN_A_FAULT})} == set()


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
