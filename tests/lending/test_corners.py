"""Where two rules meet: cases that a slip in one line would change, by hand."""

from datetime import date
from fractions import Fraction

import pytest

from lending.account import LoanAccount
from lending.apr import apr
from lending.daycount import is_leap
from lending.delinquency import Milestones, next_day_that_matters
from lending.prepayment import InvalidOffer, settlement_figures
from lending.schedules import build_schedule
from lending.timeline import Timeline
from tests.lending.builders import account, event, terms_of

EQUAL = terms_of(method="equal_principal")
PENALISED = terms_of(method="equal_principal", late={"penalty_multiple": "1.5"})
REAGED = event("reschedule", "2024-02-21", "r", from_="2024-03-01", extra_periods=1, reage=True)
METHODS = ["level_payment", "equal_principal", "flat", "interest_only", "bullet"]


def parts(state: LoanAccount, identity: str) -> tuple[int, ...]:
    """What an event's money went to: penalty, fee, interest, principal, subsidy, credit."""
    own = [one for one in state.allocations if one.event_id == identity]
    names = ("penalty", "fee", "interest", "principal", "subsidy", "credit")
    return tuple(sum(getattr(one, name) for one in own) for name in names)


# -- arrears -----------------------------------------------------------------------------------------------------------


def test_a_penalty_moved_by_re_ageing_is_still_owed_when_its_new_row_is_late() -> None:
    # 1,000 x 1.5 % x 20/29 = 10.34 came over; ten days late again on 1,000.00 of the new row: 4.84 more.
    assert account(PENALISED, [REAGED], "2024-03-01").penalty_outstanding_fen == 1034
    assert account(PENALISED, [REAGED], "2024-03-11").penalty_outstanding_fen == 1034 + 484


def test_a_prepayment_pays_what_re_ageing_moved_before_principal() -> None:
    events = [REAGED, event("prepayment", "2024-02-22", "p", amount="1000")]
    state = account(PENALISED, events, "2024-02-22")
    # 10.34 and 120.00 were moved; 11,000 x 1 % x 20/29 + 12,000 x 1 % x 1/29 = 80.00; 789.66 remain.
    assert parts(state, "p") == (1034, 0, 12_000 + 8000, 78_966, 0, 0)
    assert sum(row.principal for row in state.rows) == 1_200_000


def test_by_component_every_overdue_interest_is_paid_before_principal_and_kept_money_too() -> None:
    terms = terms_of(method="equal_principal", allocation_by="component")
    events = [event("repayment", "2024-03-05", "a", amount="240")]
    state = account(terms, events, "2024-03-05")
    assert [(row.interest_due, row.principal_due) for row in state.rows[:2]] == [(0, 99_000), (0, 100_000)]
    deposit = [event("repayment", "2024-01-05", "d", amount="1150")]
    assert account(terms, deposit, "2024-03-01").rows[1].interest_due == 8000


def test_the_ceiling_of_a_penalty_is_a_share_of_what_the_row_was_late_with() -> None:
    terms = terms_of(method="equal_principal", late={"penalty_multiple": "2", "max_percent_of_overdue": "3"})
    assert account(terms, [], "2024-02-21").rows[0].penalty == 1379  # 1,000 x 2 % x 20/29
    paid = [event("repayment", "2024-02-21", amount="633.79")]
    # 500 of principal are paid, the ceiling stays 3 % of the 1,000.
    assert account(terms, paid, "2024-12-01").rows[0].penalty == 3000


def test_a_reminder_on_the_due_date_itself_is_none() -> None:
    step = next_day_that_matters(account(EQUAL, [], "2024-01-05"), date(2024, 1, 5), Milestones((0, 3), ()))
    assert step is not None
    assert (step.date, step.why.value) == (date(2024, 1, 29), "reminder")
    assert len(Milestones((0,)).reminder_days_before) == 1
    on_due = next_day_that_matters(account(EQUAL, [], "2024-01-29"), date(2024, 1, 29), Milestones((0, 3), ()))
    assert on_due is not None
    assert on_due.why.value == "due"


# -- the state's part --------------------------------------------------------------------------------------------------


def test_two_prepayments_where_the_subsidy_ends_charge_the_state_once() -> None:
    terms = terms_of(method="equal_principal", subsidised_until="2024-01-21")
    events = [event("prepayment", f"2024-01-{day}", f"p{day}", amount="1000") for day in (11, 16, 26)]
    state = account(terms, events, "2024-01-26")
    # The state: 12,000 x 1 % x 10/31, 11,000 x 5/31, 10,000 x 5/31: 38.71 + 17.74 + 16.13 = 72.5806
    assert state.charged.subsidy == 7258
    # The borrower: 10,000 x 1 % x 5/31 = 16.129 to the third prepayment, then 9,016.13 x 1 % x 6/31 = 17.4506.
    assert parts(state, "p26") == (0, 0, 1613, 98_387, 0, 0)
    first = state.rows[0]
    assert (first.subsidy, first.interest) == (7258, 1613 + 1745)


def test_a_bullet_shares_its_interest_where_the_subsidy_ended() -> None:
    terms = terms_of(method="bullet", n_periods=3, subsidised_until="2024-02-16")
    rows = build_schedule(terms).rows
    # A month and 15 of 29 days of 120.00 a month are the state's: 182.07 of 360.00.
    assert [(row.subsidy, row.interest) for row in rows] == [(0, 0), (0, 0), (18_207, 17_793)]
    prepaid = account(terms, [event("prepayment", "2024-02-26", "p", amount="6000")], "2024-02-26")
    # 10 of 29 days are the borrower's: 41.38; the rest repays principal.
    assert parts(prepaid, "p") == (0, 0, 4138, 595_862, 0, 0)
    assert prepaid.charged.subsidy == 18_207


