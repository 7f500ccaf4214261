"""Changes to a running loan under four eyes: proposed here, decided as a task, applied by the loan itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.commands import CommandAnswer, answer_to
from api.context import Acting, ApiContext, Context, Looking
from api.loans import Installment
from api.problems import refusals
from api.shapes import Asked, LoanNumber, MoneyText, OptionalKey, Shown, Words, command_id, in_yuan
from books.changes import Change
from books.session import UnitOfWork
from engine import corrections
from lending.account import LoanAccount
from lending.components import Component
from lending.events import DeferralComponent
from lending.money import yuan
from models import keys
from models.changes import ChangeKind, ChangeStatus
from models.loans import Loan
from models.messages import ChangeOrder, ChangeProgress, ChangeWithdrawal
from models.staff import Actor, Role
from models.tasks import Outcome, TaskKind
from services import changes
from services.audit import sender_of
from services.commands import done_before
from services.errors import UnknownChange
from services.loan_history import told_decision, told_who, told_words
from services.previews import CHANNELS, Preview, rows_of

router = APIRouter(tags=["changes"], responses=refusals(403, 404, 409, 422, 429))

RateText = Annotated[
    str, Field(pattern=r"^[0-9]{1,4}(\.[0-9]{1,6})?$", description="per cent a year as text", examples=["6.50"])
]
ProposalId = Annotated[str, Path(pattern=keys.ID_PATTERN, description="the proposal's id")]
PreviewOnly = Annotated[
    bool, Query(alias="preview", description="true: say what it would come to and who would decide, record nothing")
]


class ChangeBody(Asked):
    """Why the change is proposed."""

    reason: Words

    @property
    def asked(self) -> dict[str, Any]:
        """The fields that belong to the kind of change, as they are kept."""
        return self.model_dump(mode="json", by_alias=True, exclude={"reason"}, exclude_none=True)


class BurdeningBody(ChangeBody):
    """A change that can make a debt heavier or longer, for which guarantors answer only if they agree."""

    guarantors_agreed_on: date | None = Field(
        None, description="when the guarantors agreed in writing; without it, where it burdens them, it is not approved"
    )


class DeferralBody(BurdeningBody):
    """The next installments are put off, and as many are added at the end."""

    periods: int = Field(ge=1, le=60, description="how many installments")
    component: DeferralComponent = DeferralComponent.PRINCIPAL


class RestructuringBody(BurdeningBody):
    """The installments from a day on are moved, made more, or repriced; at least one of these is asked for."""

    model_config = ConfigDict(populate_by_name=True)

    from_: date | None = Field(
        None, alias="from", description="the first due date concerned; without it, from today on"
    )
    due: date | None = Field(None, description="where the first of them moves; the others follow")
    extra_periods: int | None = Field(None, ge=0, le=600, description="an extension by so many installments")
    annual_rate_percent: RateText | None = None
    reage: bool = Field(False, description="arrears stop being overdue and are spread over what follows")


class RateChangeBody(BurdeningBody):
    """Another rate from the day on which it is approved."""

    annual_rate_percent: RateText


class WaiverBody(ChangeBody):
    """A part of the debt is let off."""

    amount: MoneyText
    component: Component


class FeeBody(BurdeningBody):
    """A fee is charged; without `due` it falls due on the day on which it is approved."""

    amount: MoneyText
    due: date | None = None


class WriteOffBody(ChangeBody):
    """All that is owed is written off; what comes in later is a recovery."""


class CorrectionBody(ChangeBody):
    """The reversal of posted money (`of`), or money that came another way than by the bank account that we watch."""

    of: str | None = Field(None, pattern=r"^[!-~]{1,96}$", description="the key of the payment, as in `transactions`")
    amount: MoneyText | None = None
    received_on: date | None = Field(None, description="from when it counts; without it, from today")
    channel: str | None = Field(None, description=f"one of {', '.join(CHANNELS)}")
    reference: str | None = Field(None, pattern=r"^[!-~]{1,64}$", description="of the receipt; no personal data")


class ChangeDecision(BaseModel):
    """What one of the deciders said."""

    outcome: Outcome
    reason: str
    decided_by: str
    decided_as: Role
    decided_at: datetime


class Figures(BaseModel):
    """A loan before or after a change."""

    principal_outstanding: str
    to_pay: str
    overdue: str
    settlement: str
    credit: str
    written_off: str
    dpd: int
    installments_left: int
    next_due: date | None
    next_due_amount: str
    last_due: date | None
    cost_percent: str | None = Field(None, description="annualised comprehensive cost by IRR, all charges in")


class ChangeView(Shown):
    """A proposal, or only its preview (`proposal` and `task_id` are null then). `people` have to agree.

    The schedules are given as long as it waits and is still true of the loan. To an integrator all of the lender are
    `system`, and their words are left out.
    """

    proposal: str | None
    loan: str
    kind: ChangeKind
    status: ChangeStatus | None
    asked: dict[str, JsonValue]
    reason: str
    amount: str = Field(description="what the authority of the deciders is measured by")
    people: int
    proposed_by: str | None
    proposed_on: date | None
    expires_on: date | None
    task_id: str | None = Field(description="the task on which somebody is asked now")
    decisions: list[ChangeDecision]
    lacks_consent: bool = Field(description="guarantors would answer for more or for longer and have not agreed")
    warnings: list[str] = Field(description="`not_past_due`: a loan is written off that nobody is late with")
    before: Figures
    after: Figures
    schedule_before: list[Installment]
    schedule_after: list[Installment]


class ChangesView(BaseModel):
    """All proposals of a loan, newest first."""

    items: list[ChangeView]


@dataclass(frozen=True)
class Proposal:
    """Who proposes something for which loan, and whether he only wants to see what it would come to."""

    loan: LoanNumber
    actor: Acting
    context: Context
    key: OptionalKey = None
    preview_only: PreviewOnly = False

    async def as_asked(self, kind: ChangeKind, body: ChangeBody) -> ChangeView:
        """The preview, or the proposal as the loan has taken it."""
        order = ChangeOrder(
            sender=sender_of(self.actor),
            command_id=command_id(self.actor, f"{self.loan}:{kind}", self.key),
            kind=kind,
            asked=body.asked,
            reason=body.reason,
        )
        found = await run_in_threadpool(_check, self.context, self.actor, self.loan, order, self.preview_only)
        if found is not None:
            return found
        result = await corrections.propose_change(self.context.books, self.context.commands, self.loan, order)
        return await run_in_threadpool(_look, self.context, self.actor, self.loan, result.proposal or "")


Proposing = Annotated[Proposal, Depends()]


@router.post("/loans/{loan}/deferral")
async def propose_deferral(proposing: Proposing, body: DeferralBody) -> ChangeView:
    """The borrower, who speaks for him, or a manager asks for a deferral; risk decides."""
    return await proposing.as_asked(ChangeKind.DEFERRAL, body)


@router.post("/loans/{loan}/restructuring")
async def propose_restructuring(proposing: Proposing, body: RestructuringBody) -> ChangeView:
    """A manager proposes another schedule; risk decides."""
    return await proposing.as_asked(ChangeKind.RESTRUCTURING, body)


@router.post("/loans/{loan}/rate-change")
async def propose_rate_change(proposing: Proposing, body: RateChangeBody) -> ChangeView:
    """A manager proposes another rate; risk decides."""
    return await proposing.as_asked(ChangeKind.RATE_CHANGE, body)


@router.post("/loans/{loan}/waiver")
async def propose_waiver(proposing: Proposing, body: WaiverBody) -> ChangeView:
    """A manager proposes to let off a part of the debt; risk decides."""
    return await proposing.as_asked(ChangeKind.WAIVER, body)


@router.post("/loans/{loan}/fee")
async def propose_fee(proposing: Proposing, body: FeeBody) -> ChangeView:
    """A manager proposes a fee; risk decides."""
    return await proposing.as_asked(ChangeKind.FEE, body)


@router.post("/loans/{loan}/write-off")
async def propose_write_off(proposing: Proposing, body: WriteOffBody) -> ChangeView:
    """A manager proposes to write the loan off; risk decides."""
    return await proposing.as_asked(ChangeKind.WRITE_OFF, body)


@router.post("/loans/{loan}/correction")
async def propose_correction(proposing: Proposing, body: CorrectionBody) -> ChangeView:
    """Finance corrects what was posted; another person of finance confirms."""
    return await proposing.as_asked(ChangeKind.CORRECTION, body)


@router.get("/loans/{loan}/changes")
def list_changes(loan: LoanNumber, actor: Acting, look: Looking) -> ChangesView:
    """What was proposed for the loan, and what became of it."""
    with look() as work:
        row = work.loans.seen_by(actor, loan)
        return ChangesView(items=[_view(work, actor, row, one) for one in changes.changes_of(work, actor, row)])


@router.post("/loans/{loan}/changes/{proposal}/withdrawal")
async def withdraw_change(
    loan: LoanNumber, proposal: ProposalId, actor: Acting, context: Context, key: OptionalKey = None
) -> CommandAnswer:
    """Whoever proposed a change takes it back."""
    withdrawal = ChangeWithdrawal(
        sender=sender_of(actor), command_id=command_id(actor, f"{proposal}:withdrawal", key), proposal=proposal
    )

    def check() -> CommandAnswer | None:
        with context.books.read() as work:
            row = work.loans.seen_by(actor, loan)
            if done_before(work, loan, withdrawal) is not None:
                return CommandAnswer(loan=loan, stage=row.stage, sentence="the proposal is withdrawn")
            changes.check_withdrawal(work, actor, row, proposal)
            return None

    before = await run_in_threadpool(check)
    if before is not None:
        return before
    return answer_to(loan, await corrections.take_back_change(context.books, context.commands, loan, withdrawal))


def _check(context: ApiContext, actor: Actor, number: str, order: ChangeOrder, preview_only: bool) -> ChangeView | None:
    """The preview, or the answer that the same proposal had before; None when it may be sent to the loan."""
    with context.books.read() as work:
        loan = work.loans.seen_by(actor, number)
        before = None if preview_only else done_before(work, number, order)
        if before is not None:
            return _one(work, actor, loan, ChangeProgress.model_validate(before).proposal)
        preview, band = changes.try_out(work, actor, loan, order.kind, order.asked, work.today)
        return _previewed(loan, order, preview, band.people) if preview_only else None


def _look(context: ApiContext, actor: Actor, number: str, proposal: str) -> ChangeView:
    with context.books.read() as work:
        return _one(work, actor, work.loans.seen_by(actor, number), proposal)


def _one(work: UnitOfWork, actor: Actor, loan: Loan, proposal: str) -> ChangeView:
    for change in changes.changes_of(work, actor, loan):
        if change.proposal.id == proposal:
            return _view(work, actor, loan, change)
    raise UnknownChange(proposal)


def _view(work: UnitOfWork, actor: Actor, loan: Loan, change: Change) -> ChangeView:
    proposal, task = change.proposal, change.open_task
    preview = changes.preview_of(work, loan, proposal, work.today) if task else None
    return ChangeView(
        proposal=proposal.id,
        loan=loan.number,
        kind=proposal.kind,
        status=change.status,
        asked=proposal.asked,
        reason=told_words(actor, proposal.proposed_by, proposal.reason),
        amount=yuan(proposal.amount_fen),
        people=proposal.people,
        proposed_by=told_who(actor, loan, proposal.proposed_by),
        proposed_on=proposal.proposed_on,
        expires_on=proposal.expires_on,
        task_id=task.id if task else None,
        decisions=[
            ChangeDecision.model_validate(one.model_dump() | told_decision(actor, TaskKind.CHANGE, one))
            for one in change.decisions
        ],
        lacks_consent=preview is not None and preview.lacks_consent,
        warnings=list(preview.warnings) if preview else [],
        before=_figures(proposal.figures["before"]),
        after=_figures(proposal.figures["after"]),
        schedule_before=_schedule(preview.before) if preview else [],
        schedule_after=_schedule(preview.after) if preview else [],
    )


def _previewed(loan: Loan, order: ChangeOrder, preview: Preview, people: int) -> ChangeView:
    return ChangeView(
        proposal=None,
        loan=loan.number,
        kind=order.kind,
        status=None,
        asked=order.asked,
        reason=order.reason,
        amount=yuan(preview.amount_fen),
        people=people,
        proposed_by=None,
        proposed_on=None,
        expires_on=None,
        task_id=None,
        decisions=[],
        lacks_consent=preview.lacks_consent,
        warnings=list(preview.warnings),
        before=_figures(preview.figures["before"]),
        after=_figures(preview.figures["after"]),
        schedule_before=_schedule(preview.before),
        schedule_after=_schedule(preview.after),
    )


def _figures(figures: Mapping[str, Any]) -> Figures:
    return Figures.model_validate(in_yuan(figures))


def _schedule(account: LoanAccount) -> list[Installment]:
    return [Installment.model_validate(in_yuan(row.model_dump())) for row in rows_of(account)]
