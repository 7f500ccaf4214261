"""Rules as data: versions of policies of every kind, what happened to each version, and back-tests of drafts."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Instant, Spelled
from models.keys import new_id

SHIPPED_BY = "shipped"
"""Who drafted and published the versions that come with the code."""
_WORD = "[a-z][a-z0-9_]{0,31}"
NAME_PATTERN = rf"^{_WORD}-{_WORD}$"
"""What the name of a policy looks like wherever it comes in."""
SCOPE_PATTERN = rf"^{_WORD}$"
"""What its scope looks like."""
LARGEST_SHARE_PERCENT = 50
"""More of the live cases than this never go to a challenger: it would be the champion."""


class PolicyKind(StrEnum):
    """What a policy decides. Its name is `{kind}-{scope}`; the scope is a product, or a part of the core."""

    KNOCKOUT = "knockout"
    GRADING = "grading"
    PRICING = "pricing"
    HARDSHIP = "hardship"
    YEARLY_LIMIT = "yearly_limit"
    AUTHORITY = "authority"
    DOCUMENTS = "documents"
    FAST_LANE = "fast_lane"
    REMINDERS = "reminders"
    SCORECARD = "scorecard"


class PolicyStepKind(StrEnum):
    """What happened to a version. A version without a step is a draft."""

    CHECKED = "checked"
    BACKTESTED = "backtested"
    PUBLISHED = "published"
    RETIRED = "retired"


class PolicyPart(StrEnum):
    """What a published version does: the champion decides, a challenger is compared with it."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"


class PolicyState(StrEnum):
    """Where a version stands on a day. `scheduled` is one that is published and has not begun."""

    DRAFT = "draft"
    CHECKED = "checked"
    BACKTESTED = "backtested"
    SCHEDULED = "scheduled"
    IN_FORCE = "in_force"
    CHALLENGER = "challenger"
    RETIRED = "retired"


class Policy(SQLModel, table=True):
    """One version of a policy, insert-only: whatever happens to it is a `PolicyStep`."""

    __tablename__ = "policy"
    __table_args__ = (UniqueConstraint("name", "version"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    name: str = Field(max_length=64)
    version: int
    content: dict[str, Any] = Field(sa_type=JSON)
    reason: str = Field(default="", max_length=500, description="why the rules change")
    drafted_by: str = Field(max_length=64)
    drafted_at: datetime = Field(sa_type=Instant)


class PolicyStep(SQLModel, table=True):
    """Something that happened to a version. Insert-only.

    A publication names its part, its first day and, for a challenger, the share of live cases that it decides (none: it
    runs in the shadow). A retirement names the day from which the version plays its part no more.
    """

    __tablename__ = "policy_step"
    __table_args__ = (Index("ix_policy_step_name", "name", "id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    policy_id: str = Field(foreign_key="policy.id", max_length=32, index=True)
    name: str = Field(max_length=64, description="that of the policy, so that one index finds what is in force")
    kind: PolicyStepKind = Field(sa_type=Spelled(PolicyStepKind))
    part: PolicyPart | None = Field(default=None, sa_type=Spelled(PolicyPart))
    starts_on: date | None = None
    share_percent: int = 0
    backtest_id: str | None = Field(default=None, foreign_key="backtest.id", max_length=32, index=True)
    reason: str = Field(default="", max_length=500)
    done_by: str = Field(max_length=64)
    done_at: datetime = Field(sa_type=Instant)


class Backtest(SQLModel, table=True):
    """What a version would have said of the past, beside the version `against` it. Insert-only."""

    __tablename__ = "backtest"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    policy_id: str = Field(foreign_key="policy.id", max_length=32, index=True)
    against_id: str = Field(foreign_key="policy.id", max_length=32, index=True)
    applied_from: date
    applied_to: date
    cases: int
    changed: int
    report: dict[str, Any] = Field(sa_type=JSON)
    run_by: str = Field(max_length=64)
    run_at: datetime = Field(sa_type=Instant)


class BacktestPage(SQLModel, table=True):
    """A thousand of the cases that a back-test decides otherwise, as rows of its report's columns. Insert-only.

    They are stored by the thousand: a hundred thousand single rows would hold the lock of the books for seconds.
    """

    __tablename__ = "backtest_page"

    backtest_id: str = Field(primary_key=True, foreign_key="backtest.id", max_length=32)
    page: int = Field(primary_key=True)
    cases: list[list[Any]] = Field(sa_type=JSON)


BACKTEST_COLUMNS = (
    "loan",
    "applied_on",
    "applied_fen",
    "before_outcome",
    "before_grade",
    "before_limit_fen",
    "before_rate_percent",
    "after_outcome",
    "after_grade",
    "after_limit_fen",
    "after_rate_percent",
    "after_row",
    "outcome",
)
"""What is kept of a case whose decision changes; `outcome` is what became of it within twelve months of its payout."""
ANSWER_COLUMNS = ("loan", "product", "applied_on", "amount_fen", "before", "after", "after_row", "outcome")
"""What is kept of a case about which a policy outside the chain answers otherwise; proposals have no outcome."""
