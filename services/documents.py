"""Documents of a loan: handing them in, looking at them."""

from books.session import UnitOfWork
from lending.errors import LendingError
from models.documents import Document, DocumentReading
from models.loans import CLOSED, Loan
from models.staff import Actor
from services import audit
from services.authorisations import signing_parties
from services.documents_intake import Examined
from services.errors import InvalidDocument, WrongStage
from services.permissions import Action, require
from services.products import catalogue
from services.reveals import VIEWED, Part, open_document

MOST_DOCUMENTS = 50
"""What may be handed in for a loan, of all kinds together: a few a kind and what a clerk asks for later."""
LONGEST_FILENAME = 200
FOLDERS_IN_NAME = "has folders in its name"


class TooManyDocuments(LendingError):
    """The loan has as many documents as it may have."""

    code = "too_many_documents"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has {MOST_DOCUMENTS} documents, which is the most that a loan may have")


class UnknownDocument(LendingError):
    """No such document of this loan."""

    code = "unknown_document"
    http_status = 404

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has no document of this id")


class PaperNotReady(LendingError):
    """The paper was asked for and is being made."""

    code = "paper_not_ready"
    http_status = 409

    def __init__(self, number: str, problem: str | None) -> None:
        """`problem` is the code of what has kept it back so far."""
        why = f"; it could not be made so far ({problem}) and will be tried again" if problem else ""
        super().__init__(f"paper {number} is being made; ask again in a moment{why}")


def hand_in(
    work: UnitOfWork,
    actor: Actor,
    loan: Loan,
    kind: str,
    filename: str,
    file: Examined,
    party_id: str | None = None,
) -> Document:
    """Keeps a document of one person sealed, and has it read; the same content for the same loan and kind is kept once.

    It is of the person with `party_id`, without one of the borrower. A loan takes papers until it is closed: a running
    one too, for a clerk may still ask for some. Raises WrongStage for a closed loan, InvalidDocument for an unknown
    kind or person, for a name with folders in it and for a file that is there as another person's, and TooManyDocuments
    for one beyond MOST_DOCUMENTS. Of the file's name what can be printed is kept.
    """
    require(actor, Action.HAND_IN_DOCUMENTS)
    name = _plain(filename)
    # Held until the end: of two documents at once only one can be the last, and the loan cannot close meanwhile.
    loan = work.loans.get(loan.number)
    if loan.stage in CLOSED:
        raise WrongStage(loan.number, loan.stage, "handing in a document")
    product = catalogue().product(loan.product)
    kinds = (*product.documents, *product.later_documents)
    if kind not in kinds:
        raise InvalidDocument(
            f"{loan.product} loans take these documents: {', '.join(kinds)}",
            fields={"kind": "not a kind of document here"},
        )
    party_id = party_id or work.customers.borrower(loan.number).id
    if party_id not in {party.id for party, _ in signing_parties(work, loan.number)}:
        raise InvalidDocument(
            f"a document is of the borrower of loan {loan.number} or of somebody who signs beside him",
            fields={"party": "nobody of this loan"},
        )
    before = work.documents.same(loan.number, kind, file.sha256)
    if before is not None:
        if before.party_id not in (None, party_id):
            raise InvalidDocument(
                "this very file was handed in as the document of another person of the loan",
                fields={"party": "this file is another person's"},
            )
        return before
    if work.documents.handed_in(loan.number) >= MOST_DOCUMENTS:
        raise TooManyDocuments(loan.number)
    document = Document.of(
        file.content,
        sha256=file.sha256,
        loan=loan.number,
        kind=kind,
        party_id=party_id,
        filename=name,
        media_type=file.media_type,
        uploaded_by=actor.id,
        uploaded_at=work.now,
    )
    work.session.add(document)
    # The reading refers to the document, and the two tables know nothing of each other's order of writing.
    work.session.flush()
    work.session.add(DocumentReading(document_id=document.id, loan=loan.number, not_before=work.now))
    audit.record(
        work,
        actor,
        "document_handed_in",
        loan=loan.number,
        subject=document.id,
        after={"kind": kind, "party": party_id, "sha256": file.sha256, "size_bytes": document.size_bytes},
    )
    return document


def look_at(work: UnitOfWork, actor: Actor, loan: Loan, document_id: str) -> Document:
    """A document with its content; that it was looked at goes into the audit log.

    The lender's papers are for all who see the loan, what was handed in for those who `open_document` lets open it.
    Raises UnknownDocument for one that is not of this loan, PaperNotReady for a paper that is still being made, and its
    content SealBroken where it is not the one that was kept.
    """
    document = work.documents.get(document_id)
    if document is None or document.loan != loan.number:
        order = work.papers.get(document_id)
        if order is not None and order.loan == loan.number:
            raise PaperNotReady(order.number, order.last_error)
        raise UnknownDocument(loan.number)
    seen = {"kind": document.kind, "sha256": document.sha256}
    if document.is_paper:
        audit.record(work, actor, VIEWED, loan=loan.number, subject=document.id, after=seen)
    else:
        open_document(work, actor, loan.number, document.id, Part.FILE, **seen)
    return document


def _plain(filename: str) -> str:
    """A file's name without what cannot be printed; InvalidDocument for a path of any system. Browsers send none: who
    does wants to reach a folder of ours, or tells us of his own.
    """
    printable = "".join(sign for sign in filename if sign.isprintable())
    if "/" in printable or "\\" in printable or printable.strip() in (".", ".."):
        raise InvalidDocument(
            "a file has a name without folders; send the last part of its path alone",
            fields={"file": FOLDERS_IN_NAME},
        )
    return printable.strip(" .")[:LONGEST_FILENAME] or "document"
