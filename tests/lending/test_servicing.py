"""Payments, arrears and penalties, each with figures worked out by hand.

The loan, unless said otherwise: 12,000 at 12 %, equal principal over twelve months, 1,000 and 1 % of the rest a month.
"""

import pytest

from lending.account import Classification, LoanAccount, bucket_of, classify
from lending.components import Component, Components
from lending.events import Event, InvalidEvent
from tests.lending.builders import account, event, terms_of

LOAN = terms_of(method="equal_principal")
LATE = terms_of(method="equal_principal", day_count="actual/365", late={"penalty_multiple": "1.5", "grace_days": 3})


def parts(state: LoanAccount, identity: str) -> list[tuple[str, int | None, int, int, int, int, int]]:
    """Allocations of an event: date, row, penalty, fee, interest, principal, credit."""
    return [
        (a.date.isoformat()[5:], a.n, a.penalty, a.fee, a.interest, a.principal, a.credit)
        for a in state.allocations
        if a.event_id == identity
    ]


def test_before_the_payout_the_planned_rows_stand_and_nothing_is_owed() -> None:
    state = account(LOAN, [], "2023-12-31")
    assert state.disbursed_fen == state.settlement_fen == state.due_fen == state.level_fen == 0
    assert state.rows[0].outstanding == 112_000


def test_interest_is_earned_by_the_day_and_charged_on_the_due_date() -> None:
    before = account(LATE, [], "2024-01-11")
    assert before.accrued_interest_fen == 3945  # 12,000 x 12 % x 10 / 365
    assert before.charged == Components()
    assert before.settlement_fen == 1_203_945
    on_it = account(LATE, [], "2024-02-01")
    assert on_it.charged == Components(principal=100_000, interest=12_230)
    assert on_it.accrued_interest_fen == 0
    assert on_it.due_fen == 112_230
    assert on_it.overdue_fen == on_it.dpd == 0


def test_a_payment_on_the_due_date_clears_the_installment() -> None:
    state = account(LOAN, [event("repayment", "2024-02-01", amount="1120")], "2024-02-15")
    assert state.rows[0].outstanding == state.due_fen == state.dpd == 0
    assert state.rows[0].paid_on is not None
    assert state.rows[0].paid_on.isoformat() == "2024-02-01"


def test_a_part_is_allocated_penalty_fee_interest_principal_unless_agreed_otherwise() -> None:
    paid = event("repayment", "2024-02-01", "r", amount="500")
    state = account(LOAN, [paid], "2024-02-01")
    assert parts(state, "r") == [("02-01", 1, 0, 0, 12_000, 38_000, 0)]
    assert state.rows[0].principal_due == 62_000
    principal_first = terms_of(method="equal_principal", allocation_order=["principal", "interest", "fee", "penalty"])
    assert parts(account(principal_first, [paid], "2024-02-01"), "r") == [("02-01", 1, 0, 0, 0, 50_000, 0)]


def test_the_oldest_installment_is_paid_first() -> None:
    state = account(LOAN, [event("repayment", "2024-03-05", "r", amount="1200")], "2024-03-05")
    assert parts(state, "r") == [("03-05", 1, 0, 0, 12_000, 100_000, 0), ("03-05", 2, 0, 0, 8_000, 0, 0)]
    assert state.dpd == 4


def test_excess_is_credit_and_used_by_itself_on_the_next_due_date() -> None:
    paid = event("repayment", "2024-02-01", "r", amount="2000")
    waiting = account(LOAN, [paid], "2024-02-29")
    assert waiting.credit_fen == 88_000
    assert waiting.rows[1].paid == 0
    assert waiting.principal_outstanding_fen == 1_100_000
    assert waiting.settlement_fen == 1_100_000 + waiting.accrued_interest_fen - 88_000
    used = account(LOAN, [paid], "2024-03-01")
    assert parts(used, "r")[1:] == [("02-01", None, 0, 0, 0, 0, 88_000), ("03-01", 2, 0, 0, 11_000, 77_000, -88_000)]
    assert used.credit_fen == 0
    assert used.due_fen == 23_000


def test_an_early_payment_is_not_a_silent_prepayment() -> None:
    state = account(LOAN, [event("repayment", "2024-01-20", "r", amount="1120")], "2024-02-01")
    assert state.rows[0].interest == 12_000
    assert state.rows[0].paid_on is not None
    assert state.rows[0].paid_on.isoformat() == "2024-02-01"


