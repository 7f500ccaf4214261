"""What a draft of a scorecard would have decided of past cases: each scored anew by it and by the card in force."""

from typing import Any

import pytest

from console.score_rules import with_score
from models.policies import Backtest, Policy, PolicyKind
from services import backtests
from services.backtest_findings import DecisionFindings
from services.policies import Version
from services.policy_names import draft_problems
from services.policy_publishing import PolicyNotReady, draft, publish
from services.policy_replay import replay
from services.scorecards import score_by, score_facts
from tests.modules.applications import DAY
from tests.services.policies import MICRO_RULES, OTHER_RISK, micro_rules, put_in_force
from tests.services.procedure import RISK, Procedure
from tests.services.test_backtests import graded
from tests.services.test_scorecards import NAME, overdue_card


def a_card(procedure: Procedure, points: int) -> Policy:
    with procedure.at() as work:
        return draft(work, OTHER_RISK, NAME, overdue_card(points), "learnt anew")


def tried(procedure: Procedure, policy: Policy) -> DecisionFindings:
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, procedure.day)
    assert isinstance(found, DecisionFindings)
    return found


def kept(procedure: Procedure, policy: Policy) -> Backtest:
    with procedure.at() as work:
        return backtests.store(work, OTHER_RISK, backtests.run(work, OTHER_RISK, policy, DAY, procedure.day))


@pytest.fixture
def by_score(procedure: Procedure) -> Procedure:
    """Books whose grading asks for the score: below 540 an E, below 560 a D."""
    with procedure.at() as work:
        put_in_force(work, MICRO_RULES, 2, with_score(micro_rules()))
    return procedure


def test_a_first_card_is_held_against_cases_without_a_score(by_score: Procedure) -> None:
    clean, late = graded(by_score), graded(by_score, overdue_count_24m=1, worst_dpd=20)
    report = tried(by_score, a_card(by_score, 40)).report()
    assert (report["cases"], report["changed"], report["differing"]["grade"]) == (2, 2, 2)
    # 540 points for a clean record, 500 for a late one.
    assert (report["matrix"]["A"]["D"], report["matrix"]["B"]["E"]) == (1, 1)
    found = tried(by_score, a_card(by_score, 90))
    assert [case[0] for case in found.changed] == [late]
    assert clean not in {case[0] for case in found.changed}


def test_a_new_card_is_held_against_the_card_in_force_whatever_scored_the_case_then(by_score: Procedure) -> None:
    before_any = graded(by_score)
    with by_score.at() as work:
        put_in_force(work, NAME, 1, overdue_card(60))
    scored = graded(by_score)
    found = tried(by_score, a_card(by_score, 45))
    # Either case has an A by the card in force, although the first was graded without one.
    assert found.matrix == {("A", "D"): 2}
    assert [case[0] for case in found.changed] == [before_any, scored]
    assert tried(by_score, a_card(by_score, 70)).changed == []
    with by_score.at() as work:
        put_in_force(work, NAME, work.policies.newest_number(NAME) + 1, overdue_card(45))
    # What the cases were scored with then does not count.
    assert tried(by_score, a_card(by_score, 70)).matrix == {("D", "A"): 2}


def test_what_does_not_ask_for_the_score_is_asked_once(by_score: Procedure, monkeypatch: pytest.MonkeyPatch) -> None:
    graded(by_score)
    asked: list[PolicyKind] = []
    ask = Version.ask

    def counted(self: Version, facts: Any) -> Any:
        asked.append(self.kind.code)
        return ask(self, facts)

    policy = a_card(by_score, 40)
    monkeypatch.setattr(Version, "ask", counted)
    tried(by_score, policy)
    # The draft's score alone differs; its grade is another, so that the price is asked for it.
    chain = [PolicyKind.KNOCKOUT, PolicyKind.GRADING, PolicyKind.PRICING]
    assert asked == [*chain, PolicyKind.GRADING, PolicyKind.PRICING]


def test_a_card_that_no_table_asks_changes_nothing_and_the_first_may_go_without(procedure: Procedure) -> None:
    graded(procedure)
    first = a_card(procedure, 40)
    assert tried(procedure, first).changed == []
    with procedure.at() as work:
        publish(work, RISK, first, DAY, "no table asks for it yet")
    second = a_card(procedure, 50)
    with pytest.raises(PolicyNotReady, match="not back-tested"), procedure.at() as work:
        publish(work, RISK, second, DAY, "agreed")
    kept(procedure, second)
    with procedure.at() as work:
        publish(work, RISK, second, DAY, "agreed")


def test_a_first_card_that_a_table_waits_for_is_tried_before_it_decides(by_score: Procedure) -> None:
    graded(by_score)
    first = a_card(by_score, 40)
    with pytest.raises(PolicyNotReady, match="not back-tested"), by_score.at() as work:
        publish(work, RISK, first, DAY, "agreed")
    assert kept(by_score, first).changed == 1
    with by_score.at() as work:
        publish(work, RISK, first, DAY, "agreed")


def test_a_fact_of_another_type_leaves_the_case_out(by_score: Procedure) -> None:
    graded(by_score)
    content = overdue_card(40)
    content["variables"][0] |= {"fact": "bureau_found", "known_by": []}
    with by_score.at() as work:
        policy = put_in_force(work, NAME, 1, content)
    found = tried(by_score, policy)
    assert (found.cases, found.ungraded, dict(found.unanswered)) == (0, 1, {"bureau_found": 1})


# -- what a card may ask -----------------------------------------------------------------------------------------------


def test_a_card_may_ask_what_hardship_gave_and_the_case_is_replayed_with_the_same_points(procedure: Procedure) -> None:
    """The score is taken after hardship and yearly limit: what it learnt from is what it sees."""
    bins = [{"words": ["none"], "points": 0}, {"others": True, "points": 30}]
    card = {
        "base_points": 500,
        "variables": [
            {"fact": "hardship_level", "type": "string", "reason": "level", "missing": {"points": 7}, "bins": bins}
        ],
        "reasons": {"level": {"en": "The household.", "zh": "家庭情况。"}},
    }
    assert draft_problems("scorecard-student", card) == []
    with procedure.at() as work:
        put_in_force(work, "scorecard-student", 1, card)
    loan = procedure.graded("student")
    with procedure.books.read() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        points = 500 if grading.facts["hardship_level"] == "none" else 530
        (again,) = replay(work, RISK, loan)
        step = next(one for one in grading.steps if one["kind"] == PolicyKind.SCORECARD)
        assert score_facts(score_by(work, step["policy"], grading.facts))["score"] == points
    assert (grading.facts["score"], step["values"]["points"]) == (points, points)
    assert again.agrees