def test_a_flat_loan_shares_the_period_where_the_subsidy_ends() -> None:
    rows = build_schedule(terms_of(method="flat", subsidised_until="2024-01-16")).rows
    assert [(row.subsidy, row.interest) for row in rows[:2]] == [(5806, 6194), (0, 12_000)]


def test_money_of_the_state_that_waited_is_used_once() -> None:
    terms = terms_of(method="interest_only", subsidised_until="2024-06-30")
    state = account(terms, [event("subsidy", "2024-02-10", "s", amount="150")], "2024-03-01")
    assert [(one.subsidy, one.credit) for one in state.allocations] == [(12_000, 0), (0, 3000), (3000, -3000)]
    assert (state.subsidy_credit_fen, state.subsidy_outstanding_fen) == (0, 9000)


# -- interest and plans ------------------------------------------------------------------------------------------------


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


def test_the_multiple_of_a_payment_rounds_the_share_of_equal_principal() -> None:
    terms = terms_of(method="equal_principal", principal="10000.00", rounding={"payment_multiple_of": "100"})
    assert {row.principal for row in build_schedule(terms).rows[:-1]} == {80_000}
    assert build_schedule(terms).rows[-1].principal == 120_000
    assert build_schedule(terms).level_fen == 80_000


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
    assert (row.principal_due, row.interest_due, row.fee_due, row.subsidy_due) == (100_000, 6194, 900, 5806)
    assert row.outstanding == row.total == 100_000 + 6194 + 900


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


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("year", "leap"), [(1900, False), (2000, True), (2100, False), (2023, False), (2024, True)])
def test_a_century_is_a_leap_year_once_in_four(year: int, leap: bool) -> None:
    assert is_leap(year) is leap
    assert ((date(year, 3, 1) - date(year, 2, 28)).days == 2) is leap


def test_parts_of_a_later_period_add_up_in_30_360() -> None:
    timeline = Timeline(terms_of(day_count="30/360", first_due_date="2024-02-15"))
    # From 15 to 31 March the basis counts 16 days, to 15 April 30 in all: 14 are left for the second part.
    whole = timeline.within(2, date(2024, 3, 15), date(2024, 4, 15))
    later = timeline.within(2, date(2024, 3, 31), date(2024, 4, 15))
    assert (whole, later) == (Fraction(30, 360), Fraction(14, 360))


def test_time_after_a_due_date_adds_the_periods_it_runs_through() -> None:
    timeline = Timeline(terms_of(n_periods=4))
    timeline.move(2, date(2024, 4, 16))
    first = timeline.dues[0]
    # Within March and April: 15 of 29 days, then a month and 15 of the 30 days from 16 March… to 16 April.
    part = timeline.after(first, date(2024, 2, 16), date(2024, 3, 1))
    stub = timeline.after(first, date(2024, 3, 1), date(2024, 4, 16))
    rest = timeline.after(first, date(2024, 4, 16), date(2024, 6, 16))
    assert part == Fraction(14, 29) / 12
    assert stub == (1 + Fraction(15, 29)) / 12
    assert rest == Fraction(2, 12)
    assert timeline.after(first, date(2024, 2, 16), date(2024, 6, 16)) == part + stub + rest


def test_odd_days_before_the_first_payment_are_a_share_of_the_period_before_them() -> None:
    body = {
        "principal": "5000",
        "disbursement_date": "1978-01-10",
        "payments": [{"amount": "230", "count": 24, "first": "1978-02-25"}],
        "unit_periods_per_year": 12,
    }
    # Back from 25 February: a month to 25 January, 15 days more of the 31 from 25 December.
    assert apr(body) == apr(body | {"first_payment_unit_periods": 1, "odd_days_fraction": "15/31"})
    assert apr(body) != apr(body | {"odd_days_fraction": "15/31"})
    half = body | {"unit_periods_per_year": "12.5", "odd_days_fraction": "1/2"}
    assert apr(half) != apr(half | {"unit_periods_per_year": 12})


# -- offers ------------------------------------------------------------------------------------------------------------


def test_settlement_figures_grow_by_the_days_interest_and_fall_with_a_payment() -> None:
    terms = terms_of(method="equal_principal", day_count="actual/365")
    paid = [event("repayment", "2024-02-03", amount="1122.30")]
    figures = settlement_figures(terms, paid, date(2024, 1, 31), date(2024, 2, 3))
    # 12,000 x 12 % x 30/365 = 118.36, 31/365 = 122.30, then 11,000 x 12 % / 365 = 3.62 a day
    assert [fen for _, fen in figures] == [1_211_836, 1_212_230, 1_212_230 + 362, 1_212_230 + 723 - 112_230]


@pytest.mark.parametrize(("until", "days"), [("2024-01-30", 0), ("2025-01-31", 367)])
def test_an_offer_lasts_a_year_at_most_and_does_not_end_before_it_begins(until: str, days: int) -> None:
    with pytest.raises(InvalidOffer, match=f"makes {days} days"):
        settlement_figures(EQUAL, [], date(2024, 1, 31), date.fromisoformat(until))
