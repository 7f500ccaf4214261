"""Plans where two rules meet: cases that a slip in one line would change, by hand."""

from datetime import date
from fractions import Fraction

import pytest

from lending.events import Event, InvalidEvent
from lending.schedules import build_schedule
from tests.lending.builders import account, event, parts, terms_of

EQUAL = terms_of(method="equal_principal")
METHODS = ["level_payment", "equal_principal", "flat", "interest_only", "bullet"]


def test_waiving_a_part_of_deferred_interest_leaves_the_rest_to_the_next_payment() -> None:
    terms = terms_of(method="equal_principal", interest_deferral_periods=1)
    waived = account(terms, [event("waiver", "2024-02-01", amount="50", component="interest")], "2024-02-01")
    assert waived.accrued_interest_fen == 7000
    second = account(terms, [event("waiver", "2024-02-01", amount="50", component="interest")], "2024-03-01")
    # What is left of January's 120.00, and 110.00 of February.
    assert second.rows[1].interest_due == 7000 + 11_000


@pytest.mark.parametrize("method", METHODS)
def test_interest_is_rounded_to_the_unit_of_the_contract_in_every_method(method: str) -> None:
    terms = terms_of(method=method, principal="12345.00", annual_rate_percent="7.77", rounding={"to": "1"})
    rows = build_schedule(terms).rows
    assert all(row.interest % 100 == 0 for row in rows)
    assert all(row.principal % 100 == 0 for row in rows)
    settled = account(terms, [event("settlement", "2024-02-11")], "2024-02-11")
    assert settled.charged.interest % 100 == 0


def test_the_multiple_of_a_payment_leaves_the_share_of_equal_principal_as_it_is() -> None:
    terms = terms_of(method="equal_principal", principal="10000.00", rounding={"payment_multiple_of": "100"})
    assert {row.principal for row in build_schedule(terms).rows[:-1]} == {83_333}
    assert build_schedule(terms).rows[-1].principal == 83_337
    assert build_schedule(terms).level_fen == 83_333
    # Rounded down to thousands, each share would be none at all, and all principal due at the end.
    rounding = {"mode": "down", "payment_multiple_of": "1000"}
    small = terms_of(method="equal_principal", principal="700.00", n_periods=7, rounding=rounding)
    assert [row.principal for row in build_schedule(small).rows] == [10_000] * 7


def test_a_flat_loan_without_any_interest_bears_none() -> None:
    rows = build_schedule(terms_of(method="flat", interest_free_periods=12)).rows
    assert [row.interest for row in rows] == [0] * 12


def test_a_flat_loan_prepaid_within_a_period_bears_no_more_for_it_than_a_period() -> None:
    events = [event("prepayment", "2024-01-16", "p", amount="3058.06")]
    state = account(terms_of(method="flat"), events, "2024-01-16")
    # 120.00 x 15/31 = 58.06 to the day; on 9,000.00 the month bears 90.00 x 16/31 more.
    assert parts(state, "p")[2:4] == (5806, 300_000)
    # In total 58.0645 + 46.4516 + 11 x 90.00 = 1,094.5161, a twelfth of which is a period's: 91.21.
    assert sum(row.interest for row in state.rows) == 109_452
    assert [row.interest for row in state.rows[:2]] == [9121, 9121]


def test_a_bullet_settled_in_its_second_month_bears_a_month_and_the_days() -> None:
    terms = terms_of(method="bullet", n_periods=3, first_due_date="2024-01-11", period={"unit": "month"})
    state = account(terms, [event("settlement", "2024-02-21")], "2024-02-21")
    # 10 days of the month from 11 December (31 days), a month, and 10 of 29 days.
    exact = 12_000 * (Fraction(10, 31) + 1 + Fraction(10, 29))
    assert state.charged.interest == round(exact)


def test_a_deferral_on_real_dates_keeps_the_payment_and_lets_principal_follow_the_interest() -> None:
    terms = terms_of(day_count="actual/365")
    state = account(terms, [event("deferral", "2024-01-01", periods=1)], "2024-01-01")
    assert state.rows[0].principal == 0
    assert {row.total for row in state.rows[1:-1]} == {state.level_fen} == {build_schedule(terms).level_fen}


