"""A second version beside the one in force: in the shadow, or deciding a stated share of the cases."""

from typing import Any

import pytest

from books.session import UnitOfWork
from models.grading import Grading, ShadowGrading
from models.policies import Policy, PolicyPart
from services.challengers import comparison
from services.errors import NotAllowed
from services.grading import is_in_share
from services.policy_replay import replay
from tests.services.policies import MICRO_KNOCKOUTS, MICRO_PRICES, MICRO_RULES, micro_rules, put_in_force
from tests.services.procedure import AUDITOR, MANAGER, Procedure


def challenge(work: UnitOfWork, share: int, content: dict[str, Any] | None = None) -> Policy:
    """A challenger that gives a B where the champion gives an A, unless it has another content."""
    changed = micro_rules({9: {"grade": '"B"'}}) if content is None else content
    return put_in_force(work, MICRO_RULES, 2, changed, part=PolicyPart.CHALLENGER, share_percent=share)


def both(procedure: Procedure, loan: str) -> tuple[Grading, ShadowGrading | None]:
    with procedure.books.read() as work:
        (grading,) = work.policies.gradings(loan)
        return grading, next(iter(work.policies.shadows(loan)), None)


def test_in_the_shadow_a_challenger_is_kept_beside_the_grade_and_decides_nothing(procedure: Procedure) -> None:
    with procedure.at() as work:
        challenger = challenge(work, 0)
    loan = procedure.graded()
    grading, shadow = both(procedure, loan)
    assert shadow is not None
    assert (grading.grade, grading.by_challenger, procedure.loan(loan).grade) == ("A", False, "A")
    assert (shadow.policy_id, shadow.challenger_id, shadow.fired_row) == (challenger.id, challenger.id, 9)
    # The pricing in force prices the challenger's grade.
    assert (shadow.grade, shadow.limit_fen, shadow.annual_rate_percent) == ("B", 10_000_000, "10.8")


def test_of_its_share_a_challenger_decides_and_the_champion_is_kept_beside(procedure: Procedure) -> None:
    with procedure.at() as work:
        challenger = challenge(work, 50)
        champion = work.policies.version(MICRO_RULES, 1)
    loans = [procedure.graded() for _ in range(12)]
    mine = [loan for loan in loans if is_in_share(loan, challenger.id, 50)]
    assert 0 < len(mine) < len(loans)
    for loan in loans:
        grading, shadow = both(procedure, loan)
        assert shadow is not None
        decides, beside = (challenger, champion) if loan in mine else (champion, challenger)
        assert (grading.policy_id, shadow.policy_id) == (decides.id, beside.id)
        assert (grading.by_challenger, grading.limit_fen == 10_000_000) == 2 * (loan in mine,)
        with procedure.books.read() as work:
            assert [one.agrees for one in replay(work, AUDITOR, loan)] == [True]

    with procedure.books.read() as work:
        found = comparison(work, AUDITOR, challenger)
        with pytest.raises(NotAllowed):
            comparison(work, MANAGER, challenger)
    assert (found.cases, found.routed, found.agreed) == (12, len(mine), 0)
    assert (found.rows()["A"]["B"], found.champion_passed, found.challenger_passed) == (12, 12, 12)


def test_a_challenger_of_other_prices_is_not_alike_and_what_could_be_lent_is_added_up(procedure: Procedure) -> None:
    dearer = micro_rules({12: {"limit_fen": "100000", "annual_rate_percent": '"8.8"'}}, MICRO_PRICES)
    with procedure.at() as work:
        challenger = put_in_force(work, MICRO_PRICES, 2, dearer, part=PolicyPart.CHALLENGER, share_percent=50)
    loans = [procedure.graded() for _ in range(12)]
    routed = sum(is_in_share(loan, challenger.id, 50) for loan in loans)
    with procedure.books.read() as work:
        found = comparison(work, AUDITOR, challenger)
    assert 0 < routed < 12
    assert (found.cases, found.routed, found.agreed) == (12, routed, 0)
    assert found.differing == {"outcome": 0, "grade": 0, "limit": 12, "rate": 12}
    # 12,000 yuan each by the champion, 1,000 by the challenger, whoever of them decided.
    assert (found.champion_lendable_fen, found.challenger_lendable_fen) == (12 * 1_200_000, 12 * 100_000)
    assert found.matrix == {("A", "A"): 12}


@pytest.mark.parametrize(
    ("cells", "differing"),
    [
        ({}, {"outcome": 0, "grade": 0, "limit": 0, "rate": 0}),
        ({"limit_fen": "19999999"}, {"outcome": 0, "grade": 0, "limit": 1, "rate": 0}),
        ({"annual_rate_percent": '"7.3"'}, {"outcome": 0, "grade": 0, "limit": 0, "rate": 1}),
    ],
)
def test_only_what_is_the_same_in_all_four_is_alike(
    procedure: Procedure, cells: dict[str, str], differing: dict[str, int]
) -> None:
    with procedure.at() as work:
        prices = micro_rules({12: cells}, MICRO_PRICES)
        challenger = put_in_force(work, MICRO_PRICES, 2, prices, part=PolicyPart.CHALLENGER)
    procedure.graded()
    with procedure.books.read() as work:
        found = comparison(work, AUDITOR, challenger)
    assert (found.agreed, found.differing) == (0 if any(differing.values()) else 1, differing)


