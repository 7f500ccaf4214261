"""A case whose documents are all there and right, for tests to which what stands on them does not matter."""

from books.session import UnitOfWork
from models.documents import Document, DocumentReading, ReadingVerdict
from services.audit import SYSTEM
from services.document_lists import DocumentStanding
from services.facts import document_list
from tests.services.document_files import taken


def complete_documents(work: UnitOfWork, loan: str) -> None:
    """Each document that the case needs today and that is not there yet, handed in and read."""
    found = document_list(work, work.loans.get(loan), work.today)
    assert found is not None
    for kind in found.required:
        if found.standing(kind) is DocumentStanding.HANDED_IN:
            continue
        file = taken(f"{loan} {kind}".encode())
        document = Document.of(
            file.content,
            sha256=file.sha256,
            loan=loan,
            kind=kind,
            filename=f"{kind}.pdf",
            media_type=file.media_type,
            uploaded_by=SYSTEM.id,
            uploaded_at=work.now,
        )
        work.session.add(document)
        work.session.flush()
        reading = DocumentReading(document_id=document.id, loan=loan, not_before=work.now)
        reading.done_at, reading.verdict = work.now, ReadingVerdict.AGREES
        reading.confidence, reading.method = 100, "text"
        work.session.add(reading)
