"""What holds for every loan, whatever its terms and whatever happens to it."""

import random
from datetime import date, timedelta
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lending.account import LoanAccount
from lending.events import Event, InvalidEvent
from lending.money import yuan
from lending.prepayment import settlement_figures
from lending.schedules import build_schedule
from lending.servicing import replayed, service
from lending.terms import Terms
from tests.lending.builders import FIRST, any_events, any_terms, days, event, terms_of

thorough = settings(max_examples=150, deadline=None)
later_days = st.integers(0, 900).map(lambda offset: FIRST + timedelta(days=offset))


def assert_money_adds_up(account: LoanAccount, *, one_payout: bool = True) -> None:
    charged = account.charged.total - account.charged.principal
    settled = account.allocated.total + account.waived.total + account.written_off.total
    assert account.disbursed_fen + charged == settled + account.outstanding.total
    for component in ("principal", "interest", "fee", "penalty", "subsidy"):
        assert getattr(account.outstanding, component) >= 0
    if account.disbursed_fen:
        assert sum(row.principal for row in account.rows) == account.disbursed_fen
        balance = account.disbursed_fen
        for row in account.rows if one_payout else ():
            balance -= row.principal
            assert row.balance == balance
    assert [row.due for row in account.rows] == sorted(row.due for row in account.rows)
    for row in account.rows:
        for field in ("principal", "interest", "fee", "penalty", "subsidy", "balance", "paid", "outstanding"):
            assert getattr(row, field) >= 0
        assert row.total == row.principal + row.interest + row.fee + row.penalty


def received(account: LoanAccount, events: list[Event]) -> None:
    for brought in events:
        if brought.type.value in ("repayment", "prepayment", "subsidy") and brought.date <= account.as_of:
            parts = [part for part in account.allocations if part.event_id == brought.id]
            assert sum(part.total for part in parts) == brought.amount_fen


@thorough
@given(any_terms())
def test_installments_add_up_and_never_fall_below_zero(terms: Terms) -> None:
    schedule = build_schedule(terms)
    assert sum(row.principal for row in schedule.rows) == terms.principal_fen
    assert schedule.rows[-1].balance == 0
    assert all(min(row.principal, row.interest, row.balance, row.subsidy) >= 0 for row in schedule.rows)


@thorough
@given(any_terms())
def test_a_loan_to_which_nothing_happens_keeps_the_schedule_of_its_terms(terms: Terms) -> None:
    schedule = build_schedule(terms)
    account = service(terms, [], terms.disbursement_date)
    figures = [(r.n, r.due, r.principal, r.interest, r.fee, r.balance, r.subsidy) for r in schedule.rows]
    assert [(r.n, r.due, r.principal, r.interest, r.fee, r.balance, r.subsidy) for r in account.rows] == figures
    at_the_end = service(terms, [], terms.dues[-1])
    assert [(r.n, r.due, r.principal, r.interest, r.fee, r.balance, r.subsidy) for r in at_the_end.rows] == figures


@thorough
@given(any_terms(), any_events(), later_days)
def test_the_money_adds_up_on_any_day(terms: Terms, events: list[Event], day: date) -> None:
    account = service(terms, events, day)
    assert_money_adds_up(account)
    received(account, events)


@thorough
@given(any_terms(), any_events(), later_days, st.sampled_from(["deferral", "reschedule", "both"]), st.booleans())
def test_the_money_adds_up_through_deferrals_and_reschedulings(
    terms: Terms, events: list[Event], day: date, kind: str, whole: bool
) -> None:
    changes = []
    if kind != "reschedule":
        changes.append(event("deferral", "2024-03-15", periods=2, component="all" if whole else "principal"))
    if kind != "deferral":
        changes.append(event("reschedule", "2024-02-20", from_="2024-04-01", extra_periods=3, reage=whole))
    try:
        account = service(terms, [*events, *changes], day)
    except InvalidEvent:
        assume(False)
    assert_money_adds_up(account)


@thorough
@given(any_terms(), any_events(), st.lists(st.integers(0, 200), min_size=1, max_size=3), later_days)
def test_the_money_adds_up_with_tranches(terms: Terms, events: list[Event], offsets: list[int], day: date) -> None:
    share = terms.principal_fen // len(offsets)
    payouts = [
        event("disbursement", (FIRST + timedelta(days=offset)).isoformat(), f"t{place}", amount=yuan(share))
        for place, offset in enumerate(offsets)
    ]
    try:
        account = service(terms, [*events, *payouts], day)
    except InvalidEvent:
        assume(False)
    assert_money_adds_up(account, one_payout=False)


@st.composite
def changed_plans(draw: st.DrawFn) -> list[Event]:
    """Deferrals, reschedulings and fees of the first month, in any order and for any later days."""
    changes = []
    for place in range(draw(st.integers(0, 4))):
        day = draw(st.sampled_from(["2024-01-05", "2024-01-20", "2024-01-31"]))
        kind = draw(st.sampled_from(["fee", "deferral", "reschedule"]))
        fields: dict[str, object] = {"amount": "20", "due": draw(days)}
        if kind == "deferral":
            whole = draw(st.booleans())
            fields = {"periods": draw(st.integers(1, 3)), "component": "all" if whole else "principal"}
        elif kind == "reschedule":
            fields = {"from": draw(days), "due": draw(st.none() | days), "extra_periods": draw(st.integers(0, 3))}
        changes.append(event(kind, day, f"c{place}", **fields))
    return changes


