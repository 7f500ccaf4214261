"""The life of a loan for auditors: history, books and bank on one line of time, and its replay."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import LoanNumber
from engine.histories import Histories
from engine.stories import FoundRuns, check_may_read, find_runs
from lending.money import yuan
from models.histories import ReplayOutcome, ReplayVerdict
from models.run_events import CloseStatus
from models.staff import Role
from services.loan_audit import look
from services.story_kinds import DifferenceKind
from services.timeline import RunSource, StoryLine, ToldRun
from services.timeline_days import DayState
from services.timeline_proofs import Proven

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


class VersionView(BaseModel):
    """A version of the code that worked on a run, from which event on and since when; null in the oldest archives."""

    version: str
    first_event: int | None
    at: datetime | None


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
    versions: list[VersionView] = Field(description="the same, each with its first event and the instant of that")
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
    shown: Looking,
    as_of: AsOf = None,
    after: After = 0,
    limit: LinesLimit = PAGE,
) -> LoanAuditView:
    """The whole life of a loan over all runs of its workflow, and where its books differ. For auditors."""
    await asyncio.to_thread(check_may_read, context.books, actor, loan)
    found = await find_runs(context.books, Histories(context.commands.client), loan)
    return await asyncio.to_thread(_view, shown, loan, found, as_of, after, limit)


@router.post("/loans/{loan}/replay", responses=refusals(404, 409))
async def replay_loan(loan: LoanNumber, actor: Acting, context: Context) -> ReplayView:
    """Executes every recorded run again by today's code, apart from all else; the verdicts are kept. For auditors."""
    verdicts = await context.replays.replay(actor, loan)
    ok = all(one.outcome is ReplayOutcome.OK for one in verdicts)
    return ReplayView(loan=loan, ok=ok, code_version=verdicts[0].code_version, verdicts=_verdicts(verdicts))


def _view(shown: Looking, loan: str, found: FoundRuns, as_of: date | None, after: int, limit: int) -> LoanAuditView:
    with shown(of_one_moment=True) as work:
        found_runs, answered = found.runs, found.engine_answered
        seen = look(work, loan, found_runs, engine_answered=answered, as_of=as_of, after=after, limit=limit)
        return LoanAuditView(
            loan=loan,
            engine_answered=answered,
            runs=[_run(run, seen.verdicts.get(run.found.run_id)) for run in seen.story.runs],
            differences=[
                DifferenceView(kind=one.kind, subject=one.subject, sentence=one.sentence) for one in seen.differences
            ],
            as_of=_day(seen.day) if seen.day is not None else None,
            lines=[_line(n, line, seen.proofs) for n, line in enumerate(seen.lines, after + 1)],
            total=len(seen.story.lines),
            next=seen.next,
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
        code_versions=[one.version for one in run.versions],
        versions=[VersionView(version=one.version, first_event=one.first_event, at=one.at) for one in run.versions],
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


def _day(state: DayState) -> DayView:
    account = state.account
    return DayView(
        day=state.day,
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


def _line(n: int, line: StoryLine, proofs: Mapping[str, Proven]) -> LineView:
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
