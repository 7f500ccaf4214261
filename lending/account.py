"""The state of one loan on one day: what servicing gives and everyone else reads."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from lending.components import Components


class Classification(StrEnum):
    """The five classes of asset quality."""

    NORMAL = "normal"
    SPECIAL_MENTION = "special_mention"
    SUBSTANDARD = "substandard"
    DOUBTFUL = "doubtful"
    LOSS = "loss"


@dataclass(frozen=True, slots=True)
class ClassThreshold:
    """From so many days past due on, a loan is of this class."""

    dpd: int
    classification: Classification


FIVE_CLASS_2023 = (
    ClassThreshold(1, Classification.SPECIAL_MENTION),
    ClassThreshold(91, Classification.SUBSTANDARD),
    ClassThreshold(271, Classification.DOUBTFUL),
    ClassThreshold(361, Classification.LOSS),
)
"""Risk classification of commercial banks' financial assets (2023): overdue, and more than 90, 270 and 360 days."""


class InstallmentState(NamedTuple):
    """One installment as it stands, in fen. The five `…_due` parts are what of `outstanding` each component makes up.

    `paid` counts the borrower's money only; waived and written-off parts are neither paid nor outstanding, and
    `written_off` is the part of the latter.
    `dpd` is 0 again once nothing is outstanding; `subsidy_due` is what the state owes and makes nobody overdue.
    """

    n: int
    due: date
    principal: int
    interest: int
    fee: int
    penalty: int
    total: int
    balance: int
    subsidy: int
    paid: int
    outstanding: int
    paid_on: date | None
    dpd: int
    principal_due: int
    interest_due: int
    fee_due: int
    penalty_due: int
    subsidy_due: int
    written_off: int = 0


@dataclass(frozen=True, slots=True)
class Allocation:
    """Where a part of an event's money went, in fen; `n` is None where it went to no installment.

    `credit` is money kept, negative when kept money is used later; the allocations of an event add up to its amount.
    `recovery` is money received after the write-off.
    """

    event_id: str
    date: date
    n: int | None
    penalty: int = 0
    fee: int = 0
    interest: int = 0
    principal: int = 0
    subsidy: int = 0
    credit: int = 0
    recovery: int = 0

    @property
    def total(self) -> int:
        """All parts together."""
        parts = self.penalty + self.fee + self.interest + self.principal + self.subsidy
        return parts + self.credit + self.recovery


@dataclass(frozen=True, slots=True)
class LoanAccount:
    """A loan at the end of `as_of`, in fen.

    At every date: disbursed + charged (without principal) = allocated + waived + written off + outstanding.
    """

    as_of: date
    rows: tuple[InstallmentState, ...]
    disbursed_fen: int
    principal_outstanding_fen: int
    interest_outstanding_fen: int
    fee_outstanding_fen: int
    penalty_outstanding_fen: int
    subsidy_outstanding_fen: int
    accrued_interest_fen: int
    accrued_subsidy_fen: int
    credit_fen: int
    subsidy_credit_fen: int
    recovered_fen: int
    charged: Components
    allocated: Components
    waived: Components
    written_off: Components
    due_fen: int
    overdue_fen: int
    settlement_fen: int
    dpd: int
    bucket: str
    classification: Classification
    settled_on: date | None
    written_off_on: date | None
    level_fen: int
    allocations: tuple[Allocation, ...]

    @property
    def outstanding(self) -> Components:
        """What is left of each component: all principal, and what was charged of the others."""
        return Components(
            self.principal_outstanding_fen,
            self.interest_outstanding_fen,
            self.fee_outstanding_fen,
            self.penalty_outstanding_fen,
            self.subsidy_outstanding_fen,
        )

    def row(self, n: int) -> InstallmentState:
        """The installment with number `n`."""
        return self.rows[n - 1]


def bucket_of(dpd: int) -> str:
    """The delinquency bucket: M0 is current, M1 is 1 to 30 days past due, M2 31 to 60 and so on."""
    return f"M{(dpd + 29) // 30}"


def classify(dpd: int, thresholds: tuple[ClassThreshold, ...] = FIVE_CLASS_2023) -> Classification:
    """The five-class grade by days past due; the thresholds are data because licences differ."""
    reached = [threshold for threshold in thresholds if dpd >= threshold.dpd]
    return max(reached, key=lambda threshold: threshold.dpd).classification if reached else Classification.NORMAL
