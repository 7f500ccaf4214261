"""The vehicle of a loan on pages: what is asked of it, proofs and a second person's word on them; blocked dealers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from fastapi import APIRouter, Request, Response

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.money import to_fen
from models.collateral import CollateralCondition, CollateralEvidence, ConditionKind, EvidenceReview
from models.customers import Collateral
from models.loans import CLOSED, Loan, Stage
from models.tasks import TaskKind
from services.collateral import DOCUMENT_OF, missing_before_payout
from services.collateral_checks import elsewhere
from services.collateral_evidence import (
    TAKES_EVIDENCE,
    InvalidEvidence,
    Proof,
    UnknownEvidence,
    enter,
    review,
)
from services.dealers import set_standing
from services.facts import facts_by_now
from services.permissions import Action, allows
from services.products import catalogue
from web import pages, refusals
from web.addresses import Id, Number, on_day
from web.context import WebContext, in_books
from web.decision import DecisionForm, may_decide_on, read_note, read_outcome, read_verdict
from web.errors import PageNotFound
from web.forms import EnteredForm, Entry, FormField
from web.language import marked
from web.refusals import showing
from web.session import posted
from web.visit import BorrowerVisit, StaffVisit, Visit

router = APIRouter()

NUMBER = FormField("number", Entry.TEXT, marked("Number of the document"), marked("As it stands on the document."))
FORMS: Mapping[ConditionKind, tuple[FormField, ...]] = {
    ConditionKind.REGISTRATION: (
        NUMBER,
        FormField("issuer", Entry.LINE, marked("Registry")),
        FormField("dated", Entry.DAY, marked("Registered on")),
    ),
    ConditionKind.INSURANCE: (
        NUMBER,
        FormField("issuer", Entry.LINE, marked("Insurer")),
        FormField("dated", Entry.DAY, marked("Insured from")),
        FormField("until", Entry.DAY, marked("Insured until")),
        FormField("insured", Entry.MONEY, marked("Insured sum")),
        FormField("lender_first", Entry.FLAG, marked("The lender is named as the first beneficiary"), optional=True),
    ),
    ConditionKind.RELEASE: (
        NUMBER,
        FormField("dated", Entry.DAY, marked("Released on")),
    ),
}


@dataclass(frozen=True)
class EvidenceForm(EnteredForm):
    """What somebody enters as a proof."""

    sentences: ClassVar[Mapping[str, str]] = {
        "number": marked("The number, of at most 40 letters and digits."),
        "issuer": marked("A name of at most 100 characters."),
        "dated": marked(
            "A day that is not in the future, but for the next cover, which follows the last one; "
            "a release is not before the settlement."
        ),
        "until": marked("A day that is not over, after the first one and at most three years later."),
        "insured": marked("At least what is owed, or the vehicle's value if that is less."),
        "lender_first": marked("The lender has to be named as the first beneficiary. Have the policy changed first."),
        "document": marked("Hand in the document first; it is the proof."),
    }

    def read(self, kind: ConditionKind, document_id: str | None) -> Proof:
        """The proof; InvalidEvidence names every field that cannot be read."""
        asked, wrong = self.entered()
        dated, until = on_day(asked.get("dated", "")), on_day(asked.get("until", ""))
        if dated is None and "dated" not in wrong:
            wrong.append("dated")
        if wrong or dated is None:
            raise InvalidEvidence(dict.fromkeys(wrong, ""))
        insured = asked.get("insured")
        return Proof(
            kind,
            asked["number"],
            dated,
            asked.get("issuer", ""),
            until=until,
            insured_fen=None if insured is None else to_fen(insured),
            lender_first=asked.get("lender_first", False) if kind is ConditionKind.INSURANCE else None,
            document_id=document_id,
        )


@dataclass(frozen=True)
class Shown:
    """A proof with what was said about it; `is_open` says that this visitor may say it."""

    evidence: CollateralEvidence
    review: EvidenceReview | None
    is_open: bool


@dataclass(frozen=True)
class VehiclePart:
    """What a page shows of the vehicle. `others` are further loans on it, for who sees all; `value_fen` and `ltv_bp`
    are those of today and, once money is out, those of the grading. `enterable` are the kinds of proof that this
    visitor may enter now; `is_over` says that the loan never came about.
    """

    thing: Collateral
    conditions: tuple[CollateralCondition, ...]
    proofs: tuple[Shown, ...]
    missing: tuple[str, ...]
    is_elsewhere: bool
    others: tuple[str, ...]
    value_fen: int | None
    ltv_bp: int | None
    has_lapsed: bool
    enterable: tuple[ConditionKind, ...]
    home: str
    is_over: bool


def vehicle_part(work: UnitOfWork, visit: Visit, loan: Loan) -> VehiclePart | None:
    """The part for this visitor; None for a loan that nothing secures."""
    thing = work.collateral.thing(loan.number) if catalogue().product(loan.product).is_secured else None
    if thing is None:
        return None
    conditions = tuple(work.collateral.conditions(loan.number))
    others = elsewhere(work, loan) if visit.is_staff else []
    figures = _figures(work, loan) if visit.is_staff else {}
    decides = loan.stage not in CLOSED and may_decide_on(work, visit.person, loan, TaskKind.EVIDENCE)
    evidence = work.collateral.evidence(loan.number)
    proofs = tuple(
        Shown(one, said, decides and said is None and _is_reviewed(one) and one.entered_by != visit.person.id)
        for one, said in evidence
    )
    waiting = {one.kind for one, said in evidence if said is None and _is_reviewed(one)}
    asked = {one.kind for one in conditions if one.waits or (one.kind is ConditionKind.INSURANCE and not one.ended_on)}
    return VehiclePart(
        thing=thing,
        conditions=conditions,
        proofs=proofs,
        missing=missing_before_payout(work, loan, work.today) if loan.stage is Stage.ACCEPTANCE else (),
        is_elsewhere=bool(others),
        others=tuple(others) if visit.sees_others else (),
        value_fen=figures.get("value_fen"),
        ltv_bp=figures.get("ltv_bp"),
        has_lapsed=thing.insured_until is not None and thing.insured_until < work.today and loan.stage not in CLOSED,
        enterable=tuple(kind for kind in ConditionKind if kind in asked - waiting and _may_enter(visit, loan, kind)),
        home=visit.home_of(loan.number),
        is_over=loan.stage in CLOSED and loan.stage is not Stage.SETTLED,
    )


def _figures(work: UnitOfWork, loan: Loan) -> Mapping[str, Any]:
    """The facts of a graded case: of today while something can still be decided, so that an invoice counts at once."""
    grading = work.policies.grading(loan.number)
    if grading is None:
        return {}
    if loan.stage in CLOSED or loan.stage is Stage.REPAYMENT:
        return grading.facts
    return facts_by_now(work, loan, work.today)


def _is_reviewed(evidence: CollateralEvidence) -> bool:
    """Whether a second person has a word on it: a release counts at once."""
    return evidence.kind is not ConditionKind.RELEASE


def _may_enter(visit: Visit, loan: Loan, kind: ConditionKind) -> bool:
    if kind is ConditionKind.RELEASE:
        return loan.stage in CLOSED and allows(visit.person, Action.RELEASE_COLLATERAL)
    if loan.stage not in TAKES_EVIDENCE or (kind is ConditionKind.REGISTRATION and not visit.is_staff):
        return False
    return visit.speaks_for(loan)


# -- the page ----------------------------------------------------------------------------------------------------------


@router.get("/loans/{number}/collateral", name="collateral")
def collateral_page(request: Request, visit: StaffVisit, number: Number) -> Response:
    """The vehicle of a loan, with what is asked of it and every proof."""
    return _page(request, visit, number)


@router.get("/my/{number}/collateral", name="my_collateral")
def my_collateral(request: Request, visit: BorrowerVisit, number: Number) -> Response:
    """The same for the borrower."""
    return _page(request, visit, number)


@router.get("/loans/{number}/collateral/{kind}", name="enter_evidence_page")
def evidence_page(request: Request, visit: StaffVisit, number: Number, kind: str) -> Response:
    """The form for a proof."""
    return _form_page(request, visit, number, _kind(kind))


@router.get("/my/{number}/collateral/{kind}", name="my_evidence_page")
def my_evidence_page(request: Request, visit: BorrowerVisit, number: Number, kind: str) -> Response:
    """The same for the borrower, who enters his insurance."""
    return _form_page(request, visit, number, _kind(kind))


@router.post("/loans/{number}/collateral/{kind}", name="enter_evidence")
async def enter_evidence(request: Request, visit: StaffVisit, number: Number, kind: str) -> Response:
    """Keeps a proof."""
    fields = await posted(request, visit.session)
    return await asyncio.to_thread(_entered, request, visit, number, _kind(kind), fields)


@router.post("/my/{number}/collateral/{kind}", name="enter_my_evidence")
async def enter_own(request: Request, visit: BorrowerVisit, number: Number, kind: str) -> Response:
    """Keeps the borrower's proof."""
    fields = await posted(request, visit.session)
    return await asyncio.to_thread(_entered, request, visit, number, _kind(kind), fields)


