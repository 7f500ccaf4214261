"""What forbids to publish a decision table; rows are compared exactly, which brute force and the engine confirm."""

import copy
import json
from collections.abc import Sequence
from itertools import product as combinations
from typing import Any

import pytest
import zen
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from models.policies import PolicyKind
from services.policies import evaluate
from services.policy_checks import problems_of
from services.policy_tables import BOOLEAN, INTEGER, STRING, ComparisonTooLong, DecisionTable, takes, uncovered
from tests.services.policies import changed, micro_rules, policy, small_policy, table_of

FACT_TYPES = {"amount_fen": INTEGER, "known": BOOLEAN, "region": STRING}


def complaints(content: dict[str, Any], **facts: str) -> list[str]:
    return [str(problem) for problem in problems_of(content, facts or None)]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (changed(1, amount_fen="> > 5"), "row 2, amount_fen: an integer cannot be compared with > > 5"),
        (changed(1, amount_fen="> 5000.5"), "row 2, amount_fen: an integer cannot"),
        (changed(1, amount_fen="> 50个"), "row 2, amount_fen: an integer cannot"),
        (changed(1, amount_fen='"5000"'), "row 2, amount_fen: an integer cannot"),
        (changed(1, amount_fen="> limit"), "row 2, amount_fen: an integer cannot"),
        (changed(1, amount_fen="> 1234567890123456"), "row 2, amount_fen: an integer cannot"),
        (changed(0, known="flase"), "row 1, known: a boolean cannot be compared with flase"),
        (changed(0, known="1"), "row 1, known: a boolean cannot"),
        (changed(2, region="north"), "row 3, region: a string cannot"),
        (changed(2, region='"north", "south"'), "row 3, region: a string cannot"),
        (changed(2, regoin='"north"'), "row 3, regoin: there is no such column"),
        (changed(1, outcome='"approve"'), "row 2, outcome: must be one of, in quotation marks: refer, refuse"),
        (changed(1, outcome=""), "row 2, outcome: is missing"),
        (changed(1, grade='"F"'), "row 2, grade: must be one of"),
        (changed(1, limit_fen="5 000"), "row 2, limit_fen: must be a sum in fen"),
        (changed(1, limit_fen="-1"), "row 2, limit_fen: must be a sum in fen"),
        (changed(1, limit_fen="amount_fen / 3"), "row 2, limit_fen: must be a sum in fen"),
        (changed(1, limit_fen="shoe_size"), "row 2, limit_fen: shoe_size is no declared fact"),
        (changed(1, limit_fen="min([100, region])"), "row 2, limit_fen: region is a string, not an integer"),
        (changed(1, annual_rate_percent='"cheap"'), "row 2, annual_rate_percent: must be a yearly rate"),
        (changed(1, annual_rate_percent="7.2"), "row 2, annual_rate_percent: must be a yearly rate"),
        (changed(1, annual_rate_percent='"1000.01"'), "row 2, annual_rate_percent: must be a yearly rate"),
        (changed(1, annual_rate_percent='"NaN"'), "row 2, annual_rate_percent: must be a yearly rate"),
        (changed(1, reasons='["surprise"]'), "row 2, reasons: reason surprise has no sentence"),
        (changed(1, reasons='"large"'), "row 2, reasons: is no list of reasons"),
        (changed(1, reasons="[]"), "row 2, reasons: is no list of reasons"),
        (changed(3, known="true"), "row 4: the last row must take every case"),
        (changed(3, outcome='"refuse"'), "row 4: the last row must take every case, with outcome `refer`"),
        (changed(2, outcome='"refuse"'), "row 3, reasons: reason near refuses, and remedies do not say"),
        (changed(1, limit_fen="max([0, 5000 - region])"), "row 2, limit_fen: region is a string, not an integer"),
        (changed(1, limit_fen="5000 - amount_fen"), "row 2, limit_fen: must be a sum in fen"),
        (changed(1, amount_fen="[9..5]"), "row 2, amount_fen: no value is [9..5]"),
        (changed(1, amount_fen="(4..5)"), "row 2, amount_fen: no value is (4..5)"),
        ([], "it needs a last row"),
    ],
)
def test_what_could_fail_silently_is_refused_with_its_row_and_column(
    rows: list[dict[str, str]], complaint: str
) -> None:
    found = complaints(policy(rows))
    assert any(one.startswith(complaint) for one in found), found


