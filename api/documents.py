"""Documents of a loan: handing them in, the list of them, their content, and papers that the lender issues."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Path, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, model_validator

from api.context import Acting, ApiContext, Context, Looking
from api.problems import refusals
from api.shapes import Asked, LoanNumber, Words
from books.session import UnitOfWork
from models import keys
from models.documents import Document, DocumentReading, ReadingVerdict
from models.loans import Loan
from models.papers import PaperLanguage, PaperOrder
from models.staff import Actor
from models.tasks import Outcome
from services.document_lists import DocumentStanding, asked_again
from services.documents import hand_in, look_at
from services.documents_intake import LARGEST_BYTES, Examined, examine
from services.documents_reading import decide, documents_doubtful
from services.facts import document_list
from services.loan_history import told_who
from services.papers import order_certificate, order_contract, order_receipt, order_statement
from services.permissions import Action, allows

router = APIRouter(tags=["documents"])

LARGEST_UPLOAD = LARGEST_BYTES + 64 * 1024
"""A document of the largest size with what multipart adds to it."""


class DocumentView(BaseModel):
    """A document without its content; `media_type` is what the content shows, not what the sender said."""

    id: str
    kind: str
    party: str | None = Field(
        description="whose it is, as `GET /loans/{loan}/authorisations` names people; null for a paper that the lender "
        "issued, and for an older one of which nobody has said whose it is"
    )
    filename: str | None = Field(description="null of what was handed in, for who may not open it")
    media_type: str
    size_bytes: int
    sha256: str
    language: str | None = Field(description="of a paper that the lender issued; null for what was handed in")
    terms_version: int | None = Field(description="the version of the terms that the paper is made from")
    uploaded_by: str
    uploaded_at: datetime


class ReadingView(BaseModel):
    """What became of reading a document by machine. What stands on it is on the pages only, for those who decide."""

    verdict: ReadingVerdict | None = Field(description="null while it waits to be read")
    confidence: int | None = Field(description="of the verdict, in percent")
    doubtful: bool = Field(description="a person has to look at it, or had to")
    outcome: Outcome | None = Field(description="what he decided: `approve` or `refuse`")


class ListedDocument(DocumentView):
    """A document with what became of reading it; papers that the lender issued are not read."""

    reading: ReadingView | None


class NeededDocument(BaseModel):
    """A kind of document that the policy of the product asks for, and how it stands."""

    kind: str
    standing: DocumentStanding


class WantedDocument(BaseModel):
    """A document that has to be handed in again."""

    kind: str
    party: str | None = Field(description="whose it is; null for one of which nobody has said so")


class DocumentsView(BaseModel):
    """A loan's documents, oldest first; `doubtful` counts those in doubt and undecided, or refused.

    `needed` is what the application needs as it stands; null once the money is out or the case is closed. `again` are
    those that a person did not take and that have to be handed in again; the money waits for them after the approval.
    """

    items: list[ListedDocument]
    doubtful: int
    needed: list[NeededDocument] | None
    again: list[WantedDocument]


class DocumentDecision(Asked):
    """What a person says about a document in doubt."""

    outcome: Annotated[Outcome, Field(description="`approve` or `refuse`")]
    reason: Words
    party: Annotated[
        str | None,
        Field(pattern=keys.ID_PATTERN, description="whose it is, where it is taken and nobody has said so before"),
    ] = None


class AskedPaper(StrEnum):
    """Papers that may be asked for."""

    CONTRACT = "contract"
    STATEMENT = "statement"
    RECEIPT = "receipt"
    SETTLEMENT_CERTIFICATE = "settlement_certificate"


class PaperAsked(Asked):
    """What the paper is about: a period for a statement, a payment for a receipt, nothing for the others."""

    language: PaperLanguage = Field(PaperLanguage.CHINESE, description="the Chinese text is the one that counts")
    from_: Annotated[date | None, Field(alias="from", description="first day of a statement")] = None
    to: Annotated[date | None, Field(description="last day of a statement")] = None
    payment: Annotated[
        str | None,
        Field(pattern=r"^[!-~]{1,96}$", description="`key` of the payment, as `transactions` lists it, for a receipt"),
    ] = None

    @model_validator(mode="after")
    def _period_is_whole(self) -> Self:
        if (self.from_ is None) != (self.to is None):
            raise ValueError("a period has `from` and `to`")
        return self


class PaperView(BaseModel):
    """A paper that was asked for; `content` is the address at which it can be fetched once it is `ready`."""

    id: str = Field(description="id of the document it becomes")
    kind: str
    language: PaperLanguage
    number: str = Field(description="printed on the paper")
    ready: bool
    content: str


DocumentId = Annotated[str, Path(pattern=keys.ID_PATTERN, description="the document's id")]


@router.get("/loans/{loan}/documents", responses=refusals(404))
def list_documents(loan: LoanNumber, actor: Acting, look: Looking) -> DocumentsView:
    """What was handed in for the loan, and the papers that the lender issued."""
    with look() as work:
        found = work.loans.seen_by(actor, loan)
        readings = {one.document_id: one for one in work.documents.readings(loan)}
        items = [
            _listed(actor, found, document, readings.get(document.id)) for document in work.documents.of_loan(loan)
        ]
        return DocumentsView(
            items=items,
            doubtful=documents_doubtful(list(readings.values())),
            needed=_needed(work, found),
            again=[WantedDocument(kind=one.kind, party=one.party_id) for one in asked_again(work, found)],
        )


@router.post(
    "/loans/{loan}/documents",
    status_code=201,
    responses={
        200: {"model": DocumentView, "description": "the same document was there before"},
        **refusals(403, 404, 409),
    },
)
async def upload_document(
    loan: LoanNumber,
    kind: Annotated[str, Form(pattern=r"^[a-z_]{1,32}$", description="a kind of document that the product asks for")],
    file: Annotated[UploadFile, File(description="a PDF, PNG or JPEG file of at most 5 MiB")],
    actor: Acting,
    context: Context,
    response: Response,
    party: Annotated[
        str | None,
        Form(pattern=keys.ID_PATTERN, description="whose it is, the borrower's where nothing is said"),
    ] = None,
) -> DocumentView:
    """Keeps a document of one person; the same content of the same kind is kept once, and is one person's.

    A loan takes up to 50 documents until it is closed, a running one too; of a file's name the last part is kept.
    """
    content, name = await file.read(), file.filename or ""
    # Before a unit of work is opened: nobody waits for the books because of a file.
    examined = await run_in_threadpool(examine, content, name)
    document, is_new = await run_in_threadpool(_keep, context, actor, loan, kind, name, examined, party)
    if not is_new:
        response.status_code = 200
    return document


@router.post("/loans/{loan}/documents/{document_id}/decision", responses=refusals(403, 404, 409))
def decide_document(
    loan: LoanNumber, document_id: DocumentId, body: DocumentDecision, actor: Acting, context: Context
) -> ListedDocument:
    """Takes a document in doubt, or does not; never by whoever handed it in. The loan goes on as it would have."""
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        reading = decide(work, actor, found, document_id, body.outcome, body.reason, body.party)
        document = next(one for one in work.documents.of_loan(loan) if one.id == document_id)
        return _listed(actor, found, document, reading)


@router.get(
    "/loans/{loan}/documents/{document_id}/content",
    response_class=Response,
    responses={
        200: {
            "description": "the file as it was handed in or issued",
            "content": {name: {} for name in ("application/pdf", "image/png", "image/jpeg")},
        },
        **refusals(403, 404, 409, 429),
    },
)
def show_document(loan: LoanNumber, document_id: DocumentId, actor: Acting, context: Context) -> Response:
    """The content of a document. That it was looked at goes into the audit log; 409 while a paper is being made.

    What was handed in is for who works on the case, of staff within a number an hour, and for who handed it in.
    """
    with context.books.begin() as work:
        document = look_at(work, actor, work.loans.seen_by(actor, loan), document_id)
    headers = {
        # Never shown as a page of ours: what was handed in may be anything.
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(document.filename, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "X-Document-Sha256": document.sha256,
    }
    return Response(document.content, headers=headers, media_type=document.media_type)


@router.post(
    "/loans/{loan}/papers/{kind}",
    status_code=202,
    responses={200: {"model": PaperView, "description": "the paper is there already"}, **refusals(403, 404, 409)},
)
def order_paper(
    loan: LoanNumber, kind: AskedPaper, asked: PaperAsked, actor: Acting, context: Context, response: Response
) -> PaperView:
    """Asks for a paper, which is made within seconds; the same one asked for again is the same document.

    A settlement certificate is for a settled loan, a contract for one with approved terms.
    """
    with context.books.begin() as work:
        order = _ordered(work, actor, work.loans.seen_by(actor, loan), kind, asked)
        ready = order.done_at is not None
    content = f"/api/v1/loans/{loan}/documents/{order.id}/content"
    response.headers["Location"] = content
    if ready:
        response.status_code = 200
    return PaperView(
        id=order.id, kind=order.kind, language=order.language, number=order.number, ready=ready, content=content
    )


def _needed(work: UnitOfWork, loan: Loan) -> list[NeededDocument] | None:
    found = document_list(work, loan, work.today)
    if found is None:
        return None
    return [NeededDocument(kind=kind, standing=found.standing(kind)) for kind in found.required]


def _ordered(work: UnitOfWork, actor: Actor, loan: Loan, kind: AskedPaper, asked: PaperAsked) -> PaperOrder:
    if kind is AskedPaper.CONTRACT:
        return order_contract(work, loan, work.today, actor=actor, language=asked.language)
    if kind is AskedPaper.SETTLEMENT_CERTIFICATE:
        return order_certificate(work, actor, loan, asked.language)
    if kind is AskedPaper.RECEIPT:
        return order_receipt(work, actor, loan, asked.payment or "", asked.language)
    # Without a period: all of the loan so far.
    first, last = asked.from_ or loan.disbursed_on or loan.applied_on, asked.to or work.today
    return order_statement(work, actor, loan, first, last, asked.language)


def _keep(
    context: ApiContext, actor: Actor, number: str, kind: str, filename: str, file: Examined, party: str | None
) -> tuple[DocumentView, bool]:
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, number)
        document = hand_in(work, actor, found, kind, filename, file, party)
        return _view(actor, found, document), document.uploaded_at == work.now


def _listed(actor: Actor, loan: Loan, document: Document, reading: DocumentReading | None) -> ListedDocument:
    view = None if reading is None else ReadingView.model_validate(reading, from_attributes=True)
    return ListedDocument(**_view(actor, loan, document).model_dump(), reading=view)


def _view(actor: Actor, loan: Loan, document: Document) -> DocumentView:
    # Not the whole row: its content is not loaded with lists.
    columns = {name: getattr(document, name) for name in DocumentView.model_fields if name != "party"}
    if not document.is_paper and not allows(actor, Action.OPEN_DOCUMENTS):
        # People put names and numbers into it.
        columns["filename"] = None
    columns["uploaded_by"] = told_who(actor, loan, document.uploaded_by)
    return DocumentView(party=document.party_id, **columns)
