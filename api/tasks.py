"""The inbox: what waits for a person, taking it up, and deciding it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from api.commands import CommandAnswer, answer_to
from api.context import Acting, ApiContext, Context, Looking
from api.problems import refusals
from api.shapes import Asked, Limit, MoneyText, OptionalKey, Shown, TaskId, Words, command_id, in_yuan
from api.unmatched import MoneyVerb, MoneyView, money_view, say_to_money
from books.session import UnitOfWork
from engine import corrections
from engine.errors import LoanNotRunning
from lending.errors import LendingError
from lending.money import to_fen, yuan
from models.keys import LOAN_PATTERN
from models.messages import CommandOrder, DecisionOrder
from models.outbox import Topic
from models.staff import Actor, Role
from models.tasks import REASON_CODES, Outcome, Task, TaskKind, TaskStatus
from services import approval, tasks
from services.audit import sender_of
from services.authority import authority_over
from services.errors import InvalidDecision, TaskClosed
from services.loan_history import told_decision, told_row
from services.permissions import STAFF, check_may_decide
from services.tasks import ABOUT_ACCOUNTS, FOLLOW_UPS

router = APIRouter(tags=["tasks"])


class UnknownPage(LendingError):
    """The place to go on from is none that a page named."""

    code = "unknown_page"
    http_status = 422

    def __init__(self) -> None:
        super().__init__("take `after` from `next` of the page before", fields={"after": "is none that a page named"})


class Verb(StrEnum):
    """What a person says to a task: the three decisions on a case, or `done` where something was to be done.

    To unmatched money: `book` to a loan or `return` to its payer are proposed, `approve` and `refuse` are another
    person's word on that, `done` closes the task and moves nothing.
    """

    APPROVE = "approve"
    REFUSE = "refuse"
    RETURN = "return"
    BOOK = "book"
    DONE = "done"


ReasonCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class DecisionBody(Asked):
    """A decision with its reason; `amount` approves less than was applied for, `loan` is where money is booked to.

    `reason_codes` go with the refusal of a case: the borrower reads them with what would change each.
    """

    outcome: Verb
    reason: Words
    amount: MoneyText | None = None
    loan: str | None = Field(default=None, pattern=LOAN_PATTERN)
    reason_codes: list[ReasonCode] = Field(
        default=[], max_length=20, description="why a case is refused, by codes of its product's list"
    )


class Delegation(Asked):
    """To whom a task goes."""

    to: str = Field(pattern=r"^[!-~]{1,64}$", description="id of the colleague")


class TaskView(BaseModel):
    """Something a person has to do, for a role or a named person, by a date."""

    id: str
    loan: str | None
    kind: TaskKind
    role: Role
    assignee_id: str | None
    status: TaskStatus
    escalations: int
    due_on: date
    opened_at: datetime
    closed_at: datetime | None
    about: str
    people: int = Field(description="how many have to agree, as far as it is known now")
    confirms: str | None = Field(description="the decision of the first person that this one is to confirm")
    reminded_for: date | None = Field(description="the deadline that people were reminded of")


class TasksPage(BaseModel):
    """A page of tasks, the most urgent first; `next` is the `after` of the following page, null on the last."""

    items: list[TaskView]
    next: str | None


class DecisionView(Shown):
    """What was decided; to an integrator everybody who did is `system`."""

    outcome: Outcome
    amount: str | None
    reason: str = Field(
        description="empty for an integrator, and where risk let a case pass for who does not decide on lists"
    )
    reason_codes: list[str] = Field(description="why a case was refused, by codes of its product's list")
    decided_by: str
    decided_as: Role
    decided_at: datetime
    stands_in_for: str | None = Field(description="the absent colleague whose deputy he was")


class BandView(Shown):
    """Who may decide the case up to an amount: so many people of a role, null for nobody."""

    up_to: str
    decided_by: Role | None
    people: int
    policy: str
    row: int | None = Field(description="null for who may not know who stands on a list")
    reasons: list[str]


class TaskDetail(TaskView):
    """A task with what was decided on it, or with the unmatched money that it is about.

    Of a case that waits for a decision, `authority` says who may approve how much of it today.
    """

    decision: DecisionView | None
    money: MoneyView | None
    authority: list[BandView]


class Queued(BaseModel):
    """The decision is kept and will reach the loan; `status_url` shows what came of it."""

    command: str
    status_url: str


After = Annotated[
    str | None,
    Query(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\.[0-9a-f]{32}$", description="`next` of the page before"),
]


@router.get("/tasks")
def list_tasks(
    actor: Acting,
    look: Looking,
    mine: Annotated[bool, Query(description="only tasks for me, or for anybody of my role")] = False,
    open_only: Annotated[bool, Query(alias="open", description="only tasks that still wait")] = True,
    kind: TaskKind | None = None,
    loan: Annotated[str | None, Query(pattern=LOAN_PATTERN)] = None,
    after: After = None,
    limit: Limit = 50,
) -> TasksPage:
    """Tasks that the one who asks may see."""
    with look() as work:
        found = work.tasks.page(
            actor, mine=mine, open_only=open_only, kind=kind, loan=loan, after=_last_seen(after), limit=limit
        )
    last = found[-1] if len(found) == limit else None
    return TasksPage(
        items=[TaskView.model_validate(_told(actor, task)) for task in found],
        next=f"{last.due_on}.{last.id}" if last else None,
    )


@router.get("/tasks/{task_id}", responses=refusals(404))
def show_task(task_id: TaskId, actor: Acting, look: Looking) -> TaskDetail:
    """One task, with its decision once there is one."""
    with look() as work:
        task = work.tasks.seen_by(actor, task_id)
        decision = work.tasks.decision(task_id)
        money = money_view(work, actor, task)
        # Who of the lender may decide how much is for its own people.
        bands = authority_over(work, task) if actor.role in STAFF else []
    authority = [
        BandView(
            up_to=yuan(band.up_to_fen or 0),
            decided_by=band.decided_by,
            people=band.people,
            policy=band.label,
            row=told_row(actor, band.fired_row),
            reasons=list(band.reasons),
        )
        for band in bands
    ]
    shown = None
    if decision is not None:
        told = {"reason_codes": decision.reason_codes} | told_decision(actor, task.kind, decision)
        shown = in_yuan(decision.model_dump()) | told
    return TaskDetail.model_validate(_told(actor, task) | {"decision": shown, "money": money, "authority": authority})


def _told(actor: Actor, task: Task) -> dict[str, Any]:
    # With whom of the lender it lies is for its own people.
    return task.model_dump() | ({} if actor.role in STAFF else {"assignee_id": None})


@router.post("/tasks/{task_id}/claim", responses=refusals(403, 404, 409))
def claim_task(task_id: TaskId, actor: Acting, context: Context) -> TaskView:
    """Takes a task into one's own hands."""
    with context.books.begin() as work:
        task = tasks.claim(work, actor, work.tasks.seen_by(actor, task_id))
    return TaskView.model_validate(task.model_dump())