def test_moving_due_dates_keeps_principal_paid_in_advance_where_it_is() -> None:
    events = [
        event("repayment", "2024-02-01", amount="1120"),
        event("prepayment", "2024-02-01", amount="1000", effect="advance_due"),
        event("reschedule", "2024-02-01", "x", from_="2024-03-01", due="2024-03-15"),
    ]
    state = account(EQUAL, events, "2024-02-01")
    assert [row.principal_due for row in state.rows[1:4]] == [0, 100_000, 100_000]
    assert len(state.rows) == 12
    dearer = [*events[:2], event("rate_change", "2024-02-02", annual_rate_percent="24")]
    assert [row.principal_due for row in account(EQUAL, dearer, "2024-02-02").rows[1:4]] == [0, 100_000, 100_000]


def test_fees_with_every_installment_move_and_end_with_them() -> None:
    terms = terms_of(method="equal_principal", fees=[{"amount": "9"}])
    moved = account(terms, [event("reschedule", "2024-01-05", "x", from_="2024-02-01", due="2024-02-15")], "2024-02-14")
    assert (moved.due_fen, moved.rows[0].fee) == (0, 900)
    shorter = account(terms, [event("prepayment", "2024-01-01", amount="6000", effect="reduce_term")], "2024-01-01")
    # The payment of the first day belongs to the first installment; six of 1,000 are left.
    assert [row.fee for row in shorter.rows] == [900] * 6


def test_rescheduling_from_a_later_row_solves_the_rest_on_its_own_dates() -> None:
    terms = terms_of(payment_basis="schedule", day_count="actual/365")
    state = account(terms, [event("reschedule", "2024-01-05", "x", from_="2024-04-01", extra_periods=3)], "2024-01-05")
    tail = [row.total for row in state.rows[3:]]
    assert len(tail) == 12
    assert max(tail) - min(tail) <= 6
    assert state.rows[0].total == build_schedule(terms).rows[0].total


def test_several_fees_ahead_are_waived_the_nearest_first_and_no_more_than_asked() -> None:
    events = [
        event("fee", "2024-01-05", "near", amount="10", due="2024-02-10"),
        event("fee", "2024-01-05", "far", amount="10", due="2024-03-10"),
        event("waiver", "2024-01-06", amount="15", component="fee"),
    ]
    state = account(EQUAL, events, "2024-01-06")
    assert (state.waived.fee, [row.fee_due for row in state.rows[:3]]) == (1500, [0, 0, 500])


def test_before_the_payout_each_planned_part_is_still_due() -> None:
    terms = terms_of(method="equal_principal", fees=[{"amount": "9"}], subsidised_until="2024-01-16")
    row = account(terms, [event("disbursement", "2024-03-01", amount="1")], "2024-01-05").rows[0]
    assert (row.n, row.principal_due, row.interest_due, row.fee_due, row.subsidy_due) == (1, 100_000, 6194, 900, 5806)
    assert row.due == date(2024, 2, 1)
    assert row.outstanding == row.total == 100_000 + 6194 + 900
    assert (row.penalty, row.penalty_due, row.paid, row.dpd, row.paid_on) == (0, 0, 0, 0, None)


def test_a_flat_loan_of_two_payments_rounds_the_first_one_whole() -> None:
    terms = terms_of(method="flat", n_periods=2, principal="1000.50", rounding={"payment_multiple_of": "10"})
    first, second = build_schedule(terms).rows
    # 1 % of 1,000.50 twice is 20.01: 10.00 and the rest. 500.25 + 10.00 is rounded to 510.00.
    assert (first.principal, first.interest, first.total) == (50_000, 1000, 51_000)
    assert (second.principal, second.interest) == (50_050, 1001)


def test_interest_paid_ahead_does_not_lower_the_payment_that_brings_the_balance_to_zero() -> None:
    terms = terms_of(payment_basis="schedule", day_count="actual/365")
    state = account(terms, [event("prepayment", "2024-01-16", amount="3000")], "2024-01-16")
    first = state.rows[0]
    assert first.interest_due + first.principal_due == state.level_fen
    assert abs(state.rows[-1].total - state.level_fen) <= 6