@router.post("/loans/{number}/collateral/evidence/{evidence_id}", name="review_evidence")
async def review_evidence(request: Request, visit: StaffVisit, number: Number, evidence_id: Id) -> Response:
    """A second person's word on a proof."""
    fields = await posted(request, visit.session)

    def say(work: UnitOfWork) -> None:
        loan = work.loans.seen_by(visit.person, number)
        reason = read_note(DecisionForm.from_fields(fields))
        review(work, visit.person, loan, evidence_id, read_outcome(fields), reason)

    try:
        await in_books(request, say)
    except LendingError as error:
        if error.http_status == UnknownEvidence.http_status:
            raise
        why = await refusals.told(request, visit, error)
        return await asyncio.to_thread(_page, request, visit, number, error.http_status, refused=why)
    return pages.go(request, f"/loans/{number}/collateral")


def _kind(text: str) -> ConditionKind:
    if text not in list(ConditionKind):
        raise PageNotFound
    return ConditionKind(text)


def _page(
    request: Request, visit: Visit, number: str, http_status: int = 200, *, refused: str | None = None
) -> Response:
    with showing(request, visit) as work:
        loan = work.loans.seen_by(visit.person, number)
        part = vehicle_part(work, visit, loan)
        if part is None:
            raise PageNotFound
        return pages.show(
            request,
            visit,
            "collateral.html",
            http_status,
            number=number,
            part=part,
            names=work.staff.names() if visit.is_staff else {},
            may_open=allows(visit.person, Action.OPEN_DOCUMENTS),
            refused=refused,
        )


