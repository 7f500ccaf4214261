"""Policies outside the chain: asked by name, tried on their own answers, published where nothing past can be asked."""

import copy
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from books.errors import UnknownPolicy
from books.session import Books
from models.changes import ChangeKind
from models.policies import Policy, PolicyKind, PolicyPart, PolicyState
from services import backtests
from services.backtests import InvalidBacktestPeriod, NoPast
from services.policies import FactsIncomplete, ask
from services.policy_kinds import KINDS, Past, kind_of, name_of, past_of, scope_of
from services.policy_names import draft_problems, facts_on_offer, shipped
from services.policy_publishing import (
    InvalidPublication,
    PolicyNotReady,
    draft,
    life_of,
    publish,
    publish_shipped_policies,
)
from services.products import Catalogue, install
from tests.modules.applications import CATALOGUE, DAY
from tests.services.policies import OTHER_RISK, micro_rules, put_in_force, table_of
from tests.services.procedure import RISK, Procedure
from tests.services.proposals import propose

install(CATALOGUE)
TABLES_BEFORE = Path(__file__).parents[1] / "modules" / "tables_before"


def changed(name: str, rows: dict[int, dict[str, str]] | None = None) -> dict[str, Any]:
    """A shipped policy with cells of some rows changed; rows count from 1."""
    content = copy.deepcopy(dict(shipped()[name]))
    for number, cells in (rows or {}).items():
        table_of(content)["rules"][number - 1].update(cells)
    return content


def a_draft(procedure: Procedure, name: str, content: dict[str, Any]) -> Policy:
    with procedure.at() as work:
        policy = draft(work, OTHER_RISK, name, content, "another way")
        assert life_of(work, policy, work.today).state is PolicyState.CHECKED
        return policy


# -- names and facts -------------------------------------------------------------------------------------------------


def test_a_name_says_kind_and_scope() -> None:
    for kind in PolicyKind:
        name = name_of(kind, "micro")
        assert (kind_of(name), scope_of(name)) == (KINDS[kind], "micro")


@pytest.mark.parametrize(
    "name", ["grading-nothing", "secret-micro", "authority-everything", "authority-micro", "grading", "micro"]
)
def test_an_unknown_kind_or_scope_is_refused(procedure: Procedure, name: str) -> None:
    with pytest.raises(UnknownPolicy), procedure.at() as work:
        draft(work, OTHER_RISK, name, micro_rules(), "why not")


def test_only_pricing_may_ask_for_the_grade_and_only_what_comes_later_for_hardship() -> None:
    assert facts_on_offer("pricing-micro")["grade"] == "string"
    assert "grade" not in facts_on_offer("knockout-micro") | facts_on_offer("grading-micro")
    assert facts_on_offer("grading-student")["hardship_level"] == "string"
    assert not {"hardship_level", "hardship_fen", "documents_complete"} & set(facts_on_offer("hardship-student"))
    assert facts_on_offer("fast_lane-micro")["within_limit"] == "boolean"
    assert "within_limit" not in facts_on_offer("grading-micro")
    assert facts_on_offer("knockout-auto")["worst_own_dpd"] == "integer"


@pytest.mark.parametrize(
    "kind", [kind for kind in PolicyKind if kind not in (PolicyKind.AUTHORITY, PolicyKind.REMINDERS)]
)
@pytest.mark.parametrize("code", CATALOGUE.codes())
def test_whatever_a_product_gives_is_on_offer_to_every_policy_of_its_applications(code: str, kind: PolicyKind) -> None:
    assert CATALOGUE.product(code).fact_types.items() <= facts_on_offer(name_of(kind, code)).items()


