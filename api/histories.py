"""The life of a loan for auditors: history, books and bank on one line of time, and its replay."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.context import Acting, Context
from api.metrics import gauge
from api.problems import refusals
from api.shapes import LoanNumber
from books.session import UnitOfWork
from engine.histories import Histories
from engine.stories import FoundRuns, find_runs
from lending.money import yuan
from models.histories import ArchiveLook, ReplayOutcome, ReplayVerdict
from models.run_events import CloseStatus
from models.staff import Actor, Role
from services.permissions import Action, require
from services.story_differences import DifferenceKind, differences
from services.timeline import RunSource, Story, StoryLine, ToldRun, tell
from services.timeline_days import DayState, state_on
from services.timeline_proofs import Proven, prove

router = APIRouter(prefix="/audit", tags=["audit"], responses=refusals(403))

PAGE = 100


class SentenceView(BaseModel):
    """A sentence in both languages."""

    en: str
    zh: str


class EventView(BaseModel):
    """An event that the engine recorded."""

    run: str
    id: int
    type: str
    at: datetime


class ProofView(BaseModel):
    """The entry of the audit log that proves who acted.

    `intact`: as it reads today it leads to the root of its seal; null until it is sealed. `hash` is that of the entry
    as it reads today.
    """

    id: str
    act: str
    actor_id: str
    role: str
    at: datetime
    reason: str | None
    refused: bool
    seal: int | None
    hash: str
    intact: bool | None


class MovedView(BaseModel):
    """A posting that the step made."""

    id: str
    entry: str
    debit: str
    credit: str
    amount: str
    about: str
    value_date: date


class OrderView(BaseModel):
    """An order to the bank that the step made or carried out."""

    key: str
    kind: str
    status: str
    amount: str
    bank_reference: str | None


class BankView(BaseModel):
    """A movement on the lender's account as the bank reported it."""

    reference: str
    direction: str
    amount: str
    booked_on: date


class LineView(BaseModel):
    """One thing that happened, as the engine, the books and the bank have it."""

    n: int
    at: datetime
    day: date = Field(description="business date")
    code: str = Field(description="stable name of what happened")
    text: SentenceView
    outcome: str
    actor_id: str | None
    role: Role | None
    approved_by: str | None
    reason: str | None
    events: list[EventView]
    entries: list[ProofView]
    postings: list[MovedView]
    orders: list[OrderView]
    bank: list[BankView]


class RunView(BaseModel):
    """One run of the loan's workflow; `problem` where its history cannot be had as it should be."""

    run: str
    source: RunSource
    status: CloseStatus | None = Field(description="how it ended; null while it goes on")
    previous: str | None
    started_at: datetime | None
    closed_at: datetime | None
    events: int
    sha256: str | None = Field(description="of the archived history")
    code_versions: list[str] = Field(description="which versions of the code worked on it")
    problem: str | None
    verdict: "VerdictView | None" = Field(description="of the last replay")


class VerdictView(BaseModel):
    """What today's code did with the history of a run."""

    run: str
    outcome: ReplayOutcome
    sentence: str | None
    events: int
    is_open: bool
    code_version: str
    replayed_by: str
    replayed_at: datetime


class DifferenceView(BaseModel):
    """Where history, books and bank do not fit together."""

    kind: DifferenceKind
    subject: str
    sentence: str


class OpenTaskView(BaseModel):
    """A task that was open."""

    id: str
    kind: str
    role: Role
    due_on: date


class DayView(BaseModel):
    """The loan at the end of a day, as the books had it then; figures are null before money went out."""

    day: date
    stage: str | None
    terms_version: int | None
    outstanding: str | None
    principal_outstanding: str | None
    overdue: str | None
    credit: str | None
    dpd: int | None
    ledger: dict[str, str] = Field(description="what the postings left on each account: debits less credits")
    open_tasks: list[OpenTaskView]


