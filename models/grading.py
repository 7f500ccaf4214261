"""The decision that versions of the rules made on a loan, step by step, and what another version would have said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from lending.calendar import BusinessClock
from models.columns import Fen, Instant, PersonalForm
from models.keys import new_id
from models.policies import PolicyKind


@dataclass(frozen=True)
class KeptStep:
    """One policy that was asked for a decision: the version, the row that fired (from 1), and its answer by output.

    `row` is None for a scorecard, which has none, and where it was not kept.
    """

    kind: PolicyKind
    policy_id: str
    row: int | None
    by_challenger: bool
    values: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """As a grading keeps it."""
        return {
            "kind": self.kind,
            "policy": self.policy_id,
            "row": self.row,
            "challenger": self.by_challenger,
            "values": dict(self.values),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """The same read back."""
        return cls(PolicyKind(kept["kind"]), kept["policy"], kept["row"], kept["challenger"], kept["values"])


class Grading(SQLModel, table=True):
    """The decision of the rules on a loan: facts, every policy that was asked, outcome and reasons. Insert-only.

    `policy_id` and `fired_row` are those of the table that refused the case or graded it. `steps` has each policy that
    was asked, in order, as `KeptStep` reads it; it is empty for gradings from when one table said everything.
    """

    __tablename__ = "grading"
    __sealed_for__ = "loan"
    __table_args__ = (UniqueConstraint("loan", "round"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16)
    round: int = 1
    policy_id: str = Field(foreign_key="policy.id", max_length=32, index=True)
    outcome: str = Field(max_length=16, description="refer, refuse")
    grade: str = Field(max_length=2)
    limit_fen: int = Field(sa_type=Fen)
    annual_rate_percent: str = Field(max_length=12)
    reasons: list[str] = Field(sa_type=JSON)
    facts: dict[str, Any] = Field(sa_type=PersonalForm)
    graded_at: datetime = Field(sa_type=Instant)
    graded_on: date | None = Field(default=None, description="business date; None for gradings from before it was kept")
    fired_row: int | None = Field(default=None, description="from 1, as the table is read; None where it was not kept")
    by_challenger: bool = Field(default=False, description="whether the case was in the share of a challenger")
    steps: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)

    def decided_on(self, clock: BusinessClock) -> date:
        """The business date of the decision."""
        return self.graded_on or clock.business_date(self.graded_at)

    @property
    def kept_steps(self) -> list[KeptStep]:
        """The policies that were asked, in order; of a grading from before they were kept, its one table."""
        if self.steps:
            return [KeptStep.from_json(one) for one in self.steps]
        values = {
            "outcome": self.outcome,
            "grade": self.grade,
            "limit_fen": self.limit_fen,
            "annual_rate_percent": self.annual_rate_percent,
            "reasons": self.reasons,
        }
        return [KeptStep(PolicyKind.GRADING, self.policy_id, self.fired_row, self.by_challenger, values)]

    @property
    def table_ids(self) -> list[str]:
        """The versions of tables that were asked, in order."""
        return [step.policy_id for step in self.kept_steps if step.kind is not PolicyKind.SCORECARD]


class ShadowGrading(SQLModel, table=True):
    """What the rules would have said of a case with the other version of one table in its place.

    `policy_id` did not decide: the challenger or, in its share, the champion. `challenger_id` is the challenger of the
    two. The facts are those of the grading of the same loan and round. Insert-only.
    """

    __tablename__ = "shadow_grading"

    loan: str = Field(primary_key=True, foreign_key="loan.number", max_length=16)
    round: int = Field(primary_key=True)
    policy_id: str = Field(primary_key=True, foreign_key="policy.id", max_length=32, index=True)
    challenger_id: str = Field(foreign_key="policy.id", max_length=32, index=True)
    outcome: str = Field(max_length=16)
    grade: str = Field(max_length=2)
    limit_fen: int = Field(sa_type=Fen)
    annual_rate_percent: str = Field(max_length=12)
    reasons: list[str] = Field(sa_type=JSON)
    fired_row: int
    graded_at: datetime = Field(sa_type=Instant)
