"""Loans as they stand: the whole status in one call, lists, schedule, money moved, contacts and history."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field, JsonValue

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Asked, Limit, LoanNumber, OptionalKey, Shown, all_in_yuan, command_id, in_yuan
from books.audit import MOST_OF_A_LOAN
from lending.components import Component
from lending.explain import Explanation
from lending.money import yuan
from lending.steps import StepKind
from lending.wording import Language
from models.keys import ID_PATTERN, LOAN_PATTERN
from models.loans import Stage
from models.notices import ReplyChannel
from models.payments import PaymentKind, PaymentStatus
from models.staff import Role
from models.status import TimelineEntry, WaitsFor
from models.words import LONGEST_WORDS, WORDS_PATTERN
from services import contacts
from services.explanations import Explained, explain_clearing, explain_installment
from services.loan_history import history_of
from services.permissions import Action, allows
from services.status import schedule_of, status_of

router = APIRouter(tags=["loans"])


class HistoryEntry(BaseModel):
    """One act in the life of a loan; `refused` when it was tried and not allowed."""

    at: datetime
    act: str
    role: Role
    actor_id: str
    reason: str | None
    before: dict[str, JsonValue]
    after: dict[str, JsonValue]
    refused: bool


class PossibleView(Shown):
    """An amount and a term in months that the rules would not have refused."""

    amount: str
    term: int


class RemediesView(BaseModel):
    """What the borrower can do about a refusal. For one by a person there are no amounts and no look.

    `reasons` are those that the person chose, by code and language; those of the rules stand in the loan's `reasons`.
    `sentences` say by code of the reason and language what would change it. `possible` is the most for the term that he
    asked for, `with_other_term` more than that. Until `look_until` he may ask for a person to look at it.
    """

    reasons: dict[str, dict[str, str]]
    sentences: dict[str, dict[str, str]]
    possible: PossibleView | None
    with_other_term: PossibleView | None
    look_until: date | None


class HardshipStepView(BaseModel):
    """One step to the most that may be lent to a student, in both languages; sums as decimal strings."""

    name: str
    figures: dict[str, JsonValue]
    en: str
    zh: str


class LoanView(Shown):
    """Everything that the status page of a loan shows."""

    loan: str
    product: str
    customer_id: str
    stage: Stage
    waits_for: WaitsFor | None = Field(description="who has to act next; null once nothing follows")
    applied: str
    applied_on: date
    approved: str | None
    grade: str | None
    grading_outcome: str | None
    reasons: list[str]
    hardship_steps: list[HardshipStepView] = Field(description="how the most that may be lent was found; for students")
    reason_sentences: dict[str, dict[str, str]] = Field(description="by code and language")
    terms: dict[str, JsonValue] | None
    terms_version: int | None
    amendments: list[dict[str, JsonValue]] = Field(description="what was agreed since, as events of the account")
    cost_percent: str | None = Field(
        description="annualised comprehensive cost by IRR, all charges in; null before there are terms, and where more "
        "was let off than charged"
    )
    disbursed_on: date | None
    closed_on: date | None
    certificate_void: bool = Field(description="money was taken back after the settlement certificate was issued")
    written_off_on: date | None = Field(description="what comes in from then on is a recovery")
    written_off: str = Field(description="what the borrower owed then, and still owes outside of these figures")
    recovered: str = Field(description="what came in since")
    as_of: date = Field(description="business date of the figures")
    principal_outstanding: str
    outstanding: str
    overdue: str
    credit: str
    settlement: str = Field(description="what clears the loan on `as_of`")
    dpd: int
    bucket: str
    high_risk: bool
    next_due: date | None
    next_due_amount: str
    remedies: RemediesView | None = Field(description="of a refused loan")
    offer_until: date | None = Field(description="last day of an open offer")
    decided_automatically: bool = Field(description="of an offer: no person decided on it")
    actions: list[str] = Field(description="what the one who asks can do now")
    timeline: list[HistoryEntry]


class LoanLine(Shown):
    """A loan in a list."""

    number: str = Field(serialization_alias="loan")
    product: str
    stage: Stage
    applied: str
    approved: str | None
    grade: str | None
    applied_on: date
    disbursed_on: date | None
    closed_on: date | None
    outstanding: str
    overdue: str
    dpd: int
    high_risk: bool
    next_due: date | None
    next_due_amount: str


class LoansPage(BaseModel):
    """A page of loans, newest number first; `next` is the `after` of the following page, null on the last."""

    items: list[LoanLine]
    next: str | None


class PieceView(BaseModel):
    """Interest of a stretch of days: base × rate × span, not rounded; the last three are fractions."""

    since: date = Field(validation_alias="from", serialization_alias="from")
    until: date = Field(validation_alias="to", serialization_alias="to")
    base_fen: str
    rate: str
    span: str
    exact_fen: str


class SolvedView(BaseModel):
    """What a level figure was solved from."""

    balance: str
    periods: int
    rate_per_period: str


class StepView(BaseModel):
    """A step to an amount, in words of the language asked for; those of a component add up to it."""

    kind: StepKind
    component: Component
    amount: str
    sentence: str
    on: date | None = None
    event_id: str | None = Field(None, description="the key of the money or of the change")
    other_n: int | None = None
    name: str | None = None
    pieces: list[PieceView] = []
    before: str | None = None
    level: str | None = None
    interest: str | None = None
    solved: SolvedView | None = None


class ExplanationView(BaseModel):
    """How the amounts of an installment came to be; `paid`, `waived` and `written_off` are taken off them."""

    n: int
    due: date
    total: str
    language: Language
    steps: list[StepView]


class SettlementView(Shown):
    """What clears the loan today, and the steps that add up to it."""

    loan: str
    on: date
    settlement: str
    prepayment_fee: str = Field(description="what the contract asks on top for paying early")
    language: Language
    steps: list[StepView]


class Installment(BaseModel):
    """One installment."""

    n: int
    due: date
    principal: str
    interest: str
    fee: str
    penalty: str
    subsidy: str
    total: str
    balance: str
    paid: str
    outstanding: str
    paid_on: date | None
    dpd: int
    written_off: str


class ScheduleView(Shown):
    """The schedule as promised before the payout, as serviced after it; empty before approval.

    `explanation` is that of the installment asked for.
    """

    loan: str
    rows: list[Installment]
    explanation: ExplanationView | None = None


class PaymentView(BaseModel):
    """An order to the bank, or money that came in by itself; `key` is its EndToEndId."""

    key: str
    kind: PaymentKind
    status: PaymentStatus
    amount: str
    settled: str
    installment: int | None
    reason_code: str | None
    bank_reference: str | None
    value_date: date
    ordered_at: datetime


class PostingView(BaseModel):
    """One amount moved from the credited to the debited account of the ledger."""

    id: str
    entry: str
    debit: str
    credit: str
    amount: str
    about: str
    value_date: date
    booked_at: datetime


class TransactionsView(Shown):
    """Every yuan of a loan: what went through the bank, and how it was booked."""

    loan: str
    payments: list[PaymentView]
    postings: list[PostingView]


class ContactView(BaseModel):
    """One message or call."""

    id: str
    at: datetime
    channel: str
    direction: str
    template: str | None
    text: str | None = Field(description="null of what the borrower said, for who does not follow the loan up")


class ContactsView(BaseModel):
    """The history of contact about a loan, newest first."""

    items: list[ContactView]


class ReplyAsked(Asked):
    """What the borrower said by himself."""

    channel: ReplyChannel
    on: date = Field(description="the business date on which he said it: today, or one of the last 30 days")
    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_WORDS,
            pattern=WORDS_PATTERN,
            description="what he said; it stays sealed for him, and he can read it",
        ),
    ]


class HistoryView(BaseModel):
    """A page of the life of a loan, oldest act first; the newest page comes first.

    `next` is the `before` of the page of what was before, null where nothing was. An integrator reads what its events
    tell; for all of the lender but the one who asks it reads `system`.
    """

    items: list[HistoryEntry]
    next: str | None


After = Annotated[str | None, Query(pattern=LOAN_PATTERN, description="`next` of the page before")]
Before = Annotated[str | None, Query(pattern=ID_PATTERN, description="`next` of the page before")]
HistoryLimit = Annotated[int, Query(ge=1, le=MOST_OF_A_LOAN, description="how many acts are looked through for a page")]
Explain = Annotated[int | None, Query(ge=1, description="the number of an installment whose amounts are explained")]
Spoken = Annotated[str | None, Header(alias="Accept-Language", description="the language of sentences: zh or en")]
ProductCode = Annotated[str | None, Query(pattern=r"^[a-z0-9_-]{1,32}$")]


@router.get("/loans")
def list_loans(
    actor: Acting,
    look: Looking,
    stage: Stage | None = None,
    product: ProductCode = None,
    overdue: Annotated[bool, Query(description="only loans past due")] = False,
    contract_ready: Annotated[bool, Query(description="only open offers whose contract is made, to be signed")] = False,
    after: After = None,
    limit: Limit = 50,
) -> LoansPage:
    """Loans that the one who asks may see."""
    with look() as work:
        loans = work.loans.page(
            actor,
            stage=stage,
            product=product,
            overdue=overdue,
            contract_ready=contract_ready,
            after=after,
            limit=limit,
        )
        items = [LoanLine.model_validate(in_yuan(loan.model_dump())) for loan in loans]
    return LoansPage(items=items, next=items[-1].number if len(items) == limit else None)


@router.get("/loans/{loan}", responses=refusals(404))
def show_loan(loan: LoanNumber, actor: Acting, look: Looking) -> LoanView:
    """Where the loan stands, what it waits for and for whom, its figures and its story."""
    with look() as work:
        status = status_of(work, actor, loan)
    cost = None if status.cost_percent is None else str(status.cost_percent)
    shown = in_yuan(status.model_dump()) | {"timeline": _history(status.timeline), "cost_percent": cost}
    return LoanView.model_validate(shown | {name: all_in_yuan(shown[name]) for name in ("hardship_steps", "remedies")})


@router.get("/loans/{loan}/schedule", responses=refusals(404))
def show_schedule(
    loan: LoanNumber, actor: Acting, look: Looking, explain: Explain = None, accept_language: Spoken = None
) -> ScheduleView:
    """What falls due when, what of it is paid, and how the amounts of one installment came to be."""
    with look() as work:
        rows = schedule_of(work, actor, loan)
        explained = None if explain is None else explain_installment(work, actor, loan, explain)
    return ScheduleView(
        loan=loan,
        rows=[Installment.model_validate(in_yuan(row.model_dump())) for row in rows],
        explanation=_explanation(explained, _language(accept_language)) if explained else None,
    )


@router.get("/loans/{loan}/settlement", responses=refusals(404, 409))
def show_settlement(loan: LoanNumber, actor: Acting, look: Looking, accept_language: Spoken = None) -> SettlementView:
    """What clears the loan today, and how the sum came to be."""
    with look() as work:
        explained = explain_clearing(work, actor, loan)
    language = _language(accept_language)
    return SettlementView(
        loan=loan,
        on=explained.steps.on,
        settlement=yuan(explained.steps.amount_fen),
        prepayment_fee=yuan(explained.fee_fen),
        language=language,
        steps=_steps(explained, language),
    )


def _language(accepted: str | None) -> Language:
    """English where it is preferred to Chinese, else Chinese."""
    for entry in (accepted or "").split(","):
        code = entry.split(";")[0].strip().split("-")[0].lower()
        if code in list(Language):
            return Language(code)
    return Language.ZH


def _explanation(explained: Explained[Explanation], language: Language) -> ExplanationView:
    row = explained.steps.row
    return ExplanationView(
        n=row.n, due=row.due, total=yuan(row.total), language=language, steps=_steps(explained, language)
    )


def _steps(explained: Explained[Any], language: Language) -> list[StepView]:
    sentences = explained.steps.sentences(language, explained.names(language))
    return [
        StepView.model_validate(step.to_json() | {"sentence": said})
        for step, said in zip(explained.steps.steps, sentences, strict=True)
    ]


@router.get("/loans/{loan}/transactions", responses=refusals(404))
def list_transactions(loan: LoanNumber, actor: Acting, look: Looking) -> TransactionsView:
    """Orders to the bank and postings of the loan, oldest first."""
    with look() as work:
        work.loans.seen_by(actor, loan)
        payments = [PaymentView.model_validate(in_yuan(one.model_dump())) for one in work.payments.of_loan(loan)]
        postings = [PostingView.model_validate(in_yuan(one.model_dump())) for one in work.ledger.of_loan(loan)]
    return TransactionsView(loan=loan, payments=payments, postings=postings)


@router.get("/loans/{loan}/contacts", responses=refusals(404))
def list_contacts(loan: LoanNumber, actor: Acting, look: Looking) -> ContactsView:
    """Messages and calls about the loan. What the borrower said is for who follows it up; each look is recorded."""
    with look(recorded=allows(actor, Action.SEE_REPLIES)) as work:
        found = contacts.read_contacts(work, actor, work.loans.seen_by(actor, loan))
    return ContactsView(items=[ContactView.model_validate(one, from_attributes=True) for one in found])


@router.post("/loans/{loan}/contacts", status_code=201, responses=refusals(403, 404))
def enter_reply(
    loan: LoanNumber, asked: ReplyAsked, actor: Acting, context: Context, key: OptionalKey = None
) -> ContactView:
    """Keeps a call, a visit or a message of the borrower, so that nobody counts him as one who does not answer."""
    command = command_id(actor, f"{loan}:reply", key)
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        contact = contacts.enter_reply(work, actor, found, asked.channel, asked.on, asked.text, command)
        return ContactView.model_validate(contact.model_dump())


@router.get("/loans/{loan}/history", responses=refusals(404))
def list_history(
    loan: LoanNumber, actor: Acting, look: Looking, before: Before = None, limit: HistoryLimit = MOST_OF_A_LOAN
) -> HistoryView:
    """Who did what to the loan and when: to auditors all of it, to others as much as is for them."""
    with look() as work:
        work.loans.seen_by(actor, loan)
        history = history_of(work, actor, loan, before=before, limit=limit)
    return HistoryView(items=_history(history.entries), next=history.older)


def _history(entries: Iterable[TimelineEntry]) -> list[HistoryEntry]:
    return [
        HistoryEntry(
            at=entry.at,
            act=entry.act,
            role=Role(entry.role),
            actor_id=entry.actor_id,
            reason=entry.reason,
            before=_figures(entry.before),
            after=_figures(entry.details),
            refused=entry.refused,
        )
        for entry in entries
    ]


def _figures(values: dict[str, Any]) -> dict[str, JsonValue]:
    return in_yuan(values)
