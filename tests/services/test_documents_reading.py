"""What becomes of a document that was read: kept, asked about, decided by somebody else, the same file noticed."""

import pytest
from sqlalchemy import text

from models.documents import Document, DocumentReading, Reading, ReadingVerdict
from models.loans import Stage
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind, TaskStatus
from services import absences, tasks
from services.documents import UnknownDocument, hand_in
from services.documents_reading import (
    LEASE,
    NothingDoubtful,
    conclude,
    decide,
    documents_doubtful,
    note_fields_seen,
    put_off,
    show_picture,
)
from services.errors import InvalidDecision, NotAllowed, TaskClosed
from tests.modules.applications import id_number
from tests.services.audit_log import tamper
from tests.services.document_files import taken
from tests.services.procedure import AGENT, AUDITOR, FINANCE, MANAGER, RISK, Procedure
from tests.services.test_documents_comparing import read

FILE = b"\x89PNG a proof of income"
NOTHING = Reading("none", 0, ())


def give(procedure: Procedure, loan: str, content: bytes = FILE, kind: str = "income_proof") -> str:
    """A document of the agent's borrower."""
    with procedure.at() as work:
        return hand_in(work, AGENT, work.loans.get(loan), kind, "x.png", taken(content, "image/png")).id


def concluded(procedure: Procedure, document: str, reading: Reading) -> DocumentReading:
    """The document read so, as the books have it then."""
    with procedure.at() as work:
        conclude(work, document, reading)
    return reading_of(procedure, document)


def reading_of(procedure: Procedure, document: str) -> DocumentReading:
    with procedure.books.read() as work:
        found = work.documents.reading(document)
        assert found is not None
        return found


def good(procedure: Procedure, loan: str) -> Reading:
    """A proof that says what the form says, with a picture of itself."""
    with procedure.books.read() as work:
        form = work.loans.application(loan).form
    page = read("收入证明", f"兹证明 {form['name']}，身份证号码 {form['id_number']}，", "月收入 10,000.00 元。")
    return Reading(page.method, page.pages, page.lines, b"a picture", (778, 1100))


def word(
    procedure: Procedure,
    loan: str,
    document: str,
    outcome: Outcome = Outcome.APPROVE,
    actor: Actor = MANAGER,
    reason: str = "compared by eye",
) -> DocumentReading:
    """A person's decision."""
    with procedure.at() as work:
        return decide(work, actor, work.loans.get(loan), document, outcome, reason)


def test_a_document_that_agrees_is_kept_and_asks_nobody(procedure: Procedure) -> None:
    loan = procedure.apply()
    document = give(procedure, loan)
    row = concluded(procedure, document, good(procedure, loan))
    assert (row.verdict, row.confidence, row.method, row.doubtful) == (ReadingVerdict.AGREES, 93, "scan", False)
    assert row.found is not None
    assert [one["field"] for one in row.found["checks"]] == ["name", "id_number", "income"]
    assert procedure.open_tasks(loan) == []
    entry = procedure.entries(loan)[-1]
    assert (entry.act, entry.subject, entry.actor_id) == ("document_read", document, "system")
    assert entry.after is not None
    assert set(entry.after) == {"kind", "verdict", "confidence", "method", "duplicated"}


def test_a_reading_is_kept_once(procedure: Procedure) -> None:
    loan = procedure.apply()
    document = give(procedure, loan)
    concluded(procedure, document, good(procedure, loan))
    assert concluded(procedure, document, NOTHING).verdict is ReadingVerdict.AGREES
    assert procedure.acts(loan).count("document_read") == 1


def test_documents_in_doubt_become_one_task_of_the_approver(procedure: Procedure) -> None:
    loan = procedure.apply()
    for n in range(2):
        concluded(procedure, give(procedure, loan, FILE + b"%d" % n), NOTHING)
    task = procedure.task(loan, TaskKind.DOCUMENT)
    assert (task.role, task.about) == (MANAGER.role, "documents to look at")
    with procedure.books.read() as work:
        assert documents_doubtful(work.documents.readings(loan)) == 2
    assert procedure.loan(loan).stage is Stage.APPLICATION


