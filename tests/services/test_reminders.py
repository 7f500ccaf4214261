"""Reminders by the rules in force: days around a due date, and windows that are told of before they close."""

import copy
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from lending.delinquency import Milestones
from models.messages import StepKind
from models.policies import PolicyKind
from models.tasks import TaskKind
from services.policies import prepared
from services.policy_names import draft_problems, facts_on_offer, shipped_by, shipped_by_core
from services.products import Catalogue, install
from services.reminder_rules import REMINDER_FACTS, windows_of
from services.reminders import HOUSE_RULES, facts_of, open_windows, reminders_of, rules_of
from tests.modules.applications import CATALOGUE
from tests.services.policies import put_in_force, table_of
from tests.services.procedure import Procedure

install(CATALOGUE)

FIRST_DUE = date(2026, 2, 5)
USUAL = {"amount_fen": 1_000_000, "grade": "B", "first_installment": False, "was_late": False, "high_risk": False}
LATE_DAYS = [1, 4, 8, 15, *range(31, 1112, 30)]
RULES = "reminders-micro"
GRADUATION = date(2027, 6, 30)
CLOSES = date(2029, 6, 30)
TOLD = date(2029, 5, 1)


def rules(code: str) -> dict[str, Any]:
    """The shipped rules of a product."""
    return dict(shipped_by(CATALOGUE.product(code))[f"reminders-{code}"])


def other_rules(before: str = "[5, 2]", overdue: str = "[2, 20]") -> dict[str, Any]:
    """Rules of the microloan with other days in every row."""
    content = copy.deepcopy(rules("micro"))
    for row in table_of(content)["rules"]:
        row.update(before_days=before, overdue_days=overdue)
    return content


# -- the shipped rules, row by row -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "facts", "row", "before"),
    [
        ("micro", {"grade": "D", "first_installment": True}, 1, [7, 3]),
        ("micro", {"grade": "E", "first_installment": True}, 1, [7, 3]),
        ("micro", {"grade": "D"}, 2, [3]),
        ("micro", {"first_installment": True}, 2, [3]),
        ("auto", {"amount_fen": 30_000_000}, 1, [7, 3]),
        ("auto", {"amount_fen": 29_999_999}, 2, [3]),
        ("student", {"first_installment": True}, 1, [30, 3]),
        ("student", {}, 2, [3]),
    ],
)
def test_each_row_of_the_shipped_rules(code: str, facts: dict[str, Any], row: int, before: list[int]) -> None:
    answer = prepared(code, rules(code), PolicyKind.REMINDERS).ask(USUAL | facts)
    assert (answer.fired_row, answer.values["before_days"], answer.values["overdue_days"]) == (row, before, LATE_DAYS)


def test_the_rules_of_the_house_remind_three_days_before() -> None:
    answer = prepared("loans", shipped_by_core()[HOUSE_RULES], PolicyKind.REMINDERS).ask(USUAL)
    assert (answer.values["before_days"], answer.values["overdue_days"]) == ([3], LATE_DAYS)


def test_all_shipped_rules_can_be_published_and_ask_what_is_known_of_a_running_loan(procedure: Procedure) -> None:
    for product in CATALOGUE.products:
        assert draft_problems(f"reminders-{product.code}", rules(product.code)) == []
    assert draft_problems(HOUSE_RULES, shipped_by_core()[HOUSE_RULES]) == []
    assert facts_on_offer(RULES) == facts_on_offer(HOUSE_RULES) == REMINDER_FACTS
    assert "was_late" not in facts_on_offer("grading-micro")
    with procedure.at() as work:
        assert set(work.policies.names()) >= {HOUSE_RULES, RULES, "reminders-auto", "reminders-student"}


def test_a_product_without_rules_goes_by_those_of_the_house_until_risk_publishes_some(procedure: Procedure) -> None:
    install(Catalogue((*CATALOGUE.products, replace(CATALOGUE.product("micro"), code="whole", policies={}))))
    try:
        with procedure.at() as work:
            labels = [rules_of(work, code, procedure.day).label for code in ("whole", "auto")]
            assert labels == [f"{HOUSE_RULES}/1", "reminders-auto/1"]
            assert draft_problems("reminders-whole", other_rules()) == []
            put_in_force(work, "reminders-whole", 1, other_rules())
        with procedure.at() as work:
            assert rules_of(work, "whole", procedure.day).label == "reminders-whole/1"
    finally:
        install(CATALOGUE)


# -- running loans -----------------------------------------------------------------------------------------------------


def test_a_version_with_other_days_changes_when_the_next_reminder_comes(procedure: Procedure) -> None:
    loan = procedure.running()
    assert procedure.loan(loan).next_date == FIRST_DUE - timedelta(days=3)
    with procedure.at() as work:
        put_in_force(work, RULES, 2, other_rules())
    found = procedure.advance(loan).next_day
    assert found is not None
    assert (found.date, found.why) == (FIRST_DUE - timedelta(days=5), StepKind.REMINDER)
    procedure.day = found.date
    found = procedure.advance(loan, StepKind.REMINDER).next_day
    assert found is not None
    assert found.date == FIRST_DUE - timedelta(days=2)
    assert procedure.messages(loan).count("reminder") == 1


def test_two_versions_rule_from_their_days_on(procedure: Procedure) -> None:
    loan = procedure.running()
    starts = FIRST_DUE + timedelta(days=10)
    with procedure.at() as work:
        put_in_force(work, RULES, 2, other_rules(before="[9]"), starts_on=starts)
    before = procedure.advance(loan).next_day
    assert before is not None
    assert before.date == FIRST_DUE - timedelta(days=3)
    procedure.day = FIRST_DUE
    procedure.collect(loan)
    procedure.advance(loan, StepKind.DUE)
    with procedure.at() as work:
        account = procedure.account(loan)
        row = work.loans.get(loan)
        usual = reminders_of(work, row, account, starts - timedelta(days=1)).milestones
        new = reminders_of(work, row, account, starts).milestones
    assert usual == Milestones((3,), tuple(LATE_DAYS))
    assert new == Milestones((9,), (2, 20))