@pytest.mark.parametrize(
    ("name", "row", "cells", "complaint"),
    [
        ("knockout-micro", 1, {"outcome": '"refer"'}, "row 1, outcome: must be one of, in quotation marks: pass"),
        ("knockout-micro", 1, {"reasons": "[]"}, "row 1, reasons: a row that refuses needs a reason"),
        ("knockout-micro", 18, {"outcome": '"refuse"'}, "row 18: the last row must take every case, with outcome"),
        ("pricing-micro", 1, {"limit_fen": "max([0, 5 - shoes])"}, "row 1, limit_fen: shoes is no declared fact"),
        ("hardship-student", 1, {"level": '"mild"'}, "row 1, level: must be one of, in quotation marks: none, some"),
        ("hardship-student", 1, {"share_bp": "10001"}, "row 1, share_bp: must be an integer from 0 to 10000"),
        ("yearly_limit-student", 1, {"limit_fen": '"much"'}, "row 1, limit_fen: must be a sum in fen"),
        ("authority-loans", 1, {"decided_by": '"agent"'}, "row 1, decided_by: must be one of, in quotation marks"),
        ("authority-loans", 1, {"decided_by": '"finance"'}, "row 1, decided_by: finance approves no loan"),
        ("authority-changes", 3, {"decided_by": '"finance"'}, "row 3, kind: a row in which finance decides must name"),
        ("authority-changes", 13, {"decided_by": '"finance"'}, "row 13, kind: a row in which finance decides"),
        ("authority-loans", 1, {"people": "3"}, "row 1, people: must be an integer from 1 to 2, not 3"),
        ("documents-student", 1, {"required": '["diary"]'}, "row 1, required: diary is no document that the product"),
        ("documents-student", 1, {"required": '"id_card"'}, "row 1, required: is no list of different codes"),
        ("fast_lane-micro", 1, {"outcome": '"refer"'}, "row 1, outcome: must be one of, in quotation marks: approve"),
        ("reminders-micro", 1, {"before_days": "[3, 3]"}, "row 1, before_days: must be a list of different integers"),
        ("reminders-micro", 1, {"overdue_days": "[0]"}, "row 1, overdue_days: must be a list of different integers"),
    ],
)
def test_each_kind_has_its_own_answers(name: str, row: int, cells: dict[str, str], complaint: str) -> None:
    found = [str(problem) for problem in draft_problems(name, changed(name, {row: cells}))]
    assert any(one.startswith(complaint) for one in found), found


def test_a_refusal_without_a_remedy_in_both_languages_is_not_published() -> None:
    content = changed("knockout-micro")
    del content["remedies"]["blacklisted"]["zh"]
    (problem,) = draft_problems("knockout-micro", content)
    assert (problem.row, problem.column) == (11, "reasons")
    assert problem.sentence.startswith("reason blacklisted refuses, and remedies do not say in both languages")


# -- asked by name ---------------------------------------------------------------------------------------------------


def test_the_version_in_force_is_asked_by_its_name(procedure: Procedure) -> None:
    facts = {"day": 20260105, "degree": "master"}
    with procedure.books.read() as work:
        answer = ask(work, "yearly_limit-student", DAY, facts)
        assert (answer.label, answer.fired_row, answer.values["limit_fen"]) == ("yearly_limit-student/1", 2, 2_500_000)
        with pytest.raises(FactsIncomplete):
            ask(work, "yearly_limit-student", DAY, {"day": 20260105})
        with pytest.raises(LookupError, match="fast_lane-auto"):
            ask(work, "fast_lane-auto", DAY, facts)


def test_what_is_read_ahead_answers_as_what_is_asked_one_by_one(procedure: Procedure) -> None:
    names = [name_of(kind, "micro") for kind in PolicyKind]
    with procedure.at() as work:
        put_in_force(work, "pricing-micro", 2, changed("pricing-micro"), starts_on=DAY + timedelta(days=1))
    with procedure.books.read() as work:
        one_by_one = {name: work.policies.in_force(name, DAY + timedelta(days=2)) for name in names}
        work.policies.read_ahead(names)
        assert work.policies.in_force_of(names, DAY + timedelta(days=2)) == one_by_one