def test_the_last_decision_closes_the_task_and_the_loan_stays_where_it_is(procedure: Procedure) -> None:
    loan = procedure.apply()
    first, second = (give(procedure, loan, FILE + b"%d" % n) for n in range(2))
    for document in (first, second):
        concluded(procedure, document, NOTHING)
    task = procedure.task(loan, TaskKind.DOCUMENT).id
    word(procedure, loan, first, reason="  the agent brought the original ")
    assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT]
    row = word(procedure, loan, second, Outcome.REFUSE, RISK)
    assert (row.outcome, row.decided_by) == (Outcome.REFUSE, RISK.id)
    with procedure.books.read() as work:
        assert work.tasks.get(task).status is TaskStatus.DONE
        assert documents_doubtful(work.documents.readings(loan)) == 1
    assert reading_of(procedure, first).reason == "the agent brought the original"
    assert procedure.loan(loan).stage is Stage.APPLICATION
    entry = procedure.entries(loan)[-1]
    assert (entry.act, entry.actor_id, entry.reason) == ("document_decided", RISK.id, "compared by eye")
    assert entry.after == {"kind": "income_proof", "outcome": "refuse"}


def test_a_decision_is_refused_to_the_wrong_person_without_reason_and_a_second_time(procedure: Procedure) -> None:
    loan, other = procedure.apply(), procedure.apply()
    document = give(procedure, loan)
    with pytest.raises(NothingDoubtful):
        word(procedure, loan, document)
    concluded(procedure, document, NOTHING)
    for actor in (AGENT, FINANCE, AUDITOR):
        with pytest.raises(NotAllowed):
            word(procedure, loan, document, actor=actor)
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(InvalidDecision):
            word(procedure, loan, document, reason=reason)
    with pytest.raises(InvalidDecision):
        word(procedure, loan, document, Outcome.RETURN)
    with pytest.raises(UnknownDocument):
        word(procedure, other, document)
    word(procedure, loan, document)
    with pytest.raises(NothingDoubtful):
        word(procedure, loan, document, Outcome.REFUSE)
    assert reading_of(procedure, document).outcome is Outcome.APPROVE


