"""The documents of a loan: handing them in, what was read on them, and a person's word on those in doubt."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from models.customers import Party
from models.documents import Document, DocumentReading, ReadingVerdict
from models.loans import CLOSED, Loan
from models.tasks import Outcome, TaskKind
from services import documents_reading
from services.authorisations import signing_parties
from services.document_lists import DocumentList, asked_again
from services.document_people import person_of
from services.documents import UnknownDocument, hand_in, look_at
from services.documents_intake import LARGEST_BYTES, examine
from services.errors import InvalidDocument
from services.facts import document_list
from services.permissions import Action, allows
from services.policies import version
from services.products import catalogue
from web import document_words, masking, pages, refusals
from web.addresses import Id, Number
from web.context import WebContext, in_books
from web.decision import DecisionForm, may_decide_on, read_note, read_outcome
from web.errors import FormTooLarge
from web.language import Language
from web.refusals import showing
from web.session import posted, posted_file
from web.visit import BorrowerVisit, StaffVisit, Visit

router = APIRouter()

LARGEST_FORM = LARGEST_BYTES + 64 * 1024
"""A file of the largest size with the fields beside it."""


@dataclass(frozen=True)
class FieldRow:
    """One field as it was read beside what was expected; `frame` is where it stands in the picture of the pages."""

    name: str
    read: str
    expected: str
    source: str
    state: str
    colour: str
    page: int | None
    frame: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class Sheet:
    """A page within the picture in which they stand below each other, in its dots."""

    page: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Shown:
    """A document with what was read on it. `is_open` says that a person has to decide, `fields` are for him only.

    `owner` is whose it is; None for an older one of which nobody has said so.
    """

    document: Document
    owner: Party | None
    reading: DocumentReading | None
    verdict: str
    colour: str
    outcome: str
    outcome_colour: str
    is_open: bool
    fields: tuple[FieldRow, ...]
    others: tuple[FieldRow, ...]
    sheets: tuple[Sheet, ...]
    picture_size: tuple[int, int]
    same_file_at: tuple[str, ...]


@router.get("/loans/{number}/documents", name="documents")
def documents_page(request: Request, visit: StaffVisit, number: Number) -> Response:
    """All documents of a loan; of those in doubt the picture beside the fields. That these were seen is recorded."""
    return _page(request, visit, number)


@router.get("/my/{number}/documents", name="my_documents")
def my_documents(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """What the borrower handed in, and what is still missing."""
    return _page(request, visit, number)


@router.post("/loans/{number}/documents", name="hand_in_document")
async def hand_in_document(request: Request, visit: StaffVisit, number: Number) -> Response:
    """Keeps a document for the borrower."""
    return await _taken(request, visit, number)


@router.post("/my/{number}/documents", name="my_hand_in")
async def hand_in_own(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """Keeps the borrower's document."""
    return await _taken(request, visit, number)


async def _taken(request: Request, visit: Visit, number: str) -> Response:
    context: WebContext = request.app.state.context

    def keep(fields: Mapping[str, str], filename: str, content: bytes) -> None:
        file = examine(content, filename)
        kind, party = fields.get("kind", ""), fields.get("party") or None
        with context.books.begin() as work:
            hand_in(work, visit.person, work.loans.seen_by(visit.person, number), kind, filename, file, party)

    try:
        fields, filename, content = await posted_file(request, visit.session, LARGEST_FORM)
        await asyncio.to_thread(keep, fields, filename, content)
    except FormTooLarge as error:
        await asyncio.to_thread(refusals.note, request, visit, error)
        why = document_words.file_problem("empty or too large", visit.language)
        response = await asyncio.to_thread(_page, request, visit, number, error.http_status, problem=why)
        # Otherwise the server would read on what the front has not dropped of it by then, only to throw it away.
        response.headers["Connection"] = "close"
        return response
    except InvalidDocument as error:
        await asyncio.to_thread(refusals.note, request, visit, error)
        if "party" in error.fields:
            why = document_words.party_problem(error.fields["party"], visit.language)
            return await asyncio.to_thread(_page, request, visit, number, error.http_status, party_problem=why)
        why = document_words.file_problem(error.fields.get("file", ""), visit.language)
        return await asyncio.to_thread(_page, request, visit, number, error.http_status, problem=why)
    return pages.go(request, _address(visit, number))


