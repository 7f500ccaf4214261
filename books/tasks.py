"""Queries on tasks and decisions."""

from dataclasses import dataclass
from datetime import date
from functools import cache

from sqlalchemy import ColumnElement, bindparam, exists, func, or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from books.errors import UnknownTask
from books.rows import WRITTEN_AT_ONCE
from books.scope import loans_seen_by, scope_of
from models.customers import Customer
from models.loans import Application, Loan
from models.second_looks import SecondLook
from models.staff import Actor, Role, Staff
from models.tasks import Decision, Task, TaskKind, TaskStatus

PAGE = 50

_TASK = select(Task).where(col(Task.id) == bindparam("id"))
_HANDS = (
    select(
        col(Application.entered_by),
        col(Customer.owner_id),
    )
    .join(Loan, col(Loan.number) == col(Application.loan))
    .join(Customer, col(Customer.id) == col(Loan.customer_id))
    .where(col(Application.loan) == bindparam("loan"))
)
_OPEN = select(Task).where(col(Task.loan) == bindparam("loan"), Task.status == TaskStatus.OPEN)
_OPEN_OF_KIND = _OPEN.where(col(Task.kind) == bindparam("kind"))
_DECISION = select(Decision).where(col(Decision.task_id) == bindparam("task")).execution_options(**WRITTEN_AT_ONCE)
_DECISIONS = (
    select(Decision)
    .where(col(Decision.loan) == bindparam("loan"))
    .order_by(col(Decision.id))
    .execution_options(**WRITTEN_AT_ONCE)
)


_SECOND_LOOK = (
    select(SecondLook)
    .where(col(SecondLook.loan) == bindparam("loan"))
    .order_by(col(SecondLook.round).desc())
    .limit(1)
    .execution_options(**WRITTEN_AT_ONCE)
)


@dataclass(frozen=True)
class Hands:
    """Through whose hands a case went: who entered it, who looks after its customer."""

    entered_by: str
    owner_id: str | None


