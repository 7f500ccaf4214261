"""The inbox: what waits for a person, and what he decided."""

import datetime as dt
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, PersonalForm, Spelled
from models.keys import new_id
from models.staff import Role


class TaskKind(StrEnum):
    """What kind of act a task asks for."""

    APPROVAL = "approval"
    COMPLETION = "completion"
    PAYOUT_PROBLEM = "payout_problem"
    OVERDUE = "overdue"
    UNMATCHED_MONEY = "unmatched_money"
    TROUBLE = "trouble"
    CHANGE = "change"
    TAKEOVER = "takeover"
    ACCOUNT = "account"
    ACCOUNT_CHANGE = "account_change"
    DOCUMENT = "document"
    DOCUMENT_AGAIN = "document_again"
    EARLY_WARNING = "early_warning"
    REGISTRATION = "registration"
    INSURANCE = "insurance"
    EVIDENCE = "evidence"
    RELEASE = "release"


class TaskStatus(StrEnum):
    """Whether a task still waits."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What a person can decide on a task."""

    APPROVE = "approve"
    REFUSE = "refuse"
    RETURN = "return"


class Task(SQLModel, table=True):
    """Something a person has to do, for a role or a named person, by a date.

    `policy_id`, `fired_row` and `people` say by which rule it waits for this role and how many have to agree.
    `confirms` is the first person's approval where this is the second's task. `reminded_for` is the date that people
    were reminded of.
    """

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_inbox", "status", "role", "due_on", "id"),
        Index("ix_task_assignee", "assignee_id", "status"),
        Index(
            "ix_task_one_open_a_kind",
            "loan",
            "kind",
            unique=True,
            sqlite_where=text("status = 'open' AND loan IS NOT NULL AND kind <> 'trouble'"),
            postgresql_where=text("status = 'open' AND loan IS NOT NULL AND kind <> 'trouble'"),
        ),
        Index(
            "ix_task_one_open_trouble_a_role",
            "loan",
            "role",
            unique=True,
            sqlite_where=text("status = 'open' AND loan IS NOT NULL AND kind = 'trouble'"),
            postgresql_where=text("status = 'open' AND loan IS NOT NULL AND kind = 'trouble'"),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str | None = Field(default=None, foreign_key="loan.number", max_length=16, index=True)
    kind: TaskKind = Field(sa_type=Spelled(TaskKind))
    role: Role = Field(sa_type=Spelled(Role))
    assignee_id: str | None = Field(default=None, max_length=64)
    status: TaskStatus = Field(default=TaskStatus.OPEN, sa_type=Spelled(TaskStatus))
    escalations: int = 0
    due_on: dt.date
    opened_at: datetime = Field(sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    about: str = Field(default="", max_length=200, description="a sentence without personal data")
    policy_id: str | None = Field(default=None, max_length=32)
    fired_row: int | None = None
    people: int = 1
    confirms: str | None = Field(default=None, max_length=32, description="id of a decision")
    reminded_for: dt.date | None = None


REASON_CODES = "reason_codes"
"""Among the facts of a refusal: why, by the codes of the product's list."""


class Decision(SQLModel, table=True):
    """What a person decided on a loan. Insert-only.

    `policy_id` and `fired_row` name the rule by which he might, on the day of the decision and for its amount, `people`
    how many it asks for; `facts` are those that the policy was asked with, or of a refusal its `reason_codes`.
    `stands_in_for` is the absent colleague whose deputy he was.
    """

    __tablename__ = "decision"
    __sealed_for__ = "loan"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    task_id: str = Field(foreign_key="task.id", max_length=32, unique=True)
    outcome: Outcome = Field(sa_type=Spelled(Outcome))
    amount_fen: int | None = Field(default=None, sa_type=Fen)
    reason: str = Field(max_length=500)
    decided_by: str = Field(max_length=64)
    decided_as: Role = Field(sa_type=Spelled(Role))
    decided_on: dt.date
    decided_at: datetime = Field(sa_type=Instant)
    policy_id: str | None = Field(default=None, max_length=32)
    fired_row: int | None = None
    people: int = 1
    stands_in_for: str | None = Field(default=None, max_length=64)
    facts: dict[str, Any] | None = Field(default=None, sa_type=PersonalForm)

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """Why a case was refused, by the codes that its product had then; empty where free words are all there is."""
        return tuple((self.facts or {}).get(REASON_CODES, ())) if self.outcome is Outcome.REFUSE else ()
