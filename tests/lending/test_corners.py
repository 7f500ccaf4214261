"""Where two rules meet: cases that a slip in one line would change, by hand."""

from datetime import date
from fractions import Fraction

import pytest

from lending.apr import apr
from lending.daycount import is_leap
from lending.delinquency import Milestones, next_day_that_matters
from lending.prepayment import InvalidOffer, settlement_figures
from lending.schedules import build_schedule
from lending.timeline import Timeline
from tests.lending.builders import account, event, parts, terms_of

EQUAL = terms_of(method="equal_principal")
PENALISED = terms_of(method="equal_principal", late={"penalty_multiple": "1.5"})
COMPOUND = terms_of(method="equal_principal", late={"penalty_multiple": "1.5", "compound": True})
REAGED = event("reschedule", "2024-02-21", "r", from_="2024-03-01", extra_periods=1, reage=True)

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


def test_what_is_charged_with_a_re_aged_row_is_paid_in_full_though_other_parts_wait_for_it() -> None:
    reaged = event("reschedule", "2024-02-21", "r", from_="2024-03-01", reage=True)
    events = [reaged, event("fee", "2024-02-22", amount="50"), event("repayment", "2024-02-22", "f", amount="60")]
    state = account(EQUAL, events, "2024-02-22")
    # The 120.00 of interest moved to 1 March are not asked for before: the fee is paid, 10.00 are kept.
    assert parts(state, "f") == (0, 5000, 0, 0, 0, 1000)
    assert (state.fee_outstanding_fen, state.interest_outstanding_fen) == (0, 12_000)


def test_principal_paid_within_the_days_of_grace_bears_no_penalty_though_interest_stays_unpaid() -> None:
    order = ["principal", "interest", "fee", "penalty"]
    terms = terms_of(
        method="equal_principal", allocation_order=order, late={"penalty_multiple": "1.5", "grace_days": 3}
    )
    state = account(terms, [event("repayment", "2024-02-04", amount="1000")], "2024-02-11")
    assert (state.rows[0].principal_due, state.rows[0].interest_due, state.charged.penalty) == (0, 12_000, 0)


def test_interest_left_when_all_principal_is_waived_is_late_from_its_due_date_on() -> None:
    waived = event("waiver", "2024-01-22", amount="12000", component="principal")
    assert account(COMPOUND, [waived], "2024-02-01").charged.penalty == 0
    row = account(COMPOUND, [waived], "2024-02-22").rows[0]
    # 120.00 x 21/31 = 81.29 of interest, which bears 1.5 % a month for 21 of the 29 days from 1 February.
    assert (row.interest_due, row.penalty_due) == (8129, 88)


def test_a_penalty_moved_by_re_ageing_is_not_counted_as_that_of_the_row_it_ends_in() -> None:
    reaged = event("reschedule", "2024-02-21", "r", from_="2024-04-01", reage=True)
    waived = event("waiver", "2024-02-22", amount="12000", component="principal")
    row = account(COMPOUND, [reaged, waived], "2024-03-11").rows[1]
    # Moved: 120.00 and 1,120 x 1.5 % x 20/29 = 11.59. To 22 February 80.00 more; 200.00 are late for 10 of 31 days.
    assert (row.interest_due, row.penalty_due) == (20_000, 1159 + 97)


def test_a_penalty_runs_through_an_installment_for_a_fee_by_its_days() -> None:
    terms = terms_of(method="equal_principal", n_periods=2, late={"penalty_multiple": "1.5"})
    fee = event("fee", "2024-01-05", amount="20", due="2024-03-16")
    row = account(terms, [fee], "2024-04-16").rows[0]
    # 6,000 at 1.5 % a month: a month to 1 March, 15 of the 29 days before 16 March, a month after it:
    # 90.00 x (1 + 15/29 + 1) = 226.5517
    assert row.penalty == 22_655


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


def test_where_the_subsidy_ends_in_a_later_period_the_state_bears_its_days_on_the_balance_then() -> None:
    row = account(terms_of(method="equal_principal", subsidised_until="2024-02-16"), [], "2024-01-05").rows[1]
    # 11,000 x 1 % x 15/29 = 56.90 of 110.00
    assert (row.subsidy, row.interest) == (5690, 5310)


def test_a_flat_loan_shares_the_period_where_the_subsidy_ends() -> None:
    rows = build_schedule(terms_of(method="flat", subsidised_until="2024-01-16")).rows
    assert [(row.subsidy, row.interest) for row in rows[:2]] == [(5806, 6194), (0, 12_000)]


def test_money_of_the_state_that_waited_is_used_once() -> None:
    terms = terms_of(method="interest_only", subsidised_until="2024-06-30")
    state = account(terms, [event("subsidy", "2024-02-10", "s", amount="150")], "2024-03-01")
    assert [(one.date.isoformat(), one.subsidy, one.credit) for one in state.allocations] == [
        ("2024-02-10", 12_000, 0),
        ("2024-02-10", 0, 3000),
        ("2024-03-01", 3000, -3000),
    ]
    assert (state.subsidy_credit_fen, state.subsidy_outstanding_fen) == (0, 9000)


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("year", "leap"), [(1900, False), (2000, True), (2100, False), (2023, False), (2024, True)])
def test_a_century_is_a_leap_year_once_in_four(year: int, leap: bool) -> None:
    assert is_leap(year) is leap
    assert ((date(year, 3, 1) - date(year, 2, 28)).days == 2) is leap


