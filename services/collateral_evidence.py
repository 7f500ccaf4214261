"""Proofs that what is asked of a loan's collateral is there: entered by one person, confirmed by another."""

from dataclasses import dataclass
from datetime import date, timedelta

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.money import yuan
from models.collateral import CollateralCondition, CollateralEvidence, ConditionKind, EvidenceReview
from models.customers import Collateral
from models.loans import CLOSED, Loan, Stage
from models.staff import Actor
from models.tasks import Outcome, TaskKind
from models.words import LONGEST_WORDS, storable
from services import audit
from services.collateral import DOCUMENT_OF, TASKS, go_on, hand_to_reviewer, watch_cover
from services.errors import InvalidDecision, NotAllowed, TaskClosed
from services.four_eyes import persons
from services.loans import require_stage
from services.notices import send_sms
from services.permissions import Action, check_may_decide, check_may_speak_for, require
from services.products import catalogue
from services.tasks import close, require_open

TAKES_EVIDENCE = (Stage.ACCEPTANCE, Stage.DISBURSEMENT, Stage.PAYOUT_FAILED, Stage.REPAYMENT)
LONGEST_NUMBER = 40
LONGEST_ISSUER = 100
LONGEST_COVER = timedelta(days=3 * 366)
"""Cover for a vehicle is sold by the year; three years together are the most that is seen."""


class InvalidEvidence(LendingError):
    """What was entered proves nothing. `fields` says what is wrong about each."""

    code = "invalid_evidence"
    http_status = 422

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("this does not prove what is asked for", fields=fields)


class NothingAsked(LendingError):
    """The loan does not ask for this, or has it."""

    code = "nothing_asked"
    http_status = 409

    def __init__(self, loan: str, kind: ConditionKind) -> None:
        super().__init__(f"loan {loan} does not ask for its {kind}, or has a proof of it already")


class UnknownEvidence(LendingError):
    """No such proof of this loan."""

    code = "unknown_evidence"
    http_status = 404

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has no proof of this id")


class EvidenceReviewed(LendingError):
    """Somebody was faster."""

    code = "evidence_reviewed"
    http_status = 409

    def __init__(self) -> None:
        super().__init__("this proof was confirmed or refused before")


class OwnEvidence(NotAllowed):
    """Whoever enters a proof does not confirm it (four eyes)."""

    code = "own_evidence"

    def __init__(self) -> None:
        super().__init__("whoever entered a proof cannot confirm it; another person must")


@dataclass(frozen=True)
class Proof:
    """What somebody enters: `dated` is the day of the registration or release, or the first of a cover."""

    kind: ConditionKind
    number: str
    dated: date
    issuer: str = ""
    until: date | None = None
    insured_fen: int | None = None
    lender_first: bool | None = None
    document_id: str | None = None


# -- entering ----------------------------------------------------------------------------------------------------------


def enter(work: UnitOfWork, actor: Actor, loan: Loan, proof: Proof) -> CollateralEvidence:
    """Keeps a proof, which a second person then confirms; the same one entered again is the first.

    A registration is entered by staff or a system, a cover by the borrower as well. Raises NotAllowed, WrongStage,
    NothingAsked where it is not asked for or a proof of it is there, and InvalidEvidence by field.
    """
    if proof.kind is ConditionKind.RELEASE:
        return release(work, actor, loan, proof)
    check_may_speak_for(actor, loan)
    if proof.kind is ConditionKind.REGISTRATION:
        require(actor, Action.ENTER_REGISTRATIONS)
    # Held until the end: of two proofs at once the second sees the first.
    loan = work.loans.get(loan.number)
    require_stage(loan, f"proof of {proof.kind}", *TAKES_EVIDENCE)
    thing = work.collateral.thing(loan.number)
    waiting = [one for one in work.collateral.unreviewed(loan.number) if one.kind is proof.kind]
    if waiting and _is_same(waiting[0], proof):
        return waiting[0]
    condition = _condition(work, loan, proof.kind)
    is_renewal = proof.kind is ConditionKind.INSURANCE and condition is not None
    if thing is None or condition is None or waiting or not (condition.waits or is_renewal):
        raise NothingAsked(loan.number, proof.kind)
    _check(work, loan, thing, proof)
    evidence = _keep(work, actor, loan, thing, proof)
    hand_to_reviewer(work, loan)
    return evidence


