"""What a prepayment or settlement on a day would cost and change, before anybody pays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import floor

from lending.components import INTEREST, PRINCIPAL
from lending.errors import LendingError
from lending.events import Event, EventType, PrepaymentEffect, in_force
from lending.money import round_ratio
from lending.replay import Replay
from lending.schedules import build_schedule
from lending.servicing import apply, replayed
from lending.statement import settlement_of
from lending.terms import PrepaymentFee, Terms

_QUOTED = "quote"
LONGEST_OFFER_DAYS = 366


class NothingToPrepay(LendingError):
    """The loan owes nothing that could be paid ahead."""

    code = "nothing_to_prepay"
    http_status = 409


class InvalidOffer(LendingError):
    """Settlement figures can be had for 1 to 366 days at once."""

    code = "invalid_offer"
    http_status = 422

    def __init__(self, days: int) -> None:
        sentence = f"must be 0 to {LONGEST_OFFER_DAYS - 1} days after the first day; this makes {days} days"
        super().__init__(f"until: {sentence}", fields={"until": sentence})


@dataclass(frozen=True, slots=True)
class PrepaymentQuote:
    """The effect of paying `amount_fen` on `on`, in fen.

    The amount goes to `penalty`, `fee`, `interest` and `principal`; what none of them needs is `credit`.
    `settles` says that nothing is left. `interest_saved_fen` is the planned interest that will not fall due any more.
    """

    on: date
    amount_fen: int
    settlement_fen: int
    penalty_fen: int
    fee_fen: int
    interest_fen: int
    principal_fen: int
    credit_fen: int
    principal_after_fen: int
    interest_saved_fen: int
    next_due: date | None
    next_installment_fen: int
    last_due: date | None
    settles: bool


def quote_prepayment(
    terms: Terms,
    events: Sequence[Event],
    on: date,
    amount_fen: int | None,
    *,
    effect: PrepaymentEffect = PrepaymentEffect.REDUCE_INSTALLMENT,
    fee_fen: int = 0,
) -> PrepaymentQuote:
    """What paying `amount_fen` on `on` does; without an amount, what settles the loan that day (the fee included).

    Early repayment bears interest for the days the money was used only (Civil Code article 677). Refused when
    nothing is owed.
    """
    loan = replayed(terms, events, on)
    owed, interest = settlement_of(loan, on), _interest(loan)
    if not owed:
        raise NothingToPrepay(f"nothing is left to pay on {on}")
    settlement = owed + fee_fen
    amount = settlement if amount_fen is None else amount_fen
    payment = _payment(on, amount, fee_fen, effect, settling=amount == settlement)
    tried = [*events, *payment]
    if in_force(tried, on)[-len(payment) :] == payment:
        apply(loan, payment)
        loan.advance_to(on)
    else:
        # Events of the same day apply after the payment: the loan has gone too far to make it.
        loan = replayed(terms, tried, on)
    parts = [allocation for allocation in loan.allocations if allocation.event_id == _QUOTED]
    left = [(due, outstanding) for due, outstanding in _outstanding(loan) if outstanding and due > on]
    return PrepaymentQuote(
        on=on,
        amount_fen=amount,
        settlement_fen=settlement,
        penalty_fen=sum(part.penalty for part in parts),
        fee_fen=sum(part.fee for part in parts),
        interest_fen=sum(part.interest for part in parts),
        principal_fen=sum(part.principal for part in parts),
        credit_fen=sum(part.credit for part in parts),
        principal_after_fen=loan.outstanding(PRINCIPAL),
        interest_saved_fen=interest - _interest(loan),
        next_due=left[0][0] if left else None,
        next_installment_fen=left[0][1] if left else 0,
        last_due=left[-1][0] if left else None,
        settles=loan.settled_on is not None,
    )


def fee_of(terms: Terms, events: Sequence[Event], on: date, amount_fen: int | None) -> int:
    """The contract's fee, in fen, within a prepayment of `amount_fen` on a day; without an amount, of a settlement.

    It is asked for principal that is not due yet and for nothing else. A sum pays what is due and the interest to the
    day first, and is then parted so that the fee is the contract's percentage of the principal that it pays.
    """
    clause = _fee_clause(terms, on)
    return _fee(terms, clause, replayed(terms, events, on), on, amount_fen) if clause else 0


def _fee_clause(terms: Terms, on: date) -> PrepaymentFee | None:
    """What the contract asks for a prepayment on a day, if it asks anything."""
    clause = terms.prepayment_fee
    is_over = clause is not None and clause.until is not None and on > clause.until
    return None if clause is None or not clause.percent or is_over else clause


def _fee(terms: Terms, clause: PrepaymentFee, loan: Replay, on: date, amount_fen: int | None) -> int:
    percent = Fraction(clause.percent)
    whole = _share(terms, loan.base, percent)
    owed = settlement_of(loan, on)
    if amount_fen is None or amount_fen >= owed + whole:
        return whole
    left = max(amount_fen - (owed - loan.base), 0)
    return _share(terms, floor(left * 100 / (100 + percent)), percent)


def _share(terms: Terms, principal: int, percent: Fraction) -> int:
    exact = principal * percent / 100
    return round_ratio(exact.numerator, exact.denominator, terms.rounding.mode, terms.rounding.to_fen)


def settlement_figures(
    terms: Terms, events: Sequence[Event], since: date, until: date, *, with_fee: bool = False
) -> list[tuple[date, int]]:
    """What would end the loan on each day from `since` to `until`, in fen, as its events stand.

    `with_fee` adds the contract's fee for prepayment on each day on which something is left.
    An offer that is to hold until a day names the largest of these; what the borrower then pays too much is credit.
    Refused: more than a year at once, and an end before the beginning.
    """
    days = (until - since).days + 1
    if not 0 < days <= LONGEST_OFFER_DAYS:
        raise InvalidOffer(days)
    eventful = {event.date for event in events}
    loan, figures = replayed(terms, events, since), []
    for day in (since + timedelta(days=count) for count in range(days)):
        if day in eventful:
            # A reversal changes what was before it: such a day is replayed from the beginning.
            loan = replayed(terms, events, day)
        loan.advance_to(day)
        fen = settlement_of(loan, day)
        clause = _fee_clause(terms, day) if with_fee and fen else None
        figures.append((day, fen + _fee(terms, clause, loan, day, None) if clause else fen))
    return figures


def _payment(on: date, amount: int, fee: int, effect: PrepaymentEffect, *, settling: bool) -> list[Event]:
    """What the quote tries; the settlement figure is tried as a settlement, which uses up credit that was kept."""
    if not settling:
        return [Event(_QUOTED, EventType.PREPAYMENT, on, amount, effect=effect, fee_fen=fee or None)]
    fees = [Event(f"{_QUOTED}-fee", EventType.FEE, on, fee)] if fee else []
    return [*fees, Event(_QUOTED, EventType.SETTLEMENT, on)]


def _interest(loan: Replay) -> int:
    return sum(row.amount(INTEREST) for row in loan.rows)


def _outstanding(loan: Replay) -> list[tuple[date, int]]:
    """Each due date and what the borrower still has to pay of it; before the payout, what the terms plan."""
    if not loan.disbursed:
        return [(row.due, row.total) for row in build_schedule(loan.terms).rows]
    return [(row.due, row.borrower_left()) for row in loan.rows]
