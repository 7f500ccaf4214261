"""Paying a loan off: the settlement figure ends it, whatever credit it held; a deposit is no wish to end it."""

from datetime import date, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lending.account import LoanAccount
from lending.events import Event, EventType, InvalidEvent
from lending.money import yuan
from lending.prepayment import quote_prepayment
from lending.servicing import service
from lending.terms import Terms
from tests.lending.builders import FIRST, account, amounts, any_events, any_terms, days, event, terms_of

SIX_MONTHS = terms_of(principal="6000.00", n_periods=6)
EFFECTS = ["reduce_installment", "reduce_term", "advance_due"]
HISTORY = [
    *[event("prepayment", "2024-01-05", f"p{n}", amount="1000") for n in range(4)],
    *[event("repayment", "2024-01-06", f"d{n}", amount="500") for n in range(2)],
]
"""Four prepayments, then deposits that nothing is due for."""


def paid_off(terms: Terms, events: list[Event], day: str, **more: object) -> LoanAccount:
    figure = account(terms, events, day).settlement_fen
    return account(terms, [*events, event("prepayment", day, "off", amount=yuan(figure), **more)], day)


def assert_over(state: LoanAccount, day: date) -> None:
    assert state.settled_on == day
    assert state.outstanding.total - state.subsidy_outstanding_fen == 0
    assert (state.credit_fen, state.settlement_fen, state.due_fen) == (0, 0, 0)


def assert_every_fen_is_found(state: LoanAccount, events: list[Event]) -> None:
    kinds = (EventType.REPAYMENT, EventType.PREPAYMENT, EventType.SUBSIDY)
    received = sum(one.amount_fen or 0 for one in events if one.type in kinds and one.date <= state.as_of)
    # Settlement and write-off bring money without an amount of their own; the histories here have neither.
    assert received == state.allocated.total + state.credit_fen + state.subsidy_credit_fen + state.recovered_fen
    charged = state.charged.total - state.charged.principal
    assert state.disbursed_fen + charged == state.allocated.total + state.waived.total + state.outstanding.total


def test_the_settlement_figure_and_the_credit_held_end_the_loan_together() -> None:
    held = account(SIX_MONTHS, HISTORY, "2024-01-06")
    assert (held.credit_fen, held.principal_outstanding_fen > held.credit_fen) == (100_000, True)
    state = paid_off(SIX_MONTHS, HISTORY, "2024-01-06")
    assert_over(state, date(2024, 1, 6))
    month_later = account(
        SIX_MONTHS, [*HISTORY, event("prepayment", "2024-01-06", amount=yuan(held.settlement_fen))], "2024-02-06"
    )
    assert (month_later.settlement_fen, month_later.charged.interest) == (0, state.charged.interest)


def test_what_is_quoted_without_an_amount_is_what_the_prepayment_does() -> None:
    quote = quote_prepayment(SIX_MONTHS, HISTORY, date(2024, 1, 20), None)
    paid = event("prepayment", "2024-01-20", "off", amount=yuan(quote.amount_fen))
    state = account(SIX_MONTHS, [*HISTORY, paid], "2024-01-20")
    parts = [part for part in state.allocations if part.event_id == "off"]
    assert quote.settles
    assert (sum(p.interest for p in parts), sum(p.principal for p in parts), sum(p.credit for p in parts)) == (
        quote.interest_fen,
        quote.principal_fen,
        quote.credit_fen,
    )


def test_a_fen_below_the_settlement_figure_does_not_touch_the_credit() -> None:
    figure = account(SIX_MONTHS, HISTORY, "2024-01-06").settlement_fen
    short = [*HISTORY, event("prepayment", "2024-01-06", "short", amount=yuan(figure - 1))]
    state = account(SIX_MONTHS, short, "2024-01-06")
    assert (state.settled_on, state.credit_fen, state.settlement_fen) == (None, 100_000, 1)


def test_a_fee_that_falls_due_later_is_paid_with_the_settlement_figure() -> None:
    fee = event("fee", "2024-01-05", amount="30.00", due="2024-04-15")
    assert_over(paid_off(SIX_MONTHS, [fee], "2024-01-20"), date(2024, 1, 20))


def test_credit_pays_what_a_prepayment_makes_due() -> None:
    fee = event("fee", "2024-01-01", amount="100.00", due="2024-04-15")
    deposit = event("repayment", "2024-01-02", amount="40")
    # All principal on the first day, and so no interest: only the fee is left, and the credit pays a part of it.
    state = account(SIX_MONTHS, [fee, deposit, event("prepayment", "2024-01-01", amount="6000")], "2024-01-02")
    assert (state.principal_outstanding_fen, state.fee_outstanding_fen, state.credit_fen) == (0, 6000, 0)
    early = account(SIX_MONTHS, [fee, event("repayment", "2024-01-01", amount="40")], "2024-01-01")
    assert early.credit_fen == 4000
    prepaid = event("prepayment", "2024-01-01", amount="6000")
    both = account(SIX_MONTHS, [fee, event("repayment", "2024-01-01", amount="40"), prepaid], "2024-01-01")
    assert (both.fee_outstanding_fen, both.credit_fen) == (6000, 0)


