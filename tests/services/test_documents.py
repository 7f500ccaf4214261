"""Documents handed in: by whom, until when, how many, and each content once, sealed."""

import hashlib

import pytest
from sqlalchemy import text

from models.documents import Document
from models.loans import CLOSED, Stage
from models.sealing import SealBroken
from models.staff import Actor
from services.documents import FOLDERS_IN_NAME, LONGEST_FILENAME, MOST_DOCUMENTS, TooManyDocuments, hand_in, look_at
from services.errors import InvalidDocument, NotAllowed, WrongStage
from tests.services.document_files import taken
from tests.services.procedure import ADMIN, AGENT, AUDITOR, FINANCE, RISK, Procedure

PDF = b"%PDF-1.7 an income proof"


def give(
    procedure: Procedure,
    loan: str,
    content: bytes = PDF,
    kind: str = "income_proof",
    actor: Actor = AGENT,
    filename: str = "收入证明.pdf",
) -> Document:
    with procedure.at() as work:
        return hand_in(work, actor, work.loans.get(loan), kind, filename, taken(content))


def test_a_document_is_kept_as_it_came_and_waits_to_be_read(procedure: Procedure) -> None:
    loan = procedure.apply()
    kept = give(procedure, loan)
    assert (kept.media_type, kept.size_bytes, kept.content) == ("application/pdf", len(PDF), PDF)
    assert kept.sha256 == hashlib.sha256(PDF).hexdigest()
    entry = procedure.entries(loan)[-1]
    assert (entry.act, entry.subject, entry.actor_id) == ("document_handed_in", kept.id, AGENT.id)
    assert kept.party_id is not None
    assert entry.after == {
        "kind": "income_proof",
        "party": kept.party_id,
        "sha256": kept.sha256,
        "size_bytes": len(PDF),
    }
    with procedure.books.read() as work:
        (waiting,) = work.documents.readings(loan)
        assert (waiting.document_id, waiting.done_at, waiting.verdict) == (kept.id, None, None)


def test_a_content_lies_sealed_and_opens_for_its_own_row_only(procedure: Procedure) -> None:
    loan = procedure.apply()
    first, second = give(procedure, loan), give(procedure, loan, PDF + b" of another year")
    with procedure.books.read() as work:
        for kept in (first, second):
            sealed = text("SELECT sealed FROM document WHERE id = :id")
            lies = bytes(work.session.execute(sealed, {"id": kept.id}).scalar_one())
            assert lies.startswith(f"s1.{work.loans.get(loan).customer_id}.".encode())
            assert b"income" not in lies
    with procedure.at() as work:
        work.session.get_one(Document, first.id).sealed = second.sealed
    with procedure.at() as work:
        moved = look_at(work, RISK, work.loans.get(loan), first.id)
        with pytest.raises(SealBroken):
            assert moved.content
        assert look_at(work, RISK, work.loans.get(loan), second.id).content.endswith(b"another year")


def test_the_same_content_is_kept_once_for_a_loan_and_kind(procedure: Procedure) -> None:
    loan, other = procedure.apply(), procedure.apply()
    first = give(procedure, loan)
    assert give(procedure, loan, filename="again.pdf").id == first.id
    assert give(procedure, loan, kind="id_card").id != first.id
    assert give(procedure, other).id != first.id
    assert procedure.acts(loan).count("document_handed_in") == 2
    with procedure.books.read() as work:
        assert [document.kind for document in work.documents.of_loan(loan)] == ["income_proof", "id_card"]


def test_a_list_of_documents_does_not_load_their_content(procedure: Procedure) -> None:
    loan = procedure.apply()
    give(procedure, loan)
    with procedure.books.read() as work:
        (document,) = work.documents.of_loan(loan)
        assert "sealed" not in document.__dict__


def test_what_is_no_kind_of_document_of_the_product_is_refused(procedure: Procedure) -> None:
    loan = procedure.apply()
    with pytest.raises(InvalidDocument) as refused:
        give(procedure, loan, kind="admission_letter")
    assert list(refused.value.fields) == ["kind"]
    assert procedure.acts(loan) == ["application_submitted"]


@pytest.mark.parametrize("actor", [AUDITOR, FINANCE, RISK, ADMIN], ids=lambda actor: actor.role)
def test_roles_that_bring_in_no_cases_hand_in_no_documents(procedure: Procedure, actor: Actor) -> None:
    with pytest.raises(NotAllowed):
        give(procedure, procedure.apply(), actor=actor)


def test_the_borrower_hands_in_his_own(procedure: Procedure) -> None:
    loan = procedure.apply()
    borrower = procedure.borrower_of(loan)
    assert give(procedure, loan, actor=borrower).uploaded_by == borrower.id


def put(procedure: Procedure, loan: str, stage: Stage) -> None:
    with procedure.at() as work:
        found = work.loans.get(loan)
        found.stage = stage
        work.session.add(found)


@pytest.mark.parametrize("stage", Stage)
def test_a_loan_takes_documents_until_it_is_closed(procedure: Procedure, stage: Stage) -> None:
    loan = procedure.apply()
    put(procedure, loan, stage)
    if stage in CLOSED:
        with pytest.raises(WrongStage):
            give(procedure, loan)
    else:
        assert give(procedure, loan).loan == loan


def test_a_loan_that_closed_since_it_was_looked_at_takes_no_document(procedure: Procedure) -> None:
    loan = procedure.apply()
    with procedure.books.read() as work:
        looked_at = work.loans.get(loan)
    put(procedure, loan, Stage.SETTLED)
    with procedure.at() as work, pytest.raises(WrongStage):
        hand_in(work, AGENT, looked_at, "income_proof", "x.pdf", taken(PDF))


def test_a_loan_takes_no_more_documents_than_its_number_but_knows_those_it_has(procedure: Procedure) -> None:
    loan = procedure.apply()
    kinds = ["income_proof", "id_card"]
    for n in range(MOST_DOCUMENTS):
        give(procedure, loan, PDF + b"%d" % n, kinds[n % 2])
    for kind in kinds:
        with pytest.raises(TooManyDocuments) as refused:
            give(procedure, loan, PDF + b"one more", kind)
        assert (refused.value.code, refused.value.http_status) == ("too_many_documents", 409)
    assert give(procedure, loan, PDF + b"0").filename
    assert give(procedure, procedure.apply(), PDF + b"one more").filename


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("x\x00\x07\u202e.pdf\r\n", "x.pdf"),
        ("", "document"),
        ("x" * 500, "x" * LONGEST_FILENAME),
        ("my card (1).pdf", "my card (1).pdf"),
    ],
)
def test_of_a_file_name_what_can_be_printed_is_kept(procedure: Procedure, sent: str, kept: str) -> None:
    assert give(procedure, procedure.apply(), filename=sent).filename == kept


@pytest.mark.parametrize(
    "sent",
    ["../../../etc/x.pdf", "C:\\Users\\wang\\证明.pdf", "a/b\\c.pdf", "..", ".\x00.", " . ", "folder/", "/"],
)
def test_a_file_whose_name_has_folders_is_refused_and_not_kept(procedure: Procedure, sent: str) -> None:
    loan = procedure.apply()
    with pytest.raises(InvalidDocument, match="without folders") as refused:
        give(procedure, loan, filename=sent)
    assert refused.value.fields == {"file": FOLDERS_IN_NAME}
    with procedure.at() as work:
        assert list(work.documents.of_loan(loan)) == []