@router.post("/loans/{number}/documents/{document_id}/decision", name="decide_document")
async def decide_document(request: Request, visit: StaffVisit, number: Number, document_id: Id) -> Response:
    """A person's word on a document in doubt."""
    fields = await posted(request, visit.session)

    def decide(work: UnitOfWork) -> None:
        loan = work.loans.seen_by(visit.person, number)
        reason, party = read_note(DecisionForm.from_fields(fields)), fields.get("party") or None
        documents_reading.decide(work, visit.person, loan, document_id, read_outcome(fields), reason, party)

    try:
        await in_books(request, decide)
    except LendingError as error:
        if error.http_status == UnknownDocument.http_status:
            raise
        why = await refusals.told(request, visit, error)
        return await asyncio.to_thread(_page, request, visit, number, error.http_status, refused=why)
    return pages.go(request, _address(visit, number))


@router.get("/loans/{number}/documents/{document_id}/picture", name="document_picture")
def picture(request: Request, visit: StaffVisit, number: Number, document_id: Id) -> Response:
    """The first pages as the reader drew them anew; the file itself is shown by no page of ours. It is recorded."""
    context: WebContext = request.app.state.context
    with context.books.begin() as work:
        loan = work.loans.seen_by(visit.person, number)
        shown = documents_reading.show_picture(work, visit.person, loan, document_id)
    return Response(shown, media_type="image/jpeg")


@router.get("/loans/{number}/documents/{document_id}/file", name="document_file")
def file(request: Request, visit: StaffVisit, number: Number, document_id: Id) -> Response:
    """The file as it was handed in, to be saved. It is recorded."""
    context: WebContext = request.app.state.context
    with context.books.begin() as work:
        document = look_at(work, visit.person, work.loans.seen_by(visit.person, number), document_id)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(document.filename, safe='')}"}
    return Response(document.content, headers=headers, media_type=document.media_type)


def _address(visit: Visit, number: str) -> str:
    return f"{visit.home_of(number)}/documents"


def _page(
    request: Request,
    visit: Visit,
    number: str,
    http_status: int = 200,
    *,
    problem: str | None = None,
    party_problem: str | None = None,
    refused: str | None = None,
) -> Response:
    with showing(request, visit, recorded=True) as work:
        loan = work.loans.seen_by(visit.person, number)
        product = catalogue().product(loan.product)
        # A proof of what is asked of the vehicle is missing only where its own page says so.
        kinds = (*product.documents, *product.later_documents)
        shown = _documents(work, visit, loan)
        needed = document_list(work, loan, work.today)
        return pages.show(
            request,
            visit,
            "documents.html",
            http_status,
            loan=loan,
            home=visit.home_of(number),
            action=_address(visit, number),
            documents=shown,
            needed=needed,
            needed_because=_reasons(work, needed, visit.language),
            kinds=kinds,
            may_open=_may_open(visit),
            wanted_again=_wanted_again(work, loan),
            may_hand_in=allows(visit.person, Action.HAND_IN_DOCUMENTS) and loan.stage not in CLOSED,
            names=work.staff.names(),
            people=[party for party, _ in signing_parties(work, number)],
            problem=problem,
            party_problem=party_problem,
            refused=refused,
        )


def _wanted_again(work: UnitOfWork, loan: Loan) -> list[tuple[str, Party | None]]:
    """The kinds that are to be handed in again because nobody took them, and whose they are."""
    people = {party.id: party for party, _ in signing_parties(work, loan.number)}
    return [(one.kind, people.get(one.party_id or "")) for one in asked_again(work, loan)]


def _reasons(work: UnitOfWork, needed: DocumentList | None, language: Language) -> list[str]:
    """Why the list is as it is, in the sentences of the policy that made it."""
    if needed is None or needed.policy_id is None:
        return []
    sentences = version(work, needed.policy_id).sentences
    return [sentences[code][language.code] for code in needed.reasons if code in sentences]


def _documents(work: UnitOfWork, visit: Visit, loan: Loan) -> list[Shown]:
    readings = {one.document_id: one for one in work.documents.readings(loan.number)}
    may_decide = may_decide_on(work, visit.person, loan, TaskKind.DOCUMENT)
    handed_in = [one for one in work.documents.of_loan(loan.number) if one.language is None]
    shown = [_shown(work, visit, loan, one, readings.get(one.id), may_decide) for one in handed_in]
    for one in shown:
        if one.fields and _may_open(visit):
            documents_reading.note_fields_seen(work, visit.person, one.document, in_full=one.is_open)
    return shown