def release(work: UnitOfWork, actor: Actor, loan: Loan, proof: Proof) -> CollateralEvidence:
    """Keeps that the mortgage of a loan that ended is released and the certificate handed back; the borrower is told.

    Raises NothingAsked unless the loan waits for that, NotAllowed by role, InvalidEvidence.
    """
    loan = work.loans.get(loan.number)
    tasks = work.tasks.open_of(loan.number, TaskKind.RELEASE)
    thing = work.collateral.thing(loan.number)
    condition = _condition(work, loan, ConditionKind.RELEASE)
    if thing is None or condition is None or not condition.waits or not tasks:
        raise NothingAsked(loan.number, ConditionKind.RELEASE)
    require_open(work, tasks[0])
    require(actor, Action.RELEASE_COLLATERAL)
    wrong = _wrong_words(proof) | _wrong_day(work, proof.dated)
    if not wrong and loan.closed_on is not None and proof.dated < loan.closed_on:
        wrong["dated"] = f"not before the loan ended, {loan.closed_on}"
    if wrong:
        raise InvalidEvidence(wrong)
    evidence = _keep(work, actor, loan, thing, proof)
    thing.released_on = proof.dated
    condition.met_on = work.today
    work.session.add(thing)
    work.session.add(condition)
    close(work, tasks[0])
    send_sms(work, loan, "mortgage_released", f"{evidence.id}:sms", day=proof.dated)
    return evidence


def _condition(work: UnitOfWork, loan: Loan, kind: ConditionKind) -> CollateralCondition | None:
    """The newest condition of a kind that counts."""
    asked = [one for one in work.collateral.conditions(loan.number) if one.kind is kind and one.ended_on is None]
    return asked[-1] if asked else None


def _keep(work: UnitOfWork, actor: Actor, loan: Loan, thing: Collateral, proof: Proof) -> CollateralEvidence:
    evidence = CollateralEvidence(
        loan=loan.number,
        collateral_id=thing.id,
        kind=proof.kind,
        number=proof.number.strip(),
        issuer=proof.issuer.strip(),
        dated=proof.dated,
        until=proof.until,
        insured_fen=proof.insured_fen,
        lender_first=proof.lender_first,
        document_id=proof.document_id,
        entered_by=actor.id,
        entered_as=actor.role,
        entered_at=work.now,
    )
    work.write(evidence)
    # The number names a vehicle and with it a person: it stays out of the log.
    after = {"kind": proof.kind, "dated": proof.dated.isoformat()}
    if proof.until is not None:
        after["until"] = proof.until.isoformat()
    act = "mortgage_released" if proof.kind is ConditionKind.RELEASE else "evidence_entered"
    audit.record(work, actor, act, loan=loan.number, subject=evidence.id, after=after)
    return evidence


def _is_same(evidence: CollateralEvidence, proof: Proof) -> bool:
    entered = (evidence.number, evidence.dated, evidence.until, evidence.document_id)
    return entered == (proof.number.strip(), proof.dated, proof.until, proof.document_id)


def _check(work: UnitOfWork, loan: Loan, thing: Collateral, proof: Proof) -> None:
    wrong = _wrong_words(proof)
    if not proof.issuer.strip():
        wrong["issuer"] = "name the registry or the insurer"
    documents = {one.id: one.kind for one in work.documents.of_loan(loan.number)}
    if documents.get(proof.document_id or "") != DOCUMENT_OF[proof.kind]:
        wrong["document"] = f"hand in the document first, as {DOCUMENT_OF[proof.kind]}"
    if proof.kind is ConditionKind.REGISTRATION:
        wrong |= _wrong_day(work, proof.dated)
    else:
        wrong |= _wrong_cover(work, loan, thing, proof)
    if wrong:
        raise InvalidEvidence(wrong)


def _wrong_words(proof: Proof) -> dict[str, str]:
    wrong = {}
    for field, words, most in (("number", proof.number, LONGEST_NUMBER), ("issuer", proof.issuer, LONGEST_ISSUER)):
        if len(words.strip()) > most or not storable(words):
            wrong[field] = f"at most {most} characters on one line"
    if not proof.number.strip():
        wrong["number"] = "a number is needed"
    return wrong


def _wrong_day(work: UnitOfWork, dated: date) -> dict[str, str]:
    return {"dated": "not in the future"} if dated > work.today else {}


