"""What is asked of vehicles, as the acts of a test need it: used ones bought, proofs handed in, entered, confirmed."""

from datetime import date, timedelta
from typing import Any

from models.collateral import CollateralCondition, CollateralEvidence, ConditionKind, EvidenceReview
from models.customers import Collateral
from models.recurring import CollateralOrder
from models.staff import Actor
from models.tasks import Outcome
from services.collateral import DOCUMENT_OF
from services.collateral_evidence import Proof, enter, review
from services.collateral_watch import watch
from services.documents import hand_in
from tests.services.document_files import taken
from tests.services.procedure import AGENT, MANAGER, Procedure

USED = {"new": False, "first_registered": "2023-01-05", "valuation_fen": 9_500_000, "mileage_km": 42_000}
"""What the register says of a used vehicle."""
USED_FORM: dict[str, object] = {"condition": "used", "amount": "60000", "down_payment": "40000", "term": 24}


def used_car(procedure: Procedure, **changes: object) -> str:
    """An offer for a used vehicle, whose mortgage and insurance have to be there before the payout."""
    loan = procedure.apply("auto", actor=AGENT, **(USED_FORM | changes))
    procedure.verify(loan, vehicle=USED)
    procedure.grade(loan)
    procedure.decide(loan)
    return loan


def paper(procedure: Procedure, loan: str, kind: str, *, actor: Actor = AGENT) -> str:
    """A document of a kind, handed in."""
    with procedure.at() as work:
        found = work.loans.get(loan)
        content = f"%PDF-1.7 {kind} {len(work.documents.of_loan(loan))}".encode()
        return hand_in(work, actor, found, kind, "paper.pdf", taken(content)).id


def proof(procedure: Procedure, loan: str, kind: ConditionKind, **changes: Any) -> Proof:
    """A good proof of a kind, with its document."""
    given: dict[str, Any] = {"kind": kind, "number": "110000123456", "dated": procedure.day, "issuer": "云川市车管所"}
    if kind is ConditionKind.INSURANCE:
        given |= {
            "issuer": "示例财产保险公司",
            "until": procedure.day + timedelta(days=364),
            "insured_fen": 10_000_000,
            "lender_first": True,
        }
    if kind in DOCUMENT_OF and "document_id" not in changes:
        given["document_id"] = paper(procedure, loan, DOCUMENT_OF[kind])
    return Proof(**given | changes)


def entered(
    procedure: Procedure, loan: str, kind: ConditionKind, *, actor: Actor = AGENT, **changes: Any
) -> CollateralEvidence:
    """A proof that somebody entered."""
    given = proof(procedure, loan, kind, **changes)
    with procedure.at() as work:
        return enter(work, actor, work.loans.get(loan), given)


def confirmed(procedure: Procedure, loan: str, kind: ConditionKind, **changes: Any) -> EvidenceReview:
    """A proof that was entered and confirmed."""
    evidence = entered(procedure, loan, kind, **changes)
    return say(procedure, loan, evidence.id)


def say(
    procedure: Procedure,
    loan: str,
    evidence: str,
    outcome: Outcome = Outcome.APPROVE,
    *,
    actor: Actor = MANAGER,
    reason: str = "compared with the document",
) -> EvidenceReview:
    """A second person's word on a proof."""
    with procedure.at() as work:
        return review(work, actor, work.loans.get(loan), evidence, outcome, reason)


def watched(procedure: Procedure, day: date | None = None) -> int:
    """What the schedule does on a day (else the procedure's); returns how many conditions were looked at."""
    day = day or procedure.day
    with procedure.at(day) as work:
        return watch(work, CollateralOrder(day=day)).looked_at


def thing(procedure: Procedure, loan: str) -> Collateral:
    """What secures the loan."""
    with procedure.books.read() as work:
        found = work.collateral.thing(loan)
    assert found is not None
    return found


def conditions(procedure: Procedure, loan: str) -> dict[ConditionKind, CollateralCondition]:
    """The newest condition of each kind."""
    with procedure.books.read() as work:
        return {one.kind: one for one in work.collateral.conditions(loan)}
