"""Accounts of a loan: checked, under a mandate, and changed by two people; a mandate of its own is signed by code."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.context import Acting, Context, Looking
from api.problems import refusals
from api.shapes import Asked, LoanNumber, TaskId, Words
from books.customers import blind_index
from books.session import UnitOfWork
from models import keys
from models.accounts import CardResult, MandateSource, MandateStatus
from models.customers import Party, PartyRole
from models.loans import Loan
from models.staff import Actor
from models.tasks import TaskStatus
from services import account_changes, accounts, mandate_papers
from services.account_changes import ProposedAccount
from services.loan_history import told_who, told_words
from services.paper_words import masked_account, masked_name
from services.signing import WrongCode

router = APIRouter(tags=["accounts"])

PartyId = Annotated[str, Field(pattern=keys.ID_PATTERN, description="`party` of an account")]


class AccountView(BaseModel):
    """Whose account it is; name and account are masked. `check` is null where nobody has answered yet, or need not."""

    party: str
    role: PartyRole
    name: str
    account: str
    check: CardResult | None
    checked_at: datetime | None


class MandateView(BaseModel):
    """Who may debit which account; only an active one lets us."""

    account_of_today: bool
    status: MandateStatus
    source: MandateSource
    signed_on: date
    bank_id: str | None
    reason_code: str | None


class PaperView(BaseModel):
    """A mandate that waits for the borrower's signature; `content` is what is signed, `sha256` the digest of it."""

    id: str
    sha256: str
    content: str


class ChangeView(BaseModel):
    """Another account as it was proposed, what vouches for it, and what was decided (`confirmed`, null until then).

    To an integrator all of the lender are `system`, and their words are left out.
    """

    id: str
    task: str
    party: str
    role: PartyRole
    account: str
    account_before: str
    check: CardResult | None
    confirmation: str | None
    reason: str
    proposed_by: str
    proposed_at: datetime
    open: bool
    confirmed: bool | None
    decided_by: str | None
    decided_at: datetime | None


class AccountsView(BaseModel):
    """All accounts of a loan, the mandates to debit the borrower's, and their changes, oldest first."""

    accounts: list[AccountView]
    mandates: list[MandateView]
    paper: PaperView | None
    changes: list[ChangeView]


class ChangeAsked(Asked):
    """Another account for a party: with the borrower's consent to be looked up, or by what a payee confirmed it."""

    party: PartyId
    account: Annotated[
        str, Field(pattern=r"^[0-9]{8,32}$", description="digits only", examples=["6230000000000000011"])
    ]
    reason: Words
    consent: str | None = Field(default=None, max_length=16, description="version of the authorisation, for a borrower")
    confirmation: Annotated[Words | None, Field(max_length=120)] = None


class Word(StrEnum):
    """A second person's word."""

    APPROVE = "approve"
    REFUSE = "refuse"


class VerdictAsked(Asked):
    """What a second person says to a proposed account."""

    outcome: Word
    reason: Words


class CodeView(BaseModel):
    """A code that is on its way, and until when it is good."""

    expires_at: datetime


class MandateSigned(Asked):
    """A code as the borrower read it, and the digest of the mandate that he was shown."""

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$", description="six digits, from the borrower's text message")]
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="`sha256` of the paper")]


@router.get("/loans/{loan}/accounts", responses=refusals(404))
def list_accounts(loan: LoanNumber, actor: Acting, look: Looking) -> AccountsView:
    """Where the loan's money goes to and comes from, what vouches for it, and what is proposed."""
    with look() as work:
        return _view(work, actor, work.loans.seen_by(actor, loan))


@router.post("/loans/{loan}/account-check", status_code=202, responses=refusals(403, 404, 429))
def check_account_again(loan: LoanNumber, actor: Acting, context: Context) -> AccountsView:
    """Has the borrower's account checked again; `accounts` shows the answer as soon as it is there."""
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        accounts.ask_again(work, actor, found)
        return _view(work, actor, found)


@router.post("/loans/{loan}/account-change", status_code=201, responses=refusals(403, 404, 409))
def propose_account(loan: LoanNumber, asked: ChangeAsked, actor: Acting, context: Context) -> ChangeView:
    """Proposes another account; another person decides. The same proposal again by the same person is the first one."""
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        change = account_changes.propose(
            work,
            actor,
            found,
            asked.party,
            asked.account,
            asked.reason,
            confirmation=asked.confirmation,
            consent=asked.consent,
        )
        return next(one for one in _changes(work, actor, found) if one.id == change.id)


