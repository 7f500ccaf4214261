"""What a draft would have said of past cases: what changes, how grades move, what it comes to in money."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from models.policies import Policy
from services import backtests
from services.backtests import DefaultRate, InvalidPeriod, changed_cases, default_rates
from services.errors import NotAllowed
from services.policy_publishing import draft
from tests.modules.applications import DAY
from tests.services.policies import MICRO_RULES, OTHER_RISK, micro_rules, put_in_force
from tests.services.procedure import AUDITOR, MANAGER, Procedure

STRICTER = {
    12: {"debt_ratio_bp": "<= 1000"},
    13: {"limit_fen": "1000000"},
    7: {"overdue_count_24m": "> 2"},
}
"""Fewer get an A, a B is worth 10,000 yuan, three arrears are a knock-out."""


def graded(procedure: Procedure, **bureau: int) -> str:
    """A case whose registers answer so."""
    loan = procedure.apply()
    procedure.verify(loan, bureau=dict(bureau))
    procedure.grade(loan)
    return loan


def a_draft(procedure: Procedure, rows: dict[int, dict[str, str]]) -> Policy:
    with procedure.at() as work:
        return draft(work, OTHER_RISK, MICRO_RULES, micro_rules(rows), "stricter")


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

    assert (kept.cases, kept.changed, report["ungraded"], told[-1]) == (3, 3, 1, (4, 4))
    assert report["matrix"]["A"]["B"] == report["matrix"]["C"]["refused"] == report["matrix"]["D"]["refused"] == 1
    assert report["differing"] == {"outcome": 2, "grade": 3, "limit": 3, "rate": 3}
    assert (report["before"]["passed_basis_points"], report["after"]["passed_basis_points"]) == (10_000, 3333)
    # 12,000 yuan were asked for each time; the limit of a B is 10,000 now.
    assert (report["before"]["lendable_fen"], report["after"]["lendable_fen"]) == (3_600_000, 1_000_000)
    january, february = report["months"]
    assert (january["month"], january["cases"], january["changed"]) == ("2026-01", 2, 2)
    assert (february["month"], february["before"]["passed"], february["after"]["passed"]) == ("2026-02", 1, 0)

    with procedure.books.read() as work:
        changed = list(changed_cases(work, AUDITOR, kept.id))
    assert [case["loan"] for case in changed] == [best, weak, same]
    assert (changed[0]["before_grade"], changed[0]["after_grade"], changed[0]["after_limit_fen"]) == (
        "A",
        "B",
        1_000_000,
    )
    assert (changed[1]["after_outcome"], changed[1]["after_row"]) == ("refuse", 7)
    with procedure.books.read() as work, pytest.raises(NotAllowed):
        list(changed_cases(work, MANAGER, kept.id))


def test_a_draft_that_changes_nothing_changes_nothing(procedure: Procedure) -> None:
    graded(procedure)
    policy = a_draft(procedure, {})
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    assert (found.cases, found.changed) == (1, [])


def test_the_other_side_is_the_version_in_force_and_not_the_one_that_graded(procedure: Procedure) -> None:
    """The price was changed since; the draft changes a limit, and that is all that it is held against."""
    graded(procedure)
    dearer = {12: {"annual_rate_percent": '"8.8"'}}
    with procedure.at() as work:
        put_in_force(work, MICRO_RULES, 2, micro_rules(dearer))
    policy = a_draft(procedure, {12: {"annual_rate_percent": '"8.8"', "limit_fen": "500"}})
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    assert dict(found.differing) == {"limit": 1}
    assert found.against.version == 2


def test_the_latest_grading_of_a_case_counts_and_cases_of_other_days_do_not(procedure: Procedure) -> None:
    loan = graded(procedure, overdue_count_24m=5)
    with procedure.at() as work:
        work.session.execute(
            text(
                "INSERT INTO grading (id, loan, round, policy_id, outcome, grade, limit_fen, annual_rate_percent,"
                " reasons, facts, graded_at, by_challenger) SELECT 'second', loan, 2, policy_id, outcome, 'B',"
                " limit_fen, annual_rate_percent, reasons, facts, graded_at, by_challenger FROM grading"
            )
        )
    policy = a_draft(procedure, {})
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
        assert [(row[0], row[4], row[8]) for row in found.changed] == [(loan, "B", "D")]
        later = DAY + timedelta(days=1)
        for since, until in ((later, later), (later, DAY)):
            with pytest.raises(InvalidPeriod):
                backtests.run(work, OTHER_RISK, policy, since, until)


def test_cases_from_before_a_fact_was_kept_are_counted_and_left_out(procedure: Procedure) -> None:
    loan = graded(procedure)
    with procedure.at() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        old = grading.model_dump() | {"id": "old", "round": 2}
        old["facts"] = {name: value for name, value in grading.facts.items() if name != "worst_dpd"}
        work.write(type(grading)(**old))
    policy = a_draft(procedure, STRICTER)
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    assert (found.cases, found.ungraded, dict(found.unanswered)) == (0, 1, {"worst_dpd": 1})


def test_a_grades_own_loans_say_what_is_lost_once_there_are_enough(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = [procedure.running() for _ in range(3)]
    with procedure.at() as work:
        work.loans.get(running[0]).dpd = 91
        work.loans.get(running[1]).dpd = 90
    stated = {"default_basis_points": {"A": 50, "B": 150}}
    with procedure.books.read() as work:
        assert default_rates(work, "micro", stated) == {"A": DefaultRate(50, 3), "B": DefaultRate(150, 0)}
        monkeypatch.setattr(backtests, "FEWEST_LOANS", 3)
        assert default_rates(work, "micro", stated) == {"A": DefaultRate(3333, 3), "B": DefaultRate(150, 0)}
    policy = a_draft(procedure, {12: {"limit_fen": "600000"}})
    with procedure.at() as work:
        report = backtests.run(work, OTHER_RISK, policy, DAY, DAY).report()
    assert report["default_rates"]["A"] == {"basis_points": 3333, "loans": 3, "observed": True}
    # 3 x 12,000 yuan before, 3 x 6,000 after, and a third of each is lost.
    assert (report["before"]["expected_loss_fen"], report["after"]["expected_loss_fen"]) == (1_199_880, 599_940)


def test_without_any_rate_there_is_no_expected_loss(procedure: Procedure) -> None:
    graded(procedure)
    content = micro_rules()
    content.pop("default_basis_points")
    with procedure.at() as work:
        policy = draft(work, OTHER_RISK, MICRO_RULES, content, "no rates")
        report = backtests.run(work, OTHER_RISK, policy, DAY, DAY).report()
    assert report["after"]["expected_loss_fen"] is None