class TaskBook:
    """The inbox."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, task_id: str) -> Task:
        """The task; UnknownTask if there is none."""
        task = self.session.exec(_TASK, params={"id": task_id}).first()
        if task is None:
            raise UnknownTask(task_id)
        return task

    def seen_by(self, actor: Actor, task_id: str) -> Task:
        """The task if this person may see it; UnknownTask otherwise."""
        task = self.session.exec(_task_seen_by(actor.role), params=scope_of(actor) | {"id": task_id}).first()
        if task is None:
            raise UnknownTask(task_id)
        return task

    def page(
        self,
        actor: Actor,
        *,
        mine: bool = False,
        open_only: bool = True,
        kind: TaskKind | None = None,
        loan: str | None = None,
        after: tuple[date, str] | None = None,
        limit: int = PAGE,
    ) -> list[Task]:
        """Tasks this person may see, the most urgent first; `after` is the due date and id of the last one seen.

        With `mine`, those in his hands or in those of whom he stands in for, and those that wait for his role; a
        manager's are also those that wait for a sales agent where there is none: neither who looks after the customer
        nor who entered the loan is an agent who may come in.
        """
        query = select(Task).where(_seen_by(actor.role))
        if open_only:
            query = query.where(Task.status == TaskStatus.OPEN)
        if mine:
            query = query.where(
                or_(
                    col(Task.assignee_id).in_([actor.id, *actor.stands_in_for]),
                    (col(Task.assignee_id).is_(None)) & _waits_for(actor.role),
                )
            )
        if kind is not None:
            query = query.where(Task.kind == kind)
        if loan is not None:
            query = query.where(Task.loan == loan)
        if after is not None:
            due, last = after
            query = query.where(or_(col(Task.due_on) > due, (col(Task.due_on) == due) & (col(Task.id) > last)))
        query = query.order_by(col(Task.due_on), col(Task.id)).limit(min(limit, 200))
        return list(self.session.exec(query, params=scope_of(actor)))

    def held_by(self, staff_id: str, limit: int = 200) -> list[Task]:
        """Open tasks in somebody's hands, kept from other writers until this unit of work ends."""
        query = select(Task).where(Task.assignee_id == staff_id, Task.status == TaskStatus.OPEN).order_by(col(Task.id))
        held = query.limit(limit).with_for_update().execution_options(populate_existing=True)
        return list(self.session.exec(held))

    def open_of(self, loan: str, kind: TaskKind | None = None) -> list[Task]:
        """Open tasks of a loan."""
        if kind is None:
            return list(self.session.exec(_OPEN, params={"loan": loan}))
        return list(self.session.exec(_OPEN_OF_KIND, params={"loan": loan, "kind": kind}))

    def decision(self, task_id: str) -> Decision | None:
        """What was decided on a task."""
        return self.session.exec(_DECISION, params={"task": task_id}).first()

    def hands(self, loan: str) -> Hands:
        """Who entered a case and who looks after its customer."""
        return Hands(*self.session.connection().execute(_HANDS, {"loan": loan}).one())

    def decisions(self, loan: str) -> list[Decision]:
        """All decisions on a loan in their order."""
        return list(self.session.exec(_DECISIONS, params={"loan": loan}))

    def first_approval(self, task: Task) -> Decision | None:
        """The first person's approval where the task asks for a second one, None for any other task."""
        return None if task.confirms is None else self.session.get_one(Decision, task.confirms)

    def due_until(self, day: date, after: str, limit: int) -> list[Task]:
        """Open tasks that are due on a day or before, with an id above `after`, in the order of their ids."""
        query = select(Task).where(Task.status == TaskStatus.OPEN, Task.due_on <= day, Task.id > after)
        return list(self.session.exec(query.order_by(col(Task.id)).limit(limit).with_for_update()))

    def second_look(self, loan: str) -> SecondLook | None:
        """What was asked for last about a refusal by the rules, None if nobody asked."""
        return self.session.exec(_SECOND_LOOK, params={"loan": loan}).first()

    def second_looks(self, loan: str) -> list[SecondLook]:
        """All that was asked for about refusals of a loan by the rules, the first round first."""
        query = select(SecondLook).where(SecondLook.loan == loan)
        return list(self.session.exec(query.order_by(col(SecondLook.round))))

    def open_count(self) -> dict[TaskKind, int]:
        """Open tasks by kind, for the gauges."""
        query = select(col(Task.kind), func.count()).where(Task.status == TaskStatus.OPEN).group_by(col(Task.kind))
        return dict(self.session.exec(query).all())


def _waits_for(role: Role) -> ColumnElement[bool]:
    """The condition on `Task` that holds where it waits for a role."""
    waits = col(Task.role) == role
    if role is not Role.MANAGER:
        return waits
    # Asked task by task, each time by primary keys, and for open tasks that nobody holds only.
    is_agent = (col(Staff.role) == Role.AGENT) & col(Staff.active).is_(True)
    entered = exists().where(col(Application.loan) == Task.loan, col(Application.entered_by) == Staff.id, is_agent)
    looked_after = exists().where(
        col(Loan.number) == Task.loan,
        col(Customer.id) == Loan.customer_id,
        col(Customer.owner_id) == Staff.id,
        is_agent,
    )
    return or_(waits, (col(Task.role) == Role.AGENT) & ~entered & ~looked_after)


@cache
def _task_seen_by(role: Role) -> SelectOfScalar[Task]:
    return _TASK.where(_seen_by(role))


def _seen_by(role: Role) -> ColumnElement[bool]:
    if role in (Role.RISK, Role.AUDITOR, Role.ADMIN, Role.SYSTEM):
        return col(Task.id).is_not(None)
    seen = col(Task.loan).in_(select(Loan.number).where(loans_seen_by(role)))
    if role is Role.FINANCE:
        return col(Task.role) == Role.FINANCE
    if role is Role.MANAGER:
        return seen & col(Task.role).in_([Role.MANAGER, Role.AGENT])
    return seen & (col(Task.role) == role)
