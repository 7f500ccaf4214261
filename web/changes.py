"""Changes to a running loan: proposing one with its preview, and taking it back."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from books.changes import Change
from books.session import UnitOfWork
from engine import corrections
from lending.errors import LendingError
from models.changes import REVERSAL, ChangeKind, ChangeStatus
from models.keys import command_id
from models.loans import Loan, LoanEvent, Stage
from models.messages import ChangeOrder, ChangeWithdrawal
from models.staff import Actor, Role
from models.status import ScheduleRow
from models.tasks import Task, TaskKind
from services import changes
from services.audit import sender_of
from services.permissions import MAY_PROPOSE
from services.previews import MONEY, Preview, has_guarantors, rows_of
from services.status import status_of
from web import pages, refusals
from web.addresses import Id, Number
from web.context import WebContext
from web.errors import PageNotFound
from web.proposals import ProposalForm, form_for
from web.refusals import showing
from web.session import posted
from web.stages import mark_of, stage_bar
from web.visit import BorrowerVisit, StaffVisit, Visit

router = APIRouter()

BORROWERS_REASON = "asked for by the borrower"
"""A borrower's own words would go into histories, and nobody keeps him from writing about himself."""
ChangeName = Annotated[str, Path(pattern=r"^[a-z_]{3,16}$")]


@dataclass(frozen=True)
class Comparison:
    """A loan before and after a change: figures, and both schedules where they can still be computed."""

    before: dict[str, Any]
    after: dict[str, Any]
    rows_before: list[ScheduleRow]
    rows_after: list[ScheduleRow]
    as_of: date
    people: int
    amount_fen: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Proposed:
    """A proposal as a decider reads it."""

    change: Change
    comparison: Comparison
    is_true: bool
    lacks_consent: bool


def proposed(work: UnitOfWork, task: Task) -> Proposed | None:
    """What a task of the kind `change` asks about, None for any other task."""
    if task.kind is not TaskKind.CHANGE or task.loan is None:
        return None
    loan = work.loans.get(task.loan)
    for change in changes.all_changes(work, loan):
        if any(one.id == task.id for one in change.tasks):
            proposal = change.proposal
            found = changes.preview_of(work, loan, proposal, work.today) if change.open_task else None
            return Proposed(
                change,
                _comparison(proposal.figures, found, proposal.people, proposal.amount_fen, work),
                found is not None,
                found is not None and found.lacks_consent,
            )
    return None


def _comparison(
    figures: dict[str, Any], found: Preview | None, people: int, amount_fen: int, work: UnitOfWork
) -> Comparison:
    return Comparison(
        before=_dated(figures["before"]),
        after=_dated(figures["after"]),
        rows_before=rows_of(found.before) if found else [],
        rows_after=rows_of(found.after) if found else [],
        as_of=found.before.as_of if found else work.today,
        people=people,
        amount_fen=amount_fen,
        warnings=found.warnings if found else (),
    )


def _dated(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        name: date.fromisoformat(value) if name in ("next_due", "last_due") and value else value
        for name, value in figures.items()
    }


def may_propose(actor: Actor, loan: Loan, found: list[Change]) -> list[str]:
    """The changes that this person can propose now, by the names of their pages; none while one waits."""
    if any(one.status is ChangeStatus.OPEN for one in found):
        return []
    if loan.stage is Stage.SETTLED:
        # What settled it may turn out to be wrong; nothing else changes any more.
        return [REVERSAL] if actor.role in MAY_PROPOSE[ChangeKind.CORRECTION] else []
    if loan.stage is not Stage.REPAYMENT:
        return []
    kinds = [kind.value for kind in ChangeKind if actor.role in MAY_PROPOSE[kind]]
    if ChangeKind.CORRECTION in kinds:
        kinds.append(REVERSAL)
    return [kind for kind in kinds if loan.written_off_on is None or kind in (ChangeKind.CORRECTION, REVERSAL)]


@router.get("/loans/{number}/changes/{name}", name="change_form")
def change_form(request: Request, visit: StaffVisit, number: Number, name: ChangeName) -> Response:
    """The empty form."""
    with showing(request, visit) as work:
        loan = work.loans.seen_by(visit.person, number)
        return _page(work, request, visit, loan, _form(work, visit, loan, name), name)