def test_days_past_due_count_from_the_day_after_and_open_the_buckets() -> None:
    assert [account(LOAN, [], day).dpd for day in ("2024-02-01", "2024-02-02", "2024-03-02")] == [0, 1, 30]
    assert [account(LOAN, [], day).bucket for day in ("2024-02-01", "2024-02-02", "2024-03-03")] == ["M0", "M1", "M2"]
    assert [bucket_of(dpd) for dpd in (30, 31, 60, 61)] == ["M1", "M2", "M2", "M3"]


def test_a_loan_is_classified_by_the_thresholds_given_as_data() -> None:
    graded = [classify(dpd) for dpd in (0, 1, 90, 91, 270, 271, 360, 361)]
    assert graded == [
        Classification.NORMAL,
        Classification.SPECIAL_MENTION,
        Classification.SPECIAL_MENTION,
        Classification.SUBSTANDARD,
        Classification.SUBSTANDARD,
        Classification.DOUBTFUL,
        Classification.DOUBTFUL,
        Classification.LOSS,
    ]
    assert account(LOAN, [], "2024-05-02").classification is Classification.SUBSTANDARD


def test_within_the_days_of_grace_no_penalty_is_charged_and_after_them_all_of_it() -> None:
    assert account(LATE, [], "2024-02-04").penalty_outstanding_fen == 0
    assert account(LATE, [], "2024-02-04").dpd == 3
    # 1,000 x 18 % x 4 / 365
    assert account(LATE, [], "2024-02-05").penalty_outstanding_fen == 197
    paid = event("repayment", "2024-02-04", amount="1122.30")
    assert account(LATE, [paid], "2024-02-20").charged.penalty == 0


def test_the_penalty_rate_replaces_the_contract_rate_on_what_is_overdue() -> None:
    state = account(LATE, [], "2024-02-11")
    assert state.accrued_interest_fen == 3616  # 11,000 x 12 % x 10 / 365: the overdue thousand is not in it
    assert state.penalty_outstanding_fen == 493  # 1,000 x 18 % x 10 / 365


def test_a_part_payment_within_grace_lowers_what_the_penalty_counts_on() -> None:
    paid = event("repayment", "2024-02-03", amount="622.30")  # interest and half of the principal
    state = account(LATE, [paid], "2024-02-11")
    assert state.penalty_outstanding_fen == 296  # 18 % on 1,000 for 2 days and on 500 for 8: 0.986 + 1.973


def test_compounding_charges_the_penalty_rate_on_overdue_interest_too() -> None:
    compound = terms_of(
        method="equal_principal", day_count="actual/365", late={"penalty_multiple": "1.5", "compound": True}
    )
    assert account(compound, [], "2024-02-11").penalty_outstanding_fen == 553  # 1,122.30 x 18 % x 10 / 365


def test_a_penalty_rate_of_its_own_does_not_follow_the_contract_rate() -> None:
    own = terms_of(method="equal_principal", day_count="actual/365", late={"penalty_annual_rate_percent": "36.5"})
    changed = event("rate_change", "2024-02-06", annual_rate_percent="24")
    assert account(own, [changed], "2024-02-11").penalty_outstanding_fen == 1000
    followed = account(LATE, [changed], "2024-02-11").penalty_outstanding_fen
    assert followed == 740  # 5 days at 18 % and 5 at 36 %


def test_a_rate_agreed_for_later_does_not_raise_the_penalty_before() -> None:
    later = event("reschedule", "2024-02-06", from_="2024-03-01", annual_rate_percent="24")
    assert account(LATE, [later], "2024-02-11").penalty_outstanding_fen == 493


def test_without_a_clause_on_lateness_there_is_no_penalty() -> None:
    assert account(LOAN, [], "2024-12-31").charged.penalty == 0


def test_a_waiver_takes_what_there_is_and_no_more() -> None:
    waived = event("waiver", "2024-02-11", amount="10.00", component="penalty")
    state = account(LATE, [waived], "2024-02-11")
    assert state.waived == Components(penalty=493)
    assert state.penalty_outstanding_fen == 0
    assert account(LATE, [waived], "2024-02-12").penalty_outstanding_fen == 49


def test_a_waiver_comes_before_the_repayment_of_its_day() -> None:
    events = [
        event("repayment", "2024-02-11", "r", amount="1122.30"),
        event("waiver", "2024-02-11", amount="4.93", component="penalty"),
    ]
    state = account(LATE, events, "2024-02-11")
    assert parts(state, "r") == [("02-11", 1, 0, 0, 12_230, 100_000, 0)]
    assert state.due_fen == 0


