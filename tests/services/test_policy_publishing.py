"""The life of a version of the rules, and that a case is decided, and decided again, by the version of its day."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from books.session import Books
from models.grading import Grading
from models.policies import Policy, PolicyPart, PolicyState
from models.staff import Actor
from services import backtests
from services.errors import NotAllowed
from services.policies import InvalidPolicy, sentences_of
from services.policy_names import draft_problems
from services.policy_publishing import (
    InvalidPublication,
    OwnPolicy,
    PolicyNotReady,
    draft,
    life_of,
    publish,
    publish_shipped_policies,
    retire,
)
from services.policy_replay import replay
from services.products import Catalogue, install
from services.status import status_of
from tests.modules.applications import CATALOGUE, DAY
from tests.services.policies import MICRO_PRICES, MICRO_RULES, OTHER_RISK, micro_rules, put_in_force
from tests.services.procedure import AUDITOR, FINANCE, MANAGER, RISK, Procedure

DEARER = {12: {"annual_rate_percent": '"8.8"'}}
"""The best customers pay more."""


def prices(rows: dict[int, dict[str, str]]) -> dict[str, Any]:
    return micro_rules(rows, MICRO_PRICES)


def drafted(procedure: Procedure, rows: dict[int, dict[str, str]] | None = None) -> Policy:
    with procedure.at() as work:
        return draft(work, OTHER_RISK, MICRO_PRICES, prices(DEARER if rows is None else rows), "money is dearer")


def backtested(procedure: Procedure, rows: dict[int, dict[str, str]] | None = None) -> Policy:
    policy = drafted(procedure, rows)
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, procedure.day)
        backtests.store(work, OTHER_RISK, found)
    return policy


def state(procedure: Procedure, policy: Policy, day: date | None = None) -> PolicyState:
    with procedure.books.read() as work:
        return life_of(work, policy, day or procedure.day).state


def put(
    procedure: Procedure,
    policy: Policy,
    starts_on: date | None = None,
    *,
    by: Actor = RISK,
    part: PolicyPart = PolicyPart.CHAMPION,
    share: int = 0,
) -> None:
    with procedure.at() as work:
        publish(work, by, policy, starts_on or procedure.day, "agreed", part=part, share_percent=share)


def price(procedure: Procedure) -> str:
    """What the best customers pay who apply today."""
    loan = procedure.graded()
    with procedure.books.read() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        return grading.annual_rate_percent


def test_a_version_is_drafted_checked_back_tested_published_and_retired(procedure: Procedure) -> None:
    with procedure.books.read() as work:
        first = work.policies.version(MICRO_PRICES, 1)
    policy = drafted(procedure)
    assert (policy.version, state(procedure, policy)) == (2, PolicyState.CHECKED)
    with procedure.at() as work:
        backtests.store(work, OTHER_RISK, backtests.run(work, OTHER_RISK, policy, DAY, DAY))
    assert state(procedure, policy) is PolicyState.BACKTESTED
    assert price(procedure) == "7.2"

    tomorrow = DAY + timedelta(days=1)
    put(procedure, policy, tomorrow)
    assert (state(procedure, policy), state(procedure, first)) == (PolicyState.SCHEDULED, PolicyState.IN_FORCE)
    assert price(procedure) == "7.2"
    procedure.day = tomorrow
    assert (state(procedure, policy), state(procedure, first)) == (PolicyState.IN_FORCE, PolicyState.RETIRED)
    assert price(procedure) == "8.8"

    with procedure.books.read() as work:
        acts = [entry.act for entry in work.audit.page(limit=1000) if entry.subject == "pricing-micro/2"]
    assert sorted(acts) == ["policy_backtested", "policy_drafted", "policy_published"]


def test_published_today_it_decides_the_next_case_without_a_restart(procedure: Procedure) -> None:
    assert price(procedure) == "7.2"
    put(procedure, backtested(procedure))
    assert price(procedure) == "8.8"


def test_a_draft_with_problems_is_kept_and_never_published(procedure: Procedure) -> None:
    policy = drafted(procedure, {6: {"exposure_fen": "> 90元"}})
    assert state(procedure, policy) is PolicyState.DRAFT
    (problem,) = draft_problems(MICRO_PRICES, policy.content)
    assert (problem.row, problem.column) == (6, "exposure_fen")
    with pytest.raises(PolicyNotReady, match="has problems"):
        put(procedure, policy)


def test_a_version_is_published_by_a_second_person_of_risk_alone(procedure: Procedure) -> None:
    policy = backtested(procedure)
    with pytest.raises(OwnPolicy):
        put(procedure, policy, by=OTHER_RISK)
    for nobody in (MANAGER, FINANCE, AUDITOR):
        with pytest.raises(NotAllowed):
            put(procedure, policy, by=nobody)
        with pytest.raises(NotAllowed), procedure.at() as work:
            draft(work, nobody, MICRO_PRICES, prices({}), "why not")
        with pytest.raises(NotAllowed), procedure.at() as work:
            backtests.run(work, nobody, policy, DAY, DAY)
    put(procedure, policy)


def test_a_version_is_back_tested_against_what_is_in_force(procedure: Procedure) -> None:
    untested, early = drafted(procedure), backtested(procedure)
    with pytest.raises(PolicyNotReady, match="not back-tested"):
        put(procedure, untested)
    put(procedure, backtested(procedure))
    with pytest.raises(PolicyNotReady, match="not back-tested"):
        put(procedure, early)


@pytest.mark.parametrize(
    ("days", "part", "share", "field"),
    [
        (-1, PolicyPart.CHAMPION, 0, "starts_on"),
        (0, PolicyPart.CHAMPION, 10, "share_percent"),
        (0, PolicyPart.CHALLENGER, 51, "share_percent"),
        (0, PolicyPart.CHALLENGER, -1, "share_percent"),
    ],
)
def test_a_publication_that_cannot_be_is_refused(
    procedure: Procedure, days: int, part: PolicyPart, share: int, field: str
) -> None:
    policy = backtested(procedure)
    with pytest.raises(InvalidPublication) as refusal:
        put(procedure, policy, DAY + timedelta(days=days), part=part, share=share)
    assert list(refusal.value.fields) == [field]


def test_there_is_one_challenger_until_it_is_retired(procedure: Procedure) -> None:
    first, second = backtested(procedure), backtested(procedure)
    put(procedure, first, part=PolicyPart.CHALLENGER)
    with pytest.raises(PolicyNotReady, match="there is a challenger on"):
        put(procedure, second, part=PolicyPart.CHALLENGER)
    with procedure.at() as work:
        retire(work, RISK, first, DAY, "it said nothing new")
    assert state(procedure, first) is PolicyState.RETIRED
    put(procedure, second, part=PolicyPart.CHALLENGER, share=20)
    assert state(procedure, second) is PolicyState.CHALLENGER
    put(procedure, second)
    with procedure.books.read() as work:
        found = work.policies.in_force(MICRO_PRICES, DAY)
        assert found.champion is not None
        assert (found.champion.policy_id, found.challenger) == (second.id, None)


def test_a_challenger_meets_no_other_on_any_later_day(procedure: Procedure) -> None:
    first, second, third = backtested(procedure), backtested(procedure), backtested(procedure)
    put(procedure, first, DAY + timedelta(days=5), part=PolicyPart.CHALLENGER, share=20)
    with pytest.raises(PolicyNotReady, match=f"there is a challenger on {DAY + timedelta(days=5)}"):
        put(procedure, second, DAY + timedelta(days=1), part=PolicyPart.CHALLENGER, share=30)
    with procedure.at() as work:
        retire(work, RISK, first, DAY + timedelta(days=8), "done by then")
    with pytest.raises(PolicyNotReady, match="there is a challenger on"):
        put(procedure, second, DAY + timedelta(days=7), part=PolicyPart.CHALLENGER)
    put(procedure, second, DAY + timedelta(days=8), part=PolicyPart.CHALLENGER)
    put(procedure, third, DAY + timedelta(days=9))
    with procedure.books.read() as work:
        parts = [work.policies.in_force(MICRO_PRICES, DAY + timedelta(days=day)).challenger for day in (4, 5, 7, 8, 9)]
    assert [one and one.policy_id for one in parts] == [None, first.id, first.id, second.id, second.id]


def test_a_version_waits_alone_for_its_first_day_and_was_compared_with_what_is_in_force_then(
    procedure: Procedure,
) -> None:
    waits, other, challenger = backtested(procedure), backtested(procedure), backtested(procedure)
    put(procedure, waits, DAY + timedelta(days=3))
    for day in (0, 2, 3, 4):
        with pytest.raises(PolicyNotReady, match=f"waits for {DAY + timedelta(days=3)}|another version is in force"):
            put(procedure, other, DAY + timedelta(days=day))
    with pytest.raises(PolicyNotReady, match="another version is in force"):
        put(procedure, challenger, DAY + timedelta(days=4), part=PolicyPart.CHALLENGER)
    put(procedure, challenger, DAY + timedelta(days=2), part=PolicyPart.CHALLENGER)
    with procedure.at() as work:
        retire(work, RISK, waits, DAY + timedelta(days=3), "not now")
    put(procedure, other, DAY + timedelta(days=4))
    assert state(procedure, other, DAY + timedelta(days=4)) is PolicyState.IN_FORCE


def test_what_is_called_off_never_begins(procedure: Procedure) -> None:
    policy = backtested(procedure)
    put(procedure, policy, DAY + timedelta(days=5))
    with pytest.raises(InvalidPublication) as refusal, procedure.at() as work:
        retire(work, RISK, policy, DAY + timedelta(days=6), "a mistake")
    assert refusal.value.fields == {"from_day": f"{DAY + timedelta(days=5)} at the latest"}
    assert state(procedure, policy) is PolicyState.SCHEDULED
    with procedure.at() as work:
        retire(work, RISK, policy, DAY + timedelta(days=5), "a mistake")
    assert state(procedure, policy, DAY + timedelta(days=5)) is PolicyState.RETIRED


def test_a_publication_is_called_off_before_it_begins_and_a_champion_never(procedure: Procedure) -> None:
    policy = backtested(procedure)
    put(procedure, policy, DAY + timedelta(days=5))
    with procedure.at() as work:
        retire(work, RISK, policy, DAY, "a mistake")
    assert state(procedure, policy, DAY + timedelta(days=9)) is PolicyState.RETIRED
    procedure.day = DAY + timedelta(days=9)
    assert price(procedure) == "7.2"
    with procedure.books.read() as work:
        first = work.policies.version(MICRO_PRICES, 1)
    with pytest.raises(PolicyNotReady, match="neither a challenger"), procedure.at() as work:
        retire(work, RISK, first, procedure.day, "gone")


def test_a_module_that_ships_rules_with_problems_is_refused(books: Books, procedure: Procedure) -> None:
    broken = replace(CATALOGUE.product("micro"), code="broken", grading=micro_rules({6: {"worst_dpd": "many"}}))
    install(Catalogue((*CATALOGUE.products, broken)))
    try:
        with pytest.raises(InvalidPolicy, match="row 6, worst_dpd"), procedure.at() as work:
            publish_shipped_policies(work)
    finally:
        install(CATALOGUE)
    with books.read() as work:
        assert work.policies.newest_number("grading-broken") == 0


def test_a_reason_that_came_with_a_new_version_is_told_in_its_words(procedure: Procedure) -> None:
    content = micro_rules({9: {"reasons": '["loyal"]'}})
    content["reasons"]["loyal"] = {"en": "A loyal customer.", "zh": "老客户。"}
    with procedure.at() as work:
        put_in_force(work, MICRO_RULES, 2, content)
    loan = procedure.graded()
    with procedure.books.read() as work:
        grading = work.policies.grading(loan)
        assert grading is not None
        assert sentences_of(work, grading) == {"loyal": {"en": "A loyal customer.", "zh": "老客户。"}}
        assert status_of(work, RISK, loan).reason_sentences["loyal"]["zh"] == "老客户。"


def test_a_case_decided_again_later_gets_the_same_under_the_version_of_its_day(procedure: Procedure) -> None:
    before = procedure.graded()
    put(procedure, backtested(procedure))
    after = procedure.graded()
    procedure.day = DAY + timedelta(days=30)
    with procedure.books.read() as work:
        (old,) = replay(work, AUDITOR, before)
        (new,) = replay(work, RISK, after)
    assert old.agrees
    assert new.agrees
    assert ([step.label for step in old.steps], old.now.annual_rate_percent) == (
        ["documents-micro/1", "knockout-micro/1", "grading-micro/1", "pricing-micro/1"],
        "7.2",
    )
    assert (new.steps[-1].label, new.steps[-1].row, new.now.annual_rate_percent) == ("pricing-micro/2", 12, "8.8")
    with procedure.books.read() as work, pytest.raises(NotAllowed):
        replay(work, MANAGER, before)


def test_a_grading_by_rules_that_were_not_in_force_is_noticed(procedure: Procedure) -> None:
    """Somebody wrote a grading past the services: by a version that was not in force, with another price."""
    loan = procedure.graded()
    with procedure.at() as work:
        later = put_in_force(work, MICRO_PRICES, 2, prices(DEARER), starts_on=DAY + timedelta(days=1))
        grading = work.policies.grading(loan)
        assert grading is not None
        *others, pricing = grading.steps
        steps = [*others, pricing | {"policy": later.id}]
        work.write(Grading(**grading.model_dump() | {"id": "fffforged", "round": 2, "steps": steps}))
    with procedure.books.read() as work:
        first, forged = replay(work, AUDITOR, loan)
    assert first.agrees
    assert (forged.agrees, forged.differing) == (False, ("annual_rate_percent",))
    assert [(step.was_in_force, step.differing) for step in forged.steps] == [
        *3 * [(True, ())],
        (False, ("annual_rate_percent",)),
    ]


def test_the_database_keeps_versions_steps_and_gradings_as_they_are(books: Books, procedure: Procedure) -> None:
    policy = backtested(procedure)
    put(procedure, policy, part=PolicyPart.CHALLENGER)
    procedure.graded()
    changes = {
        "policy": "version = 9",
        "policy_step": "starts_on = NULL",
        "backtest": "cases = 9",
        "grading": "grade = 'A'",
        "shadow_grading": "grade = 'A'",
    }
    for table, change in changes.items():
        for statement in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="insert-only"), books.engine.begin() as connection:
                connection.execute(text(statement))


def test_the_database_refuses_a_publication_by_who_drafted_it_and_one_of_a_draft(
    books: Books, procedure: Procedure
) -> None:
    def step(policy: Policy, done_by: str) -> None:
        with books.engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO policy_step (id, policy_id, name, kind, part, starts_on, share_percent, reason,"
                    f" done_by, done_at) VALUES ('s-{done_by}', '{policy.id}', '{policy.name}', 'published',"
                    f" 'champion', '2026-01-05', 0, '', '{done_by}', '2026-01-05 00:00:00')"
                )
            )

    good, bad = drafted(procedure), drafted(procedure, {6: {"exposure_fen": "many"}})
    with pytest.raises(DBAPIError, match="does not publish"):
        step(good, OTHER_RISK.id)
    with pytest.raises(DBAPIError, match="only a checked version"):
        step(bad, RISK.id)
    step(good, RISK.id)


def nested(levels: int) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for _ in range(levels):
        content = {"more": [content]}
    return content


@pytest.mark.parametrize("content", [nested(40), nested(50_000), {"nodes": ["\ud800"]}, {"nodes": [float("nan")]}])
def test_what_cannot_be_stored_is_refused_before_it_is_checked(procedure: Procedure, content: dict[str, Any]) -> None:
    with procedure.at() as work, pytest.raises(InvalidPublication):
        draft(work, OTHER_RISK, MICRO_PRICES, content, "money is dearer")