@router.post("/tasks/{task_id}/release", responses=refusals(403, 404, 409))
def release_task(task_id: TaskId, actor: Acting, context: Context) -> TaskView:
    """Gives a task back to its role."""
    with context.books.begin() as work:
        task = tasks.release(work, actor, work.tasks.seen_by(actor, task_id))
    return TaskView.model_validate(task.model_dump())


@router.post("/tasks/{task_id}/delegate", responses=refusals(403, 404, 409))
def delegate_task(task_id: TaskId, body: Delegation, actor: Acting, context: Context) -> TaskView:
    """Hands a task to a colleague who may do it."""
    with context.books.begin() as work:
        task = tasks.delegate(work, actor, work.tasks.seen_by(actor, task_id), body.to)
    return TaskView.model_validate(task.model_dump())


@router.post(
    "/tasks/{task_id}/decision",
    response_model=CommandAnswer,
    responses={
        202: {"model": Queued, "description": "kept; nobody waits for what comes of it"},
        **refusals(403, 404, 409, 429),
    },
)
async def decide_task(
    task_id: TaskId,
    body: DecisionBody,
    actor: Acting,
    context: Context,
    key: OptionalKey = None,
    wait: Annotated[bool, Query(description="false: answer 202 at once and decide when the loan is reached")] = True,
) -> CommandAnswer | JSONResponse:
    """Decides a case, or says that a follow-up is done. The same decision again gets the same answer.

    `wait=false` matters for cases only; what was to be done is done at once.
    """
    command = command_id(actor, task_id, key)
    task, decision, before = await run_in_threadpool(_look, context, actor, task_id, body, command, queue=not wait)
    if task.kind in FOLLOW_UPS | ABOUT_ACCOUNTS | {TaskKind.DOCUMENT}:
        return await run_in_threadpool(_finish, context, actor, task_id, body)
    if task.loan is None:
        raise TaskClosed(task_id)
    if task.kind is TaskKind.COMPLETION:
        await run_in_threadpool(_check_completion, context, actor, task, body)
        order = CommandOrder(sender=sender_of(actor), command_id=command, reason=body.reason)
        return answer_to(task.loan, await context.commands.complete(task.loan, order))
    if decision is None:
        raise TaskClosed(task_id)
    if before is not None:
        return before
    if wait:
        return await _decide(context, actor, task.loan, decision)
    return JSONResponse(Queued(command=command, status_url=f"/api/v1/tasks/{task_id}").model_dump(), 202)