def test_a_version_is_live_in_a_process_that_asked_the_one_before(procedure: Procedure, books: Books) -> None:
    """Another process has its own connections and has asked before; nothing tells it of the publication."""
    facts = {"day": 20260105, "degree": "master"}
    with closing(Books(books.url)) as other:
        with other.read() as work:
            assert ask(work, "yearly_limit-student", DAY, facts).values["limit_fen"] == 2_500_000
        content = changed("yearly_limit-student", {2: {"limit_fen": "2600000"}})
        policy = a_draft(procedure, "yearly_limit-student", content)
        with procedure.at() as work:
            backtests.store(work, OTHER_RISK, backtests.run(work, OTHER_RISK, policy, DAY, DAY))
        with procedure.at() as work:
            publish(work, RISK, policy, DAY, "agreed")
        with other.read() as work:
            answer = ask(work, "yearly_limit-student", DAY, facts)
    assert (answer.values["limit_fen"], answer.label) == (2_600_000, "yearly_limit-student/2")


# -- back-tests of answers -------------------------------------------------------------------------------------------


def test_a_draft_outside_the_chain_is_tried_on_its_own_answers(procedure: Procedure) -> None:
    student, micro = procedure.graded("student"), procedure.graded()
    policy = a_draft(procedure, "yearly_limit-student", changed("yearly_limit-student", {1: {"limit_fen": "1000000"}}))
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
        kept = backtests.store(work, OTHER_RISK, found)
        ((case),) = backtests.changed_cases(work, OTHER_RISK, kept.id)
    assert (kept.cases, kept.changed, kept.report["differing"]) == (1, 1, {"limit_fen": 1})
    assert kept.report["matrix"]["20000.00"]["10000.00"] == 1
    assert (case["loan"], case["before"], case["after"], case["after_row"]) == (
        student,
        "limit_fen: 20000.00",
        "limit_fen: 10000.00",
        1,
    )
    assert micro != student
    with procedure.at() as work:
        publish(work, RISK, policy, DAY, "agreed")
    assert_answers(procedure, "yearly_limit-student", {"day": 20260105, "degree": "bachelor"}, limit_fen=1_000_000)


def assert_answers(procedure: Procedure, name: str, facts: dict[str, Any], **values: object) -> None:
    with procedure.books.read() as work:
        answer = ask(work, name, procedure.day, facts)
    assert {output: answer.values[output] for output in values} == values


def test_authority_over_loans_is_tried_on_the_cases_of_all_products(procedure: Procedure) -> None:
    procedure.graded("auto")
    procedure.graded()
    refused = procedure.apply()
    procedure.verify(refused, enrolment={"enrolled": True, "full_time": True})
    procedure.grade(refused)
    content = changed("authority-loans")
    for row in table_of(content)["rules"]:
        row["people"] = "2"
    policy = a_draft(procedure, "authority-loans", content)
    with procedure.at() as work:
        report = backtests.run(work, OTHER_RISK, policy, DAY, DAY).report()
    # What the rules refuse is put to nobody.
    assert (report["cases"], report["ungraded"]) == (2, 0)
    assert [one["product"] for one in report["products"]] == ["auto", "micro"]


def test_authority_is_tried_on_cases_whose_documents_came_after_the_grading(procedure: Procedure) -> None:
    procedure.graded()
    content = changed("authority-loans")
    for row in table_of(content)["rules"]:
        if row.get("documents_complete") == "false":
            row["people"] = "2"
    policy = a_draft(procedure, "authority-loans", content)
    with procedure.at() as work:
        report = backtests.run(work, OTHER_RISK, policy, DAY, DAY).report()
    # Nobody decides before the documents are there, so what is said of that changes nothing.
    assert (report["cases"], report["changed"]) == (1, 0)


def test_a_fast_lane_is_tried_with_the_facts_that_it_decides_by(procedure: Procedure) -> None:
    procedure.graded()
    content = changed("fast_lane-micro")
    for row in table_of(content)["rules"]:
        row["outcome"] = '"person"'
    policy = a_draft(procedure, "fast_lane-micro", content)
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    assert (found.cases, found.ungraded, dict(found.unanswered)) == (1, 0, {})


