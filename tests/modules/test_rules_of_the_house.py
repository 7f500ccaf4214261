"""What books, lists and documents know of a person, beside product and registers: what the trade makes of it."""

import re
from typing import Any

import pytest

from models.policies import PolicyKind
from services.policies import prepared
from tests.modules.applications import CATALOGUE, case, product
from tests.modules.decided import QUIET, decided, decision

LENDING_ON_CREDIT = ("micro", "auto")
"""Products whose limit is the person's credit; a student's is the year's."""


@pytest.mark.parametrize("code", CATALOGUE.codes())
def test_nothing_known_leaves_the_decision_to_form_and_registers(code: str) -> None:
    assert (decided(code, case(code)).outcome, decided(code, case(code)).reasons[0][:9]) in {
        ("refer", "no_arrear"),
        ("refer", "within_ye"),
    }


@pytest.mark.parametrize("code", CATALOGUE.codes())
def test_a_hit_on_a_list_is_a_suspicion_and_refuses_nobody(code: str) -> None:
    """The sentence says nothing of any list: who is suspected of laundering money is not told so."""
    answer = decided(code, case(code), screening_hit=True)
    assert (answer.outcome, answer.grade, answer.reasons) == ("refer", "E", ("closer_look",))
    sentence = product(code).grading["reasons"]["closer_look"]["en"]
    assert sentence == "A person must look at this case before it is decided."


@pytest.mark.parametrize("code", CATALOGUE.codes())
def test_a_namesake_on_a_list_costs_nobody_his_grade_or_price_and_a_person_looks(code: str) -> None:
    usual, answer = decided(code, case(code)), decided(code, case(code), screening_known=False)
    assert answer.reasons == ("closer_look", *usual.reasons)
    assert (answer.grade, answer.limit_fen, answer.annual_rate_percent) == (
        usual.grade,
        usual.limit_fen,
        usual.annual_rate_percent,
    )


@pytest.mark.parametrize("code", CATALOGUE.codes())
@pytest.mark.parametrize(
    ("dpd", "outcome", "reason"),
    [
        (91, "refuse", "own_arrears_over_90_days"),
        (90, "refer", "own_arrears_over_30_days"),
        (31, "refer", "own_arrears_over_30_days"),
    ],
)
def test_arrears_with_this_lender_weigh_like_those_in_the_bureau(
    code: str, dpd: int, outcome: str, reason: str
) -> None:
    answer = decided(code, case(code), worst_own_dpd=dpd)
    assert (answer.outcome, answer.grade, answer.reasons) == (outcome, "E", (reason,))
    assert decided(code, case(code), worst_own_dpd=30).grade != "E"


@pytest.mark.parametrize(("code", "cap"), [("micro", 20_000_000), ("auto", 200_000_000)])
def test_what_a_person_owes_already_comes_off_what_one_person_may_owe(code: str, cap: int) -> None:
    open_case = case(code)
    assert decided(code, open_case).limit_fen == cap
    some = decided(code, open_case, exposure_fen=cap - 5_000_000)
    assert (some.outcome, some.grade, some.limit_fen, some.reasons[-1]) == ("refer", "A", 5_000_000, "exposure_counts")
    full = decided(code, open_case, exposure_fen=cap)
    assert (full.outcome, full.limit_fen, full.reasons) == ("refuse", 0, ("exposure_at_limit",))


def test_a_lower_grade_has_its_limit_until_the_rest_is_less() -> None:
    weak = case("micro", bureau={"overdue_count_24m": 3, "worst_dpd": 30})
    for exposure_fen, limit_fen, reasons in (
        (0, 5_000_000, 3),
        (15_000_000, 5_000_000, 3),
        (15_000_001, 4_999_999, 4),
    ):
        answer = decided("micro", weak, exposure_fen=exposure_fen)
        assert (answer.grade, answer.limit_fen, len(answer.reasons)) == ("C", limit_fen, reasons)


@pytest.mark.parametrize(
    ("code", "fact", "last", "first", "reason"),
    [
        ("micro", "age_years", 18, 17, "too_young"),
        ("micro", "term", 36, 37, "term_too_long"),
        ("micro", "amount_fen", 20_000_000, 20_000_001, "amount_above_cap"),
        ("auto", "age_years", 18, 17, "too_young"),
        ("auto", "term", 60, 61, "term_above_law"),
        ("auto", "amount_fen", 200_000_000, 200_000_001, "amount_above_cap"),
        ("student", "age_years", 16, 15, "too_young"),
        ("student", "term", 264, 265, "term_above_law"),
    ],
)
def test_least_age_longest_term_and_largest_amount_are_rows_that_risk_may_change(
    code: str, fact: str, last: int, first: int, reason: str
) -> None:
    """The bounds of the forms are as wide, so that a version of tomorrow may be narrower without new code."""
    assert reason not in decided(code, case(code), **{fact: last}).reasons
    refused = decided(code, case(code), **{fact: first})
    assert (refused.outcome, refused.reasons) == ("refuse", (reason,))
    knockout = product(code).policies["knockout"]
    assert {"en", "zh"} <= knockout["reasons"][reason].keys() & knockout["remedies"][reason].keys()


