"""What a loan costs its borrower a year, all charges in: of terms that are offered, and of a loan that is running."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from lending.account import LoanAccount
from lending.apr import InvalidAprInput, cost_by_irr
from lending.events import Event, EventType, in_force
from lending.schedules import build_schedule, fee_row
from lending.terms import Terms


def cost_of_terms(terms: Terms) -> Decimal:
    """The annualised comprehensive cost of a contract that is kept, in percent with two places; see `cost_by_irr`.

    A fee with a day of its own counts from that day: one that is due with the payout costs more than its amount says.
    """
    rows = build_schedule(terms).rows
    flows = {row.due: row.total for row in rows}
    dues = [row.due for row in rows]
    for fee in terms.fees:
        if fee.due is not None:
            flows[dues[fee_row(fee, dues)]] -= fee.amount_fen
            flows[fee.due] = flows.get(fee.due, 0) + fee.amount_fen
    return cost_by_irr(terms.period, [(terms.disbursement_date, terms.principal_fen)], list(flows.items()))


def cost_of_account(terms: Terms, events: Sequence[Event], account: LoanAccount) -> Decimal | None:
    """What a running loan costs a year, as cleared and as still planned; None where it does not bring back its money.

    Every charge counts but penalty interest, which is the price of being late and not of the loan: what was paid late
    counts as if it had come on its day, what was paid ahead on the day it came. What was waived costs nothing.
    """
    paid_out = [
        (event.date, event.amount_fen or 0)
        for event in in_force(events, account.as_of)
        if event.type is EventType.DISBURSEMENT
    ] or [(terms.disbursement_date, terms.principal_fen)]
    flows: list[tuple[date, int]] = []
    for part in account.allocations:
        if part.n is not None:
            due = account.row(part.n).due if part.n <= len(account.rows) else part.date
            flows.append((min(part.date, due), part.principal + part.interest + part.fee))
    flows += [(row.due, row.principal_due + row.interest_due + row.fee_due) for row in account.rows]
    start = min(day for day, _ in paid_out)
    if all(day <= start for day, fen in flows if fen):
        return Decimal("0.00")
    try:
        return cost_by_irr(terms.period, paid_out, flows)
    except InvalidAprInput:
        return None