class LoanAuditView(BaseModel):
    """The life of a loan. `next` is the `after` of the following page of lines, null on the last.

    `engine_answered` is false while the engine is away: what only it has is missing then.
    """

    loan: str
    currency: str = "CNY"
    engine_answered: bool
    runs: list[RunView]
    differences: list[DifferenceView]
    as_of: DayView | None
    lines: list[LineView]
    total: int
    next: int | None


class ReplayView(BaseModel):
    """What became of each run, the first run first; `ok` if today's code takes every one of them."""

    loan: str
    ok: bool
    code_version: str
    verdicts: list[VerdictView]


AsOf = Annotated[date | None, Query(description="adds how the loan stood at the end of this business date")]
After = Annotated[int, Query(ge=0, le=1_000_000, description="`next` of the page before")]
LinesLimit = Annotated[int, Query(ge=1, le=500, description="how many lines at most")]


@router.get("/loans/{loan}", responses=refusals(404))
async def show_loan_audit(
    loan: LoanNumber,
    actor: Acting,
    context: Context,
    as_of: AsOf = None,
    after: After = 0,
    limit: LinesLimit = PAGE,
) -> LoanAuditView:
    """The whole life of a loan over all runs of its workflow, and where its books differ. For auditors."""
    await asyncio.to_thread(_check, context, actor, loan)
    found = await find_runs(context.books, Histories(context.commands.client), loan)
    return await asyncio.to_thread(_view, context, loan, found, as_of, after, limit)


@router.post("/loans/{loan}/replay", responses=refusals(404, 409))
async def replay_loan(loan: LoanNumber, actor: Acting, context: Context) -> ReplayView:
    """Executes every recorded run again by today's code, apart from all else; the verdicts are kept. For auditors."""
    verdicts = await context.replays.replay(actor, loan)
    ok = all(one.outcome is ReplayOutcome.OK for one in verdicts)
    return ReplayView(loan=loan, ok=ok, code_version=verdicts[0].code_version, verdicts=_verdicts(verdicts))


def _check(context: Context, actor: Actor, loan: str) -> None:
    require(actor, Action.READ_AUDIT)
    with context.books.read() as work:
        work.loans.seen_by(actor, loan)


def _view(context: Context, loan: str, found: FoundRuns, as_of: date | None, after: int, limit: int) -> LoanAuditView:
    with context.books.read() as work:
        story = tell(work, loan, found.runs, engine_answered=found.engine_answered)
        page = story.lines[after : after + limit]
        proofs = prove(work, list({one.id: one for line in page for one in line.entries}.values()))
        last = {one.run_id: one for one in reversed(work.histories.verdicts(loan))}
        return LoanAuditView(
            loan=loan,
            engine_answered=story.engine_answered,
            runs=[_run(run, last.get(run.found.run_id)) for run in story.runs],
            differences=[
                DifferenceView(kind=one.kind, subject=one.subject, sentence=one.sentence)
                for one in differences(work, story)
            ],
            as_of=_day(work, story, as_of) if as_of is not None else None,
            lines=[_line(n, line, proofs) for n, line in enumerate(page, after + 1)],
            total=len(story.lines),
            next=after + limit if after + limit < len(story.lines) else None,
        )


def _run(run: ToldRun, verdict: ReplayVerdict | None) -> RunView:
    archived, events = run.found.archived, run.events
    return RunView(
        run=run.found.run_id,
        source=run.found.source,
        status=archived.status if archived else events.closed_as if events else None,
        previous=archived.previous_run_id if archived else events.previous if events else None,
        started_at=archived.started_at if archived else events.first.at if events else None,
        closed_at=archived.closed_at if archived else events.last.at if events and events.closed_as else None,
        events=archived.events if archived else len(events.events) if events else 0,
        sha256=archived.sha256 if archived else None,
        code_versions=archived.code_versions if archived else list(events.versions) if events else [],
        problem=run.problem,
        verdict=_verdicts([verdict])[0] if verdict is not None else None,
    )


