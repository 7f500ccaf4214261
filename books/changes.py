"""Queries on proposed changes, their tasks and their ends."""

from dataclasses import dataclass

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE
from models.changes import ChangeEnd, ChangeProposal, ChangeStatus, ChangeTask
from models.tasks import Decision, Outcome, Task, TaskKind, TaskStatus

_PROPOSAL = select(ChangeProposal).where(col(ChangeProposal.id) == bindparam("id")).execution_options(**WRITTEN_AT_ONCE)
_OF_TASK = (
    select(ChangeProposal)
    .join(ChangeTask, col(ChangeTask.proposal_id) == col(ChangeProposal.id))
    .where(col(ChangeTask.task_id) == bindparam("task"))
    .execution_options(**WRITTEN_AT_ONCE)
)
_WITH_END = (
    select(ChangeProposal, ChangeEnd)
    .join(ChangeEnd, col(ChangeEnd.proposal_id) == col(ChangeProposal.id), isouter=True)
    .where(col(ChangeProposal.loan) == bindparam("loan"))
    .order_by(col(ChangeProposal.id).desc())
)
_TASKS = (
    select(ChangeTask.proposal_id, Task, Decision)
    .join(Task, col(Task.id) == col(ChangeTask.task_id))
    .join(ChangeProposal, col(ChangeProposal.id) == col(ChangeTask.proposal_id))
    .join(Decision, col(Decision.task_id) == col(Task.id), isouter=True)
    .where(col(ChangeProposal.loan) == bindparam("loan"))
    .order_by(col(Task.id))
)
_OPEN = (
    select(ChangeProposal, Task)
    .join(ChangeTask, col(ChangeTask.proposal_id) == col(ChangeProposal.id))
    .join(Task, col(Task.id) == col(ChangeTask.task_id))
    .where(col(Task.loan) == bindparam("loan"), Task.kind == TaskKind.CHANGE, Task.status == TaskStatus.OPEN)
)
_APPROVALS = (
    select(Decision.decided_by, Decision.stands_in_for)
    .join(ChangeTask, col(ChangeTask.task_id) == col(Decision.task_id))
    .where(col(ChangeTask.proposal_id) == bindparam("proposal"), Decision.outcome == Outcome.APPROVE)
)


@dataclass(frozen=True)
class Change:
    """A proposal with what became of it: its tasks and their decisions in order, its end if it has one."""

    proposal: ChangeProposal
    tasks: tuple[Task, ...]
    decisions: tuple[Decision, ...]
    end: ChangeEnd | None

    @property
    def status(self) -> ChangeStatus:
        """How it stands."""
        if self.end is not None:
            return ChangeStatus(self.end.outcome.value)
        waits = any(task.status is TaskStatus.OPEN for task in self.tasks)
        return ChangeStatus.OPEN if waits else ChangeStatus.LAPSED

    @property
    def open_task(self) -> Task | None:
        """The task on which somebody is asked now."""
        return next((task for task in self.tasks if task.status is TaskStatus.OPEN), None)


class ChangeBook:
    """What was proposed for running loans."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def proposal(self, proposal_id: str) -> ChangeProposal | None:
        """One proposal."""
        return self.session.exec(_PROPOSAL, params={"id": proposal_id}).first()

    def of_task(self, task_id: str) -> ChangeProposal | None:
        """The proposal that a task asks about."""
        return self.session.exec(_OF_TASK, params={"task": task_id}).first()

    def open_of(self, loan: str) -> tuple[ChangeProposal, Task] | None:
        """The proposal of a loan that waits, with the task on which somebody is asked; a loan has at most one."""
        return self.session.exec(_OPEN, params={"loan": loan}).first()

    def approved_by(self, proposal_id: str) -> list[str]:
        """Who has agreed to a proposal so far."""
        return [person for person, _ in self.session.exec(_APPROVALS, params={"proposal": proposal_id})]

    def agreed(self, proposal_id: str) -> set[str]:
        """The same with those for whom somebody stood in."""
        pairs = self.session.exec(_APPROVALS, params={"proposal": proposal_id})
        return {person for pair in pairs for person in pair if person is not None}

    def of_loan(self, loan: str) -> list[Change]:
        """All proposals of a loan, newest first, in two queries."""
        tasks: dict[str, list[Task]] = {}
        decisions: dict[str, list[Decision]] = {}
        for proposal_id, task, decision in self.session.exec(_TASKS, params={"loan": loan}):
            tasks.setdefault(proposal_id, []).append(task)
            if decision is not None:
                decisions.setdefault(proposal_id, []).append(decision)
        return [
            Change(proposal, tuple(tasks.get(proposal.id, ())), tuple(decisions.get(proposal.id, ())), end)
            for proposal, end in self.session.exec(_WITH_END, params={"loan": loan})
        ]
