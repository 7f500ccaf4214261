"""The offer that follows from an approval: checked against the law and the product's own sums, then made."""

from dataclasses import dataclass
from datetime import date, timedelta

from books.session import UnitOfWork
from lending.caps import require_cost_below
from lending.cost import cost_of_terms
from lending.entrusted import require_entrusted
from lending.money import yuan
from lending.terms import Terms
from models.customers import Party, PartyRole
from models.loans import Loan, LoanTerms, Stage
from models.messages import Progress
from models.products import LoanCase, Payee
from models.tasks import Decision
from services.collateral import lay_down
from services.documents_refused import follow
from services.errors import PayoutDoesNotAddUp
from services.limits import limits_of
from services.loans import case_of, move
from services.notices import send_sms
from services.papers import order_contract
from services.products import catalogue


@dataclass(frozen=True)
class Offer:
    """What is offered: the terms and who is paid. Nothing is written yet."""

    amount_fen: int
    terms: Terms
    payees: list[Payee]


def offer_of(work: UnitOfWork, loan: Loan, amount_fen: int, day: date) -> Offer:
    """Terms and payees of an approval of this amount on a day; refused where the law or the product's own sums forbid.

    A cost above the cap in force (`cost_above_cap`); more on the borrower's own card than goes without naming whom he
    pays (`entrusted_payment_required`); payees who do not receive the principal to the fen (`payout_does_not_add_up`).
    """
    product = catalogue().product(loan.product)
    limits = limits_of(work)
    case = case_of(work, loan, day, amount_fen=amount_fen, rates=limits.rates)
    terms = product.terms(case)
    require_cost_below(cost_of_terms(terms), limits.cost_cap(product, day))
    payees = product.payees(case)
    paid_fen = sum(payee.amount_fen for payee in payees)
    if not paid_fen == terms.principal_fen == amount_fen or any(payee.amount_fen <= 0 for payee in payees):
        raise PayoutDoesNotAddUp(product.code, amount_fen, paid_fen)
    require_entrusted(_on_own_card(case, payees), limits.own_card(product, day))
    return Offer(amount_fen, terms, payees)


def _on_own_card(case: LoanCase, payees: list[Payee]) -> int:
    """What the borrower himself receives, whatever a payee is called."""
    own = case.form.get("bank_card")
    return sum(payee.amount_fen for payee in payees if payee.role is PartyRole.BORROWER or payee.account == own)


def make(work: UnitOfWork, loan: Loan, offer: Offer, row: Decision, key: str, *, automatic: bool = False) -> Progress:
    """Writes the terms and payees of an approving decision, has the contract made and tells the borrower.

    Less than was applied for is a counter-offer, and the message says so. Either way he has to accept.
    """
    product = catalogue().product(loan.product)
    loan.approved_fen = offer.amount_fen
    loan.offer_until = row.decided_on + timedelta(days=product.acceptance_days)
    work.loans.add_terms(
        LoanTerms(
            loan=loan.number,
            version=1,
            decision_id=row.id,
            effective_from=row.decided_on,
            body=offer.terms.to_json(),
            created_at=work.now,
        )
    )
    order_contract(work, loan, row.decided_on)
    lay_down(work, loan, row.decided_on)
    # What was refused by now nobody has to hand in any more: whoever approved knew of it.
    follow(work, loan)
    for position, payee in enumerate(offer.payees, 1):
        work.customers.add_party(
            Party(
                loan=loan.number,
                role=PartyRole.PAYEE,
                position=position,
                name=payee.name,
                account=payee.account,
                amount_fen=payee.amount_fen,
            )
        )
    move(work, loan, Stage.ACCEPTANCE)
    said = {"amount": offer.amount_fen, "days": product.acceptance_days}
    if offer.amount_fen < loan.applied_fen:
        send_sms(work, loan, "offer_of_less", f"{key}:sms", applied=yuan(loan.applied_fen), **said)
    else:
        send_sms(work, loan, "offer_automatic" if automatic else "offer", f"{key}:sms", **said)
    return Progress(stage=Stage.ACCEPTANCE)