@pytest.mark.parametrize("cell", ["5", "== 5", "!= 5", ">= -5", "[1..5]", "(1..5)", "[1..5)"])
def test_ordinary_cells_are_taken(cell: str) -> None:
    assert problems_of(policy(changed(1, amount_fen=cell))) == []
    evaluate("test", policy(changed(1, amount_fen=cell)), {"amount_fen": 4000, "known": True, "region": "north"})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"hitPolicy": "collect"}, "hit policy"),
        ({"inputs": [{"id": "x", "name": "x", "field": "shoe_size"}]}, "shoe_size: is no declared fact"),
        ({"inputs": 2 * [{"id": "x", "name": "x", "field": "known"}]}, "x: is the id of two columns"),
        ({"outputs": []}, "outputs are not exactly"),
        ({"rules": None}, "no decision model"),
        ({"rules": [None]}, "no decision model"),
    ],
)
def test_a_table_of_the_wrong_shape_is_refused(change: dict[str, Any], complaint: str) -> None:
    content = policy()
    table_of(content).update(change)
    assert complaint in complaints(content)[0]


@pytest.mark.parametrize("content", [{}, {"nodes": 5}, {"nodes": [{}]}, {"nodes": [None]}, {"nodes": []}])
def test_what_is_no_decision_model_is_refused(content: dict[str, Any]) -> None:
    assert problems_of(content)


def test_what_the_engine_cannot_read_is_refused_although_nobody_asks_that_part() -> None:
    content = policy()
    table_of(content)["outputs"][0]["name"] = []
    assert complaints(content) == ["the engine cannot read it: a part has the wrong form"]


@pytest.mark.parametrize("told", [["less"], "less", {"en": "less"}, {"en": ["less"], "zh": "少"}, None])
def test_what_would_change_a_refusal_is_a_sentence_in_each_language(told: object) -> None:
    content = policy(changed(2, outcome='"refuse"')) | {"remedies": {**policy()["remedies"], "near": told}}
    assert complaints(content) == [
        "row 3, reasons: reason near refuses, and remedies do not say in both languages what would change that"
    ]


def test_a_node_that_runs_code_and_a_table_that_nobody_asks_are_refused() -> None:
    content = policy()
    content["edges"] = []
    assert complaints(content) == ["its edges do not lead from input to table to output"]
    content = policy()
    content["nodes"].append({"id": "f", "name": "f", "type": "functionNode", "content": {"source": "while (1) {}"}})
    assert complaints(content) == [
        "it needs exactly one input node, one decision table and one output node, and no other node"
    ]


def test_a_fact_that_the_product_does_not_give_is_refused() -> None:
    assert complaints(policy(), amount_fen="integer", known="boolean", region="string", shoe="integer") == []
    assert complaints(policy(), amount_fen="integer", known="integer") == [
        "known: is an integer, not a boolean",
        "region: is a fact that the product does not give",
    ]


def test_stated_rates_of_default_are_shares_of_known_grades() -> None:
    assert problems_of(policy() | {"default_basis_points": {"A": 50}}) == []
    for wrong in ({"A": 10_001}, {"A": 0.5}, {"F": 5}):
        assert "default_basis_points" in complaints(policy() | {"default_basis_points": wrong})[0]


# -- row against row -------------------------------------------------------------------------------------------------


def test_a_row_that_earlier_rows_take_together_can_never_fire() -> None:
    rows = [
        {"amount_fen": "<= 100", "known": "true"},
        {"amount_fen": "> 100"},
        {"amount_fen": "[5..200]", "known": "true"},
        {},
    ]
    assert complaints(small_policy(rows, FACT_TYPES)) == [
        "row 3: the rows before it take all of its cases, so that it can never fire"
    ]
    rows[0]["amount_fen"] = "< 100"
    assert complaints(small_policy(rows, FACT_TYPES)) == []


def test_a_row_that_lost_its_conditions_is_refused_even_where_only_the_last_row_is_left_behind_it() -> None:
    """A forgotten cell must not let everybody through: the last row alone may take what is left."""
    assert complaints(small_policy([{}, {}], FACT_TYPES)) == [
        "row 1: it takes every case, so that no row after it can ever fire"
    ]
    bare = micro_rules({1: {"amount_fen": "", "bureau_found": "", "income_known": ""}}, "documents-micro")
    (problem,) = problems_of(bare, kind=PolicyKind.DOCUMENTS)
    assert (problem.row, problem.sentence.zh) == (1, "该行涵盖全部情形，其后各行永远不会命中")


