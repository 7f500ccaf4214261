"""Who opens what a customer handed in: whoever works on the case, and of staff nobody the whole house's."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from books.session import UnitOfWork
from models.documents import Document
from models.staff import Actor
from services.documents import look_at
from services.documents_reading import note_fields_seen, show_picture
from services.errors import NotAllowed, ScopeMissing
from services.reveals import MOST_DOCUMENTS_AN_HOUR, Part, TooManyDocumentsOpened, open_document
from tests.services.procedure import ADMIN, AGENT, AUDITOR, FINANCE, INTEGRATOR, MANAGER, RISK, Procedure
from tests.services.test_documents import PDF, give
from tests.services.test_documents_reading import concluded, good

LOOKS: Mapping[str, Callable[[UnitOfWork, Actor, str, Document], object]] = {
    "file": lambda work, actor, loan, document: look_at(work, actor, work.loans.get(loan), document.id),
    "pages": lambda work, actor, loan, document: show_picture(work, actor, work.loans.get(loan), document.id),
    "fields": lambda work, actor, _, document: note_fields_seen(work, actor, document, in_full=False),
}


@pytest.mark.parametrize("look", LOOKS)
def test_what_a_customer_handed_in_is_for_who_works_on_the_case(procedure: Procedure, look: str) -> None:
    loan = procedure.apply()
    document = give(procedure, loan)
    concluded(procedure, document.id, good(procedure, loan))
    for actor in (AUDITOR, FINANCE, ADMIN):
        with procedure.at() as work, pytest.raises(NotAllowed, match="open what a customer handed in"):
            LOOKS[look](work, actor, loan, document)
    without_scope = Actor(INTEGRATOR.id, INTEGRATOR.role, scopes=frozenset())
    with procedure.at() as work, pytest.raises(ScopeMissing):
        LOOKS[look](work, without_scope, loan, document)
    assert "document_viewed" not in procedure.acts(loan)
    for actor in (AGENT, MANAGER, RISK, INTEGRATOR, procedure.borrower_of(loan)):
        with procedure.at() as work:
            LOOKS[look](work, actor, loan, document)
        entry = procedure.entries(loan)[-1]
        assert (entry.act, entry.actor_id, entry.subject) == ("document_viewed", actor.id, document.id)
        assert (entry.after or {})["part"] == look


def test_a_paper_of_the_lender_is_read_by_whoever_sees_the_loan(procedure: Procedure) -> None:
    loan = procedure.offered()
    procedure.sign(loan)
    with procedure.books.read() as work:
        (contract,) = [one for one in work.documents.of_loan(loan) if one.kind == "contract"]
    for actor in (AUDITOR, FINANCE, ADMIN, AGENT, RISK):
        with procedure.at() as work:
            assert look_at(work, actor, work.loans.get(loan), contract.id).id == contract.id
        assert "part" not in (procedure.entries(loan)[-1].after or {})


def copied(work: UnitOfWork, actor: Actor, loan: str, part: Part = Part.FILE) -> None:
    """As many documents as anybody may open, each twice."""
    for n in range(MOST_DOCUMENTS_AN_HOUR):
        open_document(work, actor, loan, f"{n:032x}", part)
        open_document(work, actor, loan, f"{n:032x}", Part.PAGES)


@pytest.mark.parametrize("part", [Part.FILE, Part.PAGES, Part.FIELDS_IN_FULL])
def test_nobody_copies_the_documents_of_the_house(procedure: Procedure, part: Part) -> None:
    loan = procedure.apply()
    document = give(procedure, loan)
    with procedure.at() as work:
        copied(work, RISK, loan, part)
        with pytest.raises(TooManyDocumentsOpened) as refused:
            look_at(work, RISK, work.loans.get(loan), document.id)
        assert (refused.value.code, refused.value.http_status) == ("too_many_documents_opened", 429)
        with pytest.raises(TooManyDocumentsOpened):
            note_fields_seen(work, RISK, document, in_full=True)
        # What he has open he may turn over, what is masked he may read, and others work on.
        open_document(work, RISK, loan, f"{7:032x}", Part.FILE)
        note_fields_seen(work, RISK, document, in_full=False)
        assert look_at(work, MANAGER, work.loans.get(loan), document.id).content == PDF
    with procedure.books.begin(datetime.now(UTC) + timedelta(minutes=61)) as work:
        assert look_at(work, RISK, work.loans.get(loan), document.id).content == PDF


def test_the_bound_is_for_staff_and_counts_neither_masked_fields_nor_the_lenders_papers(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.books.read() as work:
        (contract,) = [one for one in work.documents.of_loan(loan) if one.kind == "contract"]
    with procedure.at() as work:
        copied(work, INTEGRATOR, loan)
        open_document(work, INTEGRATOR, loan, "f" * 32, Part.FILE)
        for n in range(MOST_DOCUMENTS_AN_HOUR):
            open_document(work, AGENT, loan, f"{n:032x}", Part.FIELDS)
        for _ in range(MOST_DOCUMENTS_AN_HOUR):
            look_at(work, AGENT, work.loans.get(loan), contract.id)
        open_document(work, AGENT, loan, "f" * 32, Part.FILE)
