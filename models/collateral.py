"""What is asked of the things that secure a loan, what was proved about them, and who confirmed it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.columns import Fen, Instant, Personal, Spelled
from models.keys import new_id
from models.staff import Role
from models.tasks import Outcome


class ConditionKind(StrEnum):
    """What is asked for: the mortgage registered, the thing insured, the mortgage released once nothing is owed."""

    REGISTRATION = "registration"
    INSURANCE = "insurance"
    RELEASE = "release"


@dataclass(frozen=True)
class Requirement:
    """What a product asks for before its money goes out, or within so many `days` after that.

    Before the payout `days` is how long the person has who sees to it.
    """

    kind: ConditionKind
    before_payout: bool
    days: int


@dataclass(frozen=True)
class SecurityFacts:
    """What the lender's own books say of the thing that is to secure a loan, beside the registers' answers.

    `invoice_fen` is what the invoice that was handed in names as the price.
    """

    invoice_fen: int | None = None
    is_elsewhere: bool = False
    dealer_blocked: bool = False


_WAITS = "met_on IS NULL AND ended_on IS NULL"


class CollateralCondition(SQLModel, table=True):
    """One thing that is asked for a loan's collateral. What was asked never changes; how far it is does.

    `due_on` is known from the payout on, or at once for what comes before it. `look_on` is the next business date on
    which somebody has to be reminded: a deadline, or a cover that ends.
    """

    __tablename__ = "collateral_condition"
    __table_args__ = (
        Index(
            "ix_collateral_condition_look_on",
            "look_on",
            "id",
            sqlite_where=text("look_on IS NOT NULL"),
            postgresql_where=text("look_on IS NOT NULL"),
        ),
        Index(
            "ix_collateral_condition_one_waits",
            "loan",
            "kind",
            unique=True,
            sqlite_where=text(_WAITS),
            postgresql_where=text(_WAITS),
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    collateral_id: str = Field(foreign_key="collateral.id", max_length=32, index=True)
    kind: ConditionKind = Field(sa_type=Spelled(ConditionKind))
    before_payout: bool
    days: int
    laid_on: date
    due_on: date | None = None
    met_on: date | None = None
    ended_on: date | None = Field(default=None, description="nobody asks for it any more")
    look_on: date | None = None

    @property
    def waits(self) -> bool:
        """Whether it is still asked for and not there."""
        return self.met_on is None and self.ended_on is None


class CollateralEvidence(SQLModel, table=True):
    """What somebody entered as proof of a condition. Insert-only; it counts once another person confirmed it.

    `dated` is the day of the registration, of the release, or the first day of a cover; `until` its last.
    """

    __tablename__ = "collateral_evidence"
    __sealed_for__ = "loan"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    collateral_id: str = Field(foreign_key="collateral.id", max_length=32, index=True)
    kind: ConditionKind = Field(sa_type=Spelled(ConditionKind))
    number: str = Field(sa_type=Personal, description="of the certificate, of the policy, of the release")
    issuer: str = Field(max_length=100, description="the registry or the insurer")
    dated: date
    until: date | None = None
    insured_fen: int | None = Field(default=None, sa_type=Fen)
    lender_first: bool | None = Field(default=None, description="the lender is the first beneficiary")
    document_id: str | None = Field(default=None, foreign_key="document.id", max_length=32, index=True)
    entered_by: str = Field(max_length=64)
    entered_as: Role = Field(sa_type=Spelled(Role))
    entered_at: datetime = Field(sa_type=Instant)


class EvidenceReview(SQLModel, table=True):
    """What another person said about a proof, once. Insert-only; the database refuses whoever entered it."""

    __tablename__ = "evidence_review"

    evidence_id: str = Field(primary_key=True, foreign_key="collateral_evidence.id", max_length=32)
    outcome: Outcome = Field(sa_type=Spelled(Outcome))
    reason: str = Field(max_length=500)
    reviewed_by: str = Field(max_length=64)
    reviewed_as: Role = Field(sa_type=Spelled(Role))
    reviewed_on: date
    reviewed_at: datetime = Field(sa_type=Instant)


class VehicleInvoice(SQLModel, table=True):
    """What was read on a vehicle's invoice, so that the same one is found on another loan. Insert-only."""

    __tablename__ = "vehicle_invoice"
    __sealed_for__ = "loan"

    document_id: str = Field(primary_key=True, foreign_key="document.id", max_length=32)
    loan: str = Field(foreign_key="loan.number", max_length=16, index=True)
    number: str | None = Field(default=None, sa_type=Personal)
    number_index: str | None = Field(default=None, max_length=64, index=True)
    vin_index: str | None = Field(default=None, max_length=64, index=True)
    amount_fen: int | None = Field(default=None, sa_type=Fen)
    dated: date | None = None
    read_at: datetime = Field(sa_type=Instant)


class DealerStanding(SQLModel, table=True):
    """Whether the lender works with a dealer, from then on; the newest row counts. Insert-only."""

    __tablename__ = "dealer_standing"
    __table_args__ = (Index("ix_dealer_standing_dealer", "dealer", "id"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    dealer: str = Field(max_length=100)
    blocked: bool
    reason: str = Field(max_length=500)
    set_by: str = Field(max_length=64)
    set_at: datetime = Field(sa_type=Instant)