def test_interest_can_be_waived_up_to_the_day() -> None:
    state = account(LATE, [event("waiver", "2024-01-11", amount="100", component="interest")], "2024-02-01")
    assert state.waived.interest == 3945
    assert state.rows[0].interest == 12_230
    assert state.rows[0].interest_due == 12_230 - 3945


def test_principal_waived_ahead_lowers_the_installments() -> None:
    state = account(LOAN, [event("waiver", "2024-02-01", amount="2100", component="principal")], "2024-02-01")
    # 1,000 of it is due today, 1,100 is not: 9,900 remain over eleven installments.
    assert state.waived.principal == 210_000
    assert [row.principal for row in state.rows[1:3]] == [90_000, 90_000]
    assert state.principal_outstanding_fen == 990_000


def test_a_fee_is_owed_from_its_day_and_shown_with_its_installment() -> None:
    fee = event("fee", "2024-02-05", amount="30", due="2024-02-10")
    assert account(LOAN, [fee], "2024-02-09").fee_outstanding_fen == 0
    assert account(LOAN, [fee], "2024-02-09").settlement_fen == account(LOAN, [], "2024-02-09").settlement_fen + 3000
    assert account(LOAN, [fee], "2024-02-10").due_fen == 112_000 + 3000
    assert account(LOAN, [fee], "2024-02-10").rows[1].fee == 3000


def test_a_fee_after_the_last_installment_is_one_of_its_own() -> None:
    state = account(LOAN, [event("fee", "2025-02-01", amount="30")], "2025-02-03")
    assert len(state.rows) == 13
    assert (state.rows[12].due.isoformat(), state.rows[12].fee, state.rows[12].dpd) == ("2025-02-01", 3000, 2)


def test_credit_pays_a_fee_on_the_day_it_falls_due() -> None:
    events = [
        event("repayment", "2024-02-01", "r", amount="1200"),
        event("fee", "2024-02-05", amount="30", due="2024-02-10"),
    ]
    assert account(LOAN, events, "2024-02-10").credit_fen == 5000


def test_fees_can_be_waived_before_they_fall_due() -> None:
    events = [
        event("fee", "2024-02-05", amount="30", due="2024-02-10"),
        event("waiver", "2024-02-06", amount="20", component="fee"),
    ]
    assert account(LOAN, events, "2024-02-10").fee_outstanding_fen == 1000


def test_a_settlement_clears_the_loan_with_interest_to_the_day() -> None:
    state = account(LATE, [event("settlement", "2024-01-11", "s")], "2024-06-01")
    assert parts(state, "s") == [("01-11", 1, 0, 0, 3945, 1_200_000, 0)]
    assert state.settled_on is not None
    assert state.settled_on.isoformat() == "2024-01-11"
    assert len(state.rows) == 1
    assert state.settlement_fen == state.due_fen == 0


def test_a_settlement_on_a_due_date_belongs_to_that_installment() -> None:
    state = account(LOAN, [event("settlement", "2024-02-01", "s")], "2024-02-01")
    assert parts(state, "s") == [("02-01", 1, 0, 0, 12_000, 1_200_000, 0)]
    assert len(state.rows) == 1


def test_a_settlement_uses_credit_first() -> None:
    events = [event("repayment", "2024-01-05", "r", amount="100"), event("settlement", "2024-02-01", "s")]
    state = account(LOAN, events, "2024-02-01")
    assert sum(a.total for a in state.allocations if a.event_id == "s") == 1_212_000 - 10_000
    assert state.credit_fen == 0


def test_a_fee_imposed_after_a_settlement_can_still_be_paid() -> None:
    events = [
        event("settlement", "2024-01-11"),
        event("fee", "2024-01-20", amount="30"),
        event("repayment", "2024-01-21", "r", amount="30"),
    ]
    assert account(LATE, events[:2], "2024-01-20").settled_on is None
    state = account(LATE, events, "2024-01-21")
    assert parts(state, "r") == [("01-21", 1, 0, 3000, 0, 0, 0)]
    assert state.settled_on is not None


def test_the_last_payment_settles_the_loan() -> None:
    short = terms_of(method="equal_principal", n_periods=1)
    state = account(short, [event("repayment", "2024-02-03", amount="12120")], "2024-05-01")
    assert state.settled_on is not None
    assert state.settled_on.isoformat() == "2024-02-03"


