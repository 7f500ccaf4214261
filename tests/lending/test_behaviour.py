"""Facts of behaviour as of a day, the signs among them, and when to warn."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.behaviour import (
    BAND_FELL,
    FACTS,
    FEWEST_CASES,
    HARD_SIGNS,
    POINTS_DROPPED,
    TWO_FAILED_DEBITS,
    BureauAnswer,
    InvalidWarningRule,
    Standing,
    Surroundings,
    WarningRule,
    alarm,
    facts_of,
    foresight,
    months_before,
    signs_of,
)
from lending.events import Event
from lending.scorecard import Scorecard, problems
from lending.terms import Terms
from tests.lending.builders import account, any_terms, event, terms_of

SHIPPED = Path(__file__).parents[2] / "services" / "shipped_policies" / "scorecard-behaviour.json"
LOAN = terms_of(method="equal_principal")
PAID_OUT = date(2024, 1, 1)
DUES = ("1120.00", "1110.00", "1100.00", "1090.00", "1080.00", "1070.00")
RULE = WarningRule((("A", 700), ("C", 590), ("D", 520), ("E", -(10**9))), frozenset({"D", "E"}), 80)


def facts(*paid_on: str, on: str, around: Surroundings | None = None) -> dict[str, int | bool]:
    """The facts on a day of a loan whose installments (one on the first of each month) were paid on these days."""
    paid = zip(paid_on, DUES, strict=False)
    events = [event("repayment", day, f"paid-{n}", amount=amount) for n, (day, amount) in enumerate(paid)]
    return facts_of(account(LOAN, events, on), PAID_OUT, around or Surroundings())


def test_a_loan_that_is_paid_on_its_due_dates_shows_nothing_bad() -> None:
    found = facts("2024-02-01", "2024-03-01", "2024-04-01", on="2024-04-30")
    bad = {name: value for name, value in found.items() if value and not name.startswith("bureau")}
    assert bad == {"months_on_book": 3, "repaid_bp": 2500}
    assert signs_of(found) == ()


def test_times_late_and_worst_days_are_counted_within_their_months() -> None:
    late = facts("2024-02-11", "2024-03-06", "2024-04-01", "2024-05-01", "2024-06-01", on="2024-06-30")
    assert (late["times_late_3m"], late["times_late_6m"], late["times_late_12m"]) == (0, 2, 2)
    assert (late["worst_dpd_1m"], late["worst_dpd_3m"], late["worst_dpd_6m"]) == (0, 0, 10)


def test_an_installment_that_is_still_unpaid_counts_up_to_the_day() -> None:
    late = facts("2024-02-01", on="2024-03-31")
    assert (late["dpd"], late["worst_dpd_1m"], late["times_late_3m"], late["unpaid_installments"]) == (30, 30, 1, 1)
    assert facts("2024-02-01", "2024-03-01", on="2024-04-01")["times_late_3m"] == 0


def test_what_was_unpaid_three_months_ago_shows_whether_arrears_grow_or_shrink() -> None:
    assert facts("2024-02-01", on="2024-05-31")["unpaid_trend_3m"] == 3
    behind = ("2024-02-01", "2024-05-20", "2024-05-20", "2024-05-20")
    assert facts(*behind, on="2024-05-31")["unpaid_trend_3m"] == 0
    assert facts("2024-05-20", on="2024-05-31")["unpaid_trend_3m"] == 3 - 1


def test_installments_paid_early_and_in_parts_are_shares_of_the_year() -> None:
    assert facts("2024-01-20", on="2024-02-29")["paid_early_bp"] == 10_000
    assert facts("2024-01-20", "2024-03-01", on="2024-03-31")["paid_early_bp"] == 5_000
    parts = [event("repayment", f"2024-02-0{day}", amount="560.00") for day in (1, 2)]
    found = facts_of(account(LOAN, parts, "2024-02-29"), PAID_OUT, Surroundings())
    assert (found["paid_in_parts_bp"], found["paid_early_bp"]) == (10_000, 0)


def test_what_lies_around_the_loan_counts_within_its_months_and_never_after_the_day() -> None:
    on = date(2024, 6, 30)
    around = Surroundings(
        declined=[(date(2024, 6, 1), "insufficient_funds"), (date(2024, 4, 2), "x"), (date(2024, 7, 1), "x")],
        account_changes=[date(2024, 1, 2)],
        contact_changes=[date(2023, 6, 30), date(2024, 7, 1)],
        deferrals_asked=[date(2023, 7, 1)],
        restructurings=[date(2023, 6, 30)],
        other_loans=2,
        other_outstanding_fen=5,
        other_dpd=31,
        bureau=BureauAnswer(date(2024, 1, 15), 300_000, 1_000_001, blacklisted=True),
    )
    found = facts(on=on.isoformat(), around=around)
    assert [found[f"failed_debits_{n}m"] for n in (1, 3, 12)] == [1, 2, 2]
    assert (found["account_changed_6m"], found["deferral_asked_12m"], found["restructured_12m"]) == (True, True, False)
    assert found["contact_changed_12m"] is False
    assert (found["other_loans"], found["other_outstanding_fen"], found["other_dpd"]) == (2, 5, 31)
    assert (found["bureau_known"], found["bureau_months"], found["bureau_debt_bp"]) == (True, 5, 3000)
    assert set(signs_of(found)) == {"blacklisted", "other_loan_late", "hardship_reported"}


def test_a_debit_that_no_try_cures_stops_debits() -> None:
    closed = Surroundings(declined=[(date(2024, 2, 1), "account_closed")])
    assert signs_of(facts(on="2024-02-20", around=closed)) == ("debits_stopped",)
    assert signs_of(facts(on="2024-03-31", around=closed)) == ()


def test_a_message_counts_as_unanswered_when_its_time_is_over_without_word_or_money() -> None:
    def unanswered(paid: str | None = None, replied: date | None = None, on: str = "2024-02-29") -> int | bool:
        sent = Surroundings(messages=[date(2024, 2, 5)], replies=[replied] if replied else [])
        return facts(*([paid] if paid else []), on=on, around=sent)["unanswered_3m"]

    assert unanswered() == 1
    assert unanswered(on="2024-02-11") == 0
    assert unanswered(paid="2024-02-12") == 0
    assert unanswered(paid="2024-02-13") == 1
    assert unanswered(replied=date(2024, 2, 6)) == 0
    assert unanswered(replied=date(2024, 2, 4)) == 1
    three = Surroundings(messages=[date(2024, 2, day) for day in (2, 5, 9)])
    assert "unreachable" in signs_of(facts(on="2024-02-29", around=three))


def test_income_that_nobody_knows_makes_every_debt_too_much() -> None:
    asked = Surroundings(bureau=BureauAnswer(date(2024, 1, 1), 1, 0, blacklisted=False))
    assert facts(on="2024-01-31", around=asked)["bureau_debt_bp"] == 1_000_000


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2024, 3, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 3, date(2023, 11, 30)),
        (date(2024, 3, 15), 12, date(2023, 3, 15)),
    ],
)
def test_months_before_a_month_s_end_are_months_ends(day: date, months: int, before: date) -> None:
    assert months_before(day, months) == before


@given(
    terms=any_terms(),
    paid=st.lists(st.tuples(st.integers(0, 400), st.integers(1, 300_000)), max_size=12),
    after=st.integers(0, 500),
)
def test_every_loan_has_all_facts_of_their_types_and_longer_spans_never_hold_less(
    terms: Terms, paid: list[tuple[int, int]], after: int
) -> None:
    start = terms.disbursement_date
    events: list[Event] = [
        event(
            "repayment", (start + timedelta(days=day)).isoformat(), f"paid-{n}", amount=f"{fen // 100}.{fen % 100:02d}"
        )
        for n, (day, fen) in enumerate(paid)
    ]
    found = facts_of(account(terms, events, (start + timedelta(days=after)).isoformat()), start, Surroundings())
    assert {name: type(value) for name, value in found.items()} == {
        name: {"integer": int, "boolean": bool}[kind] for name, kind in FACTS.items()
    }
    for spans in (
        ("times_late_3m", "times_late_6m", "times_late_12m"),
        ("worst_dpd_1m", "worst_dpd_3m", "worst_dpd_6m"),
    ):
        values = [found[name] for name in spans]
        assert values == sorted(values)
    assert found["dpd"] <= found["worst_dpd_1m"]
    assert 0 <= found["repaid_bp"] <= 10_000


# -- when to warn --------------------------------------------------------------------------------------------------


def standing(points: int, *signs: str, policy: str = "v1") -> Standing:
    return Standing(points, RULE.band_of(points), signs, policy)


def test_a_loan_that_stands_as_before_is_not_warned_of() -> None:
    assert alarm(standing(560, "blacklisted"), standing(570, "blacklisted"), RULE) is None
    assert alarm(standing(600), None, RULE) is None


@pytest.mark.parametrize("sign", HARD_SIGNS)
def test_each_hard_sign_that_is_new_warns_seriously_whatever_the_points(sign: str) -> None:
    raised = alarm(standing(760, sign), standing(760), RULE)
    assert raised is not None
    assert (raised.causes, raised.is_serious) == ((sign,), True)


def test_a_fall_into_a_band_that_warns_does_and_into_the_lowest_seriously() -> None:
    fallen = alarm(standing(560), standing(600), RULE)
    assert fallen is not None
    assert (fallen.causes, fallen.is_serious) == ((BAND_FELL,), False)
    lowest = alarm(standing(500), standing(560), RULE)
    assert lowest is not None
    assert (lowest.causes, lowest.is_serious) == ((BAND_FELL,), True)
    assert alarm(standing(560), standing(500), RULE) is None
    first = alarm(standing(560), None, RULE)
    assert first is not None


def test_a_fall_in_points_warns_but_not_between_two_versions_of_the_card() -> None:
    fallen = alarm(standing(680), standing(760), RULE)
    assert fallen is not None
    assert (fallen.causes, fallen.is_serious) == ((POINTS_DROPPED,), False)
    assert alarm(standing(681), standing(760), RULE) is None
    assert alarm(standing(680), standing(760, policy="v2"), RULE) is None


def test_all_causes_are_told_in_their_order() -> None:
    raised = alarm(standing(500, TWO_FAILED_DEBITS, "unreachable"), standing(700), RULE)
    assert raised is not None
    assert raised.causes == (TWO_FAILED_DEBITS, "unreachable", BAND_FELL, POINTS_DROPPED)


# -- the rule and the shipped card ---------------------------------------------------------------------------------


def shipped() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return content


def test_the_shipped_card_asks_facts_that_there_are_and_says_that_experts_made_it() -> None:
    content = shipped()
    assert problems(content, FACTS) == []
    assert "expert" in content["about"]["en"]
    assert "专家" in content["about"]["zh"]


def test_the_shipped_bands_begin_within_what_the_card_can_give() -> None:
    card, rule = Scorecard.parse(shipped()), WarningRule.of(shipped())
    least, most = card.range
    assert least < rule.bands[-2][1] < rule.bands[0][1] < most
    assert rule.worst == "E"
    assert [rule.band_of(points) for points in (700, 699, 590, 520, 519, least)] == ["A", "B", "C", "D", "E", "E"]


def test_a_good_payer_is_in_the_best_band_and_one_who_misses_two_installments_warns() -> None:
    card, rule = Scorecard.parse(shipped()), WarningRule.of(shipped())
    good = facts("2024-02-01", "2024-03-01", "2024-04-01", on="2024-04-30")
    tries = Surroundings(declined=[(date(2024, 3, day), "insufficient_funds") for day in (1, 2, 5, 9, 16)])
    bad = facts("2024-02-01", on="2024-03-31", around=tries)
    assert rule.band_of(card.score(good).points) == "A"
    assert rule.band_of(card.score(bad).points) in rule.warned_bands
    assert {"late_recently", "debits_failed"} <= set(card.score(bad).reasons)


@pytest.mark.parametrize(
    "warnings",
    [
        None,
        {},
        {"bands": [], "warned_bands": [], "drop_points": 1},
        {"bands": [{"band": "A", "from": 1}], "warned_bands": [], "drop_points": 1},
        {"bands": [{"band": "A", "from": 1}, {"band": "B", "from": 0}], "warned_bands": [], "drop_points": 1},
        {"bands": [{"band": "A", "from": 1}, {"band": "A", "from": None}], "warned_bands": [], "drop_points": 1},
        {
            "bands": [{"band": "A", "from": 1}, {"band": "B", "from": 2}, {"band": "C", "from": None}],
            "warned_bands": [],
            "drop_points": 1,
        },
        {"bands": [{"band": "A", "from": None}], "warned_bands": ["B"], "drop_points": 1},
        {"bands": [{"band": "A", "from": None}], "warned_bands": ["A"], "drop_points": 0},
        {"bands": [{"band": "A", "from": None}], "warned_bands": ["A"], "drop_points": True},
        {"bands": [{"band": "A", "from": True}, {"band": "B", "from": None}], "warned_bands": [], "drop_points": 1},
    ],
)
def test_what_is_no_rule_for_warnings_is_refused(warnings: object) -> None:
    with pytest.raises(InvalidWarningRule):
        WarningRule.of({"warnings": warnings})


# -- how good warnings were ----------------------------------------------------------------------------------------


def test_a_warning_comes_true_when_its_loan_is_late_within_three_months() -> None:
    scored = {(month, loan) for month in range(1, 10) for loan in "abcd"}
    warned = {(2, "a"), (2, "b"), (2, "c"), (7, "d")}
    late = {(5, "a"), (6, "b"), (9, "c"), (9, "d")}
    found = foresight(scored, warned, late, last=9)
    # That of month 7 is too young to tell; `b` and `c` became late only after three months.
    assert (found.warned, found.warned_became) == (3, 1)
    assert (found.became, found.became_warned) == (4, 2)


def test_a_loan_becomes_late_once_however_long_it_stays_so_and_only_if_it_was_looked_at() -> None:
    scored = {(month, "a") for month in range(1, 8)}
    late = {(4, "a"), (5, "a"), (6, "a"), (4, "b")}
    assert foresight(scored, {(4, "a")}, late, last=7).became == 1
    assert foresight(scored, {(4, "a")}, late, last=7).became_warned == 0


def test_too_few_cases_give_no_share() -> None:
    few = foresight(set(), {(1, "a")}, {(2, "a")}, last=9)
    assert (few.precision_bp, few.recall_bp) == (None, None)
    loans = [f"L{n}" for n in range(FEWEST_CASES)]
    many = foresight(
        {(1, loan) for loan in loans}, {(1, loan) for loan in loans}, {(2, loan) for loan in loans[:5]}, last=9
    )
    assert (many.precision_bp, many.recall_bp) == (2500, None)