def test_days_of_retries_stay_days_that_matter_and_nobody_is_dunned_on_them(procedure: Procedure) -> None:
    loan = procedure.running()
    with procedure.at() as work:
        put_in_force(work, RULES, 2, other_rules())
    days = []
    procedure.day = FIRST_DUE
    for why in (StepKind.DUE, StepKind.OVERDUE, StepKind.OVERDUE, StepKind.OVERDUE):
        payment = procedure.collection(loan)
        if payment is not None:
            procedure.decline(payment.key)
        found = procedure.advance(loan, why).next_day
        assert found is not None
        days.append((found.date - FIRST_DUE).days)
        procedure.day = found.date
    # 1, 4, 8 … are the plan's retries, 2 and 20 the days of the rules.
    assert days == [1, 2, 4, 8]
    assert procedure.messages(loan)[-4:] == ["debit_failed", "debit_failed", "overdue", "debit_failed"]
    assert TaskKind.OVERDUE in procedure.open_tasks(loan)


def test_an_act_asks_for_the_rules_with_one_query(procedure: Procedure) -> None:
    loan = procedure.running()
    asked: list[str] = []

    def count(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    with procedure.at() as work:
        row, account = work.loans.get(loan), procedure.account(loan)
        reminders_of(work, row, account, procedure.day)
        event.listen(procedure.books.engine, "before_cursor_execute", count)
        reminders_of(work, row, account, procedure.day)
        event.remove(procedure.books.engine, "before_cursor_execute", count)
    assert len(asked) == 1


# -- windows -------------------------------------------------------------------------------------------------------


def graduated(procedure: Procedure, day: date) -> str:
    """A student's loan on a day after graduation, all that fell due paid."""
    loan = procedure.running("student")
    procedure.day = day
    procedure.deposit(loan, procedure.account(loan).due_fen)
    procedure.advance(loan)
    return loan


def test_a_student_is_told_once_before_the_window_for_a_deferral_closes(procedure: Procedure) -> None:
    loan = graduated(procedure, date(2029, 4, 20))
    found = procedure.advance(loan).next_day
    assert found is not None
    assert (found.date, found.why, found.collect) == (TOLD, StepKind.WINDOW, False)
    assert "window_closes" not in procedure.messages(loan)
    procedure.day = TOLD
    for _ in range(2):
        following = procedure.advance(loan, StepKind.WINDOW).next_day
        assert following is not None
        assert following.date > TOLD
    assert procedure.messages(loan).count("window_closes") == 1
    with procedure.books.read() as work:
        (contact,) = [one for one in work.customers.contacts(loan) if one.template == "window_closes"]
    assert CLOSES.isoformat() in contact.text


def test_who_is_late_for_the_day_itself_is_told_as_long_as_the_window_is_open(procedure: Procedure) -> None:
    loan = graduated(procedure, CLOSES)
    assert procedure.messages(loan).count("window_closes") == 1


def test_nobody_is_told_of_a_window_that_is_over(procedure: Procedure) -> None:
    loan = graduated(procedure, CLOSES + timedelta(days=1))
    assert "window_closes" not in procedure.messages(loan)


def test_the_page_shows_a_window_while_it_is_open(procedure: Procedure) -> None:
    loan, other = procedure.running("student"), procedure.running()
    with procedure.books.read() as work:
        row = work.loans.get(loan)
        assert open_windows(work, row, GRADUATION - timedelta(days=1)) == []
        (found,) = open_windows(work, row, GRADUATION)
        assert found.closes_on == CLOSES
        assert all(CLOSES.isoformat() in found.says(language) for language in ("en", "zh"))
        assert open_windows(work, row, CLOSES + timedelta(days=1)) == []
        assert open_windows(work, work.loans.get(other), GRADUATION) == []


@pytest.mark.parametrize(
    "window",
    [
        "no window",
        {},
        {"code": "a b"},
        {"from": "birth"},
        {"months": 0},
        {"months": True},
        {"remind_days_before": 24 * 28 + 1},
        {"remind_days_before": "60"},
        {"sentences": {"en": "until {until}"}},
        {"sentences": {"en": "until {until}", "zh": "没有日期"}},
        {"sentences": {"en": "until {until}", "zh": "{until}{name}"}},
        {"sentences": {"en": "until {until", "zh": "{until}"}},
    ],
)
def test_windows_that_cannot_be_told_of_forbid_to_publish(window: object) -> None:
    content = rules("student")
    (good,) = content["windows"]
    bad = {**good, **window} if isinstance(window, dict) and window else window
    assert draft_problems("reminders-student", content | {"windows": [bad]}) != []


def test_windows_are_a_list_without_one_twice() -> None:
    content = rules("student")
    for windows in ("window", content["windows"] * 2, [{**content["windows"][0], "code": f"w{n}"} for n in range(11)]):
        assert draft_problems("reminders-student", content | {"windows": windows}) != []
    assert windows_of(rules("micro")) == ()


def test_the_first_installment_is_to_come_until_its_due_date(procedure: Procedure) -> None:
    loan = procedure.running()
    found = []
    for day in (FIRST_DUE - timedelta(days=1), FIRST_DUE):
        procedure.day = day
        found.append(facts_of(procedure.loan(loan), procedure.account(loan))["first_installment"])
    assert found == [True, False]
