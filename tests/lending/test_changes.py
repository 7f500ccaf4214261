"""Events that change the plan: tranches, prepayments, rate changes, deferrals, reschedulings, by hand."""

import pytest

from lending.account import LoanAccount
from tests.lending.builders import account, event, terms_of

EQUAL = terms_of(method="equal_principal")
LEVEL = terms_of()
PAID = event("repayment", "2024-02-01", amount="1120")


def columns(state: LoanAccount, *names: str) -> list[tuple[int, ...]]:
    return [tuple(getattr(row, name) for name in names) for row in state.rows]


def test_tranches_alone_fund_the_loan_and_each_spreads_over_what_is_left() -> None:
    tranches = [event("disbursement", "2024-01-01", amount="6000"), event("disbursement", "2024-03-01", amount="5000")]
    before = account(EQUAL, tranches, "2024-02-29")
    assert before.disbursed_fen == 600_000
    assert columns(before, "principal", "interest", "balance")[:2] == [(50_000, 6000, 550_000), (50_000, 5500, 500_000)]
    after = account(EQUAL, tranches, "2024-03-01")
    # A tranche comes before all else of its day, so what is left after the installment due on that day has it in.
    assert columns(after, "principal", "interest", "balance")[1:4] == [
        (50_000, 5500, 1_000_000),
        (100_000, 10_000, 900_000),
        (100_000, 9000, 800_000),
    ]


def test_a_tranche_within_a_period_bears_interest_from_its_own_day() -> None:
    tranches = [event("disbursement", "2024-01-01", amount="6000"), event("disbursement", "2024-01-11", amount="6000")]
    state = account(EQUAL, tranches, "2024-01-11")
    # 60.00 for the month on the first, 21 of 31 days on the second: 40.645…
    assert state.rows[0].interest == 10_065


def test_a_late_first_payout_bears_interest_from_that_day() -> None:
    state = account(EQUAL, [event("disbursement", "2024-01-22", amount="12000")], "2024-01-22")
    assert state.rows[0].interest == 3871  # 120 x 10 / 31


def test_a_prepayment_on_a_due_date_lowers_the_installments_after_it() -> None:
    state = account(EQUAL, [PAID, event("prepayment", "2024-02-01", amount="1100")], "2024-02-01")
    assert columns(state, "principal", "interest", "balance", "outstanding")[:3] == [
        (210_000, 12_000, 990_000, 0),
        (90_000, 9900, 900_000, 99_900),
        (90_000, 9000, 810_000, 99_000),
    ]


def test_a_prepayment_pays_interest_to_the_date_first() -> None:
    daily = terms_of(method="equal_principal", day_count="actual/365")
    events = [
        event("repayment", "2024-02-01", amount="1122.30"),
        event("prepayment", "2024-02-11", "p", amount="1036.16"),
    ]
    state = account(daily, events, "2024-02-11")
    interest = sum(a.interest for a in state.allocations if a.event_id == "p")
    principal = sum(a.principal for a in state.allocations if a.event_id == "p")
    assert (interest, principal) == (3616, 100_000)  # 11,000 x 12 % x 10 / 365
    # The rest of the period on 10,000 for 19 days: 62.4657…; over the period 98.6301… is rounded once.
    assert state.rows[1].interest == 9863
    assert state.rows[1].interest_due == 9863 - 3616


def test_a_prepayment_pays_arrears_and_its_fee_before_principal() -> None:
    events = [event("prepayment", "2024-02-11", "p", amount="1500", fee="50")]
    state = account(EQUAL, events, "2024-02-11")
    paid = [(a.n, a.fee, a.interest, a.principal) for a in state.allocations]
    # 1,120 are due, 50 is the fee, 110 x 10 / 29 is the interest to the day; 292.07 remain.
    assert paid[0] == (1, 0, 12_000, 100_000)
    assert (sum(a[1] for a in paid), sum(a[2] for a in paid[1:]), sum(a[3] for a in paid[1:])) == (5000, 3793, 29_207)


