"""The dealers with whom the lender does not work."""

from books.session import UnitOfWork
from lending.errors import LendingError
from models.collateral import DealerStanding
from models.staff import Actor
from models.words import storable
from services import audit
from services.collateral import go_on
from services.permissions import Action, require

LONGEST_DEALER = 100


class InvalidDealer(LendingError):
    """No dealer is named, or no reason given."""

    code = "invalid_dealer"
    http_status = 422


def set_standing(work: UnitOfWork, actor: Actor, dealer: str, *, blocked: bool, reason: str) -> DealerStanding:
    """Stops working with a dealer, or takes it up again. Risk does that, and nobody else.

    Cases of a blocked dealer are refused when they are graded, and nothing is paid out to him. The same word again
    changes nothing. Offers that all have signed and that waited for this word alone go on with it. Raises NotAllowed,
    InvalidDealer.
    """
    require(actor, Action.KEEP_DEALERS)
    dealer, reason = dealer.strip(), reason.strip()
    wrong = {}
    if not 0 < len(dealer) <= LONGEST_DEALER or not storable(dealer):
        wrong["dealer"] = f"1 to {LONGEST_DEALER} characters, as the vehicle register spells it"
    if not reason or not storable(reason):
        wrong["reason"] = "say why, in a sentence of at most 500 characters"
    if wrong:
        raise InvalidDealer("a dealer is named as the register spells it, with a reason", fields=wrong)
    row = DealerStanding(dealer=dealer, blocked=blocked, reason=reason, set_by=actor.id, set_at=work.now)
    before = work.collateral.standing(dealer)
    if (before.blocked if before else False) is blocked:
        return before or row
    work.write(row)
    act = "dealer_blocked" if blocked else "dealer_unblocked"
    audit.record(work, actor, act, subject=row.id, after={"dealer": dealer}, reason=reason)
    if not blocked:
        for number in [loan.number for loan in work.collateral.offered()]:
            # Held: the last party may be signing just now.
            loan = work.loans.get(number)
            if work.loans.application(loan.number).form.get("dealer") == dealer:
                go_on(work, loan, row.id)
    return row
