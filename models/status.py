"""What is shown of a loan: one view for the API, the loan page and the borrower's page."""

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from models.loans import Stage
from models.staff import Role
from models.tasks import TaskKind


class WaitsFor(BaseModel):
    """Who has to act next; `due_on` is the deadline if there is one."""

    who: str
    task_id: str | None = None
    task_kind: TaskKind | None = None
    due_on: date | None = None


class TimelineEntry(BaseModel):
    """One act in the life of a loan, from the audit log, with as much of it as is for the one who reads.

    `details` is what was so after it. `refused` when it was tried and not allowed, or did not work.
    """

    at: datetime
    act: str
    role: Role
    actor_id: str
    reason: str | None = None
    before: dict[str, object] = {}
    details: dict[str, object] = {}
    refused: bool = False


class ScheduleRow(BaseModel):
    """One installment; amounts in fen. What was written off was not paid, so such a row has no day on which it was."""

    n: int
    due: date
    principal_fen: int
    interest_fen: int
    fee_fen: int
    penalty_fen: int
    subsidy_fen: int
    total_fen: int
    balance_fen: int
    paid_fen: int
    outstanding_fen: int
    paid_on: date | None
    dpd: int
    written_off_fen: int = 0


class Possible(BaseModel):
    """An amount and a term in months that the same rules would not refuse, with the same answers of the registers."""

    model_config = ConfigDict(frozen=True)

    amount_fen: int
    term: int


class Remedies(BaseModel):
    """What a borrower can do about a refusal.

    `reasons` are those that people chose who refused the case, by code and language. `sentences` say what would change
    each reason of a refusal, by rules or by people, by code and language; `possible` is the most that the rules
    would lend for the term he asked for, `with_other_term` more than that for another one. Until `look_until` a
    person's look at the refusal may be asked for. All is None or empty where there is nothing of it.
    """

    model_config = ConfigDict(frozen=True)

    reasons: dict[str, dict[str, str]] = {}
    sentences: dict[str, dict[str, str]] = {}
    possible: Possible | None = None
    with_other_term: Possible | None = None
    look_until: date | None = None


class HardshipStep(BaseModel):
    """One step to the most that may be lent to a student: its figures by name, and what it says in both languages."""

    model_config = ConfigDict(frozen=True)

    name: str
    figures: dict[str, int]
    en: str
    zh: str


class LoanStatus(BaseModel):
    """Everything that the status of a loan shows, in one piece; amounts in fen.

    `cost_percent` is the annualised comprehensive cost: of the offer, then of the loan with all that was agreed since.
    `remedies` are those of a refused loan. `offer_until` is the last day of an open offer; `decided_automatically` is
    said of one that no person decided on.
    """

    loan: str
    product: str
    customer_id: str
    stage: Stage
    waits_for: WaitsFor | None
    applied_fen: int
    applied_on: date
    approved_fen: int | None
    grade: str | None
    grading_outcome: str | None
    reasons: list[str]
    reason_sentences: dict[str, dict[str, str]] = {}
    hardship_steps: list[HardshipStep] = []
    terms: dict[str, object] | None
    terms_version: int | None
    amendments: list[dict[str, object]] = []
    cost_percent: Decimal | None = None
    disbursed_on: date | None
    closed_on: date | None
    certificate_void: bool = False
    written_off_on: date | None = None
    written_off_fen: int = 0
    recovered_fen: int = 0
    as_of: date
    principal_outstanding_fen: int
    outstanding_fen: int
    overdue_fen: int
    credit_fen: int
    settlement_fen: int
    dpd: int
    bucket: str
    high_risk: bool
    next_due: date | None
    next_due_fen: int
    remedies: Remedies | None = None
    offer_until: date | None = None
    decided_automatically: bool = False
    actions: list[str]
    timeline: list[TimelineEntry]
