"""One task: the case, the decision, and taking a task or giving it back."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from books.session import UnitOfWork
from engine import corrections
from lending.errors import LendingError
from models.keys import command_id, new_id
from models.loans import Loan
from models.messages import CommandOrder, DecisionOrder
from models.refusal_reasons import RefusalReason
from models.staff import Actor
from models.tasks import Outcome, Task, TaskKind, TaskStatus
from services import account_changes, approval, tasks, verification
from services.audit import sender_of
from services.errors import InvalidDecision, TaskClosed
from services.loan_history import may_read_reason
from services.loans import most_to_approve
from services.permissions import check_may_decide
from services.products import catalogue
from services.status import status_of
from services.unmatched import unmatched_money
from web import labels, pages, refusals
from web.addresses import Id
from web.case import case_view
from web.changes import proposed
from web.context import WebContext, in_books
from web.decision import DecisionForm, read_amount, read_decision, read_note, why_not
from web.inbox import rows_for
from web.offers import Offer, offer_if_approved
from web.refusals import showing
from web.second_looks import authority_rows, before_of
from web.session import posted
from web.stages import mark_of, stage_bar
from web.visit import StaffVisit, Visit

router = APIRouter()


@router.get("/tasks/{task_id}", name="task")
def task_page(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """The task with its case and what can be done about it."""
    return _page(request, visit, task_id, DecisionForm())


@router.get("/tasks/{task_id}/offer", name="task_offer")
def task_offer(
    request: Request, visit: StaffVisit, task_id: Id, amount: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """What the case comes to with another amount, shown while the approver types it."""
    with showing(request, visit) as work:
        task = work.tasks.seen_by(visit.person, task_id)
        loan = work.loans.get(task.loan or "")
        most = most_to_approve(work, loan, task)
        try:
            fen = read_amount(amount) or most
        except InvalidDecision:
            fen = most
        offer = offer_if_approved(work, loan, min(fen, most) or loan.applied_fen)
    return pages.show(request, visit, "parts/offer.html", offer=offer)


@router.post("/tasks/{task_id}/claim", name="claim")
async def claim(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """Takes the task into one's own hands."""
    return await _hand(request, visit, task_id, tasks.claim)