def _wrong_cover(work: UnitOfWork, loan: Loan, thing: Collateral, proof: Proof) -> dict[str, str]:
    wrong = {}
    # The next cover may be bought before the last one ends, and has to follow it without a gap.
    latest = work.today
    if thing.insured_until is not None:
        latest = max(latest, thing.insured_until + timedelta(days=1))
    if proof.dated > latest:
        wrong["dated"] = f"the cover has to begin by {latest}"
    if proof.until is None or not proof.dated < proof.until <= proof.dated + LONGEST_COVER:
        wrong["until"] = "after the first day, and at most three years later"
    elif proof.until < work.today:
        wrong["until"] = "the cover has ended"
    owed_fen = loan.outstanding_fen if loan.disbursed_on else loan.approved_fen or loan.applied_fen
    least_fen = min(thing.value_fen, owed_fen)
    if (proof.insured_fen or 0) < least_fen:
        wrong["insured"] = f"at least {yuan(least_fen)}: what is owed, or the vehicle's value if that is less"
    if not proof.lender_first:
        wrong["lender_first"] = "the lender has to be the first beneficiary"
    return wrong


# -- confirming --------------------------------------------------------------------------------------------------------


def review(
    work: UnitOfWork, actor: Actor, loan: Loan, evidence_id: str, outcome: Outcome, reason: str
) -> EvidenceReview:
    """Another person's word on a proof: confirmed (`approve`) or not (`refuse`), with his reason.

    With the last thing confirmed that had to be there before the payout, an offer that all have signed is accepted.
    Raises UnknownEvidence, EvidenceReviewed, TaskClosed once the loan is closed, NotAllowed, OwnEvidence for whoever
    entered it, InvalidDecision without a reason.
    """
    # Held until the commit: of two persons at once one is the first.
    loan = work.loans.get(loan.number)
    found = next(((one, said) for one, said in work.collateral.evidence(loan.number) if one.id == evidence_id), None)
    if found is None or found[0].kind is ConditionKind.RELEASE:
        raise UnknownEvidence(loan.number)
    evidence, before = found
    if before is not None:
        raise EvidenceReviewed
    tasks = work.tasks.open_of(loan.number, TaskKind.EVIDENCE)
    if not tasks or loan.stage in CLOSED:
        raise TaskClosed(evidence_id)
    require_open(work, tasks[0])
    check_may_decide(actor, tasks[0])
    if evidence.entered_by in persons(work, actor, tasks[0]):
        raise OwnEvidence
    if outcome not in (Outcome.APPROVE, Outcome.REFUSE):
        raise InvalidDecision("a proof is confirmed or not", fields={"outcome": "must be approve or refuse"})
    if not 0 < len(reason.strip()) <= LONGEST_WORDS:
        raise InvalidDecision("a decision needs a reason", fields={"reason": f"1 to {LONGEST_WORDS} characters"})
    said = EvidenceReview(
        evidence_id=evidence.id,
        outcome=outcome,
        reason=reason.strip(),
        reviewed_by=actor.id,
        reviewed_as=actor.role,
        reviewed_on=work.today,
        reviewed_at=work.now,
    )
    work.write(said)
    audit.record(
        work,
        actor,
        "evidence_reviewed",
        loan=loan.number,
        subject=evidence.id,
        after={"kind": evidence.kind, "outcome": outcome},
        reason=said.reason,
    )
    if not work.collateral.unreviewed(loan.number):
        close(work, tasks[0])
    if outcome is Outcome.APPROVE:
        _take(work, loan, evidence)
        go_on(work, loan, evidence.id)
    return said


def _take(work: UnitOfWork, loan: Loan, evidence: CollateralEvidence) -> None:
    """What a confirmed proof changes: the thing as lists show it, its condition, and the task that asked for it."""
    thing = work.collateral.thing(loan.number)
    condition = _condition(work, loan, evidence.kind)
    if thing is None or condition is None:
        raise NothingAsked(loan.number, evidence.kind)
    condition.met_on = condition.met_on or work.today
    condition.look_on = None
    if evidence.kind is ConditionKind.REGISTRATION:
        thing.registered_on, thing.released_on = evidence.dated, None
    elif evidence.until is not None:
        thing.insured_until = max(evidence.until, thing.insured_until or evidence.until)
        if loan.stage is Stage.REPAYMENT:
            watch_cover(work, catalogue().product(loan.product), condition)
    work.session.add(thing)
    work.session.add(condition)
    for task in work.tasks.open_of(loan.number, TASKS[evidence.kind]):
        close(work, task)
