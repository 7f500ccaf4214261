"""Servicing: what each event does to a loan, and the state that all of them leave on a day."""

from collections.abc import Callable, Sequence
from datetime import date

from lending.account import LoanAccount
from lending.components import BORROWER_COMPONENTS, FEE, INTEREST, PENALTY, PRINCIPAL, Component
from lending.effort import Effort
from lending.events import DeferralComponent, Event, EventType, InvalidEvent, PrepaymentEffect, in_force
from lending.fields import LAST_DATE
from lending.installments import Amounts, Installment
from lending.replay import Replay
from lending.state import FeeDue
from lending.statement import account_of, settlement_of
from lending.terms import MAX_PERIODS, Method, PaymentBasis, Terms

STEPS_AN_EVENT = 30
"""What an event costs at most, as `Effort` counts, besides its own work on installments."""


def service(terms: Terms, events: Sequence[Event], as_of: date, effort: Effort | None = None) -> LoanAccount:
    """The loan at the end of `as_of`, all events up to then replayed in the contract's order of one day.

    Where no event is a disbursement, the loan is paid out in full on its disbursement date. Before anything is paid
    out the rows are those of the terms and nothing is owed. Refused: events that cannot be (see `InvalidEvent`), and
    what costs more than `effort`, where one is given.
    """
    return account_of(replayed(terms, events, as_of, effort), as_of)


def replayed(terms: Terms, events: Sequence[Event], as_of: date, effort: Effort | None = None) -> Replay:
    """The running state at the end of `as_of`, for who needs a figure or two of it; see `service`."""
    replay = Replay(terms, effort)
    run(replay, events, as_of)
    return replay


def run(replay: Replay, events: Sequence[Event], as_of: date) -> None:
    """Takes a loan to which nothing has happened yet through all its events, to the end of `as_of`."""
    terms, standing = replay.terms, in_force(events, as_of)
    if not any(event.type is EventType.DISBURSEMENT for event in events) and as_of >= terms.disbursement_date:
        replay.advance_to(terms.disbursement_date)
        disburse(replay, terms.principal_fen)
    apply(replay, standing)
    replay.advance_to(max(as_of, terms.disbursement_date))