def test_whoever_handed_a_document_in_does_not_decide_on_it(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.at() as work:
        own = hand_in(work, MANAGER, work.loans.get(loan), "id_card", "x.png", taken(FILE, "image/png")).id
    concluded(procedure, own, NOTHING)
    with pytest.raises(NotAllowed, match="whoever handed"):
        word(procedure, loan, own)
    assert word(procedure, loan, own, actor=RISK).outcome is Outcome.APPROVE


def test_the_deputy_of_whoever_handed_a_document_in_does_not_decide_on_it_for_him(procedure: Procedure) -> None:
    loan, deputy = procedure.apply(), Actor("manager-feng", Role.MANAGER)
    with procedure.at() as work:
        own = hand_in(work, MANAGER, work.loans.get(loan), "id_card", "x.png", taken(FILE, "image/png")).id
    concluded(procedure, own, NOTHING)
    with procedure.at() as work:
        tasks.claim(work, MANAGER, work.tasks.get(procedure.task(loan, TaskKind.DOCUMENT).id))
        absences.enter(work, MANAGER, MANAGER.id, deputy.id, procedure.day, procedure.day, "ill")
    with pytest.raises(NotAllowed, match="nor does his deputy"):
        word(procedure, loan, own, actor=deputy)


def test_the_task_cannot_be_finished_past_its_documents(procedure: Procedure) -> None:
    loan = procedure.apply()
    concluded(procedure, give(procedure, loan), NOTHING)
    with procedure.at() as work, pytest.raises(NotAllowed, match="each of the loan's documents"):
        tasks.finish(work, MANAGER, work.tasks.open_of(loan, TaskKind.DOCUMENT)[0], "seen")


def test_a_closed_loan_asks_nobody(procedure: Procedure) -> None:
    loan = procedure.apply()
    document = give(procedure, loan)
    with procedure.at() as work:
        found = work.loans.get(loan)
        found.stage = Stage.WITHDRAWN
        work.session.add(found)
    assert concluded(procedure, document, NOTHING).doubtful
    assert procedure.open_tasks(loan) == []
    with pytest.raises(TaskClosed):
        word(procedure, loan, document)


def test_the_same_file_of_another_customer_is_marked_on_both_sides_and_names_neither(procedure: Procedure) -> None:
    first, second = procedure.apply(), procedure.apply()
    one = give(procedure, first)
    assert not concluded(procedure, one, good(procedure, first)).duplicated
    two = give(procedure, second)
    row = concluded(procedure, two, good(procedure, second))
    assert (row.verdict, row.duplicated, row.doubtful) == (ReadingVerdict.AGREES, True, True)
    marked = reading_of(procedure, one)
    assert (marked.duplicated, marked.doubtful) == (True, True)
    for loan, other in ((first, second), (second, first)):
        assert procedure.open_tasks(loan) == [TaskKind.DOCUMENT]
        said = [str((entry.after, entry.reason)) for entry in procedure.entries(loan)]
        assert not any(other in words for words in said)
        assert other not in procedure.task(loan, TaskKind.DOCUMENT).about
    assert procedure.acts(first)[-1] == "document_duplicated"


def test_the_same_file_of_the_same_customer_is_no_duplicate(procedure: Procedure) -> None:
    number = id_number(sequence=77)
    first, second = (procedure.apply(id_number=number, amount=amount) for amount in ("12000.00", "11000.00"))
    assert procedure.loan(first).customer_id == procedure.loan(second).customer_id
    for loan in (first, second):
        assert not concluded(procedure, give(procedure, loan), good(procedure, loan)).duplicated


def test_a_decided_document_stays_decided_when_its_file_comes_again(procedure: Procedure) -> None:
    first, second = procedure.apply(), procedure.apply()
    one = give(procedure, first)
    concluded(procedure, one, NOTHING)
    word(procedure, first, one)
    concluded(procedure, give(procedure, second), NOTHING)
    marked = reading_of(procedure, one)
    assert (marked.duplicated, marked.outcome) == (True, Outcome.APPROVE)
    assert procedure.open_tasks(first) == []


def test_the_picture_lies_sealed_and_looking_at_it_is_recorded(procedure: Procedure) -> None:
    loan, other = procedure.apply(), procedure.apply()
    document = give(procedure, loan)
    row = concluded(procedure, document, good(procedure, loan))
    with procedure.at() as work:
        picture = text("SELECT picture FROM document_reading WHERE document_id = :id")
        lies = bytes(work.session.execute(picture, {"id": row.document_id}).scalar_one())
        assert lies.startswith(f"s1.{work.loans.get(loan).customer_id}.".encode())
        assert b"a picture" not in lies
        assert show_picture(work, MANAGER, work.loans.get(loan), document) == b"a picture"
    entry = procedure.entries(loan)[-1]
    assert (entry.act, entry.actor_id, entry.after) == ("document_viewed", MANAGER.id, {"part": "pages"})
    with procedure.at() as work, pytest.raises(UnknownDocument):
        show_picture(work, MANAGER, work.loans.get(other), document)
    with procedure.at() as work:
        note_fields_seen(work, MANAGER, work.session.get_one(Document, document), in_full=False)
    assert procedure.entries(loan)[-1].after == {"kind": "income_proof", "part": "fields"}


def test_a_document_that_could_not_be_read_comes_back_later_and_later(procedure: Procedure) -> None:
    loan = procedure.apply()
    document = give(procedure, loan)
    waits = []
    for attempts in (1, 2, 3):
        with procedure.at() as work:
            row = work.session.get_one(DocumentReading, document)
            row.attempts = attempts
            work.session.add(row)
            put_off(work, document, "outside_unavailable")
            waits.append(row.not_before - work.now)
            assert row.last_error == "outside_unavailable"
    assert waits[0] < waits[1] < waits[2]


def test_waiting_documents_are_claimed_once_and_oldest_first(procedure: Procedure) -> None:
    loan = procedure.apply()
    first, second = (give(procedure, loan, FILE + b"%d" % n) for n in range(2))
    with procedure.at() as work:
        assert work.documents.is_reading_due(work.now)
        claimed = [work.documents.claim_reading(work.now, LEASE) for _ in range(3)]
        assert [one and one.document_id for one in claimed] == [first, second, None]
        assert not work.documents.is_reading_due(work.now)
        assert work.documents.is_reading_due(work.now + LEASE)


def test_what_is_damaged_of_an_earlier_reading_keeps_no_document_from_its_turn(procedure: Procedure) -> None:
    loan = procedure.apply()
    first, second = (give(procedure, loan, FILE + b"%d" % n) for n in range(2))
    tamper(procedure.books, f"UPDATE document_reading SET found = 'nonsense' WHERE document_id = '{first}'")
    with procedure.at() as work:
        claimed = [work.documents.claim_reading(work.now, LEASE) for _ in range(3)]
        assert [one and one.document_id for one in claimed] == [first, second, None]
        put_off(work, first, "seal_broken")
