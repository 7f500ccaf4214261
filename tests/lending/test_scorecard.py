"""Scorecards: points and reasons of a case, and what forbids to use a card."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.scorecard import FactOfAnotherType, Flaw, InvalidScorecard, Scorecard, is_refused, problems

CARD: dict[str, Any] = {
    "kind": "scorecard",
    "base_points": 400,
    "most_reasons": 2,
    "variables": [
        {
            "fact": "arrears",
            "type": "integer",
            "monotone": "falling",
            "known_by": ["record_found"],
            "reason": "arrears",
            "missing": {"points": 10},
            "bins": [
                {"from": None, "to": 0, "points": 60},
                {"from": 1, "to": 3, "points": 25},
                {"from": 4, "to": None, "points": 0},
            ],
        },
        {
            "fact": "history_months",
            "type": "integer",
            "monotone": "rising",
            "reason": "history",
            "missing": {"points": 5, "reason": "unknown"},
            "bins": [{"from": None, "to": 11, "points": 0}, {"from": 12, "to": None, "points": 30}],
        },
        {
            "fact": "salaried",
            "type": "boolean",
            "reason": "arrears",
            "missing": {"points": 0},
            "bins": [{"value": True, "points": 4}, {"value": False, "points": 0}],
        },
        {
            "fact": "purpose",
            "type": "string",
            "reason": "purpose",
            "missing": {"points": 0},
            "bins": [
                {"words": ["tools", "shop"], "points": 12},
                {"words": ["travel"], "points": 3},
                {"others": True, "points": 7},
            ],
        },
    ],
    "reasons": {code: {"en": f"{code}.", "zh": f"{code}。"} for code in ("arrears", "history", "purpose", "unknown")},
}
BEST = {"arrears": 0, "record_found": True, "history_months": 40, "salaried": True, "purpose": "shop"}
FACTS = {
    "arrears": "integer",
    "record_found": "boolean",
    "history_months": "integer",
    "salaried": "boolean",
    "purpose": "string",
}
INTEGERS = st.integers(-(10**15), 10**15)


def card(change: Any = None) -> dict[str, Any]:
    """The card, changed in place by a function."""
    content = copy.deepcopy(CARD)
    if change is not None:
        change(content)
    return content


def variable(content: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = content["variables"][number]
    return found


def test_a_good_card_has_no_problems_and_knows_its_facts_and_range() -> None:
    assert problems(CARD) == []
    assert problems(CARD, FACTS) == []
    scorecard = Scorecard.parse(CARD)
    assert scorecard.facts == FACTS
    assert scorecard.range == (400, 506)


def test_points_are_the_base_and_what_each_fact_gives() -> None:
    scored = Scorecard.parse(CARD).score({**BEST, "arrears": 2, "purpose": "car"})
    assert scored.parts == {"arrears": 25, "history_months": 30, "salaried": 4, "purpose": 7}
    assert scored.points == 400 + 25 + 30 + 4 + 7


@pytest.mark.parametrize("gone", [{"arrears": None}, {"record_found": False}, {"record_found": None}])
def test_what_is_not_known_falls_into_the_missing_bin(gone: dict[str, Any]) -> None:
    assert Scorecard.parse(CARD).score({**BEST, "arrears": 0, **gone}).parts["arrears"] == 10


def test_a_case_without_any_fact_has_the_points_of_all_missing_bins() -> None:
    assert Scorecard.parse(CARD).score({}).points == 400 + 10 + 5


def test_reasons_are_the_facts_that_lost_most_the_costliest_first() -> None:
    scored = Scorecard.parse(CARD).score({**BEST, "arrears": 2, "history_months": 3, "purpose": "travel"})
    # 35, 30 and 9 points are lost; two reasons are told.
    assert scored.reasons == ("arrears", "history")


def test_the_best_case_has_no_reason_and_a_shared_reason_is_said_once() -> None:
    scorecard = Scorecard.parse(CARD)
    assert scorecard.score(BEST).reasons == ()
    assert scorecard.score({**BEST, "arrears": 9, "salaried": False}).reasons == ("arrears",)


def test_what_is_not_known_costs_points_for_its_own_reason() -> None:
    scorecard = Scorecard.parse(CARD)
    assert scorecard.score({**BEST, "history_months": None}).reasons == ("unknown",)
    assert scorecard.score({**BEST, "arrears": None}).reasons == ("arrears",)


def test_equal_losses_keep_the_order_of_the_card() -> None:
    def even(content: dict[str, Any]) -> None:
        variable(content, 1)["bins"][1]["points"] = 35

    facts = {**BEST, "arrears": 1, "history_months": 0}
    assert Scorecard.parse(card(even)).score(facts).reasons == ("arrears", "history")


@pytest.mark.parametrize(
    ("fact", "value"),
    [("arrears", True), ("arrears", 1.0), ("arrears", "1"), ("salaried", 1), ("purpose", 3)],
)
def test_a_fact_of_another_type_is_refused_without_its_value(fact: str, value: object) -> None:
    with pytest.raises(FactOfAnotherType, match=fact) as refusal:
        Scorecard.parse(CARD).score({**BEST, fact: value})
    assert fact in refusal.value.fields
    assert str(value) not in str(refusal.value).replace("integer", "")


@given(INTEGERS)
def test_every_number_falls_into_exactly_one_bin(value: int) -> None:
    bins = variable(CARD)["bins"]
    holding = [
        one["points"]
        for one in bins
        if (one["from"] is None or one["from"] <= value) and (one["to"] is None or value <= one["to"])
    ]
    assert [Scorecard.parse(CARD).score({**BEST, "arrears": value}).parts["arrears"]] == holding


@given(INTEGERS, INTEGERS)
def test_points_follow_the_declared_order(one: int, other: int) -> None:
    low, high = sorted((one, other))
    scorecard = Scorecard.parse(CARD)

    def part(fact: str, value: int) -> int:
        return scorecard.score({**BEST, fact: value}).parts[fact]

    assert part("arrears", low) >= part("arrears", high)
    assert part("history_months", low) <= part("history_months", high)


@given(st.dictionaries(st.sampled_from([*FACTS]), st.one_of(st.none(), INTEGERS, st.booleans(), st.text())))
def test_points_stay_within_the_range_whatever_is_known(facts: dict[str, Any]) -> None:
    scorecard = Scorecard.parse(CARD)
    kept = {
        fact: value
        for fact, value in facts.items()
        if value is None or type(value).__name__ == {"integer": "int", "boolean": "bool", "string": "str"}[FACTS[fact]]
    }
    least, most = scorecard.range
    scored = scorecard.score(kept)
    assert least <= scored.points <= most
    assert scored.points == 400 + sum(scored.parts.values())
    assert json.loads(json.dumps(scored.points)) == scored.points


def set_in(number: int, key: str, value: Any) -> Any:
    return lambda content: variable(content, number).__setitem__(key, value)


def set_bin(number: int, place: int, **values: Any) -> Any:
    return lambda content: variable(content, number)["bins"][place].update(values)


WRONG: list[tuple[Any, str, str | None, int | None]] = [
    (set_bin(0, 1, **{"from": 2}), "leaves a gap before it: 1 to 1", "arrears", 2),
    (set_bin(0, 1, **{"from": 0}), "overlaps the bin before it from 0 on", "arrears", 2),
    (set_bin(0, 1, **{"from": 4, "to": 3}), "holds no value", "arrears", 2),
    (set_bin(0, 0, **{"from": 0}), "without a bound", "arrears", 1),
    (set_bin(0, 2, to=9), "without a bound", "arrears", 3),
    (set_bin(0, 1, to=3.5), "its bounds are no whole numbers", "arrears", 2),
    (set_bin(0, 1, points=61), "its points are not falling, as the variable says", "arrears", 2),
    (set_bin(1, 1, points=-1), "its points are not rising, as the variable says", "history_months", 2),
    (set_bin(0, 1, points=2.5), "has no whole number of points", "arrears", 2),
    (set_bin(0, 1, points=True), "has no whole number of points", "arrears", 2),
    (set_bin(0, 1, points=10_001), "has no whole number of points", "arrears", 2),
    (set_bin(2, 0, value=False), "needs one bin for true and one for false", "salaried", None),
    (set_bin(3, 1, words=["shop"]), "shop is in a bin before it too", "purpose", 2),
    (set_bin(3, 1, words=[]), "has no list of words", "purpose", 2),
    (set_bin(3, 2, others=False), "the last bin must take all other words", "purpose", 3),
    (set_in(2, "monotone", "rising"), "monotone is rising or falling, and for whole numbers only", "salaried", None),
    (set_in(0, "monotone", "up"), "monotone is rising or falling, and for whole numbers only", "arrears", None),
    (set_in(0, "type", "number"), "is of type number, not one of: integer, boolean, string", "arrears", None),
    (set_in(0, "reason", "none"), "reason none has no sentence in both languages", "arrears", None),
    (set_in(0, "missing", {"points": 1, "reason": "none"}), "reason none has no sentence", "arrears", None),
    (set_in(0, "bins", []), "it needs 1 to 50 bins", "arrears", None),
    (set_in(0, "missing", {"points": None}), "its missing bin has no whole number of points", "arrears", None),
    (lambda content: variable(content).pop("missing"), "has no missing bin", "arrears", None),
    (set_in(0, "fact", "salaried"), "is there twice", "salaried", None),
    (set_in(0, "fact", "score"), "score is what a scorecard gives", "score", None),
    (lambda content: content.update(base_points="400"), "base_points must be a whole number", None, None),
    (lambda content: content.update(variables=[]), "it needs 1 to 60 variables", None, None),
    (lambda content: content.update(most_reasons=0), "most_reasons must be from 1 to 60", None, None),
    (
        lambda content: content["reasons"].update(arrears={"en": "Late."}),
        "reason arrears has no sentence in both languages",
        None,
        None,
    ),
]


@pytest.mark.parametrize(("change", "sentence", "where", "place"), WRONG)
def test_a_wrong_card_is_refused_with_place_and_reason(
    change: Any, sentence: str, where: str | None, place: int | None
) -> None:
    found = problems(card(change))
    assert [(flaw.variable, flaw.bin) for flaw in found if sentence in flaw.en] == [(where, place)]
    assert all(flaw.zh and flaw.zh != flaw.en for flaw in found)
    with pytest.raises(InvalidScorecard, match="cannot be used"):
        Scorecard.parse(card(change))


def test_a_place_is_told_before_the_reason() -> None:
    assert str(Flaw("holds no value", "不包含任何值", "arrears", 2)) == "arrears, bin 2: holds no value"
    assert str(Flaw("it is none", "不是")) == "it is none"


@pytest.mark.parametrize(
    ("given_facts", "sentence"),
    [
        ({**FACTS, "arrears": "string"}, "arrears is of type string, not integer"),
        ({fact: kind for fact, kind in FACTS.items() if fact != "purpose"}, "purpose is a fact that is not given"),
        ({fact: kind for fact, kind in FACTS.items() if fact != "record_found"}, "record_found is a fact that is not"),
        ({**FACTS, "record_found": "integer"}, "record_found is of type integer, not boolean"),
    ],
)
def test_facts_that_are_not_given_or_of_another_type_are_refused(given_facts: dict[str, str], sentence: str) -> None:
    (found,) = problems(CARD, given_facts)
    assert sentence in found.en


@pytest.mark.parametrize(
    "fact",
    [
        *("sex", "is_male", "gender_code", "ethnicity", "religion", "region", "home_province", "address_changes"),
        *("id_number_prefix", "id_card_region", "native_place", "post_code", "age", "age_years", "day_of_birth"),
        *("name_length", "mobile_prefix", "Sex", "full_name", "screening_hit", "screening_known"),
        *("nation", "minzu", "residence", "town", "origin", "area_code", "years_old", "citizenship", "is_minority"),
        *("xingbie", "nianling", "huji_type", "jiguan", "diqu", "guoji", "is_woman", "towns_lived_in", "zip"),
        *("areaCode", "homeTownship", "IDNumber", "genderCode2", "户籍地", "性别", "申请人年龄", "年龄段", "id_no"),
    ],
)
def test_what_tells_who_somebody_is_is_refused_as_an_input(fact: str) -> None:
    assert is_refused(fact) is not None
    as_fact = problems(card(set_in(0, "fact", fact)))
    as_flag = problems(card(set_in(0, "known_by", [fact])))
    for found in (as_fact, as_flag):
        assert any("which no scorecard may ask" in flaw.en and "不得使用" in flaw.zh for flaw in found)


@pytest.mark.parametrize(
    "fact",
    [
        *("average_balance", "worst_dpd", "household_size", "pages", "usage", "homeowner", "living_costs_fen"),
        *("originated_months_ago", "threshold", "old_loans", "worstDpd", "nationwide", "收入"),
    ],
)
def test_what_only_looks_like_it_may_be_asked(fact: str) -> None:
    assert is_refused(fact) is None


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)


@given(st.data())
def test_whatever_stands_in_its_place_a_card_is_checked_without_an_accident(data: st.DataObject) -> None:
    content = card()
    places: list[tuple[Any, Any]] = []

    def walk(inside: Any) -> None:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        for key in keys:
            places.append((inside, key))
            if isinstance(inside[key], dict | list):
                walk(inside[key])

    walk(content)
    inside, key = data.draw(st.sampled_from(places))
    inside[key] = data.draw(JSON)
    if not problems(content):
        least, most = Scorecard.parse(content).range
        assert least <= Scorecard.parse(content).score({}).points <= most
