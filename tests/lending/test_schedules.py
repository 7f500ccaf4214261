"""Schedules of every method, with figures worked out by hand."""

from datetime import date

from lending.duedates import Period, periods_between
from lending.schedules import Schedule, Totals, build_schedule
from tests.lending.builders import terms_of


def figures(schedule: Schedule, *columns: str) -> list[tuple[int, ...]]:
    return [tuple(getattr(row, column) for column in columns) for row in schedule.rows]


def test_equal_principal_pays_a_twelfth_and_interest_on_what_is_left() -> None:
    schedule = build_schedule(terms_of(method="equal_principal"))
    assert figures(schedule, "principal", "interest", "balance")[:2] == [
        (100_000, 12_000, 1_100_000),
        (100_000, 11_000, 1_000_000),
    ]
    # 1 % of 12,000 + 11,000 + … + 1,000
    assert schedule.totals == Totals(principal=1_200_000, interest=78_000, fee=0, penalty=0, total=1_278_000, subsidy=0)


def test_equal_principal_keeps_the_odd_cent_for_the_last_installment() -> None:
    schedule = build_schedule(terms_of(method="equal_principal", principal="100.00", n_periods=3))
    assert figures(schedule, "principal") == [(3333,), (3333,), (3334,)]


def test_interest_only_repays_all_principal_at_the_end() -> None:
    schedule = build_schedule(terms_of(method="interest_only", n_periods=3))
    assert figures(schedule, "principal", "interest") == [(0, 12_000), (0, 12_000), (1_200_000, 12_000)]


def test_a_bullet_rounds_the_interest_of_the_whole_stretch_once() -> None:
    # 10,000 at 5 % for a year are 500.00; twelve roundings of 41.67 would make 500.04.
    schedule = build_schedule(terms_of(method="bullet", principal="10000", annual_rate_percent="5"))
    assert figures(schedule, "total")[:11] == [(0,)] * 11
    assert figures(schedule, "principal", "interest")[-1] == (1_000_000, 50_000)


def test_flat_interest_is_rounded_in_total_and_per_period() -> None:
    # 1,000 at 10 % for 7/12 of a year: 58.33 in all, 8.33 a period, 8.35 in the last.
    schedule = build_schedule(terms_of(method="flat", principal="1000", annual_rate_percent="10", n_periods=7))
    assert figures(schedule, "interest") == [(833,)] * 6 + [(835,)]
    assert figures(schedule, "principal") == [(14_286,)] * 6 + [(14_284,)]


def test_deferred_interest_falls_due_with_the_next_payment_and_bears_none_itself() -> None:
    plain = build_schedule(terms_of())
    deferred = build_schedule(terms_of(interest_deferral_periods=2))
    assert figures(deferred, "principal") == figures(plain, "principal")
    assert figures(deferred, "interest")[:2] == [(0,), (0,)]
    assert deferred.rows[2].interest == sum(row.interest for row in plain.rows[:3])
    assert deferred.totals.total == plain.totals.total


def test_interest_free_periods_bear_none_and_the_annuity_stays() -> None:
    plain = build_schedule(terms_of())
    free = build_schedule(terms_of(interest_free_periods=2))
    assert free.level_fen == plain.level_fen == 106_619
    assert figures(free, "principal", "interest")[:3] == [(106_619, 0), (106_619, 0), (96_751, 9868)]
    assert free.rows[-1].total < plain.rows[-1].total


def test_the_basis_schedule_solves_the_payment_on_the_interest_free_dates() -> None:
    free = build_schedule(terms_of(interest_free_periods=2, payment_basis="schedule"))
    assert abs(free.rows[-1].total - free.level_fen) <= 6


def test_the_payment_is_moved_once_where_that_brings_the_last_one_nearer() -> None:
    # 46.48 would leave a last installment of 46.55, 7 cents off where 6 are allowed; 46.49 leaves it 6 cents below.
    schedule = build_schedule(
        terms_of(principal="507", annual_rate_percent="18", day_count="actual/365", payment_basis="schedule")
    )
    assert schedule.level_fen == 4649
    assert schedule.rows[-1].total == 4643


def test_grace_comes_before_the_annuity_over_the_rest() -> None:
    graced = build_schedule(terms_of(principal_grace_periods=2))
    shorter = build_schedule(terms_of(n_periods=10))
    assert figures(graced, "principal", "interest")[:2] == [(0, 12_000)] * 2
    assert graced.level_fen == shorter.level_fen


def test_a_stub_bears_its_share_and_leaves_the_annuity_alone() -> None:
    # 14 days of the 31 from 15 December to 15 January.
    schedule = build_schedule(terms_of(first_due_date="2024-01-15"))
    assert schedule.level_fen == 106_619
    assert schedule.rows[0].interest == 5419


def test_a_long_stub_whose_interest_exceeds_the_payment_pays_interest_alone() -> None:
    schedule = build_schedule(terms_of(annual_rate_percent="36", first_due_date="2024-08-01", n_periods=36))
    assert schedule.rows[0].principal == 0
    assert schedule.rows[0].interest == 252_000


def test_a_generous_multiple_repays_early_and_leaves_empty_installments() -> None:
    schedule = build_schedule(
        terms_of(principal="100", n_periods=6, annual_rate_percent="0", rounding={"payment_multiple_of": "30"})
    )
    assert figures(schedule, "total") == [(3000,), (3000,), (3000,), (1000,), (0,), (0,)]


def test_the_unit_of_rounding_is_of_the_currency() -> None:
    schedule = build_schedule(terms_of(principal="1003.33", rounding={"to": "1"}, n_periods=2))
    assert [row.interest % 100 for row in schedule.rows] == [0, 0]
    assert sum(row.principal for row in schedule.rows) == 100_333


def test_agreed_fees_fall_in_the_period_that_holds_their_day() -> None:
    schedule = build_schedule(
        terms_of(fees=[{"amount": "2"}, {"amount": "10", "due": "2024-02-02"}, {"amount": "5", "n": 3}])
    )
    assert figures(schedule, "fee")[:4] == [(200,), (1200,), (700,), (200,)]
    assert schedule.rows[1].total == 106_619 + 1200
    assert schedule.totals.fee == 12 * 200 + 1500


def test_interest_up_to_the_end_of_studies_is_the_states() -> None:
    schedule = build_schedule(terms_of(method="equal_principal", subsidised_until="2024-03-01"))
    assert figures(schedule, "interest", "subsidy", "total")[:3] == [
        (0, 12_000, 100_000),
        (0, 11_000, 100_000),
        (10_000, 0, 110_000),
    ]
    assert schedule.totals.subsidy == 23_000


def test_whole_periods_are_counted_forwards_and_back_and_a_day_less_is_one_less() -> None:
    ends = [date(2024, 3, 15), date(2024, 3, 14), date(2023, 11, 15), date(2023, 11, 16)]
    assert [periods_between(date(2024, 1, 15), end, Period(), 15) for end in ends] == [2, 1, 2, 1]