async def _decide(context: ApiContext, actor: Actor, loan: str, decision: DecisionOrder) -> CommandAnswer:
    try:
        return answer_to(loan, await corrections.decide(context.books, context.commands, loan, decision))
    except LoanNotRunning:
        # Perhaps another decision has just closed the loan: then the books say so better.
        before = await run_in_threadpool(_answer_before, context, actor, decision)
        if before is None:
            raise
        return before


def _last_seen(after: str | None) -> tuple[date, str] | None:
    if after is None:
        return None
    day, _, last = after.partition(".")
    try:
        return date.fromisoformat(day), last
    except ValueError:
        raise UnknownPage from None


def _look(
    context: ApiContext, actor: Actor, task_id: str, body: DecisionBody, command: str, *, queue: bool
) -> tuple[Task, DecisionOrder | None, CommandAnswer | None]:
    """The task; for a case of a loan also the decision on it and the answer that the same one had before.

    With `queue` the decision goes into the outbox with the same unit of work that found it allowed.
    """
    with context.books.begin() if queue else context.books.read() as work:
        task = work.tasks.seen_by(actor, task_id)
        if task.kind not in approval.DECIDED or task.loan is None:
            return task, None, None
        decision = _decision(task, body, actor, command)
        before = _check_decision(work, actor, task, decision)
        key = f"decision:{command}"
        if queue and before is None and not work.outbox.has(key):
            payload = {"decision": decision.model_copy(update={"waits": False}).model_dump(mode="json")}
            work.outbox.put(Topic.SIGNAL_LOAN, key, payload, work.now, task.loan)
        return task, decision, before


def _answer_before(context: ApiContext, actor: Actor, order: DecisionOrder) -> CommandAnswer | None:
    with context.books.read() as work:
        return _check_decision(work, actor, work.tasks.seen_by(actor, order.task_id), order)


def _finish(context: ApiContext, actor: Actor, task_id: str, body: DecisionBody) -> CommandAnswer:
    with context.books.begin() as work:
        task = work.tasks.seen_by(actor, task_id)
        if body.reason_codes:
            raise InvalidDecision("no case is refused here", fields={REASON_CODES: "leave them out"})
        if task.kind is TaskKind.UNMATCHED_MONEY and body.outcome is not Verb.DONE and body.amount is None:
            sentence = say_to_money(work, actor, task, MoneyVerb(body.outcome.value), body.loan, body.reason)
            return CommandAnswer(loan=None, stage=None, sentence=sentence)
        _require_done(body)
        task = tasks.finish(work, actor, task, body.reason)
        stage = work.loans.get(task.loan).stage if task.loan else None
    return CommandAnswer(loan=task.loan, stage=stage, sentence="the follow-up is done")


def _check_completion(context: ApiContext, actor: Actor, task: Task, body: DecisionBody) -> None:
    _require_done(body)
    with context.books.read() as work:
        current = work.tasks.seen_by(actor, task.id)
        if current.status is not TaskStatus.OPEN:
            raise TaskClosed(task.id)
        check_may_decide(actor, current)


def _require_done(body: DecisionBody) -> None:
    if body.outcome is not Verb.DONE or body.amount is not None or body.loan is not None or body.reason_codes:
        raise InvalidDecision(
            "there is nothing to approve here; say that it is done",
            fields={"outcome": "send done, without an amount, a loan or codes of reasons"},
        )


def _decision(task: Task, body: DecisionBody, actor: Actor, command: str) -> DecisionOrder:
    if body.outcome in (Verb.DONE, Verb.BOOK) or body.loan is not None:
        raise InvalidDecision("this task asks for a decision", fields={"outcome": "choose approve, refuse or return"})
    return DecisionOrder(
        task_id=task.id,
        outcome=Outcome(body.outcome.value),
        reason=body.reason,
        sender=sender_of(actor),
        command_id=command,
        amount_fen=None if body.amount is None else to_fen(body.amount),
        reason_codes=tuple(body.reason_codes),
    )


def _check_decision(work: UnitOfWork, actor: Actor, task: Task, order: DecisionOrder) -> CommandAnswer | None:
    """The answer that the same decision had before, or None when it may be taken; refuses it otherwise."""
    before = _taken_before(work, actor, task, order)
    if before is None:
        approval.check(work, actor, task, order)
    return before


def _taken_before(work: UnitOfWork, actor: Actor, task: Task, order: DecisionOrder) -> CommandAnswer | None:
    decision = work.tasks.decision(task.id)
    if decision is None or task.loan is None:
        return None
    first = (decision.decided_by, decision.outcome, decision.amount_fen, decision.reason, set(decision.reason_codes))
    if first != (actor.id, order.outcome, order.amount_fen, order.reason, set(order.reason_codes)):
        return None
    stage = work.loans.get(task.loan).stage
    return CommandAnswer(loan=task.loan, stage=stage, sentence=f"the decision is recorded: {order.outcome}")