def apply(replay: Replay, standing: Sequence[Event]) -> None:
    """Takes the loan through events in force, in the order they apply, the first not before the day it has reached."""
    first = replay.terms.disbursement_date
    for event in standing:
        if event.date < first:
            raise InvalidEvent("date", f"{event.id} lies before the disbursement date {first}", event.id)
        replay.effort.spend(STEPS_AN_EVENT + len(replay.rows) // 8)
        replay.advance_to(event.date)
        replay.event_id = event.id
        _HANDLERS[event.type](replay, event)
        replay.use_credits()
        replay.note_settlement()
        replay.event_id = None


def disburse(replay: Replay, amount: int) -> None:
    """Adds a tranche to the principal and plans the open installments anew."""
    replay.accrue()
    replay.base += amount
    replay.flat_base += amount
    replay.disbursed += amount
    for row in replay.rows[: replay.open][::-1]:
        if row.due < replay.today:
            break
        # A tranche comes before what else happens on its day, so it is part of what that day's installment leaves.
        row.balance += amount
    replay.replan()


def _disbursement(replay: Replay, event: Event) -> None:
    amount = event.amount_fen or 0
    if replay.disbursed + amount > replay.terms.principal_fen:
        raise InvalidEvent("amount", f"{event.id} pays out more than the approved principal", event.id)
    if not any(row.pays_principal for row in replay.rows[replay.open :]):
        raise InvalidEvent("date", f"{event.id} pays out when no installment is left to repay it", event.id)
    disburse(replay, amount)


def _rate_change(replay: Replay, event: Event) -> None:
    if event.annual_rate_percent is not None:
        replay.accrue()
        replay.set_rate(event.date, replay.terms.rate_of_annual(event.annual_rate_percent))
        replay.replan(keep=replay.terms.method is not Method.LEVEL_PAYMENT)


def _fee(replay: Replay, event: Event) -> None:
    impose_fee(replay, event.amount_fen or 0, max(event.due or event.date, event.date))


def impose_fee(replay: Replay, amount: int, due: date) -> None:
    """Adds a fee to the installment whose period holds its due date; after the last one it is an installment itself."""
    row = replay.row_for(due)
    row.planned[FEE] += amount
    replay.fees.append(FeeDue(due, amount, row, of_event=True))
    replay.advance_to(replay.today)


def _waiver(replay: Replay, event: Event) -> None:
    """Waives at most what there is: the oldest installment first, then interest earned, fees ahead, principal ahead."""
    component, left = Component(event.component or ""), event.amount_fen or 0

    def waive(row: Installment, amount: int) -> int:
        replay.take(row, replay.waived, {component: amount})
        return amount

    replay.effort.spend(len(replay.rows) + len(replay.fees) // 4)
    for row in replay.rows:
        left -= waive(row, min(left, row.unpaid[component]))
    if not left or replay.open >= len(replay.rows):
        return
    row = replay.current_row()
    if component is INTEREST:
        replay.accrue()
        waive(row, replay.charge_earned(left))
        replay.replan(keep=True)
    elif component is FEE:
        for fee in sorted(replay.fees, key=lambda fee: fee.due):
            if not left:
                break
            part = min(left, fee.amount)
            replay.charge_fee(fee, part)
            left -= waive(fee.row, part)
            fee.amount -= part
        replay.fees = [fee for fee in replay.fees if fee.amount]
    elif component is PRINCIPAL:
        amount = min(left, replay.base)
        reduce_principal(replay, row, amount)
        waive(row, amount)
        finish_reduction(replay, PrepaymentEffect.REDUCE_INSTALLMENT)


def _repayment(replay: Replay, event: Event) -> None:
    replay.keep(event.id, replay.allocate(event.id, event.amount_fen or 0))


def _subsidy(replay: Replay, event: Event) -> None:
    left = replay.allocate_subsidy(event.id, event.amount_fen or 0)
    replay.keep_subsidy(event.id, left)


def _prepayment(replay: Replay, event: Event) -> None:
    """What is due, then the fee, then interest to the date, then principal; what is left after all is credit.

    A sum that reaches the settlement figure ends the loan: that figure is less by the credit kept, so this is used up.
    """
    if event.fee_fen:
        impose_fee(replay, event.fee_fen, event.date)
    amount = event.amount_fen or 0
    if replay.disbursed and amount >= settlement_of(replay, event.date):
        replay.keep(event.id, amount - _pay_off(replay, event))
        return
    left = replay.allocate(event.id, amount)
    if left and replay.open < len(replay.rows):
        replay.accrue()
        row = replay.current_row()
        for component in (PENALTY, FEE, INTEREST):
            left -= replay.pay(event.id, row, {component: min(left, row.unpaid[component])})
        left -= replay.pay(event.id, row, {INTEREST: replay.charge_earned(left)})
        left -= _prepay_principal(replay, event, min(left, replay.base))
    replay.keep(event.id, left)


def _prepay_principal(replay: Replay, event: Event, amount: int) -> int:
    effect = event.effect or PrepaymentEffect.REDUCE_INSTALLMENT
    if effect is PrepaymentEffect.ADVANCE_DUE:
        left = amount
        for row in replay.rows[replay.open :]:
            part = min(left, row.planned[PRINCIPAL])
            replay.charge(row, PRINCIPAL, part)
            left -= replay.pay(event.id, row, {PRINCIPAL: part})
    else:
        row = replay.current_row()
        reduce_principal(replay, row, amount)
        replay.pay(event.id, row, {PRINCIPAL: amount})
    if amount:
        finish_reduction(replay, effect)
    else:
        replay.replan(keep=True)
    return amount


def reduce_principal(replay: Replay, row: Installment, amount: int) -> None:
    """Takes principal that is not due yet out of the plan; a flat loan's interest falls in proportion."""
    replay.accrue()
    if replay.base:
        replay.flat_base = replay.flat_base * (replay.base - amount) / replay.base
    replay.charge(row, PRINCIPAL, amount)
    if row.closed:
        row.balance -= amount


def finish_reduction(replay: Replay, effect: PrepaymentEffect) -> None:
    """Plans the rest after principal was reduced; nothing left ends the loan."""
    if not replay.base:
        replay.close_out()
    elif effect is PrepaymentEffect.ADVANCE_DUE:
        replay.replan(keep=True)
    elif effect is PrepaymentEffect.REDUCE_TERM:
        replay.replan(level=replay.level)
        replay.drop_empty()
    else:
        replay.replan()


def _deferral(replay: Replay, event: Event) -> None:
    """The next installments are put off and as many are added at the end; the level payment stays as it is."""
    if replay.settled_on == event.date:
        # Put off in the morning, paid off in the afternoon: the order of one day turns that around.
        return
    periods = event.periods or 0
    if replay.open >= len(replay.rows):
        raise InvalidEvent("date", f"{event.id} defers when no installment is left", event.id)
    rows = [row for row in replay.rows[replay.open :] if not row.for_fee]
    replay.accrue()
    put_off = event.component is DeferralComponent.ALL and replay.terms.method is not Method.BULLET
    flags = [(False, put_off)] * periods + [(row.pays_principal, row.defers_interest) for row in rows]
    principal = [0] * periods + [row.planned[PRINCIPAL] for row in rows]
    _extend(replay, event, "periods", periods)
    put_off_rows = replay.rows[replay.open : replay.open + len(flags)]
    for row, (pays, defers), part in zip(put_off_rows, flags, principal, strict=True):
        row.pays_principal, row.defers_interest = pays, defers
        row.planned[PRINCIPAL] = part
    if replay.terms.method is Method.LEVEL_PAYMENT:
        replay.replan(level=replay.level)
    else:
        replay.replan(keep=True)


def _reschedule(replay: Replay, event: Event) -> None:
    """Moves, adds and reprices the installments that fall due on or after `from`, and solves them anew."""
    if replay.settled_on == event.date:
        return
    since = max(event.from_date or event.date, event.date)
    index = next((i for i in range(replay.open, len(replay.rows)) if replay.rows[i].due >= since), None)
    if index is None:
        raise InvalidEvent("from", f"{event.id}: no installment falls due on or after {since}", event.id)
    replay.accrue()
    if event.due is not None:
        if event.due <= max(replay.timeline.opens(index), replay.today):
            raise InvalidEvent("due", f"{event.id} must move the installment after the one before it", event.id)
        replay.move(index, event.due)
    _extend(replay, event, "extra_periods", event.extra_periods or 0)
    if event.annual_rate_percent is not None:
        replay.set_rate(since, replay.terms.rate_of_annual(event.annual_rate_percent))
    if event.reage:
        target = replay.rows[index]
        reage(replay, target)
        if not any(row.pays_principal for row in replay.rows[replay.open :]):
            # Only an installment for a fee is left: it takes the principal that is due again, with its interest.
            target.pays_principal, target.bears_interest, target.for_fee = True, True, False
    longer = bool(event.extra_periods) or event.reage
    held = index - replay.open
    method = replay.terms.method
    if method is Method.LEVEL_PAYMENT:
        moved_only = not longer and event.annual_rate_percent is None
        steady = moved_only and replay.terms.payment_basis is PaymentBasis.PERIOD
        replay.replan(level=replay.level if steady else None, keep_first=held)
    elif longer:
        replay.replan(keep_first=held)
    else:
        replay.replan(keep=True)


def _extend(replay: Replay, event: Event, field: str, periods: int) -> None:
    """Adds installments at the end, as many and as late as the terms of a loan may have them."""
    too_far = replay.terms.period.is_too_long(periods) or replay.timeline.after_last(periods) > LAST_DATE
    if periods and (too_far or len(replay.rows) + periods > 2 * MAX_PERIODS):
        sentence = f"{event.id} makes more than {2 * MAX_PERIODS} installments, or one due after {LAST_DATE}"
        raise InvalidEvent(field, sentence, event.id)
    replay.extend(periods)


def reage(replay: Replay, target: Installment) -> None:
    """Arrears stop being overdue: principal is spread anew, the rest falls due with the first rescheduled row."""
    for place, row in enumerate(replay.rows[: replay.open]):
        for component in BORROWER_COMPONENTS:
            if row.unpaid[component]:
                replay.effort.spend(replay.open - place if component is PRINCIPAL else 0)
                replay.move_charge(row, target, component)


def _settlement(replay: Replay, event: Event) -> None:
    _pay_off(replay, event)


def _pay_off(replay: Replay, event: Event) -> int:
    """Ends the loan with the credit kept and the event's money; gives how much of that it took."""
    _end(replay, event)
    return sum(
        replay.pay(event.id, row, {component: row.unpaid[component] for component in BORROWER_COMPONENTS})
        for row in replay.rows
    )


def _write_off(replay: Replay, event: Event) -> None:
    _end(replay, event)
    for row in replay.rows:
        amounts: Amounts = {component: row.unpaid[component] for component in BORROWER_COMPONENTS}
        replay.take(row, replay.written_off, amounts)
        row.written_off = sum(amounts.values())
    replay.written_off_on = event.date


def _end(replay: Replay, event: Event) -> None:
    if not replay.disbursed:
        raise InvalidEvent("date", f"{event.id} ends a loan of which nothing is paid out", event.id)
    replay.effort.spend(2 * len(replay.rows))
    replay.close_out()
    replay.use_credits()


def _as_of(replay: Replay, event: Event) -> None:
    """A look at the loan changes nothing."""


_HANDLERS: dict[EventType, Callable[[Replay, Event], None]] = {
    EventType.DISBURSEMENT: _disbursement,
    EventType.RATE_CHANGE: _rate_change,
    EventType.FEE: _fee,
    EventType.WAIVER: _waiver,
    EventType.REPAYMENT: _repayment,
    EventType.PREPAYMENT: _prepayment,
    EventType.SUBSIDY: _subsidy,
    EventType.DEFERRAL: _deferral,
    EventType.RESCHEDULE: _reschedule,
    EventType.SETTLEMENT: _settlement,
    EventType.WRITE_OFF: _write_off,
    EventType.AS_OF: _as_of,
}