def test_a_quarter_clamped_over_the_new_year_keeps_the_day_of_the_payout() -> None:
    terms = terms_of(
        disbursement_date="2023-11-30", first_due_date="2024-02-29", n_periods=3, period={"unit": "quarter"}
    )
    assert terms.dues == (date(2024, 2, 29), date(2024, 5, 30), date(2024, 8, 30))


def test_five_months_clamped_over_the_new_year_keep_the_day_of_the_payout() -> None:
    months = {"unit": "month", "every": 5}
    terms = terms_of(disbursement_date="2023-09-30", first_due_date="2024-02-29", n_periods=2, period=months)
    assert terms.dues == (date(2024, 2, 29), date(2024, 7, 30))


def test_moving_a_later_installment_leaves_the_interest_of_a_first_period_that_is_not_whole() -> None:
    terms = terms_of(method="equal_principal", first_due_date="2024-02-15")
    moved = event("reschedule", "2024-01-05", from_="2024-04-15", due="2024-04-20")
    # Back from 15 February: a month, and 14 of the 31 days before 15 January: 120.00 x (1 + 14/31) = 174.19
    assert [account(terms, events, "2024-01-05").rows[0].interest for events in ([], [moved])] == [17_419, 17_419]


def test_installments_added_after_a_later_one_was_moved_follow_it_to_working_days() -> None:
    terms = terms_of(business_days="following")
    longer = event("reschedule", "2024-01-05", from_="2024-04-01", due="2024-04-15", extra_periods=1)
    rows = account(terms, [longer], "2024-01-05").rows
    # 15 February 2025 is a Saturday that is not worked.
    assert [row.due for row in rows[-2:]] == [date(2025, 1, 15), date(2025, 2, 17)]


def test_an_installment_for_a_fee_gives_way_to_one_that_is_added_and_leaves_it_the_fee() -> None:
    fee = event("fee", "2024-01-05", amount="20", due="2024-03-18")
    terms = terms_of(method="equal_principal", n_periods=2, business_days="following")
    rows = account(terms, [fee, event("deferral", "2024-01-05", periods=1)], "2024-01-05").rows
    # 6,000.00 are used for a month longer and bear 1 % for it.
    assert [(row.due, row.principal, row.interest, row.fee) for row in rows[1:]] == [
        (date(2024, 3, 1), 600_000, 12_000, 0),
        (date(2024, 4, 1), 600_000, 6000, 2000),
    ]


def test_a_fee_due_after_the_installments_that_are_added_comes_last_again() -> None:
    late = event("fee", "2024-01-05", "f", amount="20", due="2024-05-18")
    soon = event("fee", "2024-01-05", "g", amount="10", due="2024-03-18")
    longer = event("reschedule", "2024-01-12", from_="2024-02-01", extra_periods=1)
    terms = terms_of(method="equal_principal", n_periods=2)
    both = account(terms, [late, soon, longer], "2024-01-12")
    assert [(row.n, row.due, row.principal, row.interest, row.fee) for row in both.rows] == [
        (1, date(2024, 2, 1), 400_000, 12_000, 0),
        (2, date(2024, 3, 1), 400_000, 8000, 0),
        (3, date(2024, 4, 1), 400_000, 4000, 1000),
        (4, date(2024, 5, 18), 0, 0, 2000),
    ]
    assert [account(terms, [late, soon, longer], f"2024-{day}").charged.fee for day in ("03-17", "03-18")] == [0, 1000]
    waived = [late, event("waiver", "2024-01-06", amount="5", component="fee"), longer]
    last = account(terms, waived, "2024-05-18").rows[-1]
    assert (last.n, last.fee, last.fee_due, last.dpd) == (4, 2000, 1500, 0)


def test_where_only_an_installment_for_a_fee_is_left_those_added_follow_it_and_it_bears_interest() -> None:
    fee = event("fee", "2024-01-05", "f", amount="20", due="2025-05-18")
    longer = event("reschedule", "2025-03-20", "r", from_="2025-05-18", extra_periods=1, reage=True)
    rows = account(EQUAL, [fee, longer], "2025-03-20").rows
    # 780.00 are owed for the year; 12,000.00 bear 1 % for 29 of the 31 days to 18 April, and a month: 232.26.
    assert [(row.due, row.principal, row.interest, row.fee) for row in rows[12:]] == [
        (date(2025, 5, 18), 0, 78_000 + 23_226, 2000),
        (date(2025, 6, 18), 1_200_000, 12_000, 0),
    ]