def test_an_installment_for_a_fee_alone_takes_no_principal_and_bears_no_interest() -> None:
    fee = event("fee", "2024-01-05", amount="20", due="2025-02-01")
    for method in ("equal_principal", "flat"):
        terms = terms_of(method=method)
        state = account(terms, [fee, event("prepayment", "2024-02-01", amount="3000")], "2024-02-01")
        last = state.rows[-1]
        assert (last.principal, last.interest, last.fee, last.total) == (0, 0, 2000, 2000)
        assert state.rows[-2].balance == 0


def test_a_rescheduling_from_today_leaves_the_installment_that_falls_due_today() -> None:
    moved = event("reschedule", "2024-02-01", from_="2024-02-01", due="2024-03-15")
    rows = account(EQUAL, [moved], "2024-02-01").rows
    assert [row.due for row in rows[:3]] == [date(2024, 2, 1), date(2024, 3, 15), date(2024, 4, 15)]


def test_a_prepayment_too_small_for_principal_leaves_the_plan_as_it_is() -> None:
    events = [
        event("repayment", "2024-02-01", amount="1120"),
        event("prepayment", "2024-02-01", amount="1500", effect="advance_due"),
        event("prepayment", "2024-02-11", "p", amount="1"),
    ]
    state = account(EQUAL, events, "2024-02-11")
    # 9,500 x 1 % x 10/29 = 32.76 of interest has been earned.
    assert parts(state, "p") == (0, 0, 100, 0, 0, 0)
    assert [row.principal_due for row in state.rows[1:4]] == [0, 50_000, 100_000]


def test_of_two_installments_for_fees_alone_neither_takes_the_rest_of_principal() -> None:
    fees = [event("fee", "2024-01-05", f"f{month}", amount="20", due=f"2025-0{month}-01") for month in (2, 3)]
    state = account(EQUAL, [*fees, event("prepayment", "2024-02-01", amount="3000")], "2024-02-01")
    # 1,120.00 are due, 1,880.00 repay principal: 9,120.00 over eleven make 829.09, the last one a fen more.
    assert [row.principal for row in state.rows[10:]] == [82_909, 82_910, 0, 0]
    flat = account(terms_of(method="flat"), [*fees, event("prepayment", "2024-02-01", amount="3000")], "2024-02-01")
    # 1 % of 12,000 x 9,120 / 11,000 eleven times is 1,094.40, of which 99.49 are a month's.
    assert [row.interest for row in flat.rows[10:]] == [9949, 9950, 0, 0]


def test_a_prepayment_that_covers_principal_but_not_a_fee_ahead_pays_the_fee_with_the_rest() -> None:
    fee = event("fee", "2024-01-01", amount="100", due="2024-04-15")
    state = account(EQUAL, [fee, event("prepayment", "2024-01-01", "p", amount="12040")], "2024-01-01")
    # No interest on the first day; 40.00 are kept and, as all is due now, used for the fee.
    assert parts(state, "p") == (0, 4000, 0, 1_200_000, 0, 0)
    assert (state.fee_outstanding_fen, state.credit_fen) == (6000, 0)


def test_money_for_a_loan_not_paid_out_by_its_last_due_date_is_kept() -> None:
    payout = event("disbursement", "2026-01-05", amount="12000")
    state = account(EQUAL, [payout, event("prepayment", "2025-03-01", "p", amount="10")], "2025-03-01")
    assert parts(state, "p") == (0, 0, 0, 0, 0, 1000)
    assert (state.credit_fen, state.settled_on) == (1000, None)


def test_moving_due_dates_alone_keeps_the_level_payment() -> None:
    terms = terms_of(rounding={"payment_multiple_of": "10"})
    moved = event("reschedule", "2024-11-05", from_="2024-12-01", due="2024-12-15")
    state = account(terms, [moved], "2024-11-05")
    # 1,066.19 is rounded to 1,070.00. Solved anew, the 2,060.90 left after ten of them would be 1,050.00 twice.
    assert state.level_fen == 107_000


