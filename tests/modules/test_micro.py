"""The microloan: who gets which grade, and what the terms come to."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from lending.schedules import build_schedule
from models.customers import PartyRole
from services.forms import InvalidForm, read_form
from services.policies import GradeOutcome, problems_of, reason_text
from services.policy_tables import DecisionTable
from tests.modules.applications import DAY, application, case, id_number, product
from tests.modules.decided import decided

MICRO = product("micro")


def grade(**changes: Any) -> GradeOutcome:
    """The outcome of a micro case with these changes of form or answers."""
    return decided("micro", case("micro", **changes))


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"enrolment": {"enrolled": True, "full_time": True}}, "full_time_student"),
        ({"bureau": {"blacklisted": True}}, "blacklisted"),
        ({"bureau": {"worst_dpd": 91}}, "worst_arrears_over_90_days"),
        ({"bureau": {"overdue_count_24m": 7}}, "too_many_arrears"),
        ({"bureau": {"monthly_payment_fen": 600_001}}, "debt_ratio_too_high"),
    ],
)
def test_each_knock_out_refuses_with_its_reason(answers: dict[str, Any], reason: str) -> None:
    answer = grade(**answers)
    assert (answer.outcome, answer.limit_fen, answer.reasons) == ("refuse", 0, (reason,))


@pytest.mark.parametrize(
    "answers",
    [
        {"enrolment": {"enrolled": True, "full_time": False}},
        {"bureau": {"worst_dpd": 90}},
        {"bureau": {"overdue_count_24m": 6}},
        {"bureau": {"monthly_payment_fen": 600_000}},
    ],
)
def test_at_the_edge_of_a_knock_out_a_person_decides(answers: dict[str, Any]) -> None:
    assert grade(**answers).outcome == "refer"


@pytest.mark.parametrize(
    ("bureau", "expected", "limit_fen", "rate"),
    [
        ({}, "A", 20_000_000, "7.2"),
        ({"overdue_count_24m": 1, "worst_dpd": 30}, "B", 10_000_000, "10.8"),
        ({"history_months": 24}, "B", 10_000_000, "10.8"),
        ({"monthly_payment_fen": 350_000}, "B", 10_000_000, "10.8"),
        ({"overdue_count_24m": 3, "worst_dpd": 30}, "C", 5_000_000, "14.4"),
        ({"history_months": 12}, "C", 5_000_000, "14.4"),
        ({"overdue_count_24m": 6, "worst_dpd": 60}, "D", 2_000_000, "18.0"),
        ({"worst_dpd": 61}, "E", 1_000_000, "23.4"),
        ({"history_months": 5}, "E", 1_000_000, "23.4"),
    ],
)
def test_the_record_decides_grade_limit_and_price(
    bureau: dict[str, int], expected: str, limit_fen: int, rate: str
) -> None:
    answer = grade(bureau=bureau)
    assert (answer.outcome, answer.grade, answer.limit_fen, answer.annual_rate_percent) == (
        "refer",
        expected,
        limit_fen,
        rate,
    )


@pytest.mark.parametrize("check", ["identity", "bureau", "enrolment"])
def test_a_register_that_could_not_be_asked_sends_the_case_to_a_person(check: str) -> None:
    answer = grade(**{check: None})
    assert (answer.outcome, answer.grade, answer.reasons) == ("refer", "E", (f"{check}_unavailable",))


def test_a_known_student_is_refused_even_if_other_registers_are_silent() -> None:
    assert grade(identity=None, bureau=None, enrolment={"enrolled": True, "full_time": True}).outcome == "refuse"


@pytest.mark.parametrize("result", ["mismatch", "not_found"])
def test_an_identity_that_does_not_match_is_looked_at_by_a_person(result: str) -> None:
    assert grade(identity={"result": result}).reasons == ("identity_mismatch",)


def test_a_person_without_credit_record_goes_to_a_person() -> None:
    known = case("micro")
    unknown = replace(known, answers={**known.answers, "bureau": {"found": False, "reference": "r"}})
    answer = decided("micro", unknown)
    assert (answer.outcome, answer.grade, answer.reasons) == ("refer", "E", ("no_credit_record",))


def test_income_far_above_the_register_is_looked_at_and_counts_with_the_lower_sum() -> None:
    assert grade(monthly_income="15000").grade == "A"
    assert grade(monthly_income="15000.01").reasons == ("income_unclear",)
    assert MICRO.facts(case("micro", monthly_income="15000.01"))["debt_ratio_bp"] == 1500
    assert MICRO.facts(case("micro", monthly_income="5000"))["debt_ratio_bp"] == 3000


def test_no_price_reaches_the_ceiling_of_24_percent() -> None:
    table = DecisionTable.read(MICRO.policies["pricing"])
    rates = [json.loads(table.cell(row, "annual_rate_percent")) for row in range(1, len(table.rows) + 1)]
    assert max(map(Decimal, rates)) < 24


def test_every_reason_has_a_sentence_of_its_own() -> None:
    codes = MICRO.grading["reasons"]
    assert problems_of(MICRO.grading) == []
    assert len({reason_text(code, "zh", MICRO.grading) for code in codes}) == len(codes)


def test_minors_are_refused_at_the_id_number() -> None:
    assert read_form(MICRO, application("micro", id_number=id_number(date(2008, 1, 5))), DAY)
    with pytest.raises(InvalidForm) as refusal:
        read_form(MICRO, application("micro", id_number=id_number(date(2008, 1, 6))), DAY)
    assert "at least 18" in refusal.value.fields["id_number"]


@pytest.mark.parametrize("method", [None, "level_payment", "equal_principal", "interest_only", "bullet"])
def test_the_schedule_of_each_method_repays_the_principal(method: str | None) -> None:
    terms = MICRO.terms(case("micro", method=method, day=date(2026, 1, 31)))
    rows = build_schedule(terms).rows
    assert terms.method == (method or "level_payment")
    assert (len(rows), rows[0].due, rows[1].due) == (12, date(2026, 2, 28), date(2026, 3, 31))
    assert sum(row.principal for row in rows) == 1_200_000
    assert rows[-1].balance == 0
    assert sum(row.interest for row in rows) > 0


def test_a_level_payment_is_the_annuity() -> None:
    # 12,000 at 12 % a year in 12 months: 12000 x 0.01 / (1 - 1.01^-12) = 1066.19.
    assert build_schedule(MICRO.terms(case("micro"))).rows[0].total == 106_619


def test_all_money_goes_to_the_borrowers_own_card() -> None:
    (payee,) = MICRO.payees(case("micro"))
    assert (payee.role, payee.account, payee.amount_fen) == (PartyRole.BORROWER, "6990000000000001", 1_200_000)
