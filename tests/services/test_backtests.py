"""What a draft of the chain would have decided of past cases: what changes, how grades move, what it comes to."""

from datetime import date, timedelta

import pytest

from models.policies import Policy, PolicyPart
from services import backtests
from services.backtests import InvalidBacktestPeriod, changed_cases
from services.errors import NotAllowed
from services.policy_publishing import draft
from tests.modules.applications import DAY
from tests.services.policies import (
    MICRO_KNOCKOUTS,
    MICRO_PRICES,
    MICRO_RULES,
    OTHER_RISK,
    micro_rules,
    put_in_force,
)
from tests.services.procedure import AUDITOR, MANAGER, Procedure

STRICTER = {
    9: {"debt_ratio_bp": "<= 1000"},
    11: {"overdue_count_24m": "<= 2"},
}
"""Fewer get an A, and three arrears are no C any more."""


def graded(procedure: Procedure, **bureau: int) -> str:
    """A case whose registers answer so."""
    loan = procedure.apply()
    procedure.verify(loan, bureau=dict(bureau))
    procedure.grade(loan)
    return loan


def a_draft(procedure: Procedure, rows: dict[int, dict[str, str]], name: str = MICRO_RULES) -> Policy:
    with procedure.at() as work:
        return draft(work, OTHER_RISK, name, micro_rules(rows, name), "stricter")


def test_a_back_test_shows_what_changes_and_what_it_comes_to(procedure: Procedure) -> None:
    best, weak = graded(procedure), graded(procedure, overdue_count_24m=3)
    procedure.day = date(2026, 2, 3)
    same = graded(procedure, overdue_count_24m=5)
    procedure.apply()
    policy = a_draft(procedure, STRICTER)
    told: list[tuple[int, int]] = []
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, procedure.day, lambda *done: told.append(done))
        kept = backtests.store(work, OTHER_RISK, found)
    report = kept.report

    assert (kept.cases, kept.changed, report["ungraded"], told[-1]) == (3, 2, 1, (4, 4))
    assert report["matrix"]["A"]["B"] == report["matrix"]["C"]["D"] == report["matrix"]["D"]["D"] == 1
    # The pricing in force prices the new grades.
    assert report["differing"] == {"grade": 2, "limit": 2, "rate": 2}
    assert report["before"]["passed_basis_points"] == report["after"]["passed_basis_points"] == 10_000
    january, february = report["months"]
    assert (january["month"], january["cases"], january["changed"]) == ("2026-01", 2, 2)
    assert (february["month"], february["cases"], february["changed"]) == ("2026-02", 1, 0)
    ((product),) = report["products"]
    assert (product["product"], product["cases"], product["changed"]) == ("micro", 3, 2)

    with procedure.books.read() as work:
        changed = list(changed_cases(work, AUDITOR, kept.id))
    assert [case["loan"] for case in changed] == [best, weak]
    assert (changed[0]["before_grade"], changed[0]["after_grade"], changed[0]["after_limit_fen"]) == (
        "A",
        "B",
        10_000_000,
    )
    assert same not in {case["loan"] for case in changed}
    with procedure.books.read() as work, pytest.raises(NotAllowed):
        list(changed_cases(work, MANAGER, kept.id))


def test_a_draft_of_the_knock_outs_shows_who_would_not_pass(procedure: Procedure) -> None:
    graded(procedure)
    weak = graded(procedure, overdue_count_24m=3)
    policy = a_draft(procedure, {13: {"overdue_count_24m": "> 2"}}, MICRO_KNOCKOUTS)
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    report = found.report()
    assert (report["matrix"]["A"]["A"], report["matrix"]["C"]["refused"]) == (1, 1)
    assert (report["after"]["passed"], report["after"]["passed_basis_points"]) == (1, 5000)
    ((changed),) = found.changed
    assert (changed[0], changed[3], changed[7], changed[11]) == (weak, "refer", "refuse", 13)


