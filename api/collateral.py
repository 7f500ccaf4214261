"""What secures a loan: what is asked of it, proofs and what a second person says of them; dealers that are blocked."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from api.context import Acting, ApiContext, Context, Looking
from api.problems import refusals
from api.shapes import Asked, LoanNumber, MoneyText, Shown, Words
from books.session import UnitOfWork
from lending.money import to_fen, yuan
from models import keys
from models.collateral import CollateralCondition, CollateralEvidence, ConditionKind, DealerStanding, EvidenceReview
from models.loans import Loan
from models.staff import Actor, Role
from models.tasks import Outcome
from services.collateral import missing_before_payout
from services.collateral_checks import elsewhere
from services.collateral_evidence import Proof, enter, review
from services.dealers import set_standing
from services.loan_history import told_who, told_words
from services.permissions import Action, allows

router = APIRouter(tags=["collateral"])

EvidenceId = Annotated[str, Path(pattern=keys.ID_PATTERN, description="the proof's id")]
NumberText = Annotated[str, Field(min_length=1, max_length=40, description="as it stands on the document")]
IssuerText = Annotated[str, Field(min_length=1, max_length=100)]
DocumentId = Annotated[str, Field(pattern=keys.ID_PATTERN, description="the document that was handed in before")]


class ConditionView(BaseModel):
    """One thing that is asked. `due_on` of what comes after the payout is known from the payout on."""

    kind: ConditionKind
    before_payout: bool
    days: int
    laid_on: date
    due_on: date | None
    met_on: date | None
    ended_on: date | None = Field(description="nobody asks for it any more")


class EvidenceView(Shown):
    """A proof and what a second person said about it; `outcome` is null until he does.

    To an integrator all of the lender are `system`, and their words are left out.
    """

    id: str
    kind: ConditionKind
    number: str
    issuer: str
    dated: date
    until: date | None
    insured: str | None
    lender_first: bool | None
    document: str | None
    entered_by: str
    entered_at: datetime
    outcome: Outcome | None
    reason: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None


class CollateralView(Shown):
    """What secures a loan. `kind` is null where nothing does.

    `missing_before_payout` is what keeps the money back: `registration`, `insurance`, `dealer`, `documents` that have
    to be looked at, `documents_refused` that have to be handed in again.
    `elsewhere` has other loans on the same vehicle or invoice, for who sees all loans; the others see that there are
    some.
    """

    kind: str | None
    model: str | None
    stated_value: str | None
    registered_on: date | None
    released_on: date | None
    insured_until: date | None
    insurance_lapsed: bool
    missing_before_payout: list[str]
    is_elsewhere: bool
    elsewhere: list[str]
    conditions: list[ConditionView]
    evidence: list[EvidenceView]


class RegistrationAsked(Asked):
    """The mortgage is registered."""

    number: NumberText
    issuer: IssuerText = Field(description="the registry")
    dated: date = Field(description="day of the registration")
    document: DocumentId


class InsuranceAsked(Asked):
    """The vehicle is insured."""

    number: NumberText
    issuer: IssuerText = Field(description="the insurer")
    from_: Annotated[date, Field(alias="from", description="first day of the cover")]
    to: date = Field(description="last day of the cover")
    insured: MoneyText
    lender_first: bool = Field(description="the lender is the first beneficiary")
    document: DocumentId


class ReleaseAsked(Asked):
    """The mortgage is released, and the vehicle's certificate handed back."""

    number: NumberText
    dated: date = Field(description="day of the release")


class ReviewAsked(Asked):
    """What a second person says about a proof."""

    outcome: Literal[Outcome.APPROVE, Outcome.REFUSE]
    reason: Words


class DealerView(BaseModel):
    """The newest word on a dealer."""

    dealer: str
    blocked: bool
    reason: str
    set_by: str
    set_at: datetime


class DealersView(BaseModel):
    """Every dealer that was ever blocked, by name."""

    items: list[DealerView]


class StandingAsked(Asked):
    """Whether the lender works with a dealer from now on."""

    dealer: Annotated[str, Field(min_length=1, max_length=100, description="as the vehicle register spells it")]
    blocked: bool
    reason: Words


@router.get("/loans/{loan}/collateral", responses=refusals(404))
def show_collateral(loan: LoanNumber, actor: Acting, look: Looking) -> CollateralView:
    """What secures the loan, what is asked of it, and what keeps the payout back."""
    with look() as work:
        return _view(work, actor, work.loans.seen_by(actor, loan))


@router.post("/loans/{loan}/collateral/registration", status_code=201, responses=refusals(403, 404, 409))
def enter_registration(loan: LoanNumber, asked: RegistrationAsked, actor: Acting, context: Context) -> EvidenceView:
    """Enters the registration of the mortgage; it counts once a second person confirmed it."""
    proof = Proof(ConditionKind.REGISTRATION, asked.number, asked.dated, asked.issuer, document_id=asked.document)
    return _entered(context, actor, loan, proof)


