"""What a prepayment or settlement on a day would cost and change, before anybody pays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from lending.account import LoanAccount
from lending.errors import LendingError
from lending.events import Event, EventType, PrepaymentEffect
from lending.servicing import service
from lending.terms import Terms

_QUOTED = "quote"


class NothingToPrepay(LendingError):
    """The loan owes nothing that could be paid ahead."""

    code = "nothing_to_prepay"
    http_status = 409


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
    before = service(terms, events, on)
    if not before.settlement_fen:
        raise NothingToPrepay(f"nothing is left to pay on {on}")
    settlement = before.settlement_fen + fee_fen
    amount = settlement if amount_fen is None else amount_fen
    after = service(terms, [*events, *_payment(on, amount, fee_fen, effect, settling=amount == settlement)], on)
    parts = [allocation for allocation in after.allocations if allocation.event_id == _QUOTED]
    left = [row for row in after.rows if row.outstanding and row.due > on]
    return PrepaymentQuote(
        on=on,
        amount_fen=amount,
        settlement_fen=settlement,
        penalty_fen=sum(part.penalty for part in parts),
        fee_fen=sum(part.fee for part in parts),
        interest_fen=sum(part.interest for part in parts),
        principal_fen=sum(part.principal for part in parts),
        credit_fen=sum(part.credit for part in parts),
        principal_after_fen=after.principal_outstanding_fen,
        interest_saved_fen=_interest(before) - _interest(after),
        next_due=left[0].due if left else None,
        next_installment_fen=left[0].outstanding if left else 0,
        last_due=left[-1].due if left else None,
        settles=after.settled_on is not None,
    )


def _payment(on: date, amount: int, fee: int, effect: PrepaymentEffect, *, settling: bool) -> list[Event]:
    """What the quote tries; the settlement figure is tried as a settlement, which uses up credit that was kept."""
    if not settling:
        return [Event(_QUOTED, EventType.PREPAYMENT, on, amount, effect=effect, fee_fen=fee or None)]
    fees = [Event(f"{_QUOTED}-fee", EventType.FEE, on, fee)] if fee else []
    return [*fees, Event(_QUOTED, EventType.SETTLEMENT, on)]


def _interest(account: LoanAccount) -> int:
    return sum(row.interest for row in account.rows)
