"""The desk that reads documents: from the file to the verdict, with a slow reader, and two desks at once."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from sqlalchemy import text

from activities.documents import ReadingDesk
from books.session import Books
from gateways.document_reader import DocumentReader
from models.customers import PartyRole
from models.documents import DocumentReading, Reading, ReadingVerdict
from models.tasks import TaskKind
from models.verification import AuthorisationKind
from services.authorisations import give as give_word
from services.authorisations import take_back, words_of
from services.documents import hand_in
from services.documents_intake import PNG
from services.documents_reading import MOST_TRIES
from tests.modules.applications import CUSTOMER
from tests.modules.test_student import PARENT
from tests.services.document_files import id_card, income_proof, jpeg, png, taken
from tests.services.procedure import AGENT, INTEGRATOR, Procedure

NAME = str(CUSTOMER["name"])


def give(procedure: Procedure, loan: str, content: bytes, kind: str = "income_proof") -> str:
    with procedure.at() as work:
        return hand_in(work, AGENT, work.loans.get(loan), kind, "", taken(content, PNG)).id


def number_of(procedure: Procedure, loan: str) -> str:
    with procedure.books.read() as work:
        return str(work.loans.application(loan).form["id_number"])


def reading_of(books: Books, document: str) -> DocumentReading:
    with books.read() as work:
        found = work.documents.reading(document)
        assert found is not None
        return found


def desk(procedure: Procedure, reader: DocumentReader | None = None, at: datetime | None = None) -> ReadingDesk:
    """A desk at the opening of the day."""
    now = at or procedure.books.clock.opens_at(procedure.day)
    return ReadingDesk(procedure.books, reader, clock=lambda: now)


def test_documents_are_read_compared_and_kept(procedure: Procedure) -> None:
    loan = procedure.apply()
    number = number_of(procedure, loan)
    proof = give(procedure, loan, png(income_proof(NAME, number)))
    card = give(procedure, loan, jpeg(id_card(number)), "id_card")
    another = give(procedure, loan, png(income_proof("王伟", number, "6,500.00")))

    assert desk(procedure).read_all() == 3

    found = {one: reading_of(procedure.books, one) for one in (proof, card, another)}
    verdicts = {one: row.verdict for one, row in found.items()}
    assert verdicts == {
        proof: ReadingVerdict.AGREES,
        card: ReadingVerdict.AGREES,
        another: ReadingVerdict.DIFFERS,
    }
    told = found[another].found
    assert told is not None
    # A recogniser may take the comma for a full stop.
    differs = {one["field"]: one["read"].replace(",", ".") for one in told["checks"] if one["state"] == "differs"}
    assert differs == {"name": "王伟", "income": "6.500.00元"}
    picture = found[card].show_picture()
    assert picture is not None
    assert picture.startswith(b"\xff\xd8\xff")
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT]
    assert not desk(procedure).read_one()


def test_a_reader_that_stays_too_slow_leaves_the_document_to_a_person(procedure: Procedure, tmp_path: Path) -> None:
    tool = tmp_path / "slow.py"
    tool.write_text("import time\ntime.sleep(60)\n")
    loan = procedure.apply()
    document = give(procedure, loan, png(id_card(number_of(procedure, loan))), "id_card")
    now = procedure.books.clock.opens_at(procedure.day)
    for tried in range(1, MOST_TRIES + 1):
        assert desk(procedure, DocumentReader(0.2, tool), now + timedelta(hours=tried)).read_one()
        row = reading_of(procedure.books, document)
        assert row.attempts == tried
        if tried < MOST_TRIES:
            assert (row.done_at, row.last_error) == (None, "outside_unavailable")
    assert (row.verdict, row.last_error) == (ReadingVerdict.UNREADABLE, None)
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT]


def test_a_document_that_was_tampered_with_is_read_by_nobody(procedure: Procedure) -> None:
    loan = procedure.apply()
    document = give(procedure, loan, png(id_card(number_of(procedure, loan))), "id_card")
    with procedure.books.engine.begin() as connection:
        kept = bytes(
            connection.execute(text("SELECT sealed FROM document WHERE id = :id"), {"id": document}).scalar_one()
        )
        changed = {"id": document, "sealed": kept[:-1] + bytes([kept[-1] ^ 1])}
        connection.execute(text("UPDATE document SET sealed = :sealed WHERE id = :id"), changed)
    assert desk(procedure).read_one()
    assert reading_of(procedure.books, document).last_error == "seal_broken"


class _TakenBackMeanwhile:
    """A machine that needs so long that the borrower takes his word back before it has read."""

    def __init__(self, procedure: Procedure, loan: str) -> None:
        self.procedure, self.loan = procedure, loan

    def read(self, content: bytes, media_type: str) -> Reading:
        """What stands on the document, a moment too late."""
        with self.procedure.at() as work:
            borrower = work.customers.borrower(self.loan).id
            take_back(work, AGENT, work.loans.get(self.loan), borrower, AuthorisationKind.SENSITIVE)
        return DocumentReader().read(content, media_type)


def test_what_was_read_while_the_borrower_took_his_word_back_is_not_kept(procedure: Procedure) -> None:
    loan = procedure.apply()
    proof = give(procedure, loan, png(income_proof(NAME, number_of(procedure, loan))))
    assert desk(procedure, cast(DocumentReader, _TakenBackMeanwhile(procedure, loan))).read_one()
    row = reading_of(procedure.books, proof)
    assert (row.method, row.show_picture(), (row.lines or {}).get("lines")) == ("none", None, [])
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT]


def test_two_desks_read_the_same_file_of_two_customers_at_once(procedure: Procedure) -> None:
    loans = [procedure.apply(), procedure.apply()]
    card = png(id_card(number_of(procedure, loans[0])))
    documents = [give(procedure, loan, card, "id_card") for loan in loans]

    with ThreadPoolExecutor(2) as desks:
        assert sum(desks.map(lambda _: desk(procedure).read_all(), range(2))) == 2

    rows = [reading_of(procedure.books, one) for one in documents]
    assert [row.duplicated for row in rows] == [True, True]
    assert [row.verdict for row in rows] == [ReadingVerdict.AGREES, ReadingVerdict.DIFFERS]
    assert [procedure.open_tasks(loan) for loan in loans] == [[TaskKind.DOCUMENT]] * 2


def _claimed(books: Books, document: str) -> None:
    """Comes back a moment after a desk has taken the document."""
    while reading_of(books, document).attempts == 0:
        time.sleep(0.05)
    time.sleep(0.5)


async def test_a_desk_that_is_sent_home_ends_what_it_reads_at_once(procedure: Procedure, tmp_path: Path) -> None:
    tool = tmp_path / "slow.py"
    tool.write_text("import time\ntime.sleep(60)\n")
    loan = procedure.apply()
    document = give(procedure, loan, png(id_card(number_of(procedure, loan))), "id_card")
    at_work = asyncio.create_task(desk(procedure, DocumentReader(60, tool)).run())
    async with asyncio.timeout(20):
        await asyncio.to_thread(_claimed, procedure.books, document)
        at_work.cancel()
        await asyncio.gather(at_work, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_default_executor()
    row = reading_of(procedure.books, document)
    assert (row.done_at, row.last_error) == (None, "outside_unavailable")


def test_a_parents_card_is_read_by_the_parents_word_and_not_by_the_students(procedure: Procedure) -> None:
    loan = procedure.apply("student", **PARENT)
    picture = png(id_card(PARENT["joint_borrower_id_number"], PARENT["joint_borrower_name"]))

    def handed_in(content: bytes) -> str:
        with procedure.at() as work:
            parent = next(one.id for one in work.customers.parties(loan) if one.role is PartyRole.JOINT_BORROWER)
            return hand_in(work, AGENT, work.loans.get(loan), "id_card", "", taken(content, PNG), parent).id

    before = handed_in(picture)
    assert desk(procedure).read_all() == 1
    assert reading_of(procedure.books, before).method == "none"

    with procedure.at() as work:
        parent = next(one for one in words_of(work, loan) if one.name == "joint_borrower")
        give_word(work, INTEGRATOR, work.loans.get(loan), parent.party.id, sensitive=True)
    after = handed_in(picture + b"\n")
    assert desk(procedure).read_all() == 1
    row = reading_of(procedure.books, after)
    assert (row.method, row.verdict) == ("scan", ReadingVerdict.AGREES)