@pytest.mark.parametrize("code", CATALOGUE.codes())
def test_who_is_refused_by_people_reads_in_both_languages_why_and_what_would_change_it(code: str) -> None:
    reasons = product(code).refusal_reasons
    assert len({one.code for one in reasons}) == len(reasons) >= 8
    for one in reasons:
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", one.code)
        assert one.en.endswith(".")
        assert one.remedy_en.endswith(".")
        assert one.zh.endswith("。")
        assert one.remedy_zh.endswith("。")


@pytest.mark.parametrize("code", ["micro", "auto"])
def test_minors_are_refused_whoever_they_turn_out_to_be(code: str) -> None:
    assert decided(code, case(code, identity=None), age_years=17).reasons == ("too_young",)
    assert "too_young" in product(code).refused_by_law


@pytest.mark.parametrize("code", LENDING_ON_CREDIT)
def test_nobody_repays_beyond_65(code: str) -> None:
    assert decided(code, case(code), age_at_end_years=65).outcome == "refer"
    assert decided(code, case(code), age_at_end_years=66).reasons == ("too_old_at_end",)


@pytest.mark.parametrize("code", CATALOGUE.codes())
@pytest.mark.parametrize("mark", ["documents_doubtful", "documents_unread"])
def test_a_document_in_doubt_or_unread_is_a_mark_beside_the_grade(code: str, mark: str) -> None:
    sure, marked = decided(code, case(code)), decided(code, case(code), **{mark: True})
    assert marked.reasons == (mark, *sure.reasons)
    assert (marked.grade, marked.limit_fen, marked.outcome) == (sure.grade, sure.limit_fen, "refer")


@pytest.mark.parametrize("code", CATALOGUE.codes())
def test_a_doubt_is_told_before_what_is_not_read_yet(code: str) -> None:
    both = decided(code, case(code), documents_doubtful=True, documents_unread=True)
    assert both.reasons[0] == "documents_doubtful"
    assert "documents_unread" not in both.reasons


def test_of_somebody_whose_identity_is_not_sure_nothing_is_held_against_him() -> None:
    """The entry may be another person's; a person looks first."""
    unsure = case("micro", identity={"result": "mismatch"}, bureau={"blacklisted": True})
    answer = decided("micro", unsure, worst_own_dpd=200)
    assert (answer.outcome, answer.reasons) == ("refer", ("identity_mismatch",))


@pytest.mark.parametrize("identity", [None, {"result": "mismatch"}])
@pytest.mark.parametrize(
    ("code", "changes", "facts", "reason"),
    [
        ("auto", {"vehicle": {"price_fen": 9_999_999}}, {}, "ltv_above_cap"),
        ("micro", {"enrolment": {"enrolled": True, "full_time": True}}, {}, "full_time_student"),
        ("student", {"enrolment": {"enrolled": False}}, {}, "not_full_time_student"),
        # Whom these sums belong to is not sure, so they refuse nobody, but leave nothing that a person could approve.
        ("micro", {}, {"exposure_fen": 20_000_000}, None),
        ("student", {}, {"lent_this_year_fen": 2_000_000}, None),
    ],
)
def test_what_the_law_closes_stays_closed_while_an_identity_is_not_sure(
    code: str, identity: dict[str, Any] | None, changes: dict[str, Any], facts: dict[str, Any], reason: str | None
) -> None:
    answer = decided(code, case(code, identity=identity, **changes), **facts)
    assert answer.limit_fen == 0
    if reason is not None:
        assert (answer.outcome, answer.reasons) == ("refuse", (reason,))


@pytest.mark.parametrize(
    ("code", "grade", "limit_fen", "rate"),
    [
        ("micro", "A", 20_000_000, "7.2"),
        ("micro", "B", 10_000_000, "10.8"),
        ("micro", "C", 5_000_000, "14.4"),
        ("micro", "D", 2_000_000, "18.0"),
        ("micro", "E", 1_000_000, "23.4"),
        ("auto", "A", 200_000_000, "4.5"),
        ("auto", "B", 80_000_000, "6.0"),
        ("auto", "C", 40_000_000, "8.0"),
        ("auto", "D", 20_000_000, "10.0"),
        ("auto", "E", 10_000_000, "12.0"),
    ],
)
def test_each_grade_has_its_limit_and_its_price(code: str, grade: str, limit_fen: int, rate: str) -> None:
    rules = prepared("pricing", product(code).policies[PolicyKind.PRICING], PolicyKind.PRICING)
    answer = rules.ask({**QUIET, **product(code).facts(case(code)), "grade": grade})
    assert (answer.values["limit_fen"], answer.values["annual_rate_percent"]) == (limit_fen, rate)


def test_a_decision_names_each_table_that_was_asked_and_its_row() -> None:
    passed = decision("micro", case("micro"))
    assert {kind: answer.fired_row for kind, answer in passed.answers.items()} == {
        PolicyKind.KNOCKOUT: 18,
        PolicyKind.GRADING: 9,
        PolicyKind.PRICING: 12,
    }
    refused = decision("micro", case("micro", bureau={"blacklisted": True}))
    assert {kind: answer.fired_row for kind, answer in refused.answers.items()} == {PolicyKind.KNOCKOUT: 11}
    assert refused.deciding.fired_row == 11