@thorough
@given(
    st.sampled_from(["equal_principal", "interest_only", "level_payment", "bullet"]),
    st.integers(1, 6),
    st.sampled_from([None, "following", "preceding"]),
    changed_plans(),
)
def test_principal_bears_interest_for_every_day_until_it_falls_due(
    method: str, n_periods: int, convention: str | None, changes: list[Event]
) -> None:
    terms = terms_of(method=method, n_periods=n_periods, day_count="actual/365", business_days=convention)
    try:
        rows = service(terms, changes, date(2024, 1, 31)).rows
    except InvalidEvent:
        assume(False)
    exact, since, balance = Fraction(0), FIRST, terms.principal_fen
    for row in rows:
        exact += Fraction(balance * 12 * (row.due - since).days, 100 * 365)
        since, balance = row.due, row.balance
    assert abs(sum(row.interest for row in rows) - exact) <= len(rows)


@thorough
@given(any_terms(), st.integers(1, 600), st.integers(0, 600))
def test_splitting_time_does_not_change_simple_interest(terms: Terms, length: int, cut: int) -> None:
    replay = replayed(terms, [], terms.disbursement_date)
    index = min(length % len(replay.rows), len(replay.rows) - 1)
    opens, due = replay.timeline.opens(index), replay.rows[index].due
    middle = opens + timedelta(days=cut % ((due - opens).days + 1))
    parts = replay.accrual(index, opens, middle, 1_000_000) + replay.accrual(index, middle, due, 1_000_000)
    assert parts == replay.accrual(index, opens, due, 1_000_000)


@thorough
@given(any_terms(), any_events(), later_days, st.integers(0, 60))
def test_settlement_figures_of_a_stretch_are_those_of_its_days(
    terms: Terms, events: list[Event], day: date, length: int
) -> None:
    figures = settlement_figures(terms, events, day, day + timedelta(days=length))
    assert len(figures) == length + 1
    for asked, figure in (figures[0], figures[length // 2], figures[-1]):
        assert figure == service(terms, events, asked).settlement_fen


@thorough
@given(any_terms(), any_events(), later_days)
def test_looking_at_a_loan_changes_nothing(terms: Terms, events: list[Event], day: date) -> None:
    looks = [event("as_of", (FIRST + timedelta(days=step)).isoformat()) for step in range(0, 700, 37)]
    assert service(terms, [*events, *looks], day) == service(terms, events, day)


@thorough
@given(any_terms(), any_events(), later_days, st.randoms(use_true_random=False))
def test_events_of_one_day_apply_in_the_contracts_order(
    terms: Terms, events: list[Event], day: date, chance: random.Random
) -> None:
    money = [e for e in events if e.type.value in ("repayment", "prepayment", "subsidy")]
    others = [e for e in events if e not in money]
    kinds = {e.type: e for e in others}
    one_of_each = list(kinds.values())
    mixed = one_of_each + money
    order = list(range(len(mixed)))
    chance.shuffle(order)
    shuffled = [mixed[place] for place in order]
    given_order = [e for e in shuffled if e not in money]
    straight = service(terms, [*given_order, *money], day)
    assert service(terms, [*money, *reversed(given_order)], day) == straight


@thorough
@given(any_terms(), any_events(), later_days, st.randoms(use_true_random=False))
def test_events_of_different_days_may_arrive_in_any_order(
    terms: Terms, events: list[Event], day: date, chance: random.Random
) -> None:
    one_a_day = list({event.date: event for event in events}.values())
    arrived = chance.sample(one_a_day, len(one_a_day))
    assert service(terms, arrived, day) == service(terms, one_a_day, day)


@thorough
@given(any_terms(), any_events(), any_events(most=1), later_days)
def test_a_reversal_restores_the_state_exactly(
    terms: Terms, events: list[Event], extra: list[Event], day: date
) -> None:
    if not extra:
        return
    wrong = event(
        extra[0].type.value,
        extra[0].date.isoformat(),
        "wrong",
        **{k: v for k, v in extra[0].to_json().items() if k not in ("id", "type", "date")},
    )
    undone = event("reversal", wrong.date.isoformat(), "undo", of="wrong")
    assert service(terms, [*events, wrong, undone], day) == service(terms, events, day)


@thorough
@given(any_terms(), any_events(), st.integers(0, 700))
def test_the_settlement_figure_settles(terms: Terms, events: list[Event], offset: int) -> None:
    day = FIRST + timedelta(days=offset)
    before = service(terms, events, day)
    assume(before.settlement_fen and before.written_off_on is None)
    after = service(terms, [*events, event("settlement", day.isoformat(), "end")], day)
    assert after.settled_on == day
    assert after.settlement_fen == 0
    paid = sum(part.total for part in after.allocations if part.event_id == "end")
    assert paid == before.settlement_fen


@thorough
@given(any_terms(), any_events())
def test_events_survive_their_json_form(terms: Terms, events: list[Event]) -> None:
    assert [Event.parse(e.to_json()) for e in events] == events
    assert Terms.parse(terms.to_json()) == terms
