"""Documents of a loan: handing them in, and the list of them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from api.context import Acting, ApiContext, Context
from api.problems import refusals
from api.shapes import LoanNumber
from models.documents import Document
from models.staff import Actor
from services.documents import LARGEST_BYTES, hand_in

router = APIRouter(tags=["documents"])

LARGEST_UPLOAD = LARGEST_BYTES + 64 * 1024
"""A document of the largest size with what multipart adds to it."""


class DocumentView(BaseModel):
    """A document without its content; `media_type` is what the content shows, not what the sender said."""

    id: str
    kind: str
    filename: str
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_by: str
    uploaded_at: datetime


class DocumentsView(BaseModel):
    """A loan's documents, oldest first."""

    items: list[DocumentView]


@router.get("/loans/{loan}/documents", responses=refusals(404))
def list_documents(loan: LoanNumber, actor: Acting, context: Context) -> DocumentsView:
    """What was handed in for the loan."""
    with context.books.read() as work:
        work.loans.seen_by(actor, loan)
        return DocumentsView(items=[_view(document) for document in work.documents.of_loan(loan)])


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
) -> DocumentView:
    """Keeps a document; the same content of the same kind is kept once.

    A loan takes up to 50 documents until it is closed, a running one too; of a file's name the last part is kept.
    """
    content = await file.read()
    document, is_new = await run_in_threadpool(_keep, context, actor, loan, kind, file.filename or "", content)
    if not is_new:
        response.status_code = 200
    return document


def _keep(
    context: ApiContext, actor: Actor, number: str, kind: str, filename: str, content: bytes
) -> tuple[DocumentView, bool]:
    with context.books.begin() as work:
        document = hand_in(work, actor, work.loans.seen_by(actor, number), kind, filename, content)
        return _view(document), document.uploaded_at == work.now


def _view(document: Document) -> DocumentView:
    # Not the whole row: its content is not loaded with lists.
    return DocumentView(**{name: getattr(document, name) for name in DocumentView.model_fields})
