"""The audit log for auditors: entries with their seals, the seals, and how the chain stands."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field
from starlette.responses import StreamingResponse

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import LARGEST_NUMBER, Limit
from books.audit import EntryFilter
from models import keys
from models.audit import AuditSeal
from models.staff import Role
from services import audit_search
from services.audit_search import SealedView

router = APIRouter(prefix="/audit", tags=["audit"], responses=refusals(403))

EntryId = Annotated[str, Path(pattern=keys.ID_PATTERN, description="the entry's id")]
LastSeen = Annotated[str | None, Query(pattern=keys.ID_PATTERN, description="`next` of the page before")]
LastNumber = Annotated[int | None, Query(ge=1, le=LARGEST_NUMBER, description="`next` of the page before")]
Name = Annotated[str | None, Query(pattern=r"^[!-~]{1,64}$")]


class EntryLine(BaseModel):
    """Who did what, when, from where and why, before and after; also what was refused.

    `written_at` comes from the id, `at` is when the act says that it happened. An entry that a workflow asked for
    names the step: run and activity id lead to the event that scheduled it, `event_id` is the last event before.
    """

    id: str
    written_at: datetime | None
    at: datetime
    actor_id: str
    role: str
    address: str | None
    request_id: str | None
    act: str
    loan: str | None
    subject: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None
    refused: bool
    workflow_id: str | None
    run_id: str | None
    activity_id: str | None
    event_id: int | None
    seal: int | None = Field(description="number of the seal that it lies in; null until it is sealed, within minutes")


class EntriesPage(BaseModel):
    """Entries, the newest first; `next` is the `after` of the following page, null on the last."""

    items: list[EntryLine]
    next: str | None


class SealView(BaseModel):
    """A seal: how many rows it holds, the root of the tree over them, the hash of the seal before, and its own hash."""

    no: int
    first_id: str
    last_id: str
    count: int
    root: str
    previous: str
    hash: str
    sealed_at: datetime
    book: str | None = Field(description="`ledger` where it holds postings; null where it holds entries of this log")


class SealsPage(BaseModel):
    """Seals, the newest first; `next` is the `after` of the following page, null on the last."""

    items: list[SealView]
    next: int | None


class EntryDetail(EntryLine):
    """An entry with its place in its seal."""

    position: int | None
    leaf: str | None = Field(description="its hash; docs/audit.md says of which bytes")
    sealed_in: SealView | None


class DepositView(BaseModel):
    """A place outside where the root of each day is deposited."""

    depository: str
    day: str | None = Field(description="the newest day whose root is there")
    seal: int | None
    reference: str | None
    days_waiting: int = Field(description="for how many days a root has been missing there")


class ChainView(BaseModel):
    """How the chain stands. `loanwright audit verify` proves it."""

    last_seal: SealView | None
    waiting: int = Field(description="entries that no seal holds yet")
    oldest_waiting: datetime | None
    waiting_postings: int = Field(description="postings that no seal holds yet")
    deposits: list[DepositView]


def _in_utc(given: datetime) -> datetime:
    try:
        return given.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the years 1 to 9999 in UTC") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]


def _wanted(
    since: Annotated[Instant | None, Query(alias="from", description="written then or later")] = None,
    until: Annotated[Instant | None, Query(alias="to", description="written before")] = None,
    actor: Name = None,
    role: Role | None = None,
    act: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,47}$")] = None,
    loan: Annotated[str | None, Query(pattern=keys.LOAN_PATTERN)] = None,
    refused: Annotated[bool | None, Query(description="only what was refused, or only what was done")] = None,
) -> EntryFilter:
    return EntryFilter(since, until, actor, role, act, loan, refused)


Wanted = Annotated[EntryFilter, Depends(_wanted)]


@router.get("/entries")
def list_audit_entries(
    asking: Acting, look: Looking, wanted: Wanted, after: LastSeen = None, limit: Limit = 50
) -> EntriesPage:
    """Searches the log."""
    with look() as work:
        items = [_line(one) for one in audit_search.entries(work, asking, wanted, after, limit)]
    return EntriesPage(items=items, next=items[-1].id if len(items) == limit else None)


@router.get(
    "/entries.csv",
    response_class=StreamingResponse,
    responses={200: {"description": "all entries that are wanted, as CSV", "content": {"text/csv": {"schema": {}}}}},
)
def download_audit_entries(asking: Acting, context: Context, wanted: Wanted) -> StreamingResponse:
    """All entries that are wanted as a file; that they were taken out is an entry itself."""
    with context.books.begin() as work:
        audit_search.begin_export(work, asking, wanted)

    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    lines = audit_search.csv_lines(context.books, asking, wanted)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/entries/{entry_id}", responses=refusals(404))
def show_audit_entry(entry_id: EntryId, asking: Acting, look: Looking) -> EntryDetail:
    """One entry, with its seal and its place in it."""
    with look() as work:
        found = audit_search.entry(work, asking, entry_id)
        line = _line(SealedView(found.entry, found.written_at, found.seal.no if found.seal else None))
        return EntryDetail(
            **line.model_dump(),
            position=found.position,
            leaf=found.leaf,
            sealed_in=_seal(found.seal) if found.seal else None,
        )


@router.get("/seals")
def list_audit_seals(asking: Acting, look: Looking, after: LastNumber = None, limit: Limit = 50) -> SealsPage:
    """The seals."""
    with look() as work:
        items = [_seal(one) for one in audit_search.seals(work, asking, after, limit)]
    return SealsPage(items=items, next=items[-1].no if len(items) == limit and items[-1].no > 1 else None)


@router.get("/chain")
def show_audit_chain(asking: Acting, look: Looking) -> ChainView:
    """How far the log is sealed, and what was deposited outside."""
    with look() as work:
        state = audit_search.chain(work, asking)
        return ChainView(
            last_seal=_seal(state.last) if state.last else None,
            waiting=state.waiting.count,
            oldest_waiting=state.waiting.oldest,
            waiting_postings=state.waiting_postings.count,
            deposits=[
                DepositView(
                    depository=one.name,
                    day=str(one.last.day) if one.last else None,
                    seal=one.last.seal_no if one.last else None,
                    reference=one.last.reference if one.last else None,
                    days_waiting=one.days_waiting,
                )
                for one in state.deposits
            ],
        )


def _line(view: SealedView) -> EntryLine:
    return EntryLine(**view.entry.model_dump(), written_at=view.written_at, seal=view.seal_no)


def _seal(seal: AuditSeal) -> SealView:
    return SealView(**seal.model_dump())