def test_a_write_off_takes_all_that_is_owed_and_later_money_is_recovery() -> None:
    later = [event("repayment", f"2024-05-0{day}", amount=amount) for day, amount in ((1, "50"), (2, "20"))]
    events = [event("write_off", "2024-02-11"), *later]
    state = account(LATE, events, "2024-06-01")
    assert state.written_off == Components(principal=1_200_000, interest=12_230 + 3616, penalty=493)
    assert state.outstanding == Components()
    assert state.recovered_fen == 5000 + 2000
    assert state.credit_fen == 0
    assert state.written_off_on is not None
    assert state.settled_on is None


def test_the_states_late_money_never_makes_the_borrower_overdue() -> None:
    terms = terms_of(method="interest_only", subsidised_until="2024-06-30")
    state = account(terms, [], "2024-05-20")
    assert state.subsidy_outstanding_fen == 48_000
    assert (state.dpd, state.due_fen, state.overdue_fen) == (0, 0, 0)
    assert state.settlement_fen == 1_200_000


def test_money_from_the_state_pays_the_oldest_claim_and_the_rest_waits() -> None:
    terms = terms_of(method="interest_only", subsidised_until="2024-06-30")
    received = event("subsidy", "2024-02-10", "s", amount="150")
    state = account(terms, [received], "2024-02-10")
    assert (state.rows[0].subsidy_due, state.subsidy_credit_fen, state.credit_fen) == (0, 3000, 0)
    assert [(one.event_id, one.subsidy, one.credit) for one in state.allocations] == [("s", 12_000, 0), ("s", 0, 3000)]
    assert account(terms, [received], "2024-03-01").rows[1].subsidy_due == 9000


def test_reversing_a_payment_brings_the_arrears_back() -> None:
    paid = event("repayment", "2024-02-01", "r", amount="1122.30")
    undone = event("reversal", "2024-02-10", of="r")
    assert account(LATE, [paid, undone], "2024-02-09").dpd == 0
    assert account(LATE, [paid, undone], "2024-02-11") == account(LATE, [], "2024-02-11")


def test_a_reversal_cannot_be_reversed_and_nothing_changes() -> None:
    events = [event("repayment", "2024-02-01", "r", amount="1122.30"), event("reversal", "2024-02-10", "undo", of="r")]
    redo = event("reversal", "2024-02-12", "redo", of="undo")
    with pytest.raises(InvalidEvent, match="undo is a reversal") as refused:
        account(LATE, [*events, redo], "2024-02-12")
    assert refused.value.field == "of"
    again = event("repayment", "2024-02-01", "r2", amount="1122.30")
    assert account(LATE, [*events, again], "2024-02-12").rows == account(LATE, events[:1], "2024-02-12").rows


@pytest.mark.parametrize(
    ("events", "field"),
    [
        ([event("repayment", "2023-12-31", amount="1")], "date"),
        ([event("reversal", "2024-02-01", of="nothing")], "of"),
        ([event("reversal", "2024-02-01", "self", of="self")], "of"),
        ([event("reversal", "2024-02-01", "a", of="b"), event("reversal", "2024-02-01", "b", of="a")], "of"),
        ([event("repayment", "2024-02-01", "x", amount="1"), event("fee", "2024-02-01", "x", amount="1")], "id"),
        ([event("disbursement", "2024-01-01", amount="12000.01")], "amount"),
        ([event("disbursement", "2025-01-01", amount="1")], "date"),
        ([event("disbursement", "2025-01-01", amount="1"), event("settlement", "2024-02-01")], "date"),
        ([event("reschedule", "2024-02-01", from_="2026-01-01", extra_periods=1)], "from"),
        ([event("reschedule", "2024-02-05", from_="2024-03-01", due="2024-02-01")], "due"),
        ([event("deferral", "2025-02-01", periods=1)], "date"),
    ],
)
def test_an_event_that_cannot_be_is_refused_by_field(events: list[Event], field: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        account(LOAN, events, "2025-03-01")
    assert refused.value.field == field


def test_components_are_kept_apart_from_the_states_part() -> None:
    owed = Components(principal=1, interest=2, fee=3, penalty=4, subsidy=5)
    assert (owed.total, owed.borrower_total) == (15, 10)
    assert hash(Component.FEE) == hash("fee")
