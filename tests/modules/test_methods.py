"""Every way of repaying that a product offers: it adds up, is served to the end and costs what the grade says."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lending.apr import annualised_cost_percent
from lending.events import Event
from lending.floating_clause import FloatingClause, Reset, Tenor
from lending.money import yuan
from lending.schedules import build_schedule
from lending.servicing import service
from lending.terms import Terms
from models.products import LoanCase
from services.forms import InvalidForm, read_form
from tests.modules.applications import DAY, application, case, product

RATES = ("2.80", "4.5", "7.2", "12.0", "18.0", "23.4")


def offered(code: str, name: str) -> tuple[str, ...]:
    """The choices of a form's field, and none at all."""
    return next(field.choices for field in product(code).fields if field.name == name)


WAYS: list[dict[str, Any]] = [
    *(
        {"code": "micro", "method": method, "period": period}
        for method in offered("micro", "method")
        for period in offered("micro", "period")
    ),
    *(
        {"code": "auto", "method": method, "tracking": tracking}
        for method in offered("auto", "method")
        for tracking in offered("auto", "tracking")
    ),
    *({"code": "auto", "method": method, "rate_type": "floating"} for method in ("level_payment", "equal_principal")),
    {"code": "student"},
    {"code": "student", "principal_grace": 12},
]


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, LoanCase]:
    """A case of any product, with any way of repaying that the form takes, at any amount and rate."""
    way = dict(draw(st.sampled_from(WAYS)))
    code = way.pop("code")
    day = DAY + timedelta(days=draw(st.integers(0, 400)))
    rate = draw(st.sampled_from(RATES))
    if code == "auto":
        amount = draw(st.integers(500_000, 20_000_000))
        way |= {"amount": yuan(amount), "vehicle_price": yuan(2 * amount), "down_payment": yuan(amount)}
        way["term"] = draw(st.integers(3, 60))
    elif code == "micro":
        way["amount"] = yuan(draw(st.integers(100_000, 20_000_000)))
        longest = 12 if way["period"] == "week" else 36
        way["term"] = (
            draw(st.integers(1, longest // 3)) * 3 if way["period"] == "quarter" else draw(st.integers(1, longest))
        )
    else:
        way |= {"amount": yuan(draw(st.integers(100_000, 2_500_000))), "term": draw(st.integers(45, 150))}
        day = DAY
    return code, case(code, rate=rate, day=day, **way)


def cost(terms: Terms) -> Decimal:
    """What a year of these terms costs, all charges in."""
    return annualised_cost_percent(build_schedule(terms), [(terms.disbursement_date, terms.principal_fen)])


@settings(max_examples=150, deadline=None)
@given(cases())
def test_whoever_pays_every_installment_on_its_day_owes_nothing_at_the_end(drawn: tuple[str, LoanCase]) -> None:
    code, one = drawn
    terms = product(code).terms(one)
    rows = build_schedule(terms).rows
    assert sum(row.principal for row in rows) == one.amount_fen == terms.principal_fen
    assert rows[-1].balance == 0
    assert all(earlier.due < later.due for earlier, later in pairwise(rows))

    paid_out = {"id": "out", "type": "disbursement", "date": terms.disbursement_date, "amount": yuan(one.amount_fen)}
    events = [paid_out]
    for row in rows:
        if row.total:
            events.append({"id": f"in-{row.n}", "type": "repayment", "date": row.due, "amount": yuan(row.total)})
        if row.subsidy:
            events.append({"id": f"state-{row.n}", "type": "subsidy", "date": row.due, "amount": yuan(row.subsidy)})
    told = [Event.parse({**event, "date": str(event["date"])}) for event in events]
    account = service(terms, told, rows[-1].due)
    assert account.settled_on == rows[-1].due
    assert (account.outstanding.total, account.credit_fen, account.dpd) == (0, 0, 0)
    assert Terms.parse(terms.to_json()) == terms


@settings(max_examples=150, deadline=None)
@given(cases())
def test_a_loan_costs_the_rate_of_its_grade_and_the_fee_it_asked_for(drawn: tuple[str, LoanCase]) -> None:
    code, one = drawn
    terms = product(code).terms(one)
    rate = Decimal(one.annual_rate_percent)
    if one.form.get("tracking") == "yes":
        assert {row.fee for row in build_schedule(terms).rows} == {1000}
        assert cost(terms) > cost(product(code).terms(case_without_fee(one)))
    elif terms.business_days is None and terms.method.value != "bullet":
        # Installments are whole fen, which small loans feel; a bullet's simple interest is below the compound rate.
        assert cost(terms) <= rate + Decimal("0.03")


def case_without_fee(one: LoanCase) -> LoanCase:
    """The same case without the service that costs a fee."""
    form = {name: value for name, value in one.form.items() if name != "tracking"}
    return LoanCase(form, one.answers, one.day, one.amount_fen, one.term, one.annual_rate_percent, one.rates)


def test_a_flat_loan_is_quoted_so_that_it_costs_no_more_than_level_payments() -> None:
    # 80,000 at 12 % over 36 months: 35 level payments of 2,657.14 and a last one of 2,657.36 are 15,657.26 above what
    # was lent, 6.5238 % of it a year. At 6.52 % flat interest is 80,000 x 6.52 % x 3 = 15,648.00.
    level, flat = (
        product("auto").terms(case("auto", method=method, rate="12")) for method in ("level_payment", "flat")
    )
    assert build_schedule(level).rows[0].total == 265_714
    assert flat.annual_rate_percent == Decimal("6.52")
    assert build_schedule(flat).totals.interest == 1_564_800
    assert Decimal("11.9") < cost(flat) <= 12


@pytest.mark.parametrize(
    ("period", "term", "count", "first", "last"),
    [
        ("week", 3, 13, date(2026, 1, 12), date(2026, 4, 6)),
        ("week", 1, 4, date(2026, 1, 12), date(2026, 2, 2)),
        ("month", 3, 3, date(2026, 2, 5), date(2026, 4, 5)),
        # 5 April 2026 is a Sunday and the holiday of Qingming, which ends on the 6th; 5 July a Sunday.
        ("quarter", 6, 2, date(2026, 4, 7), date(2026, 7, 6)),
    ],
)
def test_the_period_says_when_installments_fall_due(
    period: str, term: int, count: int, first: date, last: date
) -> None:
    terms = product("micro").terms(case("micro", period=period, term=term))
    assert (len(terms.dues), terms.dues[0], terms.dues[-1]) == (count, first, last)


@pytest.mark.parametrize(
    ("code", "changes", "field", "en", "zh"),
    [
        ("micro", {"period": "week", "term": 13}, "term", "12 months at most", "最长12个月"),
        ("micro", {"period": "quarter", "term": 4}, "term", "a multiple of 3 months", "3个月的倍数"),
        ("auto", {"method": "flat", "rate_type": "floating"}, "rate_type", "has a fixed rate", "只能采用固定利率"),
    ],
)
def test_what_does_not_go_together_is_refused_in_both_languages(
    code: str, changes: dict[str, Any], field: str, en: str, zh: str
) -> None:
    with pytest.raises(InvalidForm) as refusal:
        read_form(product(code), application(code, **changes), DAY)
    assert refusal.value.fields.keys() == {field}
    assert en in refusal.value.fields_in("en")[field]
    assert zh in refusal.value.fields_in("zh")[field]
    read_form(product(code), application(code, **(changes | {"term": 12, "method": "equal_principal"})), DAY)


@pytest.mark.parametrize(
    ("day", "rate", "margin"),
    [(date(2026, 1, 5), "4.50", "1.50"), (date(2025, 5, 19), "4.60", "1.50"), (date(2025, 5, 20), "4.50", "1.50")],
)
def test_a_floating_rate_is_that_of_the_payouts_day_above_the_published_one(day: date, rate: str, margin: str) -> None:
    # 3.10 % was published on 21 October 2024, 3.00 % on 20 May 2025; grade A is priced 1.50 points above 3.00 %.
    terms = product("auto").terms(case("auto", rate="4.5", day=day, rate_type="floating"))
    assert terms.annual_rate_percent == Decimal(rate)
    assert terms.floating == FloatingClause(Tenor.ONE_YEAR, Decimal(margin), Reset.NEW_YEAR)