def test_a_draft_of_the_prices_moves_limits_and_rates_and_no_grade(procedure: Procedure) -> None:
    graded(procedure)
    policy = a_draft(procedure, {12: {"limit_fen": "1000000", "annual_rate_percent": '"8.8"'}}, MICRO_PRICES)
    with procedure.at() as work:
        report = backtests.run(work, OTHER_RISK, policy, DAY, DAY).report()
    assert report["differing"] == {"limit": 1, "rate": 1}
    # 12,000 yuan were asked for; the limit is 10,000 now.
    assert (report["before"]["lendable_fen"], report["after"]["lendable_fen"]) == (1_200_000, 1_000_000)


def test_a_draft_that_changes_nothing_changes_nothing(procedure: Procedure) -> None:
    graded(procedure)
    policy = a_draft(procedure, {})
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    assert (found.cases, found.changed) == (1, [])


def test_the_other_side_is_the_chain_in_force_and_not_the_one_that_decided(procedure: Procedure) -> None:
    """Grades and prices were changed since; the draft changes a limit, and that is all that it is held against."""
    graded(procedure)
    dearer = {12: {"annual_rate_percent": '"8.8"'}, 14: {"annual_rate_percent": '"9.9"'}}
    with procedure.at() as work:
        put_in_force(work, MICRO_RULES, 2, micro_rules(STRICTER))
        put_in_force(work, MICRO_PRICES, 2, micro_rules(dearer, MICRO_PRICES))
    policy = a_draft(procedure, {**dearer, 14: {"annual_rate_percent": '"9.9"', "limit_fen": "500"}}, MICRO_PRICES)
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    assert dict(found.differing) == {"limit": 1}
    assert (found.against.version, found.matrix) == (2, {("B", "B"): 1})


def test_what_a_challenger_decided_is_held_against_the_champion(procedure: Procedure) -> None:
    with procedure.at() as work:
        worse = micro_rules({9: {"grade": '"B"'}})
        put_in_force(work, MICRO_RULES, 2, worse, part=PolicyPart.CHALLENGER, share_percent=50)
    for _ in range(6):
        graded(procedure)
    policy = a_draft(procedure, {})
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    assert found.matrix == {("A", "A"): 6}


def test_the_latest_decision_of_a_case_counts_and_cases_of_other_days_do_not(procedure: Procedure) -> None:
    loan = graded(procedure, overdue_count_24m=5)
    with procedure.at() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        facts = {**grading.facts, "overdue_count_24m": 1}
        work.write(type(grading)(**grading.model_dump() | {"id": "second", "round": 2, "facts": facts}))
    policy = a_draft(procedure, {20: {"limit_fen": "1900000"}}, MICRO_PRICES)
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
        assert found.matrix == {("B", "B"): 1}
        later = DAY + timedelta(days=1)
        for since, until in ((later, later), (later, DAY)):
            with pytest.raises(InvalidBacktestPeriod):
                backtests.run(work, OTHER_RISK, policy, since, until)


def test_decisions_from_before_steps_were_kept_are_made_again_on_both_sides(procedure: Procedure) -> None:
    loan = graded(procedure)
    with procedure.at() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        work.write(type(grading)(**grading.model_dump() | {"id": "old", "round": 2, "steps": [], "grade": "E"}))
    policy = a_draft(procedure, STRICTER)
    with procedure.at() as work:
        assert backtests.run(work, OTHER_RISK, policy, DAY, DAY).matrix == {("A", "B"): 1}


def test_cases_from_before_a_fact_was_kept_are_counted_and_left_out(procedure: Procedure) -> None:
    loan = graded(procedure)
    with procedure.at() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        old = grading.model_dump() | {"id": "old", "round": 2, "steps": []}
        old["facts"] = {name: value for name, value in grading.facts.items() if name != "worst_own_dpd"}
        work.write(type(grading)(**old))
    policy = a_draft(procedure, STRICTER)
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    assert (found.cases, found.ungraded, dict(found.unanswered)) == (0, 1, {"worst_own_dpd": 1})


def test_without_any_rate_there_is_no_expected_loss(procedure: Procedure) -> None:
    graded(procedure)
    content = micro_rules()
    content.pop("default_basis_points")
    with procedure.at() as work:
        put_in_force(work, MICRO_RULES, 2, content)
        policy = draft(work, OTHER_RISK, MICRO_RULES, content, "no rates")
        report = backtests.run(work, OTHER_RISK, policy, DAY, DAY).report()
    assert report["after"]["expected_loss_fen"] is None