def _may_open(visit: Visit) -> bool:
    """Whether this visitor may see what stands on documents that were handed in."""
    return allows(visit.person, Action.OPEN_DOCUMENTS)


def _shown(
    work: UnitOfWork, visit: Visit, loan: Loan, document: Document, reading: DocumentReading | None, may_decide: bool
) -> Shown:
    """A document for this visitor: the borrower learns that it came in, and whether a person did not take it; staff
    what the machine makes of it.
    """
    language = visit.language
    if not visit.is_staff or reading is None or reading.verdict is None:
        waits = document_words.WAITS if visit.is_staff and reading is not None else document_words.NOT_READ
        words, colour = language.say(waits) if visit.is_staff else "", "secondary"
        if reading is not None and reading.verdict is ReadingVerdict.OTHER_SIDE:
            # Otherwise he would see that his card is missing beside the card that he handed in.
            words, colour = (of[reading.verdict] for of in (document_words.VERDICTS, document_words.VERDICT_COLOURS))
            words = language.say(words)
        if reading is not None and reading.outcome is Outcome.REFUSE:
            words, colour = language.say(document_words.OUTCOMES[Outcome.REFUSE]), "red"
        owner = person_of(work, document)
        return Shown(document, owner, reading, words, colour, "", "", False, (), (), (), (0, 0), ())
    is_open = reading.doubtful and reading.outcome is None and may_decide
    is_open = is_open and document.uploaded_by != visit.person.id
    found = reading.found or {}
    sheets = _sheets(found)
    same: tuple[str, ...] = ()
    if reading.duplicated and visit.sees_others:
        others = documents_reading.same_elsewhere(work, loan.customer_id, document, reading)
        same = tuple(dict.fromkeys(one.loan for one in others))
    return Shown(
        document=document,
        owner=person_of(work, document),
        reading=reading,
        verdict=language.say(document_words.VERDICTS[reading.verdict]),
        colour=document_words.VERDICT_COLOURS[reading.verdict],
        outcome=language.say(document_words.OUTCOMES[reading.outcome]) if reading.outcome else "",
        outcome_colour=document_words.OUTCOME_COLOURS[reading.outcome] if reading.outcome else "",
        is_open=is_open,
        fields=tuple(
            _row(one, language, sheets, masked=not is_open, shown=_may_open(visit)) for one in found.get("checks", ())
        ),
        others=tuple(_other(one, language) for one in found.get("others", ())) if is_open else (),
        sheets=sheets,
        picture_size=tuple(found.get("picture_size") or (0, 0)),
        same_file_at=same,
    )


def _sheets(found: Mapping[str, Any]) -> tuple[Sheet, ...]:
    """The pages that can be seen; of a document that was read before there were several of them, the first."""
    size, top, sheets = found.get("picture_size"), 0, []
    sizes = found.get("page_sizes") or ([size] if size else [])
    for page, (width, height) in enumerate(sizes, 1):
        if height:
            sheets.append(Sheet(page, top, width, height))
        top += height
    return tuple(sheets)


def _frame(check: Mapping[str, Any], sheets: tuple[Sheet, ...]) -> tuple[int, int, int, int] | None:
    sheet = next((one for one in sheets if one.page == check["page"]), None)
    if sheet is None or check["box"] is None:
        return None
    left, top, width, height = check["box"]
    return (
        left * sheet.width // 1000,
        sheet.top + top * sheet.height // 1000,
        width * sheet.width // 1000,
        height * sheet.height // 1000,
    )


def _row(
    check: Mapping[str, Any], language: Language, sheets: tuple[Sheet, ...], *, masked: bool, shown: bool
) -> FieldRow:
    """A field; ID numbers in full are for whoever has to compare them, any words for whoever may open the document."""
    field, source, state = check["field"], check["source"], check["state"]
    read, expected = (check["read"] or "–", check["expected"]) if shown else ("•••", "•••")
    if masked and field == "id_number":
        read, expected = (masking.masked_id_number(one) if len(one) > 7 else one for one in (read, expected))
    return FieldRow(
        name=language.say(document_words.FIELDS[field]),
        read=read,
        expected=expected,
        source=language.say(document_words.SOURCES[source]),
        state=language.say(document_words.STATES[state]),
        colour=document_words.STATE_COLOURS[state],
        page=check["page"],
        frame=_frame(check, sheets),
    )


def _other(found: Mapping[str, Any], language: Language) -> FieldRow:
    field = found["field"]
    return FieldRow(language.say(document_words.FIELDS[field]), found["value"], "", "", "", "", found["page"], None)