def test_an_installment_is_not_moved_before_the_one_before_it() -> None:
    with pytest.raises(InvalidEvent) as refused:
        account(EQUAL, [event("reschedule", "2024-01-05", from_="2024-04-01", due="2024-03-01")], "2024-01-05")
    assert set(refused.value.fields) == {"due"}
    moved = account(EQUAL, [event("reschedule", "2024-01-05", from_="2024-04-01", due="2024-03-02")], "2024-01-05")
    assert [row.due.day for row in moved.rows[1:4]] == [1, 2, 2]


def test_more_installments_than_a_loan_may_have_are_refused_by_their_field() -> None:
    yearly = terms_of(method="equal_principal", period={"unit": "year"}, first_due_date="2025-01-01")
    with pytest.raises(InvalidEvent) as refused:
        account(yearly, [event("reschedule", "2024-01-05", from_="2025-01-01", extra_periods=201)], "2024-01-05")
    assert set(refused.value.fields) == {"extra_periods"}


def test_a_bullets_interest_stays_with_its_principal_when_a_fee_is_due_after_it() -> None:
    terms = terms_of(method="bullet", n_periods=3)
    fee = event("fee", "2024-01-05", amount="20", due="2024-05-01")
    for events in ([fee], [fee, event("rate_change", "2024-02-02", annual_rate_percent="12")]):
        after = account(terms, events, "2024-04-05")
        assert [(row.principal, row.interest, row.fee) for row in after.rows[2:]] == [
            (1_200_000, 36_000, 0),
            (0, 0, 2000),
        ]
        assert (after.accrued_interest_fen, after.settlement_fen) == (0, 1_238_000)


def test_re_aged_principal_is_taken_by_the_only_installment_left() -> None:
    fee = event("fee", "2024-01-05", amount="20", due="2025-03-01")
    reaged = event("reschedule", "2025-01-15", "x", from_="2025-03-01", reage=True)
    state = account(EQUAL, [fee, reaged], "2025-01-15")
    assert [row.principal for row in state.rows[:-1]] == [0] * 12
    assert (state.rows[-1].principal, state.rows[-1].balance) == (1_200_000, 0)
    # 780.00 of interest are owed for the year, and 12,000.00 bear 1 % for 17 of 31 days to 1 February, and for a month.
    assert state.rows[-1].interest == 78_000 + 18_581


def test_interest_that_has_accrued_for_the_state_is_told_apart() -> None:
    terms = terms_of(method="equal_principal", subsidised_until="2024-01-16")
    state = account(terms, [], "2024-01-21")
    # 15 of 31 days of 120.00 are the state's, five the borrower's.
    assert (state.accrued_subsidy_fen, state.accrued_interest_fen) == (5806, 1936)


def test_a_bullet_free_of_interest_at_first_costs_the_state_nothing_then() -> None:
    terms = terms_of(method="bullet", n_periods=3, interest_free_periods=1, subsidised_until="2024-02-16")
    last = build_schedule(terms).rows[-1]
    # 15 of 29 days of 120.00, and the rest of February and March.
    assert (last.subsidy, last.interest) == (6207, 17_793)


def test_a_payment_moved_to_bring_the_last_one_nearer_is_a_multiple_rounded_as_agreed() -> None:
    terms = terms_of(
        principal="750.75",
        annual_rate_percent="100",
        n_periods=2,
        period={"unit": "year"},
        first_due_date="2025-01-01",
        payment_basis="schedule",
        rounding={"payment_mode": "up", "payment_multiple_of": "10"},
    )
    # 750.75 x 4/3 = 1,001.00, up to 1,010.00: then 983.00 would be left for the last, 27.00 less. Half of that off the
    # payment makes 996.50, up to 1,000.00, with which the last one is 1,003.00.
    assert [row.total for row in build_schedule(terms).rows] == [100_000, 100_300]
    assert build_schedule(terms).level_fen == 100_000


def test_a_deferral_keeps_the_level_payment() -> None:
    terms = terms_of(rounding={"payment_multiple_of": "10"})
    # Solved anew over the two that are left it would be 1,050.00.
    assert account(terms, [event("deferral", "2024-11-05", periods=1)], "2024-11-05").level_fen == 107_000