def _form_page(
    request: Request,
    visit: Visit,
    number: str,
    kind: ConditionKind,
    form: EvidenceForm | None = None,
    http_status: int = 200,
) -> Response:
    with showing(request, visit) as work:
        loan = work.loans.seen_by(visit.person, number)
        part = vehicle_part(work, visit, loan)
        if part is None or (form is None and kind not in part.enterable):
            raise PageNotFound
        documents = _documents(work, loan, kind)
        return pages.show(
            request,
            visit,
            "collateral_form.html",
            http_status,
            number=number,
            kind=kind,
            form=form or EvidenceForm(FORMS[kind], {"dated": work.today.isoformat()}),
            home=visit.home_of(number),
            document=documents[-1] if documents else None,
            needed=DOCUMENT_OF.get(kind),
        )


def _documents(work: UnitOfWork, loan: Loan, kind: ConditionKind) -> list[tuple[str, date]]:
    """The documents that can prove it, oldest first, with the day on which each came in."""
    day_of = work.clock.business_date
    wanted = DOCUMENT_OF.get(kind)
    found = [one for one in work.documents.of_loan(loan.number) if one.kind == wanted]
    return [(one.id, day_of(one.uploaded_at)) for one in found]


def _entered(request: Request, visit: Visit, number: str, kind: ConditionKind, fields: Mapping[str, str]) -> Response:
    context: WebContext = request.app.state.context
    form = EvidenceForm(FORMS[kind]).filled(fields)
    try:
        with context.books.begin() as work:
            loan = work.loans.seen_by(visit.person, number)
            documents = _documents(work, loan, kind)
            enter(work, visit.person, loan, form.read(kind, documents[-1][0] if documents else None))
    except LendingError as error:
        if error.http_status == UnknownEvidence.http_status:
            raise
        refusals.note(request, visit, error)
        refused = form.with_problems(error, visit.language)
        return _form_page(request, visit, number, kind, refused, error.http_status)
    return pages.go(request, f"{visit.home_of(number)}/collateral")


# -- dealers -----------------------------------------------------------------------------------------------------------


@router.get("/dealers", name="dealers")
def dealers_page(request: Request, visit: StaffVisit) -> Response:
    """Dealers that the lender does or did not work with; risk changes it here."""
    return _dealers(request, visit)


@router.post("/dealers", name="set_dealer")
async def set_dealer(request: Request, visit: StaffVisit) -> Response:
    """Blocks a dealer or takes it up again."""
    fields = await posted(request, visit.session)

    def change(work: UnitOfWork) -> None:
        blocked = read_verdict(fields, "block", "unblock")
        reason = read_note(DecisionForm.from_fields(fields))
        set_standing(work, visit.person, fields.get("dealer", ""), blocked=blocked, reason=reason)

    try:
        await in_books(request, change)
    except LendingError as error:
        why = await refusals.told(request, visit, error)
        return await asyncio.to_thread(_dealers, request, visit, error.http_status, why)
    return pages.go(request, "/dealers")


def _dealers(request: Request, visit: Visit, http_status: int = 200, refused: str | None = None) -> Response:
    with showing(request, visit) as work:
        return pages.show(
            request,
            visit,
            "dealers.html",
            http_status,
            dealers=work.collateral.standings(),
            may_change=allows(visit.person, Action.KEEP_DEALERS),
            names=work.staff.names(),
            refused=refused,
        )
