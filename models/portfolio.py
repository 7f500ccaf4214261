"""Loans taken over from another system: where each came from, what was claimed of it, and who answers for it."""

import datetime as dt
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Instant

TAKEOVER = "2101"
"""Counter-account of all that comes with a portfolio; what is settled with the former lender stands against it."""
OPENING_DIFFERENCES = "2102"
"""What was adopted of a former lender's figures against our own computation."""


class TakenOverLoan(SQLModel, table=True):
    """The origin of a loan that another system ran before. Insert-only.

    `content_hash` recognises the same line again; `file_hash` is the file that the second person approved.
    `differences` are the figures adopted against our computation: field, claimed, computed, difference.
    """

    __tablename__ = "taken_over_loan"
    __table_args__ = (UniqueConstraint("source", "source_loan"),)

    loan: str = Field(primary_key=True, foreign_key="loan.number", max_length=16)
    source: str = Field(max_length=32)
    source_loan: str = Field(max_length=64)
    content_hash: str = Field(max_length=64)
    cut_off: dt.date = Field(description="the last day that the other system kept; the books begin at its end")
    claimed: dict[str, Any] = Field(sa_type=JSON)
    differences: list[dict[str, str]] = Field(sa_type=JSON)
    file_hash: str = Field(max_length=64)
    taken_over_by: str = Field(max_length=64)
    approved_by: str = Field(max_length=64)
    taken_over_at: datetime = Field(sa_type=Instant)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a loan comes from: the system and its number there, and a digest of all that was said of it."""

    source: str
    source_loan: str
    content_hash: str

    @property
    def key(self) -> tuple[str, str]:
        """What makes it one of its kind."""
        return self.source, self.source_loan


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that the other system has otherwise; `difference` is claimed less computed, empty if it is no number."""

    field: str
    claimed: str
    computed: str
    difference: str