def test_reducing_the_term_keeps_the_level_payment() -> None:
    events = [event("repayment", "2024-02-01", amount="1066.19"), event("prepayment", "2024-02-01", amount="5000")]
    shorter = account(
        LEVEL, [events[0], event("prepayment", "2024-02-01", amount="5000", effect="reduce_term")], "2024-02-01"
    )
    assert shorter.level_fen == 106_619
    assert [row.total for row in shorter.rows[1:6]] == [106_619] * 5
    assert len(shorter.rows) == 7
    assert shorter.rows[-1].balance == 0
    lower = account(LEVEL, events, "2024-02-01")
    assert len(lower.rows) == 12
    assert lower.level_fen == 58_391  # 6,053.81 at 1 % over eleven months


def test_interest_deferred_beyond_a_shortened_term_falls_due_with_its_last_payment() -> None:
    terms = terms_of(n_periods=3, interest_deferral_periods=2)
    state = account(terms, [event("prepayment", "2024-01-20", amount="6000", effect="reduce_term")], "2024-01-20")
    assert len(state.rows) == 2
    # 19 of 31 days on 12,000 were paid with the prepayment; 12 of 31 on 6,073.55 are deferred to the second row.
    assert columns(state, "interest", "interest_due") == [(7355, 0), (2351 + 2017, 4368)]


def test_paying_in_advance_covers_the_next_principal_and_saves_its_interest() -> None:
    events = [PAID, event("prepayment", "2024-02-01", amount="1500", effect="advance_due")]
    state = account(EQUAL, events, "2024-02-01")
    assert columns(state, "principal", "interest", "outstanding", "balance")[1:4] == [
        (100_000, 9500, 9500, 1_000_000),
        (100_000, 9500, 59_500, 900_000),
        (100_000, 9000, 109_000, 800_000),
    ]


def test_prepaying_everything_settles_and_keeps_the_excess() -> None:
    state = account(EQUAL, [event("prepayment", "2024-02-01", amount="12130")], "2024-03-15")
    assert state.settled_on is not None
    assert state.credit_fen == 1000
    assert len(state.rows) == 1


def test_a_flat_loan_prepaid_bears_interest_on_its_smaller_amount() -> None:
    flat = terms_of(method="flat")
    events = [event("repayment", "2024-02-01", amount="1120"), event("prepayment", "2024-02-01", amount="5500")]
    state = account(flat, events, "2024-02-01")
    # Half of the 11,000 left is paid, so 60 instead of 120 a month.
    assert columns(state, "principal", "interest")[1:3] == [(50_000, 6000), (50_000, 6000)]


def test_a_rate_change_on_a_due_date_solves_the_payment_anew() -> None:
    state = account(LEVEL, [event("rate_change", "2024-02-01", annual_rate_percent="6")], "2024-02-01")
    # 11,053.81 at 0.5 % over eleven months
    assert columns(state, "interest", "total")[:3] == [(12_000, 106_619), (5527, 103_529), (5037, 103_529)]


def test_a_rate_change_within_a_period_splits_its_interest_and_rounds_once() -> None:
    daily = terms_of(method="equal_principal", day_count="actual/365")
    state = account(daily, [event("rate_change", "2024-01-11", annual_rate_percent="24")], "2024-01-11")
    # 12,000 x (10 x 12 % + 21 x 24 %) / 365 = 205.1506…
    assert columns(state, "principal", "interest")[0] == (100_000, 20_515)


def test_a_rate_change_within_a_period_solves_the_payment_on_the_real_dates() -> None:
    terms = terms_of(payment_basis="schedule", day_count="actual/365")
    state = account(terms, [event("rate_change", "2024-02-20", annual_rate_percent="24")], "2024-02-20")
    assert state.rows[1].total == state.level_fen
    assert abs(state.rows[-1].total - state.level_fen) <= 5


def test_a_yearly_rate_is_a_365th_a_day_where_rates_are_daily() -> None:
    terms = terms_of(method="interest_only", annual_rate_percent=None, daily_rate_percent="0.05")
    state = account(terms, [event("rate_change", "2024-02-01", annual_rate_percent="36.5")], "2024-02-01")
    # 0.05 % on 31 days, then 0.1 % on 29 days of 12,000
    assert columns(state, "interest")[:2] == [(18_600,), (34_800,)]