def test_a_gap_is_shown_with_a_case_that_falls_through() -> None:
    rows = [{"known": "true"}, {"amount_fen": "!= 7"}, {"region": '"north"'}]
    assert complaints(small_policy(rows, FACT_TYPES)) == [
        "row 3: the last row must take every case, with outcome `refer`",
        'no row takes a case with amount_fen = 7, known = false, region = "other"',
    ]


def test_rows_that_are_said_to_be_disjoint_must_not_contradict_each_other() -> None:
    rows = [
        {"amount_fen": "<= 100", "limit_fen": "1"},
        {"amount_fen": ">= 100", "limit_fen": "2"},
        {},
    ]
    found = complaints(small_policy(rows, FACT_TYPES, disjoint=True))
    assert found == ["row 2: row 1 takes a case of it too (amount_fen = 100) and says otherwise: limit_fen"]
    assert complaints(small_policy(rows, FACT_TYPES)) == []
    rows[1]["amount_fen"] = "> 100"
    assert complaints(small_policy(rows, FACT_TYPES, disjoint=True)) == []
    assert "disjoint" in complaints(small_policy(rows, FACT_TYPES, disjoint="yes"))[0]


def test_a_table_whose_rows_cannot_be_compared_in_time_is_refused() -> None:
    """Every fact is split at many places, so that the parts that are left multiply with each row."""
    declared = {f"fact_{n}": INTEGER for n in range(24)}
    rows = [{f"fact_{n}": f"[{m}..{m + 50}]" for n in range(24)} for m in range(1, 60)]
    table = DecisionTable.read(small_policy([*rows, {}], declared))
    with pytest.raises(ComparisonTooLong):
        uncovered(table.everything, [*table.boxes[:-1], table.everything], 1000)


NUMBERS = st.integers(-3, 4)
INTEGER_CELLS = st.one_of(
    NUMBERS.map(str),
    st.tuples(st.sampled_from([">", ">=", "<", "<=", "==", "!="]), NUMBERS).map(lambda one: f"{one[0]} {one[1]}"),
    st.tuples(st.sampled_from("[("), NUMBERS, NUMBERS, st.sampled_from("])")).map(
        lambda one: f"{one[0]}{one[1]}..{one[2]}{one[3]}"
    ),
)
WORDS = ("north", "south", "west")
STRING_CELLS = st.one_of(
    st.sampled_from(WORDS).map(json.dumps),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(lambda words: f"$ in {json.dumps(words)}"),
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={"amount_fen": INTEGER_CELLS, "known": st.sampled_from(["true", "false"]), "region": STRING_CELLS},
    ),
    min_size=1,
    max_size=7,
)
CASES = [
    {"amount_fen": number, "known": known, "region": region}
    for number, known, region in combinations(range(-6, 8), (False, True), (*WORDS, "other"))
]
"""Every case that a cell of the rows above can tell from another."""


def first_row(rows: Sequence[dict[str, str]], case: dict[str, Any]) -> int | None:
    """The first row that takes a case, from 1, by trying each cell."""
    for number, row in enumerate(rows, 1):
        if all(takes(FACT_TYPES[fact], cell, case[fact]) for fact, cell in row.items()):
            return number
    return None


@given(rows=ROWS)
@bounded(max_examples=150, deadline=None)
def test_rows_that_never_fire_are_those_that_brute_force_never_reaches(rows: list[dict[str, str]]) -> None:
    table = DecisionTable.read(small_policy(rows, FACT_TYPES))
    reached = {first_row(rows, case) for case in CASES}
    for number, box in enumerate(table.boxes, 1):
        found = uncovered(box, table.boxes[: number - 1], 10_000)
        assert (found is not None) == (number in reached)
        if found is not None:
            example = {"amount_fen": 0, "known": False, "region": "other"} | table.example(found)
            assert first_row(rows, example) == number
    gap = uncovered(table.everything, table.boxes, 10_000)
    assert (gap is not None) == (None in reached)


@given(rows=ROWS)
@bounded(max_examples=40, deadline=None)
def test_the_engine_fires_the_row_that_brute_force_finds(rows: list[dict[str, str]]) -> None:
    """So that what the check says of cells is true of the engine too."""
    numbered = [row | {"limit_fen": str(number)} for number, row in enumerate(rows, 1)]
    content = zen.ZenDecisionContent(
        json.dumps(small_policy([*copy.deepcopy(numbered), {"limit_fen": "0"}], FACT_TYPES))
    )
    engine = zen.ZenEngine({"loader": lambda _key: content})
    for case in CASES[::5]:
        assert engine.evaluate("any", case)["result"]["limit_fen"] == (first_row(rows, case) or 0), case