def _verdicts(verdicts: Sequence[ReplayVerdict]) -> list[VerdictView]:
    return [
        VerdictView(
            run=one.run_id,
            outcome=one.outcome,
            sentence=one.sentence,
            events=one.events,
            is_open=one.is_open,
            code_version=one.code_version,
            replayed_by=one.replayed_by,
            replayed_at=one.replayed_at,
        )
        for one in verdicts
    ]


def _day(work: UnitOfWork, story: Story, day: date) -> DayView:
    state: DayState = state_on(story, work.clock, day, work.today)
    account = state.account
    return DayView(
        day=day,
        stage=state.stage,
        terms_version=state.terms.version if state.terms else None,
        outstanding=yuan(account.outstanding.borrower_total) if account else None,
        principal_outstanding=yuan(account.principal_outstanding_fen) if account else None,
        overdue=yuan(account.overdue_fen) if account else None,
        credit=yuan(account.credit_fen) if account else None,
        dpd=account.dpd if account else None,
        ledger={code: yuan(fen) for code, fen in state.ledger.items()},
        open_tasks=[
            OpenTaskView(id=one.id, kind=one.kind, role=one.role, due_on=one.due_on) for one in state.open_tasks
        ],
    )


def _line(n: int, line: StoryLine, proofs: dict[str, Proven]) -> LineView:
    return LineView(
        n=n,
        at=line.at,
        day=line.day,
        code=line.code,
        text=SentenceView(en=line.words.en, zh=line.words.zh),
        outcome=line.outcome,
        actor_id=line.actor_id,
        role=line.role,
        approved_by=line.approved_by,
        reason=line.reason,
        events=[EventView(run=one.run, id=one.id, type=one.type, at=one.at) for one in line.events],
        entries=[_proof(proofs[one.id]) for one in line.entries],
        postings=[
            MovedView(
                id=one.id,
                entry=one.entry,
                debit=one.debit,
                credit=one.credit,
                amount=yuan(one.amount_fen),
                about=one.about,
                value_date=one.value_date,
            )
            for one in line.postings
        ],
        orders=[
            OrderView(
                key=one.key,
                kind=one.kind,
                status=one.status,
                amount=yuan(one.settled_fen or one.amount_fen),
                bank_reference=one.bank_reference,
            )
            for one in line.payments
        ],
        bank=[
            BankView(
                reference=one.reference, direction=one.direction, amount=yuan(one.amount_fen), booked_on=one.booked_on
            )
            for one in line.bank
        ],
    )


def _proof(proven: Proven) -> ProofView:
    entry = proven.entry
    return ProofView(
        id=entry.id,
        act=entry.act,
        actor_id=entry.actor_id,
        role=entry.role,
        at=entry.at,
        reason=entry.reason,
        refused=entry.refused,
        seal=proven.seal_no,
        hash=proven.leaf,
        intact=proven.intact,
    )


def archive_gauges(look: ArchiveLook | None, now: datetime) -> list[str]:
    """How the archive of histories stands, by what the archivist found when it last looked; nothing before that.

    `seconds_left` is how long the engine still keeps the oldest closed run that is not archived.
    """
    if look is None:
        return []
    lines = [
        *gauge("loanwright_archive_waiting", [({}, look.waiting)]),
        *gauge("loanwright_archive_looked_seconds", [({}, _seconds(now, look.looked_at))]),
    ]
    if look.oldest_closed_at is None:
        return lines
    age = _seconds(now, look.oldest_closed_at)
    lines += gauge("loanwright_archive_oldest_seconds", [({}, age)])
    if look.retention_seconds is not None:
        lines += gauge("loanwright_archive_seconds_left", [({}, look.retention_seconds - age)])
    return lines


def _seconds(now: datetime, since: datetime) -> int:
    return int((now - since).total_seconds())