@router.post("/loans/{number}/changes/{name}", name="propose_change")
async def propose_change(request: Request, visit: StaffVisit, number: Number, name: ChangeName) -> Response:
    """Shows what the change would come to or, with the button `propose`, sends it to the loan."""
    fields = await posted(request, visit.session)
    if _is_borrower(visit):
        fields["reason"] = BORROWERS_REASON
    context: WebContext = request.app.state.context

    def look() -> Response | ChangeOrder:
        with context.books.read() as work:
            loan = work.loans.seen_by(visit.person, number)
            form = _form(work, visit, loan, name).filled(fields)
            try:
                order = form.read(sender_of(visit.person), number)
                found, band = changes.try_out(work, visit.person, loan, order.kind, order.asked, work.today)
            except LendingError as error:
                refused = form.with_problems(error, visit.language)
                refusals.note(request, visit, error)
                return _page(work, request, visit, loan, refused, name, status=error.http_status)
            if fields.get("act") == "propose":
                return order
            comparison = _comparison(found.figures, found, band.people, found.amount_fen, work)
            return _page(work, request, visit, loan, form, name, comparison)

    answer = await asyncio.to_thread(look)
    if isinstance(answer, Response):
        return answer
    await corrections.propose_change(context.books, context.commands, number, answer)
    return pages.go(request, f"/my/{number}?said=deferral" if _is_borrower(visit) else f"/loans/{number}")


@router.get("/my/{number}/deferral", name="my_deferral")
def my_deferral(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """The form by which a borrower asks for a deferral."""
    return change_form(request, visit, number, ChangeKind.DEFERRAL)


@router.post("/my/{number}/deferral", name="ask_for_deferral")
async def ask_for_deferral(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """Shows the borrower what a deferral would come to, and sends his wish to the loan."""
    return await propose_change(request, visit, number, ChangeKind.DEFERRAL)


@router.post("/loans/{number}/proposals/{proposal}/withdrawal", name="withdraw_change")
async def withdraw_change(request: Request, visit: StaffVisit, number: Number, proposal: Id) -> Response:
    """Takes one's own proposal back."""
    await posted(request, visit.session)
    context: WebContext = request.app.state.context

    def check() -> None:
        with context.books.read() as work:
            changes.check_withdrawal(work, visit.person, work.loans.seen_by(visit.person, number), proposal)

    await asyncio.to_thread(check)
    given = command_id(visit.person.id, f"{proposal}:withdrawal", "page")
    withdrawal = ChangeWithdrawal(sender=sender_of(visit.person), command_id=given, proposal=proposal)
    await corrections.take_back_change(context.books, context.commands, number, withdrawal)
    return pages.go(request, f"/loans/{number}")


def _form(work: UnitOfWork, visit: Visit, loan: Loan, name: str) -> ProposalForm:
    if name == REVERSAL:
        return form_for(ChangeKind.CORRECTION, reverses=True, payments=tuple(one.key for one in _money(work, loan)))
    if name not in list(ChangeKind):
        raise PageNotFound
    # A borrower cannot speak for who guarantees his loan.
    guaranteed = not _is_borrower(visit) and has_guarantors(work, loan)
    return form_for(ChangeKind(name), reverses=False, guaranteed=guaranteed)


def _money(work: UnitOfWork, loan: Loan) -> list[LoanEvent]:
    """Money of the loan that is not reversed yet, newest first."""
    events = work.loans.events(loan.number)
    reversed_keys = {event.body.get("of") for event in events}
    return [event for event in reversed(events) if event.type in MONEY and event.key not in reversed_keys]


def _page(
    work: UnitOfWork,
    request: Request,
    visit: Visit,
    loan: Loan,
    form: ProposalForm,
    name: str,
    comparison: Comparison | None = None,
    status: int = 200,
) -> Response:
    loan_status = status_of(work, visit.person, loan.number)
    own = _is_borrower(visit)
    back = f"/my/{loan.number}" if own else f"/loans/{loan.number}"
    return pages.show(
        request,
        visit,
        "change.html",
        status,
        status=loan_status,
        bar=stage_bar(loan_status, mark_of(work, loan), to_borrower=own),
        live=f"{back}/stage",
        back=back,
        action=f"{back}/{name}" if own else f"{back}/changes/{name}",
        is_own=own,
        form=form,
        name=name,
        comparison=comparison,
        money={event.key: event for event in _money(work, loan)} if name == REVERSAL else {},
    )


def _is_borrower(visit: Visit) -> bool:
    return visit.person.role is Role.BORROWER