def test_deferring_principal_adds_the_periods_at_the_end() -> None:
    state = account(EQUAL, [PAID, event("deferral", "2024-02-01", periods=2)], "2024-02-01")
    assert columns(state, "principal", "interest")[1:5] == [
        (0, 11_000),
        (0, 11_000),
        (100_000, 11_000),
        (100_000, 10_000),
    ]
    assert len(state.rows) == 14
    assert state.rows[-1].due.isoformat() == "2025-03-01"


def test_deferring_everything_lets_interest_fall_due_with_the_next_payment() -> None:
    state = account(LEVEL, [event("deferral", "2024-02-01", periods=2, component="all")], "2024-02-01")
    assert columns(state, "principal", "interest")[1:4] == [(0, 0), (0, 0), (95_565, 33_162)]
    assert state.rows[4].total == state.level_fen == 106_619
    # Interest earned in deferred periods is owed at once by who settles.
    later = account(LEVEL, [event("deferral", "2024-02-01", periods=2, component="all")], "2024-04-01")
    assert later.accrued_interest_fen == 22_108


def test_rescheduling_moves_the_due_dates_that_follow() -> None:
    moved = event("reschedule", "2024-02-01", from_="2024-03-01", due="2024-03-15")
    state = account(EQUAL, [PAID, moved], "2024-02-01")
    assert [row.due.isoformat() for row in state.rows[:3]] == ["2024-02-01", "2024-03-15", "2024-04-15"]
    # One month and 14 of the 31 days from 15 January to 15 February, on 11,000.
    assert state.rows[1].interest == 15_968


def test_rescheduling_adds_periods_and_changes_the_rate_from_its_day() -> None:
    change = event("reschedule", "2024-02-10", from_="2024-03-01", extra_periods=2, annual_rate_percent="6")
    state = account(EQUAL, [PAID, change], "2024-02-10")
    assert len(state.rows) == 14
    # The row of `from` still bears 12 % up to its day; 11,000 spread over thirteen.
    assert columns(state, "principal", "interest")[1:3] == [(84_615, 11_000), (84_615, 5077)]


def test_rescheduling_later_rows_leaves_those_before_as_planned() -> None:
    change = event("reschedule", "2024-02-01", from_="2024-04-01", extra_periods=1)
    state = account(EQUAL, [PAID, change], "2024-02-01")
    assert columns(state, "principal")[1:4] == [(100_000,), (90_909,), (90_909,)]


def test_arrears_stay_overdue_unless_they_are_re_aged() -> None:
    plain = event("reschedule", "2024-02-11", "r", from_="2024-03-01", extra_periods=1)
    assert account(EQUAL, [plain], "2024-02-11").dpd == 10
    reaged = event("reschedule", "2024-02-11", "r", from_="2024-03-01", extra_periods=1, reage=True)
    state = account(EQUAL, [reaged], "2024-02-11")
    assert (state.dpd, state.due_fen, state.overdue_fen, state.charged.principal) == (0, 0, 0, 0)
    assert state.interest_outstanding_fen == 12_000
    assert state.rows[1].principal == 100_000  # 12,000 over twelve
    # 120.00 moved here, 110 for 10 of 29 days, 120 for 19 of 29.
    assert state.rows[1].interest == 12_000 + 11_655
    assert account(EQUAL, [reaged], "2024-03-01").due_fen == 100_000 + 23_655


@pytest.mark.parametrize("method", ["interest_only", "bullet", "flat", "equal_principal", "level_payment"])
def test_deferral_and_prepayment_leave_every_method_with_a_whole_plan(method: str) -> None:
    terms = terms_of(method=method, interest_deferral_periods=1)
    events = [
        event("prepayment", "2024-01-20", amount="3000", effect="reduce_term"),
        event("deferral", "2024-02-10", periods=1, component="all"),
    ]
    state = account(terms, events, "2024-02-10")
    assert sum(row.principal for row in state.rows) == 1_200_000
    assert state.rows[-1].balance == 0