def test_authority_over_changes_is_tried_on_past_proposals(procedure: Procedure) -> None:
    loan = procedure.running()
    propose(procedure, loan, ChangeKind.FEE, {"amount": "50.00"})
    content = changed("authority-changes")
    for row in table_of(content)["rules"]:
        row["decided_by"] = '"nobody"'
    policy = a_draft(procedure, "authority-changes", content)
    with procedure.at() as work:
        found = backtests.run(work, OTHER_RISK, policy, DAY, procedure.day)
        with pytest.raises(InvalidBacktestPeriod):
            backtests.run(work, OTHER_RISK, policy, date(2020, 1, 1), date(2020, 1, 2))
    assert (found.cases, found.matrix) == (1, {("risk", "nobody"): 1})
    assert found.changed[0][:4] == [loan, "micro", procedure.day.isoformat(), 5000]


def test_a_card_of_behaviour_has_no_past_decisions() -> None:
    assert past_of("scorecard-behaviour") is Past.NOTHING
    assert past_of("scorecard-micro") is Past.DECISIONS


def test_what_has_no_past_is_published_without_a_back_test(procedure: Procedure) -> None:
    policy = a_draft(procedure, "reminders-micro", changed("reminders-micro"))
    with pytest.raises(NoPast), procedure.at() as work:
        backtests.run(work, OTHER_RISK, policy, DAY, DAY)
    with pytest.raises(InvalidPublication, match="have challengers"), procedure.at() as work:
        publish(work, RISK, policy, DAY, "try", part=PolicyPart.CHALLENGER)
    with procedure.at() as work:
        publish(work, RISK, policy, DAY, "agreed")
        assert life_of(work, policy, DAY).state is PolicyState.IN_FORCE


# -- a product whose one table says everything -----------------------------------------------------------------------


@pytest.fixture
def whole() -> Iterator[str]:
    """The code of a product that came with one table for everything, as products of plug-ins do."""
    table = json.loads((TABLES_BEFORE / "micro.json").read_text(encoding="utf-8"))
    table["remedies"] = shipped()["knockout-micro"]["remedies"]
    product = replace(CATALOGUE.product("micro"), code="whole", grading=table, policies={})
    install(Catalogue((*CATALOGUE.products, product)))
    yield "whole"
    install(CATALOGUE)


def test_a_product_with_one_table_gets_knock_outs_and_prices_of_their_own(procedure: Procedure, whole: str) -> None:
    """The price comes first: a grading that gives none is not published before."""
    with procedure.at() as work:
        publish_shipped_policies(work)
        assert [name for name in work.policies.names() if name.endswith(whole)] == ["grading-whole"]
    grading = a_draft(procedure, "grading-whole", changed("grading-micro"))
    with procedure.at() as work, pytest.raises(PolicyNotReady, match="gives no limit and no rate"):
        publish(work, RISK, grading, DAY, "why not")
    pricing = a_draft(procedure, "pricing-whole", changed("pricing-micro"))
    with procedure.at() as work, pytest.raises(PolicyNotReady, match="not back-tested"):
        publish(work, RISK, pricing, DAY, "why not")
    for policy in (pricing, grading):
        with procedure.at() as work:
            backtests.store(work, OTHER_RISK, backtests.run(work, OTHER_RISK, policy, DAY, DAY))
            publish(work, RISK, policy, DAY, "agreed")


def test_books_that_grade_by_one_table_get_no_other_beside_it(procedure: Procedure, whole: str) -> None:
    """A newer version of the module brings three tables; the books go on with theirs until risk decides otherwise."""
    with procedure.at() as work:
        publish_shipped_policies(work)
    newer = replace(CATALOGUE.product("micro"), code=whole)
    install(Catalogue((*CATALOGUE.products, newer)))
    with procedure.at() as work:
        publish_shipped_policies(work)
        names = [name for name in work.policies.names() if name.endswith(whole)]
    assert "grading-whole" in names
    assert not {"knockout-whole", "pricing-whole"} & set(names)
    assert "documents-whole" in names
