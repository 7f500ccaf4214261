"""The contract's fee for principal that is paid back before it is due."""

from datetime import date

import pytest

from lending.events import Event
from lending.prepayment import fee_of, quote_prepayment, settlement_figures
from lending.terms import InvalidTerms, Terms
from tests.lending.builders import event, terms_of

COSTLY = terms_of(prepayment_fee={"percent": "2", "until": "2024-06-30"})
FIRST_PAID = event("repayment", "2024-02-01", amount="1066.19")
MIDDLE = date(2024, 2, 15)
"""14 of 29 days into the second period, on a balance of 11,053.81."""


def fee(amount_fen: int | None, events: list[Event], on: date = MIDDLE, terms: Terms = COSTLY) -> int:
    return fee_of(terms, events, on, amount_fen)


def test_a_settlement_costs_the_percentage_of_what_is_not_due() -> None:
    # 2 % of 11,053.81 is 221.0762.
    assert fee(None, [FIRST_PAID]) == 22_108


def test_what_is_due_and_the_interest_cost_no_fee() -> None:
    # Nothing was paid in February: 1,066.19 are due and 53.36 have accrued by the 15th (110.54 x 14 / 29).
    assert fee(106_619, []) == 0
    assert fee(106_619 + 5_336, []) == 0
    # 102.00 more are 100.00 of principal and 2.00 of fee.
    assert fee(106_619 + 5_336 + 10_200, []) == 200


def test_a_part_is_so_parted_that_the_fee_is_the_percentage_of_its_principal() -> None:
    part = fee(305_336, [FIRST_PAID])
    quote = quote_prepayment(COSTLY, [FIRST_PAID], MIDDLE, 305_336, fee_fen=part)
    # 3,000.00 beyond the interest: 2,941.18 and 2 % of that, 58.8236.
    assert (part, quote.interest_fen, quote.principal_fen) == (5_882, 5_336, 294_118)


def test_nearly_all_costs_no_more_than_all() -> None:
    whole = 1_105_381 + 5_336 + 22_108
    assert fee(whole, [FIRST_PAID]) == 22_108
    assert fee(whole - 1, [FIRST_PAID]) <= 22_108
    assert quote_prepayment(COSTLY, [FIRST_PAID], MIDDLE, whole, fee_fen=22_108).settles


def test_the_fee_ends_with_its_day_and_a_contract_without_one_asks_none() -> None:
    day = date(2024, 6, 30)
    assert fee(None, [], day) > 0
    assert fee(None, [], date(2024, 7, 1)) == 0
    assert fee(None, [FIRST_PAID], terms=terms_of()) == 0
    assert fee(None, [FIRST_PAID], terms=terms_of(prepayment_fee={"percent": "0"})) == 0
    assert fee(None, [], date(2024, 7, 1), terms_of(prepayment_fee={"percent": "2"})) > 0


def test_what_clears_the_loan_on_each_day_has_that_days_fee_in() -> None:
    # Over a repayment, two due dates and the last day of the clause.
    since, until = date(2024, 1, 20), date(2024, 7, 5)
    events = [FIRST_PAID, event("repayment", "2024-03-10", amount="2000")]
    plain = settlement_figures(COSTLY, events, since, until)
    costly = settlement_figures(COSTLY, events, since, until, with_fee=True)
    assert [(day, fen + fee(None, events, day)) for day, fen in plain] == costly
    assert plain[-1] == costly[-1]
    assert plain[0] != costly[0]


def test_the_clause_is_read_and_written_alike() -> None:
    for clause in ({"percent": "2.50"}, {"percent": "1", "until": "2024-12-31"}):
        terms = terms_of(prepayment_fee=clause)
        assert terms.to_json()["prepayment_fee"] == clause
        assert Terms.parse(terms.to_json()) == terms
    assert "prepayment_fee" not in terms_of().to_json()


@pytest.mark.parametrize(
    ("clause", "field"),
    [
        ({}, "percent"),
        ({"percent": "101"}, "percent"),
        ({"percent": 1.5}, "percent"),
        ({"percent": "1", "until": "soon"}, "until"),
        ({"percent": "1", "from": "2024-01-01"}, "from"),
    ],
)
def test_a_faulty_clause_is_refused_by_its_field(clause: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidTerms) as refused:
        terms_of(prepayment_fee=clause)
    assert refused.value.field == f"prepayment_fee.{field}"


def test_the_fee_is_rounded_as_the_contract_rounds() -> None:
    terms = terms_of(prepayment_fee={"percent": "1.23456"}, rounding={"to": "0.10"})
    # 1.23456 % of 12,000.00 is 148.1472.
    assert fee(None, [], date(2024, 1, 15), terms) == 14_810
