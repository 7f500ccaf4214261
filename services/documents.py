"""Documents handed in for a loan."""

import hashlib

from books.session import UnitOfWork
from models.documents import Document
from models.loans import CLOSED, Loan
from models.staff import Actor
from services import audit
from services.errors import InvalidDocument, WrongStage
from services.permissions import check_may_enter
from services.products import catalogue

LARGEST_BYTES = 5 * 1024 * 1024

SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
"""How the types that are taken begin; the sender's own word for the type is not believed."""


def hand_in(work: UnitOfWork, actor: Actor, loan: Loan, kind: str, filename: str, content: bytes) -> Document:
    """Keeps a document; the same content for the same loan and kind is kept once.

    Raises InvalidDocument for an unknown kind, an empty or oversized file or a type that is not PDF, PNG or JPEG.
    """
    check_may_enter(actor)
    if loan.stage in CLOSED:
        raise WrongStage(loan.number, loan.stage, "handing in a document")
    kinds = catalogue().product(loan.product).documents
    if kind not in kinds:
        raise InvalidDocument(
            f"{loan.product} loans take these documents: {', '.join(kinds)}",
            fields={"kind": "not a kind of document here"},
        )
    if not 0 < len(content) <= LARGEST_BYTES:
        raise InvalidDocument(
            f"a document has between 1 byte and {LARGEST_BYTES // 1024 // 1024} MiB",
            fields={"file": "empty or too large"},
        )
    media_type = next((name for start, name in SIGNATURES if content.startswith(start)), None)
    if media_type is None:
        raise InvalidDocument("a document is a PDF, PNG or JPEG file", fields={"file": "not a PDF, PNG or JPEG"})
    digest = hashlib.sha256(content).hexdigest()
    before = work.documents.same(loan.number, kind, digest)
    if before is not None:
        return before
    document = Document(
        loan=loan.number,
        kind=kind,
        filename=filename[:200],
        media_type=media_type,
        size_bytes=len(content),
        sha256=digest,
        content=content,
        uploaded_by=actor.id,
        uploaded_at=work.now,
    )
    work.session.add(document)
    audit.record(
        work,
        actor,
        "document_handed_in",
        loan=loan.number,
        subject=document.id,
        after={"kind": kind, "sha256": digest, "size_bytes": len(content)},
    )
    return document
