"""Queries on what secures loans: its conditions, the proofs of them, invoices, and dealers that are blocked."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import bindparam, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from books.rows import WRITTEN_AT_ONCE
from models.collateral import (
    CollateralCondition,
    CollateralEvidence,
    ConditionKind,
    DealerStanding,
    EvidenceReview,
    VehicleInvoice,
)
from models.customers import Collateral
from models.loans import CLOSED, Loan, Stage

ENDED = sorted(CLOSED)
"""What was to secure these loans is free, but for a mortgage that is registered and not released."""
MOST_ELSEWHERE = 20

_THING = select(Collateral).where(col(Collateral.loan) == bindparam("loan")).limit(1)
_CONDITIONS = (
    select(CollateralCondition)
    .where(col(CollateralCondition.loan) == bindparam("loan"))
    .order_by(col(CollateralCondition.id))
)
_TO_LOOK_AT = (
    select(CollateralCondition)
    .where(col(CollateralCondition.look_on) <= bindparam("day"), col(CollateralCondition.look_on).is_not(None))
    .order_by(col(CollateralCondition.look_on), col(CollateralCondition.id))
    .limit(bindparam("most"))
)
_EVIDENCE = (
    select(CollateralEvidence, EvidenceReview)
    .join(EvidenceReview, col(EvidenceReview.evidence_id) == col(CollateralEvidence.id), isouter=True)
    .where(col(CollateralEvidence.loan) == bindparam("loan"))
    .order_by(col(CollateralEvidence.id))
    .execution_options(**WRITTEN_AT_ONCE)
)
_INVOICES = (
    select(VehicleInvoice)
    .where(col(VehicleInvoice.loan) == bindparam("loan"))
    .order_by(col(VehicleInvoice.document_id))
    .execution_options(**WRITTEN_AT_ONCE)
)
_STANDING = (
    select(DealerStanding)
    .where(col(DealerStanding.dealer) == bindparam("dealer"))
    .order_by(col(DealerStanding.id).desc())
    .limit(1)
    .execution_options(**WRITTEN_AT_ONCE)
)


class CollateralBook:
    """Things that secure loans."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def thing(self, loan: str) -> Collateral | None:
        """What secures a loan, None if nothing does."""
        return self.session.exec(_THING, params={"loan": loan}).first()

    def conditions(self, loan: str) -> list[CollateralCondition]:
        """All that was ever asked for a loan's collateral, oldest first."""
        return list(self.session.exec(_CONDITIONS, params={"loan": loan}))

    def to_look_at(self, day: date, most: int) -> list[CollateralCondition]:
        """Conditions whose day has come, the longest waiting first."""
        return list(self.session.exec(_TO_LOOK_AT, params={"day": day, "most": most}))

    def evidence(self, loan: str) -> list[tuple[CollateralEvidence, EvidenceReview | None]]:
        """Every proof that was entered for a loan with what another person said about it, oldest first."""
        return [(proof, review) for proof, review in self.session.exec(_EVIDENCE, params={"loan": loan})]

    def unreviewed(self, loan: str) -> list[CollateralEvidence]:
        """The proofs that wait for another person's word, oldest first: a release needs none."""
        return [
            proof for proof, review in self.evidence(loan) if review is None and proof.kind is not ConditionKind.RELEASE
        ]

    def invoices(self, loan: str) -> list[VehicleInvoice]:
        """What was read on a loan's vehicle invoices, oldest first."""
        return list(self.session.exec(_INVOICES, params={"loan": loan}))

    def elsewhere(self, loan: str, identifier_index: str, invoice_indexes: Sequence[str] = ()) -> list[str]:
        """Other loans that this thing secures or is to secure, by its number or by those of its invoices.

        A loan that ended counts as long as its mortgage is registered.
        """
        thing = (
            select(Loan.number)
            .join(Collateral, col(Collateral.loan) == col(Loan.number))
            .where(
                Collateral.identifier_index == identifier_index,
                or_(
                    col(Loan.stage).not_in(ENDED),
                    col(Collateral.registered_on).is_not(None) & col(Collateral.released_on).is_(None),
                ),
            )
        )
        by_invoice = (
            select(Loan.number)
            .join(VehicleInvoice, col(VehicleInvoice.loan) == col(Loan.number))
            .where(col(Loan.stage).not_in(ENDED))
        )
        queries = [thing, by_invoice.where(VehicleInvoice.vin_index == identifier_index)]
        if invoice_indexes:
            queries.append(by_invoice.where(col(VehicleInvoice.number_index).in_(invoice_indexes)))
        found = {
            number
            for query in queries
            for number in self.session.exec(query.where(Loan.number != loan).limit(MOST_ELSEWHERE))
        }
        return sorted(found)

    def offered(self) -> list[Loan]:
        """Secured loans whose offer waits to be accepted."""
        query = select(Loan).join(Collateral, col(Collateral.loan) == col(Loan.number))
        return list(self.session.exec(query.where(Loan.stage == Stage.ACCEPTANCE).order_by(col(Loan.number))))

    def is_blocked(self, dealer: str) -> bool:
        """Whether the lender does not work with a dealer of this name at present."""
        standing = self.standing(dealer)
        return standing is not None and standing.blocked

    def standing(self, dealer: str) -> DealerStanding | None:
        """The newest word on a dealer, None if he never was blocked."""
        return self.session.exec(_STANDING, params={"dealer": dealer}).first()

    def standings(self) -> list[DealerStanding]:
        """The newest word on each dealer that was ever blocked, by name."""
        later = aliased(DealerStanding)
        newer = exists().where(col(later.dealer) == col(DealerStanding.dealer), col(later.id) > col(DealerStanding.id))
        query = select(DealerStanding).where(~newer).order_by(col(DealerStanding.dealer)).limit(500)
        return list(self.session.exec(query))