@router.post("/tasks/{task_id}/release", name="release")
async def release(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """Gives the task back to its role."""
    return await _hand(request, visit, task_id, tasks.release)


@router.post("/tasks/{task_id}/registers", name="ask_again")
async def ask_again(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """Has the registers asked again whose answers are past their days."""
    await posted(request, visit.session)

    def change(work: UnitOfWork) -> None:
        task = work.tasks.seen_by(visit.person, task_id)
        if task.status is not TaskStatus.OPEN or task.loan is None:
            raise TaskClosed(task_id)
        verification.ask_again(work, visit.person, work.loans.get(task.loan))

    await in_books(request, change)
    return pages.go(request, f"/tasks/{task_id}")


async def _hand(
    request: Request, visit: Visit, task_id: str, act: Callable[[UnitOfWork, Actor, Task], Task]
) -> Response:
    await posted(request, visit.session)

    def change(work: UnitOfWork) -> None:
        task = work.tasks.seen_by(visit.person, task_id)
        check_may_decide(visit.person, task)
        act(work, visit.person, task)

    await in_books(request, change)
    return pages.go(request, f"/tasks/{task_id}")


@router.post("/tasks/{task_id}/decision", name="decision")
async def decide(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """Sends the decision to the loan and waits for its answer."""
    fields = await posted(request, visit.session)
    context: WebContext = request.app.state.context
    form = DecisionForm.from_fields(fields)
    try:
        loan, order = await asyncio.to_thread(_checked, context, visit, task_id, form)
        await corrections.decide(context.books, context.commands, loan, order)
    except LendingError as error:
        return await _decision_refused(request, visit, task_id, form, error)
    return await _done(request, visit, task_id)


def _checked(context: WebContext, visit: Visit, task_id: str, form: DecisionForm) -> tuple[str, DecisionOrder]:
    with context.books.read() as work:
        task = work.tasks.seen_by(visit.person, task_id)
        if task.status is not TaskStatus.OPEN or task.loan is None:
            raise TaskClosed(task_id)
        order = read_decision(form, task, sender_of(visit.person))
        approval.check(work, visit.person, task, order)
        return task.loan, order


async def _decision_refused(
    request: Request, visit: Visit, task_id: str, form: DecisionForm, error: LendingError
) -> Response:
    if error.code == "unknown_task":
        raise error
    await asyncio.to_thread(refusals.note, request, visit, error)
    refused = form.with_problems(error, visit.language)
    return await asyncio.to_thread(_page, request, visit, task_id, refused, error.http_status)


@router.post("/tasks/{task_id}/completion", name="completion")
async def complete(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """Tells the loan that what was missing is there."""
    context: WebContext = request.app.state.context
    form = DecisionForm.from_fields(await posted(request, visit.session))

    def find() -> str:
        with context.books.read() as work:
            task = work.tasks.seen_by(visit.person, task_id)
            if task.status is not TaskStatus.OPEN or task.loan is None:
                raise TaskClosed(task_id)
            check_may_decide(visit.person, task)
            return task.loan

    loan = await asyncio.to_thread(find)
    try:
        note = read_note(form, is_optional=True)
    except InvalidDecision as error:
        return await _unreadable(request, visit, task_id, form, error)
    given = command_id(visit.person.id, f"{task_id}:completion", form.given_id)
    await context.commands.complete(loan, CommandOrder(sender=sender_of(visit.person), command_id=given, reason=note))
    return await _done(request, visit, task_id)


@router.post("/tasks/{task_id}/note", name="task_note")
async def finish(request: Request, visit: StaffVisit, task_id: Id) -> Response:
    """Closes a follow-up with a note on what was done."""
    form = DecisionForm.from_fields(await posted(request, visit.session))

    def change(work: UnitOfWork) -> None:
        task = work.tasks.seen_by(visit.person, task_id)
        tasks.finish(work, visit.person, task, read_note(form))

    try:
        await in_books(request, change)
    except InvalidDecision as error:
        return await _unreadable(request, visit, task_id, form, error)
    return await _done(request, visit, task_id)


async def _unreadable(
    request: Request, visit: Visit, task_id: str, form: DecisionForm, error: InvalidDecision
) -> Response:
    refused = form.with_problems(error, visit.language)
    return await asyncio.to_thread(_page, request, visit, task_id, refused, error.http_status)


async def _done(request: Request, visit: Visit, task_id: str) -> Response:
    if not pages.wants_fragment(request):
        return pages.go(request, f"/tasks/{task_id}")
    response = await asyncio.to_thread(_page, request, visit, task_id, DecisionForm(is_answered=True))
    response.headers["HX-Trigger-After-Settle"] = "loan-stale"
    return response


def _page(request: Request, visit: Visit, task_id: str, form: DecisionForm, status: int = 200) -> Response:
    with showing(request, visit) as work:
        task = work.tasks.seen_by(visit.person, task_id)
        (row,) = rows_for(work, visit.person, [task])
        values: dict[str, Any] = {
            "row": row,
            "form": form,
            "command_id": new_id(),
            "decision": (decision := work.tasks.decision(task.id)),
            "reason_is_told": decision is not None
            and may_read_reason(visit.person, task.kind, decision.decided_as, decision.outcome),
            "names": work.staff.names(),
            "outcomes": _outcomes(task),
            "refusal_reasons": _refusal_reasons(row.loan, task),
            "is_open": task.status is TaskStatus.OPEN,
            "is_decided": task.kind in approval.DECIDED,
            "why_not": _why_not(work, visit, task),
            "offer": None,
            "money": unmatched_money(work, task),
            "proposed": proposed(work, task),
            "most_fen": most_to_approve(work, row.loan, task) if row.loan else 0,
            "authority": authority_rows(work, task, visit.language),
            "past": _past(work, task, row.loan),
            "is_asked_again": verification.is_being_asked(work, task),
            "before": before_of(work, task, row.loan) if task.kind is TaskKind.APPROVAL else None,
            "is_fragment": pages.wants_fragment(request),
            "can_change_account": row.loan is not None and row.loan.stage in account_changes.STAGES,
        }
        if values["is_fragment"]:
            return pages.show(request, visit, "parts/act.html", status, **values)
        if row.loan is not None:
            loan_status = status_of(work, visit.person, row.loan.number)
            values |= {
                "status": loan_status,
                "bar": stage_bar(loan_status, mark_of(work, row.loan)),
                "live": f"/loans/{row.loan.number}/stage",
                "case": case_view(work, visit, row.loan),
                "offer": _offer(work, task, row.loan, values["most_fen"]),
            }
        return pages.show(request, visit, "task.html", status, **values)


def _offer(work: UnitOfWork, task: Task, loan: Loan, most_fen: int) -> Offer | None:
    if task.kind is not TaskKind.APPROVAL or task.status is not TaskStatus.OPEN:
        return None
    return offer_if_approved(work, loan, most_fen or loan.applied_fen)


def _past(work: UnitOfWork, task: Task, loan: Loan | None) -> tuple[str, ...]:
    """The checks whose answers are past their days, while the task waits for the decision of a case."""
    waits = task.kind is TaskKind.APPROVAL and task.status is TaskStatus.OPEN
    return verification.answers_past(work, loan, work.today) if waits and loan is not None else ()


def _outcomes(task: Task) -> list[tuple[Outcome, str]]:
    """What can be decided on the task, and under which group of labels."""
    if task.kind is TaskKind.PAYOUT_PROBLEM:
        return [(outcome, "payout_outcome") for outcome in labels.PAYOUT_OUTCOMES]
    outcomes = [Outcome.APPROVE, Outcome.REFUSE] if task.kind is TaskKind.CHANGE else list(labels.OUTCOMES)
    return [(outcome, "outcome") for outcome in outcomes]


def _refusal_reasons(loan: Loan | None, task: Task) -> tuple[RefusalReason, ...]:
    """From what to choose where a case is refused."""
    if loan is None or task.kind is not TaskKind.APPROVAL:
        return ()
    return catalogue().product(loan.product).refusal_reasons


def _why_not(work: UnitOfWork, visit: Visit, task: Task) -> str | None:
    if task.status is not TaskStatus.OPEN:
        return None
    error = why_not(work, visit.person, task)
    return labels.refusal(error, visit.language) if error else None