@pytest.mark.parametrize(
    ("change", "principal_due"),
    [
        (event("deferral", "2024-02-11", periods=1), [0, 0, 100_000]),
        (event("waiver", "2024-02-11", amount="10", component="interest"), [0, 100_000, 100_000]),
    ],
    ids=["deferral", "waiver of interest"],
)
def test_principal_paid_in_advance_stays_where_it_is_through_a(change: Event, principal_due: list[int]) -> None:
    paid = [
        event("repayment", "2024-02-01", amount="1120"),
        event("prepayment", "2024-02-01", amount="1000", effect="advance_due"),
    ]
    state = account(EQUAL, [*paid, change], "2024-02-11")
    assert [row.principal_due for row in state.rows[1:4]] == principal_due


def test_re_aged_principal_is_part_of_what_each_installment_since_has_left() -> None:
    events = [
        event("repayment", "2024-02-01", amount="1120"),
        event("reschedule", "2024-04-10", "x", from_="2024-05-01", reage=True),
    ]
    state = account(EQUAL, events, "2024-04-10")
    assert [(row.principal, row.balance) for row in state.rows[:3]] == [(100_000, 1_100_000)] + [(0, 1_100_000)] * 2


def test_a_flat_payment_rounded_below_its_interest_leaves_all_principal_to_the_last() -> None:
    terms = terms_of(method="flat", principal="100.00", rounding={"payment_multiple_of": "100"})
    # 8.33 and 1.00 make 9.33, which is nearer to nothing than to 100.00.
    assert [row.principal for row in build_schedule(terms).rows] == [0] * 11 + [10_000]


def test_after_the_last_installment_a_change_of_rate_plans_no_principal_for_a_fee_that_is_left() -> None:
    fee = event("fee", "2024-01-05", amount="20", due="2025-03-01")
    state = account(EQUAL, [fee, event("rate_change", "2025-01-15", annual_rate_percent="24")], "2025-01-15")
    assert (state.rows[-1].principal, state.rows[-1].interest, state.rows[-1].fee) == (0, 0, 2000)


def test_an_installment_for_a_fee_can_be_moved_though_no_principal_falls_due_with_it() -> None:
    fee = event("fee", "2024-01-05", amount="20", due="2025-03-01")
    moved = event("reschedule", "2024-01-12", from_="2025-03-01", due="2025-03-05")
    state = account(terms_of(), [fee, moved], "2024-01-12")
    assert [row[2:8] for row in state.rows[:-1]] == [row[2:8] for row in build_schedule(terms_of()).rows]
    assert (state.rows[-1].due, state.rows[-1].total) == (date(2025, 3, 5), 2000)


def test_a_bullets_interest_ends_with_its_principal_though_an_installment_comes_after_it() -> None:
    fee = event("fee", "2024-01-05", amount="20", due="2024-02-15")
    longer = event("reschedule", "2024-01-05", from_="2024-02-15", extra_periods=1)
    rows = account(terms_of(method="bullet", n_periods=1), [fee, longer], "2024-01-05").rows
    # Only what falls due from 15 February on is spread anew, and that is nothing: 12,000.00 are lent for a month.
    assert [(row.principal, row.interest) for row in rows] == [(1_200_000, 0), (0, 12_000)]


def test_interest_of_two_installments_moved_to_one_is_not_due_before_it() -> None:
    reaged = event("reschedule", "2024-03-10", "x", from_="2024-04-01", reage=True)
    assert account(EQUAL, [reaged], "2024-03-31").due_fen == 0
    # 120.00 and 110.00 of interest are due then, besides what March's row bears itself.
    assert account(EQUAL, [reaged], "2024-04-01").rows[2].interest_due > 23_000


def test_the_states_share_is_rounded_to_the_unit_of_the_contract() -> None:
    terms = terms_of(method="equal_principal", subsidised_until="2024-01-16", rounding={"to": "1"})
    # 58.06 of 120.00
    assert [(row.subsidy, row.interest) for row in build_schedule(terms).rows[:1]] == [(5800, 6200)]


def test_a_deferral_beyond_what_a_loan_may_have_is_refused_by_its_field() -> None:
    yearly = terms_of(method="equal_principal", period={"unit": "year"}, first_due_date="2025-01-01")
    with pytest.raises(InvalidEvent) as refused:
        account(yearly, [event("deferral", "2024-01-05", periods=201)], "2024-01-05")
    assert set(refused.value.fields) == {"periods"}