def test_a_deposit_that_covers_everything_is_kept_and_pays_each_installment_as_it_falls_due() -> None:
    deposit = event("repayment", "2024-01-10", amount="7000")
    held = account(SIX_MONTHS, [deposit], "2024-01-31")
    assert (held.settlement_fen, held.settled_on, held.credit_fen) == (0, None, 700_000)
    last = SIX_MONTHS.dues[-1]
    before = service(SIX_MONTHS, [deposit], last - timedelta(days=1))
    assert (before.settled_on, before.dpd) == (None, 0)
    over = service(SIX_MONTHS, [deposit], last)
    assert over.settled_on == last
    assert over.credit_fen == 700_000 - over.allocated.total


def test_a_loan_that_credit_covers_is_ended_by_a_settlement_that_brings_no_money() -> None:
    deposit = event("repayment", "2024-01-10", amount="7000")
    state = account(SIX_MONTHS, [deposit, event("settlement", "2024-01-20", "end")], "2024-01-20")
    assert state.settled_on == date(2024, 1, 20)
    assert [part for part in state.allocations if part.event_id == "end"] == []
    assert state.credit_fen == 700_000 - state.allocated.total > 0


def test_a_prepayment_of_one_fen_ends_a_loan_that_credit_covers() -> None:
    events = [event("repayment", "2024-01-10", amount="7000"), event("prepayment", "2024-01-20", amount="0.01")]
    state = account(SIX_MONTHS, events, "2024-01-20")
    assert (state.settled_on, state.outstanding.total) == (date(2024, 1, 20), 0)
    assert state.credit_fen == 700_001 - state.allocated.total


def test_a_deferral_of_the_same_day_finds_a_loan_that_was_paid_off() -> None:
    deferral = event("deferral", "2024-01-20", periods=2)
    reschedule = event("reschedule", "2024-01-20", from_="2024-02-01", extra_periods=2)
    for change in (deferral, reschedule):
        assert_over(paid_off(SIX_MONTHS, [*HISTORY, change], "2024-01-20"), date(2024, 1, 20))


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Money of every kind, late, early and in parts, with deposits that leave credit and changes of the plan."""
    events = [one for one in draw(any_events()) if one.type not in (EventType.SETTLEMENT, EventType.WRITE_OFF)]
    for place in range(draw(st.integers(0, 3))):
        events.append(event("repayment", draw(days), f"d{place}", amount=draw(amounts)))
    if draw(st.booleans()):
        events.append(event("deferral", draw(days), periods=draw(st.integers(1, 3)), component="principal"))
    if draw(st.booleans()):
        day = draw(days)
        events.append(event("reschedule", day, from_=day, extra_periods=1, reage=draw(st.booleans())))
    return events


@settings(max_examples=400, deadline=None)
@given(any_terms(), histories(), st.integers(0, 700), st.sampled_from(EFFECTS))
def test_the_settlement_figure_of_a_day_paid_on_that_day_ends_the_loan(
    terms: Terms, events: list[Event], offset: int, effect: str
) -> None:
    day = FIRST + timedelta(days=offset)
    try:
        before = service(terms, events, day)
    except InvalidEvent:
        assume(False)
    assert not (before.credit_fen and before.due_fen)
    assume(before.settlement_fen)
    off = event("prepayment", day.isoformat(), "off", amount=yuan(before.settlement_fen), effect=effect)
    state = service(terms, [*events, off], day)
    assert_over(state, day)
    assert sum(part.total for part in state.allocations if part.event_id == "off") == off.amount_fen
    assert_every_fen_is_found(state, [*events, off])


@settings(max_examples=150, deadline=None)
@given(any_terms(), histories(), st.integers(0, 700))
def test_a_loan_that_credit_covers_is_over_after_its_last_due_date_or_its_settlement(
    terms: Terms, events: list[Event], offset: int
) -> None:
    day = FIRST + timedelta(days=offset)
    deposit = event("repayment", day.isoformat(), "all", amount="999999999")
    try:
        covered = service(terms, [*events, deposit], day)
    except InvalidEvent:
        assume(False)
    assert covered.settlement_fen == covered.due_fen == 0
    assert_every_fen_is_found(covered, [*events, deposit])
    standing = [one for one in events if one.date <= day]
    ended = service(terms, [*standing, deposit, event("settlement", day.isoformat(), "end")], day)
    assert ended.settled_on is not None
    assert not any(part.event_id == "end" for part in ended.allocations)
    last = max(row.due for row in covered.rows)
    over = service(terms, [*standing, deposit], max(last, day) + timedelta(days=400))
    assert over.settled_on is not None
    assert over.dpd == 0