def test_a_challenger_that_would_refuse_is_counted_as_refusing(procedure: Procedure) -> None:
    content = micro_rules({9: {"outcome": '"refuse"'}})
    with procedure.at() as work:
        challenger = challenge(work, 0, content)
    procedure.graded()
    with procedure.books.read() as work:
        found = comparison(work, AUDITOR, challenger)
    assert (found.champion_passed, found.challenger_passed, found.matrix["A", "refused"]) == (1, 0, 1)
    assert (found.champion_lendable_fen, found.challenger_lendable_fen, found.agreed) == (1_200_000, 0, 0)


def test_a_challenger_that_cannot_be_asked_holds_up_nobody(procedure: Procedure) -> None:
    content = micro_rules()
    node = next(one for one in content["nodes"] if one["type"] == "inputNode")
    asked = '"properties": {"shoe_size": {"type": "integer"}, '
    node["content"]["schema"] = node["content"]["schema"].replace('"properties": {', asked)
    with procedure.at() as work:
        challenge(work, 50, content)
    loan = procedure.graded()
    grading, shadow = both(procedure, loan)
    assert (grading.grade, grading.by_challenger, shadow) == ("A", False, None)
    (entry,) = [one for one in procedure.entries(loan) if one.act == "challenger_failed"]
    assert entry.reason is not None
    assert "shoe_size" in entry.reason


def test_each_table_of_the_chain_may_have_a_challenger_of_its_own(procedure: Procedure) -> None:
    """One lets fewer pass, one grades worse, one is dearer: each is held against the chain that decided."""
    stricter = micro_rules({14: {"debt_ratio_bp": "> 500"}}, MICRO_KNOCKOUTS)
    dearer = micro_rules({12: {"annual_rate_percent": '"8.8"'}}, MICRO_PRICES)
    with procedure.at() as work:
        worse = challenge(work, 0)
        refusing = put_in_force(work, MICRO_KNOCKOUTS, 2, stricter, part=PolicyPart.CHALLENGER)
        costing = put_in_force(work, MICRO_PRICES, 2, dearer, part=PolicyPart.CHALLENGER)
    loan = procedure.graded()
    with procedure.books.read() as work:
        (grading,) = work.policies.gradings(loan)
        others = {one.challenger_id: one for one in work.policies.shadows(loan)}
        assert comparison(work, AUDITOR, refusing).matrix == {("A", "refused"): 1}
        assert comparison(work, AUDITOR, costing).matrix == {("A", "A"): 1}
    assert (grading.grade, grading.annual_rate_percent, grading.by_challenger) == ("A", "7.2", False)
    assert (others[refusing.id].outcome, others[refusing.id].reasons) == ("refuse", ["debt_ratio_too_high"])
    assert (others[worse.id].grade, others[worse.id].annual_rate_percent) == ("B", "10.8")
    assert (others[costing.id].grade, others[costing.id].annual_rate_percent) == ("A", "8.8")


def test_a_challenger_of_the_knock_outs_may_refuse_in_its_share_alone(procedure: Procedure) -> None:
    stricter = micro_rules({14: {"debt_ratio_bp": "> 500"}}, MICRO_KNOCKOUTS)
    with procedure.at() as work:
        refusing = put_in_force(work, MICRO_KNOCKOUTS, 2, stricter, part=PolicyPart.CHALLENGER, share_percent=50)
    loans = [procedure.graded() for _ in range(6)]
    mine = [is_in_share(loan, refusing.id, 50) for loan in loans]
    found = [both(procedure, loan) for loan in loans]
    assert [grading.outcome == "refuse" for grading, _ in found] == mine
    assert [grading.by_challenger for grading, _ in found] == mine
    assert [shadow is not None and shadow.outcome == "refuse" for _, shadow in found] == [not one for one in mine]


def test_the_share_is_a_stable_draw_of_about_its_size() -> None:
    numbers = [f"L26{n:06d}" for n in range(2000)]
    first = {number for number in numbers if is_in_share(number, "a", 20)}
    assert first == {number for number in numbers if is_in_share(number, "a", 20)}
    assert 340 < len(first) < 460
    assert first < {number for number in numbers if is_in_share(number, "a", 30)}
    other = {number for number in numbers if is_in_share(number, "b", 20)}
    assert 40 < len(first & other) < 130
    assert not any(is_in_share(number, "a", 0) for number in numbers)
