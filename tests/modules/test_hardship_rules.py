"""The student's household: what a form may state, every row of the shipped rules, and what holds for all of them."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.policies import PolicyKind
from modules.student.product import CIRCUMSTANCES, further_facts
from services.forms import InvalidForm, read_form
from services.policies import Answer, prepared
from tests.modules.applications import DAY, application, case, product

STUDENT = product("student")
HARDSHIP = prepared("hardship", STUDENT.policies["hardship"], PolicyKind.HARDSHIP)
YEARLY_LIMIT = prepared("yearly_limit", STUDENT.policies["yearly_limit"], PolicyKind.YEARLY_LIMIT)

households = st.fixed_dictionaries(
    {
        "household_income": st.integers(0, 400_000),
        "amount": st.integers(1_000, 25_000),
        "tuition": st.integers(0, 30_000),
        "living_costs": st.none() | st.integers(0, 30_000),
    },
    optional={
        "household_size": st.integers(1, 20),
        "circumstances": st.lists(st.sampled_from(CIRCUMSTANCES), unique=True),
    },
)


def hardship(day: date = DAY, **form: Any) -> Answer:
    return HARDSHIP.ask(STUDENT.facts(case("student", day=day, **form)))


def lent(*, lent_this_year_fen: int = 0, **form: Any) -> int:
    """The most that may be lent, by all of the rules."""
    facts = STUDENT.facts(case("student", **form)) | {"lent_this_year_fen": lent_this_year_fen}
    level, limit = HARDSHIP.ask(facts).values, YEARLY_LIMIT.ask(facts).values
    facts |= {"hardship_level": level["level"], "share_bp": level["share_bp"], "yearly_limit_fen": limit["limit_fen"]}
    found: int = further_facts(facts)["hardship_fen"]
    return found


@pytest.mark.parametrize(
    ("form", "row", "level", "share_bp", "reason"),
    [
        ({"circumstances": ["orphan"]}, 1, "extreme", 10_000, "orphan"),
        ({"circumstances": ["low_income_certificate"]}, 2, "extreme", 10_000, "low_income_certificate"),
        ({}, 3, "none", 8_500, "household_size_unknown"),
        ({"circumstances": ["disability"]}, 3, "none", 8_500, "household_size_unknown"),
        (
            {"circumstances": ["disability"], "household_size": 3, "household_income": "60000"},
            4,
            "extreme",
            10_000,
            "household_burdened",
        ),
        (
            {"circumstances": ["single_parent"], "household_size": 3, "household_income": "60000.03"},
            5,
            "great",
            10_000,
            "household_burdened",
        ),
        (
            {"circumstances": ["serious_illness"], "household_size": 3, "household_income": "150000.03"},
            6,
            "some",
            9_000,
            "household_burdened",
        ),
        ({"household_size": 3, "household_income": "30000.02"}, 7, "extreme", 10_000, "very_low_income"),
        ({"household_size": 3, "household_income": "30000.03"}, 8, "great", 10_000, "low_income"),
        ({"household_size": 3, "household_income": "60000.03"}, 9, "some", 9_000, "income_below_average"),
        ({"household_size": 3, "household_income": "150000.03"}, 10, "none", 8_500, "income_shows_no_hardship"),
    ],
)
def test_every_row_of_the_shipped_levels(
    form: dict[str, Any], row: int, level: str, share_bp: int, reason: str
) -> None:
    answer = hardship(**form)
    assert (answer.fired_row, answer.values["level"], answer.values["share_bp"]) == (row, level, share_bp)
    assert reason in answer.values["reasons"]


@pytest.mark.parametrize(
    ("degree", "day", "row", "limit_fen"),
    [
        ("associate", DAY, 1, 2_000_000),
        ("bachelor", date(2024, 9, 1), 1, 2_000_000),
        ("master", DAY, 2, 2_500_000),
        ("doctor", DAY, 2, 2_500_000),
        ("bachelor", date(2024, 8, 31), 3, 0),
    ],
)
def test_every_row_of_the_shipped_yearly_limits(degree: str, day: date, row: int, limit_fen: int) -> None:
    answer = YEARLY_LIMIT.ask(STUDENT.facts(case("student", day=day, degree=degree)))
    assert (answer.fired_row, answer.values["limit_fen"]) == (row, limit_fen)


def test_a_form_of_before_is_taken_and_says_what_it_does_not_state() -> None:
    facts = STUDENT.facts(case("student", living_costs=None))
    assert (facts["household_size_known"], facts["living_costs_known"], facts["burdens"]) == (False, False, 0)
    assert lent(living_costs=None) == 510_000


def test_a_decision_of_before_is_reckoned_again_by_the_arithmetic_of_its_day() -> None:
    facts = STUDENT.facts(case("student", living_costs=None)) | {"lent_this_year_fen": 0}
    facts |= {"hardship_level": "none", "share_bp": 8_500, "yearly_limit_fen": 2_000_000}
    del facts["fees_are_unstated_need"]
    assert further_facts(facts)["hardship_fen"] == 1_500_000


@given(households, st.integers(0, 30_000))
def test_who_leaves_his_living_costs_out_never_gets_more(form: dict[str, Any], living: int) -> None:
    assert lent(**form | {"living_costs": None}) <= lent(**form | {"living_costs": living})


@given(households, st.integers(0, 400_000))
def test_more_income_never_gives_more(form: dict[str, Any], more: int) -> None:
    assert lent(**{**form, "household_income": form["household_income"] + more}) <= lent(**form)


@given(households, st.sampled_from(CIRCUMSTANCES))
def test_one_circumstance_more_never_gives_less(form: dict[str, Any], one: str) -> None:
    assert lent(**{**form, "circumstances": [*form.get("circumstances", []), one]}) >= lent(**form)


@given(households, st.integers(0, 3_000_000))
def test_no_more_is_lent_than_asked_needed_or_left_of_the_year(form: dict[str, Any], already: int) -> None:
    found = lent(lent_this_year_fen=already, **form)
    assert 0 <= found <= min(form["amount"] * 100, max(2_000_000 - already, 0))
    assert found <= (form["tuition"] + (form["living_costs"] or 0)) * 100


def test_what_is_not_stated_never_gives_more_than_what_shows_no_hardship() -> None:
    unstated = lent(amount="20000", living_costs="14000")
    assert unstated == lent(amount="20000", living_costs="14000", household_size=1, household_income="999999")


@pytest.mark.parametrize(
    ("given_as", "kept"),
    [
        (["orphan", "disability", "orphan"], ["orphan", "disability"]),
        ("disability; orphan", ["orphan", "disability"]),
        ("single_parent，natural_disaster、serious_illness", ["natural_disaster", "single_parent", "serious_illness"]),
        ([], []),
    ],
)
def test_circumstances_come_as_a_list_or_as_text(given_as: object, kept: list[str]) -> None:
    form = read_form(STUDENT, application("student", circumstances=given_as), DAY)
    assert form["circumstances"] == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("circumstances", "rich"),
        ("circumstances", ["orphan", 1]),
        ("circumstances", {"orphan": True}),
        ("circumstances", 3),
        ("household_size", "0"),
        ("household_size", "3人"),
        ("living_costs", "-1"),
    ],
)
def test_what_a_household_cannot_be_is_refused_at_its_field(field: str, value: object) -> None:
    with pytest.raises(InvalidForm) as refusal:
        read_form(STUDENT, application("student", **{field: value}), DAY)
    assert refusal.value.fields.keys() == {field}