def test_after_a_moved_installment_was_dropped_those_added_keep_to_the_contracts_day_again() -> None:
    events = [
        event("reschedule", "2024-01-05", from_="2024-04-01", due="2024-04-15"),
        event("prepayment", "2024-01-06", "p", amount="8020", effect="reduce_term"),
        event("deferral", "2024-01-06", periods=1),
    ]
    rows = account(terms_of(method="equal_principal", n_periods=6), events, "2024-01-06").rows
    # 19.35 of the 8,020.00 are five days' interest; 3,999.35 of principal are left, at most 2,000.00 an installment.
    assert [(row.due, row.principal_due) for row in rows] == [
        (date(2024, 2, 1), 0),
        (date(2024, 3, 1), 200_000),
        (date(2024, 4, 1), 199_935),
    ]


def test_an_installment_added_after_one_for_a_waived_fee_was_dropped_comes_a_period_after_the_last() -> None:
    events = [
        event("fee", "2024-01-05", amount="20", due="2024-03-18"),
        event("waiver", "2024-01-06", amount="20", component="fee"),
        event("prepayment", "2024-01-10", amount="1000", effect="reduce_term"),
        event("deferral", "2024-01-12", periods=1),
    ]
    terms = terms_of(method="equal_principal", n_periods=2, business_days="following")
    rows = account(terms, events, "2024-01-12").rows
    assert [row.due for row in rows] == [date(2024, 2, 1), date(2024, 3, 1), date(2024, 4, 1)]
    assert rows[2].interest == round(rows[2].principal * Fraction(1, 100))


def test_an_installment_added_to_due_dates_that_no_period_gives_follows_the_last_of_them() -> None:
    listed = ["2024-02-01", "2024-06-03", "2025-01-02"]
    terms = terms_of(method="equal_principal", n_periods=3, business_days="following", due_dates=listed)
    last = account(terms, [event("deferral", "2024-01-12", periods=1)], "2024-01-12").rows[-1]
    # 2 February 2025 lies in the Spring Festival, which lasts to the fourth. 4,000.00 bear a month's 1 %.
    assert (last.due, last.principal, last.interest) == (date(2025, 2, 5), 400_000, 4000)


def test_listed_due_dates_may_lie_much_nearer_than_the_period_says() -> None:
    listed = [date(2024, 2, day).isoformat() for day in range(1, 29)]
    terms = terms_of(n_periods=28, business_days="following", due_dates=listed, period={"unit": "year", "every": 366})
    assert [row.due.isoformat() for row in account(terms, [], "2024-01-05").rows] == listed


def test_parts_of_a_later_period_add_up_in_30_360() -> None:
    timeline = Timeline(terms_of(day_count="30/360", first_due_date="2024-02-15"))
    # From 15 to 31 March the basis counts 16 days, to 15 April 30 in all: 14 are left for the second part.
    whole = timeline.within(2, date(2024, 3, 15), date(2024, 4, 15))
    later = timeline.within(2, date(2024, 3, 31), date(2024, 4, 15))
    assert (whole, later) == (Fraction(30, 360), Fraction(14, 360))


def test_no_days_are_no_part_of_a_period() -> None:
    timeline = Timeline(terms_of(first_due_date="2024-02-15"))
    assert [timeline.within(index, day, day) for index, day in enumerate([date(2024, 1, 20), date(2024, 3, 1)])] == [
        0,
        0,
    ]


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


def test_odd_days_before_the_first_payment_are_a_share_of_thirty_days() -> None:
    body = {
        "principal": "5000",
        "disbursement_date": "1978-01-10",
        "payments": [{"amount": "230", "count": 24, "first": "1978-02-25"}],
        "unit_periods_per_year": 12,
    }
    # Back from 25 February: a month to 25 January, 15 days more of a month's thirty (Appendix J (b)(5)(ii)).
    assert apr(body) == apr(body | {"first_payment_unit_periods": 1, "odd_days_fraction": "15/30"})
    assert apr(body) != apr(body | {"odd_days_fraction": "15/30"})
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
    with pytest.raises(InvalidOffer, match=f"makes {days} days") as refused:
        settlement_figures(EQUAL, [], date(2024, 1, 31), date.fromisoformat(until))
    assert set(refused.value.fields) == {"until"}


def test_an_offer_may_last_a_whole_leap_year() -> None:
    figures = settlement_figures(EQUAL, [], date(2024, 1, 31), date(2025, 1, 30))
    assert (len(figures), figures[0][0], figures[-1][0]) == (366, date(2024, 1, 31), date(2025, 1, 30))


def test_two_fees_of_an_installment_that_gives_way_come_to_the_one_that_takes_its_place() -> None:
    fees = [event("fee", "2024-01-05", f"fee-{amount}", amount=amount, due="2025-02-01") for amount in ("20", "30")]
    longer = event("reschedule", "2024-01-06", "r", from_="2024-02-01", extra_periods=1)
    last = account(EQUAL, [*fees, longer], "2024-01-06").rows[-1]
    assert (last.n, last.due, last.fee) == (13, date(2025, 2, 1), 5000)
