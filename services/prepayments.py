"""What a prepayment would cost and change, and quotes that hold until a day."""

from datetime import date, timedelta

from books.session import UnitOfWork
from lending.errors import LendingError
from lending.events import Event, PrepaymentEffect
from lending.prepayment import PrepaymentQuote as Figures
from lending.prepayment import fee_of, quote_prepayment, settlement_figures
from lending.terms import Terms
from models.loans import Loan, Stage
from models.prepayments import PrepaymentQuote
from models.staff import Actor
from services import audit
from services.errors import InvalidPrepayment
from services.loans import account_day, require_stage
from services.permissions import check_may_speak_for
from services.repayments import prepayable, prepayment_fee

LONGEST_VALIDITY = timedelta(days=31)
MOST_VALID_QUOTES = 20


class TooManyQuotes(LendingError):
    """As many quotes of this loan hold as may."""

    code = "too_many_quotes"
    http_status = 409

    def __init__(self, loan: str) -> None:
        super().__init__(f"loan {loan} has {MOST_VALID_QUOTES} quotes that still hold; use one of them")


def figures(work: UnitOfWork, loan: Loan, amount_fen: int | None, effect: PrepaymentEffect) -> Figures:
    """What a prepayment today would cost and change, the contract's fee in; nothing is kept.

    Raises WrongStage unless the loan is running, and InvalidPrepayment for a sum that cannot be prepaid.
    """
    require_stage(loan, "prepayment", Stage.REPAYMENT)
    day = account_day(work, loan)
    amount, _account = prepayable(work, loan, day, amount_fen)
    terms, events = _known(work, loan)
    return quote_prepayment(terms, events, day, amount, effect=effect, fee_fen=prepayment_fee(work, loan, day, amount))


def offer(
    work: UnitOfWork, actor: Actor, loan: Loan, amount_fen: int | None, effect: PrepaymentEffect, valid_until: date
) -> Figures:
    """What a quote that holds until a day would name, and what it comes to if it is paid today; nothing is kept.

    Raises what `quote` raises, but for TooManyQuotes.
    """
    check_may_speak_for(actor, loan)
    require_stage(loan, "prepayment", Stage.REPAYMENT)
    day = account_day(work, loan)
    if not day <= valid_until <= day + LONGEST_VALIDITY:
        raise InvalidPrepayment(
            "a quote holds until today or one of the next 31 days",
            fields={"valid_until": f"from {day} to {day + LONGEST_VALIDITY}"},
        )
    terms, events = _known(work, loan)
    amount, _account = prepayable(work, loan, day, amount_fen)
    if amount_fen is None:
        of_days = settlement_figures(terms, events, day, valid_until)
        amount = max(amount, max(fen for _, fen in of_days) + fee_of(terms, events, day, None))
    return quote_prepayment(terms, events, day, amount, effect=effect, fee_fen=prepayment_fee(work, loan, day, amount))


def quote(
    work: UnitOfWork, actor: Actor, loan: Loan, amount_fen: int | None, effect: PrepaymentEffect, valid_until: date
) -> tuple[PrepaymentQuote, Figures]:
    """A quote that holds until a day, kept, and what it comes to if it is paid today.

    Without an amount it names what clears the loan on any day until then: the largest of the days' figures, so that
    what is paid too much on an earlier day comes back. A transfer of exactly the sum, that names the loan and comes in
    while the quote holds, is taken as this prepayment. Raises what `figures` raises, NotAllowed, InvalidPrepayment for
    a day outside of today and the next 31, and TooManyQuotes.
    """
    shown = offer(work, actor, loan, amount_fen, effect, valid_until)
    if work.prepayments.count_valid(loan.number, shown.on) >= MOST_VALID_QUOTES:
        raise TooManyQuotes(loan.number)
    row = PrepaymentQuote(
        loan=loan.number,
        amount_fen=shown.amount_fen,
        effect=effect,
        settles=shown.settles,
        quoted_on=shown.on,
        valid_until=valid_until,
        quoted_by=actor.id,
        quoted_at=work.now,
    )
    work.write(row)
    audit.record(
        work,
        actor,
        "prepayment_quoted",
        loan=loan.number,
        subject=row.id,
        after={"amount_fen": row.amount_fen, "settles": row.settles, "valid_until": valid_until.isoformat()},
    )
    return row, shown


def clearing_figures(work: UnitOfWork, loan: Loan, since: date, until: date) -> list[tuple[date, int]]:
    """What clears the loan on each day from `since` to `until`, the contract's fee in, as its account stands.

    Raises WrongStage before the payout, InvalidPrepayment for days before it, and InvalidOffer for more than a year.
    """
    if loan.disbursed_on is None:
        require_stage(loan, "a settlement figure", Stage.REPAYMENT)
    elif since < loan.disbursed_on:
        raise InvalidPrepayment(
            "the loan was not paid out then", fields={"from": f"must not be before the payout on {loan.disbursed_on}"}
        )
    terms, events = _known(work, loan)
    return settlement_figures(terms, events, since, until, with_fee=True)


def _known(work: UnitOfWork, loan: Loan) -> tuple[Terms, list[Event]]:
    terms = work.loans.terms(loan.number)
    if terms is None:
        raise LookupError(f"loan {loan.number} has a balance and no terms")
    return Terms.parse(terms.body), [Event.parse(event.body) for event in work.loans.events(loan.number)]