@router.post("/tasks/{task_id}/account-decision", responses=refusals(403, 404, 409))
def decide_account(task_id: TaskId, asked: VerdictAsked, actor: Acting, context: Context) -> ChangeView:
    """A second person's word on a proposed account; approved, it takes the place of the other one at once."""
    with context.books.begin() as work:
        task = work.tasks.seen_by(actor, task_id)
        change = account_changes.decide(work, actor, task, confirmed=asked.outcome is Word.APPROVE, reason=asked.reason)
        found = work.loans.get(change.loan)
        return next(one for one in _changes(work, actor, found) if one.id == change.id)


@router.post("/loans/{loan}/mandate-codes", status_code=202, responses=refusals(403, 404, 409, 429))
def send_mandate_code(loan: LoanNumber, actor: Acting, context: Context) -> CodeView:
    """Sends the borrower a code to sign the mandate that waits for him; it goes to his own mobile, whoever asks."""
    with context.books.begin() as work:
        code = mandate_papers.request_code(work, actor, work.loans.seen_by(actor, loan))
        return CodeView(expires_at=code.expires_at)


@router.post("/loans/{loan}/mandate-signatures", status_code=201, responses=refusals(403, 404, 409))
def sign_mandate(
    loan: LoanNumber, asked: MandateSigned, actor: Acting, context: Context, request: Request
) -> AccountsView:
    """The borrower's signature, with which the bank is told of the mandate. A wrong code counts as a try of five."""
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        signed = mandate_papers.sign(
            work,
            actor,
            found,
            asked.code,
            document_sha256=asked.document_sha256,
            user_agent=request.headers.get("user-agent"),
        )
        view = _view(work, actor, found)
    # Raised only now: the try is committed.
    if isinstance(signed, WrongCode):
        raise signed
    return view


def _view(work: UnitOfWork, actor: Actor, loan: Loan) -> AccountsView:
    today = blind_index(work.customers.borrower(loan.number).account or "")
    paper = mandate_papers.waiting_paper(work, loan)
    return AccountsView(
        accounts=[_account(work, one) for one in work.customers.parties(loan.number) if one.account is not None],
        mandates=[
            MandateView(account_of_today=one.account_index == today, **one.model_dump(include=_SHOWN_OF_MANDATE))
            for one in work.accounts.mandates(loan.number)
        ],
        paper=paper
        and PaperView(
            id=paper.id,
            sha256=paper.sha256,
            content=f"/api/v1/loans/{loan.number}/documents/{paper.id}/content",
        ),
        changes=_changes(work, actor, loan),
    )


_SHOWN_OF_MANDATE = {"status", "source", "signed_on", "bank_id", "reason_code"}


def _account(work: UnitOfWork, party: Party) -> AccountView:
    check = work.accounts.newest_check(party.loan, blind_index(party.account or ""))
    return AccountView(
        party=party.id,
        role=party.role,
        name=masked_name(party.name),
        account=masked_account(party.account or ""),
        check=check.result if check else None,
        checked_at=check.checked_at if check else None,
    )


def _changes(work: UnitOfWork, actor: Actor, loan: Loan) -> list[ChangeView]:
    return [_change(work, actor, loan, one) for one in account_changes.proposals(work, loan)]


def _change(work: UnitOfWork, actor: Actor, loan: Loan, one: ProposedAccount) -> ChangeView:
    change, verdict = one.change, one.verdict
    return ChangeView(
        id=change.id,
        task=change.task_id,
        party=change.party_id,
        role=one.party.role,
        account=masked_account(change.account),
        account_before=masked_account(change.account_before),
        check=one.check.result if one.check else None,
        confirmation=change.confirmation and told_words(actor, change.proposed_by, change.confirmation),
        reason=told_words(actor, change.proposed_by, change.reason),
        proposed_by=told_who(actor, loan, change.proposed_by),
        proposed_at=change.proposed_at,
        open=verdict is None and work.tasks.get(change.task_id).status is TaskStatus.OPEN,
        confirmed=verdict.confirmed if verdict else None,
        decided_by=told_who(actor, loan, verdict.given_by) if verdict else None,
        decided_at=verdict.given_at if verdict else None,
    )