@router.post("/loans/{loan}/collateral/insurance", status_code=201, responses=refusals(403, 404, 409))
def enter_insurance(loan: LoanNumber, asked: InsuranceAsked, actor: Acting, context: Context) -> EvidenceView:
    """Enters a cover, the first or the next one; it counts once a second person confirmed it."""
    proof = Proof(
        ConditionKind.INSURANCE,
        asked.number,
        asked.from_,
        asked.issuer,
        until=asked.to,
        insured_fen=to_fen(asked.insured),
        lender_first=asked.lender_first,
        document_id=asked.document,
    )
    return _entered(context, actor, loan, proof)


@router.post("/loans/{loan}/collateral/release", status_code=201, responses=refusals(403, 404, 409))
def enter_release(loan: LoanNumber, asked: ReleaseAsked, actor: Acting, context: Context) -> EvidenceView:
    """The mortgage of a settled loan is released and the certificate handed back. The borrower is told."""
    return _entered(context, actor, loan, Proof(ConditionKind.RELEASE, asked.number, asked.dated))


@router.post("/loans/{loan}/collateral/evidence/{evidence_id}/review", responses=refusals(403, 404, 409))
def review_evidence(
    loan: LoanNumber, evidence_id: EvidenceId, asked: ReviewAsked, actor: Acting, context: Context
) -> EvidenceView:
    """Confirms a proof or refuses it; never whoever entered it.

    With the last condition met that comes before the payout, an offer that all have signed is accepted by itself.
    """
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, loan)
        said = review(work, actor, found, evidence_id, asked.outcome, asked.reason)
        evidence = next(one for one, _ in work.collateral.evidence(loan) if one.id == evidence_id)
        return _evidence(actor, found, evidence, said)


@router.get("/dealers", responses=refusals(403))
def list_dealers(look: Looking) -> DealersView:
    """Dealers that the lender does or did not work with, for its own people."""
    with look() as work:
        return DealersView(items=[_dealer(one) for one in work.collateral.standings()])


@router.post("/dealers", responses=refusals(403))
def set_dealer(asked: StandingAsked, actor: Acting, context: Context) -> DealerView:
    """Stops working with a dealer or takes it up again; risk only. A blocked dealer is paid nothing."""
    with context.books.begin() as work:
        return _dealer(set_standing(work, actor, asked.dealer, blocked=asked.blocked, reason=asked.reason))


def _dealer(one: DealerStanding) -> DealerView:
    return DealerView.model_validate(one, from_attributes=True)


def _entered(context: ApiContext, actor: Actor, number: str, proof: Proof) -> EvidenceView:
    with context.books.begin() as work:
        found = work.loans.seen_by(actor, number)
        return _evidence(actor, found, enter(work, actor, found, proof), None)


def _view(work: UnitOfWork, actor: Actor, loan: Loan) -> CollateralView:
    thing = work.collateral.thing(loan.number)
    others = elsewhere(work, loan) if actor.role is not Role.BORROWER else []
    insured_until = thing.insured_until if thing else None
    return CollateralView(
        kind=thing.kind if thing else None,
        model=thing.model if thing else None,
        stated_value=yuan(thing.value_fen) if thing else None,
        registered_on=thing.registered_on if thing else None,
        released_on=thing.released_on if thing else None,
        insured_until=insured_until,
        insurance_lapsed=insured_until is not None and insured_until < work.today,
        missing_before_payout=list(missing_before_payout(work, loan, work.today)),
        is_elsewhere=bool(others),
        elsewhere=others if allows(actor, Action.SEE_OTHERS) else [],
        conditions=[_condition(one) for one in work.collateral.conditions(loan.number)],
        evidence=[_evidence(actor, loan, one, said) for one, said in work.collateral.evidence(loan.number)],
    )


def _condition(one: CollateralCondition) -> ConditionView:
    return ConditionView.model_validate(one, from_attributes=True)


def _evidence(actor: Actor, loan: Loan, one: CollateralEvidence, said: EvidenceReview | None) -> EvidenceView:
    return EvidenceView(
        id=one.id,
        kind=one.kind,
        number=one.number,
        issuer=one.issuer,
        dated=one.dated,
        until=one.until,
        insured=None if one.insured_fen is None else yuan(one.insured_fen),
        lender_first=one.lender_first,
        document=one.document_id,
        entered_by=told_who(actor, loan, one.entered_by),
        entered_at=one.entered_at,
        outcome=said.outcome if said else None,
        reason=told_words(actor, said.reviewed_by, said.reason) if said else None,
        reviewed_by=told_who(actor, loan, said.reviewed_by) if said else None,
        reviewed_at=said.reviewed_at if said else None,
    )
