"""Quotes of prepayments and settlements: what is quoted is what happens."""

from datetime import date

import pytest

from lending.events import PrepaymentEffect
from lending.prepayment import NothingToPrepay, quote_prepayment
from tests.lending.builders import account, event, terms_of

LOAN = terms_of(method="equal_principal", day_count="actual/365")
DAY = date(2024, 1, 11)


def test_without_an_amount_the_quote_settles_the_loan() -> None:
    quote = quote_prepayment(LOAN, [], DAY, None)
    assert (quote.amount_fen, quote.interest_fen, quote.principal_fen) == (1_203_945, 3945, 1_200_000)
    assert quote.settles
    assert (quote.on, quote.settlement_fen) == (DAY, 1_203_945)
    assert quote.principal_after_fen == 0
    assert quote.next_due is None


def test_credit_kept_lowers_the_settlement_figure() -> None:
    kept = event("repayment", "2024-01-05", amount="100")
    quote = quote_prepayment(LOAN, [kept], DAY, None)
    assert quote.amount_fen == 1_193_945
    assert quote.settles


def test_a_fee_is_part_of_what_is_quoted() -> None:
    quote = quote_prepayment(LOAN, [], DAY, None, fee_fen=5000)
    assert (quote.amount_fen, quote.fee_fen, quote.settles) == (1_208_945, 5000, True)
    part = quote_prepayment(LOAN, [], DAY, 108_945, fee_fen=5000)
    assert (part.fee_fen, part.interest_fen, part.principal_fen) == (5000, 3945, 100_000)


def test_a_quote_for_a_late_loan_tells_its_penalty_apart() -> None:
    late = terms_of(method="equal_principal", late={"penalty_multiple": "1.5"})
    quote = quote_prepayment(late, [], date(2024, 2, 21), None)
    # 1,000 x 1.5 % x 20/29 = 10.34; 120.00 of January and 11,000 x 1 % x 20/29 = 75.86.
    assert (quote.penalty_fen, quote.interest_fen, quote.principal_fen) == (1034, 12_000 + 7586, 1_200_000)
    assert quote.amount_fen == 1034 + 19_586 + 1_200_000


def test_a_waiver_of_the_same_day_takes_off_the_quoted_fee() -> None:
    waiver = event("waiver", "2024-01-11", component="fee", amount="20")
    quote = quote_prepayment(LOAN, [waiver], DAY, None, fee_fen=5000)
    assert (quote.fee_fen, quote.interest_fen, quote.settles) == (3000, 3945, True)


def test_what_is_quoted_is_what_happens() -> None:
    quote = quote_prepayment(LOAN, [], DAY, 603_945, effect=PrepaymentEffect.REDUCE_TERM)
    paid = account(LOAN, [event("prepayment", "2024-01-11", amount="6039.45", effect="reduce_term")], "2024-01-11")
    assert quote.principal_after_fen == paid.principal_outstanding_fen == 600_000
    assert quote.next_due == date(2024, 2, 1)
    assert quote.next_installment_fen == paid.rows[0].outstanding
    assert quote.last_due == paid.rows[-1].due
    planned = account(LOAN, [], "2024-01-11")
    assert quote.interest_saved_fen == sum(r.interest for r in planned.rows) - sum(r.interest for r in paid.rows)
    assert not quote.settles


def test_more_than_the_settlement_figure_is_kept_as_credit() -> None:
    quote = quote_prepayment(LOAN, [], DAY, 1_204_945)
    assert quote.settles
    assert quote.credit_fen == 1000


def test_before_the_payout_a_fee_can_be_paid_and_the_plan_is_what_comes_next() -> None:
    events = [event("disbursement", "2024-01-20", amount="12000"), event("fee", "2024-01-05", amount="50")]
    quote = quote_prepayment(terms_of(method="equal_principal"), events, DAY, 1000)
    assert (quote.settlement_fen, quote.fee_fen, quote.principal_fen) == (5000, 1000, 0)
    assert (quote.next_due, quote.next_installment_fen) == (date(2024, 2, 1), 112_000)


def test_a_settled_loan_has_nothing_to_prepay() -> None:
    with pytest.raises(NothingToPrepay):
        quote_prepayment(LOAN, [event("settlement", "2024-01-11")], DAY, None)


def test_the_next_installment_of_a_quote_has_in_what_re_ageing_moved_there() -> None:
    reaged = event("reschedule", "2024-02-11", "r", from_="2024-03-01", extra_periods=1, reage=True)
    paid = event("prepayment", "2024-02-12", "p", amount="50", effect="advance_due")
    quote = quote_prepayment(LOAN, [reaged], date(2024, 2, 12), 5_000, effect=PrepaymentEffect.ADVANCE_DUE)
    row = account(LOAN, [reaged, paid], "2024-02-12").rows[1]
    assert (quote.next_due, quote.next_installment_fen) == (row.due, row.outstanding)
